//! Sentinel-2 products in ESA's SAFE format, Level-1C and Level-2A, of the compact naming (since December 2016).
//!
//! In: a `.SAFE` folder, or a zip that holds one. Out: a [`Product`]: which [`Image`]s it has and where GDAL finds them, and
//! what its two metadata files say ([`Facts`] of the product, [`Tile`] of its one granule). Nothing is unpacked.
//!
//! Products are untrusted: each document is read up to a bound, and XML with a DTD is refused.

mod archive;
mod band;
mod error;
mod facts;
mod product;
mod tile;
mod xml;

pub use archive::Archive;
pub use band::{BANDS, Band, Kind};
pub use error::SafeError;
pub use facts::{Facts, Level, Spectrum};
pub use product::{Image, Product};
pub use tile::{Grid, Tile};
