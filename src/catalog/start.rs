//! How a catalogue comes to be: from its documents, or from a snapshot of them.

use std::path::Path;
use std::sync::Arc;

use super::load::{LoadReport, Loaded, load};
use super::sources::{LoadError, Source};
use super::stored::{StoredError, path_in};
use super::storing::read_stored;
use super::written::Shown;
use super::{Catalog, folders};
use crate::pool::Pool;
use crate::storage::{Location, Places, Storage};
use crate::tree::Sums;

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
        Self::load_within(adopted(sources, &storage), storage, None, pool, Sums::Omitted).await
    }

    /// As [`Catalog::load`], for a snapshot beside the tree: the MD5 of its documents is noted too, which tells a copy of the
    /// tree what of it is another.
    ///
    /// # Errors
    /// When a root cannot be read.
    pub async fn load_to_store(
        sources: Vec<Source>,
        storage: Storage,
        pool: Pool,
    ) -> Result<(Self, LoadReport), LoadError> {
        Self::load_within(adopted(sources, &storage), storage, None, pool, Sums::Md5).await
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
        Self::load_within(sources, storage, Some(places), pool, Sums::Omitted).await
    }

    async fn load_within(
        sources: Vec<Source>,
        storage: Storage,
        places: Option<Places>,
        pool: Pool,
        sums: Sums,
    ) -> Result<(Self, LoadReport), LoadError> {
        let before = Loaded::default();
        let (loaded, report) = load(&sources, &storage, places.as_ref(), &pool, &before, sums).await?;
        Ok((Self { sources, storage, places, pool, sums, shown: Arc::new(Shown::new(loaded)) }, report))
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
        let own = cache.map(|folder| path_in(folder, &sources));
        let own = own.and_then(|path| Location::from_path(&path).ok());
        let mut refused = Vec::new();
        for location in own.into_iter().chain(Self::beside(&sources)) {
            if sources.iter().any(|source| !source.can_reload()) {
                break;
            }
            match read_stored(&location, &sources, &storage, &pool, cache).await {
                Ok(Some(loaded)) => {
                    let (sums, shown) = (Sums::Omitted, Arc::new(Shown::new(loaded)));
                    let catalog = Self { sources, storage, places, pool, sums, shown };
                    let start = Start { from: Some(location), refused, report: LoadReport::default() };
                    return Ok((catalog, start));
                }
                Ok(None) => {}
                Err(error) => refused.push((location, error)),
            }
        }
        let (catalog, report) = Self::load_within(sources, storage, places, pool, Sums::Omitted).await?;
        Ok((catalog, Start { from: None, refused, report }))
    }
}
