//! A static tree becomes a catalogue in memory.
//!
//! In: locations of trees, ItemCollections, ndjson and stac-geoparquet. Out: a [`Catalog`], which holds the current
//! [`Snapshot`] and swaps it whole on reload, so that a search never waits for a lock. What could not be loaded is a problem
//! in the [`LoadReport`], with its location; only a root that cannot be read is an error.
//!
//! What flows: `read` makes one stream of what the sources hold; `draft` parses and packs Items on threads of the load, many
//! at once, and keeps what a batch of them has in common once;
//! `merge` puts them together in load order; `builder` sorts them into a `part`. A part is typed columns (`columns`, `ids`,
//! `times`, `spans`), the spatial index (`space`) and packed documents (`bodies`); `stored` is all of that on disk, and
//! `storing` knows where that lies.
//!
//! Cost: loading takes some 55 µs of one core for an Item of 15 KB, and a sort of all, O(n log n). A Sentinel-2 Item takes
//! about 950 bytes: 730 its document, packed with the dictionary of its Collection, 140 its columns, 75 its footprint and the
//! trees (where half of all share one with others). A reload reads what changed and makes a part of it; past a twentieth of all it makes
//! one part of everything from the columns that there are. What a question costs stands in [`crate::search`]'s plan; where all
//! Items share one footprint there is one list of rows to it, and a place costs nothing.

mod bodies;
mod builder;
mod codes;
mod columns;
mod document;
mod draft;
mod export;
mod ids;
mod lines;
mod load;
mod marks;
mod merge;
mod mirror;
mod noted;
mod outside;
mod parse;
mod part;
mod parts;
mod read;
mod relocate;
mod seen;
mod snapshot;
mod sources;
mod space;
mod spans;
mod start;
mod stored;
mod storing;
mod table;
mod times;
mod written;

use std::sync::Arc;

use crate::pool::Pool;
use crate::storage::{Location, Places, Storage};
use crate::tree::Sums;
use written::Shown;

pub use bodies::{BodyError, ChunkError, DictionaryError, UnpackError};
pub(crate) use bodies::{BodyRef, HotBodies};
pub(crate) use columns::{
    Cell, Column, Extremes, Holding, Kind as ColumnKind, Summary, Test as ColumnTest, Verdict,
};
pub use export::{ExportError, Refused, Stage};
pub use lines::LinesError;
pub use load::LoadReport;
pub use outside::{ASSETS_LOOKED_AT, Outside};
pub(crate) use part::Part;
pub use part::Weight;
pub use parts::PartsError;
pub(crate) use snapshot::View;
pub use snapshot::{Collection, RowId, Snapshot};
pub use sources::{LoadError, Source};
pub use space::SpaceError;
pub(crate) use space::{Hits, Region};
pub use start::Start;
pub use stored::StoredError;
pub use storing::SNAPSHOT_NAME;
pub use table::TableError;
pub(crate) use table::{SchemaBuilder, TableWriter};
pub(crate) use times::Times;

/// A loaded catalogue: its snapshot can be replaced while it is read.
#[derive(Debug)]
pub struct Catalog {
    sources: Vec<Source>,
    storage: Storage,
    /// What links may lead to; nothing: anywhere.
    places: Option<Places>,
    pool: Pool,
    /// What is noted of documents as they are read.
    sums: Sums,
    shown: Arc<Shown>,
}

/// The folders that sources lie in.
fn folders(sources: &[Source]) -> impl Iterator<Item = Location> + '_ {
    sources.iter().filter_map(Source::folder)
}

impl Catalog {
    /// Reads what has changed and swaps. On an error the old snapshot stays.
    ///
    /// # Errors
    /// When a root cannot be read, or a document that others hang on.
    pub async fn reload(&self) -> Result<LoadReport, LoadError> {
        if self.sources.iter().any(|source| !source.can_reload()) {
            return Err(LoadError::StandardInput);
        }
        let shown = Arc::clone(&self.shown);
        let before = self.pool.run(move || shown.begin()).await;
        let loaded =
            load::load(&self.sources, &self.storage, self.places.as_ref(), &self.pool, &before, self.sums)
                .await;
        let (loaded, report) = match loaded {
            Ok((loaded, report)) => (Some(loaded), Ok(report)),
            Err(error) => (None, Err(error)),
        };
        let (shown, storage) = (Arc::clone(&self.shown), self.storage.clone());
        self.pool.run(move || shown.finish(&storage, loaded)).await;
        report
    }

    /// True when a document that the catalogue was loaded from is another now, or gone, or one that was missing is there.
    pub async fn has_changed(&self) -> bool {
        let shown = Arc::clone(&self.shown);
        let loaded = self.pool.run(move || shown.settled()).await;
        let folders: Vec<Location> = folders(&self.sources).collect();
        loaded.seen.has_changed(&self.storage, &folders).await
    }

    /// The snapshot of this moment.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shown.snapshot()
    }

    /// What may be read: the folders that the catalogue was loaded from, and what was allowed besides.
    #[must_use]
    pub fn places(&self) -> Places {
        let of_sources = || Places::new(folders(&self.sources).collect());
        self.places.clone().unwrap_or_else(of_sources)
    }

    /// The roots of the trees that it was loaded from, in load order: what may be written to.
    #[must_use]
    pub fn trees(&self) -> Vec<Location> {
        let trees = self.sources.iter().filter_map(|source| match source {
            Source::Tree(root) => Some(root.clone()),
            Source::Ndjson(_) | Source::Table(_) | Source::StandardInput => None,
        });
        trees.collect()
    }
}
