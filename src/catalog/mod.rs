//! A static tree becomes a catalogue in memory.
//!
//! In: locations of trees, ItemCollections, ndjson and stac-geoparquet. Out: a [`Catalog`], which holds the current
//! [`Snapshot`] and swaps it whole on reload, so that a search never waits for a lock. What could not be loaded is a problem
//! in the [`LoadReport`], with its location; only a root that cannot be read is an error.
//!
//! What flows: `read` makes one stream of what the sources hold; `draft` parses and packs Items on threads of the load, many
//! at once, and keeps what a batch of them has in common once;
//! `merge` puts them together in load order; `builder` sorts them into a `part`. A part is typed columns (`columns`, `ids`,
//! `times`, `spans`), the spatial index (`space`) and packed documents (`bodies`); `stored` is all of that on disk.
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
mod noted;
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
mod stored;
mod table;
mod times;
mod written;

use std::path::Path;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;

use crate::pool::Pool;
use crate::stac::{BodyWriter, tag};
use crate::storage::{Label, LocalCopy, Location, Places, Storage, StorageError};
use crate::tree::{Change, ItemSource, Kind, Mirror, Parent};
use document::served_collection;
use load::Loaded;
use written::Shown;

pub use bodies::{BodyError, ChunkError, DictionaryError, UnpackError};
pub(crate) use bodies::{BodyRef, HotBodies};
pub(crate) use columns::{
    Cell, Column, Extremes, Holding, Kind as ColumnKind, Summary, Test as ColumnTest, Verdict,
};
pub use export::{ExportError, Refused, Stage};
pub use lines::LinesError;
pub use load::LoadReport;
pub(crate) use part::Part;
pub use part::Weight;
pub use parts::PartsError;
pub(crate) use snapshot::View;
pub use snapshot::{Collection, RowId, Snapshot};
pub use sources::{LoadError, Source};
pub use space::SpaceError;
pub(crate) use space::{Hits, Region};
pub use stored::StoredError;
pub use table::TableError;
pub(crate) use table::{SchemaBuilder, TableWriter};
pub(crate) use times::Times;

/// Items whose assets are looked at to see whether they may be read.
pub const ASSETS_LOOKED_AT: u32 = 10_000;

/// Folders outside of the allowed places that are named.
const FOLDERS_NAMED: usize = 8;

/// Items below which a catalogue is not stored: it loads at once.
const FEWEST_STORED: usize = 1_000;

/// Name of a snapshot beside the tree that it is of.
pub const SNAPSHOT_NAME: &str = "cairn.snapshot";

/// How a catalogue came to be.
#[derive(Debug)]
pub struct Start {
    /// The snapshot that it was started from; nothing when it was read from its documents.
    pub from: Option<Location>,
    /// Snapshots that were there and not taken, and why.
    pub refused: Vec<(Location, StoredError)>,
    /// What reading the documents came by.
    pub report: LoadReport,
}

/// Assets that may not be read.
#[derive(Debug, Default)]
pub struct Outside {
    /// Items in the catalogue.
    pub items: usize,
    /// Items that were looked at.
    pub looked_at: usize,
    /// Assets of those that lie outside.
    pub assets: usize,
    /// Folders that hold them all: one on this disk, and one for each store; the first few.
    pub folders: Vec<Location>,
}

/// A loaded catalogue: its snapshot can be replaced while it is read.
#[derive(Debug)]
pub struct Catalog {
    sources: Vec<Source>,
    storage: Storage,
    /// What links may lead to; nothing: anywhere.
    places: Option<Places>,
    pool: Pool,
    shown: Arc<Shown>,
}

/// The folders that sources lie in.
fn folders(sources: &[Source]) -> impl Iterator<Item = Location> + '_ {
    sources.iter().filter_map(Source::folder)
}

/// The sources as everything else names their places.
fn adopted(sources: Vec<Source>, storage: &Storage) -> Vec<Source> {
    sources.into_iter().map(|source| source.adopted(storage)).collect()
}

/// The same, and what may be read: where they lie, and what is allowed besides.
fn allowed(sources: Vec<Source>, storage: &Storage, allow: Vec<Location>) -> (Vec<Source>, Places) {
    let sources = adopted(sources, storage);
    let allow = allow.into_iter().map(|location| storage.adopt(location));
    let places = Places::new(folders(&sources).chain(allow).collect());
    (sources, places)
}

/// Reads a stored catalogue; what a store has is kept in the folder of caches, for the next start.
async fn read_stored(
    location: &Location,
    sources: &[Source],
    storage: &Storage,
    pool: &Pool,
    cache: Option<&Path>,
) -> Result<Option<Loaded>, StoredError> {
    let of = sources.to_vec();
    if let Some(path) = location.as_path().map(Path::to_owned) {
        return pool.run(move || stored::read(&path, &of)).await;
    }
    let copy = match cache {
        Some(folder) => {
            let path = stored::path_in(folder, sources);
            storage.download(location, &path).await.map(|_meta| (path, None))
        }
        None => LocalCopy::of(storage, location).await.map(|copy| (copy.path().to_owned(), Some(copy))),
    };
    match copy {
        Ok((path, copy)) => {
            let at = path.clone();
            let read = pool.run(move || stored::read(&at, &of)).await;
            drop(copy);
            if read.is_err() {
                // It would be in the way of the next start, which looks here first.
                drop(std::fs::remove_file(&path));
            }
            read
        }
        Err(StorageError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Catalog {
    /// Loads all sources as one catalogue, wherever their links lead.
    ///
    /// # Errors
    /// When a root cannot be read.
    pub async fn load(
        sources: Vec<Source>,
        storage: Storage,
        pool: Pool,
    ) -> Result<(Self, LoadReport), LoadError> {
        Self::load_within(adopted(sources, &storage), storage, None, pool).await
    }

    /// As [`Catalog::open`], but from the documents alone.
    ///
    /// # Errors
    /// When a root cannot be read.
    pub async fn read(
        sources: Vec<Source>,
        storage: Storage,
        pool: Pool,
        allow: Vec<Location>,
    ) -> Result<(Self, LoadReport), LoadError> {
        let (sources, places) = allowed(sources, &storage, allow);
        Self::load_within(sources, storage, Some(places), pool).await
    }

    async fn load_within(
        sources: Vec<Source>,
        storage: Storage,
        places: Option<Places>,
        pool: Pool,
    ) -> Result<(Self, LoadReport), LoadError> {
        let before = Loaded::default();
        let (loaded, report) = load::load(&sources, &storage, places.as_ref(), &pool, &before).await?;
        Ok((Self { sources, storage, places, pool, shown: Arc::new(Shown::new(loaded)) }, report))
    }

    /// Starts from the snapshot that `cache` or the folder of the tree holds, when there is one of these sources; else as
    /// [`Catalog::load`], but following links only to where the sources are and what `allow` names. A snapshot may be older
    /// than the documents: [`Catalog::reload`] compares it with them.
    ///
    /// # Errors
    /// When there is no snapshot and a root cannot be read.
    pub async fn open(
        sources: Vec<Source>,
        storage: Storage,
        pool: Pool,
        cache: Option<&Path>,
        allow: Vec<Location>,
    ) -> Result<(Self, Start), LoadError> {
        let (sources, places) = allowed(sources, &storage, allow);
        let places = Some(places);
        let own = cache.map(|folder| stored::path_in(folder, &sources));
        let own = own.and_then(|path| Location::from_path(&path).ok());
        let mut refused = Vec::new();
        for location in own.into_iter().chain(Self::beside(&sources)) {
            if sources.iter().any(|source| !source.can_reload()) {
                break;
            }
            match read_stored(&location, &sources, &storage, &pool, cache).await {
                Ok(Some(loaded)) => {
                    let catalog =
                        Self { sources, storage, places, pool, shown: Arc::new(Shown::new(loaded)) };
                    let start = Start { from: Some(location), refused, report: LoadReport::default() };
                    return Ok((catalog, start));
                }
                Ok(None) => {}
                Err(error) => refused.push((location, error)),
            }
        }
        let (catalog, report) = Self::load_within(sources, storage, places, pool).await?;
        Ok((catalog, Start { from: None, refused, report }))
    }

    /// Where a snapshot beside the tree lies; only for one source, and in a store only for a tree.
    #[must_use]
    pub fn beside(sources: &[Source]) -> Option<Location> {
        let [source] = sources else { return None };
        if source.is_remote() && !matches!(source, Source::Tree(_)) {
            return None;
        }
        source.folder()?.child(SNAPSHOT_NAME).ok()
    }

    /// Writes the snapshot of this moment into a folder of caches, for the next start. Catalogues that load at once are
    /// passed over.
    ///
    /// # Errors
    /// When writing fails; a snapshot that was there stays then.
    pub fn store_in(&self, cache: &Path) -> std::io::Result<bool> {
        let loaded = self.shown.settled();
        // What is written through is taken in by the next reload, and stored then.
        let has_own = loaded.snapshot.views().iter().any(|view| view.part.bodies().has_own());
        if has_own
            || loaded.snapshot.len() < FEWEST_STORED
            || self.sources.iter().any(|source| !source.can_reload())
        {
            return Ok(false);
        }
        stored::write(&loaded, &self.sources, &stored::path_in(cache, &self.sources))?;
        Ok(true)
    }

    /// Writes the snapshot of this moment to a path.
    ///
    /// # Errors
    /// When writing fails; what was there stays then.
    pub fn store_at(&self, path: &Path) -> std::io::Result<()> {
        stored::write(&self.shown.load(), &self.sources, path)
    }

    /// Writes the snapshot of this moment beside the tree, and says where that is; nothing for several sources.
    ///
    /// # Errors
    /// When writing fails; what was there stays then.
    pub async fn store_beside(self: &Arc<Self>) -> Result<Option<Location>, StoredError> {
        let Some(location) = Self::beside(&self.sources) else { return Ok(None) };
        let copy = location.as_path().is_none().then(LocalCopy::empty);
        let path = location.as_path().or(copy.as_ref().map(LocalCopy::path)).map(Path::to_owned);
        let this = Arc::clone(self);
        self.pool.run(move || path.map_or(Ok(()), |path| this.store_at(&path))).await?;
        if let Some(copy) = copy {
            self.storage.upload(copy.path(), &location, &Label::default()).await?;
        }
        Ok(Some(location))
    }

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
            load::load(&self.sources, &self.storage, self.places.as_ref(), &self.pool, &before).await;
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

    /// Looks at the assets of up to [`ASSETS_LOOKED_AT`] Items, evenly spread: how many lie outside of `places`, and the
    /// folders that hold them.
    ///
    /// # Errors
    /// When a packed document is damaged.
    pub fn assets_outside(&self, places: &Places) -> Result<Outside, BodyError> {
        let snapshot = self.snapshot();
        let mut outside = Outside { items: snapshot.len(), ..Outside::default() };
        for (part, view) in (0..).zip(snapshot.views()) {
            let step = (view.part.len() / ASSETS_LOOKED_AT).max(1) as usize;
            for row in (0..view.part.len()).step_by(step) {
                outside.looked_at += 1;
                for (_, href) in snapshot.body(RowId { part, row })?.hrefs() {
                    let Ok(location) = Location::parse(&href) else { continue };
                    if places.allow(&location) {
                        continue;
                    }
                    outside.assets += 1;
                    let holds = location.parent();
                    let common = |(at, known): (usize, &Location)| Some((at, known.common(&holds)?));
                    match outside.folders.iter().enumerate().find_map(common) {
                        Some((at, common)) => outside.folders[at] = common,
                        None if outside.folders.len() < FOLDERS_NAMED => outside.folders.push(holds),
                        None => {}
                    }
                }
            }
        }
        Ok(outside)
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

impl Mirror for Catalog {
    fn locate(&self, collection: &str, id: &str) -> Option<Location> {
        self.shown.locate(collection, id)
    }

    fn item_tag(&self, item: &ItemSource<'_>) -> String {
        let mut writer = BodyWriter::default();
        match parse::parse(item, &mut parse::BandSets::default(), &mut writer) {
            Ok(parsed) => tag(parsed.body.payload()),
            Err(_not_shown) => tag(item.json),
        }
    }

    fn collection_tag(&self, location: &Location, document: &Value) -> String {
        let (location, document) = (location.clone(), document.clone());
        tag(served_collection(&Parent { location, document, kind: Kind::Collection }).to_string().as_bytes())
    }

    fn shows(&self, collection: &str) -> bool {
        self.snapshot().collection(collection).is_some()
    }

    fn committed(&self, changes: Vec<Change>) -> BoxFuture<'_, Vec<String>> {
        let (shown, storage) = (Arc::clone(&self.shown), self.storage.clone());
        self.pool.run(move || shown.take(&storage, &changes)).boxed()
    }
}
