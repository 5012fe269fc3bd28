//! The vocabulary of the `SpatioTemporal` Asset Catalog, without I/O.
//!
//! In: the text of documents and parameters. Out: checked values that the other rooms speak in: [`Bbox`], [`Interval`],
//! [`DataType`], and [`ItemFacts`], which is all that a patch needs to know of an Item, whoever keeps the catalogue. Documents
//! are held against the published schemas, all of them in the binary.

mod bbox;
mod body;
mod body_writer;
mod check;
mod data_type;
mod datetime;
mod facts;
mod geometry;
mod item;
pub mod media;
mod members;
mod places;
mod schemas;
mod splice;
mod tag;
mod typed;

pub use bbox::{Bbox, BboxError};
pub use body::{ItemBody, PayloadError, WrittenBody};
pub use body_writer::{BodyWriter, MAX_ITEM_BYTES, MAX_PAYLOAD_BYTES, json_string};
pub(crate) use check::Core;
pub use data_type::DataType;
pub use datetime::{DatetimeError, Interval, format_instant, parse_instant};
pub use facts::{AssetFacts, BandFacts, BandRef, Grid, ItemFacts};
pub use geometry::{GeometryError, parse_geometry};
pub use item::{ITEM_MEMBERS, ItemError, ItemTime, item_time, item_time_of};
pub(crate) use schemas::Schemas;
pub use splice::ShownHref;
pub use tag::{tag, tag_of_hash};
pub use typed::read_item;
