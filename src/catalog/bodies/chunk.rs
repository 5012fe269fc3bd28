//! A few megabytes of packed bodies in one piece that a file takes as it is.
//!
//! ```text
//! u32 count · count × u32 end of each record, counted from the first record · the records
//! ```
//!
//! Numbers are little-endian.

use std::sync::Arc;

/// Why bytes are no chunk.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// Cut off.
    #[error("a chunk of {len} bytes is too short for the places of its {count} bodies")]
    Short {
        /// Bytes that there are.
        len: usize,
        /// Bodies that it says it has.
        count: usize,
    },
    /// Places out of order.
    #[error("the places of a chunk's bodies ascend to its end, and that of body {number} does not")]
    Place {
        /// Number in the chunk.
        number: usize,
    },
}

/// Packed bodies, numbered from 0.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    bytes: Arc<[u8]>,
    count: usize,
}

const PLACE_BYTES: usize = size_of::<u32>();

impl Chunk {
    /// Checks the places, one look at each.
    pub(super) fn from_bytes(bytes: Arc<[u8]>) -> Result<Self, ChunkError> {
        let len = bytes.len();
        let count = number_at(&bytes, 0).ok_or(ChunkError::Short { len, count: 0 })?;
        let chunk = Self { bytes, count };
        let start = chunk.start().filter(|start| *start <= len).ok_or(ChunkError::Short { len, count })?;
        let mut previous = 0;
        for number in 0..count {
            match number_at(&chunk.bytes, (1 + number) * PLACE_BYTES) {
                Some(end) if end >= previous && end <= len - start => previous = end,
                _ => return Err(ChunkError::Place { number }),
            }
        }
        if previous == len - start { Ok(chunk) } else { Err(ChunkError::Place { number: count }) }
    }

    pub(super) fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    pub(super) fn record(&self, number: usize) -> Option<&[u8]> {
        if number >= self.count {
            return None;
        }
        let records = self.bytes.get(self.start()?..)?;
        let end = number_at(&self.bytes, (1 + number) * PLACE_BYTES)?;
        let start = if number == 0 { 0 } else { number_at(&self.bytes, number * PLACE_BYTES)? };
        records.get(start..end)
    }

    /// Where the records begin.
    fn start(&self) -> Option<usize> {
        self.count.checked_add(1)?.checked_mul(PLACE_BYTES)
    }
}

fn number_of(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn number_at(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at + PLACE_BYTES)?;
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}

/// A chunk that still grows.
#[derive(Debug, Default)]
pub(super) struct OpenChunk {
    ends: Vec<u32>,
    records: Vec<u8>,
}

impl OpenChunk {
    /// Adds a record and gives its number. Whoever fills the chunk closes it long before it has 4 GB.
    pub(super) fn push(&mut self, record: &[u8]) -> u32 {
        let number = number_of(self.ends.len());
        self.records.extend_from_slice(record);
        self.ends.push(number_of(self.records.len()));
        number
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Makes a chunk of what there is, and begins the next in the same memory.
    pub(super) fn close(&mut self) -> Chunk {
        let count = self.ends.len();
        let places = [number_of(count)].into_iter().chain(self.ends.drain(..));
        let places: Vec<u8> = places.flat_map(u32::to_le_bytes).collect();
        self.records.splice(..0, places);
        let bytes = self.records.as_slice().into();
        self.records.clear();
        Chunk { bytes, count }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn damaged_chunks_are_refused() {
        let refused = |bytes: &[u8]| Chunk::from_bytes(bytes.into()).expect_err("an error");
        assert_eq!(refused(&[1, 0]), ChunkError::Short { len: 2, count: 0 });
        assert_eq!(refused(&[9, 0, 0, 0, 1]), ChunkError::Short { len: 5, count: 9 });
        assert!(matches!(refused(&[255; 64]), ChunkError::Short { .. }));
        assert_eq!(refused(&[1, 0, 0, 0, 3, 0, 0, 0, 7]), ChunkError::Place { number: 0 });
        assert_eq!(refused(&[1, 0, 0, 0, 0, 0, 0, 0, 7]), ChunkError::Place { number: 1 });
    }

    proptest! {
        #[test]
        fn records_come_back(records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..9)) {
            let mut open = OpenChunk::default();
            for (number, record) in records.iter().enumerate() {
                prop_assert_eq!(open.push(record) as usize, number);
            }
            let chunk = Chunk::from_bytes(Arc::clone(open.close().bytes())).expect("a chunk");
            for (number, record) in records.iter().enumerate() {
                prop_assert_eq!(chunk.record(number), Some(record.as_slice()));
            }
            prop_assert_eq!(chunk.record(records.len()), None);
        }
    }
}
