//! What a build is given, how it says how far it is, and why it may fail.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::definition::{Definition, DefinitionError};
use super::hierarchy::SameFolder;
use crate::pool::PoolError;
use crate::tree::{Layout, Linking, PublishError, StageError};

/// What to build from what.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub struct Options {
    /// The folder with the rasters.
    pub source: PathBuf,
    /// Where the tree goes.
    pub dest: PathBuf,
    /// What overrides the ordinary rules.
    pub definition: Definition,
    /// The time of rasters that do not tell theirs, where the definition names none.
    pub datetime: Option<DateTime<Utc>>,
    /// How links are written.
    pub linking: Linking,
    /// Where Items lie; else as the definition says.
    pub layout: Option<Layout>,
    /// True when each folder that holds rasters is a Collection below the folders above it; also when the definition says so.
    pub nested: bool,
    /// True when bands get statistics of their pixels.
    pub statistics: bool,
    /// True when bands get histograms, and statistics.
    pub histograms: bool,
    /// True when Items get a thumbnail.
    pub thumbnails: bool,
    /// The name of a table of all Items in the tree's folder, which Collections are to name; the caller writes it.
    pub table: Option<String>,
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
    /// Two folders of one Collection.
    #[error(transparent)]
    SameFolder(#[from] SameFolder),
    /// The definition's layout.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// The tree cannot be written.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// A file of the tree cannot be written.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// What was described cannot be kept until the tree is written.
    #[error("cannot write beside the tree; check that the disk has room")]
    Scratch(#[from] std::io::Error),
    /// No threads.
    #[error(transparent)]
    Threads(#[from] PoolError),
}
