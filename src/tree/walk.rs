//! Reading a tree through its links, from the root to the Items.
//!
//! Documents are read concurrently and handed on in load order: a document's own links in their order, depth first. A
//! document that cannot be read or understood is a [`Problem`] with its location, and the walk goes on; only the root
//! must be there.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use serde_json::Value;

use super::links::{Kind, KindError, Resolver, kind_of, links_of};
use crate::pool::Pool;
use crate::storage::{Location, Storage, StorageError};

/// Documents read at once from each parent.
const READ_AT_ONCE: usize = 32;

/// The deepest nesting of catalogs that is followed.
const MAX_DEPTH: usize = 64;

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
    /// A Catalog or Collection.
    Parent(Parent),
    /// What the caller made of an Item.
    Item(T),
    /// Left out.
    Problem(Problem),
}

/// What a walk came by.
#[derive(Debug)]
pub struct Walked<T> {
    /// All of it, in load order.
    pub found: Vec<Found<T>>,
    /// Every document that was looked for.
    pub documents: Vec<Location>,
}

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
    pool: Pool,
    resolver: Resolver,
    on_item: Box<dyn Fn(&ItemSource<'_>) -> T + Send + Sync>,
    seen: Mutex<HashSet<Location>>,
}

/// What is known on the way down.
#[derive(Clone)]
struct Above {
    collection: Option<Arc<str>>,
    parent_id: Arc<str>,
    depth: usize,
}

/// Walks the tree below `root`; `on_item` runs on the pool, once for each Item.
///
/// # Errors
/// When the root cannot be read; everything below it is reported and passed over instead.
pub async fn walk<T: Send + 'static>(
    storage: &Storage,
    pool: &Pool,
    root: &Location,
    on_item: impl Fn(&ItemSource<'_>) -> T + Send + Sync + 'static,
) -> Result<Walked<T>, WalkError> {
    let bytes = storage.read(root).await?;
    let not_stac = |source| WalkError::Root { location: root.clone(), source };
    let document: Value = serde_json::from_slice(&bytes).map_err(|e| not_stac(e.into()))?;
    kind_of(&document).map_err(not_stac)?;
    let walker = Arc::new(Walker {
        storage: storage.clone(),
        pool: pool.clone(),
        resolver: Resolver::new(root, &document),
        on_item: Box::new(on_item),
        seen: Mutex::new(HashSet::from([root.clone()])),
    });
    let above = Above { collection: None, parent_id: "items".into(), depth: 0 };
    let found = Arc::clone(&walker).visit(root.clone(), bytes, above).await;
    let seen = walker.seen.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Walked { found, documents: seen.iter().cloned().collect() })
}

impl<T: Send + 'static> Walker<T> {
    /// Reads and visits a linked document, once however often it is linked.
    fn follow(self: Arc<Self>, location: Location, above: Above) -> BoxFuture<'static, Vec<Found<T>>> {
        async move {
            let first = self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(location.clone());
            if !first {
                return Vec::new();
            }
            match self.storage.read(&location).await {
                Ok(bytes) => self.visit(location, bytes, above).await,
                Err(error) => vec![problem(location, &error)],
            }
        }
        .boxed()
    }

    async fn visit(self: Arc<Self>, location: Location, bytes: Bytes, above: Above) -> Vec<Found<T>> {
        let this = Arc::clone(&self);
        let (at, context) = (location.clone(), above.clone());
        match self.pool.run(move || this.understand(at, &bytes, &context)).await {
            Visited::Done(found) => found,
            Visited::Parent(parent) => self.descend(parent, above).await,
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

    async fn descend(self: Arc<Self>, parent: Parent, above: Above) -> Vec<Found<T>> {
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
            return vec![Found::Problem(Problem { location: parent.location, reason })];
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
        let mut branches = stream::iter(wanted)
            .map(|location| Arc::clone(&self).follow(location, below.clone()))
            .buffered(READ_AT_ONCE);
        while let Some(branch) = branches.next().await {
            found.extend(branch);
        }
        found
    }
}

enum Visited<T> {
    Done(Vec<Found<T>>),
    Parent(Parent),
}

fn problem<T>(location: Location, error: &dyn std::error::Error) -> Found<T> {
    Found::Problem(Problem::of(location, error))
}
