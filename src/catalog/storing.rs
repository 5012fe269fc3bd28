//! Where the snapshots of a catalogue lie: in a folder of caches, or beside its tree.

use std::path::Path;
use std::sync::Arc;

use super::Catalog;
use super::load::Loaded;
use super::sources::Source;
use super::stored::{StoredError, path_in, read, write};
use crate::pool::Pool;
use crate::storage::{Label, LocalCopy, Location, Storage, StorageError};

/// Items below which a catalogue is not stored: it loads at once.
const FEWEST_STORED: usize = 1_000;

/// Name of a snapshot beside the tree that it is of.
pub const SNAPSHOT_NAME: &str = "cairn.snapshot";

/// Reads a stored catalogue; what a store has is kept in the folder of caches, for the next start.
pub(super) async fn read_stored(
    location: &Location,
    sources: &[Source],
    storage: &Storage,
    pool: &Pool,
    cache: Option<&Path>,
) -> Result<Option<Loaded>, StoredError> {
    let of = sources.to_vec();
    if let Some(path) = location.as_path().map(Path::to_owned) {
        return pool.run(move || read(&path, &of)).await;
    }
    let copy = match cache {
        Some(folder) => {
            let path = path_in(folder, sources);
            storage.download(location, &path).await.map(|_meta| (path, None))
        }
        None => LocalCopy::of(storage, location).await.map(|copy| (copy.path().to_owned(), Some(copy))),
    };
    match copy {
        Ok((path, copy)) => {
            let at = path.clone();
            let loaded = pool.run(move || read(&at, &of)).await;
            drop(copy);
            if loaded.is_err() {
                // It would be in the way of the next start, which looks here first.
                drop(std::fs::remove_file(&path));
            }
            loaded
        }
        Err(StorageError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Catalog {
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
        write(&loaded, &self.sources, &path_in(cache, &self.sources))?;
        Ok(true)
    }

    /// Writes the snapshot of this moment to a path.
    ///
    /// # Errors
    /// When writing fails; what was there stays then.
    pub fn store_at(&self, path: &Path) -> std::io::Result<()> {
        write(&self.shown.load(), &self.sources, path)
    }

    /// Writes the snapshot of this moment beside the tree, and says where that is; nothing for several sources. Where the
    /// catalogue was not [loaded for that](Catalog::load_to_store), who starts from a copy of it reads all documents again.
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
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Writes a tree of a Catalog with one Item, and says where its root lies.
    fn tree(folder: &Path) -> Location {
        let root = json!({
            "type": "Catalog", "stac_version": "1.1.0", "id": "root", "description": "d",
            "links": [{"rel": "item", "href": "./i.json"}],
        });
        let item = json!({
            "type": "Feature", "stac_version": "1.1.0", "id": "i", "geometry": null, "links": [], "assets": {},
            "properties": {"datetime": "2024-01-05T00:00:00Z"},
        });
        let write = |name: &str, document: &Value| std::fs::write(folder.join(name), document.to_string());
        write("catalog.json", &root).and_then(|()| write("i.json", &item)).expect("a tree");
        Location::Local(folder.join("catalog.json"))
    }

    #[tokio::test]
    async fn a_snapshot_for_copies_of_the_tree_holds_the_sum_of_every_document_and_others_hold_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let sources = vec![Source::Tree(tree(folder.path()))];
        let (storage, pool) = (Storage::default(), Pool::new().expect("threads"));
        let sums = async |catalog: Catalog| {
            let at = Arc::new(catalog).store_beside().await.expect("a snapshot").expect("a place");
            let loaded = read(at.as_path().expect("a path"), &sources).expect("a snapshot").expect("a file");
            loaded.seen.documents().iter().map(|document| document.md5).collect::<Vec<_>>()
        };
        let load = Catalog::load_to_store(sources.clone(), storage.clone(), pool.clone());
        let noted = sums(load.await.expect("a catalogue").0).await;
        assert!(noted.len() == 2 && noted.iter().all(Option::is_some), "{noted:?}");
        let load = Catalog::load(sources.clone(), storage, pool);
        assert_eq!(sums(load.await.expect("a catalogue").0).await, [None, None]);
    }
}
