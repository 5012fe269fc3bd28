//! What a catalogue is loaded from, as the command line names it.

use std::path::Path;

use super::bodies::BodyError;
use super::lines::LinesError;
use super::space::SpaceError;
use super::table::TableError;
use crate::pool::PoolError;
use crate::storage::{Location, LocationError, Storage, StorageError};
use crate::tree::WalkError;

/// One `CATALOG` of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A catalog, collection, Item or ItemCollection document, walked through its links.
    Tree(Location),
    /// One Item a line.
    Ndjson(Location),
    /// stac-geoparquet.
    Table(Location),
    /// One Item a line, on standard input; read once.
    StandardInput,
}

/// Why a catalogue cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not a location.
    #[error("'{text}' is no catalogue")]
    Location {
        /// As given.
        text: String,
        /// What is wrong with it.
        source: LocationError,
    },
    /// A form that this version does not read.
    #[error(
        "cannot load {text}: this version reads STAC trees, ItemCollections, .ndjson and stac-geoparquet, not {what}"
    )]
    NotBuilt {
        /// As given.
        text: String,
        /// What it is.
        what: &'static str,
    },
    /// The root of a tree.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// A file of Items.
    #[error("cannot read the Items")]
    Storage(#[from] StorageError),
    /// Reading standard input.
    #[error("cannot read Items from standard input")]
    Io(#[from] std::io::Error),
    /// A file of lines.
    #[error("cannot read {location}: {source}")]
    Lines {
        /// Which.
        location: Location,
        /// What is wrong with it.
        source: LinesError,
    },
    /// A stac-geoparquet file.
    #[error("cannot read {location} as stac-geoparquet")]
    Table {
        /// Which.
        location: Location,
        /// What is wrong with it.
        source: Box<TableError>,
    },
    /// A Catalog or Collection that was read before.
    #[error("{location} cannot be read now, and what it links is not known: {reason}")]
    Unreadable {
        /// Which.
        location: Location,
        /// What is wrong with it.
        reason: String,
    },
    /// Footprints without end.
    #[error("cannot keep where the Items lie")]
    Space(#[from] SpaceError),
    /// Packing documents.
    #[error("cannot pack the Items")]
    Pack(#[from] BodyError),
    /// Nothing to load with.
    #[error(transparent)]
    Threads(#[from] PoolError),
    /// A pipe has no second reading.
    #[error("a catalogue from standard input cannot be loaded again; restart the server instead")]
    StandardInput,
}

impl Source {
    /// Reads one `CATALOG` argument; a folder means the `catalog.json` or `collection.json` in it.
    ///
    /// # Errors
    /// When it is no location, or a form that this version does not read.
    pub fn parse(text: &str) -> Result<Self, LoadError> {
        if text == "-" {
            return Ok(Self::StandardInput);
        }
        if text.starts_with("postgresql://") || text.starts_with("postgres://") {
            return Err(LoadError::NotBuilt {
                text: "postgresql://…".to_owned(), what: "pgstac databases"
            });
        }
        let location =
            Location::parse(text).map_err(|source| LoadError::Location { text: text.to_owned(), source })?;
        match location.file_name().and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension) {
            Some("parquet" | "geoparquet") => Ok(Self::Table(location)),
            Some("ndjson" | "jsonl" | "geojsonl") => Ok(Self::Ndjson(location)),
            _ => Ok(Self::Tree(root_document(location))),
        }
    }

    /// What tells it from other sources.
    pub(super) fn name(&self) -> String {
        self.location().map_or_else(|| "-".to_owned(), Location::to_string)
    }

    /// Where it is read from, or its tree begins.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        match self {
            Self::Tree(location) | Self::Ndjson(location) | Self::Table(location) => Some(location),
            Self::StandardInput => None,
        }
    }

    /// The file on this disk that it is read from, or that its tree begins with.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.location()?.as_path()
    }

    /// Its location as everything else names it: without a signature, which `storage` keeps.
    pub(super) fn adopted(self, storage: &Storage) -> Self {
        match self {
            Self::Tree(location) => Self::Tree(storage.adopt(location)),
            Self::Ndjson(location) => Self::Ndjson(storage.adopt(location)),
            Self::Table(location) => Self::Table(storage.adopt(location)),
            Self::StandardInput => Self::StandardInput,
        }
    }

    /// True when it is read over a network.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.location().is_some_and(|location| location.as_path().is_none())
    }

    pub(super) fn can_reload(&self) -> bool {
        *self != Self::StandardInput
    }

    /// The folder that holds the source.
    pub(super) fn folder(&self) -> Option<Location> {
        Some(self.location()?.parent())
    }
}

/// The document that a folder stands for; in a store, what has no extension is a folder with a `catalog.json`.
fn root_document(location: Location) -> Location {
    if location.as_path().is_none() && location.file_name().is_none_or(|name| !name.contains('.')) {
        return location.child("catalog.json").unwrap_or(location);
    }
    let Some(folder) = location.as_path().filter(|path| path.is_dir()) else { return location };
    let found =
        ["catalog.json", "collection.json"].map(|name| folder.join(name)).into_iter().find(|p| p.exists());
    Location::Local(found.unwrap_or_else(|| folder.join("catalog.json")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        let parse = |text| Source::parse(text).expect("a source");
        assert!(matches!(parse("/a/catalog.json"), Source::Tree(_)));
        assert!(matches!(parse("/a/items.ndjson"), Source::Ndjson(_)));
        assert_eq!(parse("-"), Source::StandardInput);
        assert!(matches!(parse("/a/items.parquet"), Source::Table(_)));
        let error = Source::parse("postgresql://user:secret@h/db").expect_err("not built");
        assert!(!error.to_string().contains("secret"));
    }
}
