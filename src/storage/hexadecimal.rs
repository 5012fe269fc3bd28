//! Bytes as text, as checksums, `ETag`s and signatures have them.

use std::fmt::Write as _;

/// Two digits a byte, in lower case.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _infallible = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_two_digits() {
        assert_eq!(hexadecimal(&[0, 10, 0x7f, 0xff]), "000a7fff");
        assert_eq!(hexadecimal(&[]), "");
    }
}
