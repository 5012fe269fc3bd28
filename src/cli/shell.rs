//! Texts as a user may type them in a shell.

use crate::storage::Location;

/// A location as an argument of a shell.
pub(super) fn quoted(location: &Location) -> String {
    quoted_text(&location.to_string())
}

/// A text as an argument of a shell.
pub(super) fn quoted_text(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+:@%=,".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
