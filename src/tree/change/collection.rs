//! Collections are made, changed and deleted.

use bytes::Bytes;
use serde_json::Value;
use stac::Link;

use super::claims::{Claims, json_label};
use super::item::{id_of, set_links, settle_assets};
use super::link_document::{LinkDocument, is_shelf};
use super::place::Tree;
use super::trees::Trees;
use super::{Change, ChangeError, Condition, Mirror, Written};
use crate::storage::{FolderLock, Location, Meta, Storage, StorageError, WriteMode};
use crate::tree::layout::Layout;
use crate::tree::publish::titled;
use std::path::Path;
use std::sync::Arc;

/// Relations of a Collection's links that a client does not change.
const KEPT: [&str; 7] = ["self", "root", "parent", "collection", "child", "item", "items"];

/// What a change of a Collection needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Collections<'a> {
    pub(super) storage: &'a Storage,
    pub(super) trees: &'a Trees,
    pub(super) mirror: &'a dyn Mirror,
    pub(super) claims: &'a Claims,
}

impl Collections<'_> {
    /// Tries to write a Collection; nothing when another writer was first.
    pub(super) async fn put(
        &self,
        collection: &Value,
        condition: &Condition,
    ) -> Result<Option<Written>, ChangeError> {
        let id = id_of(collection)?;
        match self.trees.find(id).await {
            Ok((tree, at)) => {
                let lock = self.storage.lock(&at.parent()).await?;
                let before = LinkDocument::read(self.storage, &at).await?;
                if let Some(before) = before.filter(|before| before.id() == Some(id)) {
                    return self.replace(&tree, before, collection, condition, lock).await;
                }
                self.trees.forget(id);
            }
            Err(ChangeError::NoCollection { .. }) => {}
            Err(error) => return Err(error),
        }
        self.create(id, collection, condition).await
    }

    async fn replace(
        &self,
        tree: &Tree,
        before: LinkDocument,
        collection: &Value,
        condition: &Condition,
        lock: Option<Arc<FolderLock>>,
    ) -> Result<Option<Written>, ChangeError> {
        let id = id_of(collection)?;
        self.hold(condition, id, &before)?;
        let mut document = collection.clone();
        let links = before.document.get("links").and_then(Value::as_array);
        let is_kept =
            |link: &&Value| link.get("rel").and_then(Value::as_str).is_some_and(|rel| KEPT.contains(&rel));
        let own = links.into_iter().flatten().filter(is_kept).cloned().collect();
        if let Some(members) = document.as_object_mut() {
            set_links(members, own);
            settle_assets(members, tree, &before.location);
        }
        let at = before.location.clone();
        let mut after = before;
        after.document = Arc::new(document);
        let Some(meta) = self.commit(lock.as_ref(), &after).await? else { return Ok(None) };
        Ok(Some(self.shown(at, meta, Arc::unwrap_or_clone(after.document), false).await))
    }

    async fn create(
        &self,
        id: &str,
        collection: &Value,
        condition: &Condition,
    ) -> Result<Option<Written>, ChangeError> {
        if matches!(condition, Condition::Present | Condition::Matches(_)) {
            return Err(ChangeError::NoCollection { collection: id.to_owned() });
        }
        if self.mirror.shows(id) {
            return Err(not_in_a_tree(id));
        }
        let tree = self.trees.first().await?;
        let lock = self.storage.lock(&tree.folder).await?;
        let gone =
            || ChangeError::Damaged { what: tree.root.to_string(), reason: "it is not there".to_owned() };
        let mut root = LinkDocument::read(self.storage, &tree.root).await?.ok_or_else(gone)?;
        let path = Layout::branch(Path::new(""), id).join("collection.json");
        let at = tree.at(&path)?;
        if tree.find(&root, "child", &at).is_some() {
            // Another server made it a moment ago.
            return Err(ChangeError::Exists { collection: id.to_owned(), ids: Vec::new() });
        }
        let root_path = tree.path(&tree.root)?;
        let mut own: Vec<Link> = tree.linking.own(&path, false).into_iter().collect();
        own.push(titled(Link::root(tree.linking.href(&path, &root_path)), tree.title.as_deref()));
        own.push(titled(Link::parent(tree.linking.href(&path, &root_path)), tree.title.as_deref()));
        let unfit =
            |error: serde_json::Error| ChangeError::Unfit { what: id.to_owned(), reason: error.to_string() };
        let own = own.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>().map_err(unfit)?;
        let mut document = collection.clone();
        if let Some(members) = document.as_object_mut() {
            set_links(members, own);
            settle_assets(members, &tree, &at);
        }
        let new = LinkDocument::new(at.clone(), document);
        root.push(&titled(Link::child(tree.linking.href(&root_path, &path)), new.title()))?;
        let bytes = new.bytes()?;
        let (meta, root_meta) = if let Some(lock) = &lock {
            let fresh = vec![(at.clone(), bytes)];
            let replaced = vec![(root.location.clone(), root.bytes()?)];
            let mut metas = self.storage.write_together(lock, fresh, replaced).await?.into_iter();
            (metas.next(), metas.next())
        } else {
            let Some(meta) = self.claims.claim(self.storage, &at, &bytes).await? else { return Ok(None) };
            let Some(root_meta) = self.commit(None, &root).await? else { return Ok(None) };
            self.claims.release(&at);
            (Some(meta), Some(root_meta))
        };
        let Some((meta, root_meta)) = meta.zip(root_meta) else { return Ok(None) };
        let links = Change::Links { location: root.location, meta: root_meta };
        self.mirror.committed(vec![links]).await;
        Ok(Some(self.shown(at, meta, Arc::unwrap_or_clone(new.document), true).await))
    }

    /// Tries to delete a Collection with its Items; false when another writer was first.
    pub(super) async fn delete(&self, id: &str, condition: &Condition) -> Result<bool, ChangeError> {
        let (tree, at) = self.trees.find(id).await?;
        let place = self.trees.place(id).await?;
        let Some(parent_at) = place.parent else {
            let reason = "it is the root of its tree; delete its folder instead".to_owned();
            return Err(ChangeError::NotWritable { what: format!("the Collection '{id}'"), reason });
        };
        let outer = self.storage.lock(&parent_at.parent()).await?;
        // One folder has one lock.
        let inner =
            if at.parent() == parent_at.parent() { None } else { self.storage.lock(&at.parent()).await? };
        let missing = || ChangeError::NoCollection { collection: id.to_owned() };
        let Some(before) = LinkDocument::read(self.storage, &at).await?.filter(|read| read.id() == Some(id))
        else {
            self.trees.forget(id);
            return Err(missing());
        };
        self.hold(condition, id, &before)?;
        let mut below = vec![at.clone()];
        let mut shelves = vec![before];
        while let Some(document) = shelves.pop() {
            for child in tree.targets(&document, "child") {
                let Some(read) = LinkDocument::read(self.storage, &child).await? else { continue };
                if read.is_collection() || !is_shelf(&child) {
                    return Err(ChangeError::NotEmpty { collection: id.to_owned() });
                }
                if !below.contains(&child) {
                    below.push(child);
                    shelves.push(read);
                }
            }
            below.extend(tree.targets(&document, "item"));
        }
        let Some(mut parent) = LinkDocument::read(self.storage, &parent_at).await? else { return Ok(false) };
        let Some(index) = tree.find(&parent, "child", &at) else {
            self.trees.forget(id);
            return Err(missing());
        };
        parent.remove(index)?;
        let Some(meta) = self.commit(outer.as_ref(), &parent).await? else { return Ok(false) };
        self.trees.forget(id);
        let links = Change::Links { location: parent_at, meta };
        self.mirror.committed(vec![links, Change::NoCollection { id: id.to_owned() }]).await;
        // Its own document first: who adds Items looks for it.
        for document in below.into_iter().filter(|at| at.is_below(&tree.folder)) {
            self.trees.remove_document(&document).await;
        }
        drop((inner, outer));
        Ok(true)
    }

    fn hold(&self, condition: &Condition, id: &str, before: &LinkDocument) -> Result<(), ChangeError> {
        match condition {
            Condition::None | Condition::Present => Ok(()),
            Condition::Absent => Err(ChangeError::Exists { collection: id.to_owned(), ids: Vec::new() }),
            Condition::Matches(tags) => {
                let tag = self.mirror.collection_tag(&before.location, &before.document);
                let what = format!("the Collection '{id}'");
                if tags.contains(&tag) { Ok(()) } else { Err(ChangeError::Changed { what }) }
            }
        }
    }

    /// Writes a document that is there already; nothing when it is another by now.
    async fn commit(
        &self,
        lock: Option<&Arc<FolderLock>>,
        document: &LinkDocument,
    ) -> Result<Option<Meta>, ChangeError> {
        let (at, bytes): (&Location, Bytes) = (&document.location, document.bytes()?);
        if let Some(lock) = lock {
            let metas = self.storage.write_together(lock, Vec::new(), vec![(at.clone(), bytes)]).await?;
            return Ok(metas.into_iter().next());
        }
        let mode = document.etag().map_or(WriteMode::Create, WriteMode::IfMatch);
        match self.storage.write(at, bytes, mode, &json_label()).await {
            Ok(meta) => Ok(Some(meta)),
            Err(
                StorageError::Changed { .. } | StorageError::Exists { .. } | StorageError::NotFound { .. },
            ) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn shown(&self, location: Location, meta: Meta, document: Value, created: bool) -> Written {
        let etag = self.mirror.collection_tag(&location, &document);
        self.mirror.committed(vec![Change::Collection { location, meta, document }]).await;
        Written { etag, created }
    }
}

/// A Collection that is shown, but in no tree.
pub(super) fn not_in_a_tree(id: &str) -> ChangeError {
    ChangeError::NotWritable {
        what: format!("the Collection '{id}'"),
        reason: "it is served from a file of Items, not from a static tree on a disk or in a store; `cairn build` makes one"
            .to_owned(),
    }
}
