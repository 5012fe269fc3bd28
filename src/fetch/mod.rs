//! A search on another STAC API → files here, or, period by period, at another place.
//!
//! In: [`Options`], which name an API, what is wanted of it and a folder. Out: each Item that matches as a document in
//! `{collection}/{id}/`, its assets beside it; a [`Report`]; and `failed.ndjson`, which names what did not come.
//!
//! The way ([`run`]): days of an interval are searched one after the other, since no server's limit is below what a day
//! holds; [`item`] says which files an Item has, [`files`] brings some of them at once. With periods, each has a folder of its
//! own in `.fetch/`: it is fetched, given to a [`command`], [handed over](hand_over) and removed, and the [`journal`] tells a run
//! that follows how far that was. A lock on the folder keeps two runs apart, and a run from the command that one before it left behind.

mod command;
mod files;
mod hand_over;
mod item;
mod journal;
mod options;
mod period;
mod run;

pub use command::CommandError;
pub use hand_over::MoveError;
pub use journal::Failure;
pub use options::{FetchError, Options, Periods, Progress, Report};
pub use run::{FAILED, MOVED, run};
