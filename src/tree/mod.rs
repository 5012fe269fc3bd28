//! The static tree: documents joined by links, as a thing to read and to write.
//!
//! Reading ([`walk`]): from a root through its links to the Items, in load order, whatever the nesting; what cannot be read
//! is reported and passed over. Writing ([`publish`]): Items grouped into Collections, their asset hrefs absolute paths or
//! URLs, become a self-contained STAC 1.1.0 tree of small JSON documents joined by relative links, readable by anything
//! that reads STAC:
//!
//! ```text
//! catalog.json                            the root, written last
//! {collection}/collection.json            links its Items, 1,000 at most …
//! {collection}/{yyyy}/{mm}/catalog.json   … beyond that these do
//! {collection}/{item}/{item}.json         the Items, written first
//! ```
//!
//! A reader never meets a link to a document that is not there yet, nor half a document. The same input gives the same
//! bytes, and a document that is right already is not touched.

mod document;
mod extent;
mod layout;
mod links;
mod publish;
mod shelf;
mod summaries;
mod walk;

pub use document::DocumentError;
pub use extent::extent_of;
pub use layout::{Layout, relative_href};
pub use links::{Kind, KindError, Link, Resolver, kind_of, links_of, public_href};
pub use publish::{Branch, PublishError, Published, publish};
pub use shelf::MAX_LINKED_ITEMS;
pub use summaries::summaries_of;
pub use walk::{
    Before, Document, Found, ItemSource, Known, Parent, Problem, WalkError, is_in_state, state_text, walk,
};
