//! Cairn: static STAC trees and Cloud Optimized GeoTIFFs in, STAC API and patches out.
//!
//! The map, in the order that data flows. Each room is a folder whose `mod.rs` says what comes in, what goes out and why:
//!
//! * [`stac`]: the vocabulary: boxes, times, bands, Items as facts. To change the bbox test, go there.
//! * [`crs`]: EPSG code ↔ longitude and latitude.
//! * [`storage`]: a location becomes bytes.
//! * [`pool`]: CPU work off the runtime's threads, permits in bytes.
//! * [`source`]: what other makers hand out: Sentinel-2 products, other STAC APIs.
//! * [`tree`]: the static tree: walking it through its links, and publishing one.
//! * [`cog`]: a COG's bytes become pixels: header, block table, codecs such as deflate, predictors.
//! * `zarr`: what Zarr stores say of themselves, and their packed chunks.
//! * [`build`]: rasters become a static tree; the demo's rasters.
//! * [`upload`]: a folder tree is copied to a store, documents last; sets of images.
//! * [`fetch`]: a search on another STAC API becomes files here, or period by period at another place.
//! * [`validate`]: a catalogue becomes a list of what is wrong with it.
//! * [`catalog`]: a static tree becomes an immutable snapshot in memory, with R-trees.
//! * [`search`]: a question becomes a page of Items.
//! * [`patch`]: a request becomes one array.
//! * [`asset`]: one asset's bytes for a client.
//! * [`api`]: HTTP: handlers, links, the landing page, OpenAPI, the table of errors.
//! * [`cli`]: one file per verb.
//!
//! Arrows run one way: `cli → any`; `api → {search, patch, asset, tree}`; `patch → {search, cog, storage, zarr}`;
//! `asset → {search, storage}`; `search → catalog`; `catalog → {tree, storage}`; `build → {source, cog, tree, storage, zarr}`;
//! `upload → {build, cog, tree, storage}`; `fetch → {source, tree, storage, upload}`; `validate → {cog, tree, storage}`; `source → storage`; `cog → storage`;
//! `tree → storage`; all of them may use `stac`, `crs` and `pool`. A test holds the code to this.

pub mod api;
pub mod asset;
pub mod build;
pub mod catalog;
pub mod cli;
pub mod cog;
pub mod crs;
pub mod fetch;
pub mod patch;
pub mod pool;
pub mod search;
pub mod source;
pub mod stac;
pub mod storage;
pub mod tree;
pub mod upload;
pub mod validate;
#[cfg_attr(not(feature = "gdal"), expect(dead_code, unused_imports, reason = "`convert` alone packs chunks"))]
mod zarr;
