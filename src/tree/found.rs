//! What a walk through a tree hands on, and what it remembers of documents between two walks.

use chrono::{Duration, Utc};
use md5::{Digest as _, Md5};
use serde_json::Value;

use super::links::{Kind, Resolver};
use crate::storage::{Location, Meta, in_one_line};

/// How old a document must be for its `ETag` to tell every later change: times on disk are coarse.
const YOUNG: Duration = Duration::seconds(2);

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
        Self { location, reason: in_one_line(error) }
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

/// Checksums of the documents that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sums {
    /// None.
    Omitted,
    /// MD5, at some 25 µs of one core for a document of 15 KB.
    Md5,
}

impl Sums {
    pub(super) fn of(self, bytes: &[u8]) -> Option<[u8; 16]> {
        (self == Self::Md5).then(|| Md5::digest(bytes).into())
    }
}

/// A document of a tree, and the state it was in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its location.
    pub location: Location,
    /// Its `ETag` and what it was found under, as one text; empty when it is too young to tell a later change, and when
    /// it could not be read; nothing when it was not there.
    pub state: Option<String>,
    /// MD5 of its bytes, where it was read and [`Sums`] were asked for: the `ETag` that a store gives to a copy of it.
    pub md5: Option<[u8; 16]>,
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
    pub(super) fn etag_under(&self, context: &str) -> Option<&str> {
        self.state.strip_suffix(context)?.strip_suffix(' ')
    }
}

/// What is known of a document that held Items only.
pub type Known = dyn Fn(&Location) -> Option<Before> + Send + Sync;

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
