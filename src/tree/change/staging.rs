//! What is asked becomes steps: which documents are written, which are linked where. Nothing is written yet.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;
use stac::Link;

use super::ask::{Ask, Asked};
use super::session::{Session, shelf_time};
use super::{ChangeError, Condition, Mirror};
use crate::storage::{Location, StorageError};
use crate::tree::found::ItemSource;
use crate::tree::layout::Layout;
use crate::tree::links::{Kind, Resolver, kind_of};
use crate::tree::publish::titled;

/// One Item's part of what is to be done.
#[derive(Debug)]
pub(super) enum Step {
    /// A document is written where nothing links it, and linked by the document `by`.
    Insert { id: String, at: Location, item: Arc<Value>, by: Location },
    /// A document that is there, and that nothing links, is linked by `by`.
    Link { id: String, at: Location, by: Location },
    /// A document that is linked by `by` is replaced.
    Replace { id: String, at: Location, item: Arc<Value>, by: Location, etag: String },
    /// `by` no longer links a document, which then goes.
    Remove { id: String, at: Location, by: Location },
    /// It is linked already.
    Linked { id: String, at: Location },
}

/// What one of those who asked is to get.
#[derive(Debug)]
pub(super) struct Staged {
    /// Its number in the group.
    pub(super) index: usize,
    pub(super) steps: Vec<Step>,
}

/// An Item that is there.
struct Found {
    at: Location,
    by: Location,
    json: bytes::Bytes,
    etag: String,
}

/// Finds out what there is, and decides.
pub(super) struct Staging<'a, 'b> {
    pub(super) session: &'a mut Session<'b>,
    pub(super) mirror: &'a dyn Mirror,
}

impl Staging<'_, '_> {
    /// The steps of one of those who asked; or why it is refused.
    pub(super) async fn stage(&mut self, index: usize, asked: &Asked) -> Result<Staged, ChangeError> {
        let steps = match &asked.ask {
            Ask::Put { id, item, condition } => vec![self.put(asked, id, item, condition).await?],
            Ask::Delete { id, condition } => vec![self.delete(id, condition).await?],
            Ask::Make { items } => self.make(asked, items).await?,
            Ask::Finish { items, intent } => self.finish(items, intent).await?,
        };
        Ok(Staged { index, steps })
    }

    async fn put(
        &mut self,
        asked: &Asked,
        id: &str,
        item: &Arc<Value>,
        condition: &Condition,
    ) -> Result<Step, ChangeError> {
        let collection = self.session.collection.to_owned();
        let expects = matches!(condition, Condition::Present | Condition::Matches(_));
        let place = self.place_of(id)?;
        let there = self.session.storage.are_there(vec![place.clone()]).await?;
        let looks = is_looked_at(&place, there.first() == Some(&true), asked.looks || expects);
        let Some(found) = self.find(id, &place, looks).await? else {
            if expects {
                return Err(ChangeError::Missing { collection, id: id.to_owned() });
            }
            return self.insert(id, place, item).await;
        };
        self.hold(condition, id, &found)?;
        self.session.widen(item);
        let (id, item) = (id.to_owned(), Arc::clone(item));
        Ok(Step::Replace { id, at: found.at, item, by: found.by, etag: found.etag })
    }

    async fn delete(&mut self, id: &str, condition: &Condition) -> Result<Step, ChangeError> {
        let missing =
            || ChangeError::Missing { collection: self.session.collection.to_owned(), id: id.to_owned() };
        let missing = missing();
        let place = self.place_of(id)?;
        let found = self.find(id, &place, true).await?.ok_or(missing)?;
        self.hold(condition, id, &found)?;
        let tree = self.session.tree;
        let document = self.session.change(&found.by)?;
        if let Some(index) = tree.find(document, "item", &found.at) {
            document.remove(index)?;
        }
        Ok(Step::Remove { id: id.to_owned(), at: found.at, by: found.by })
    }

    async fn make(
        &mut self,
        asked: &Asked,
        items: &[(String, Arc<Value>)],
    ) -> Result<Vec<Step>, ChangeError> {
        let places = items.iter().map(|(id, _)| self.place_of(id)).collect::<Result<Vec<_>, _>>()?;
        let there = self.session.storage.are_there(places.clone()).await?;
        let mut exist = Vec::new();
        for (((id, _), place), there) in items.iter().zip(&places).zip(there) {
            let looks = is_looked_at(place, there, asked.looks);
            if !asked.linked.contains(place) && self.find(id, place, looks).await?.is_some() {
                exist.push(id.clone());
            }
        }
        if !exist.is_empty() {
            return Err(ChangeError::Exists { collection: self.session.collection.to_owned(), ids: exist });
        }
        let mut steps = Vec::with_capacity(items.len());
        for ((id, item), place) in items.iter().zip(places) {
            // Whoever found the intent may have linked some.
            let is_linked = asked.linked.contains(&place)
                || asked.intent.is_some() && self.session.find_link(&place, &[]).await?.is_some();
            steps.push(if is_linked {
                Step::Linked { id: id.clone(), at: place }
            } else {
                self.insert(id, place, item).await?
            });
        }
        Ok(steps)
    }

    /// Items of an intent; those that are gone, or linked by now, need nothing.
    async fn finish(&mut self, items: &[Location], intent: &Location) -> Result<Vec<Step>, ChangeError> {
        let mut steps = Vec::new();
        match self.session.storage.meta(intent).await {
            // Who wrote it brought it to its end.
            Err(StorageError::NotFound { .. }) => return Ok(steps),
            found => drop(found?),
        }
        for at in items {
            let (_, json) = match self.session.storage.fetch(at).await {
                Ok(found) => found,
                Err(StorageError::NotFound { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let Ok(item) = serde_json::from_slice::<Value>(&json) else { continue };
            let Some(id) = item.get("id").and_then(Value::as_str).map(str::to_owned) else { continue };
            let hints = self.hints(at, &item);
            if self.session.find_link(at, &hints).await?.is_some() {
                steps.push(Step::Linked { id, at: at.clone() });
            } else {
                let by = self.session.shelf_for(shelf_time(&item)).await?;
                self.link(&by, at, &item)?;
                steps.push(Step::Link { id, at: at.clone(), by });
            }
        }
        Ok(steps)
    }

    async fn insert(&mut self, id: &str, at: Location, item: &Arc<Value>) -> Result<Step, ChangeError> {
        let by = self.session.shelf_for(shelf_time(item)).await?;
        self.link(&by, &at, item)?;
        Ok(Step::Insert { id: id.to_owned(), at, item: Arc::clone(item), by })
    }

    fn link(&mut self, by: &Location, at: &Location, item: &Value) -> Result<(), ChangeError> {
        self.session.widen(item);
        self.session.note_time(at, shelf_time(item));
        let href = self.session.tree.href(by, at)?;
        let title = item.pointer("/properties/title").and_then(Value::as_str);
        self.session.change(by)?.push(&titled(Link::item(href).geojson(), title))
    }

    /// Where `build` puts an Item of that id.
    fn place_of(&self, id: &str) -> Result<Location, ChangeError> {
        let tree = self.session.tree;
        let folder = tree.path(&self.session.home.parent())?;
        tree.at(&Layout::item(&folder, &[], id))
    }

    fn hold(&self, condition: &Condition, id: &str, found: &Found) -> Result<(), ChangeError> {
        let collection = self.session.collection;
        match condition {
            Condition::None | Condition::Present => Ok(()),
            Condition::Absent => {
                Err(ChangeError::Exists { collection: collection.to_owned(), ids: vec![id.to_owned()] })
            }
            Condition::Matches(tags) => {
                let resolver = &self.session.tree.resolver;
                let tag = self.mirror.item_tag(&source(collection, &found.at, &found.json, resolver));
                let what = || format!("the Item '{id}' of '{collection}'");
                if tags.contains(&tag) { Ok(()) } else { Err(ChangeError::Changed { what: what() }) }
            }
        }
    }

    /// The Item of that id, if one is linked: where it is known to be, and, if that is to be `looked` at, in its usual place.
    async fn find(&mut self, id: &str, place: &Location, looks: bool) -> Result<Option<Found>, ChangeError> {
        let known = self.mirror.locate(self.session.collection, id);
        let mut candidates: Vec<Location> = known.into_iter().collect();
        if looks && !candidates.contains(place) {
            candidates.push(place.clone());
        }
        for at in candidates {
            let (meta, json) = match self.session.storage.fetch(&at).await {
                Ok(found) => found,
                Err(StorageError::NotFound { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let document: Value = serde_json::from_slice(&json).unwrap_or_default();
            let hints = self.hints(&at, &document);
            let Some(by) = self.session.find_link(&at, &hints).await? else { continue };
            if !matches!(kind_of(&document), Ok(Kind::Item)) {
                let what = format!("the Item '{id}' of '{}'", self.session.collection);
                let reason = "its document holds other Items too, or cannot be understood; only Items with documents of \
                              their own can be changed: `cairn build` makes such a tree";
                return Err(ChangeError::NotWritable { what, reason: reason.to_owned() });
            }
            return Ok(Some(Found { at, by, json, etag: meta.etag }));
        }
        Ok(None)
    }

    /// Where the document says that it is linked.
    fn hints(&self, at: &Location, document: &Value) -> Vec<Location> {
        let links = crate::tree::links::links_of(document).into_iter();
        let parent = links.filter(|link| link.rel == "parent");
        parent.filter_map(|link| self.session.tree.resolver.resolve(at, &link.href).ok()).collect()
    }
}

/// An Item's document as who shows it reads it.
pub(super) fn source<'a>(
    collection: &'a str,
    location: &'a Location,
    json: &'a [u8],
    resolver: &'a Resolver,
) -> ItemSource<'a> {
    ItemSource { location, json, collection: Some(collection), parent_id: collection, resolver }
}

/// On disk a look tells; in a store who writes first finds out, unless that has been tried.
fn is_looked_at(place: &Location, there: bool, looks: bool) -> bool {
    if place.as_path().is_some() { there } else { looks }
}

/// What is needed of the documents that link: for each of those that are there already, who waits for it.
pub(super) fn needed(session: &Session<'_>, staged: &Staged) -> HashSet<Location> {
    let by = staged.steps.iter().filter_map(|step| match step {
        Step::Insert { by, .. } | Step::Link { by, .. } | Step::Remove { by, .. } => {
            Some(session.anchor(by).clone())
        }
        Step::Replace { .. } | Step::Linked { .. } => None,
    });
    by.collect()
}
