//! What was staged is written: on disk all together, in a store document by document.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, stream};
use rayon::prelude::*;
use serde_json::Value;

use super::ChangeError;
use super::ask::Asked;
use super::claims::json_label;
use super::group::Group;
use super::intent::Intent;
use super::item::{Hung, settled};
use super::link_document::{LinkDocument, bytes_of};
use super::place::Tree;
use super::session::Session;
use super::staging::{Staged, Step, needed};
use crate::storage::{FolderLock, Location, Meta, StorageError, WriteMode};
use crate::tree::stage::INDEXED;

/// Requests to a store at once.
const WRITE_AT_ONCE: usize = 32;

/// What became of the documents of one attempt.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) written: HashMap<Location, Meta>,
    pub(super) bytes: HashMap<Location, Bytes>,
    /// Others were first there, or the store failed.
    pub(super) failed: HashMap<Location, Option<ChangeError>>,
}

impl Group {
    /// The bytes of all documents that are to be written.
    async fn bytes(
        &self,
        tree: &Arc<Tree>,
        session: &Session<'_>,
        staged: &[Staged],
    ) -> Result<HashMap<Location, Bytes>, ChangeError> {
        let items: Vec<(Hung, Arc<Value>)> = staged
            .iter()
            .flat_map(|staged| &staged.steps)
            .filter_map(|step| match step {
                Step::Insert { at, item, by, .. } | Step::Replace { at, item, by, .. } => {
                    let (home, title) = (session.home.clone(), session.title.clone());
                    Some((Hung { at: at.clone(), parent: by.clone(), home, title }, Arc::clone(item)))
                }
                Step::Link { .. } | Step::Remove { .. } | Step::Linked { .. } => None,
            })
            .collect();
        let home = session.home().filter(|home| session.is_widened && !home.is_changed);
        let links: Vec<(Location, Arc<Value>)> = session
            .changed()
            .chain(home)
            .map(|changed| (changed.location.clone(), Arc::clone(&changed.document)))
            .collect();
        let (tree, collection) = (Arc::clone(tree), self.collection.clone());
        let written = move |(at, document): (Location, &Value)| match bytes_of(document) {
            Ok(bytes) => Ok((at, bytes)),
            Err(error) => Err(ChangeError::Unfit { what: at.to_string(), reason: error.to_string() }),
        };
        let put = move || {
            let items = items.into_par_iter().map(|(hung, item)| {
                let item = settled(Value::clone(&item), &collection, &tree, &hung)?;
                written((hung.at, &item))
            });
            links.par_iter().map(|(at, document)| written((at.clone(), document))).chain(items).collect()
        };
        self.pool.run(put).await
    }

    /// Where the intent of a bulk write is to lie, when several documents will link its Items.
    fn intent_for(
        &self,
        tree: &Tree,
        session: &Session<'_>,
        one: &Staged,
        asked: Option<&Asked>,
    ) -> Result<Option<(Location, Bytes)>, ChangeError> {
        if one.steps.len() < 2
            || needed(session, one).len() < 2
            || asked.is_some_and(|asked| asked.intent.is_some())
        {
            return Ok(None);
        }
        let items: Vec<Location> = one
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Insert { at, .. } => Some(at.clone()),
                _ => None,
            })
            .collect();
        let intent = Intent::new(tree, &self.collection, &items)?;
        Ok(Some((Intent::place(tree)?, intent.bytes()?)))
    }

    pub(super) async fn commit_on_disk(
        &self,
        lock: &Arc<FolderLock>,
        tree: &Arc<Tree>,
        session: &Session<'_>,
        staged: &[Staged],
    ) -> Result<Outcome, ChangeError> {
        let bytes = self.bytes(tree, session, staged).await?;
        let of = |at: &Location| bytes.get(at).map(|bytes| (at.clone(), bytes.clone()));
        let (mut fresh, mut replaced) = (Vec::new(), Vec::new());
        // What the Collection says of its Items holds before they are linked.
        replaced.extend(session.home().filter(|_| session.is_widened).and_then(|home| of(&home.location)));
        for step in staged.iter().flat_map(|staged| &staged.steps) {
            match step {
                Step::Insert { at, .. } => fresh.extend(of(at)),
                Step::Replace { at, .. } => replaced.extend(of(at)),
                Step::Link { .. } | Step::Remove { .. } | Step::Linked { .. } => {}
            }
        }
        for document in session.changed() {
            match &document.read {
                None => fresh.extend(of(&document.location)),
                Some(_) if replaced.iter().any(|(at, _)| *at == document.location) => {}
                Some(_) => replaced.extend(of(&document.location)),
            }
        }
        // The tables beside the tree are of what it was.
        self.storage.delete(&tree.at(INDEXED.as_ref())?).await?;
        let mut intents = Vec::new();
        for one in staged {
            intents.extend(self.intent_for(tree, session, one, None)?);
        }
        let mut at: Vec<Location> = fresh.iter().map(|(at, _)| at.clone()).collect();
        let mut metas = if intents.is_empty() {
            at.extend(replaced.iter().map(|(at, _)| at.clone()));
            self.storage.write_together(lock, fresh, replaced).await?
        } else {
            at.extend(intents.iter().map(|(at, _)| at.clone()));
            fresh.extend(intents.iter().cloned());
            let mut metas = self.storage.write_together(lock, fresh, Vec::new()).await?;
            at.extend(replaced.iter().map(|(at, _)| at.clone()));
            metas.extend(self.storage.write_together(lock, Vec::new(), replaced).await?);
            metas
        };
        let written = at.into_iter().zip(metas.drain(..)).collect();
        for (intent, _) in intents {
            // One that stays is carried out again, which changes nothing.
            drop(self.storage.delete(&intent).await);
        }
        Ok(Outcome { written, bytes, failed: HashMap::new() })
    }

    pub(super) async fn commit_in_store(
        &self,
        tree: &Arc<Tree>,
        session: &Session<'_>,
        staged: &[Staged],
        group: &mut [Asked],
    ) -> Result<Outcome, ChangeError> {
        let bytes = self.bytes(tree, session, staged).await?;
        let mut outcome = Outcome { bytes, ..Outcome::default() };
        // Those that nothing links yet, all at once.
        let new =
            session.changed().filter(|document| document.read.is_none()).map(|document| &document.location);
        let items = staged.iter().flat_map(|staged| &staged.steps).filter_map(|step| match step {
            Step::Insert { at, .. } => Some(at),
            _ => None,
        });
        let claimed: Vec<Location> = new.chain(items).cloned().collect();
        let claims = claimed.iter().map(|at| {
            let bytes = outcome.bytes.get(at).cloned().unwrap_or_default();
            self.claim(at.clone(), bytes)
        });
        let claims: Vec<_> = claims.collect();
        let claims: Vec<_> = stream::iter(claims).buffer_unordered(WRITE_AT_ONCE).collect().await;
        for (at, claim) in claims {
            match claim {
                Ok(Some(meta)) => drop(outcome.written.insert(at, meta)),
                Ok(None) => drop(outcome.failed.insert(at, None)),
                Err(error) => drop(outcome.failed.insert(at, Some(error))),
            }
        }
        let home = session.home.clone();
        let is_widened_only =
            session.is_widened && session.changed().all(|document| document.location != home);
        if is_widened_only {
            self.replace(&home, session.home().and_then(LinkDocument::etag), &mut outcome).await;
        }
        // A document counts only if all that it newly leads to is there.
        let mut blocked: HashSet<Location> = HashSet::new();
        for document in session.changed() {
            if outcome.failed.contains_key(&document.location) {
                blocked.insert(session.anchor(&document.location).clone());
            }
        }
        for one in staged {
            let steps = one.steps.iter();
            let fails = steps
                .clone()
                .any(|step| matches!(step, Step::Insert { at, .. } if outcome.failed.contains_key(at)));
            let not_widened = is_widened_only && outcome.failed.contains_key(&home);
            if fails || not_widened {
                blocked.extend(needed(session, one));
            }
        }
        for one in staged {
            if needed(session, one).iter().any(|at| blocked.contains(at)) {
                // A bulk write is not to be linked by some documents only, for want of another.
                blocked.extend(needed(session, one));
            }
        }
        for one in staged.iter().filter(|one| needed(session, one).iter().all(|at| !blocked.contains(at))) {
            if let Some((place, bytes)) = self.intent_for(tree, session, one, group.get(one.index))? {
                self.storage.write(&place, bytes, WriteMode::Replace, &json_label()).await?;
                group[one.index].intent = Some(place);
            }
        }
        // Who holds a claim for too long has lost it.
        let are_fresh = self.claims.are_fresh(claimed.iter().filter(|at| outcome.written.contains_key(*at)));
        for document in session.changed().filter(|document| document.read.is_some()) {
            if blocked.contains(&document.location) || !are_fresh {
                outcome.failed.entry(document.location.clone()).or_insert(None);
                continue;
            }
            self.replace(&document.location, document.etag(), &mut outcome).await;
        }
        for step in staged.iter().flat_map(|staged| &staged.steps) {
            if let Step::Replace { at, etag, by, .. } = step {
                self.replace(at, Some(etag.clone()), &mut outcome).await;
                if outcome.written.contains_key(at) {
                    self.confirm(tree, at, by, &mut outcome).await;
                }
            }
        }
        Ok(outcome)
    }

    async fn claim(&self, at: Location, bytes: Bytes) -> (Location, Result<Option<Meta>, ChangeError>) {
        let claimed = self.claims.claim(&self.storage, &at, &bytes).await;
        (at, claimed)
    }

    /// Writes a document in the place of the one that had this `ETag`.
    async fn replace(&self, at: &Location, etag: Option<String>, outcome: &mut Outcome) {
        let bytes = outcome.bytes.get(at).cloned().unwrap_or_default();
        let mode = etag.map_or(WriteMode::Create, WriteMode::IfMatch);
        match self.storage.write(at, bytes, mode, &json_label()).await {
            Ok(meta) => drop(outcome.written.insert(at.clone(), meta)),
            Err(
                StorageError::Changed { .. } | StorageError::Exists { .. } | StorageError::NotFound { .. },
            ) => drop(outcome.failed.insert(at.clone(), None)),
            Err(error) => drop(outcome.failed.insert(at.clone(), Some(error.into()))),
        }
    }

    /// An Item that was deleted while it was replaced is gone.
    async fn confirm(&self, tree: &Tree, at: &Location, by: &Location, outcome: &mut Outcome) {
        match LinkDocument::read(&self.storage, by).await {
            Ok(Some(document)) if tree.find(&document, "item", at).is_some() => {}
            // Moved to a shelf, perhaps, or deleted: the next try looks.
            Ok(_) => {
                outcome.written.remove(at);
                outcome.failed.insert(at.clone(), None);
            }
            Err(error) => {
                outcome.written.remove(at);
                outcome.failed.insert(at.clone(), Some(error));
            }
        }
    }
}
