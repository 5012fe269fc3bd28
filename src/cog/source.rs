//! A file of which some bytes are here: what is asked for is given, missing, or outside the file.
//!
//! Every length is checked against the file's before anything of its size is allocated.

use serde::{Deserialize, Serialize};

use super::chunks::Chunks;
use super::error::ParseError;

/// Least number of bytes asked for at once: fewer cost a request as much.
const READ_AHEAD_BYTES: u64 = 16 << 10;
/// Read-ahead doubles what is known, up to this.
const MAX_READ_AHEAD_BYTES: u64 = 1 << 20;
/// The order of bytes in the file's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ByteOrder {
    /// `II`: least significant byte first.
    Little,
    /// `MM`: most significant byte first.
    Big,
}

impl ByteOrder {
    /// The unsigned number of all `bytes` (at most eight).
    pub(super) fn unsigned(self, bytes: &[u8]) -> u64 {
        let push = |number: u64, byte: &u8| (number << 8) | u64::from(*byte);
        match self {
            Self::Little => bytes.iter().rev().fold(0, push),
            Self::Big => bytes.iter().fold(0, push),
        }
    }
}

/// A file of known length, byte order and flavour, of which some bytes are here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) chunks: &'a Chunks,
    pub(super) file_len: u64,
    pub(super) order: ByteOrder,
    pub(super) big: bool,
}

impl<'a> Source<'a> {
    /// `len` bytes at `start`: given, missing, or outside the file.
    pub(super) fn bytes(
        &self,
        ifd: usize,
        what: &'static str,
        start: u64,
        len: u64,
    ) -> Result<&'a [u8], ParseError> {
        let Some(end) = start.checked_add(len).filter(|end| *end <= self.file_len) else {
            return Err(ParseError::Corrupt {
                ifd,
                what,
                expected: format!("a place within the file's {} bytes", self.file_len),
                found: format!("offset {start} and length {len}"),
            });
        };
        if len == 0 {
            return Ok(&[]);
        }
        self.chunks.get(start..end).ok_or_else(|| {
            let from = self.chunks.first_absent(start);
            let ahead = self.chunks.held_bytes().clamp(READ_AHEAD_BYTES, MAX_READ_AHEAD_BYTES);
            let to = end.max(from.saturating_add(ahead)).min(self.file_len);
            ParseError::Missing(from..to)
        })
    }

    /// The number at `start`, `len` bytes wide.
    pub(super) fn unsigned(
        &self,
        ifd: usize,
        what: &'static str,
        start: u64,
        len: u64,
    ) -> Result<u64, ParseError> {
        Ok(self.order.unsigned(self.bytes(ifd, what, start, len)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(chunks: &Chunks, start: u64, len: u64) -> Result<&[u8], ParseError> {
        let source = Source { chunks, file_len: 100_000, order: ByteOrder::Big, big: false };
        source.bytes(0, "test", start, len)
    }

    #[test]
    fn a_missing_range_begins_absent_and_ends_in_the_file() {
        let mut chunks = Chunks::new();
        assert_eq!(range(&chunks, 0, 8), Err(ParseError::Missing(0..16_384)));
        chunks.insert(0, vec![1; 40_000].into());
        assert_eq!(range(&chunks, 39_990, 10).map(<[u8]>::len), Ok(10));
        assert_eq!(range(&chunks, 39_990, 20), Err(ParseError::Missing(40_000..80_000)));
        assert_eq!(range(&chunks, 99_999, 1), Err(ParseError::Missing(99_999..100_000)));
        assert_eq!(range(&chunks, 50_000, 50_000), Err(ParseError::Missing(50_000..100_000)));
    }

    #[test]
    fn a_range_beyond_the_file_is_corrupt_whatever_is_here() {
        for (start, len) in [(99_999, 2), (100_001, 0), (u64::MAX, 2), (1, u64::MAX)] {
            let nothing = Chunks::new();
            let error = range(&nothing, start, len);
            assert!(matches!(error, Err(ParseError::Corrupt { .. })), "{start} {len}");
        }
    }
}
