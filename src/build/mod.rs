//! Rasters → static tree.
//!
//! In: a folder of COGs and `GeoTIFF`s, and maybe a [`Definition`]. Out: a STAC tree (by [`crate::tree`]) and a [`Report`]
//! of what could not be catalogued. Only headers are read, but for a class band where cloud cover is to be counted.
//!
//! The way: [`scan`] finds files, [`takeover`] reads the Items that lie beside them, [`group`] says which files make which
//! Item ([`token`] knows band names, [`definition`] overrides) and [`hierarchy`] what stands above; [`entry`] makes an Item
//! of each: [`inspect`] reads headers ([`facts`] remembers them for the next build), [`time`], [`footprint`], [`bands`] and
//! [`describe`] say what they mean, [`statistics`] and [`thumbnail`] look at [`pixels`] when asked to. [`gather`] sums up
//! ([`collection`], [`cube`], [`agreement`]) and keeps Items in a [`spool`]; [`run`] drives it all. [`demo`] makes rasters to
//! try it on, and [`convert`] makes COGs of those of other makers.

mod agreement;
mod bands;
mod cloud;
mod collection;
#[cfg(feature = "gdal")]
pub mod convert;
mod cube;
pub mod definition;
#[cfg(feature = "gdal")]
pub mod demo;
mod describe;
mod entry;
mod facts;
mod footprint;
mod gather;
mod group;
mod hierarchy;
mod inspect;
mod known;
mod lone;
mod options;
mod pixels;
mod png;
mod report;
mod run;
mod scan;
mod spool;
mod statistics;
mod takeover;
#[cfg(test)]
mod tests;
mod thumbnail;
mod time;
mod token;

pub use definition::{Definition, DefinitionError};
pub use hierarchy::SameFolder;
pub use lone::describe_lone;
pub use options::{BuildError, Options, Progress};
pub use report::{Problem, Report};
pub use run::run;
