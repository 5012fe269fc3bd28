//! Blocks become byte ranges. Pure.

use std::ops::Range;

use super::axis::Fall;
use crate::cog::{BlockError, Codec, Image, Planar};

/// One block that a window needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// The band whose plane it belongs to; 0 where a block holds all bands.
    pub(super) plane: u16,
    /// Row of the grid of blocks.
    pub(super) row: u32,
    /// Column of the grid of blocks.
    pub(super) col: u32,
    /// Rows that are needed, counted from the block's first.
    pub(super) rows: u32,
    /// Its bytes in the file; nothing for a block that the file leaves out.
    pub(super) bytes: Option<Range<u64>>,
}

/// The blocks that the given bands of an image need, in the order of planes, rows, columns.
pub(super) fn blocks(image: &Image, fall: &Fall, bands: &[u16]) -> Result<Vec<Block>, BlockError> {
    let planes: Vec<u16> = match image.planar {
        Planar::Separate => bands.to_vec(),
        Planar::Chunky => vec![0],
    };
    let cols = fall.cols.by_block(image.block_width);
    let mut blocks = Vec::new();
    for plane in planes {
        for (row, pixels) in fall.rows.by_block(image.block_height) {
            let rows = fall.rows.source_of(pixels.end - 1) % image.block_height + 1;
            for (col, _) in &cols {
                let mut bytes = image.block_range(plane, row, *col)?;
                if let (Codec::None, Some(range)) = (image.codec, &mut bytes) {
                    let needed = image.row_bytes().saturating_mul(rows.into());
                    range.end = range.end.min(range.start.saturating_add(needed));
                }
                blocks.push(Block { plane, row, col: *col, rows, bytes });
            }
        }
    }
    Ok(blocks)
}
