//! What a command says while it works: a bar on a terminal, plain lines elsewhere, all on standard error.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often plain lines report.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// Progress of one piece of long work.
#[derive(Debug)]
pub(super) enum Progress {
    Quiet,
    Bar(ProgressBar),
    Lines { what: &'static str, last: Mutex<Instant> },
}

impl Progress {
    /// Progress of `what`, silenced by `--quiet`.
    pub(super) fn new(what: &'static str, quiet: bool) -> Self {
        if quiet {
            return Self::Quiet;
        }
        if !std::io::stderr().is_terminal() {
            return Self::Lines { what, last: Mutex::new(Instant::now()) };
        }
        let bar = ProgressBar::new(0);
        let style = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len} {per_sec}, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.set_message(what);
        Self::Bar(bar)
    }

    /// `done` of `total` is done.
    pub(super) fn at(&self, done: usize, total: usize) {
        match self {
            Self::Quiet => {}
            Self::Bar(bar) => {
                bar.set_length(total as u64);
                bar.set_position(done as u64);
            }
            Self::Lines { what, last } => {
                let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if done == total || last.elapsed() >= LINE_EVERY {
                    *last = Instant::now();
                    say(&format!("{what} {done}/{total}"));
                }
            }
        }
    }

    /// One line about what is going on now.
    pub(super) fn note(&self, line: &str) {
        match self {
            Self::Quiet => {}
            Self::Bar(bar) => bar.println(line),
            Self::Lines { .. } => say(line),
        }
    }

    /// The work is over.
    pub(super) fn finish(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// One line for people.
#[expect(clippy::print_stderr, reason = "the one place that talks to the terminal")]
pub(super) fn say(line: &str) {
    eprintln!("{line}");
}

/// The one line that a failed command ends with: the error and its causes.
pub(super) fn error(error: &anyhow::Error) {
    say(&format!("cairn: {error:#}"));
}
