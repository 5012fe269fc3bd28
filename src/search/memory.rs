//! The backend over a catalogue in memory.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};

use super::backend::{About, Backend, Collection, Item, Page, SearchError};
use super::query::Search;
use super::scan;
use super::token::Token;
use crate::catalog::{Catalog, Snapshot};
use crate::pool::Pool;
use crate::stac::{ItemError, ItemFacts};

/// Items whose facts are read in one piece of work.
const FACTS_AT_ONCE: usize = 64;

/// Memory for the facts of Items that were asked for last, in bytes.
const FACTS_BYTES: u64 = 64 << 20;

/// Facts of Items by generation of the snapshot and row.
type Facts = moka::sync::Cache<(u64, u32), Arc<ItemFacts>>;

/// Answers from the current snapshot of a [`Catalog`].
#[derive(Debug, Clone)]
pub struct Memory {
    catalog: Arc<Catalog>,
    pool: Pool,
    facts: Facts,
}

impl Memory {
    /// A backend over `catalog`; scans run on `pool`.
    #[must_use]
    pub fn new(catalog: Arc<Catalog>, pool: Pool) -> Self {
        // Facts take about as much as the document that they are read from.
        let weigh = |_: &(u64, u32), facts: &Arc<ItemFacts>| {
            u32::try_from(512 + 512 * facts.assets.len()).unwrap_or(u32::MAX)
        };
        let facts = moka::sync::Cache::builder().max_capacity(FACTS_BYTES).weigher(weigh).build();
        Self { catalog, pool, facts }
    }
}

impl Backend for Memory {
    fn page<'a>(&'a self, search: &'a Search) -> BoxFuture<'a, Result<Page, SearchError>> {
        async move {
            let (snapshot, search) = (self.catalog.snapshot(), search.clone());
            Ok(self.pool.run(move || page(&snapshot, &search)).await)
        }
        .boxed()
    }

    fn select(&self, search: Search) -> BoxStream<'static, Result<Arc<ItemFacts>, SearchError>> {
        let (snapshot, pool, known) = (self.catalog.snapshot(), self.pool.clone(), self.facts.clone());
        async move {
            let scanned = Arc::clone(&snapshot);
            let rows = pool.run(move || scan::all(&scanned, &search)).await;
            let pieces: Vec<Vec<u32>> = rows.chunks(FACTS_AT_ONCE).map(<[u32]>::to_vec).collect();
            stream::iter(pieces)
                .then(move |piece| {
                    let (snapshot, pool, known) = (Arc::clone(&snapshot), pool.clone(), known.clone());
                    async move {
                        let read = move || {
                            piece.into_iter().map(|row| facts(&known, &snapshot, row)).collect::<Vec<_>>()
                        };
                        stream::iter(pool.run(read).await)
                    }
                })
                .flatten()
        }
        .flatten_stream()
        .boxed()
    }

    fn item<'a>(
        &'a self,
        collection: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Item>, SearchError>> {
        let snapshot = self.catalog.snapshot();
        let row = snapshot.collection_index(collection).and_then(|index| snapshot.row_of(index, id));
        async move { Ok(row.map(|row| item(&snapshot, row))) }.boxed()
    }

    fn collections(&self) -> BoxFuture<'_, Result<Vec<Collection>, SearchError>> {
        let snapshot = self.catalog.snapshot();
        async move { Ok(snapshot.collections().iter().map(served).collect()) }.boxed()
    }

    fn collection<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Collection>, SearchError>> {
        let snapshot = self.catalog.snapshot();
        async move { Ok(snapshot.collections().iter().find(|c| c.id == id).map(served)) }.boxed()
    }

    fn about(&self) -> BoxFuture<'_, Result<About, SearchError>> {
        let snapshot = self.catalog.snapshot();
        async move {
            Ok(About {
                title: snapshot.title.clone(),
                description: snapshot.description.clone(),
                items: snapshot.len() as u64,
            })
        }
        .boxed()
    }
}

/// Answers one search on one snapshot.
#[must_use]
pub fn page(snapshot: &Snapshot, search: &Search) -> Page {
    let found = scan::matches(snapshot, search);
    let next = found.rows.last().filter(|_| found.more).map(|row| Token {
        start: snapshot.start(*row),
        id: snapshot.id(*row).to_owned(),
        collection: snapshot.collection_id(*row).to_owned(),
    });
    let items = found.rows.iter().map(|row| item(snapshot, *row)).collect();
    Page { items, matched: found.matched, next }
}

fn item(snapshot: &Snapshot, row: u32) -> Item {
    Item {
        collection: snapshot.collection_id(row).to_owned(),
        id: snapshot.id(row).to_owned(),
        body: Arc::clone(snapshot.body(row)),
    }
}

fn facts(known: &Facts, snapshot: &Snapshot, row: u32) -> Result<Arc<ItemFacts>, SearchError> {
    let key = (snapshot.generation(), row);
    if let Some(facts) = known.get(&key) {
        return Ok(facts);
    }
    let failed = |source| SearchError::Item {
        collection: snapshot.collection_id(row).to_owned(),
        id: snapshot.id(row).to_owned(),
        source,
    };
    let broken = ItemError::Field { field: "type", expected: "a JSON document" };
    let document = snapshot.body(row).parse().map_err(|_never| failed(broken))?;
    let facts = Arc::new(ItemFacts::from_document(&document).map_err(failed)?);
    known.insert(key, Arc::clone(&facts));
    Ok(facts)
}

fn served(collection: &crate::catalog::Collection) -> Collection {
    Collection { id: collection.id.clone(), document: collection.document.clone() }
}
