//! What a pixel takes from the pixels around its place, the invalid ones left out, as `gdalwarp` does it. Pure.
//!
//! Bilinear and cubic have a value where the pixel that holds the place is valid; their weights are those of the valid
//! pixels around it, made to add up to 1. Where the upright rectangle around a pixel spans more than one of the raster's, they
//! grow as wide as that. Cubic falls back to bilinear where one of its sixteen pixels is missing. Average weighs every valid pixel by the
//! part of it that the upright rectangle around two opposite corners covers, and has a value where any is.

use std::ops::Range;

use super::grid::EDGE_PX;
use super::sample::Sample;

/// How pixels on another grid are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kernel {
    /// The pixel that holds the place.
    #[default]
    Nearest,
    /// A tent over the neighbours.
    Bilinear,
    /// Catmull and Rom's spline over the neighbours of neighbours.
    Cubic,
    /// The mean of what a pixel covers.
    Average,
}

/// Steps of more pixels than this widen bilinear and cubic kernels: the inverse of GDAL's 0.95.
const WIDE_STEP: f64 = 1.0 / 0.95;

/// Steps this near to a whole number are that number, as GDAL has it.
const WHOLE_STEP: f64 = 0.05;

/// Weights that add up to less are none.
const LEAST_WEIGHT: f64 = 1e-5;

impl Kernel {
    /// The kernel of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "nearest" => Self::Nearest,
            "bilinear" => Self::Bilinear,
            "cubic" => Self::Cubic,
            "average" => Self::Average,
            _ => return None,
        })
    }

    /// Pixels of the raster, across or down, that may be needed beyond the place, when a pixel steps over `step` of them.
    pub(super) fn reach(self, step: f64) -> f64 {
        match self {
            Self::Nearest | Self::Average => 1.0,
            Self::Bilinear | Self::Cubic => 1.0 + (self.radius() * kernel_step(step)).ceil(),
        }
    }

    /// Half the width of the kernel on its own grid.
    fn radius(self) -> f64 {
        if self == Self::Cubic { 2.0 } else { 1.0 }
    }

    fn weight(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Self::Cubic if x <= 1.0 => x * x * (1.5 * x - 2.5) + 1.0,
            Self::Cubic if x <= 2.0 => x * (x * (-0.5 * x + 2.5) - 4.0) + 2.0,
            Self::Cubic => 0.0,
            _ => (1.0 - x).max(0.0),
        }
    }
}

/// The step that a kernel is widened by.
fn kernel_step(step: f64) -> f64 {
    let whole = step.round();
    if whole >= 1.0 && (step - whole).abs() < WHOLE_STEP { whole } else { step.max(1.0) }
}

/// Part of one band of a raster: rows and columns of samples, counted from its first pixel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a, S> {
    pub(super) samples: &'a [S],
    /// One flag a sample.
    pub(super) valid: &'a [u8],
    pub(super) height: usize,
    pub(super) width: usize,
}

/// A place in a scene, as column and row with fractions.
pub(super) type Place = [f64; 2];

impl<S: Sample> Scene<'_, S> {
    fn is_valid(&self, row: usize, col: usize) -> bool {
        self.valid.get(row * self.width + col).is_some_and(|flag| *flag == 1)
    }

    fn value(&self, row: usize, col: usize) -> f64 {
        self.samples.get(row * self.width + col).map_or(0.0, |sample| sample.to_f64())
    }

    /// Row and column of the pixel that holds a place, as [`Self::nearest`] has it.
    fn holding(&self, [col, row]: Place) -> Option<(usize, usize)> {
        Some((whole(row, self.height)?, whole(col, self.width)?))
    }

    /// The sample of the pixel that holds a place; nothing where that is invalid or not in the scene.
    pub(super) fn nearest(&self, place: Place) -> Option<S> {
        let (row, col) = self.holding(place)?;
        if self.is_valid(row, col) { self.samples.get(row * self.width + col).copied() } else { None }
    }

    /// What a kernel other than nearest and average makes of the pixels around a place, when a pixel steps over `step`
    /// pixels across and down.
    pub(super) fn around(
        &self,
        kernel: Kernel,
        place: Place,
        step: [f64; 2],
        scratch: &mut Weights,
    ) -> Option<f64> {
        let (row, col) = self.holding(place)?;
        if !self.is_valid(row, col) {
            return None;
        }
        let wide = step.iter().any(|step| kernel_step(*step) > WIDE_STEP);
        if kernel == Kernel::Cubic && !wide {
            let taps = scratch.fill(kernel, place, [1.0; 2]);
            if taps.iter().zip([self.width, self.height]).all(|(tap, side)| within(tap, side))
                && let Some(value) = self.weighed(taps, scratch, true)
            {
                return Some(value);
            }
            let taps = scratch.fill(Kernel::Bilinear, place, [1.0; 2]);
            return self.weighed(taps, scratch, false);
        }
        let step = if wide { step.map(kernel_step) } else { [1.0; 2] };
        let taps = scratch.fill(kernel, place, step);
        self.weighed(taps, scratch, false)
    }

    /// The weighted mean of the valid samples; nothing when there are none, or, with `all`, when one is not valid.
    fn weighed(&self, [cols, rows]: [Taps; 2], weights: &Weights, all: bool) -> Option<f64> {
        let (mut sum, mut weight) = (0.0, 0.0);
        for (row, down) in (rows.first..).zip(&weights.down) {
            let Some(row) = usize::try_from(row).ok().filter(|row| *row < self.height) else { continue };
            for (col, across) in (cols.first..).zip(&weights.across) {
                let Some(col) = usize::try_from(col).ok().filter(|col| *col < self.width) else { continue };
                if self.is_valid(row, col) {
                    let both = down * across;
                    sum += both * self.value(row, col);
                    weight += both;
                } else if all {
                    return None;
                }
            }
        }
        (weight >= LEAST_WEIGHT).then(|| sum / weight)
    }

    /// The mean of the valid pixels in the upright rectangle around two opposite corners, by area.
    pub(super) fn average(&self, a: Place, b: Place) -> Option<f64> {
        let span = |axis: usize, side: usize| {
            let (low, high) = (a[axis].min(b[axis]), a[axis].max(b[axis]));
            covered(low, high, side).map(|pixels| (pixels, low, high))
        };
        let (cols, west, east) = span(0, self.width)?;
        let (rows, north, south) = span(1, self.height)?;
        let (mut sum, mut weight) = (0.0, 0.0);
        for row in rows.clone() {
            let down = share(row, &rows, north, south);
            for col in cols.clone().filter(|col| self.is_valid(row, *col)) {
                let both = down * share(col, &cols, west, east);
                sum += both * self.value(row, col);
                weight += both;
            }
        }
        (weight > 0.0).then(|| sum / weight)
    }
}

/// The pixel that holds a coordinate; a place on the far edge belongs to the last one. Nothing beyond, or for NaN.
fn whole(at: f64, side: usize) -> Option<usize> {
    #[expect(clippy::cast_precision_loss, reason = "sides of rasters are below 2^32")]
    let end = side as f64;
    if !(-EDGE_PX..=end + EDGE_PX).contains(&at) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just above")]
    let pixel = (at + EDGE_PX).max(0.0) as usize;
    Some(pixel.min(side.checked_sub(1)?))
}

/// The pixels between two coordinates, at least one if they lie in the raster.
fn covered(low: f64, high: f64, side: usize) -> Option<Range<usize>> {
    #[expect(clippy::cast_precision_loss, reason = "sides of rasters are below 2^32")]
    let end = side as f64;
    if !(low < end && high > 0.0) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the raster")]
    let pixels =
        ((low + EDGE_PX).floor().max(0.0) as usize, (high - EDGE_PX).ceil().clamp(0.0, end) as usize);
    let (first, last) = pixels;
    (first < side).then(|| first..last.max(first + 1))
}

/// The part of a pixel that lies between two coordinates; all of it when it is the only one.
fn share(pixel: usize, pixels: &Range<usize>, low: f64, high: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "sides of rasters are below 2^32")]
    let (start, end) = (pixel as f64, pixel as f64 + 1.0);
    if pixels.len() == 1 { 1.0 } else { end.min(high) - start.max(low) }
}

/// Pixels along one axis that a kernel touches.
#[derive(Debug, Clone, Copy)]
struct Taps {
    first: i64,
    count: usize,
}

fn within(taps: &Taps, side: usize) -> bool {
    let end = usize::try_from(taps.first).ok().map(|first| first.saturating_add(taps.count));
    end.is_some_and(|end| end <= side)
}

/// The weights of a kernel at a place: kept, to save their allocation.
#[derive(Debug, Default)]
pub(super) struct Weights {
    across: Vec<f64>,
    down: Vec<f64>,
}

impl Weights {
    /// Fills in the weights of `kernel`, made `step` times as wide: the pixels that they belong to, across and down.
    fn fill(&mut self, kernel: Kernel, [col, row]: Place, step: [f64; 2]) -> [Taps; 2] {
        [along(kernel, col, step[0], &mut self.across), along(kernel, row, step[1], &mut self.down)]
    }
}

fn along(kernel: Kernel, at: f64, step: f64, weights: &mut Vec<f64>) -> Taps {
    let radius = (kernel.radius() * step).ceil();
    let before = (at - 0.5 + EDGE_PX).floor();
    // A place in the middle of a pixel is that pixel, however it was rounded.
    let past = (at - 0.5 - before).max(0.0);
    weights.clear();
    let mut offset = 1.0 - radius;
    while offset <= radius {
        weights.push(kernel.weight((offset - past) / step));
        offset += 1.0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a place in a raster, and the width of a kernel")]
    let first = (before + 1.0 - radius) as i64;
    Taps { first, count: weights.len() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scene<'a>(samples: &'a [f64], valid: &'a [u8], width: usize) -> Scene<'a, f64> {
        Scene { samples, valid, height: samples.len() / width, width }
    }

    proptest! {
        #[test]
        fn a_plane_of_one_value_has_it_everywhere(
            col in 0.0..12.0, row in 0.0..9.0, holes in proptest::collection::vec(0u8..2, 108), step in 0.2..6.0
        ) {
            let samples = vec![7.0; 108];
            let scene = scene(&samples, &holes, 12);
            let mut weights = Weights::default();
            for kernel in [Kernel::Bilinear, Kernel::Cubic] {
                if let Some(value) = scene.around(kernel, [col, row], [step; 2], &mut weights) {
                    prop_assert!((value - 7.0).abs() < 1e-6, "{kernel:?}: {value}");
                    prop_assert!(scene.nearest([col, row]).is_some());
                }
            }
            let average = scene.average([col, row], [col + step, row + step]);
            prop_assert!(average.is_none_or(|value| (value - 7.0).abs() < 1e-9));
        }

        #[test]
        fn a_slope_is_followed_where_nothing_is_missing(col in 3.0..9.0, row in 3.0..6.0) {
            let samples: Vec<f64> = (0..108).map(|at| f64::from(at % 12) + 3.0 * f64::from(at / 12)).collect();
            let valid = vec![1; 108];
            let scene = scene(&samples, &valid, 12);
            let wanted = col - 0.5 + 3.0 * (row - 0.5);
            for kernel in [Kernel::Bilinear, Kernel::Cubic] {
                let value = scene.around(kernel, [col, row], [1.0; 2], &mut Weights::default());
                prop_assert!(value.is_some_and(|value| (value - wanted).abs() < 1e-4), "{kernel:?}: {value:?}");
            }
            let average = scene.average([col - 1.5, row - 1.5], [col + 1.5, row + 1.5]);
            prop_assert!(average.is_some_and(|value| (value - wanted).abs() < 1.0));
        }
    }

    #[test]
    fn an_average_weighs_by_area() {
        let scene = scene(&[1.0, 2.0, 4.0], &[1, 1, 1], 3);
        assert_eq!(scene.average([0.5, 0.0], [2.0, 1.0]), Some((0.5 + 2.0) / 1.5));
        assert_eq!(scene.average([-5.0, -5.0], [1.0, 1.0]), Some(1.0));
        assert_eq!(scene.average([3.0, 0.0], [4.0, 1.0]), None);
    }

    #[test]
    fn an_invalid_pixel_has_no_value_and_lends_none() {
        let scene = scene(&[1.0, 100.0, 3.0], &[1, 0, 1], 3);
        let mut weights = Weights::default();
        assert_eq!(scene.around(Kernel::Bilinear, [0.75, 0.5], [1.0; 2], &mut weights), Some(1.0));
        assert_eq!(scene.around(Kernel::Bilinear, [1.5, 0.5], [1.0; 2], &mut weights), None);
        assert_eq!(scene.nearest([1.5, 0.5]), None);
        assert_eq!(scene.average([0.0, 0.0], [3.0, 1.0]), Some(2.0));
    }
}
