//! One raster's pixels brought to a window: copied straight, or made through a kernel from a crop of the raster in memory.
//!
//! The window is cut into pieces whose crops take no more than [`CROP_BYTES`] at a time, however many pixels of the raster
//! one of the window covers.

use std::ops::Range;

use rayon::prelude::*;

use super::cover::{Cover, unmasked};
use super::fetch::{RasterRead, Taken};
use super::kernel::{Kernel, Scene, Weights};
use super::mapping::Pixels;
use super::paint::{Painted, Planes, paint};
use super::sample::{Sample, cast, nodata_test, with_sample};
use super::way::{Crop, Warp, Way};
use crate::cog::Level;
use crate::stac::DataType;

/// Memory for the pixels of a raster from which a window's are made, in bytes.
pub(super) const CROP_BYTES: usize = 32 << 20;

/// Brings one raster's pixels to `data`, planes that hold `fills`, and says where each of its bands has them.
pub(super) fn resample(
    planes: &Planes,
    fills: &[[u8; 8]],
    read: &RasterRead,
    data: &mut [u8],
) -> Vec<(usize, Cover)> {
    let Some(level) = read.opened.header.levels().nth(read.route.level) else { return Vec::new() };
    let warp = match &read.route.way {
        Way::Straight(fall) => {
            let bands: Vec<(usize, u16)> = read.bands.iter().map(|taken| (taken.plane, taken.band)).collect();
            let painted = Painted { image: &level.image, fall, bands: &bands, blocks: &read.blocks };
            paint(planes, &painted, data);
            let size = [planes.height, planes.width];
            let mut cover = Cover::Straight(fall.clone());
            if let Some(mut flags) = unmasked(level, read, fall, size) {
                cover.clear(planes.width, &mut flags);
                for taken in &read.bands {
                    clear(planes, fills, taken.plane, &flags, data);
                }
                cover = Cover::Pixels(flags);
            }
            return read.bands.iter().map(|taken| (taken.plane, cover.clone())).collect();
        }
        Way::Warped(warp) => warp,
    };
    let pixels = planes.height * planes.width;
    let mut covers: Vec<Vec<u8>> = vec![vec![0; pixels]; read.bands.len()];
    let whole = Pixels { rows: 0..planes.height, cols: 0..planes.width };
    for (pixels, crop) in pieces(warp, whole, read.bands.len() * level.image.data_type.size()) {
        let scenes = Scenes::read(level, read, &crop.fall());
        for (nth, (taken, cover)) in read.bands.iter().zip(&mut covers).enumerate() {
            let plane = data.chunks_exact_mut(planes.plane_bytes().max(1)).nth(taken.plane);
            let first = [crop.cols.start, crop.rows.start].map(f64::from);
            with_sample!(level.image.data_type, S => {
                let made = scenes.made::<S>(nth, taken, warp, first);
                made.fill(planes, level.image.data_type, &pixels, plane.unwrap_or_default(), cover);
            });
        }
    }
    read.bands.iter().zip(covers).map(|(taken, flags)| (taken.plane, Cover::Pixels(flags))).collect()
}

/// Fills the pixels of a plane whose flag is 0.
fn clear(planes: &Planes, fills: &[[u8; 8]], plane: usize, flags: &[u8], data: &mut [u8]) {
    let size = planes.data_type.size();
    let samples = data.chunks_exact_mut(planes.plane_bytes().max(1)).nth(plane).unwrap_or_default();
    let fill = fills.get(plane).copied().unwrap_or_default();
    for (sample, _) in samples.chunks_exact_mut(size).zip(flags).filter(|(_, flag)| **flag == 0) {
        sample.copy_from_slice(&fill[..size]);
    }
}

/// The window in pieces whose crops, at `pixel_bytes` a pixel, take no more than the memory for them, unless a single pixel
/// does; those that the raster does not reach are left out.
fn pieces(warp: &Warp, whole: Pixels, pixel_bytes: usize) -> Vec<(Pixels, Crop)> {
    let mut rest = vec![whole];
    let mut pieces = Vec::new();
    while let Some(pixels) = rest.pop() {
        let Some(crop) = warp.crop(&pixels) else { continue };
        let bytes = crop.rows.len().saturating_mul(crop.cols.len()).saturating_mul(pixel_bytes);
        let (height, width) = (pixels.rows.len(), pixels.cols.len());
        if bytes <= CROP_BYTES || height.max(width) <= 1 {
            pieces.push((pixels, crop));
            continue;
        }
        let Pixels { rows, cols } = pixels;
        if height >= width {
            let middle = rows.start + height / 2;
            rest.push(Pixels { rows: middle..rows.end, cols: cols.clone() });
            rest.push(Pixels { rows: rows.start..middle, cols });
        } else {
            let middle = cols.start + width / 2;
            rest.push(Pixels { rows: rows.clone(), cols: middle..cols.end });
            rest.push(Pixels { rows, cols: cols.start..middle });
        }
    }
    pieces
}

/// The bands of one crop.
struct Scenes {
    planes: Planes,
    data: Vec<u8>,
    unmasked: Option<Vec<u8>>,
}

impl Scenes {
    /// The bands that are taken, in their order.
    fn read(level: &Level, read: &RasterRead, fall: &super::axis::Fall) -> Self {
        let (height, width) = (fall.rows.covered.len(), fall.cols.covered.len());
        let planes = Planes { count: read.bands.len(), height, width, data_type: level.image.data_type };
        // What the file leaves out is nodata, or 0.
        let fills: Vec<[u8; 8]> = read.bands.iter().map(|taken| taken.nodata.unwrap_or_default()).collect();
        let mut data = planes.filled(&fills);
        let bands: Vec<(usize, u16)> = read.bands.iter().map(|taken| taken.band).enumerate().collect();
        let painted = Painted { image: &level.image, fall, bands: &bands, blocks: &read.blocks };
        paint(&planes, &painted, &mut data);
        Self { planes, data, unmasked: unmasked(level, read, fall, [height, width]) }
    }

    /// One band, ready to be taken through its kernel; `first` is the crop's first column and row.
    fn made<'a, S: Sample>(
        &self,
        nth: usize,
        taken: &'a Taken,
        warp: &'a Warp,
        first: [f64; 2],
    ) -> Made<'a, S> {
        let plane = self.data.chunks_exact(self.planes.plane_bytes().max(1)).nth(nth).unwrap_or_default();
        let samples: Vec<S> = plane.chunks_exact(size_of::<S>()).map(S::read).collect();
        let mut valid = self.unmasked.clone().unwrap_or_else(|| vec![1; samples.len()]);
        let is_nodata = nodata_test::<S>(taken.nodata);
        for (flag, sample) in valid.iter_mut().zip(&samples) {
            *flag &= u8::from(!is_nodata(*sample));
        }
        Made { samples, valid, height: self.planes.height, width: self.planes.width, taken, warp, first }
    }
}

/// One band of a crop, as the window's pixels are made from it.
struct Made<'a, S> {
    samples: Vec<S>,
    valid: Vec<u8>,
    height: usize,
    width: usize,
    taken: &'a Taken,
    warp: &'a Warp,
    first: [f64; 2],
}

impl<S: Sample> Made<'_, S> {
    /// Fills some pixels of a plane of the window, and flags those that have a value.
    fn fill(
        &self,
        planes: &Planes,
        data_type: DataType,
        pixels: &Pixels,
        plane: &mut [u8],
        cover: &mut [u8],
    ) {
        let size = planes.data_type.size();
        let rows = plane.par_chunks_exact_mut(planes.row_bytes().max(1));
        let rows = rows.zip(cover.par_chunks_exact_mut(planes.width.max(1))).enumerate();
        let rows = rows.skip(pixels.rows.start).take(pixels.rows.len());
        rows.for_each_init(Scratch::default, |scratch, (row, (samples, flags))| {
            let mut own = [0; 8];
            let own = &mut own[..size_of::<S>()];
            for (col, sample) in pixels.cols.clone().zip(self.row(row, &pixels.cols, scratch)) {
                let Some(sample) = sample else { continue };
                sample.write(own);
                let to = &mut samples[col * size..(col + 1) * size];
                if data_type == planes.data_type {
                    to.copy_from_slice(own);
                } else {
                    // The planes' type was chosen to hold every value of the sources'.
                    let fits = cast(data_type, own, planes.data_type, to);
                    debug_assert!(fits.is_ok());
                }
                flags[col] = 1;
            }
        });
    }

    /// The samples of some columns of one row of the window.
    fn row<'s>(
        &'s self,
        row: usize,
        cols: &Range<usize>,
        scratch: &'s mut Scratch,
    ) -> impl Iterator<Item = Option<S>> + 's {
        let Scratch { above, below, weights } = scratch;
        #[expect(clippy::cast_precision_loss, reason = "pixels of a window")]
        let (row, first) = (row as f64, cols.start as f64);
        let mapping = &self.warp.mapping;
        let place = |[col, row]: [f64; 2]| [col - self.first[0], row - self.first[1]];
        if self.taken.kernel == Kernel::Average {
            for (points, row) in [(&mut *above, row), (&mut *below, row + 1.0)] {
                points.resize(cols.len() + 1, [0.0; 2]);
                mapping.row(row, first, points);
            }
        } else {
            above.resize(cols.len(), [0.0; 2]);
            mapping.row(row + 0.5, first + 0.5, above);
        }
        let scene =
            Scene { samples: &self.samples[..], valid: &self.valid, height: self.height, width: self.width };
        let is_nodata = nodata_test::<S>(self.taken.nodata);
        (0..cols.len()).map(move |nth| {
            let value = match self.taken.kernel {
                Kernel::Nearest => return scene.nearest(place(above[nth])),
                Kernel::Average => scene.average(place(above[nth]), place(below[nth + 1])),
                kernel => scene.around(kernel, place(above[nth]), self.warp.span, weights),
            };
            let sample = S::nearest(value?);
            // A value is not nodata for having come out like it.
            Some(if is_nodata(sample) { sample.beside() } else { sample })
        })
    }
}

/// What is kept from row to row, to save its allocation.
#[derive(Default)]
struct Scratch {
    above: Vec<[f64; 2]>,
    below: Vec<[f64; 2]>,
    weights: Weights,
}
