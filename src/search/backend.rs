//! All that patches, assets and the API see of a catalogue.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::BoxStream;

use super::aggregate::Aggregated;
use super::aggregation::Aggregations;
use super::query::Search;
use super::queryables::Queryable;
use super::token::Token;
use crate::catalog::BodyError;
use crate::stac::{ItemBody, ItemError, ItemFacts};

/// A catalogue that answers questions, whoever keeps it.
pub trait Backend: Send + Sync + std::fmt::Debug {
    /// One page of Items with the exact number of all that match.
    fn page<'a>(&'a self, search: &'a Search) -> BoxFuture<'a, Result<Page, SearchError>>;

    /// The facts of all Items that match, in the order of pages; `limit` and `token` do not count.
    fn select(&self, search: Search) -> BoxStream<'static, Result<Arc<ItemFacts>, SearchError>>;

    /// All Items that match, in the order of pages and in bounded memory; `limit` and `token` do not count.
    fn export(&self, search: Search) -> Matches;

    /// The Items that match, counted; `limit`, `token`, `sort` and `fields` do not count.
    fn aggregate<'a>(
        &'a self,
        search: &'a Search,
        wanted: &'a Aggregations,
    ) -> BoxFuture<'a, Result<Vec<Aggregated>, SearchError>>;

    /// What the Items of one Collection, or of all, can be asked for, by name.
    fn queryables<'a>(
        &'a self,
        collection: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<Queryable>, SearchError>>;

    /// A hash of all that the catalogue holds now, the same for replicas that hold the same; cheap, since every request asks
    /// for it. `None`: there is none, and answers cannot be told apart without reading them.
    fn version(&self) -> Option<u128>;

    /// One Item.
    fn item<'a>(
        &'a self,
        collection: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Item>, SearchError>>;

    /// All Collections.
    fn collections(&self) -> BoxFuture<'_, Result<Vec<Collection>, SearchError>>;

    /// One Collection.
    fn collection<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Collection>, SearchError>>;

    /// What the root document says of the whole.
    fn about(&self) -> BoxFuture<'_, Result<About, SearchError>>;
}

/// All Items that match a question at one moment, to be gone through as often as needed.
#[derive(Clone)]
pub struct Matches {
    read: Arc<dyn Fn() -> BoxStream<'static, Result<Item, SearchError>> + Send + Sync>,
}

impl Matches {
    /// What `read` gives, each time the same.
    pub fn new(
        read: impl Fn() -> BoxStream<'static, Result<Item, SearchError>> + Send + Sync + 'static,
    ) -> Self {
        Self { read: Arc::new(read) }
    }

    /// The Items from the first on. An Item that cannot be given is an error, after which nothing follows.
    #[must_use]
    pub fn items(&self) -> BoxStream<'static, Result<Item, SearchError>> {
        (self.read)()
    }
}

impl std::fmt::Debug for Matches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Matches").finish_non_exhaustive()
    }
}

/// One page of an answer.
#[derive(Debug)]
pub struct Page {
    /// The Items in the order that the question asks for.
    pub items: Vec<Item>,
    /// Items that match in all.
    pub matched: u64,
    /// The token of the page that follows, when one does.
    pub next: Option<Token>,
}

/// An Item as it is served.
#[derive(Debug, Clone)]
pub struct Item {
    /// The id of its Collection.
    pub collection: String,
    /// Its id.
    pub id: String,
    /// Its document.
    pub body: Arc<ItemBody>,
}

/// A Collection as it is served.
#[derive(Debug, Clone)]
pub struct Collection {
    /// Its id.
    pub id: String,
    /// Its document, with only the links that lead out of the catalogue.
    pub document: serde_json::Value,
}

impl Collection {
    /// Tells its document from its other states; with quotes, as HTTP's `ETag` has it.
    #[must_use]
    pub fn tag(&self) -> String {
        crate::stac::tag(self.document.to_string().as_bytes())
    }

    /// What people call it: its title, or else its id.
    #[must_use]
    pub fn title(&self) -> &str {
        self.document.get("title").and_then(serde_json::Value::as_str).unwrap_or(&self.id)
    }
}

/// The catalogue as a whole.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// Title of the root, if it has one.
    pub title: Option<String>,
    /// Description of the root, if it has one.
    pub description: Option<String>,
    /// Items in all Collections.
    pub items: u64,
}

/// Why a question could not be answered; never because nothing matched.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The packed document of an Item is damaged.
    #[error("the document of the Item '{id}' in '{collection}' cannot be unpacked")]
    Body {
        /// The id of its Collection.
        collection: String,
        /// Its id.
        id: String,
        /// What is wrong with it.
        source: BodyError,
    },
    /// An Item that was taken in cannot be read back.
    #[error("the document of the Item '{id}' in '{collection}' cannot be read")]
    Item {
        /// The id of its Collection.
        collection: String,
        /// Its id.
        id: String,
        /// What is wrong with it.
        source: ItemError,
    },
}
