//! One image of a file: its size, its samples, its blocks and where they lie.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::codec::Codec;
use super::error::{BlockError, ParseError};
use super::ifd::Ifd;
use super::layout::{Layout, Planar};
use super::samples::{self, ExtraSample, Photometric};
use super::source::ByteOrder;
use super::table::BlockTable;
use super::tag;
use crate::stac::DataType;

/// Longest JPEG tables: four of each kind take some 1,500 bytes.
const MAX_JPEG_TABLES_BYTES: u64 = 16 << 10;

/// What a sample was replaced by before compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Predictor {
    /// Nothing.
    None,
    /// Its difference to the sample to the left, of the same band.
    Horizontal,
    /// Byte-wise differences of a row whose bytes were sorted by significance (floating point).
    Float,
}

/// One image: the full resolution, an overview, or the mask of either.
///
/// Sizes are in pixels. Blocks are tiles, or strips of full width; all have the same size, edge tiles are
/// padded, and the last strip may be short. None of the sizes is 0.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Image {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Samples per pixel.
    pub bands: u16,
    /// Of all bands. A mask of single bits is told as `uint8` and decoded to 0 and 255.
    pub data_type: DataType,
    /// Columns of a block.
    pub block_width: u32,
    /// Rows of a block.
    pub block_height: u32,
    /// Whether a block has all bands.
    pub planar: Planar,
    /// Compression of the blocks.
    pub codec: Codec,
    /// What is undone after decompression.
    pub predictor: Predictor,
    /// What the samples mean as a colour.
    pub photometric: Photometric,
    /// What the bands beyond the colours are: alpha, or plain data.
    pub extra_samples: Vec<ExtraSample>,
    pub(super) order: ByteOrder,
    pub(super) one_bit: bool,
    /// What all JPEG blocks share.
    pub(super) jpeg_tables: Option<Box<[u8]>>,
    tiled: bool,
    table: BlockTable,
    file_len: u64,
}

impl Image {
    pub(super) fn read(ifd: &Ifd<'_>, is_mask: bool) -> Result<Self, ParseError> {
        let layout = Layout::read(ifd)?;
        let bands = layout.bands;
        let codec = Codec::read(ifd)?;
        let one_bit = is_mask && bands == 1 && samples::is_one_bit(ifd)?;
        let data_type = if one_bit { DataType::U8 } else { samples::data_type(ifd, bands)? };
        let photometric = samples::photometric(ifd, codec)?;
        if photometric == Photometric::YCbCr && (bands != 3 || layout.planar != Planar::Chunky) {
            let found = format!("{bands}, {:?}", layout.planar);
            return Err(ifd.unsupported("bands of YCbCr", "3 in a block", found));
        }
        let jpeg_tables = match codec {
            Codec::Jpeg => ifd.bytes(tag::JPEG_TABLES, "JPEG tables", MAX_JPEG_TABLES_BYTES)?,
            _ => None,
        };
        let extra_samples = samples::extra_samples(ifd, bands)?;
        let predictor = predictor(ifd, codec, data_type, one_bit)?;
        match ifd.integer(tag::FILL_ORDER, "fill order")? {
            None | Some(1) => {}
            Some(other) if codec.is_supported() => {
                return Err(ifd.unsupported("fill order", "1 (high bits first)", other));
            }
            Some(_) => {}
        }
        let counts_optional = codec == Codec::None;
        let table = BlockTable::read(ifd, layout.table_tags(), layout.blocks(), counts_optional)?;
        Ok(Self {
            width: layout.width,
            height: layout.height,
            bands,
            data_type,
            block_width: layout.block_width,
            block_height: layout.block_height,
            planar: layout.planar,
            codec,
            predictor,
            photometric,
            extra_samples,
            order: ifd.source.order,
            one_bit,
            jpeg_tables: jpeg_tables.map(Box::from),
            tiled: layout.tiled,
            table,
            file_len: ifd.source.file_len,
        })
    }

    /// Columns of blocks.
    #[must_use]
    pub const fn blocks_across(&self) -> u32 {
        self.width.div_ceil(self.block_width)
    }

    /// Rows of blocks.
    #[must_use]
    pub const fn blocks_down(&self) -> u32 {
        self.height.div_ceil(self.block_height)
    }

    /// Bands that lie side by side in a block: all, or one if they are separate.
    #[must_use]
    pub const fn samples_per_block_pixel(&self) -> u16 {
        match self.planar {
            Planar::Chunky => self.bands,
            Planar::Separate => 1,
        }
    }

    /// Bytes of one row of a block, decompressed but as stored: an uncompressed block's row `r` begins
    /// `r * row_bytes()` into it, so a caller may read part of it.
    #[must_use]
    pub fn row_bytes(&self) -> u64 {
        row_bytes(self.block_width, self.samples_per_block_pixel(), self.data_type, self.one_bit)
    }

    /// Rows of a block row that are in the image: fewer than `block_height` in the last one.
    #[must_use]
    pub fn rows_in_block(&self, block_row: u32) -> u32 {
        let above = u64::from(block_row) * u64::from(self.block_height);
        let left = u64::from(self.height).saturating_sub(above);
        u32::try_from(left).map_or(self.block_height, |left| left.min(self.block_height))
    }

    /// The bytes of the file that hold a block; none for a block that was never written, whose pixels are
    /// nodata or 0. The band counts only if bands are separate.
    ///
    /// # Errors
    /// The block is not one of the image's, or its place is not in the file.
    pub fn block_range(
        &self,
        band: u16,
        block_row: u32,
        block_col: u32,
    ) -> Result<Option<Range<u64>>, BlockError> {
        let (down, across) = (self.blocks_down(), self.blocks_across());
        let plane = if self.planar == Planar::Separate { usize::from(band) } else { 0 };
        // No overflow: the table of all blocks was read.
        let block = (plane * down as usize + block_row as usize) * across as usize;
        let block = block + block_col as usize;
        let found = if band < self.bands && block_row < down && block_col < across {
            let rows = if self.tiled { self.block_height } else { self.rows_in_block(block_row) };
            self.table.get(block, self.row_bytes().saturating_mul(rows.into()))
        } else {
            None
        };
        let Some((offset, length)) = found else {
            return Err(BlockError::NoSuchBlock {
                band,
                row: block_row,
                col: block_col,
                bands: self.bands,
                down,
                across,
            });
        };
        // As GDAL has it, no bytes mean no block, wherever it is said to begin.
        if length == 0 {
            return Ok(None);
        }
        match offset.checked_add(length) {
            Some(end) if offset > 0 && end <= self.file_len => Ok(Some(offset..end)),
            _ => {
                let file_len = self.file_len;
                Err(BlockError::OutsideFile { block, offset, length, file_len })
            }
        }
    }

    /// The first band that is opacity, from 0.
    #[must_use]
    pub fn alpha_band(&self) -> Option<u16> {
        let alpha = self.extra_samples.iter().position(|extra| extra.is_alpha())?;
        let colours = usize::from(self.bands).checked_sub(self.extra_samples.len())?;
        u16::try_from(colours + alpha).ok()
    }

    /// Memory beyond the struct itself, to weigh it in a cache.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let tables = self.jpeg_tables.as_ref().map_or(0, |tables| tables.len());
        self.table.heap_bytes() + self.extra_samples.capacity() + tables
    }
}

/// Up to 2^32 × 2^16 × 2^3 bytes, so never an overflow.
fn row_bytes(width: u32, samples: u16, data_type: DataType, one_bit: bool) -> u64 {
    let samples = u64::from(width) * u64::from(samples);
    if one_bit { samples.div_ceil(8) } else { samples * data_type.size() as u64 }
}

fn predictor(
    ifd: &Ifd<'_>,
    codec: Codec,
    data_type: DataType,
    one_bit: bool,
) -> Result<Predictor, ParseError> {
    if !codec.has_predictor() {
        return Ok(Predictor::None);
    }
    match ifd.integer(tag::PREDICTOR, "predictor")? {
        None | Some(1) => Ok(Predictor::None),
        Some(2) if !one_bit => Ok(Predictor::Horizontal),
        Some(3) if data_type.is_float() => Ok(Predictor::Float),
        Some(other) => {
            let expected = "1, 2, or 3 with floating-point samples";
            Err(ifd.unsupported("predictor", expected, other))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tiny::{Value::*, image, parse, tiff};
    use super::*;

    fn of(tags: Vec<(u16, super::super::tiny::Value)>, blocks: usize) -> Result<Image, ParseError> {
        parse(&tiff(ByteOrder::Little, &[tags], blocks), 8).map(|header| header.full.image)
    }

    fn without(tag: u16) -> Vec<(u16, super::super::tiny::Value)> {
        image(8, 10).into_iter().filter(|(other, _)| *other != tag).collect()
    }

    #[test]
    fn blocks_are_found_sparse_or_outside() {
        let mut tags = without(tag::STRIP_OFFSETS);
        tags.push((tag::STRIP_OFFSETS, Long(vec![0, 30, 5000])));
        tags.retain(|(tag, _)| *tag != tag::STRIP_BYTE_COUNTS);
        tags.push((tag::STRIP_BYTE_COUNTS, Short(vec![0, 64, 64])));
        let image = of(tags, 100).expect("sound");
        assert_eq!((image.blocks_across(), image.blocks_down()), (1, 3));
        assert_eq!(image.block_range(0, 0, 0), Ok(None));
        assert_eq!(image.block_range(0, 1, 0), Ok(Some(30..94)));
        assert!(matches!(image.block_range(0, 2, 0), Err(BlockError::OutsideFile { block: 2, .. })));
        for (band, row, col) in [(1, 0, 0), (0, 3, 0), (0, 0, 1), (u16::MAX, u32::MAX, u32::MAX)] {
            let error = image.block_range(band, row, col);
            assert!(matches!(error, Err(BlockError::NoSuchBlock { .. })));
        }
        assert_eq!((image.rows_in_block(0), image.rows_in_block(2), image.rows_in_block(3)), (4, 2, 0));
    }

    #[test]
    fn byte_counts_left_out_are_computed_if_nothing_is_compressed() {
        let image = of(without(tag::STRIP_BYTE_COUNTS), 200).expect("sound");
        assert_eq!(image.block_range(0, 0, 0), Ok(Some(8..8 + 8 * 2 * 4)));
        // Of 10 rows, the last strip has 2.
        assert_eq!(image.block_range(0, 2, 0), Ok(Some(8..8 + 8 * 2 * 2)));
        let mut tags = without(tag::STRIP_BYTE_COUNTS);
        tags.push((tag::COMPRESSION, Short(vec![5])));
        assert!(matches!(of(tags, 200), Err(ParseError::Corrupt { .. })));
    }

    #[test]
    fn an_unknown_codec_still_tells_size_and_type() {
        let mut tags = image(8, 10);
        tags.push((tag::COMPRESSION, Short(vec![34925])));
        tags.push((tag::PHOTOMETRIC, Short(vec![6])));
        let image = of(tags, 100).expect("parses");
        assert_eq!((image.width, image.data_type), (8, DataType::U16));
        let error = super::super::decode_block(&image, &[], 1, &mut Vec::new());
        assert_eq!(
            error.map_err(|error| error.to_string()),
            Err("compression LZMA (34925) is not supported; convert the file with `cairn convert`".into())
        );
    }

    #[test]
    fn a_lie_about_the_number_of_blocks_is_told() {
        let mut tags = without(tag::IMAGE_LENGTH);
        tags.push((tag::IMAGE_LENGTH, Long(vec![4_000_000])));
        let error = of(tags, 100).expect_err("too few offsets").to_string();
        assert_eq!(error, "image 0: block offsets: expected 1000000, found 3");
    }

    #[test]
    fn a_block_beyond_the_limit_is_refused_with_its_size() {
        let mut tags = vec![(tag::TILE_WIDTH, Long(vec![1 << 16])), (tag::TILE_LENGTH, Long(vec![1 << 16]))];
        tags.extend([(tag::TILE_OFFSETS, Long(vec![8])), (tag::TILE_BYTE_COUNTS, Long(vec![90]))]);
        tags.push((tag::COMPRESSION, Short(vec![8])));
        tags.extend(image(8, 10));
        let image = of(tags, 100).expect("parses");
        let error = super::super::decode_block(&image, &[0; 90], 1, &mut Vec::new());
        assert!(error.is_err_and(|error| error.to_string().contains("8589934592")));
    }
}
