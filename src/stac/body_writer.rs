//! Builds an [`ItemBody`](super::ItemBody) field by field from JSON that a parser has been over.

use memchr::{memchr, memchr2};

use super::body::WrittenBody;
use super::places::{AssetHref, push_places};

/// Builds an [`ItemBody`](super::ItemBody) field by field; one writer may build many, one after another, in the same memory.
#[derive(Debug, Default)]
pub struct BodyWriter {
    json: String,
    places: String,
    hrefs: Vec<AssetHref>,
    key: std::ops::Range<usize>,
    doubtful: bool,
    links_move: bool,
}

/// An Item larger than this cannot be held, in bytes.
pub const MAX_ITEM_BYTES: usize = 64 << 20;

/// A payload larger than this is none that an Item was made into: its JSON, and the places of the hrefs in it.
pub const MAX_PAYLOAD_BYTES: usize = 2 * MAX_ITEM_BYTES;

/// Arrays and objects inside each other that a parser surely takes.
const SURE_DEPTH: usize = 100;

/// Digits before a number's point that a parser surely takes, with a power of ten of two figures behind them: 308 are the
/// limit of 64-bit floating point.
const SURE_DIGITS: usize = 200;

/// Figures of that power.
const SURE_POWER: usize = 2;

impl BodyWriter {
    /// Forgets what was written and makes room for so many bytes.
    pub fn restart(&mut self, bytes: usize) {
        self.json.clear();
        self.json.reserve(bytes);
        self.hrefs.clear();
        self.key = 0..0;
        self.doubtful = false;
        self.links_move = false;
    }

    /// Opens the next member: writes the comma where one is due, and the name.
    pub fn name(&mut self, name: &str) {
        self.json.push(if self.json.is_empty() { '{' } else { ',' });
        push_json_string(&mut self.json, name);
        self.json.push(':');
    }

    /// Adds a JSON string.
    pub fn text(&mut self, text: &str) {
        push_json_string(&mut self.json, text);
    }

    /// Adds a JSON string of a text that some document has between quotes just so, without escapes.
    pub fn unescaped(&mut self, text: &str) {
        self.json.push('"');
        self.json.push_str(text);
        self.json.push('"');
    }

    /// Adds a bracket, a colon or a comma.
    pub fn token(&mut self, token: char) {
        self.json.push(token);
    }

    /// Adds raw JSON, without its insignificant white space.
    pub fn raw(&mut self, json: &str) {
        // Most values are strings without escapes, which are taken as they are.
        if json.starts_with('"') && memchr(b'\\', json.as_bytes()).is_none() {
            self.json.push_str(json);
        } else {
            self.doubtful |= push_minified(&mut self.json, json);
        }
    }

    /// Adds an asset's key as a JSON string and remembers its place for the href that follows.
    pub fn asset_key(&mut self, key: &str) {
        let start = self.json.len();
        push_json_string(&mut self.json, key);
        self.key = start..self.json.len();
    }

    /// Adds the href of the asset whose key came last as a JSON string and remembers its place; an asset has one. It `moves`
    /// when the document has it relative to its own place, or to that of its tree.
    pub fn asset_href(&mut self, href: &str, moves: bool) {
        let start = self.json.len();
        push_json_string(&mut self.json, href);
        let key = std::mem::take(&mut self.key);
        if !key.is_empty() {
            self.hrefs.push(AssetHref { key, href: start..self.json.len(), moves });
        }
    }

    /// Remembers that what its links say depends on where the document lies.
    pub fn links_move(&mut self) {
        self.links_move = true;
    }

    /// Bytes written so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.json.len()
    }

    /// True before the first field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.json.is_empty()
    }

    /// True when a parser might refuse the text although it has the form of JSON: for a number out of range, half a
    /// surrogate pair, or depth. Such a body is to be parsed once before it is kept.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// Ends the body with the links that the document itself brings, each a JSON object.
    #[must_use]
    pub fn finish(&mut self, own_links: &[String]) -> WrittenBody<'_> {
        self.name("links");
        self.json.push('[');
        for (index, link) in own_links.iter().enumerate() {
            if index > 0 {
                self.json.push(',');
            }
            self.json.push_str(link);
        }
        self.places.clear();
        push_places(&mut self.places, &self.json, &self.hrefs, !own_links.is_empty(), self.links_move);
        self.json.insert_str(0, &self.places);
        WrittenBody::new(&self.json, self.places.len())
    }
}

/// A text as a JSON string.
#[must_use]
pub fn json_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_json_string(&mut out, text);
    out
}

#[expect(
    clippy::needless_bitwise_bool,
    reason = "without an early end, the compiler makes vector code of it"
)]
pub(super) fn push_json_string(out: &mut String, text: &str) {
    let has_escapes =
        text.bytes().fold(false, |found, byte| found | (byte < b' ') | (byte == b'"') | (byte == b'\\'));
    if has_escapes {
        out.push_str(&serde_json::Value::from(text).to_string());
    } else {
        out.push('"');
        out.push_str(text);
        out.push('"');
    }
}

/// Copies JSON without the white space between its tokens; true when a parser might yet refuse it.
fn push_minified(out: &mut String, json: &str) -> bool {
    let bytes = json.as_bytes();
    let (mut at, mut kept_from, mut depth) = (0, 0, 0_usize);
    let mut doubtful = false;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => {
                while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
                    at += found + 1;
                    if bytes[at - 1] == b'"' {
                        break;
                    }
                    // Surrogates are \ud800 to \udfff.
                    doubtful |= matches!(bytes.get(at..at + 2), Some([b'u', b'd' | b'D']));
                    at += 1;
                }
            }
            b' ' | b'\n' | b'\r' | b'\t' => {
                out.push_str(&json[kept_from..at - 1]);
                kept_from = at;
            }
            b'[' | b'{' => {
                depth += 1;
                doubtful |= depth > SURE_DEPTH;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'0'..=b'9' => {
                let digits = |from: usize| {
                    bytes.get(from..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count()
                };
                let integer = digits(at);
                at += integer;
                if bytes.get(at) == Some(&b'.') {
                    at += 1 + digits(at + 1);
                }
                let power = if matches!(bytes.get(at), Some(b'e' | b'E')) {
                    at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
                    let power = digits(at);
                    at += power;
                    power
                } else {
                    0
                };
                doubtful |= power > SURE_POWER || integer >= SURE_DIGITS;
            }
            _ => {}
        }
    }
    out.push_str(&json[kept_from..]);
    doubtful
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn minified(json: &str) -> (String, bool) {
        let mut out = String::new();
        let doubtful = push_minified(&mut out, json);
        (out, doubtful)
    }

    #[test]
    fn only_white_space_between_tokens_goes() {
        let (text, doubtful) = minified("{ \"a b\\\" \\\\\" :\t[ 1.50 , -2e-3,true ,\r\nnull ] }");
        assert_eq!(text, r#"{"a b\" \\":[1.50,-2e-3,true,null]}"#);
        assert!(!doubtful);
    }

    #[test]
    fn what_a_parser_refuses_is_doubtful() {
        let long = "9".repeat(400);
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        for json in ["1e999", "[1.5E+400]", r#"{"a":"\ud800"}"#, r#""\uDFFFx""#, &long, &deep] {
            assert!(serde_json::from_str::<Value>(json).is_err(), "{json}");
            assert!(minified(json).1, "{json}");
        }
        for json in ["1e10", "-1.5E+40", r#""\u00e4\\ud""#, "[[[1]]]", "false", "123456789012"] {
            assert!(!minified(json).1, "{json}");
        }
    }

    proptest! {
        #[test]
        fn strings_are_written_as_serde_writes_them(text in "[ -~\\x00-\\x20\"\\\\äöü😀]{0,20}") {
            prop_assert_eq!(json_string(&text), Value::from(text.as_str()).to_string());
        }

        #[test]
        fn strings_stay_whole(text in ".{0,40}", spaces in "[ \n\r\t]{0,3}") {
            let quoted = json_string(&text);
            let json = format!("[{spaces}{quoted}{spaces},{spaces}{quoted}]{spaces}");
            prop_assert_eq!(minified(&json).0, format!("[{quoted},{quoted}]"));
        }
    }
}
