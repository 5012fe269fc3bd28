//! stac-geoparquet in and out: the one home of the crates `parquet` and `arrow`.
//!
//! In: a local `.parquet` file, as the Python package, rustac, pgstac's exports and older tools write it. Out: its Items
//! as JSON text, batch by batch, which the catalogue parses as any other document, and the Collections it carries.
//!
//! The other way, Items become a table in two passes: a [`SchemaBuilder`] finds the columns that hold them all, then a
//! [`TableWriter`] writes them. Either way memory is that of a batch and, in writing, of one encoded row group.
//!
//! What a table cannot tell comes back differently: members that are null are left out (but for `geometry` and
//! `properties.datetime`, which STAC requires), integers among doubles become doubles (`1` becomes `1.0`), instants are in
//! UTC without trailing zeros, an Item without `links` or `assets` has empty ones. Values of one field that no one type
//! holds (a number here, a text there) are JSON text, marked so in the file, and come back as they went.

mod cells;
mod column;
mod error;
mod fields;
mod footer;
mod kind;
mod metadata;
mod nested;
mod pages;
mod reader;
mod rows;
mod schema;
mod wkb;
mod writer;

pub use error::TableError;
pub(crate) use reader::TableReader;
pub(crate) use schema::{Schema, SchemaBuilder};
pub(crate) use writer::TableWriter;
