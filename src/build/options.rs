//! What a build is given, how it says how far it is, and why it may fail.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::definition::Definition;
use crate::tree::PublishError;

/// What to build from what.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The folder with the rasters.
    pub source: PathBuf,
    /// Where the tree goes.
    pub dest: PathBuf,
    /// What overrides the ordinary rules.
    pub definition: Definition,
    /// The time of rasters that do not tell theirs, where the definition names none.
    pub datetime: Option<DateTime<Utc>>,
}

/// How far a build is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Headers read so far, of how many rasters.
    Reading {
        /// Rasters done.
        done: usize,
        /// Rasters found.
        total: usize,
    },
    /// The tree is being written.
    Writing {
        /// Items to write.
        items: usize,
    },
}

/// Why no tree was written.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The source is no folder.
    #[error("{} is no folder that can be read; name the folder that holds the rasters", path.display())]
    Source {
        /// As given.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The source is a file.
    #[error("{} is a file; name the folder that holds it", path.display())]
    SourceIsFile {
        /// As given.
        path: PathBuf,
    },
    /// Nothing to catalogue.
    #[error("there is no raster (.tif, .tiff) and no STAC Item below {}", path.display())]
    Empty {
        /// The source.
        path: PathBuf,
    },
    /// The tree cannot be written.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The program is shutting down.
    #[error("the build was interrupted")]
    Interrupted,
}
