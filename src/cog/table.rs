//! Where an image's blocks lie in its file.
//!
//! Blocks follow each other in most files, a few bytes apart (8 in GDAL's COG layout): the byte counts then tell the offsets,
//! and a full Sentinel-2 band of 484 blocks takes 1.6 KB instead of 12.

use serde::{Deserialize, Serialize};

use super::error::ParseError;
use super::ifd::Ifd;

/// Most blocks of an image: some 500,000 pixels square in blocks of 256.
pub(super) const MAX_BLOCKS: u64 = 4 << 20;

/// Blocks whose first has its offset written out: so many numbers are read at most to find one.
const GROUP: usize = 64;

/// Offset and byte count of each block, row by row, band after band if the bands are separate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct BlockTable {
    blocks: usize,
    groups: Vec<Group>,
    /// For each block, as numbers of seven bits a byte: how far it begins from the end of the one before (unless that is
    /// always the same, or it is the first of its group), and its byte count (unless the file leaves these out).
    packed: Vec<u8>,
    /// How far all blocks begin from the end of the one before.
    gap: Option<u64>,
    has_counts: bool,
}

/// Where a group begins.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Group {
    /// Offset of its first block.
    offset: u64,
    /// Where its numbers begin.
    at: usize,
}

impl BlockTable {
    /// Reads `blocks` offsets and counts from the tags of those numbers; the counts may be absent if
    /// `counts_optional`, which they may be if nothing is compressed.
    pub(super) fn read(
        ifd: &Ifd<'_>,
        (offset_tag, count_tag): (u16, u16),
        blocks: Option<u64>,
        counts_optional: bool,
    ) -> Result<Self, ParseError> {
        let Some(blocks) = blocks.filter(|blocks| *blocks <= MAX_BLOCKS) else {
            let found = blocks.map_or_else(|| "more than 2^64".to_owned(), |n| n.to_string());
            return Err(ifd.unsupported("number of blocks", "at most 4 Mi", found));
        };
        let offsets = column(ifd, offset_tag, "block offsets", blocks)?;
        let counts = if counts_optional && !ifd.has(count_tag) {
            None
        } else {
            Some(column(ifd, count_tag, "block byte counts", blocks)?)
        };
        Ok(Self::pack(&offsets, counts.as_deref()))
    }

    fn pack(offsets: &[u64], counts: Option<&[u64]>) -> Self {
        let count = |block: usize| counts.map_or(0, |counts| counts[block]);
        // Any two offsets have a distance modulo 2^64.
        let gap_of =
            |block: usize| offsets[block].wrapping_sub(offsets[block - 1].wrapping_add(count(block - 1)));
        let mut gaps = (1..offsets.len()).filter(|block| !block.is_multiple_of(GROUP)).map(gap_of);
        let first = gaps.next().unwrap_or(0);
        let gap = gaps.all(|gap| gap == first).then_some(first);
        let (mut groups, mut packed) = (Vec::with_capacity(offsets.len().div_ceil(GROUP)), Vec::new());
        for (block, offset) in offsets.iter().enumerate() {
            if block.is_multiple_of(GROUP) {
                groups.push(Group { offset: *offset, at: packed.len() });
            } else if gap.is_none() {
                write(zigzag(gap_of(block)), &mut packed);
            }
            if counts.is_some() {
                write(count(block), &mut packed);
            }
        }
        packed.shrink_to_fit();
        Self { blocks: offsets.len(), groups, packed, gap, has_counts: counts.is_some() }
    }

    /// Offset and byte count of a block; the count is `uncompressed` where the file leaves it out.
    pub(super) fn get(&self, block: usize, uncompressed: u64) -> Option<(u64, u64)> {
        if block >= self.blocks {
            return None;
        }
        let group = self.groups.get(block / GROUP)?;
        let mut numbers = self.packed.get(group.at..)?;
        let count = |numbers: &mut &[u8]| if self.has_counts { read(numbers) } else { Some(0) };
        let (mut offset, mut length) = (group.offset, count(&mut numbers)?);
        for _ in 0..block % GROUP {
            let gap = match self.gap {
                Some(gap) => gap,
                None => unzigzag(read(&mut numbers)?),
            };
            offset = offset.wrapping_add(length).wrapping_add(gap);
            length = count(&mut numbers)?;
        }
        if self.has_counts {
            return Some((offset, length));
        }
        Some((offset, if offset == 0 { 0 } else { uncompressed }))
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.groups.capacity() * size_of::<Group>() + self.packed.capacity()
    }
}

fn column(ifd: &Ifd<'_>, tag: u16, what: &'static str, count: u64) -> Result<Vec<u64>, ParseError> {
    // Grows as values are read, which lie in the file: a lying count allocates nothing.
    let mut numbers: Vec<u64> = Vec::new();
    ifd.each_integer(tag, what, count, |number| numbers.push(number))?;
    if (numbers.len() as u64) < count {
        return Err(ifd.corrupt(what, count, numbers.len()));
    }
    Ok(numbers)
}

/// Small numbers of either sign become small numbers.
fn zigzag(number: u64) -> u64 {
    let sign = if number.cast_signed() < 0 { u64::MAX } else { 0 };
    (number << 1) ^ sign
}

fn unzigzag(number: u64) -> u64 {
    (number >> 1) ^ (number & 1).wrapping_neg()
}

/// Seven bits a byte, the lowest first; all but the last byte have the eighth set.
fn write(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push((number & 0x7f) as u8);
}

fn read(numbers: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, rest) = numbers.split_first()?;
        *numbers = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(offsets: &[u64], counts: Option<&[u64]>, block: usize) -> Option<(u64, u64)> {
        let offset = *offsets.get(block)?;
        Some((offset, counts.map_or(if offset == 0 { 0 } else { 77 }, |counts| counts[block])))
    }

    #[test]
    fn a_sentinel_2_band_takes_less_than_two_kilobytes() {
        let counts: Vec<u64> = (0..484).map(|block| 300_000 + block * 317 % 40_000).collect();
        let mut at = 70_000;
        let offsets: Vec<u64> = counts
            .iter()
            .map(|count| {
                at += count + 8;
                at - count
            })
            .collect();
        let table = BlockTable::pack(&offsets, Some(&counts));
        assert_eq!(table.gap, Some(8));
        assert!(table.heap_bytes() < 1_700, "{}", table.heap_bytes());
    }

    proptest! {
        #[test]
        fn every_block_is_where_the_file_says(
            blocks in prop::collection::vec((prop_oneof![Just(0), 0..5000u64, any::<u64>()], 0..1u64 << 40), 1..300),
            rows in prop_oneof![Just(None), (0..100u64).prop_map(Some)],
            has_counts: bool,
        ) {
            // Offsets of any kind, or one after the other with the same gap.
            let counts: Vec<u64> = blocks.iter().map(|(_, count)| *count).collect();
            let mut at = 0_u64;
            let offsets: Vec<u64> = blocks.iter().map(|(offset, count)| match rows {
                None => *offset,
                Some(gap) => {
                    let here = at + gap;
                    at = here + count;
                    here
                }
            }).collect();
            let counts = has_counts.then_some(counts.as_slice());
            let table = BlockTable::pack(&offsets, counts);
            for block in 0..=offsets.len() {
                prop_assert_eq!(table.get(block, 77), plain(&offsets, counts, block));
            }
            let bytes = postcard::to_allocvec(&table).expect("written");
            prop_assert_eq!(postcard::from_bytes::<BlockTable>(&bytes).expect("read"), table);
        }
    }
}
