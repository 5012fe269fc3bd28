//! MD5 of a file's bytes: what stores themselves keep of an object, to tell one content from another.
//!
//! S3 gives it as the `ETag` of what was put at once. What came in parts, and everything in other stores, carries it in
//! base64 as the object's metadata `md5chksum`, as rclone writes it. It guards against accidents, not against forgers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

use crate::storage::hexadecimal;

/// A checksum of whole contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checksum([u8; 16]);

/// A checksum under way.
#[derive(Debug, Default)]
pub(super) struct Summing(Md5);

impl Summing {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn end(self) -> Checksum {
        Checksum(self.0.finalize().into())
    }
}

impl Checksum {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut summing = Summing::default();
        summing.add(bytes);
        summing.end()
    }

    /// As an object's metadata have it.
    pub(super) fn to_base64(self) -> String {
        STANDARD.encode(self.0)
    }

    /// As a multihash in hexadecimal, which is what `file:checksum` holds: code 0xd5, 16 bytes.
    pub(super) fn to_multihash(self) -> String {
        format!("d50110{}", hexadecimal(&self.0))
    }

    /// True when an `ETag` is this checksum; any other `ETag` tells nothing.
    pub(super) fn is_etag(self, etag: &str) -> bool {
        etag.trim_matches('"').eq_ignore_ascii_case(&hexadecimal(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_written_as_stores_write_it() {
        // RFC 1321, A.5.
        let checksum = Checksum::of(b"abc");
        assert!(checksum.is_etag("\"900150983CD24FB0D6963F7D28E17F72\""));
        assert!(!checksum.is_etag("\"900150983cd24fb0d6963f7d28e17f72-2\""));
        assert_eq!(checksum.to_base64(), "kAFQmDzST7DWlj99KOF/cg==");
        assert_eq!(checksum.to_multihash(), "d50110900150983cd24fb0d6963f7d28e17f72");
    }
}
