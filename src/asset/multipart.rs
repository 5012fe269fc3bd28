//! Several ranges in one body: `multipart/byteranges` of RFC 9110, section 14.6.

use std::collections::hash_map::RandomState;
use std::fmt::Write;
use std::hash::{BuildHasher, Hasher};

use bytes::Bytes;

use super::range::ByteRange;

/// What stands around the ranges.
#[derive(Debug)]
pub(super) struct Multipart {
    /// What parts are told from each other by: random, so that no object can hold it.
    pub(super) boundary: String,
    /// What stands before each range.
    pub(super) heads: Vec<Bytes>,
    /// What stands behind the last one.
    pub(super) tail: Bytes,
}

impl Multipart {
    pub(super) fn new(ranges: &[ByteRange], len: u64, media_type: &str) -> Self {
        let mut boundary = String::from("cairn-");
        for _ in 0..2 {
            let _infallible = write!(boundary, "{:016x}", RandomState::new().build_hasher().finish());
        }
        let heads = ranges.iter().enumerate().map(|(nth, range)| {
            let line = if nth == 0 { "" } else { "\r\n" };
            Bytes::from(format!(
                "{line}--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: bytes {}-{}/{len}\r\n\r\n",
                range.start,
                range.end - 1
            ))
        });
        Self { heads: heads.collect(), tail: Bytes::from(format!("\r\n--{boundary}--\r\n")), boundary }
    }

    /// Bytes of the whole body.
    pub(super) fn len(&self, ranges: &[ByteRange]) -> u64 {
        let around: usize = self.heads.iter().map(Bytes::len).sum::<usize>() + self.tail.len();
        ranges.iter().map(|range| range.end - range.start).sum::<u64>() + around as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_framed_as_the_rfc_shows() {
        let ranges = [500..1000, 7000..8000];
        let parts = Multipart::new(&ranges, 8000, "application/pdf");
        let boundary = &parts.boundary;
        let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).expect("text");
        assert_eq!(
            text(&parts.heads[1]),
            format!(
                "\r\n--{boundary}\r\nContent-Type: application/pdf\r\nContent-Range: bytes 7000-7999/8000\r\n\r\n"
            )
        );
        assert!(text(&parts.heads[0]).starts_with("--cairn-"));
        assert_eq!(text(&parts.tail), format!("\r\n--{boundary}--\r\n"));
        let around = parts.heads[0].len() + parts.heads[1].len() + parts.tail.len();
        assert_eq!(parts.len(&ranges), 1500 + around as u64);
        assert_ne!(*boundary, Multipart::new(&ranges, 8000, "application/pdf").boundary);
    }
}
