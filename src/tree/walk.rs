//! Reading a tree through its links, from the root to the Items.
//!
//! Documents are read concurrently and handed on in load order: a document's own links in their order, depth first. A
//! document that cannot be read or understood is a [`Problem`] with its location, and the walk goes on; only the root
//! must be there, and only documents in the allowed places are read. What is found is handed on as it is read, so that a tree of any size passes through little memory; a
//! second walk reads those documents only whose state has changed.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chrono::{Duration, Utc};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};
use serde_json::Value;

use super::links::{Kind, KindError, Resolver, kind_of, links_of};
use crate::pool::Pool;
use crate::storage::{Location, Meta, Places, Storage, StorageError};

/// Documents read at once from each parent.
const READ_AT_ONCE: usize = 32;

/// The same where each takes the time of a network.
const READ_AT_ONCE_FAR: usize = 64;

/// How old a document must be for its `ETag` to tell every later change: times on disk are coarse.
const YOUNG: Duration = Duration::seconds(2);

/// The deepest nesting of catalogs that is followed.
const MAX_DEPTH: usize = 64;

/// The most documents that are read: a server that makes links up has no end of them.
const MAX_DOCUMENTS: usize = 20_000_000;

/// Something of a tree that was left out, and why.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The document.
    pub location: Location,
    /// What was wrong with it, in one line.
    pub reason: String,
}

impl Problem {
    /// What is wrong with a document, with all that led to it.
    #[must_use]
    pub fn of(location: Location, error: &dyn std::error::Error) -> Self {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            reason = format!("{reason}: {cause}");
            source = cause.source();
        }
        Self { location, reason }
    }
}

/// A Catalog or Collection on the way.
#[derive(Debug, Clone)]
pub struct Parent {
    /// Its location.
    pub location: Location,
    /// Its document.
    pub document: Value,
    /// Catalog or Collection.
    pub kind: Kind,
}

/// An Item's bytes and where they came from.
#[derive(Debug)]
pub struct ItemSource<'a> {
    /// The document that holds the Item.
    pub location: &'a Location,
    /// The Item's JSON.
    pub json: &'a [u8],
    /// The id of the Collection that it was found under, if any.
    pub collection: Option<&'a str>,
    /// The id of the nearest Catalog or Collection above it.
    pub parent_id: &'a str,
    /// For its relative hrefs.
    pub resolver: &'a Resolver,
}

/// One thing of a tree, in load order.
#[derive(Debug)]
pub enum Found<T> {
    /// A document that was looked for; what it holds comes after it.
    Document(Document),
    /// A Catalog or Collection.
    Parent(Parent),
    /// What the caller made of an Item.
    Item(T),
    /// Left out.
    Problem(Problem),
    /// Left out, without a look at it: nothing that is there says anything of this.
    Outside(Problem),
}

/// A document of a tree, and the state it was in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its location.
    pub location: Location,
    /// Its `ETag` and what it was found under, as one text; empty when it is too young to tell a later change, and when
    /// it could not be read; nothing when it was not there.
    pub state: Option<String>,
    /// True when it is in the state that was known, and was not read again: nothing comes after it.
    pub is_same: bool,
}

/// The state in which a document was read before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// As [`Document::state`].
    pub state: String,
    /// True when a listing of this moment shows it in that state: it need not be asked for.
    pub is_current: bool,
}

impl Before {
    /// The `ETag`, when the document was found under the same.
    fn etag_under(&self, context: &str) -> Option<&str> {
        self.state.strip_suffix(context)?.strip_suffix(' ')
    }
}

/// What is known of a document that held Items only.
pub type Known = dyn Fn(&Location) -> Option<Before> + Send + Sync;

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
    seen: Mutex<HashSet<Location>>,
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
/// `known` has of them are not read, nor are those outside of `places`, where those are given.
///
/// # Errors
/// When the root cannot be read; everything below it is reported and passed over instead.
pub async fn walk<T: Send + 'static>(
    storage: &Storage,
    places: Option<Places>,
    pool: &Pool,
    root: &Location,
    known: Box<Known>,
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
        seen: Mutex::new(HashSet::from([root.clone()])),
    });
    let found = walker.visit(root.clone(), bytes, above).await;
    Ok(after(Document { location: root.clone(), state, is_same: false }, found))
}

/// A document's state as one text: its `ETag` and what it was found under. Empty for one so young that it could be written
/// again and keep its `ETag`.
#[must_use]
pub fn state_text(meta: &Meta, context: &str) -> String {
    if Utc::now() - meta.modified < YOUNG { String::new() } else { format!("{} {context}", meta.etag) }
}

/// True when a document is in the state that [`state_text`] told.
#[must_use]
pub fn is_in_state(meta: &Meta, state: &str) -> bool {
    state.strip_prefix(&meta.etag).is_some_and(|rest| rest.starts_with(' '))
}

fn after<T: Send + 'static>(document: Document, found: Branch<T>) -> Branch<T> {
    stream::iter([Found::Document(document)]).chain(found).boxed()
}

impl<T: Send + 'static> Walker<T> {
    /// Reads and visits a linked document, once however often it is linked.
    fn follow(self: Arc<Self>, location: Location, above: Above) -> BoxFuture<'static, Branch<T>> {
        async move {
            let (first, count) = {
                let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                (seen.insert(location.clone()), seen.len())
            };
            if !first {
                return stream::empty().boxed();
            }
            if let Some(reason) = self.refusal(&location, count).await {
                return stream::iter([Found::Outside(Problem { location, reason })]).boxed();
            }
            let before = (self.known)(&location);
            let etag = before.as_ref().and_then(|before| before.etag_under(above.context()));
            let read = match (etag, &before) {
                (Some(_), Some(Before { is_current: true, .. })) => Ok(None),
                (Some(etag), _) => self.storage.fetch_unless(&location, etag).await,
                (None, _) => self.storage.fetch(&location).await.map(Some),
            };
            match read {
                Ok(None) => {
                    let state = before.map(|before| before.state);
                    let same = Document { location, state, is_same: true };
                    after(same, stream::empty().boxed())
                }
                Ok(Some((meta, bytes))) => {
                    let state = Some(state_text(&meta, above.context()));
                    let document = Document { location: location.clone(), state, is_same: false };
                    after(document, self.visit(location, bytes, above).await)
                }
                Err(error) => {
                    // What cannot be read is there all the same.
                    let is_there = !matches!(error, StorageError::NotFound { .. });
                    let state = is_there.then(String::new);
                    let document = Document { location: location.clone(), state, is_same: false };
                    after(document, stream::iter([problem(location, &error)]).boxed())
                }
            }
        }
        .boxed()
    }

    /// Why a document is not read.
    async fn refusal(&self, location: &Location, count: usize) -> Option<String> {
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

    async fn visit(self: Arc<Self>, location: Location, bytes: Bytes, above: Above) -> Branch<T> {
        let this = Arc::clone(&self);
        let (at, context) = (location.clone(), above.clone());
        match self.pool.run(move || this.understand(at, &bytes, &context)).await {
            Visited::Done(found) => stream::iter(found).boxed(),
            Visited::Parent(parent) => self.descend(parent, above),
        }
    }

    /// The CPU part of a visit: parses the document, and makes Items of it where it is one.
    fn understand(&self, location: Location, bytes: &[u8], above: &Above) -> Visited<T> {
        let parsed = serde_json::from_slice::<Value>(bytes)
            .map_err(KindError::from)
            .and_then(|document| Ok((kind_of(&document)?, document)));
        match parsed {
            Ok((kind @ (Kind::Catalog | Kind::Collection), document)) => {
                Visited::Parent(Parent { location, document, kind })
            }
            Ok((Kind::Item, _)) => Visited::Done(vec![self.item(&location, bytes, above)]),
            Ok((Kind::ItemCollection, _)) => Visited::Done(self.features(&location, bytes, above)),
            Err(error) => Visited::Done(vec![problem(location, &error)]),
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
        let is_far = parent.location.as_path().is_none();
        let at_once = if is_far { READ_AT_ONCE_FAR } else { READ_AT_ONCE };
        found.insert(0, Found::Parent(parent));
        let branches = stream::iter(wanted)
            .map(move |location| Arc::clone(&self).follow(location, below.clone()))
            .buffered(at_once)
            .flatten();
        stream::iter(found).chain(branches).boxed()
    }
}

enum Visited<T> {
    Done(Vec<Found<T>>),
    Parent(Parent),
}

fn problem<T>(location: Location, error: &dyn std::error::Error) -> Found<T> {
    Found::Problem(Problem::of(location, error))
}
