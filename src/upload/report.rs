//! What became of an upload.

use std::fmt;

use crate::storage::in_one_line;

/// Counts and failures of one upload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Files of the source that were asked for.
    pub files: usize,
    /// Files sent; in a dry run, those that would be.
    pub sent: usize,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Files that were there already with the same content.
    pub same: usize,
    /// Files that were there and were left as they are, whatever they hold.
    pub kept: usize,
    /// Objects removed; in a dry run, those that would be.
    pub deleted: usize,
    /// What would be done, in a dry run: `send PATH` and `delete PATH`.
    pub plan: Vec<String>,
    /// What could not be sent or removed.
    pub failures: Vec<Failure>,
    /// Files that were not tried, because something that has to be there before them could not be sent.
    pub held_back: Vec<String>,
}

/// A file that could not be sent or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its path relative to the source.
    pub relative: String,
    /// The error and its causes.
    pub reason: String,
}

impl Report {
    /// True when the destination holds what it was to hold.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failures.is_empty() && self.held_back.is_empty()
    }

    /// Paths of the files that are still to be sent, each once.
    #[must_use]
    pub fn unfinished(&self) -> Vec<String> {
        let failed = self.failures.iter().map(|failure| &failure.relative);
        let mut paths: Vec<String> = failed.chain(&self.held_back).cloned().collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }
}

impl Failure {
    pub(super) fn new(relative: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        Self { relative: relative.to_owned(), reason: in_one_line(error) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.relative, self.reason)
    }
}
