//! One kept range as a file: what it is of, its bytes, and a checksum of both. Pure.
//!
//! [`MAGIC`], then CRC-32 of all that follows and length of the key (little-endian, four bytes each), the key, the bytes.

use std::ops::Range;

use bytes::Bytes;

use crate::storage::Location;

/// First bytes of a file; the number changes with what follows them.
const MAGIC: &[u8; 8] = b"cairnr01";
/// Bytes before the key.
const HEAD_BYTES: usize = MAGIC.len() + 8;

/// What a range is of: an object in one state, and a place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// The name of its file and its place in the index. The file holds the key itself, so that two of one name are told apart.
    pub(super) id: u128,
    text: String,
    len: u64,
}

impl Key {
    /// Locations are named without their queries: these may be secrets, and change.
    pub(super) fn of(location: &Location, etag: &str, range: &Range<u64>) -> Self {
        let text = format!("{location} {etag} {}-{}", range.start, range.end);
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        let id = digest.as_ref().iter().take(16).fold(0, |id, byte| (id << 8) | u128::from(*byte));
        Self { id, text, len: range.end.saturating_sub(range.start) }
    }

    /// Length of its file in bytes.
    pub(super) fn file_bytes(&self) -> u64 {
        self.len.saturating_add((HEAD_BYTES + self.text.len()) as u64)
    }

    /// What stands before the bytes in their file.
    pub(super) fn head(&self, bytes: &[u8]) -> Vec<u8> {
        let mut head = Vec::with_capacity(HEAD_BYTES + self.text.len());
        head.extend(MAGIC);
        head.extend(self.crc(bytes).to_le_bytes());
        head.extend(self.text_len());
        head.extend(self.text.as_bytes());
        head
    }

    /// The bytes in a file; nothing when it is damaged, or of another key.
    pub(super) fn bytes_in(&self, file: Vec<u8>) -> Option<Bytes> {
        if file.len() as u64 != self.file_bytes() {
            return None;
        }
        let rest = file.strip_prefix(MAGIC)?;
        let (crc, rest) = rest.split_first_chunk::<4>()?;
        let bytes = rest.strip_prefix(&self.text_len())?.strip_prefix(self.text.as_bytes())?;
        let is_sound = self.crc(bytes) == u32::from_le_bytes(*crc);
        let at = file.len() - bytes.len();
        is_sound.then(|| Bytes::from(file).slice(at..))
    }

    fn crc(&self, bytes: &[u8]) -> u32 {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&self.text_len());
        crc.update(self.text.as_bytes());
        crc.update(bytes);
        crc.finalize()
    }

    fn text_len(&self) -> [u8; 4] {
        u32::try_from(self.text.len()).unwrap_or(u32::MAX).to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(href: &str, etag: &str, range: Range<u64>) -> Key {
        Key::of(&Location::parse(href).expect("a location"), etag, &range)
    }

    proptest! {
        #[test]
        fn bytes_come_back_whole_and_from_their_own_file_only(
            bytes in prop::collection::vec(any::<u8>(), 1..200),
            at in any::<prop::sample::Index>(),
            bit in 0..8u32,
        ) {
            let range = 40..40 + bytes.len() as u64;
            let own = key("s3://b/a.tif?sig=secret", "\"e1\"", range.clone());
            let mut file = own.head(&bytes);
            file.extend(&bytes);
            prop_assert_eq!(file.len() as u64, own.file_bytes());
            prop_assert!(!file.windows(6).any(|window| window == b"secret"));
            prop_assert_eq!(own.bytes_in(file.clone()), Some(Bytes::from(bytes.clone())));
            // Another object, another state of it, another place in it.
            let shifted = range.start + 1..range.end + 1;
            for other in [
                key("s3://b/b.tif", "\"e1\"", range.clone()),
                key("s3://b/a.tif", "\"e2\"", range.clone()),
                key("s3://b/a.tif", "\"e1\"", shifted),
            ] {
                prop_assert_ne!(other.id, own.id);
                prop_assert_eq!(other.bytes_in(file.clone()), None);
            }
            // Cut off anywhere, or with any bit turned.
            prop_assert_eq!(own.bytes_in(file[..at.index(file.len())].to_vec()), None);
            let turned = at.index(file.len());
            file[turned] ^= 1 << bit;
            prop_assert_eq!(own.bytes_in(file), None);
        }
    }
}
