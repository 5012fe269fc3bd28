//! A request becomes one array.
//!
//! In: checked parameters ([`Request`], [`RandomRequest`]). Out: a [`Batch`] of arrays (time, bands, rows, columns),
//! written by [`encode`]. On the way: Items from [`crate::search::Backend`] (`prepare`), the answer's grid (`target`,
//! `grid`, pure), each raster's way to it (`way`, `axis`, `mapping`, pure), blocks and byte ranges (`plan`, pure), decoded
//! blocks (`fetch`, [`Blocks`]), pixels (`paint`, and on another grid `resample` and `kernel`), time steps (`cover`,
//! `canvas`). On the sources' own grid pixels are copies. A block that cannot be read is an error, never nodata.

mod anew;
mod axis;
mod blocks;
mod canvas;
mod cover;
mod encode;
mod engine;
mod error;
mod fetch;
mod grid;
mod kernel;
mod mapping;
mod mask_first;
mod paint;
#[expect(clippy::module_inception, reason = "the room's own product")]
mod patch;
mod plan;
mod prepare;
mod random;
mod rasters;
mod request;
mod resample;
mod sample;
mod sampler;
mod source;
mod steps;
mod target;
mod turn;
mod values;
mod way;

pub use axis::{Axis, Fall};
pub use blocks::Blocks;
pub use encode::{Encoded, encode};
pub use engine::{Engine, Limits};
pub use error::PatchError;
pub use grid::{GridError, Lattice, Window};
pub use kernel::Kernel;
pub use patch::{Batch, Patch, PatchStep};
pub use request::{
    Align, Dtype, Format, GroupBy, MAX_SIDE, Mask, OnError, PARAMETERS, RANDOM_PARAMETERS, RandomRequest,
    Request, Series, WindowRequest,
};
