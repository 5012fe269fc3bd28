//! What every Zarr v3 store of ours says of itself, whoever writes it: patches in a zip, converted rasters in a folder.
//!
//! In: shapes, types, grids. Out: the documents of arrays and groups, grids as CF has them ([`axes`], [`grid_mapping`]), and
//! packed chunks ([`Blosc`]). No I/O: who writes a store says where its documents and chunks go.

mod array;
mod blosc;
mod grid;

pub(crate) use array::{Array, Packing, Samples, fill_attribute, fill_value, group};
pub(crate) use blosc::Blosc;
pub(crate) use grid::{Plane, axes, grid_mapping};
