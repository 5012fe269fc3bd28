//! What a build did, and what it could not do.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use crate::storage::in_one_line;

/// The outcome of a build that wrote a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The root of the tree.
    pub catalog: PathBuf,
    /// Collections with their number of Items, by id.
    pub collections: Vec<(String, usize)>,
    /// Items in all.
    pub items: usize,
    /// Assets in all.
    pub assets: usize,
    /// Documents in the tree.
    pub documents: usize,
    /// Files of the tree whose bytes are new or changed.
    pub changed: usize,
    /// Files of the last build that are gone.
    pub dropped: usize,
    /// Rasters that were read; the others were known from the last build.
    pub read: usize,
    /// Files that are missing from the tree: the command is to end with 1.
    pub problems: Vec<Problem>,
    /// What is in the tree but may be wrong.
    pub warnings: Vec<String>,
    /// Folders that hold rasters and do not lie in the tree's own: what `serve` needs as `--allow`.
    pub outside: Vec<PathBuf>,
}

/// Files that could not be catalogued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The files.
    pub files: Vec<PathBuf>,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl Problem {
    /// A problem of one file, with all that led to it.
    pub(super) fn of(file: impl Into<PathBuf>, error: &dyn Error) -> Self {
        Self { files: vec![file.into()], reason: in_one_line(error) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        write!(f, "{}: {}", files.join(", "), self.reason)
    }
}

impl Report {
    /// True when every file found its place.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.problems.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot do it")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn a_problem_names_files_and_all_causes() {
        let problem = Problem::of("/x.tif", &Outer(std::io::Error::other("no disk")));
        assert_eq!(problem.to_string(), "/x.tif: cannot do it: no disk");
    }
}
