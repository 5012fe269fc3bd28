//! What tells a document from its other states.

use rapidhash::v3::rapidhash_v3;

/// The tag of a content as HTTP's `ETag` has it, with quotes: the same on every machine.
#[must_use]
pub fn tag(content: &[u8]) -> String {
    tag_of_hash(rapidhash_v3(content))
}

/// The tag of a content by its hash.
#[must_use]
pub fn tag_of_hash(hash: u64) -> String {
    format!("\"{hash:016x}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_fixed_for_all_time() {
        assert_eq!(tag(b"{}"), tag(b"{}"));
        assert_ne!(tag(b"{}"), tag(b"{ }"));
        assert_eq!(tag(b"").len(), 18);
    }
}
