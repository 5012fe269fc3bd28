//! A request becomes one array.
//!
//! In: checked parameters ([`Request`], [`RandomRequest`]). Out: a [`Batch`] of arrays (time, bands, rows, columns) on the
//! sources' own grid, written by [`encode`]. On the way: Items from [`crate::search::Backend`] (`prepare`), their windows
//! (`grid`, pure), blocks and byte ranges (`plan`, pure), decoded blocks (`fetch`, [`Blocks`]), pixels (`paint`, `canvas`). A
//! block that cannot be read is an error, never nodata.

mod axis;
mod blocks;
mod canvas;
mod encode;
mod engine;
mod error;
mod fetch;
mod grid;
mod paint;
#[expect(clippy::module_inception, reason = "the room's own product")]
mod patch;
mod plan;
mod prepare;
mod random;
mod rasters;
mod request;
mod sample;
mod source;
mod steps;
mod values;

pub use axis::{Axis, Fall};
pub use blocks::Blocks;
pub use encode::{Encoded, encode};
pub use engine::{Engine, Limits};
pub use error::PatchError;
pub use grid::{GridError, Lattice, Window};
pub use patch::{Batch, Patch, PatchStep};
pub use request::{
    Align, Dtype, Format, GroupBy, MAX_SIDE, Mask, OnError, PARAMETERS, RANDOM_PARAMETERS, RandomRequest,
    Request, Series, WindowRequest,
};
