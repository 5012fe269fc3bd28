//! What writers that died left behind: intents are carried out, and what nothing links goes once it is old.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use chrono::Utc;
use futures::TryStreamExt;
use serde_json::Value;

use super::ask::Ask;
use super::intent::{FOLDER, Intent};
use super::link_document::LinkDocument;
use super::place::Tree;
use super::{ChangeError, Writer};
use crate::storage::{Entry, Location};
use crate::tree::links::links_of;

/// When leftovers are looked for first: whoever starts has better things to do.
const FIRST_SWEEP: Duration = Duration::from_mins(5);

/// How often they are.
const SWEPT_EVERY: Duration = Duration::from_hours(24);

/// How often intents of servers that died are looked for.
const RECOVERED_EVERY: Duration = Duration::from_mins(2);

/// The age from which nobody can be about to link a document.
const OLD: Duration = Duration::from_hours(1);

/// Deepest catalogs that are looked through.
const MAX_DOCUMENTS: usize = 1_000_000;

impl Writer {
    /// Carries out the intents that are there, and says how many those were; what fails is logged, and tried again by
    /// [`Writer::keep`].
    pub async fn recover(&self) -> usize {
        let mut done = 0;
        for tree in self.trees().all().await {
            let Ok(folder) = tree.folder.child(FOLDER) else { continue };
            let found: Vec<Entry> = match self.storage().list(&folder).try_collect().await {
                Ok(found) => found,
                Err(error) => {
                    tracing::warn!("cannot look for unfinished writes in {folder}: {error}");
                    continue;
                }
            };
            for Entry { location, .. } in found {
                match self.carry_out(&tree, location.clone()).await {
                    Ok(()) => done += 1,
                    Err(error) => tracing::warn!("the unfinished write {location} waits: {error}"),
                }
            }
        }
        done
    }

    async fn carry_out(&self, tree: &Tree, at: Location) -> Result<(), ChangeError> {
        let damaged = |reason: String| ChangeError::Damaged { what: at.to_string(), reason };
        let bytes = self.storage().read(&at).await?;
        let intent: Intent = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        let items = intent.items.iter().map(|path| tree.at(path.as_ref())).collect::<Result<Vec<_>, _>>()?;
        if items.iter().any(|item| !item.is_below(&tree.folder)) {
            return Err(damaged("it names documents outside of its tree".to_owned()));
        }
        match self.ask(&intent.collection, Ask::Finish { items, intent: at.clone() }).await {
            // The Collection was deleted since, and its Items with it.
            Err(ChangeError::NoCollection { .. }) => Ok(self.storage().delete(&at).await?),
            done => done.map(drop),
        }
    }

    /// Looks after the trees until it is dropped.
    pub async fn keep(self) {
        let mut until_sweep = FIRST_SWEEP;
        loop {
            tokio::time::sleep(RECOVERED_EVERY).await;
            self.recover().await;
            until_sweep = until_sweep.saturating_sub(RECOVERED_EVERY);
            if until_sweep.is_zero() {
                until_sweep = SWEPT_EVERY;
                match self.sweep(OLD).await {
                    Ok(0) => {}
                    Ok(count) => tracing::info!(count, "leftovers of unfinished writes are swept"),
                    Err(error) => tracing::warn!("cannot sweep leftovers of unfinished writes: {error}"),
                }
            }
        }
    }

    /// Removes the documents of these trees that nothing links any more or yet, and files that were never finished, when they
    /// are older than that; how many.
    ///
    /// # Errors
    /// When a document that links others cannot be read, or the store fails: nothing more is removed then.
    pub async fn sweep(&self, older_than: Duration) -> Result<usize, ChangeError> {
        let age = chrono::Duration::from_std(older_than).unwrap_or(chrono::Duration::MAX);
        let mut swept = 0;
        for tree in self.trees().all().await {
            let Some(linked) = self.linked(&tree).await? else { continue };
            let is_candidate = |entry: &Entry| {
                is_json(&entry.location)
                    && Utc::now() - entry.meta.modified > age
                    && !linked.contains(&entry.location)
                    && entry
                        .location
                        .relative_to(&tree.folder)
                        .is_some_and(|path| !path.starts_with(".cairn/"))
            };
            let listed = self.storage().list(&tree.folder);
            let candidates: Vec<Entry> =
                listed.try_filter(|entry| std::future::ready(is_candidate(entry))).try_collect().await?;
            for Entry { location, .. } in candidates {
                let Ok((meta, bytes)) = self.storage().fetch(&location).await else { continue };
                let is_old = Utc::now() - meta.modified > age;
                if is_old && is_of(&tree, &location, &bytes) {
                    self.trees().remove_document(&location).await;
                    swept += 1;
                }
            }
            swept += self.storage().sweep_parts(&tree.folder, older_than).await?;
        }
        Ok(swept)
    }

    /// All documents that a tree's Catalogs and Collections link, and those themselves; nothing when they are too many.
    async fn linked(&self, tree: &Tree) -> Result<Option<HashSet<Location>>, ChangeError> {
        let mut linked = HashSet::from([tree.root.clone()]);
        let mut queue = vec![tree.root.clone()];
        let mut documents = 0;
        while let Some(at) = queue.pop() {
            documents += 1;
            if documents > MAX_DOCUMENTS {
                return Ok(None);
            }
            let Some(document) = LinkDocument::read(self.storage(), &at).await? else { continue };
            linked.extend(tree.targets(&document, "item"));
            linked.extend(tree.targets(&document, "items"));
            let below = tree.targets(&document, "child").into_iter();
            queue.extend(below.filter(|child| linked.insert(child.clone())));
        }
        Ok(Some(linked))
    }
}

fn is_json(location: &Location) -> bool {
    let extension = location.file_name().and_then(|name| Path::new(name).extension());
    extension.is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

/// True for a document that was written as a part of this tree: it names the tree's root, and a parent in it.
fn is_of(tree: &Tree, at: &Location, bytes: &[u8]) -> bool {
    let Ok(document) = serde_json::from_slice::<Value>(bytes) else { return false };
    let links = links_of(&document);
    let leads = |rel: &str| {
        let link = links.iter().find(|link| link.rel == rel)?;
        tree.resolver.resolve(at, &link.href).ok()
    };
    leads("root").is_some_and(|root| root == tree.root)
        && leads("parent").is_some_and(|parent| parent.is_below(&tree.folder))
}
