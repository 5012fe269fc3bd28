//! What tells a document from its other states.

use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};

/// The tag of a content as HTTP's `ETag` has it, with quotes: the same on every machine.
#[must_use]
pub fn tag(content: &[u8]) -> String {
    const SECRETS: RapidSecrets = RapidSecrets::seed(4);
    format!("\"{:016x}\"", rapidhash_v3_seeded(content, &SECRETS))
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
