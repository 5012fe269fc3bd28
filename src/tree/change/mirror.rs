//! Who shows the tree to others.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;

use crate::stac::tag;
use crate::storage::{Location, Meta};
use crate::tree::found::ItemSource;
use crate::tree::links::Resolver;

/// One committed change.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "nearly all are Items, the largest")]
pub enum Change {
    /// An Item is there, or another than before.
    Item {
        /// The id of its Collection.
        collection: String,
        /// Its id.
        id: String,
        /// Its document.
        location: Location,
        /// What the document is now.
        meta: Meta,
        /// The document's bytes.
        json: bytes::Bytes,
        /// For its relative hrefs.
        resolver: Resolver,
    },
    /// An Item is gone.
    NoItem {
        /// The id of its Collection.
        collection: String,
        /// Its id.
        id: String,
        /// The document that held it.
        location: Location,
    },
    /// A Collection is there, or another than before.
    Collection {
        /// Its document.
        location: Location,
        /// What the document is now.
        meta: Meta,
        /// The document.
        document: Value,
    },
    /// A Collection and all its Items are gone.
    NoCollection {
        /// Its id.
        id: String,
    },
    /// A document that links others is not what it was.
    Links {
        /// Where it is.
        location: Location,
        /// What it is now.
        meta: Meta,
    },
}

/// Who shows the tree to others: it knows where Items are, and is told of every commit before that is acknowledged.
pub trait Mirror: std::fmt::Debug + Send + Sync {
    /// The document that holds an Item, as far as is known: it may have moved or gone since.
    fn locate(&self, collection: &str, id: &str) -> Option<Location>;

    /// Tells an Item's document from its other states, as who shows it names them; with quotes.
    fn item_tag(&self, item: &ItemSource<'_>) -> String;

    /// The same of a Collection's document.
    fn collection_tag(&self, location: &Location, document: &Value) -> String;

    /// True when a Collection of that id is shown, from wherever it comes.
    fn shows(&self, collection: &str) -> bool;

    /// Takes in what was committed; what is asked afterwards is answered by it. The tags of the Items that are there, in
    /// their order.
    fn committed(&self, changes: Vec<Change>) -> BoxFuture<'_, Vec<String>>;
}

/// Nobody shows the tree.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Mirror for Alone {
    fn locate(&self, _collection: &str, _id: &str) -> Option<Location> {
        None
    }

    fn item_tag(&self, item: &ItemSource<'_>) -> String {
        tag(item.json)
    }

    fn collection_tag(&self, _location: &Location, document: &Value) -> String {
        tag(document.to_string().as_bytes())
    }

    fn shows(&self, _collection: &str) -> bool {
        false
    }

    fn committed(&self, changes: Vec<Change>) -> BoxFuture<'_, Vec<String>> {
        let tags = changes.iter().filter_map(|change| match change {
            Change::Item { json, .. } => Some(tag(json)),
            _ => None,
        });
        std::future::ready(tags.collect()).boxed()
    }
}
