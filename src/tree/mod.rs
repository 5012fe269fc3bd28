//! The static tree: documents joined by links, as a thing to read and to write.
//!
//! Reading ([`walk`]): from a root through its links to the Items, in load order, whatever the nesting; what cannot be read
//! is reported and passed over. Writing ([`publish`] into a [`Stage`]): Items grouped into Collections, their asset hrefs
//! absolute paths or URLs, become a STAC 1.1.0 tree of small JSON documents, readable by anything that reads STAC:
//!
//! ```text
//! catalog.json                            the root
//! {collection}/collection.json            links its Items, 1,000 at most …
//! {collection}/{yyyy}/{mm}/catalog.json   … beyond that these do, or the folders of a template
//! {collection}/{item}/{item}.json         the Items
//! {catalog}/{collection}/…                nested as deep as one likes
//! .cairn/                                 what the next build and `cairn serve` need to begin with
//! ```
//!
//! A reader sees the old tree or the new one, never half of it. The same input gives the same bytes, and a document that
//! is right already is not touched. Memory: a path, an id and a time for each Item; Items themselves pass through.

mod change;
mod extent;
mod found;
mod href;
mod layout;
mod linking;
mod links;
mod publish;
mod same;
mod shelf;
mod stage;
mod summaries;
mod sweep;
#[cfg(test)]
mod tests;
mod walk;

pub use change::{Alone, Change, ChangeError, Condition, Mirror, Stored, Writer, Written};
pub use extent::Around;
pub use found::{Before, Document, Found, ItemSource, Known, Parent, Problem, Sums, is_in_state, state_text};
pub(crate) use href::relative_href;
pub use layout::{Layout, LayoutError};
pub use linking::{Linking, LinkingError};
pub(crate) use links::is_structural;
pub use links::{Kind, KindError, Link, Resolver, kind_of, links_of, public_href};
pub use publish::{Branch, BranchDocument, Plan, PublishError, Slot, publish};
pub use shelf::MAX_LINKED_ITEMS;
pub use stage::{Committed, INDEXED, Stage, StageError};
pub use summaries::{Summaries, Summary};
pub use walk::{WalkError, walk};

// For `api`, which does not use `storage` itself.
pub(crate) use crate::storage::in_one_line;
