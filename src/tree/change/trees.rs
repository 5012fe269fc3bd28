//! The trees that may be written to, and where their Collections are.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};

use super::ChangeError;
use super::link_document::{LinkDocument, is_shelf};
use super::place::Tree;
use crate::storage::{Location, Storage};

/// Documents read at once.
const READ_AT_ONCE: usize = 32;

/// How long a root's document is believed to say how its tree is linked.
const ROOT_FRESH: Duration = Duration::from_secs(5);

/// Catalogs between the root and a Collection, at most.
const MAX_DEPTH: usize = 64;

/// Where a Collection is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Its tree, by number.
    tree: usize,
    /// Its document.
    pub(super) at: Location,
    /// The document that links it; nothing for a root.
    pub(super) parent: Option<Location>,
}

/// The trees below some roots.
#[derive(Debug)]
pub(super) struct Trees {
    storage: Storage,
    roots: Vec<Location>,
    /// By number: a tree as its root told it, and when.
    told: Mutex<HashMap<usize, (Arc<Tree>, Instant)>>,
    places: Mutex<HashMap<String, Place>>,
}

impl Trees {
    pub(super) fn new(storage: Storage, roots: Vec<Location>) -> Self {
        Self { storage, roots, told: Mutex::default(), places: Mutex::default() }
    }

    /// All trees that can be read now.
    pub(super) async fn all(&self) -> Vec<Arc<Tree>> {
        let mut all = Vec::new();
        for number in 0..self.roots.len() {
            all.extend(self.tree(number).await.ok());
        }
        all
    }

    /// The tree that new Collections go to.
    pub(super) async fn first(&self) -> Result<Arc<Tree>, ChangeError> {
        let no_tree = |reason: &str| ChangeError::NotWritable {
            what: "the catalogue".to_owned(),
            reason: reason.to_owned(),
        };
        let mut last = no_tree(
            "none of what is served is a static tree: `cairn build` makes one of rasters, and `cairn serve` is given its \
             catalog.json",
        );
        for number in 0..self.roots.len() {
            match self.tree(number).await {
                Ok(tree) if tree.is_catalog => return Ok(tree),
                Ok(_) => {
                    last = no_tree(
                        "the root of the tree is a Collection, which no other can be added to; serve a catalog.json that \
                         links it",
                    );
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn tree(&self, number: usize) -> Result<Arc<Tree>, ChangeError> {
        let known = self.told.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
        if let Some((tree, _)) = known.filter(|(_, since)| since.elapsed() < ROOT_FRESH) {
            return Ok(tree);
        }
        let Some(root) = self.roots.get(number) else {
            return Err(ChangeError::Damaged {
                what: "the catalogue".to_owned(),
                reason: "no such tree".to_owned(),
            });
        };
        let gone = || ChangeError::Damaged { what: root.to_string(), reason: "it is not there".to_owned() };
        let document = LinkDocument::read(&self.storage, root).await?.ok_or_else(gone)?;
        let tree = Arc::new(Tree::new(&document, &self.storage));
        let mut read = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(number, (Arc::clone(&tree), Instant::now()));
        Ok(tree)
    }

    /// The tree of a Collection, and its document.
    pub(super) async fn find(&self, collection: &str) -> Result<(Arc<Tree>, Location), ChangeError> {
        let place = self.place(collection).await?;
        Ok((self.tree(place.tree).await?, place.at))
    }

    /// Where a Collection is.
    pub(super) async fn place(&self, collection: &str) -> Result<Place, ChangeError> {
        let known = self.places.lock().unwrap_or_else(PoisonError::into_inner).get(collection).cloned();
        if let Some(place) = known {
            return Ok(place);
        }
        let mut failed = None;
        for number in 0..self.roots.len() {
            match self.search(number, collection).await {
                Ok(Some(place)) => {
                    let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
                    places.insert(collection.to_owned(), place.clone());
                    return Ok(place);
                }
                Ok(None) => {}
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or_else(|| ChangeError::NoCollection { collection: collection.to_owned() }))
    }

    /// Makes the next look search for it again.
    pub(super) fn forget(&self, collection: &str) {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).remove(collection);
    }

    /// Looks through Catalogs and Collections, those between a Collection and its Items last.
    async fn search(&self, number: usize, collection: &str) -> Result<Option<Place>, ChangeError> {
        let tree = self.tree(number).await?;
        let mut level = vec![(tree.root.clone(), None)];
        let mut later = Vec::new();
        let mut seen = HashSet::from([tree.root.clone()]);
        for _ in 0..MAX_DEPTH {
            if level.is_empty() {
                level = std::mem::take(&mut later);
            }
            if level.is_empty() {
                break;
            }
            let reads: Vec<_> = level.into_iter().map(|(at, parent)| self.read(at, parent)).collect();
            let read: Vec<_> = stream::iter(reads).buffered(READ_AT_ONCE).collect().await;
            level = Vec::new();
            for (document, parent) in read {
                // Others say what is wrong with a document that is not wanted.
                let Ok(Some(document)) = document else { continue };
                if document.is_collection() && document.id() == Some(collection) {
                    return Ok(Some(Place { tree: number, at: document.location, parent }));
                }
                for child in tree.targets(&document, "child") {
                    if !child.is_below(&tree.folder) || !seen.insert(child.clone()) {
                        continue;
                    }
                    let next = (child, Some(document.location.clone()));
                    if document.is_collection() && is_shelf(&next.0) {
                        later.push(next);
                    } else {
                        level.push(next);
                    }
                }
            }
        }
        Ok(None)
    }

    async fn read(
        &self,
        at: Location,
        parent: Option<Location>,
    ) -> (Result<Option<LinkDocument>, ChangeError>, Option<Location>) {
        (LinkDocument::read(&self.storage, &at).await, parent)
    }

    /// Removes a document that nothing links any more, and its folder where that is empty; what stays is swept later.
    pub(super) async fn remove_document(&self, at: &Location) {
        if let Err(error) = self.storage.delete(at).await {
            tracing::warn!("{at} is no longer part of the catalogue, but stays: {error}");
        }
        if let Some(folder) = at.as_path().and_then(Path::parent).map(Path::to_owned) {
            // It may hold rasters.
            drop(tokio::task::spawn_blocking(move || std::fs::remove_dir(folder)).await);
        }
    }
}
