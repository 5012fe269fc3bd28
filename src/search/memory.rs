//! The backend over a catalogue in memory.

use std::sync::Arc;

use arc_swap::ArcSwap;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};
use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};

use super::aggregate::Aggregated;
use super::aggregation::Aggregations;
use super::backend::{About, Backend, Collection, Item, Page, SearchError};
use super::query::Search;
use super::queryables::Queryable;
use super::token::Token;
use super::{naive, scan};
use crate::catalog::{Catalog, Snapshot};
use crate::pool::Pool;
use crate::stac::{ItemError, ItemFacts};

/// Items whose facts are read in one piece of work.
const FACTS_AT_ONCE: usize = 64;

/// Memory for the facts of Items that were asked for last, in bytes.
const FACTS_BYTES: u64 = 64 << 20;

/// Two hash functions, which make one of 128 bits.
const SECRETS: [RapidSecrets; 2] = [RapidSecrets::seed(1), RapidSecrets::seed(2)];

/// Facts of Items by generation of the snapshot and row.
type Facts = moka::sync::Cache<(u64, u32), Arc<ItemFacts>>;

/// Answers from the current snapshot of a [`Catalog`].
#[derive(Debug, Clone)]
pub struct Memory {
    catalog: Arc<Catalog>,
    pool: Pool,
    facts: Facts,
    version: Arc<ArcSwap<Version>>,
}

/// The hash of a snapshot's content.
#[derive(Debug)]
struct Version {
    generation: u64,
    content: u128,
}

impl Version {
    fn of(snapshot: &Snapshot) -> Self {
        Self { generation: snapshot.generation(), content: content(snapshot) }
    }
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
        let version = Arc::new(ArcSwap::from_pointee(Version::of(&catalog.snapshot())));
        Self { catalog, pool, facts, version }
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
            let rows = pool.run(move || rows(&scanned, &search)).await;
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

    fn export(&self, search: Search) -> BoxStream<'static, Result<Item, SearchError>> {
        let (snapshot, pool) = (self.catalog.snapshot(), self.pool.clone());
        async move {
            let scanned = Arc::clone(&snapshot);
            let rows = pool.run(move || rows(&scanned, &search)).await;
            stream::iter(rows).map(move |row| Ok(item(&snapshot, row)))
        }
        .flatten_stream()
        .boxed()
    }

    fn aggregate<'a>(
        &'a self,
        search: &'a Search,
        wanted: &'a Aggregations,
    ) -> BoxFuture<'a, Result<Vec<Aggregated>, SearchError>> {
        let (snapshot, search, wanted) = (self.catalog.snapshot(), search.clone(), wanted.clone());
        async move { Ok(self.pool.run(move || naive::aggregate(&snapshot, &search, &wanted)).await) }.boxed()
    }

    fn queryables<'a>(
        &'a self,
        collection: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<Queryable>, SearchError>> {
        let (snapshot, collection) = (self.catalog.snapshot(), collection.map(str::to_owned));
        async move { Ok(self.pool.run(move || naive::queryables(&snapshot, collection.as_deref())).await) }
            .boxed()
    }

    fn version(&self) -> Option<u128> {
        let snapshot = self.catalog.snapshot();
        let known = self.version.load();
        if known.generation == snapshot.generation() {
            return Some(known.content);
        }
        let now = Version::of(&snapshot);
        let content = now.content;
        self.version.store(Arc::new(now));
        Some(content)
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
    if needs_documents(search) {
        return naive::page(snapshot, search);
    }
    let found = scan::matches(snapshot, search);
    let next = found.rows.last().filter(|_| found.more).map(|row| Token {
        sort: Vec::new(),
        start: snapshot.start(*row),
        id: snapshot.id(*row).to_owned(),
        collection: snapshot.collection_id(*row).to_owned(),
    });
    let items = found.rows.iter().map(|row| item(snapshot, *row)).collect();
    Page { items, matched: found.matched, next }
}

/// True when the columns alone cannot answer.
fn needs_documents(search: &Search) -> bool {
    search.filter.is_some() || search.text.is_some() || !search.sort.is_empty()
}

/// All rows that match, in the order of answers.
fn rows(snapshot: &Snapshot, search: &Search) -> Vec<u32> {
    if needs_documents(search) { naive::rows(snapshot, search) } else { scan::all(snapshot, search) }
}

/// A hash of all that a snapshot serves. Those of the Items are added up, so that their order does not matter.
fn content(snapshot: &Snapshot) -> u128 {
    let hash = |bytes: &[u8]| {
        let halves = SECRETS.map(|secrets| rapidhash_v3_seeded(bytes, &secrets));
        u128::from(halves[0]) << 64 | u128::from(halves[1])
    };
    let root = format!("{:?} {:?}", snapshot.title, snapshot.description);
    let mut sum = hash(root.as_bytes());
    for collection in snapshot.collections() {
        sum = sum.wrapping_add(hash(collection.document.to_string().as_bytes()));
    }
    let mut document = Vec::new();
    for row in 0..u32::try_from(snapshot.len()).unwrap_or(u32::MAX) {
        document.clear();
        snapshot.body(row).write(&mut document, |_, _| None, "");
        sum = sum.wrapping_add(hash(&document));
    }
    sum
}

/// The document of a row.
pub(super) fn item(snapshot: &Snapshot, row: u32) -> Item {
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
