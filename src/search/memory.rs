//! The backend over a catalogue in memory.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};

use super::aggregate::Aggregated;
use super::aggregation::Aggregations;
use super::backend::{About, Backend, Collection, Item, Matches, Page, SearchError};
use super::document::{parsed, unpacked, unreadable};
use super::plan::{Plan, Question};
use super::query::{MAX_PAGE_BYTES, Search};
use super::queryables::Queryable;
use super::{census, tallied};
use crate::catalog::{BodyRef, Catalog, HotBodies, RowId, Snapshot};
use crate::pool::Pool;
use crate::stac::{ItemBody, ItemFacts};

/// Items that are read in one piece of work.
const READ_AT_ONCE: usize = 64;

/// Memory for the facts of Items that were asked for last, in bytes.
const FACTS_BYTES: u64 = 64 << 20;

/// Memory for the documents that were asked for last, unpacked, in bytes.
const HOT_BYTES: usize = 32 << 20;

/// Rows that are looked at, and Items that are unpacked, without handing the work to the pool: well below a millisecond.
const INLINE_ROWS: u64 = 50_000;
const INLINE_ITEMS: usize = 200;

/// Facts of Items by where their documents are kept.
type Facts = moka::sync::Cache<BodyRef, Arc<ItemFacts>>;

/// Answers from the current snapshot of a [`Catalog`].
#[derive(Debug, Clone)]
pub struct Memory {
    catalog: Arc<Catalog>,
    pool: Pool,
    facts: Facts,
    hot: Arc<HotBodies>,
    queryables: census::Kept,
}

impl Memory {
    /// A backend over `catalog`; long scans run on `pool`.
    #[must_use]
    pub fn new(catalog: Arc<Catalog>, pool: Pool) -> Self {
        // Facts take about as much as the document that they are read from.
        let weigh = |_: &BodyRef, facts: &Arc<ItemFacts>| {
            u32::try_from(512 + 512 * facts.assets.len()).unwrap_or(u32::MAX)
        };
        let facts = moka::sync::Cache::builder().max_capacity(FACTS_BYTES).weigher(weigh).build();
        let hot = Arc::new(HotBodies::new(HOT_BYTES));
        Self { catalog, pool, facts, hot, queryables: census::Kept::default() }
    }

    /// Answers one search on one snapshot, here and now.
    ///
    /// # Errors
    /// When a packed document is damaged.
    pub fn page_of(&self, snapshot: &Snapshot, search: &Search) -> Result<Page, SearchError> {
        let question = Question::new(search);
        self.finish(snapshot, search, &Plan::new(snapshot, &question))
    }

    fn finish(&self, snapshot: &Snapshot, search: &Search, plan: &Plan<'_>) -> Result<Page, SearchError> {
        let found = plan.page()?;
        let (mut items, mut bytes) = (Vec::with_capacity(found.rows.len()), 0);
        for at in &found.rows {
            let item = self.item_at(snapshot, *at)?;
            bytes += item.body.open_json().len();
            items.push(item);
            if bytes >= MAX_PAGE_BYTES {
                break;
            }
        }
        let more = found.more || items.len() < found.rows.len();
        let next = match items.len().checked_sub(1).and_then(|last| found.rows.get(last)).filter(|_| more) {
            Some(last) => Some(super::token::Token::after(plan.rank(*last)?, &search.sort)),
            None => None,
        };
        Ok(Page { items, matched: found.matched, next })
    }

    fn item_at(&self, snapshot: &Snapshot, at: RowId) -> Result<Item, SearchError> {
        let body = body(&self.hot, snapshot, at)?;
        Ok(Item { collection: snapshot.collection_id(at).to_owned(), id: snapshot.id(at), body })
    }
}

impl Backend for Memory {
    fn page<'a>(&'a self, search: &'a Search) -> BoxFuture<'a, Result<Page, SearchError>> {
        async move {
            let snapshot = self.catalog.snapshot();
            if search.limit <= INLINE_ITEMS {
                let question = Question::at_once(search);
                let plan = Plan::new(&snapshot, &question);
                if plan.cost() <= INLINE_ROWS {
                    return self.finish(&snapshot, search, &plan);
                }
            }
            let (this, search) = (self.clone(), search.clone());
            self.pool.search(move || this.page_of(&snapshot, &search)).await
        }
        .boxed()
    }

    fn select(&self, search: Search) -> BoxStream<'static, Result<Arc<ItemFacts>, SearchError>> {
        let known = self.facts.clone();
        each(self.catalog.snapshot(), self.pool.clone(), search, move |snapshot, at| {
            facts(&known, snapshot, at)
        })
    }

    fn export(&self, search: Search) -> Matches {
        let (snapshot, pool) = (self.catalog.snapshot(), self.pool.clone());
        Matches::new(move || {
            each(Arc::clone(&snapshot), pool.clone(), search.clone(), |snapshot, at| {
                Ok(Item {
                    collection: snapshot.collection_id(at).to_owned(),
                    id: snapshot.id(at),
                    body: Arc::new(unpacked(snapshot, snapshot.part(at), at.row)?),
                })
            })
        })
    }

    fn aggregate<'a>(
        &'a self,
        search: &'a Search,
        wanted: &'a Aggregations,
    ) -> BoxFuture<'a, Result<Vec<Aggregated>, SearchError>> {
        async move {
            let (snapshot, search, wanted) = (self.catalog.snapshot(), search.clone(), wanted.clone());
            self.pool.search(move || tallied::aggregate(&snapshot, &search, &wanted)).await
        }
        .boxed()
    }

    fn queryables<'a>(
        &'a self,
        collection: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<Queryable>, SearchError>> {
        async move {
            let (snapshot, kept) = (self.catalog.snapshot(), self.queryables.clone());
            let collection = collection.map(str::to_owned);
            self.pool.search(move || kept.of(&snapshot, collection.as_deref())).await
        }
        .boxed()
    }

    fn version(&self) -> Option<u128> {
        Some(self.catalog.snapshot().version())
    }

    fn item<'a>(
        &'a self,
        collection: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Item>, SearchError>> {
        let snapshot = self.catalog.snapshot();
        let at = snapshot.collection(collection).and_then(|(index, _)| snapshot.find(index, id));
        let found = at.map(|at| self.item_at(&snapshot, at)).transpose();
        async move { found }.boxed()
    }

    fn collections(&self) -> BoxFuture<'_, Result<Vec<Collection>, SearchError>> {
        let snapshot = self.catalog.snapshot();
        async move { Ok(snapshot.collections().map(served).collect()) }.boxed()
    }

    fn collection<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Collection>, SearchError>> {
        let snapshot = self.catalog.snapshot();
        async move { Ok(snapshot.collection(id).map(|(_, collection)| served(collection))) }.boxed()
    }

    fn about(&self) -> BoxFuture<'_, Result<About, SearchError>> {
        let snapshot = self.catalog.snapshot();
        async move {
            Ok(About {
                title: snapshot.title().map(str::to_owned),
                description: snapshot.description().map(str::to_owned),
                items: snapshot.len() as u64,
            })
        }
        .boxed()
    }
}

/// What `read` makes of all Items that match, in the order of pages, some at a time.
fn each<T: Send + 'static>(
    snapshot: Arc<Snapshot>,
    pool: Pool,
    search: Search,
    read: impl Fn(&Snapshot, RowId) -> Result<T, SearchError> + Clone + Send + 'static,
) -> BoxStream<'static, Result<T, SearchError>> {
    async move {
        let scanned = Arc::clone(&snapshot);
        let rows = pool.search(move || Plan::new(&scanned, &Question::new(&search)).all());
        let rows = match rows.await {
            Ok(rows) => rows,
            Err(error) => return stream::iter([Err(error)]).boxed(),
        };
        let pieces = (0..rows.len()).step_by(READ_AT_ONCE);
        let rows: Arc<[RowId]> = rows.into();
        let read_piece = move |from: usize| {
            let (snapshot, pool, rows, read) =
                (Arc::clone(&snapshot), pool.clone(), Arc::clone(&rows), read.clone());
            async move {
                let read = move || {
                    let piece = &rows[from..(from + READ_AT_ONCE).min(rows.len())];
                    piece.iter().map(|at| read(&snapshot, *at)).collect::<Vec<_>>()
                };
                stream::iter(pool.search(read).await)
            }
        };
        stream::iter(pieces).then(read_piece).flatten().boxed()
    }
    .flatten_stream()
    .boxed()
}

fn body(hot: &HotBodies, snapshot: &Snapshot, at: RowId) -> Result<Arc<ItemBody>, SearchError> {
    let place = snapshot.part(at).body_ref(at.row);
    if let Some(body) = hot.get(place) {
        return Ok(body);
    }
    let body = Arc::new(unpacked(snapshot, snapshot.part(at), at.row)?);
    hot.put(place, Arc::clone(&body));
    Ok(body)
}

fn facts(known: &Facts, snapshot: &Snapshot, at: RowId) -> Result<Arc<ItemFacts>, SearchError> {
    let (part, row) = (snapshot.part(at), at.row);
    if let Some(facts) = known.get(&part.body_ref(row)) {
        return Ok(facts);
    }
    let facts = ItemFacts::from_document(&parsed(snapshot, part, row)?);
    let facts = Arc::new(facts.map_err(|source| unreadable(snapshot, part, row, source))?);
    known.insert(part.body_ref(row), Arc::clone(&facts));
    Ok(facts)
}

fn served(collection: &crate::catalog::Collection) -> Collection {
    Collection { id: collection.id.clone(), document: collection.document.clone() }
}
