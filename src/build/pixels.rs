//! A raster's pixels at low resolution, for statistics and thumbnails.
//!
//! They come from the finest overview that is small enough, or, where there is none, from every n-th pixel of the next larger
//! level. Memory: a float64 for each pixel of each band asked for, and some blocks.

use std::sync::Arc;

use half::f16;

use crate::cog::{
    self, BlockError, BlockView, DecodeError, Image, Level, OpenError, Opened, Planar, decode_block,
};
use crate::pool::Pool;
use crate::stac::DataType;
use crate::storage::{Location, LocationError, Storage, StorageError};

/// Blocks read together.
const BLOCKS_AT_ONCE: usize = 16;

/// Why pixels cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum PixelError {
    /// No name for a store.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// The header cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A block has no place.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// A block cannot be fetched.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A block cannot be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// Some bands of a raster: rows × cols, `NaN` where a pixel is invalid.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Pixels {
    /// Rows.
    pub(super) rows: usize,
    /// Columns.
    pub(super) cols: usize,
    /// Sample type in the file.
    pub(super) data_type: Option<DataType>,
    /// One array a band, row by row.
    pub(super) bands: Vec<Vec<f64>>,
}

/// Reads bands (numbered from 0) at no more than `side` pixels a side.
pub(super) async fn read(
    storage: &Storage,
    pool: &Pool,
    opened: &Arc<Opened>,
    bands: &[u16],
    side: u32,
) -> Result<Pixels, PixelError> {
    let header = &opened.header;
    let levels = std::iter::once(&header.full).chain(&header.overviews);
    let size = |level: &Level| level.image.width.max(level.image.height);
    let fitting = levels.clone().filter(|level| size(level) <= side).max_by_key(|level| size(level));
    let level = fitting.or_else(|| levels.min_by_key(|level| size(level))).unwrap_or(&header.full);
    let step = size(level).div_ceil(side.max(1)).max(1);
    let alpha = header.full.image.alpha_band().filter(|band| !bands.contains(band));
    let mut wanted = bands.to_vec();
    wanted.extend(alpha);
    let nodata = header.nodata.and_then(|nodata| nodata.to_le_bytes(level.image.data_type));
    let image = Source { storage, pool, opened, image: &level.image, step };
    let mut found = image.bands(&wanted, nodata).await?;
    let nodata = nodata.map(|bytes| to_f64(level.image.data_type, &bytes));
    let mut invalid = match alpha.and_then(|_| found.bands.pop()) {
        Some(alpha) => alpha.into_iter().map(|value| value == 0.0).collect(),
        None => vec![false; found.rows * found.cols],
    };
    if let Some(mask) = &level.mask {
        let mask = Source { image: mask, ..image }.bands(&[0], None).await?;
        for (invalid, value) in invalid.iter_mut().zip(mask.bands.iter().flatten()) {
            *invalid |= *value == 0.0;
        }
    }
    for band in &mut found.bands {
        for (value, invalid) in band.iter_mut().zip(&invalid) {
            if *invalid || nodata == Some(*value) {
                *value = f64::NAN;
            }
        }
    }
    Ok(found)
}

/// Opens the raster at a path.
pub(super) async fn open(storage: &Storage, path: &std::path::Path) -> Result<Arc<Opened>, PixelError> {
    Ok(Arc::new(cog::open(storage, &Location::from_path(path)?).await?))
}

#[derive(Clone, Copy)]
struct Source<'a> {
    storage: &'a Storage,
    pool: &'a Pool,
    opened: &'a Arc<Opened>,
    image: &'a Image,
    /// Every `step`-th row and column is kept.
    step: u32,
}

/// A block of a band, and the range of the file that holds it.
type Place = ((u16, u32, u32), std::ops::Range<u64>);

impl Source<'_> {
    /// Samples of some bands as they are; pixels that were never written have these bytes, or 0.
    async fn bands(self, bands: &[u16], unwritten: Option<[u8; 8]>) -> Result<Pixels, PixelError> {
        let image = self.image;
        let (rows, cols) = (image.height.div_ceil(self.step), image.width.div_ceil(self.step));
        let (rows, cols) = (rows as usize, cols as usize);
        let fill = unwritten.map_or(0.0, |bytes| to_f64(image.data_type, &bytes));
        let mut arrays = vec![vec![fill; rows * cols]; bands.len()];
        let planes: Vec<u16> = match image.planar {
            Planar::Chunky => vec![0],
            Planar::Separate => bands.to_vec(),
        };
        let mut places: Vec<Place> = Vec::new();
        for plane in planes {
            for (row, col) in
                (0..image.blocks_down()).flat_map(|row| (0..image.blocks_across()).map(move |col| (row, col)))
            {
                if let Some(range) = image.block_range(plane, row, col)? {
                    places.push(((plane, row, col), range));
                }
            }
        }
        for part in places.chunks(BLOCKS_AT_ONCE) {
            let ranges: Vec<_> = part.iter().map(|(_, range)| range.clone()).collect();
            let bytes = self.storage.read_ranges(&self.opened.location, &self.opened.etag, &ranges).await?;
            let (image, part, bands, step) = (image.clone(), part.to_vec(), bands.to_vec(), self.step);
            let mut filled = std::mem::take(&mut arrays);
            arrays = self
                .pool
                .run(move || {
                    let mut decoded = Vec::new();
                    for (((plane, row, col), _), raw) in part.iter().zip(&bytes) {
                        decode_block(&image, raw, image.rows_in_block(*row), &mut decoded)?;
                        let block = Block { image: &image, data: &decoded, row: *row, col: *col, step };
                        for (band, array) in bands.iter().zip(&mut filled) {
                            match image.planar {
                                Planar::Chunky => block.keep(usize::from(*band), array, cols),
                                Planar::Separate if band == plane => block.keep(0, array, cols),
                                Planar::Separate => {}
                            }
                        }
                    }
                    Ok::<_, DecodeError>(filled)
                })
                .await?;
        }
        Ok(Pixels { rows, cols, data_type: Some(image.data_type), bands: arrays })
    }
}

/// A decoded block and where it lies.
struct Block<'a> {
    image: &'a Image,
    data: &'a [u8],
    row: u32,
    col: u32,
    step: u32,
}

impl Block<'_> {
    /// Copies every `step`-th pixel of one sample to its place in an array of `cols` columns.
    fn keep(&self, sample: usize, array: &mut [f64], cols: usize) {
        let Self { image, data, row, col, step } = *self;
        let size = image.data_type.size();
        let view = BlockView {
            data,
            width: image.block_width as usize,
            samples: image.samples_per_block_pixel().into(),
            sample_size: size,
        };
        let (top, left) = (row * image.block_height, col * image.block_width);
        let width = image.block_width.min(image.width - left) as usize;
        let mut line = vec![0; width * size];
        for in_block in 0..image.rows_in_block(row) {
            let y = top + in_block;
            if !y.is_multiple_of(step) {
                continue;
            }
            let in_block = in_block as usize;
            view.copy_band(sample, in_block..in_block + 1, 0..width, &mut line, width * size);
            let start = (y / step) as usize * cols;
            for (x, bytes) in (left..).zip(line.chunks_exact(size)) {
                if x.is_multiple_of(step)
                    && let Some(place) = array.get_mut(start + (x / step) as usize)
                {
                    *place = to_f64(image.data_type, bytes);
                }
            }
        }
    }
}

/// A little-endian sample as a float64; integers beyond 2^53 are rounded.
#[expect(clippy::cast_precision_loss, reason = "statistics and pictures need no more")]
fn to_f64(data_type: DataType, bytes: &[u8]) -> f64 {
    fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
        bytes.first_chunk().copied().unwrap_or([0; N])
    }
    match data_type {
        DataType::U8 => f64::from(u8::from_le_bytes(first(bytes))),
        DataType::I8 => f64::from(i8::from_le_bytes(first(bytes))),
        DataType::U16 => f64::from(u16::from_le_bytes(first(bytes))),
        DataType::I16 => f64::from(i16::from_le_bytes(first(bytes))),
        DataType::U32 => f64::from(u32::from_le_bytes(first(bytes))),
        DataType::I32 => f64::from(i32::from_le_bytes(first(bytes))),
        DataType::U64 => u64::from_le_bytes(first(bytes)) as f64,
        DataType::I64 => i64::from_le_bytes(first(bytes)) as f64,
        DataType::F16 => f16::from_le_bytes(first(bytes)).to_f64(),
        DataType::F32 => f64::from(f32::from_le_bytes(first(bytes))),
        DataType::F64 => f64::from_le_bytes(first(bytes)),
    }
}
