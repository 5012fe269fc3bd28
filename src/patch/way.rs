//! Which resolution of a raster a window takes, and the way of its pixels: whole rows and columns, or place by place. Pure.

use std::ops::Range;
use std::sync::Arc;

use super::axis::{Axis, Fall};
use super::grid::{GridError, Lattice};
use super::kernel::Kernel;
use super::mapping::{Mapping, Pixels};
use super::mappings::Mappings;
use super::window::Window;
use crate::cog::{Header, Image, Level};

/// An overview is taken as fine enough if it is coarser than the window by less than this share: so far the scales of
/// neighbouring zones differ.
const LEVEL_SLACK: f64 = 0.01;

/// A pixel that covers much of a raster holds its decoded samples twice, and a flag for each: it may take this part of what a
/// raster may.
const HELD_AT_ONCE: u64 = 8;

/// The way of one raster's pixels to a window.
#[derive(Debug, Clone)]
pub(super) struct Route {
    /// The resolution, as an index into the file's levels.
    pub(super) level: usize,
    /// How its pixels become the window's.
    pub(super) way: Way,
}

/// How pixels become a window's.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// Rows and columns are copied, left out or repeated.
    Straight(Fall),
    /// Each pixel is made from those around its place.
    Warped(Warp),
}

/// A raster that lies in another CRS, is turned, or is taken through a kernel.
#[derive(Debug, Clone)]
pub(super) struct Warp {
    /// From the window to pixels of the level.
    pub(super) mapping: Arc<Mapping>,
    /// Pixels of the level, across and down, that the upright rectangle around one of the window spans.
    pub(super) span: [f64; 2],
    /// Pixels of the level, across and down, needed around the places.
    reach: [f64; 2],
    /// Rows and columns of the level.
    shape: [u32; 2],
    /// True when each pixel takes only the one that holds its place.
    is_exact: bool,
}

/// Part of an image: rows and columns of its pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Crop {
    pub(super) rows: Range<u32>,
    pub(super) cols: Range<u32>,
    shape: [u32; 2],
}

impl Route {
    /// The route from a raster on `lattice` to a window, for bands that are taken through `kernels`.
    pub(super) fn new(
        mappings: &Mappings,
        lattice: &Lattice,
        header: &Header,
        kernels: &[Kernel],
    ) -> Result<Self, GridError> {
        let window = &mappings.window;
        let shape = shape_of(&header.full);
        let own = window.fall_of(lattice, shape)?;
        if let Some(fall) = own.as_ref().filter(|fall| fall.is_shift()) {
            return Ok(Self { level: 0, way: Way::Straight(fall.clone()) });
        }
        let mapping = mappings.get(lattice)?;
        let (level, share) = choose(header, mapping.step());
        let shape = header.levels().nth(level).map_or(shape, shape_of);
        let lattice = lattice.scaled(share);
        if let Some(fall) = window.fall_of(&lattice, shape)?
            && (fall.is_shift() || kernels.iter().all(|kernel| *kernel == Kernel::Nearest))
        {
            return Ok(Self { level, way: Way::Straight(fall) });
        }
        let mapping =
            if share == [1.0; 2] { mapping } else { Arc::new(mapping.as_ref().clone().scaled(share)) };
        let span = mapping.span();
        let reach = [0, 1].map(|axis| kernels.iter().map(|k| k.reach(span[axis])).fold(1.0, f64::max));
        let is_exact = kernels.iter().all(|kernel| *kernel == Kernel::Nearest);
        let warp = Warp { mapping, span, reach, shape, is_exact };
        Ok(Self { level, way: Way::Warped(warp) })
    }
}

impl Way {
    /// True when pixels are copied one by one.
    pub(super) fn is_copy(&self) -> bool {
        matches!(self, Self::Straight(fall) if fall.is_shift())
    }

    /// Bytes of a raster that must be in memory for one pixel of the window.
    pub(super) fn pixel_bytes(&self, image: &Image, bands: usize) -> u64 {
        match self {
            Self::Straight(_) => 0,
            Self::Warped(warp) => warp.pixel_bytes(image, bands),
        }
    }

    /// The pixels of the level that are needed, as a fall on themselves or on the window; nothing when there are none.
    pub(super) fn needed(&self, window: &Window) -> Option<Fall> {
        let fall = match self {
            Self::Straight(fall) => fall.clone(),
            Self::Warped(warp) => {
                let (rows, cols) = (0..window.height as usize, 0..window.width as usize);
                warp.crop(&Pixels { rows, cols })?.fall()
            }
        };
        (!fall.rows.is_empty() && !fall.cols.is_empty()).then_some(fall)
    }
}

impl Warp {
    /// Bytes that are held at once for one pixel in the middle of the window.
    fn pixel_bytes(&self, image: &Image, bands: usize) -> u64 {
        let sample = image.data_type.size() * bands;
        let side = |axis: usize, side: u32| (self.span[axis] + 2.0 * self.reach[axis]).min(side.into());
        let pixels = side(0, self.shape[1]) * side(1, self.shape[0]);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates far beyond any bound"
        )]
        let pixels = if self.is_exact { 0 } else { pixels as u64 };
        pixels.saturating_mul(sample as u64).saturating_mul(HELD_AT_ONCE)
    }

    /// The part of the raster that some pixels of the window need; nothing when the raster lies elsewhere.
    pub(super) fn crop(&self, pixels: &Pixels) -> Option<Crop> {
        let [low, high] = self.mapping.bounds(pixels)?;
        let span = |axis: usize, side: u32| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped to the raster"
            )]
            let pixel = |at: f64| at.clamp(0.0, f64::from(side)) as u32;
            let first = pixel((low[axis] - self.reach[axis]).floor());
            let last = pixel((high[axis] + self.reach[axis]).ceil());
            (first < last && high[axis] > 0.0 && low[axis] < f64::from(side)).then_some(first..last)
        };
        let (rows, cols) = span(1, self.shape[0]).zip(span(0, self.shape[1]))?;
        Some(Crop { rows, cols, shape: self.shape })
    }
}

impl Crop {
    /// How the image falls on its crop.
    pub(super) fn fall(&self) -> Fall {
        let axis =
            |span: &Range<u32>, side: u32| Axis::shifted(span.end - span.start, span.start.into(), side);
        Fall { rows: axis(&self.rows, self.shape[0]), cols: axis(&self.cols, self.shape[1]) }
    }
}

/// The coarsest level that is still as fine as a step of so many of the full image's pixels, and its share of their number.
/// Where the full image has a mask, only levels with one will do.
fn choose(header: &Header, step: [f64; 2]) -> (usize, [f64; 2]) {
    let full = shape_of(&header.full);
    let masked = header.full.mask.is_some();
    let share_of = |level: &Level| {
        let [rows, cols] = shape_of(level);
        [f64::from(cols) / f64::from(full[1]), f64::from(rows) / f64::from(full[0])]
    };
    let levels = header.levels().enumerate().skip(1).map(|(index, level)| (index, level, share_of(level)));
    let fine_enough =
        |share: &[f64; 2]| share.iter().zip(step).all(|(s, step)| s * step >= 1.0 - LEVEL_SLACK);
    let usable = levels.filter(|(_, level, share)| fine_enough(share) && (level.mask.is_some() || !masked));
    usable.last().map_or((0, [1.0; 2]), |(index, _, share)| (index, share))
}

fn shape_of(level: &Level) -> [u32; 2] {
    [level.image.height, level.image.width]
}
