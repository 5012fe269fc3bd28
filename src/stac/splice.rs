//! Other hrefs in the text of an Item, with the original ones kept beside them, as the alternate-assets extension has it.
//!
//! Nothing is parsed: pieces are put in between the text's own, at places that its brackets and quotes tell.

use memchr::memmem;

use super::body_writer::push_json_string;
use super::members::Members;
use super::places::AssetHref;

/// The extension that `alternate` is of.
const ALTERNATE_ASSETS: &str = "https://stac-extensions.github.io/alternate-assets/v1.2.0/schema.json";

/// Any version of it, as a document may name it.
const ANY_ALTERNATE_ASSETS: &str = "\"https://stac-extensions.github.io/alternate-assets/";

/// What the original href is called among the alternates.
const ORIGINAL: &str = "original";

/// What is shown in place of an asset's href.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownHref {
    /// The href.
    pub href: String,
    /// True: the one of the document stays, as the alternate `original`.
    pub keeps_original: bool,
}

/// Changes of a text, each a place and what stands there instead.
#[derive(Debug, Default)]
pub(super) struct Splices {
    changes: Vec<(std::ops::Range<usize>, String)>,
    has_alternate: bool,
}

impl Splices {
    /// Shows an asset's href as another.
    pub(super) fn show(&mut self, json: &str, place: &AssetHref, shown: &ShownHref) {
        let mut text = String::with_capacity(shown.href.len() + 2);
        push_json_string(&mut text, &shown.href);
        if shown.keeps_original {
            let original = format!("\"{ORIGINAL}\":{{\"href\":{}}}", &json[place.href.clone()]);
            // The asset's object begins behind its key and a colon.
            match Members::of(json, place.key.end + 1).find("alternate") {
                None => {
                    text.push_str(",\"alternate\":{");
                    text.push_str(&original);
                    text.push('}');
                    self.has_alternate = true;
                }
                Some(own) if Members::of(json, own.start).find(ORIGINAL).is_none() => {
                    let first = json.get(own.start..own.start + 2).unwrap_or_default();
                    if first.starts_with('{') {
                        let comma = if first == "{}" { "" } else { "," };
                        self.changes.push((own.start + 1..own.start + 1, format!("{original}{comma}")));
                        self.has_alternate = true;
                    }
                }
                Some(_) => {}
            }
        }
        self.changes.push((place.href.clone(), text));
    }

    /// Appends the text with its changes, and the extension among those that the document names.
    pub(super) fn write(mut self, out: &mut Vec<u8>, json: &str) {
        if self.has_alternate {
            self.changes.extend(extension(json));
        }
        self.changes.sort_unstable_by_key(|(place, _)| place.start);
        let mut copied = 0;
        for (place, text) in &self.changes {
            out.extend_from_slice(&json.as_bytes()[copied..place.start]);
            out.extend_from_slice(text.as_bytes());
            copied = place.end;
        }
        out.extend_from_slice(&json.as_bytes()[copied..]);
    }
}

/// What names the extension; nothing when the document does.
fn extension(json: &str) -> Option<(std::ops::Range<usize>, String)> {
    // Looking for the name is faster than walking the members of a document that does not have it.
    let named = memmem::find(json.as_bytes(), b"\"stac_extensions\":[");
    let Some(list) = named.and_then(|_somewhere| Members::of(json, 0).find("stac_extensions")) else {
        return Some((1..1, format!("\"stac_extensions\":[\"{ALTERNATE_ASSETS}\"],")));
    };
    if !json[list.clone()].starts_with('[') || json[list.clone()].contains(ANY_ALTERNATE_ASSETS) {
        return None;
    }
    let comma = if list.len() == 2 { "" } else { "," };
    Some((list.start + 1..list.start + 1, format!("\"{ALTERNATE_ASSETS}\"{comma}")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{BodyWriter, ItemBody};
    use super::*;

    /// An Item with one asset, whose other members are given.
    fn item(extensions: Option<&Value>, asset: &[(&str, Value)]) -> ItemBody {
        let mut writer = BodyWriter::default();
        writer.name("id");
        writer.raw("\"a\"");
        if let Some(extensions) = extensions {
            writer.name("stac_extensions");
            writer.raw(&extensions.to_string());
        }
        writer.name("assets");
        writer.raw("{");
        writer.asset_key("B04");
        writer.raw(":{");
        for (name, value) in asset {
            writer.raw(&format!("{}:{value},", json!(name)));
        }
        writer.raw("\"href\":");
        writer.asset_href("s3://b/\"x\".tif", false);
        writer.raw("}}");
        writer.finish(&[]).to_body()
    }

    fn shown(body: &ItemBody) -> Value {
        let mut out = Vec::new();
        let href = |_: &str, _: &str| Some(ShownHref { href: "http://h/x".to_owned(), keeps_original: true });
        body.write(&mut out, href, "");
        serde_json::from_slice(&out).expect("JSON")
    }

    #[test]
    fn the_original_is_kept_and_the_extension_named() {
        let item = shown(&item(None, &[]));
        assert_eq!(item["assets"]["B04"]["href"], "http://h/x");
        assert_eq!(item["assets"]["B04"]["alternate"], json!({"original": {"href": "s3://b/\"x\".tif"}}));
        assert_eq!(item["stac_extensions"], json!([ALTERNATE_ASSETS]));
    }

    #[test]
    fn extensions_and_alternates_of_the_document_stay() {
        let eo = "https://stac-extensions.github.io/eo/v1.1.0/schema.json";
        let own = json!({"s3": {"href": "s3://c/x", "alternate": {}}});
        let item = shown(&item(Some(&json!([eo])), &[("alternate", own), ("title", json!("}{\""))]));
        assert_eq!(item["stac_extensions"], json!([ALTERNATE_ASSETS, eo]));
        let alternates = &item["assets"]["B04"]["alternate"];
        assert_eq!(alternates["s3"]["href"], "s3://c/x");
        assert_eq!(alternates["original"]["href"], "s3://b/\"x\".tif");
        assert_eq!(item["assets"]["B04"]["title"], "}{\"");
    }

    #[test]
    fn what_the_document_says_already_is_not_said_twice() {
        let older = "https://stac-extensions.github.io/alternate-assets/v1.1.0/schema.json";
        let own = json!({"original": {"href": "https://h/own"}});
        let item = item(Some(&json!([older])), &[("alternate", own.clone())]);
        assert_eq!(shown(&item)["assets"]["B04"]["alternate"], own);
        assert_eq!(shown(&item)["stac_extensions"], json!([older]));
        let text = item.open_json().to_owned();
        assert_eq!(text.matches("alternate\"").count(), 1);
    }

    #[test]
    fn empty_lists_and_alternates_are_filled() {
        let item = shown(&item(Some(&json!([])), &[("alternate", json!({}))]));
        assert_eq!(item["stac_extensions"], json!([ALTERNATE_ASSETS]));
        assert_eq!(item["assets"]["B04"]["alternate"]["original"]["href"], "s3://b/\"x\".tif");
    }
}
