//! The states of the documents that a catalogue was loaded from, to notice changes and to read again only what changed.

use std::collections::HashMap;

use futures::{StreamExt, TryStreamExt, stream};

use crate::storage::{Location, Meta, Storage};
use crate::tree::Document;

/// Documents looked at at once.
const LOOK_AT_ONCE: usize = 16;

/// Documents below which each is asked for, and no listing.
const FEWEST_LISTED: usize = 16;

/// Every document that was looked for, numbered in the order in which they were first seen.
#[derive(Debug, Default, Clone)]
pub(super) struct Seen {
    documents: Vec<Remembered>,
    index: HashMap<Location, u32>,
}

/// What is remembered of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remembered {
    /// Where it is.
    pub(super) location: Location,
    /// Its `ETag` and what it was found under; empty when the next look must read it; nothing when it was not there.
    pub(super) state: Option<String>,
    /// MD5 of its bytes as they were read.
    pub(super) md5: Option<[u8; 16]>,
    /// True for a Catalog or Collection: what it links is found by reading it.
    pub(super) is_parent: bool,
    /// False once nothing links it any more.
    pub(super) is_watched: bool,
}

impl Seen {
    /// The state of a file of Items that nothing links.
    pub(super) fn state_of_file(meta: &Meta) -> String {
        crate::tree::state_text(meta, "items")
    }

    /// The number of a document and its new state.
    pub(super) fn note(&mut self, document: &Document) -> u32 {
        let fresh = Remembered {
            location: document.location.clone(),
            state: document.state.clone(),
            // What was not read is what it was.
            md5: document.md5.or_else(|| self.get(&document.location)?.md5),
            is_parent: false,
            is_watched: true,
        };
        self.remember(fresh)
    }

    /// Marks a document as a Catalog or Collection.
    pub(super) fn note_parent(&mut self, number: u32) {
        if let Some(document) = self.documents.get_mut(number as usize) {
            document.is_parent = true;
        }
    }

    /// Makes the next look read the document whatever its state.
    pub(super) fn distrust(&mut self, number: u32) {
        let Some(document) = self.documents.get_mut(number as usize) else { return };
        document.md5 = None;
        if let Some(state) = &mut document.state {
            state.clear();
        }
    }

    /// Stops watching all documents but those for which `is_met` holds.
    pub(super) fn forget_unless(&mut self, is_met: impl Fn(u32) -> bool) {
        for (number, document) in (0..).zip(&mut self.documents) {
            document.is_watched &= is_met(number);
        }
    }

    /// What is remembered of a document.
    pub(super) fn get(&self, location: &Location) -> Option<&Remembered> {
        self.documents.get(*self.index.get(location)? as usize)
    }

    /// The document of that number.
    pub(super) fn at(&self, number: u32) -> Option<&Remembered> {
        self.documents.get(number as usize)
    }

    /// The number of a document.
    pub(super) fn number(&self, location: &Location) -> Option<u32> {
        self.index.get(location).copied()
    }

    /// What is remembered of a document from now on.
    pub(super) fn remember(&mut self, document: Remembered) -> u32 {
        let next = u32::try_from(self.documents.len()).unwrap_or(u32::MAX);
        let number = *self.index.entry(document.location.clone()).or_insert(next);
        match self.documents.get_mut(number as usize) {
            Some(known) => *known = document,
            None => self.documents.push(document),
        }
        number
    }

    /// All of them, by number.
    pub(super) fn documents(&self) -> &[Remembered] {
        &self.documents
    }

    /// As read from a snapshot on disk.
    pub(super) fn from_documents(documents: Vec<Remembered>) -> Self {
        let index = (0..).zip(&documents).map(|(number, d)| (d.location.clone(), number)).collect();
        Self { documents, index }
    }

    /// The state of a document that held nothing but Items.
    pub(super) fn items_state(&self, location: &Location) -> Option<String> {
        self.get(location).filter(|d| !d.is_parent).and_then(|d| d.state.clone()).filter(|s| !s.is_empty())
    }

    /// True when one of the documents is in another state now. Where a store lists what lies in the `folders` of the
    /// sources, that takes a request for a thousand objects; elsewhere one for each document.
    pub(super) async fn has_changed(&self, storage: &Storage, folders: &[Location]) -> bool {
        let mut listed = Vec::new();
        for folder in folders {
            let Some(listing) = self.listing(storage, folder).await else { continue };
            let below = |d: &&Remembered| d.is_watched && d.location.is_below(folder);
            let differs = |d: &Remembered| match (listing.get(&d.location), &d.state) {
                (Some(meta), Some(state)) => !crate::tree::is_in_state(meta, state),
                (None, None) => false,
                _ => true,
            };
            if self.documents.iter().filter(below).any(differs) {
                return true;
            }
            listed.push(folder);
        }
        let is_asked =
            |d: &&Remembered| d.is_watched && !listed.iter().any(|folder| d.location.is_below(folder));
        let asked: Vec<Remembered> = self.documents.iter().filter(is_asked).cloned().collect();
        let differs = |document: Remembered| async move {
            match (storage.meta(&document.location).await, &document.state) {
                (Ok(meta), Some(state)) => !crate::tree::is_in_state(&meta, state),
                (Err(_), None) => false,
                // That a store cannot be asked now says nothing of the document.
                (Err(error), Some(state)) => state.is_empty() || !error.is_passing(),
                (Ok(_), None) => true,
            }
        };
        let mut differing = stream::iter(asked).map(differs).buffer_unordered(LOOK_AT_ONCE);
        while let Some(differs) = differing.next().await {
            if differs {
                return true;
            }
        }
        false
    }

    /// What a store lists of the documents below a folder; nothing where asking for each of them is as cheap, and where the
    /// store tells no list.
    pub(super) async fn listing(
        &self,
        storage: &Storage,
        folder: &Location,
    ) -> Option<HashMap<Location, Meta>> {
        let below = |d: &&Remembered| d.is_watched && d.location.is_below(folder);
        if !storage.lists_cheaply(folder) || self.documents.iter().filter(below).count() < FEWEST_LISTED {
            return None;
        }
        let known = storage
            .list(folder)
            .try_filter(|entry| std::future::ready(self.index.contains_key(&entry.location)));
        match known.map_ok(|entry| (entry.location, entry.meta)).try_collect().await {
            Ok(listing) => Some(listing),
            // Whoever may read need not be allowed to list.
            Err(error) => {
                tracing::debug!("the documents are asked for one by one: {error}");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn changes_removals_and_arrivals_are_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| Location::Local(folder.path().join(name));
        let old = std::fs::File::create(folder.path().join("there")).expect("a file");
        let storage = Storage::default();
        let look = async || {
            let mut seen = Seen::default();
            for name in ["there", "missing"] {
                let state = storage.meta(&at(name)).await.ok().map(|meta| Seen::state_of_file(&meta));
                seen.note(&Document { location: at(name), state, md5: None, is_same: false });
            }
            seen
        };
        assert!(look().await.has_changed(&storage, &[]).await, "too young to tell a later change");
        let long_ago = std::time::SystemTime::now() - std::time::Duration::from_mins(1);
        old.set_modified(long_ago).expect("a time");
        let seen = look().await;
        assert!(!seen.has_changed(&storage, &[]).await);
        std::fs::write(folder.path().join("missing"), "1").expect("write");
        assert!(seen.has_changed(&storage, &[]).await);
        std::fs::remove_file(folder.path().join("missing")).expect("remove");
        std::fs::write(folder.path().join("there"), "22").expect("write");
        assert!(seen.has_changed(&storage, &[]).await);
    }
}
