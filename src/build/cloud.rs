//! Cloud cover, counted over the pixels of a class band.

use std::path::Path;

use super::pixels::{self, PixelError};
use crate::cog::{BlockView, DecodeError, Nodata, decode_block};
use crate::pool::blocking;
use crate::storage::Storage;

/// Blocks read together: 16 MiB of classes at 512 pixels a side.
const BLOCKS_AT_ONCE: usize = 64;

/// The share in percent of a raster's valid pixels, in its first band, that have one of these values; none when no pixel
/// is valid. Reads the whole band, some blocks at a time.
pub(super) async fn cover_percent(
    storage: &Storage,
    path: &Path,
    values: &[i64],
    nodata: Option<f64>,
) -> Result<Option<f64>, PixelError> {
    let opened = pixels::open(storage, path).await?;
    let image = opened.header.full.image.clone();
    let nodata = nodata.map(Nodata::Float).or(opened.header.nodata);
    let blocks =
        (0..image.blocks_down()).flat_map(|row| (0..image.blocks_across()).map(move |col| (row, col)));
    let blocks: Vec<(u32, u32)> = blocks.collect();
    let mut counter = Counter::new(image.data_type, values, nodata);
    for part in blocks.chunks(BLOCKS_AT_ONCE) {
        let mut places = Vec::with_capacity(part.len());
        for (row, col) in part {
            // What was never written is nodata.
            if let Some(range) = image.block_range(0, *row, *col).map_err(PixelError::from)? {
                places.push(((*row, *col), range));
            }
        }
        let ranges: Vec<_> = places.iter().map(|(_, range)| range.clone()).collect();
        let bytes = storage.read_ranges(&opened.location, &opened.etag, &ranges).await;
        let bytes = bytes.map_err(PixelError::from)?;
        let image = image.clone();
        let count = move || {
            let mut decoded = Vec::new();
            for (((row, col), _), raw) in places.iter().zip(&bytes) {
                let rows = image.rows_in_block(*row);
                decode_block(&image, raw, rows, &mut decoded)?;
                let left = image.width.saturating_sub(col * image.block_width);
                let block = BlockView {
                    data: &decoded,
                    width: image.block_width as usize,
                    samples: image.samples_per_block_pixel().into(),
                    sample_size: image.data_type.size(),
                };
                counter.add(&block, rows as usize, left.min(image.block_width) as usize);
            }
            Ok::<_, DecodeError>(counter)
        };
        counter = blocking(count).await?;
    }
    Ok(counter.percent())
}

/// Counts samples by their bytes.
#[derive(Debug)]
struct Counter {
    size: usize,
    wanted: Vec<[u8; 8]>,
    nodata: Option<[u8; 8]>,
    valid: u64,
    cloudy: u64,
    row: Vec<u8>,
}

impl Counter {
    fn new(data_type: crate::stac::DataType, values: &[i64], nodata: Option<Nodata>) -> Self {
        let bytes = |value: &i64| Nodata::Integer((*value).into()).to_le_bytes(data_type);
        // A nodata value such as 0.0 is a whole number.
        let whole = |nodata: Nodata| Nodata::from_text(&nodata.as_f64().to_string()).unwrap_or(nodata);
        Self {
            size: data_type.size(),
            wanted: values.iter().filter_map(bytes).collect(),
            nodata: nodata.and_then(|nodata| whole(nodata).to_le_bytes(data_type)),
            valid: 0,
            cloudy: 0,
            row: Vec::new(),
        }
    }

    fn add(&mut self, block: &BlockView<'_>, rows: usize, cols: usize) {
        let Self { size, wanted, nodata, valid, cloudy, row: samples } = self;
        samples.resize(cols * *size, 0);
        for row in 0..rows {
            block.copy_band(0, row..row + 1, 0..cols, samples, cols * *size);
            for sample in samples.chunks_exact(*size) {
                let is = |value: &[u8; 8]| value.starts_with(sample);
                if nodata.as_ref().is_some_and(is) {
                    continue;
                }
                *valid += 1;
                *cloudy += u64::from(wanted.iter().any(is));
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a share, far from the limit of exact counts")]
    fn percent(&self) -> Option<f64> {
        (self.valid > 0).then(|| 100.0 * self.cloudy as f64 / self.valid as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stac::DataType;

    #[test]
    fn the_share_is_taken_of_valid_pixels() {
        let mut counter = Counter::new(DataType::U16, &[8, 9, 300], Some(Nodata::Float(0.0)));
        let data: Vec<u8> = [0_u16, 8, 4, 300, 7, 9].iter().flat_map(|v| v.to_le_bytes()).collect();
        let block = BlockView { data: &data, width: 3, samples: 1, sample_size: 2 };
        // The third column is padding.
        counter.add(&block, 2, 2);
        assert_eq!((counter.valid, counter.cloudy), (3, 2));
        assert_eq!(Counter::new(DataType::U8, &[8], None).percent(), None);
    }
}
