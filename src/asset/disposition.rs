//! The name under which a client saves an asset: RFC 6266.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands as it is in an extended value, RFC 8187.
const EXTENDED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Longer names are cut, in bytes of UTF-8: file systems take 255, and browsers may add a number.
const MAX_NAME_BYTES: usize = 200;

/// The value of `Content-Disposition` that shows the asset, and names it for those who save it. Holds visible ASCII only,
/// whatever the name does.
#[must_use]
pub fn inline(name: &str) -> String {
    let mut name: String = name.chars().filter(|c| !c.is_control() && !matches!(c, '/' | '\\')).collect();
    name.truncate(name.floor_char_boundary(MAX_NAME_BYTES));
    if name.is_empty() {
        return "inline".to_owned();
    }
    let is_plain = |c: char| (c.is_ascii_graphic() || c == ' ') && !matches!(c, '"' | '%');
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    if plain == name {
        return format!("inline; filename=\"{plain}\"");
    }
    format!("inline; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(&name, EXTENDED))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_come_through_and_bring_nothing_along() {
        assert_eq!(inline("B04.tif"), "inline; filename=\"B04.tif\"");
        assert_eq!(
            inline("ä \"b\".tif"),
            "inline; filename=\"_ _b_.tif\"; filename*=UTF-8''%C3%A4%20%22b%22.tif"
        );
        assert_eq!(inline("a\r\nSet-Cookie: x"), "inline; filename=\"aSet-Cookie: x\"");
        assert_eq!(inline("\n/"), "inline");
        let cut = inline(&"€".repeat(100));
        assert!(cut.ends_with(&format!("UTF-8''{}", "%E2%82%AC".repeat(66))), "{cut}");
    }

    proptest! {
        #[test]
        fn any_name_makes_a_header_of_one_name(name in ".{0,300}") {
            let value = inline(&name);
            prop_assert!(value.bytes().all(|b| (0x20..0x7f).contains(&b)));
            prop_assert!(matches!(value.matches('"').count(), 0 | 2), "{}", value);
        }
    }
}
