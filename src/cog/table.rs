//! Where an image's blocks lie in its file.

use super::error::ParseError;
use super::ifd::Ifd;

/// Most blocks of an image: some 500,000 pixels square in blocks of 256.
const MAX_BLOCKS: u64 = 4 << 20;

/// Offset and byte count of each block, row by row, band after band if the bands are separate.
#[derive(Debug, Clone)]
pub(super) struct BlockTable {
    offsets: Column,
    /// None if the file leaves them out, which it may if nothing is compressed.
    counts: Option<Column>,
}

/// A column of the table in as few bytes as its numbers allow.
#[derive(Debug, Clone)]
enum Column {
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

impl BlockTable {
    /// Reads `blocks` offsets and counts from the tags of those numbers; the counts may be absent if
    /// `counts_optional`.
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
        let offsets = Column::read(ifd, offset_tag, "block offsets", blocks)?;
        let counts = if counts_optional && !ifd.has(count_tag) {
            None
        } else {
            Some(Column::read(ifd, count_tag, "block byte counts", blocks)?)
        };
        Ok(Self { offsets, counts })
    }

    /// Offset and byte count of a block; the count is `uncompressed` where the file leaves it out.
    pub(super) fn get(&self, block: usize, uncompressed: u64) -> Option<(u64, u64)> {
        let offset = self.offsets.get(block)?;
        match &self.counts {
            Some(counts) => Some((offset, counts.get(block)?)),
            None => Some((offset, if offset == 0 { 0 } else { uncompressed })),
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.offsets.heap_bytes() + self.counts.as_ref().map_or(0, Column::heap_bytes)
    }
}

impl Column {
    fn read(ifd: &Ifd<'_>, tag: u16, what: &'static str, count: u64) -> Result<Self, ParseError> {
        // Grows as values are read, which lie in the file: a lying count allocates nothing.
        let mut narrow: Vec<u32> = Vec::new();
        let mut wide: Vec<u64> = Vec::new();
        ifd.each_integer(tag, what, count, |number| match u32::try_from(number) {
            Ok(number) if wide.is_empty() => narrow.push(number),
            _ => {
                if wide.is_empty() {
                    wide = std::mem::take(&mut narrow).into_iter().map(u64::from).collect();
                }
                wide.push(number);
            }
        })?;
        let mut column = if wide.is_empty() { Self::Narrow(narrow) } else { Self::Wide(wide) };
        if (column.len() as u64) < count {
            return Err(ifd.corrupt(what, count, column.len()));
        }
        column.shrink();
        Ok(column)
    }

    fn get(&self, index: usize) -> Option<u64> {
        match self {
            Self::Narrow(numbers) => numbers.get(index).map(|number| u64::from(*number)),
            Self::Wide(numbers) => numbers.get(index).copied(),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Narrow(numbers) => numbers.len(),
            Self::Wide(numbers) => numbers.len(),
        }
    }

    fn shrink(&mut self) {
        match self {
            Self::Narrow(numbers) => numbers.shrink_to_fit(),
            Self::Wide(numbers) => numbers.shrink_to_fit(),
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Self::Narrow(numbers) => numbers.capacity() * 4,
            Self::Wide(numbers) => numbers.capacity() * 8,
        }
    }
}
