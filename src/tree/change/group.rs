//! One Collection's changes: what waits is staged and committed together, again and again until all of it is answered.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{Mutex, mpsc};

use super::ask::{Ask, Asked};
use super::claims::Claims;
use super::commit::Outcome;
use super::link_document::LinkDocument;
use super::session::Session;
use super::staging::{Staged, Staging, Step};
use super::trees::Trees;
use super::{Change, ChangeError, Mirror, Written};
use crate::pool::Pool;
use crate::storage::{Location, Meta, Storage, StorageError};

/// Changes that wait for one Collection, at most.
pub(super) const MAX_WAITING: usize = 10_000;

/// Items that are written together, at most; one bulk write may be larger.
const MAX_TOGETHER: usize = 1_000;

/// How long those who were answered together may take to ask again together.
const LINGER: Duration = Duration::from_millis(2);

/// How long a change is tried while others are first.
const PATIENCE: Duration = Duration::from_secs(45);

/// How long documents are remembered of a Collection that nobody changes.
const REMEMBERED: Duration = Duration::from_mins(1);

/// Pauses before the next try: at least, and as much more at random.
const PAUSE: Duration = Duration::from_millis(20);

/// What a Collection's changes need.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) storage: Storage,
    pub(super) pool: Pool,
    pub(super) mirror: Arc<dyn Mirror>,
    pub(super) trees: Arc<Trees>,
    pub(super) collection: String,
    pub(super) claims: Claims,
    /// Link documents as they were when they were last read or written.
    known: Mutex<HashMap<Location, LinkDocument>>,
}

impl Group {
    pub(super) fn new(
        storage: &Storage,
        pool: &Pool,
        mirror: &Arc<dyn Mirror>,
        trees: &Arc<Trees>,
        collection: &str,
    ) -> Self {
        Self {
            storage: storage.clone(),
            pool: pool.clone(),
            mirror: Arc::clone(mirror),
            trees: Arc::clone(trees),
            collection: collection.to_owned(),
            claims: Claims::default(),
            known: Mutex::default(),
        }
    }

    /// Writes what comes until nobody can ask any more.
    pub(super) async fn run(self, mut waiting: mpsc::Receiver<Asked>, again: mpsc::WeakSender<Asked>) {
        let (mut next, mut last) = (None, 0);
        loop {
            let Some(first) = (match next.take() {
                Some(next) => Some(next),
                None => self.receive(&mut waiting).await,
            }) else {
                return;
            };
            let mut group = vec![first];
            let mut ids: HashSet<String> = group[0].ids().into_iter().map(str::to_owned).collect();
            let mut len = group[0].len();
            let linger = tokio::time::sleep(LINGER);
            tokio::pin!(linger);
            while len < MAX_TOGETHER {
                let more = match waiting.try_recv() {
                    Ok(more) => more,
                    Err(_) if group.len() < last => tokio::select! {
                        more = waiting.recv() => match more { Some(more) => more, None => break },
                        () = &mut linger => break,
                    },
                    Err(_) => break,
                };
                // What concerns the same Item comes after it.
                if more.ids().iter().any(|id| ids.contains(*id)) || matches!(more.ask, Ask::Finish { .. }) {
                    next = Some(more);
                    break;
                }
                ids.extend(more.ids().into_iter().map(str::to_owned));
                len += more.len();
                group.push(more);
            }
            last = group.len();
            self.process(&mut group).await;
            for asked in group.into_iter().filter(Asked::waits) {
                self.later(asked, again.clone());
            }
        }
    }

    /// The next that comes; what is remembered of the documents goes when none comes for long.
    async fn receive(&self, waiting: &mut mpsc::Receiver<Asked>) -> Option<Asked> {
        if let Ok(received) = tokio::time::timeout(REMEMBERED, waiting.recv()).await {
            return received;
        }
        self.known.lock().await.clear();
        waiting.recv().await
    }

    /// Lets one wait a little for its next try.
    fn later(&self, mut asked: Asked, again: mpsc::WeakSender<Asked>) {
        if asked.since.elapsed() > PATIENCE {
            let what = asked.what(&self.collection);
            asked.answer(Err(ChangeError::Conflict { what }));
            return;
        }
        tokio::spawn(async move {
            tokio::time::sleep(jittered(PAUSE)).await;
            if let Some(again) = again.upgrade() {
                drop(again.send(asked).await);
            }
        });
    }

    /// Tries all of them once; who is not answered is to be tried again.
    async fn process(&self, group: &mut [Asked]) {
        loop {
            match self.attempt(group).await {
                Ok(()) => return,
                // Staging it left the documents in between: the others begin anew.
                Err((Some(index), error)) => group[index].answer(Err(error)),
                Err((None, error)) => {
                    group.iter_mut().filter(|asked| asked.waits()).for_each(|a| a.answer(Err(error.clone())));
                    return;
                }
            }
        }
    }

    async fn attempt(&self, group: &mut [Asked]) -> Result<(), (Option<usize>, ChangeError)> {
        let all = |error: ChangeError| (None, error);
        let (tree, home) = self.trees.find(&self.collection).await.map_err(all)?;
        let lock = self.storage.lock(&home.parent()).await.map_err(|error| all(error.into()))?;
        let mut known = std::mem::take(&mut *self.known.lock().await);
        let document = match known.remove(&home) {
            Some(document) => document.renewed(&self.storage).await,
            None => LinkDocument::read(&self.storage, &home).await,
        };
        let gone = || ChangeError::NoCollection { collection: self.collection.clone() };
        let document = document.map_err(all)?;
        let Some(document) = document.filter(|document| document.id() == Some(&self.collection)) else {
            self.trees.forget(&self.collection);
            return Err(all(gone()));
        };
        let mut session = Session::new(&self.storage, &tree, &self.collection, document, known);
        let mut staged = Vec::with_capacity(group.len());
        #[expect(clippy::needless_range_loop, reason = "an iterator across the await is not `Send`")]
        for index in 0..group.len() {
            let asked = &mut group[index];
            if !asked.waits() {
                continue;
            }
            let mut staging = Staging { session: &mut session, mirror: &*self.mirror };
            match staging.stage(index, asked).await {
                Ok(one) => staged.push(one),
                Err(
                    error @ (ChangeError::Store(_) | ChangeError::Damaged { .. } | ChangeError::Unfit { .. }),
                ) => {
                    return Err((Some(index), error));
                }
                Err(error) => asked.answer(Err(error)),
            }
        }
        let outcome = match &lock {
            Some(lock) => self.commit_on_disk(lock, &tree, &session, &staged).await,
            None => self.commit_in_store(&tree, &session, &staged, group).await,
        };
        let outcome = outcome.map_err(all)?;
        self.settle(&session, staged, &outcome, group).await;
        *self.known.lock().await = session.into_known(&outcome.written);
        drop(lock);
        Ok(())
    }

    /// Tells the mirror what was committed, and answers.
    async fn settle(
        &self,
        session: &Session<'_>,
        staged: Vec<Staged>,
        outcome: &Outcome,
        group: &mut [Asked],
    ) {
        let mut changes = Vec::new();
        let mut answers: Vec<(usize, Vec<bool>)> = Vec::new();
        for document in session.changed() {
            if let Some(meta) = outcome.written.get(&document.location)
                && document.location != session.home
            {
                changes.push(Change::Links { location: document.location.clone(), meta: meta.clone() });
            }
        }
        if let Some((home, meta)) = session.home().zip(outcome.written.get(&session.home)) {
            let (location, document) = (home.location.clone(), Value::clone(&home.document));
            changes.push(Change::Collection { location, meta: meta.clone(), document });
        } else if !self.mirror.shows(&self.collection)
            && let (Some(home), Ok(meta)) = (session.home(), self.storage.meta(&session.home).await)
        {
            // Another server made it a moment ago.
            let (location, document) = (home.location.clone(), Value::clone(&home.document));
            changes.push(Change::Collection { location, meta, document });
        }
        for Staged { index, steps } in staged {
            let asked = &mut group[index];
            let (mut own, mut made, mut failed) = (Vec::new(), Vec::new(), None);
            for step in steps {
                match self.ended(session, outcome, asked, step).await {
                    Ok(Some((change, created))) => {
                        made.extend(created);
                        own.push(change);
                    }
                    Ok(None) => {}
                    Err(error) => failed = Some(failed.flatten().or(error)),
                }
            }
            match failed {
                None => {
                    changes.extend(own);
                    answers.push((index, made));
                }
                Some(Some(error)) => asked.answer(Err(error)),
                Some(None) => {}
            }
        }
        let gone: Vec<Location> = changes
            .iter()
            .filter_map(|change| match change {
                Change::NoItem { location, .. } => Some(location.clone()),
                _ => None,
            })
            .collect();
        for document in session.changed().filter(|document| document.read.is_none()) {
            if outcome.written.contains_key(session.anchor(&document.location)) {
                self.claims.release(&document.location);
            }
        }
        let mut tags = self.mirror.committed(changes).await.into_iter();
        for (index, created) in answers {
            let asked = &mut group[index];
            if let Some(intent) = asked.intent.take() {
                drop(self.storage.delete(&intent).await);
            }
            let written = created.into_iter().zip(&mut tags).map(|(created, etag)| Written { etag, created });
            asked.answer(Ok(written.collect()));
        }
        // After the answers: nothing links them any more.
        for at in gone {
            self.trees.remove_document(&at).await;
        }
    }

    /// What a step that is done changed, and whether it made an Item; an error, where it is not done, if there is one.
    async fn ended(
        &self,
        session: &Session<'_>,
        outcome: &Outcome,
        asked: &mut Asked,
        step: Step,
    ) -> Result<Option<(Change, Option<bool>)>, Option<ChangeError>> {
        let failed = |at: &Location| outcome.failed.get(at).cloned().flatten();
        let is_linked = |by: &Location| outcome.written.contains_key(session.anchor(by));
        let written = |at: &Location| outcome.written.get(at).zip(outcome.bytes.get(at));
        match step {
            Step::Insert { id, at, by, .. } => {
                let Some(written) = written(&at).filter(|_| is_linked(&by)) else {
                    asked.looks |= outcome.failed.contains_key(&at);
                    return Err(failed(&at).or(failed(session.anchor(&by))));
                };
                self.claims.release(&at);
                asked.linked.insert(at.clone());
                Ok(Some((self.item(session, id, at, written), Some(true))))
            }
            Step::Replace { id, at, .. } => match written(&at) {
                Some(written) => Ok(Some((self.item(session, id, at, written), Some(false)))),
                None => Err(failed(&at)),
            },
            Step::Remove { id, at, by } if is_linked(&by) => {
                let collection = self.collection.clone();
                Ok(Some((Change::NoItem { collection, id, location: at }, None)))
            }
            Step::Link { by, .. } | Step::Remove { by, .. } if !is_linked(&by) => {
                Err(failed(session.anchor(&by)))
            }
            Step::Remove { .. } => Ok(None),
            Step::Link { id, at, .. } | Step::Linked { id, at } => match self.storage.fetch(&at).await {
                Ok((meta, json)) => Ok(Some((self.item(session, id, at, (&meta, &json)), Some(true)))),
                Err(StorageError::NotFound { .. }) => Ok(None),
                Err(error) => Err(Some(error.into())),
            },
        }
    }

    fn item(
        &self,
        session: &Session<'_>,
        id: String,
        location: Location,
        (meta, json): (&Meta, &Bytes),
    ) -> Change {
        Change::Item {
            collection: self.collection.clone(),
            id,
            location,
            meta: meta.clone(),
            json: json.clone(),
            resolver: session.tree.resolver.clone(),
        }
    }
}

/// A pause, and up to as much again: two that met do not meet again.
fn jittered(pause: Duration) -> Duration {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    pause + pause.mul_f64(f64::from(since.subsec_nanos() % 1_000) / 1_000.0 * 4.0)
}
