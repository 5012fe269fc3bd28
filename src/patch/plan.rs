//! Blocks become byte ranges, and ranges near each other become one. Pure.

use std::ops::Range;

use super::axis::Fall;
use crate::cog::{BlockError, Codec, Image, Planar};

/// Ranges with a gap of at most this many bytes between them are read as one: on a local disk, reading on is cheaper than
/// another call.
const MERGE_GAP_BYTES: u64 = 16 << 10;

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

/// Merges ranges: (range to read, indexes of the given ranges within it), ascending.
pub(super) fn merge(ranges: &[Range<u64>]) -> Vec<(Range<u64>, Vec<usize>)> {
    let mut order: Vec<usize> = (0..ranges.len()).collect();
    order.sort_by_key(|index| ranges[*index].start);
    let mut merged: Vec<(Range<u64>, Vec<usize>)> = Vec::new();
    for index in order {
        let range = &ranges[index];
        match merged.last_mut() {
            Some((run, members)) if range.start <= run.end.saturating_add(MERGE_GAP_BYTES) => {
                run.end = run.end.max(range.end);
                members.push(index);
            }
            _ => merged.push((range.clone(), vec![index])),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn near_ranges_are_one_read() {
        let far = 1 << 20;
        let merged = merge(&[far..far + 10, 0..100, 100 + MERGE_GAP_BYTES..200 + MERGE_GAP_BYTES]);
        assert_eq!(merged, [(0..200 + MERGE_GAP_BYTES, vec![1, 2]), (far..far + 10, vec![0])]);
    }

    proptest! {
        #[test]
        fn every_range_lies_in_the_run_that_claims_it(
            starts in proptest::collection::vec((0u64..1 << 24, 1u64..1 << 16), 0..50)
        ) {
            let ranges: Vec<Range<u64>> = starts.into_iter().map(|(s, n)| s..s + n).collect();
            let mut seen = vec![0; ranges.len()];
            for (run, members) in merge(&ranges) {
                for index in members {
                    seen[index] += 1;
                    prop_assert!(run.start <= ranges[index].start && ranges[index].end <= run.end);
                }
            }
            prop_assert!(seen.iter().all(|n| *n == 1));
        }
    }
}
