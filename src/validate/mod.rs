//! A catalogue → what is wrong with it.
//!
//! In: the root of a static tree, an Item, or an `ItemCollection`. Out: [`Finding`]s, each with its document, and how much was
//! looked at ([`Report`]). [`document`] looks at one document by itself, as [`crate::stac`] does. [`run`] walks the tree, and looks at what documents say of one another: links, ids, extents; [`raster`] holds
//! assets against what Items say of them, and against the structure of a COG. Nothing is fetched but the catalogue and its assets.
//!
//! Memory: ids and extents of all Items, and findings up to a bound.

mod document;
mod extent;
mod finding;
mod raster;
mod run;

pub use finding::{Finding, Report, Severity};
pub use run::{Options, run};
