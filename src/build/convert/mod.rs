//! Any raster that GDAL reads, or a Sentinel-2 product → COGs, or Zarr stores.
//!
//! In: files, folders, globs ([`Options`] says how they are to be written). Out: COGs by GDAL's COG driver, each written
//! under a temporary name and moved, the Items of Sentinel-2 products beside them, and a [`Report`] of what failed.
//!
//! The way: [`input`] finds the sources, [`plan`] says which COG is made of what ([`product`] for Sentinel-2, [`stacking`] for
//! `--stack`), [`run`] drives a pool of threads. For each COG, [`facts`] reads what the source has, [`vrt`] describes the
//! outcome as a virtual raster, [`mod@range`] counts values that a new type cannot hold, [`write`] has GDAL write it, or
//! [`store`] writes its bands as arrays ([`arrays`], [`chunk`], [`variable`]). The [`stamp`] in each outcome tells the next run that it need not be made again.
//!
//! A dataset of GDAL lives and dies within one call on one thread. Pixels stream through GDAL's block cache, whose size is
//! bounded; no raster is ever whole in memory.

mod arrays;
mod asset;
mod choice;
mod chunk;
mod error;
mod facts;
mod input;
mod item;
mod options;
mod plan;
mod preset;
mod product;
mod range;
mod run;
mod stacking;
mod stamp;
mod store;
mod variable;
mod vrt;
mod write;

pub use choice::{Format, Layout, Nodata, Predictor, Reprojection, Shard};
pub use error::ConvertError;
pub use options::Options;
pub use preset::{Compression, Preset};
pub use run::{Failure, Report, clean_up, run};
