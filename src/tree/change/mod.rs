//! Writing through: what a client puts, changes and deletes goes to the static tree before it is acknowledged.
//!
//! In: a Collection's id and the JSON of an Item or of the Collection itself, and a [`Condition`] on what is there. Out: the
//! tag of what is there now, once it is safe on the disk or in the store; or a [`ChangeError`], and the tree is as it was.
//!
//! An Item's document is written to its place first, where nothing links it; the one document that then links it is the
//! commit. An Item that is there already is committed by its own document, a deletion by the link's removal. On disk who
//! holds the lock of a Collection's folder writes; in a store each commit is a conditional PUT that is tried again when
//! another was first. All that waits for a Collection is written together, so that a link document is written, and the disk
//! waited for, once for many. Items of one bulk write that several documents link are first named in one intent, which
//! whoever finds it later carries out. [`Mirror`] is who shows the tree, told of a commit before it is acknowledged.

mod ask;
mod claims;
mod collection;
mod commit;
mod error;
mod group;
mod intent;
mod item;
mod link_document;
mod mirror;
mod place;
mod session;
mod staging;
#[cfg(test)]
mod tests;
mod trees;
mod upkeep;
mod widen;
mod writer;

pub use error::ChangeError;
pub use mirror::{Alone, Change, Mirror};
pub use writer::Writer;

use serde_json::Value;

/// What has to be there for a change to take place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Condition {
    /// Anything or nothing: what is there is replaced, what is not is made.
    #[default]
    None,
    /// Nothing (`If-None-Match: *`, and what POST means); else [`ChangeError::Exists`].
    Absent,
    /// Something (what PUT means); else [`ChangeError::Missing`].
    Present,
    /// Something with one of these tags, as [`Stored::etag`] and [`Written::etag`] have them (`If-Match`); else
    /// [`ChangeError::Changed`], or [`ChangeError::Missing`] when nothing is there.
    Matches(Vec<String>),
}

/// What a change left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Tells what was written from all other states, as [`Mirror::tag`] names it; with quotes.
    pub etag: String,
    /// True when nothing was there before.
    pub created: bool,
}

/// A document as the tree has it at this moment.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its JSON: hrefs and links as written, relative ones too.
    pub document: Value,
    /// Its tag.
    pub etag: String,
}
