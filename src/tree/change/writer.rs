//! What changes a tree: one for all that a server writes.

use std::sync::Arc;

use serde_json::Value;

use super::{ChangeError, Condition, Mirror, Stored, Written};
use crate::storage::{Location, Storage};

/// Changes one or several trees; a clone is the same writer.
#[derive(Debug, Clone)]
pub struct Writer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    storage: Storage,
    roots: Vec<Location>,
    mirror: Arc<dyn Mirror>,
}

impl Writer {
    /// A writer of the trees below `roots` (their `catalog.json` or `collection.json`, in load order); `mirror` shows them.
    #[must_use]
    pub fn new(storage: Storage, roots: Vec<Location>, mirror: Arc<dyn Mirror>) -> Self {
        Self { inner: Arc::new(Inner { storage, roots, mirror }) }
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
        let _ = (item, condition);
        Err(self.not_yet(collection))
    }

    /// Makes Items, whose ids differ: all of them or none; what they are now, in their order.
    ///
    /// # Errors
    /// [`ChangeError::Exists`] with all those that are there already, or as [`Writer::put_item`].
    pub async fn put_items(&self, collection: &str, items: Vec<Value>) -> Result<Vec<Written>, ChangeError> {
        let _ = items;
        Err(self.not_yet(collection))
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
        let _ = (id, condition);
        Err(self.not_yet(collection))
    }

    /// An Item as the tree has it now, for who changes a part of it: put it back with [`Condition::Matches`] its tag, and
    /// begin again on [`ChangeError::Changed`].
    ///
    /// # Errors
    /// As [`Writer::put_item`].
    pub async fn item(&self, collection: &str, id: &str) -> Result<Stored, ChangeError> {
        let _ = id;
        Err(self.not_yet(collection))
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
        let _ = (collection, condition);
        Err(self.not_yet("?"))
    }

    /// Deletes a Collection and its Items.
    ///
    /// # Errors
    /// [`ChangeError::NotEmpty`] when other Collections lie below it, or as [`Writer::put_item`].
    pub async fn delete_collection(&self, id: &str, condition: Condition) -> Result<(), ChangeError> {
        let _ = condition;
        Err(self.not_yet(id))
    }

    /// A Collection as the tree has it now.
    ///
    /// # Errors
    /// As [`Writer::put_item`].
    pub async fn collection(&self, id: &str) -> Result<Stored, ChangeError> {
        Err(self.not_yet(id))
    }

    fn not_yet(&self, collection: &str) -> ChangeError {
        let Inner { storage: _, roots: _, mirror: _ } = &*self.inner;
        ChangeError::NotWritable { what: format!("the Collection '{collection}'"), reason: "…".to_owned() }
    }
}
