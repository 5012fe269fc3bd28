//! What a fetch is given, how it says how far it is, and why it may fail.

use std::io;
use std::path::PathBuf;

use super::command::CommandError;
use super::hand_over::MoveError;
use super::journal::Failure;
use crate::source::api::{ApiError, Per, Query, Signer, Window};
use crate::storage::Location;

/// One fetch.
#[derive(Debug, Clone)]
pub struct Options {
    /// URL of a STAC API.
    pub api: String,
    /// The folder for what comes.
    pub dest: PathBuf,
    /// Which Items.
    pub query: Query,
    /// Of which time; nothing: of all times, in one search.
    pub interval: Option<Window>,
    /// Which assets, by their keys; all when empty.
    pub assets: Vec<String>,
    /// Downloads at once.
    pub jobs: usize,
    /// What `dest` may hold at most, in bytes.
    pub max_disk: Option<u64>,
    /// What signs hrefs.
    pub signer: Option<Signer>,
    /// How the interval is worked through, if period by period.
    pub periods: Option<Periods>,
}

/// Work period by period.
#[derive(Debug, Clone)]
pub struct Periods {
    /// How long each is.
    pub per: Per,
    /// The command that each is given to; `{dir}` stands for the folder of what came, `{out}` for an empty one for results.
    pub then: Option<String>,
    /// Where the results go; nothing: `dest` itself.
    pub move_to: Option<Location>,
}

/// How far a fetch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// So many stretches of time are done, of how many.
    Windows(usize, usize),
    /// A period begins a piece of work.
    Period(&'a str, &'static str),
    /// Another run, or the command that one left behind, is waited for.
    Waiting,
}

/// What came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Items that matched.
    pub items: usize,
    /// Files that came.
    pub new: usize,
    /// Files that were there already.
    pub there: usize,
    /// Periods that an earlier run had done.
    pub done_before: usize,
    /// What did not come, in all periods.
    pub failures: Vec<Failure>,
}

/// Why a fetch ends early. What came is kept, and a run that follows goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The API.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The disk.
    #[error("cannot work with {}", path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Work on something else was begun here.
    #[error(
        "{} holds the state of another fetch (another API, question, --per or --move-to); give another DEST, or remove {} to begin anew",
        dest.display(), folder.display()
    )]
    Other {
        /// The folder.
        dest: PathBuf,
        /// What the state is in.
        folder: PathBuf,
    },
    /// A place that frees nothing.
    #[error("--move-to {to} lies in DEST, where nothing would be freed; give another place")]
    Within {
        /// The place.
        to: Location,
    },
    /// A period is too large, known beforehand.
    #[error(
        "{period} takes {needed} bytes, and --max-disk leaves {left}; nothing of it was downloaded; give more, or --per a shorter period"
    )]
    TooLarge {
        /// Its name.
        period: String,
        /// Bytes that it takes.
        needed: u64,
        /// Bytes that there are.
        left: u64,
    },
    /// A period is too large, as came out.
    #[error("{period} does not fit in --max-disk: {reason}; give more, or --per a shorter period")]
    Full {
        /// Its name.
        period: String,
        /// What did not fit.
        reason: String,
    },
    /// The command.
    #[error("the command for {period} failed; what came is in {}, run cairn fetch again to give it to the command again", dir.display())]
    Command {
        /// The period's name.
        period: String,
        /// What it was given.
        dir: PathBuf,
        /// Why.
        source: CommandError,
    },
    /// The results.
    #[error("the results of {period} are still in {}", dir.display())]
    Move {
        /// The period's name.
        period: String,
        /// Where they are.
        dir: PathBuf,
        /// Why.
        source: MoveError,
    },
    /// The user wants to stop.
    #[error("interrupted; run the command again, it goes on from there")]
    Interrupted,
}

impl FetchError {
    /// As an error of the disk.
    pub(super) fn disk(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::Disk { path, source }
    }
}
