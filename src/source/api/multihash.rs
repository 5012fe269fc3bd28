//! Multihashes, as `file:checksum` holds them: a code, a length, a digest, in hexadecimal.

use md5::{Digest as _, Md5};
use ring::digest::{self, Context};

use crate::storage::hexadecimal;

/// A checksum that a file can be held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Multihash {
    kind: Kind,
    /// In lower case.
    digest: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// Codes with their lengths as multihash writes them, and bytes of the digest.
const KINDS: [(&str, Kind, usize); 5] = [
    ("d50110", Kind::Md5, 16),
    ("1114", Kind::Sha1, 20),
    ("1220", Kind::Sha256, 32),
    ("2030", Kind::Sha384, 48),
    ("1340", Kind::Sha512, 64),
];

/// A sum under way.
pub(super) enum Sum {
    Md5(Md5),
    Other(Context),
}

impl Multihash {
    /// Reads `file:checksum`; nothing where it is of a kind that is not known.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        KINDS.iter().find_map(|(code, kind, bytes)| {
            let digest = text.strip_prefix(code)?;
            let is_digest = digest.len() == 2 * bytes && digest.bytes().all(|b| b.is_ascii_hexdigit());
            is_digest.then(|| Self { kind: *kind, digest: digest.to_owned() })
        })
    }

    /// The kind's name.
    pub(super) fn name(&self) -> &'static str {
        match self.kind {
            Kind::Md5 => "MD5",
            Kind::Sha1 => "SHA-1",
            Kind::Sha256 => "SHA-256",
            Kind::Sha384 => "SHA-384",
            Kind::Sha512 => "SHA-512",
        }
    }

    /// What it says, in hexadecimal.
    pub(super) fn digest(&self) -> &str {
        &self.digest
    }

    /// Begins a sum of its kind.
    pub(super) fn sum(&self) -> Sum {
        let algorithm = match self.kind {
            Kind::Md5 => return Sum::Md5(Md5::new()),
            Kind::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Kind::Sha256 => &digest::SHA256,
            Kind::Sha384 => &digest::SHA384,
            Kind::Sha512 => &digest::SHA512,
        };
        Sum::Other(Context::new(algorithm))
    }
}

impl Sum {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(sum) => sum.update(bytes),
            Self::Other(sum) => sum.update(bytes),
        }
    }

    /// The digest in hexadecimal.
    pub(super) fn end(self) -> String {
        match self {
            Self::Md5(sum) => hexadecimal(&sum.finalize()),
            Self::Other(sum) => hexadecimal(sum.finish().as_ref()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_standards() {
        // Of "abc": RFC 1321, FIPS 180-4.
        for text in [
            "d50110900150983cd24fb0d6963f7d28e17f72",
            "1114A9993E364706816ABA3E25717850C26C9CD0D89D",
            "1220ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ] {
            let hash = Multihash::parse(text).expect(text);
            let mut sum = hash.sum();
            sum.add(b"a");
            sum.add(b"bc");
            assert_eq!(sum.end(), hash.digest(), "{}", hash.name());
        }
        for text in ["", "1220ab", "1620ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"] {
            assert_eq!(Multihash::parse(text), None, "{text}");
        }
    }
}
