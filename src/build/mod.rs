//! Rasters → static tree.
//!
//! In: a folder of COGs and `GeoTIFF`s, and maybe a [`Definition`]. Out: a STAC tree (by [`crate::tree`]) and a [`Report`]
//! of what could not be catalogued. Only headers are read, but for a class band where cloud cover is to be counted.
//!
//! The way: [`scan`] finds files, [`takeover`] reads the Items that lie beside them, [`group`] says which files make which
//! Item ([`token`] knows band names, [`definition`] overrides), [`inspect`] reads headers, [`time`], [`footprint`],
//! [`bands`] and [`describe`] make an Item of them, [`collection`] sums up; [`run`] drives it all. [`demo`] makes rasters
//! to try it on.

mod bands;
mod cloud;
mod collection;
pub mod definition;
#[cfg(feature = "gdal")]
pub mod demo;
mod describe;
mod footprint;
mod group;
mod inspect;
mod known;
mod lone;
mod options;
mod report;
mod run;
mod scan;
mod takeover;
mod time;
mod token;

pub use definition::{Definition, DefinitionError};
pub use lone::describe_lone;
pub use options::{BuildError, Options, Progress};
pub use report::{Problem, Report};
pub use run::run;
