//! A question becomes a page of Items.
//!
//! In: the parameters of a request ([`Params`]), checked into one [`Search`]. Out: a [`Page`] of Items with the exact
//! count, or a stream of [`crate::stac::ItemFacts`]. [`Backend`] is all that the other rooms see of a catalogue;
//! [`Memory`] answers from the snapshot of [`crate::catalog`].

mod backend;
mod memory;
mod params;
mod query;
mod scan;
mod token;

pub use backend::{About, Backend, Collection, Item, Page, SearchError};
pub use memory::{Memory, page};
pub use params::{ParamError, Params};
pub use query::{DEFAULT_LIMIT, MAX_LIMIT, PARAMETERS, Place, Search, read_bbox};
pub use token::{Token, TokenError};
