//! Reading a tree through its links, from the root to the Items.
//!
//! Documents are read concurrently and handed on in load order: a document's own links in their order, depth first. A
//! document that cannot be read or understood is a [`Problem`] with its location, and the walk goes on; only the root
//! must be there, and only documents in the allowed places are read. What is found is handed on as it is read, so that a tree of any size passes through little memory; a
//! second walk reads those documents only whose state has changed.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::found::{Before, Document, Found, ItemSource, Known, Parent, Problem, Sums, state_text};
use super::links::{Kind, KindError, Resolver, kind_of, links_of};
use crate::pool::Pool;
use crate::storage::{Location, Places, Storage, StorageError};

/// Documents read at once.
const READ_AT_ONCE: usize = 32;

/// The same where each takes the time of a network.
const READ_AT_ONCE_FAR: usize = 64;

/// Documents of one parent that are being read, or wait for one before them: a late one must not leave the others' places
/// empty, as those are handed on in their order.
const READ_AHEAD: usize = 512;

/// Documents that are understood in one piece of work, at most.
const UNDERSTOOD_AT_ONCE: usize = 64;

/// The deepest nesting of catalogs that is followed.
const MAX_DEPTH: usize = 64;

/// The most documents that are read: a server that makes links up has no end of them.
const MAX_DOCUMENTS: usize = 20_000_000;

/// Why a tree could not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// The root is not to be had.
    #[error("cannot read the root of the catalogue")]
    Storage(#[from] StorageError),
    /// The root is no STAC document.
    #[error("{location}, the root of the catalogue, is no STAC document")]
    Root {
        /// Where it lies.
        location: Location,
        /// What it is instead.
        source: KindError,
    },
}

struct Walker<T> {
    storage: Storage,
    places: Option<Places>,
    pool: Pool,
    resolver: Resolver,
    on_item: Box<dyn Fn(&ItemSource<'_>) -> T + Send + Sync>,
    known: Box<Known>,
    sums: Sums,
    seen: Mutex<HashSet<Location>>,
    /// For documents that may be read at once.
    turns: Semaphore,
}

/// What is known on the way down.
#[derive(Clone)]
struct Above {
    collection: Option<Arc<str>>,
    parent_id: Arc<str>,
    depth: usize,
}

impl Above {
    /// What a document is found under, which decides what its Items become.
    fn context(&self) -> &str {
        self.collection.as_deref().unwrap_or(&self.parent_id)
    }
}

/// What a branch of the tree holds.
type Branch<T> = BoxStream<'static, Found<T>>;

/// Walks the tree below `root`; `on_item` runs on the pool, once for each Item. Documents that are still in the state that
/// `known` has of them are not read, nor are those outside of `places`, where those are given. Of what is read, `sums` is
/// noted.
///
/// # Errors
/// When the root cannot be read; everything below it is reported and passed over instead.
pub async fn walk<T: Send + 'static>(
    storage: &Storage,
    places: Option<Places>,
    pool: &Pool,
    root: &Location,
    known: Box<Known>,
    sums: Sums,
    on_item: impl Fn(&ItemSource<'_>) -> T + Send + Sync + 'static,
) -> Result<Branch<T>, WalkError> {
    let above = Above { collection: None, parent_id: "items".into(), depth: 0 };
    let (meta, bytes) = storage.fetch(root).await?;
    let state = Some(state_text(&meta, above.context()));
    let not_stac = |source| WalkError::Root { location: root.clone(), source };
    let document: Value = serde_json::from_slice(&bytes).map_err(|e| not_stac(e.into()))?;
    kind_of(&document).map_err(not_stac)?;
    let walker = Arc::new(Walker {
        storage: storage.clone(),
        places,
        pool: pool.clone(),
        resolver: Resolver::new(root, &document).within(storage),
        on_item: Box::new(on_item),
        known,
        sums,
        seen: Mutex::new(HashSet::from([root.clone()])),
        turns: Semaphore::new(if root.as_path().is_none() { READ_AT_ONCE_FAR } else { READ_AT_ONCE }),
    });
    let document = Document { location: root.clone(), state, md5: None, is_same: false };
    let fetched = vec![Fetched::Looked { document, read: Ok(Some(bytes)) }];
    let visited = Arc::clone(&walker).visit(fetched, above.clone()).await;
    let branches = stream::iter(visited).flat_map(move |(document, visited)| {
        after(document, Arc::clone(&walker).expand(visited, above.clone()))
    });
    Ok(branches.boxed())
}

fn after<T: Send + 'static>(document: Option<Document>, found: Branch<T>) -> Branch<T> {
    stream::iter(document.map(Found::Document)).chain(found).boxed()
}

impl<T: Send + 'static> Walker<T> {
    /// True for the first link to a document: it is read once however often it is linked.
    fn is_first(&self, location: &Location) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(location.clone())
    }

    /// Why a document is not read.
    async fn refusal(&self, location: &Location) -> Option<String> {
        let count = self.seen.lock().unwrap_or_else(PoisonError::into_inner).len();
        if count > MAX_DOCUMENTS {
            return Some(format!("the tree has more than {MAX_DOCUMENTS} documents"));
        }
        let places = self.places.as_ref()?;
        if self.storage.admits(places, location).await {
            return None;
        }
        if places.allow(location) {
            let reason = "it leads out of the places that may be read; admit where it leads to with --allow";
            return Some(reason.to_owned());
        }
        let folder = location.parent();
        Some(format!("it lies outside the places that may be read; admit it with --allow {folder}"))
    }

    /// Reads a linked document.
    async fn fetch(self: Arc<Self>, location: Location, above: Above) -> Fetched {
        // It is never closed.
        let _turn = self.turns.acquire().await;
        if let Some(reason) = self.refusal(&location).await {
            return Fetched::Refused(Problem { location, reason });
        }
        let before = (self.known)(&location);
        let etag = before.as_ref().and_then(|before| before.etag_under(above.context()));
        let read = match (etag, &before) {
            (Some(_), Some(Before { is_current: true, .. })) => Ok(None),
            (Some(etag), _) => self.storage.fetch_unless(&location, etag).await,
            (None, _) => self.storage.fetch(&location).await.map(Some),
        };
        let is_same = matches!(read, Ok(None));
        let state = match &read {
            Ok(None) => before.map(|before| before.state),
            Ok(Some((meta, _))) => Some(state_text(meta, above.context())),
            Err(StorageError::NotFound { .. }) => None,
            // What cannot be read is there all the same.
            Err(_) => Some(String::new()),
        };
        let document = Document { location, state, md5: None, is_same };
        Fetched::Looked { document, read: read.map(|found| found.map(|(_, bytes)| bytes)) }
    }

    /// As [`Walker::fetch`] in a task of its own, on any of the runtime's threads: requests of many documents are made side
    /// by side, also while whoever walks is busy with what came before.
    async fn fetch_aside(self: Arc<Self>, location: Location, above: Above) -> Option<Fetched> {
        let mut task = Task(tokio::spawn(self.fetch(location, above)));
        match (&mut task.0).await {
            Ok(fetched) => Some(fetched),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime ends, and nobody waits any more.
                Err(_cancelled) => None,
            },
        }
    }

    /// What was fetched at one time is understood in one piece of work: documents are small, and threads slow to wake.
    async fn visit(
        self: Arc<Self>,
        fetched: Vec<Fetched>,
        above: Above,
    ) -> Vec<(Option<Document>, Visited<T>)> {
        let pool = self.pool.clone();
        let visit = move |fetched| {
            let (mut document, read) = match fetched {
                Fetched::Looked { document, read } => (document, read),
                Fetched::Refused(problem) => return (None, Visited::Done(vec![Found::Outside(problem)])),
            };
            let visited = match read {
                Ok(Some(bytes)) => {
                    document.md5 = self.sums.of(&bytes);
                    self.understand(&document.location, &bytes, &above)
                }
                Ok(None) => Visited::Done(Vec::new()),
                Err(error) => Visited::Done(vec![problem(document.location.clone(), &error)]),
            };
            (Some(document), visited)
        };
        pool.run(move || fetched.into_iter().map(visit).collect()).await
    }

    /// What follows a document.
    fn expand(self: Arc<Self>, visited: Visited<T>, above: Above) -> Branch<T> {
        match visited {
            Visited::Done(found) => stream::iter(found).boxed(),
            Visited::Parent(parent) => self.descend(parent, above),
        }
    }

    /// The CPU part of a visit: parses the document, and makes Items of it where it is one.
    fn understand(&self, location: &Location, bytes: &[u8], above: &Above) -> Visited<T> {
        // Nearly all documents are Items, which are parsed where they are taken in.
        if matches!(serde_json::from_slice::<Typed<'_>>(bytes), Ok(Typed { r#type: "Feature" })) {
            return Visited::Done(vec![self.item(location, bytes, above)]);
        }
        let parsed = serde_json::from_slice::<Value>(bytes)
            .map_err(KindError::from)
            .and_then(|document| Ok((kind_of(&document)?, document)));
        match parsed {
            Ok((kind @ (Kind::Catalog | Kind::Collection), document)) => {
                Visited::Parent(Parent { location: location.clone(), document, kind })
            }
            Ok((Kind::Item, _)) => Visited::Done(vec![self.item(location, bytes, above)]),
            Ok((Kind::ItemCollection, _)) => Visited::Done(self.features(location, bytes, above)),
            Err(error) => Visited::Done(vec![problem(location.clone(), &error)]),
        }
    }

    fn item(&self, location: &Location, json: &[u8], above: &Above) -> Found<T> {
        Found::Item((self.on_item)(&ItemSource {
            location,
            json,
            collection: above.collection.as_deref(),
            parent_id: &above.parent_id,
            resolver: &self.resolver,
        }))
    }

    fn features(&self, location: &Location, bytes: &[u8], above: &Above) -> Vec<Found<T>> {
        #[derive(serde::Deserialize)]
        struct Features<'a> {
            #[serde(borrow, default)]
            features: Vec<&'a serde_json::value::RawValue>,
        }
        match serde_json::from_slice::<Features<'_>>(bytes) {
            Ok(collection) => {
                collection.features.iter().map(|f| self.item(location, f.get().as_bytes(), above)).collect()
            }
            Err(error) => vec![problem(location.clone(), &error)],
        }
    }

    fn descend(self: Arc<Self>, parent: Parent, above: Above) -> Branch<T> {
        let id: Arc<str> = parent.document.get("id").and_then(Value::as_str).unwrap_or("items").into();
        let below = Above {
            collection: if parent.kind == Kind::Collection {
                Some(Arc::clone(&id))
            } else {
                above.collection
            },
            parent_id: id,
            depth: above.depth + 1,
        };
        if below.depth > MAX_DEPTH {
            let reason = format!("catalogs are nested more than {MAX_DEPTH} deep");
            return stream::iter([Found::Problem(Problem { location: parent.location, reason })]).boxed();
        }
        let mut found = Vec::new();
        let mut wanted = Vec::new();
        for link in links_of(&parent.document) {
            if matches!(link.rel.as_str(), "child" | "item" | "items") {
                match self.resolver.resolve(&parent.location, &link.href) {
                    Ok(location) => wanted.push(location),
                    Err(error) => found.push(problem(parent.location.clone(), &error)),
                }
            }
        }
        found.insert(0, Found::Parent(parent));
        // One for each of three closures.
        let above = || (Arc::clone(&self), below.clone());
        let (opening, (fetching, of_fetched), (visiting, of_visited), (expanding, of_expanded)) =
            (Arc::clone(&self), above(), above(), above());
        let first = wanted.into_iter().filter(move |location| opening.is_first(location));
        let visited = stream::iter(first)
            .map(move |location| Arc::clone(&fetching).fetch_aside(location, of_fetched.clone()))
            .buffered(READ_AHEAD)
            .filter_map(futures::future::ready)
            .ready_chunks(UNDERSTOOD_AT_ONCE)
            .map(move |some| Arc::clone(&visiting).visit(some, of_visited.clone()))
            .buffered(2 * self.pool.width());
        let branches = visited.flat_map(stream::iter).flat_map(move |(document, visited)| {
            after(document, Arc::clone(&expanding).expand(visited, of_expanded.clone()))
        });
        stream::iter(found).chain(branches).boxed()
    }
}

/// The one member of a document that tells Items from others.
#[derive(Deserialize)]
struct Typed<'a> {
    r#type: &'a str,
}

/// A task that ends when nobody waits for it any more.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A link followed.
enum Fetched {
    /// A document as it was found; no bytes when it is in the state that was known.
    Looked { document: Document, read: Result<Option<Bytes>, StorageError> },
    /// Not looked at.
    Refused(Problem),
}

enum Visited<T> {
    Done(Vec<Found<T>>),
    Parent(Parent),
}

fn problem<T>(location: Location, error: &dyn std::error::Error) -> Found<T> {
    Found::Problem(Problem::of(location, error))
}
