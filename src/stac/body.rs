//! An Item's document as it is served: its own JSON with the places of its asset hrefs known, so that an answer is
//! spliced together without parsing.

use std::ops::Range;

/// An Item's JSON, byte for byte as its document has it but for white space, links and hrefs.
///
/// The text is an object that is not closed yet: it ends inside its `links` array, after the links that the document
/// itself brought (a licence, a source). What serves it adds its own links and the closing `]}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemBody {
    open_json: Box<str>,
    has_links: bool,
    hrefs: Box<[AssetHref]>,
}

/// One asset's href in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AssetHref {
    key: Box<str>,
    /// The bytes of the JSON string, quotes included.
    span: Range<u32>,
}

/// Builds an [`ItemBody`] field by field.
#[derive(Debug, Default)]
pub struct BodyWriter {
    json: String,
    hrefs: Vec<AssetHref>,
}

/// An Item larger than this cannot be held, in bytes.
pub const MAX_ITEM_BYTES: usize = 64 << 20;

impl BodyWriter {
    /// A body without fields yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the next member: writes the comma where one is due, and the name.
    pub fn name(&mut self, name: &str) {
        self.json.push(if self.json.is_empty() { '{' } else { ',' });
        self.json.push_str(&json_string(name));
        self.json.push(':');
    }

    /// Adds raw JSON, without its insignificant white space.
    pub fn raw(&mut self, json: &str) {
        push_minified(&mut self.json, json);
    }

    /// Adds an asset's href as a JSON string and remembers its place.
    pub fn asset_href(&mut self, key: &str, href: &str) {
        let start = self.json.len();
        self.json.push_str(&json_string(href));
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.hrefs.push(AssetHref { key: key.into(), span: place(start)..place(self.json.len()) });
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

    /// Ends the body with the links that the document itself brings, each a JSON object.
    #[must_use]
    pub fn finish(mut self, own_links: &[String]) -> ItemBody {
        self.name("links");
        self.json.push('[');
        self.json.push_str(&own_links.join(","));
        ItemBody {
            open_json: self.json.into_boxed_str(),
            has_links: !own_links.is_empty(),
            hrefs: self.hrefs.into_boxed_slice(),
        }
    }
}

impl ItemBody {
    /// Writes the whole Item to `out`: `href` maps an asset's key and href, as JSON escapes it, to what is shown, `None`
    /// leaves it; `links` are JSON objects joined by commas.
    pub fn write(&self, out: &mut Vec<u8>, mut href: impl FnMut(&str, &str) -> Option<String>, links: &str) {
        let mut copied = 0;
        for place in &self.hrefs {
            let (start, end) = (place.span.start as usize, place.span.end as usize);
            let escaped = self.open_json.get(start + 1..end.saturating_sub(1)).unwrap_or_default();
            if let Some(shown) = href(&place.key, escaped) {
                out.extend_from_slice(&self.open_json.as_bytes()[copied..start]);
                out.extend_from_slice(json_string(&shown).as_bytes());
                copied = end;
            }
        }
        out.extend_from_slice(&self.open_json.as_bytes()[copied..]);
        if self.has_links && !links.is_empty() {
            out.push(b',');
        }
        out.extend_from_slice(links.as_bytes());
        out.extend_from_slice(b"]}");
    }

    /// The Item parsed, with absolute hrefs and only its own links.
    ///
    /// # Errors
    /// Never for a body whose parts were JSON.
    pub fn parse(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::from_str(&format!("{}]}}", self.open_json))
    }

    /// Keys and absolute hrefs of the assets, in document order.
    pub fn hrefs(&self) -> impl Iterator<Item = (&str, String)> {
        self.hrefs.iter().map(|place| (place.key.as_ref(), self.unquoted(place)))
    }

    fn unquoted(&self, place: &AssetHref) -> String {
        let quoted = self.open_json.get(place.span.start as usize..place.span.end as usize);
        quoted.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

/// A text as a JSON string.
#[must_use]
pub fn json_string(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

/// Copies JSON without the white space between its tokens.
fn push_minified(out: &mut String, json: &str) {
    let mut in_string = false;
    let mut escaped = false;
    let mut kept_from = 0;
    for (at, byte) in json.bytes().enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
        } else if byte == b'"' {
            in_string = true;
        } else if byte.is_ascii_whitespace() {
            out.push_str(&json[kept_from..at]);
            kept_from = at + 1;
        }
    }
    out.push_str(&json[kept_from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(own_links: &[String]) -> ItemBody {
        let mut writer = BodyWriter::new();
        writer.name("id");
        writer.raw(r#" "a \" b" "#);
        writer.name("n");
        writer.raw("[ 1.50 , 2e3\n]");
        writer.name("href");
        writer.asset_href("B04", "/data/x.tif");
        writer.finish(own_links)
    }

    fn text(body: &ItemBody, shown: Option<&str>, links: &str) -> String {
        let mut out = Vec::new();
        body.write(&mut out, |_, _| shown.map(str::to_owned), links);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn numbers_and_strings_stay_byte_for_byte() {
        let want = r#"{"id":"a \" b","n":[1.50,2e3],"href":"/data/x.tif","links":[]}"#;
        assert_eq!(text(&body(&[]), None, ""), want);
    }

    #[test]
    fn hrefs_and_links_are_spliced() {
        let with_own = body(&[r#"{"rel":"license"}"#.to_owned()]);
        let shown = text(&with_own, Some("http://h/\"q"), r#"{"rel":"self"}"#);
        assert!(
            shown.ends_with(r#""href":"http://h/\"q","links":[{"rel":"license"},{"rel":"self"}]}"#),
            "{shown}"
        );
        assert!(serde_json::from_str::<serde_json::Value>(&shown).is_ok());
        assert_eq!(with_own.hrefs().collect::<Vec<_>>(), [("B04", "/data/x.tif".to_owned())]);
    }
}
