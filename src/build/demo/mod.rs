//! The demo's rasters: a small series that behaves like Sentinel-2 L2A over a corner of tile 35VLH.
//!
//! In: a folder. Out: `cogs/sentinel-2-l2a/{product}/{band}.tif` below it, 28 products of 27 days in 2024 from two
//! overlapping orbits, to be catalogued by `build` with [`DEFINITION`]. Everything is drawn from one seed without
//! transcendental functions, so that each run gives the same pixels on any machine.
//!
//! What the pixels are made of: [`land`] (lakes, forest, fields), [`spectra`] (what these reflect on a day of the
//! year), [`sky`] (clouds and their shadows), [`schedule`] (who looks when, and where the swath ends), all put together in
//! [`scene`] and written as COGs by [`write`].

mod land;
mod make;
mod noise;
mod scene;
mod schedule;
mod sky;
mod spectra;
mod write;

pub use make::{COLLECTION, DemoError, DemoPaths, clean_up, make};

/// Longitude and latitude of a place in the middle of the series, to try a patch at.
pub const CENTER: (f64, f64) = (23.37, 61.25);

/// The catalogue definition that goes with the demo's rasters, as TOML.
pub const DEFINITION: &str = include_str!("../../../catalogs/demo.toml");
