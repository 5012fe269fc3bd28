//! A document that links others, read to be changed.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use stac::Link;

use super::ChangeError;
use crate::storage::{Location, Meta, Storage, StorageError};
use crate::tree::links::{Kind, kind_of};

/// Spells the document of a Collection, as against a Catalog.
const COLLECTION_NAME: &str = "collection.json";

/// A Catalog or Collection as it is, or as it is to be.
#[derive(Debug, Clone)]
pub(super) struct LinkDocument {
    pub(super) location: Location,
    /// What it was read as; nothing for a new one.
    pub(super) read: Option<Meta>,
    pub(super) document: Arc<Value>,
    /// True when it is no longer as it was read.
    pub(super) is_changed: bool,
    /// Items that it links.
    items: usize,
}

impl LinkDocument {
    /// A new one.
    pub(super) fn new(location: Location, document: Value) -> Self {
        Self {
            location,
            read: None,
            items: count(&document),
            document: Arc::new(document),
            is_changed: false,
        }
    }

    /// Reads one; nothing when it is not there.
    pub(super) async fn read(storage: &Storage, location: &Location) -> Result<Option<Self>, ChangeError> {
        match storage.fetch(location).await {
            Ok((meta, bytes)) => Self::parse(location, meta, &bytes).map(Some),
            Err(StorageError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// This one as it is now, read again only if it is another; nothing when it is gone.
    pub(super) async fn renewed(self, storage: &Storage) -> Result<Option<Self>, ChangeError> {
        let Some(known) = &self.read else { return Self::read(storage, &self.location).await };
        match storage.fetch_unless_still(&self.location, known).await {
            Ok(None) => Ok(Some(self)),
            Ok(Some((meta, bytes))) => Self::parse(&self.location, meta, &bytes).map(Some),
            Err(StorageError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn parse(location: &Location, meta: Meta, bytes: &[u8]) -> Result<Self, ChangeError> {
        let damaged = |reason: String| ChangeError::Damaged { what: location.to_string(), reason };
        let document: Value = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        match kind_of(&document) {
            Ok(Kind::Catalog | Kind::Collection) => {}
            Ok(kind) => return Err(damaged(format!("it is to be a Catalog or Collection, not {kind:?}"))),
            Err(error) => return Err(damaged(error.to_string())),
        }
        let (location, items) = (location.clone(), count(&document));
        Ok(Self { location, read: Some(meta), document: Arc::new(document), is_changed: false, items })
    }

    /// The `ETag` of what it was read as; nothing for a new one.
    pub(super) fn etag(&self) -> Option<String> {
        self.read.as_ref().map(|meta| meta.etag.clone())
    }

    /// Its links.
    pub(super) fn count_links(&self) -> usize {
        self.document.get("links").and_then(Value::as_array).map_or(0, Vec::len)
    }

    /// True for a Collection.
    pub(super) fn is_collection(&self) -> bool {
        matches!(kind_of(&self.document), Ok(Kind::Collection))
    }

    /// Its id.
    pub(super) fn id(&self) -> Option<&str> {
        self.document.get("id")?.as_str()
    }

    /// Its title.
    pub(super) fn title(&self) -> Option<&str> {
        self.document.get("title")?.as_str()
    }

    /// The places in its list, and the hrefs, of its links of that relation.
    pub(super) fn links<'a>(&'a self, rel: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
        let list = self.document.get("links").and_then(Value::as_array);
        list.into_iter().flatten().enumerate().filter_map(move |(index, link)| {
            (link.get("rel")?.as_str()? == rel).then_some((index, link.get("href")?.as_str()?))
        })
    }

    /// Items that it links.
    pub(super) fn count_items(&self) -> usize {
        self.items
    }

    /// Adds a link.
    pub(super) fn push(&mut self, link: &Link) -> Result<(), ChangeError> {
        let link = serde_json::to_value(link).map_err(|error| self.damaged(error.to_string()))?;
        let is_item = is_item(&link);
        self.list()?.push(link);
        self.items += usize::from(is_item);
        Ok(())
    }

    /// Adds a link as another document has it, but for its href.
    pub(super) fn push_moved(&mut self, mut link: Value, href: String) -> Result<(), ChangeError> {
        link["href"] = href.into();
        let is_item = is_item(&link);
        self.list()?.push(link);
        self.items += usize::from(is_item);
        Ok(())
    }

    /// Takes a link out.
    pub(super) fn remove(&mut self, index: usize) -> Result<(), ChangeError> {
        let list = self.list()?;
        if index < list.len() {
            let removed = list.remove(index);
            self.items -= usize::from(is_item(&removed));
        }
        Ok(())
    }

    /// Takes all links to Items out, with their hrefs.
    pub(super) fn take_items(&mut self) -> Result<Vec<(Value, String)>, ChangeError> {
        self.items = 0;
        let list = self.list()?;
        let (items, others): (Vec<Value>, Vec<Value>) = std::mem::take(list).into_iter().partition(is_item);
        *list = others;
        let with_href = |link: Value| {
            let href = link.get("href").and_then(Value::as_str)?.to_owned();
            Some((link, href))
        };
        Ok(items.into_iter().filter_map(with_href).collect())
    }

    fn list(&mut self) -> Result<&mut Vec<Value>, ChangeError> {
        let damaged = self.damaged("its links are no list".to_owned());
        let Some(members) = Arc::make_mut(&mut self.document).as_object_mut() else { return Err(damaged) };
        let links = members.entry("links").or_insert_with(|| Value::Array(Vec::new()));
        links.as_array_mut().ok_or(damaged)
    }

    fn damaged(&self, reason: String) -> ChangeError {
        ChangeError::Damaged { what: self.location.to_string(), reason }
    }

    /// Its bytes, as [`publish`](crate::tree::publish) writes them.
    pub(super) fn bytes(&self) -> Result<Bytes, ChangeError> {
        bytes_of(&self.document).map_err(|error| self.damaged(error.to_string()))
    }
}

fn is_item(link: &Value) -> bool {
    link.get("rel").and_then(Value::as_str) == Some("item")
}

fn count(document: &Value) -> usize {
    let links = document.get("links").and_then(Value::as_array);
    links.into_iter().flatten().filter(|link| is_item(link)).count()
}

/// True when a document at this place is a Catalog by its name, as all are between a Collection and its Items.
pub(super) fn is_shelf(location: &Location) -> bool {
    location.file_name().is_some_and(|name| name != COLLECTION_NAME)
}

/// A document's bytes, as [`publish`](crate::tree::publish) writes them.
pub(super) fn bytes_of(document: &Value) -> serde_json::Result<Bytes> {
    let mut bytes = serde_json::to_vec_pretty(document)?;
    bytes.push(b'\n');
    Ok(bytes.into())
}
