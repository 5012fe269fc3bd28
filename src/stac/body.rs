//! An Item's document as it is served: its own JSON with the places of its asset hrefs known, so that an answer is
//! spliced together without parsing.
//!
//! All of it is one text, the payload, so that it can be compressed, kept in a file and read back whole: the
//! [places](super::places) of the hrefs, then the JSON.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr;

use super::body_writer::push_json_string;
use super::places::{AssetHref, HAS_LINKS, HAS_LOCAL_HREFS, Header, LINKS_MOVE, push_places};
use super::splice::{ShownHref, Splices};

/// An Item's JSON, byte for byte as its document has it but for white space, links and hrefs.
///
/// The text is an object that is not closed yet: it ends inside its `links` array, after the links that the document
/// itself brought (a licence, a source). What serves it adds its own links and the closing `]}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemBody {
    payload: Box<str>,
    /// Where the JSON begins.
    json_at: usize,
}

/// Why bytes are no payload of an [`ItemBody`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Not UTF-8.
    #[error("an Item's body is UTF-8")]
    NotText(#[from] std::str::Utf8Error),
    /// The numbers before the JSON end early or are too large.
    #[error("an Item's body begins with the places of its hrefs, which end at byte {at}")]
    Header {
        /// How far it could be read.
        at: usize,
    },
    /// A place that is no string of the JSON.
    #[error("bytes {start}..{end} of an Item's JSON are to be a string, and are not")]
    Place {
        /// First byte, counted from where the JSON begins.
        start: usize,
        /// The byte after the last.
        end: usize,
    },
}

/// A body in the memory of the [`BodyWriter`](super::BodyWriter) that wrote it.
#[derive(Debug, Clone, Copy)]
pub struct WrittenBody<'a> {
    payload: &'a str,
    json_at: usize,
}

impl<'a> WrittenBody<'a> {
    pub(super) fn new(payload: &'a str, json_at: usize) -> Self {
        Self { payload, json_at }
    }

    /// As [`ItemBody::payload`].
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.payload.as_bytes()
    }

    /// The body in memory of its own.
    #[must_use]
    pub fn to_body(&self) -> ItemBody {
        ItemBody { payload: self.payload.into(), json_at: self.json_at }
    }
}

impl ItemBody {
    /// Tells this content from all others; with quotes, as HTTP's `ETag` has it.
    #[must_use]
    pub fn tag(&self) -> String {
        super::tag(self.payload.as_bytes())
    }

    /// Takes back what [`ItemBody::payload`] gave.
    ///
    /// # Errors
    /// When the bytes are no text, or the places in them are no strings of the JSON.
    pub fn from_payload(payload: Vec<u8>) -> Result<Self, PayloadError> {
        let payload = String::from_utf8(payload).map_err(|error| error.utf8_error())?.into_boxed_str();
        let mut header = Header::new(&payload)?;
        let mut places = Vec::new();
        for place in header.by_ref() {
            places.push(place);
        }
        if header.left > 0 {
            return Err(PayloadError::Header { at: header.at });
        }
        let json_at = header.at;
        let json = &payload[json_at..];
        for place in places.iter().flat_map(|place| [&place.key, &place.href]) {
            let text = json.get(place.clone()).unwrap_or_default();
            if text.len() < 2 || !text.starts_with('"') || !text.ends_with('"') {
                return Err(PayloadError::Place { start: place.start, end: place.end });
            }
        }
        Ok(Self { payload, json_at })
    }

    /// The whole body as one byte string.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.payload.as_bytes()
    }

    /// The JSON, not closed: it ends inside its `links`.
    #[must_use]
    pub fn open_json(&self) -> &str {
        &self.payload[self.json_at..]
    }

    /// True when an href is a path on the server's own disk.
    #[must_use]
    pub fn has_local_hrefs(&self) -> bool {
        self.flags() & HAS_LOCAL_HREFS != 0
    }

    /// Writes the whole Item to `out`: `href` maps an asset's key and href to what is shown, `None` leaves it; `links` are
    /// JSON objects joined by commas.
    pub fn write(
        &self,
        out: &mut Vec<u8>,
        mut href: impl FnMut(&str, &str) -> Option<ShownHref>,
        links: &str,
    ) {
        let json = self.open_json();
        let mut splices = Splices::default();
        for place in self.places() {
            if let Some(shown) = href(&unquoted(json, &place.key), &unquoted(json, &place.href)) {
                splices.show(json, &place, &shown);
            }
        }
        splices.write(out, json);
        self.write_end(out, links);
    }

    /// As [`ItemBody::write`] where every href is shown as it is: one copy.
    pub fn write_as_is(&self, out: &mut Vec<u8>, links: &str) {
        out.extend_from_slice(self.open_json().as_bytes());
        self.write_end(out, links);
    }

    fn write_end(&self, out: &mut Vec<u8>, links: &str) {
        if self.flags() & HAS_LINKS != 0 && !links.is_empty() {
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
        serde_json::from_str(&format!("{}]}}", self.open_json()))
    }

    /// Keys and absolute hrefs of the assets, in document order.
    pub fn hrefs(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        let json = self.open_json();
        self.places().map(move |place| (unquoted(json, &place.key), unquoted(json, &place.href)))
    }

    /// The body with other hrefs, for a document that lies at another place: `map` is given those that the document has
    /// relative to its place, and leaves them where it gives nothing.
    #[must_use]
    pub fn moved(&self, mut map: impl FnMut(&str) -> Option<String>) -> Self {
        let json = self.open_json();
        let (mut out, mut places) = (String::with_capacity(json.len()), Vec::new());
        let mut copied = 0;
        for place in self.places() {
            out.push_str(&json[copied..place.key.start]);
            let key = out.len()..out.len() + place.key.len();
            out.push_str(&json[place.key.start..place.href.start]);
            let start = out.len();
            match map(&unquoted(json, &place.href)).filter(|_| place.moves) {
                Some(href) => push_json_string(&mut out, &href),
                None => out.push_str(&json[place.href.clone()]),
            }
            copied = place.href.end;
            places.push(AssetHref { key, href: start..out.len(), moves: place.moves });
        }
        out.push_str(&json[copied..]);
        let mut payload = String::with_capacity(self.payload.len());
        push_places(&mut payload, &out, &places, self.flags() & HAS_LINKS != 0, self.links_move());
        let json_at = payload.len();
        payload.push_str(&out);
        Self { payload: payload.into_boxed_str(), json_at }
    }

    /// True when what its links say depends on where its document lies.
    #[must_use]
    pub fn links_move(&self) -> bool {
        self.flags() & LINKS_MOVE != 0
    }

    fn flags(&self) -> usize {
        self.payload.as_bytes().first().copied().unwrap_or_default().into()
    }

    fn places(&self) -> impl Iterator<Item = AssetHref> {
        Header::new(&self.payload).into_iter().flatten()
    }
}

/// The string at a place of the JSON; without escapes it is a part of the JSON.
fn unquoted<'a>(json: &'a str, place: &Range<usize>) -> Cow<'a, str> {
    let quoted = json.get(place.clone()).unwrap_or_default();
    match quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(text) if memchr(b'\\', text.as_bytes()).is_none() => Cow::Borrowed(text),
        _ => Cow::Owned(serde_json::from_str(quoted).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::BodyWriter;
    use super::*;

    fn body(key: &str, href: &str, own_links: &[String]) -> ItemBody {
        let mut writer = BodyWriter::default();
        writer.name("id");
        writer.raw(r#" "a \" b" "#);
        writer.name("n");
        writer.raw("[ 1.50 , 2e3\n]");
        writer.name("assets");
        writer.raw("{");
        writer.asset_key(key);
        writer.raw(":{\"href\":");
        writer.asset_href(href, true);
        writer.raw("}}");
        writer.finish(own_links).to_body()
    }

    fn text(body: &ItemBody, shown: Option<&str>, links: &str) -> String {
        let mut out = Vec::new();
        let href = |_: &str, _: &str| Some(ShownHref { href: shown?.to_owned(), keeps_original: false });
        body.write(&mut out, href, links);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn numbers_and_strings_stay_byte_for_byte() {
        let want = r#"{"id":"a \" b","n":[1.50,2e3],"assets":{"B04":{"href":"/data/x.tif"}},"links":[]}"#;
        assert_eq!(text(&body("B04", "/data/x.tif", &[]), None, ""), want);
    }

    #[test]
    fn hrefs_and_links_are_spliced() {
        let with_own = body("B04", "/data/x.tif", &[r#"{"rel":"license"}"#.to_owned()]);
        let shown = text(&with_own, Some("http://h/\"q"), r#"{"rel":"self"}"#);
        assert!(
            shown.ends_with(r#""href":"http://h/\"q"}},"links":[{"rel":"license"},{"rel":"self"}]}"#),
            "{shown}"
        );
        assert!(serde_json::from_str::<serde_json::Value>(&shown).is_ok());
    }

    #[test]
    fn a_body_at_another_place_is_the_one_that_is_written_there() {
        let links = [r#"{"rel":"license"}"#.to_owned()];
        let moved =
            body("B04", "/data/x.tif", &links).moved(|href| Some(href.replace("/data", "s3://b/a\"b")));
        assert_eq!(moved, body("B04", "s3://b/a\"b/x.tif", &links));
        assert!(!moved.has_local_hrefs());
        assert_eq!(moved.moved(|_| None), moved);
    }

    #[test]
    fn paths_on_the_own_disk_are_flagged() {
        assert!(body("B04", "/data/x.tif", &[]).has_local_hrefs());
        assert!(!body("B04", "https://h/x.tif", &[]).has_local_hrefs());
    }

    #[test]
    fn damaged_payloads_are_refused() {
        let payload = body("B04", "/data/x.tif", &[]).payload().to_vec();
        let refused = |bytes: &[u8]| ItemBody::from_payload(bytes.to_vec()).expect_err("an error");
        assert!(matches!(refused(b""), PayloadError::Header { .. }));
        assert!(matches!(refused(b"\xff"), PayloadError::NotText(_)));
        assert!(matches!(refused(&payload[..4]), PayloadError::Header { .. }));
        assert!(matches!(refused(&payload[..40]), PayloadError::Place { .. }));
        let mut shifted = payload;
        shifted[2] += 1;
        assert!(matches!(refused(&shifted), PayloadError::Place { .. }));
    }

    proptest! {
        #[test]
        fn any_key_and_href_come_back(key in ".{0,90}", href in ".{0,90}") {
            let body = body(&key, &href, &[]);
            let again = ItemBody::from_payload(body.payload().to_vec()).expect("a body");
            prop_assert_eq!(&again, &body);
            let known: Vec<_> = again.hrefs().collect();
            prop_assert_eq!(known, [(Cow::from(key.as_str()), Cow::from(href.as_str()))]);
        }

        #[test]
        fn any_bytes_are_a_body_or_an_error(bytes in prop::collection::vec(0u8..200, 0..60)) {
            if let Ok(body) = ItemBody::from_payload(bytes) {
                text(&body, Some("x"), "");
            }
        }
    }
}
