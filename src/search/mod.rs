//! A question becomes a page of Items.
//!
//! In: the parameters of a request ([`Params`]), checked into one [`Search`] or [`CollectionSearch`]. Out: a [`Page`] of
//! Items with the exact number, a stream of [`crate::stac::ItemFacts`] or of whole Items, counts ([`Aggregated`]), or what
//! can be asked for ([`Queryable`]). [`Backend`] is all that the other rooms see of a catalogue; [`Memory`] answers from the
//! snapshot of [`crate::catalog`].
//!
//! The order of answers, what `fields` shows, what `q` looks into and how Items are counted have one file each, and none of
//! them knows how Items are kept.

mod aggregate;
mod aggregation;
mod backend;
mod census;
mod collections;
mod document;
mod fields;
mod filter;
mod memory;
#[cfg(test)]
mod naive;
mod params;
mod plan;
mod query;
mod queryables;
mod sort;
mod table;
mod tallied;
#[cfg(test)]
mod tests;
mod text;
mod token;

pub use aggregate::{Aggregated, Bucket, MAX_BUCKETS, MAX_TALLIED, Outcome, Tallied, Tally};
pub use aggregation::{Aggregation, Aggregations, Every};
pub use backend::{About, Backend, Collection, Item, Matches, Page, SearchError};
pub use collections::{CollectionPage, CollectionSearch};
pub use fields::Fields;
pub use filter::{Conjunct, Document, Filter, FilterError, Operand, Record, Test, meets};
pub use memory::Memory;
pub use params::{ParamError, Params};
pub use query::{DEFAULT_LIMIT, MAX_LIMIT, MAX_PAGE_BYTES, PARAMETERS, Place, Search, read_bbox};
pub use queryables::{Kind, MAX_QUERYABLES, MAX_TEXTS, Observed, Queryable};
pub use sort::{Rank, SortKey, SortValue};
pub use table::{TableAnswerError, table};
pub use text::TextQuery;
pub use token::{Token, TokenError};
