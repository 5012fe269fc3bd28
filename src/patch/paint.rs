//! Parts of decoded blocks are copied, in parallel, into the planes that they belong to.
//!
//! A plane is cut into strips of rows where a raster's rows of blocks are, so that each strip is written by one thread.

use std::ops::Range;

use rayon::prelude::*;

use super::axis::Fall;
use super::blocks::Fetched;
use super::sample::cast;
use crate::cog::{BlockView, Image, Planar};
use crate::stac::DataType;

/// Size and type of the planes, each `height × width` samples, row-major.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planes {
    pub(super) count: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) data_type: DataType,
}

impl Planes {
    /// Bytes of one plane.
    pub(super) fn plane_bytes(&self) -> usize {
        self.height * self.row_bytes()
    }

    pub(super) fn row_bytes(&self) -> usize {
        self.width * self.data_type.size()
    }

    /// Planes whose samples are all `fills`, one a plane.
    pub(super) fn filled(&self, fills: &[[u8; 8]]) -> Vec<u8> {
        let size = self.data_type.size();
        let mut data = vec![0; self.count * self.plane_bytes()];
        for (plane, fill) in data.chunks_exact_mut(self.plane_bytes().max(1)).zip(fills) {
            let sample = &fill[..size];
            if sample.iter().any(|byte| *byte != 0) {
                plane.chunks_exact_mut(size).for_each(|to| to.copy_from_slice(sample));
            }
        }
        data
    }
}

/// The rows of one plane that one row of blocks covers.
struct Strip<'a> {
    /// Band of the raster.
    band: u16,
    samples: &'a mut [u8],
}

/// All that one row of blocks writes.
struct Task<'a> {
    block_row: u32,
    /// Rows of the window.
    rows: Range<usize>,
    strips: Vec<Strip<'a>>,
}

/// One image, how it falls on the planes, and its blocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Painted<'a> {
    pub(super) image: &'a Image,
    pub(super) fall: &'a Fall,
    /// (plane, band of the image).
    pub(super) bands: &'a [(usize, u16)],
    pub(super) blocks: &'a [Fetched],
}

/// Paints an image's pixels over `data`, whose samples hold any value of the image's type. Blocks that it does not fall on are
/// passed over.
pub(super) fn paint(planes: &Planes, read: &Painted<'_>, data: &mut [u8]) {
    let image = read.image;
    let rows = read.fall.rows.by_block(image.block_height);
    let cols = read.fall.cols.by_block(image.block_width);
    let mut tasks: Vec<Task<'_>> = rows
        .iter()
        .map(|(block_row, rows)| Task { block_row: *block_row, rows: rows.clone(), strips: Vec::new() })
        .collect();
    for (plane, samples) in data.chunks_exact_mut(planes.plane_bytes().max(1)).enumerate() {
        let Some((_, band)) = read.bands.iter().find(|(of, _)| *of == plane) else { continue };
        let mut rest = &mut samples[read.fall.rows.covered.start * planes.row_bytes()..];
        for task in &mut tasks {
            let (strip, after) = rest.split_at_mut(task.rows.len() * planes.row_bytes());
            task.strips.push(Strip { band: *band, samples: strip });
            rest = after;
        }
    }
    tasks.into_par_iter().for_each_init(Vec::new, |scratch, mut task| {
        let of_row = read.blocks.iter().filter(|(block, _)| block.row == task.block_row);
        for (block, decoded) in of_row {
            // A block that the file leaves out holds what the planes are filled with.
            let Some(decoded) = decoded else { continue };
            let Some((_, cols)) = cols.iter().find(|(col, _)| *col == block.col) else { continue };
            for strip in &mut task.strips {
                let sample = match image.planar {
                    Planar::Chunky => usize::from(strip.band),
                    Planar::Separate if strip.band == block.plane => 0,
                    Planar::Separate => continue,
                };
                let view = BlockView {
                    data: &decoded.samples,
                    width: image.block_width as usize,
                    samples: usize::from(image.samples_per_block_pixel()),
                    sample_size: image.data_type.size(),
                };
                copy(image, planes, read.fall, (view, sample), (&task.rows, cols), scratch, strip.samples);
            }
        }
    });
}

/// Copies one band's part of a decoded block into a strip; `rows` and `cols` are the window's.
fn copy(
    image: &Image,
    planes: &Planes,
    fall: &Fall,
    (view, sample): (BlockView<'_>, usize),
    (rows, cols): (&Range<usize>, &Range<usize>),
    scratch: &mut Vec<u8>,
    strip: &mut [u8],
) {
    let in_row = |pixel: usize| (fall.rows.source_of(pixel) % image.block_height) as usize;
    let in_col = |pixel: usize| (fall.cols.source_of(pixel) % image.block_width) as usize;
    let size = planes.data_type.size();
    let same_type = image.data_type == planes.data_type;
    let at = cols.start * size..cols.end * size;
    if same_type && fall.rows.is_shift() && fall.cols.is_shift() {
        let source_rows = in_row(rows.start)..in_row(rows.start) + rows.len();
        let source_cols = in_col(cols.start)..in_col(cols.start) + cols.len();
        view.copy_band(sample, source_rows, source_cols, &mut strip[at.start..], planes.row_bytes());
        return;
    }
    let columns: Vec<usize> = cols.clone().map(in_col).collect();
    let (Some(first), Some(last)) = (columns.first().copied(), columns.last().copied()) else { return };
    let from_size = image.data_type.size();
    let mut gathered = vec![0; columns.len() * from_size];
    for (pixel, to) in rows.clone().zip(strip.chunks_exact_mut(planes.row_bytes())) {
        let source_row = in_row(pixel);
        scratch.resize((last - first + 1) * from_size, 0);
        let row_bytes = scratch.len();
        view.copy_band(sample, source_row..source_row + 1, first..last + 1, scratch, row_bytes);
        for (to, column) in gathered.chunks_exact_mut(from_size).zip(&columns) {
            let from = (column - first) * from_size;
            to.copy_from_slice(&scratch[from..from + from_size]);
        }
        // The planes' type was chosen to hold every value of the sources'.
        let fits = cast(image.data_type, &gathered, planes.data_type, &mut to[at.clone()]);
        debug_assert!(fits.is_ok());
    }
}
