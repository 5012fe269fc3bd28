//! All that patches, assets and the API see of a catalogue.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::BoxStream;

use super::query::Search;
use super::token::Token;
use crate::stac::{ItemBody, ItemError, ItemFacts};

/// A catalogue that answers questions, whoever keeps it.
pub trait Backend: Send + Sync + std::fmt::Debug {
    /// One page of Items with the exact number of all that match.
    fn page<'a>(&'a self, search: &'a Search) -> BoxFuture<'a, Result<Page, SearchError>>;

    /// The facts of all Items that match, in the order of pages; `limit` and `token` do not count.
    fn select(&self, search: Search) -> BoxStream<'static, Result<Arc<ItemFacts>, SearchError>>;

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

/// One page of an answer.
#[derive(Debug)]
pub struct Page {
    /// The Items, newest first.
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
