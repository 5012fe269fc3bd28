//! A static tree becomes a catalogue in memory.
//!
//! In: locations of trees, ItemCollections and ndjson. Out: a [`Catalog`], which holds the current [`Snapshot`] and swaps
//! it whole on reload, so that a search never waits for a lock. What could not be loaded is a problem in the
//! [`LoadReport`], with its location; only a root that cannot be read is an error.

mod footprint;
mod load;
mod parse;
mod seen;
mod snapshot;
mod sources;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use chrono::Utc;

use crate::pool::Pool;
use crate::storage::{Location, Places, Storage};
use seen::Seen;

pub use load::LoadReport;
pub use snapshot::{Collection, Snapshot};
pub use sources::{LoadError, Source};

/// A loaded catalogue: its snapshot can be replaced while it is read.
#[derive(Debug)]
pub struct Catalog {
    sources: Vec<Source>,
    storage: Storage,
    pool: Pool,
    current: ArcSwap<Snapshot>,
    seen: ArcSwap<Seen>,
}

impl Catalog {
    /// Loads all sources as one catalogue.
    ///
    /// # Errors
    /// When a root cannot be read.
    pub async fn load(
        sources: Vec<Source>,
        storage: Storage,
        pool: Pool,
    ) -> Result<(Self, LoadReport), LoadError> {
        let since = Utc::now();
        let (snapshot, report) = load::load(&sources, &storage, &pool).await?;
        let current = ArcSwap::from_pointee(snapshot);
        let seen = ArcSwap::from_pointee(Seen::look(&storage, &report.documents, since).await);
        Ok((Self { sources, storage, pool, current, seen }, report))
    }

    /// Loads again and swaps. On an error the old snapshot stays.
    ///
    /// # Errors
    /// When a root cannot be read.
    pub async fn reload(&self) -> Result<LoadReport, LoadError> {
        let sources: Vec<Source> = self.sources.iter().filter(|s| s.can_reload()).cloned().collect();
        if sources.len() < self.sources.len() {
            return Err(LoadError::StandardInput);
        }
        let since = Utc::now();
        let (snapshot, report) = load::load(&sources, &self.storage, &self.pool).await?;
        self.current.store(Arc::new(snapshot));
        self.seen.store(Arc::new(Seen::look(&self.storage, &report.documents, since).await));
        Ok(report)
    }

    /// True when a document that the catalogue was loaded from is another now, or gone, or one that was missing is there.
    pub async fn has_changed(&self) -> bool {
        self.seen.load_full().has_changed(&self.storage).await
    }

    /// How many assets lie outside of `places`, and the one folder on this disk that holds all those that lie on it.
    #[must_use]
    pub fn assets_outside(&self, places: &Places) -> (usize, Option<Location>) {
        let snapshot = self.snapshot();
        let mut count = 0;
        let mut folder: Option<PathBuf> = None;
        for row in 0..u32::try_from(snapshot.len()).unwrap_or(u32::MAX) {
            for (_, href) in snapshot.body(row).hrefs() {
                let Ok(location) = Location::parse(&href) else { continue };
                if places.allow(&location) {
                    continue;
                }
                count += 1;
                if let Some(holds) = location.as_path().and_then(Path::parent) {
                    let common = match folder.take() {
                        Some(known) => {
                            known.ancestors().find(|a| holds.starts_with(a)).unwrap_or(&known).to_owned()
                        }
                        None => holds.to_owned(),
                    };
                    folder = Some(common);
                }
            }
        }
        (count, folder.map(Location::Local))
    }

    /// The snapshot of this moment.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// The folders that the catalogue was loaded from: assets below them may be read.
    #[must_use]
    pub fn folders(&self) -> Vec<Location> {
        self.sources.iter().filter_map(Source::folder).collect()
    }
}
