//! What changes trees: one for all that a server writes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::ask::{Ask, Asked};
use super::claims::Claims;
use super::collection::{Collections, not_in_a_tree};
use super::group::{Group, MAX_WAITING};
use super::item::id_of;
use super::link_document::LinkDocument;
use super::staging::source;
use super::trees::Trees;
use super::{ChangeError, Condition, Mirror, Stored, Written};
use crate::pool::{Pool, joined};
use crate::storage::{Location, Storage, StorageError};
use crate::tree::layout::Layout;

/// How long a Collection is tried to be changed while others are first.
const PATIENCE: Duration = Duration::from_secs(45);

/// The pause before the next try.
const PAUSE: Duration = Duration::from_millis(50);

/// Changes one or several trees; a clone is the same writer.
#[derive(Debug, Clone)]
pub struct Writer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    storage: Storage,
    pool: Pool,
    trees: Arc<Trees>,
    mirror: Arc<dyn Mirror>,
    /// By Collection: who writes its Items.
    queues: Mutex<HashMap<String, mpsc::Sender<Asked>>>,
    claims: Claims,
}

impl Writer {
    /// A writer of the trees below `roots` (their `catalog.json` or `collection.json`, in load order); `mirror` shows them,
    /// and documents are put together on `pool`.
    #[must_use]
    pub fn new(storage: Storage, pool: Pool, roots: Vec<Location>, mirror: Arc<dyn Mirror>) -> Self {
        let trees = Arc::new(Trees::new(storage.clone(), roots));
        let (queues, claims) = (Mutex::default(), Claims::default());
        Self { inner: Arc::new(Inner { storage, pool, trees, mirror, queues, claims }) }
    }

    /// Writes an Item (a JSON object with an `id`; its `collection` and structural links are set here).
    ///
    /// # Errors
    /// When the condition forbids it, the tree cannot be changed, or the store fails.
    pub async fn put_item(
        &self,
        collection: &str,
        item: Value,
        condition: Condition,
    ) -> Result<Written, ChangeError> {
        let id = id_of(&item)?.to_owned();
        let what = format!("the Item '{id}' of '{collection}'");
        let written = self.ask(collection, Ask::Put { id, item: Arc::new(item), condition }).await?;
        written.into_iter().next().ok_or(ChangeError::Conflict { what })
    }

    /// Makes Items, whose ids differ: all of them or none; what they are now, in their order.
    ///
    /// # Errors
    /// [`ChangeError::Exists`] with all those that are there already, or as [`Writer::put_item`].
    pub async fn put_items(&self, collection: &str, items: Vec<Value>) -> Result<Vec<Written>, ChangeError> {
        let with_id = |item: Value| Ok((id_of(&item)?.to_owned(), Arc::new(item)));
        let items: Vec<(String, Arc<Value>)> =
            items.into_iter().map(with_id).collect::<Result<_, ChangeError>>()?;
        let mut ids: Vec<&str> = items.iter().map(|(id, _)| id.as_str()).collect();
        ids.sort_unstable();
        if let Some((twice, _)) = ids.iter().zip(ids.iter().skip(1)).find(|(one, next)| one == next) {
            let reason = "two Items of one write have this id".to_owned();
            return Err(ChangeError::Unfit { what: format!("the Item '{twice}'"), reason });
        }
        if items.is_empty() {
            return Ok(Vec::new());
        }
        self.ask(collection, Ask::Make { items }).await
    }

    /// Deletes an Item.
    ///
    /// # Errors
    /// As [`Writer::put_item`].
    pub async fn delete_item(
        &self,
        collection: &str,
        id: &str,
        condition: Condition,
    ) -> Result<(), ChangeError> {
        self.ask(collection, Ask::Delete { id: id.to_owned(), condition }).await.map(drop)
    }

    /// An Item as the tree has it now, for who changes a part of it: put it back with [`Condition::Matches`] its tag, and
    /// begin again on [`ChangeError::Changed`].
    ///
    /// # Errors
    /// As [`Writer::put_item`].
    pub async fn item(&self, collection: &str, id: &str) -> Result<Stored, ChangeError> {
        let Inner { storage, trees, mirror, .. } = &*self.inner;
        let (tree, home) = self.in_a_tree(collection, trees.find(collection).await)?;
        let usual = tree.at(&Layout::item(&tree.path(&home.parent())?, &[], id))?;
        let known = mirror.locate(collection, id);
        for at in known.into_iter().chain([usual]) {
            let (_, json) = match storage.fetch(&at).await {
                Ok(found) => found,
                Err(StorageError::NotFound { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let damaged = |reason: String| ChangeError::Damaged { what: at.to_string(), reason };
            let document: Value =
                serde_json::from_slice(&json).map_err(|error| damaged(error.to_string()))?;
            if document.get("id").and_then(Value::as_str) == Some(id) {
                let etag = mirror.item_tag(&source(collection, &at, &json, &tree.resolver));
                return Ok(Stored { document, etag });
            }
        }
        Err(ChangeError::Missing { collection: collection.to_owned(), id: id.to_owned() })
    }

    /// Writes a Collection; a new one hangs on the root of the first tree. Its links to Items and Catalogs stay as they are.
    ///
    /// # Errors
    /// As [`Writer::put_item`].
    pub async fn put_collection(
        &self,
        collection: Value,
        condition: Condition,
    ) -> Result<Written, ChangeError> {
        let id = id_of(&collection)?.to_owned();
        let inner = Arc::clone(&self.inner);
        // Who asked may go away: what was begun is brought to an end.
        let written = tokio::spawn(async move {
            let start = Instant::now();
            loop {
                if let Some(written) = inner.collections().put(&collection, &condition).await? {
                    return Ok(written);
                }
                wait_for_others(start, &id).await?;
            }
        });
        joined(written.await)
    }

    /// Deletes a Collection and its Items.
    ///
    /// # Errors
    /// [`ChangeError::NotEmpty`] when other Collections lie below it, or as [`Writer::put_item`].
    pub async fn delete_collection(&self, id: &str, condition: Condition) -> Result<(), ChangeError> {
        let (inner, id) = (Arc::clone(&self.inner), id.to_owned());
        self.in_a_tree(&id, inner.trees.find(&id).await)?;
        let deleted = tokio::spawn(async move {
            let start = Instant::now();
            while !inner.collections().delete(&id, &condition).await? {
                wait_for_others(start, &id).await?;
            }
            Ok(())
        });
        joined(deleted.await)
    }

    /// A Collection as the tree has it now.
    ///
    /// # Errors
    /// As [`Writer::put_item`].
    pub async fn collection(&self, id: &str) -> Result<Stored, ChangeError> {
        let Inner { storage, trees, mirror, .. } = &*self.inner;
        let (_, at) = self.in_a_tree(id, trees.find(id).await)?;
        let Some(LinkDocument { document, .. }) = LinkDocument::read(storage, &at).await? else {
            trees.forget(id);
            return Err(ChangeError::NoCollection { collection: id.to_owned() });
        };
        let etag = mirror.collection_tag(&at, &document);
        Ok(Stored { document: Arc::unwrap_or_clone(document), etag })
    }

    pub(super) fn storage(&self) -> &Storage {
        &self.inner.storage
    }

    pub(super) fn trees(&self) -> &Trees {
        &self.inner.trees
    }

    /// A Collection that is shown but in no tree cannot be changed.
    fn in_a_tree<T>(&self, id: &str, found: Result<T, ChangeError>) -> Result<T, ChangeError> {
        match found {
            Err(ChangeError::NoCollection { .. }) if self.inner.mirror.shows(id) => Err(not_in_a_tree(id)),
            found => found,
        }
    }

    /// Hands a change to who writes the Collection's Items, and waits for its end.
    pub(super) async fn ask(&self, collection: &str, ask: Ask) -> Result<Vec<Written>, ChangeError> {
        self.in_a_tree(collection, self.inner.trees.find(collection).await)?;
        let (sender, answer) = oneshot::channel();
        let queue = self.queue(collection);
        let busy = || ChangeError::Busy { collection: collection.to_owned() };
        queue.try_send(Asked::new(ask, sender)).map_err(|_full| busy())?;
        answer.await.map_err(|_gone| busy())?
    }

    fn queue(&self, collection: &str) -> mpsc::Sender<Asked> {
        let mut queues = self.inner.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(collection).filter(|queue| !queue.is_closed()) {
            return queue.clone();
        }
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        let Inner { storage, pool, mirror, trees, .. } = &*self.inner;
        let group = Group::new(storage, pool, mirror, trees, collection);
        tokio::spawn(group.run(receiver, sender.downgrade()));
        queues.insert(collection.to_owned(), sender.clone());
        sender
    }
}

impl Inner {
    fn collections(&self) -> Collections<'_> {
        let Self { storage, trees, mirror, claims, .. } = self;
        Collections { storage, trees, mirror: &**mirror, claims }
    }
}

async fn wait_for_others(start: Instant, id: &str) -> Result<(), ChangeError> {
    if start.elapsed() > PATIENCE {
        return Err(ChangeError::Conflict { what: format!("the Collection '{id}'") });
    }
    tokio::time::sleep(PAUSE).await;
    Ok(())
}
