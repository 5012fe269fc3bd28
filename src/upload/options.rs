//! What an upload is asked to do.

use super::Filter;
use crate::storage::Location;

/// Files under way at once, unless asked otherwise.
pub const CONCURRENCY: usize = 16;

/// One upload.
#[derive(Debug, Clone)]
pub struct Options {
    /// A folder, or one file.
    pub source: Location,
    /// A folder; the file itself when the source is one file and this ends in `.tif`.
    pub dest: Location,
    /// What becomes of files that are there already.
    pub overwrite: Overwrite,
    /// Which files are sent.
    pub filter: Filter,
    /// Only these relative paths, when given.
    pub only: Option<Vec<String>>,
    /// Files under way at once.
    pub concurrency: usize,
    /// Bytes a second, over all files.
    pub bandwidth: Option<u64>,
    /// Make the bucket or container first.
    pub create: bool,
    /// Afterwards remove what the source does not have.
    pub delete: bool,
    /// Only tell what would be done.
    pub dry_run: bool,
}

impl Options {
    /// Everything from `source` to `dest` that is not there already.
    #[must_use]
    pub fn new(source: Location, dest: Location) -> Self {
        Self {
            source,
            dest,
            overwrite: Overwrite::Changed,
            filter: Filter::default(),
            only: None,
            concurrency: CONCURRENCY,
            bandwidth: None,
            create: false,
            delete: false,
            dry_run: false,
        }
    }
}

/// What becomes of a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// It stays, whatever it holds.
    Never,
    /// It is replaced when its length or its checksum differs.
    Changed,
    /// It is replaced.
    Always,
}
