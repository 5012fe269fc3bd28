//! What a document has to be before it is written: sound by its schemas, and what its place in the catalogue asks for.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::stac::{Core, Schemas, item_time};
use crate::tree::{in_one_line, is_structural};

/// The schemas, compiled as they are first needed.
static SCHEMAS: LazyLock<Schemas> = LazyLock::new(Schemas::default);

/// The longest id, in bytes.
const MAX_ID_BYTES: usize = 500;

/// What is checked against.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    /// The Collection's id.
    collection: String,
    /// The server's address: links to it are the server's own.
    base: String,
    /// Keys of assets that the Collection describes; none when it describes none.
    item_assets: BTreeSet<String>,
}

/// A document that may be written.
#[derive(Debug)]
pub(super) struct Sound {
    /// Its id.
    pub(super) id: String,
    /// The document, made whole.
    pub(super) document: Value,
    /// What is odd about it, or was not checked.
    pub(super) warnings: Vec<String>,
}

/// Why a document may not be written, each reason by itself.
pub(super) type Faults = Vec<String>;

impl Rules {
    /// The rules for the Items of a Collection; `document` is the Collection's, where there is one already.
    pub(super) fn new(base: &str, collection: &str, document: Option<&Value>) -> Self {
        let assets = document.and_then(|document| document.get("item_assets")).and_then(Value::as_object);
        Self {
            collection: collection.to_owned(),
            base: base.trim_end_matches('/').to_owned(),
            item_assets: assets.into_iter().flatten().map(|(key, _)| key.clone()).collect(),
        }
    }

    /// Checks an Item; `id` is that of the path, none for an Item that is to be made.
    pub(super) fn item(&self, mut document: Value, id: Option<&str>) -> Result<Sound, Faults> {
        let mut faults = Faults::new();
        if document.get("type").and_then(Value::as_str) != Some("Feature") {
            let it = if document.is_object() { "its type is not" } else { "it is no JSON object of type" };
            return Err(vec![format!("{it} 'Feature'")]);
        }
        let id = settled(&mut document, "id", id, &mut faults);
        settled(&mut document, "collection", Some(&self.collection), &mut faults);
        self.keep_foreign_links(&mut document);
        let mut warnings = Vec::new();
        hold(Core::Item, &mut document, &mut faults, &mut warnings);
        let properties = document.get("properties").unwrap_or(&Value::Null);
        match item_time(properties) {
            Ok(time) => {
                let is_turned = |name: &str| properties.get(name).is_some_and(Value::is_string);
                // Of a range that runs backwards nothing is left but the instant that it is listed by.
                if is_turned("start_datetime") && is_turned("end_datetime") && !is_range(properties) {
                    faults.push(format!("its end_datetime lies before its start_datetime ({})", time.start));
                }
            }
            Err(error) => faults.push(in_one_line(&error)),
        }
        let assets = document.get("assets").and_then(Value::as_object);
        for (key, _) in assets.into_iter().flatten() {
            if !self.item_assets.is_empty() && !self.item_assets.contains(key) {
                warnings.push(format!("the Collection's item_assets do not describe the asset '{key}'"));
            }
        }
        finished(id, document, faults, warnings)
    }

    /// Checks the Collection itself; `is_new` for one that is to be made.
    pub(super) fn collection(&self, mut document: Value, is_new: bool) -> Result<Sound, Faults> {
        let mut faults = Faults::new();
        if document.get("type").and_then(Value::as_str) != Some("Collection") {
            let it = if document.is_object() { "its type is not" } else { "it is no JSON object of type" };
            return Err(vec![format!("{it} 'Collection'")]);
        }
        let own = (!is_new).then_some(self.collection.as_str());
        let id = settled(&mut document, "id", own, &mut faults);
        self.keep_foreign_links(&mut document);
        let mut warnings = Vec::new();
        hold(Core::Collection, &mut document, &mut faults, &mut warnings);
        finished(id, document, faults, warnings)
    }

    /// Takes away the links that GET answers write around a document; where it has no links, it gets an empty list.
    fn keep_foreign_links(&self, document: &mut Value) {
        match document.get_mut("links") {
            None | Some(Value::Null) => document["links"] = json!([]),
            Some(Value::Array(links)) => links.retain(|link| {
                let text = |name: &str| link.get(name).and_then(Value::as_str).unwrap_or_default();
                let is_here = text("href")
                    .strip_prefix(&self.base)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
                !is_structural(text("rel")) && !is_here
            }),
            // The schema tells it.
            Some(_) => {}
        }
    }
}

/// True when the start of a range does not lie after its end.
fn is_range(properties: &Value) -> bool {
    let instant = |name: &str| {
        properties.get(name).and_then(Value::as_str).and_then(|text| crate::stac::parse_instant(text).ok())
    };
    instant("start_datetime") <= instant("end_datetime")
}

/// The text of a member that the path settles where it does: it may be left out, and may not differ.
fn settled(document: &mut Value, name: &str, path: Option<&str>, faults: &mut Faults) -> String {
    match (document.get(name), path) {
        (None | Some(Value::Null), Some(path)) => {
            document[name] = path.into();
            path.to_owned()
        }
        (Some(Value::String(own)), Some(path)) => {
            if own != path {
                faults.push(format!("its {name} is '{own}', but the path says '{path}'"));
            }
            path.to_owned()
        }
        (Some(Value::String(own)), None) => {
            faults.extend(id_fault(own));
            own.clone()
        }
        (Some(_), _) => {
            faults.push(format!("its {name} is not a text"));
            String::new()
        }
        (None, None) => {
            faults.push(format!("it has no {name}"));
            String::new()
        }
    }
}

/// What is wrong with the id of something new: it becomes a part of addresses and of names of files.
fn id_fault(id: &str) -> Option<String> {
    let reason = match id {
        "" => "is empty".to_owned(),
        "." | ".." => "is a step in a path".to_owned(),
        _ if id.len() > MAX_ID_BYTES => format!("is longer than {MAX_ID_BYTES} bytes"),
        _ => {
            let is_wrong = |c: &char| c.is_control() || matches!(c, '/' | '\\');
            let wrong = id.chars().find(is_wrong)?;
            format!("has the character {wrong:?}, which separates or breaks addresses")
        }
    };
    let short: String = id.chars().take(60).collect();
    Some(format!("its id '{}' {reason}", short.escape_debug()))
}

/// Holds a document against its schemas.
fn hold(core: Core, document: &mut Value, faults: &mut Faults, warnings: &mut Vec<String>) {
    // The schema of an Item that names its Collection asks for the link that the tree will write.
    let links = document.get_mut("links").and_then(Value::as_array_mut).filter(|_| core == Core::Item);
    let is_linked = links.map(|links| links.push(json!({"rel": "collection", "href": "./"}))).is_some();
    for fault in SCHEMAS.check(core, document) {
        if fault.is_error { faults.push(fault.message) } else { warnings.push(fault.message) }
    }
    if is_linked && let Some(links) = document.get_mut("links").and_then(Value::as_array_mut) {
        links.pop();
    }
}

fn finished(id: String, document: Value, faults: Faults, warnings: Vec<String>) -> Result<Sound, Faults> {
    if faults.is_empty() { Ok(Sound { id, document, warnings }) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        let collection = json!({"item_assets": {"B04": {}}});
        Rules::new("http://here:8080/", "c", Some(&collection))
    }

    fn item() -> Value {
        json!({
            "type": "Feature", "stac_version": "1.1.0", "id": "i",
            "bbox": [10, 48, 12, 50], "properties": {"datetime": "2024-01-05T00:00:00Z"},
            "assets": {"B04": {"href": "https://example.com/a.tif"}},
            "geometry": {"type": "Polygon", "coordinates":
                [[[10, 50], [10, 48], [12, 48], [12, 50], [10, 50]]]}
        })
    }

    fn faults(change: impl FnOnce(&mut Value), id: Option<&str>) -> String {
        let mut item = item();
        change(&mut item);
        rules().item(item, id).map(|sound| sound.id).expect_err("faults").join("; ")
    }

    #[test]
    fn what_the_path_says_is_filled_in() {
        let sound = rules().item(item(), None).expect("an Item");
        assert_eq!((sound.id.as_str(), &sound.document["collection"]), ("i", &json!("c")));
        assert_eq!((&sound.document["links"], sound.warnings.len()), (&json!([]), 0));
        let mut nameless = item();
        nameless.as_object_mut().map(|members| members.remove("id"));
        assert_eq!(rules().item(nameless.clone(), Some("x")).expect("an Item").document["id"], "x");
        assert!(rules().item(nameless, None).expect_err("faults")[0].contains("no id"));
        assert!(faults(|_| {}, Some("x")).contains("the path says 'x'"));
        assert!(faults(|item| item["collection"] = json!("d"), None).contains("the path says 'c'"));
        assert!(faults(|item| item["id"] = json!(7), None).contains("not a text"));
    }

    #[test]
    fn ids_are_fit_for_addresses_and_files() {
        for id in ["a/b", "a\\b", "", ".", "..", "a\nb", &"x".repeat(501)] {
            assert!(faults(|item| item["id"] = json!(id), None).contains("its id"), "{id}");
        }
        for id in ["S2A_35VLH.1", "Järvi 湖", "a:b", "...", "catalog.json"] {
            let mut item = item();
            item["id"] = json!(id);
            assert!(rules().item(item, None).is_ok(), "{id}");
        }
    }

    #[test]
    fn schemas_times_and_boxes_are_held() {
        assert!(faults(|item| item["properties"]["datetime"] = json!("now"), None).contains("datetime"));
        assert!(faults(|item| item["bbox"] = json!([10, 49, 12, 50]), None).contains("outside"));
        assert!(faults(|item| item["stac_version"] = json!("0.9.0"), None).contains("1.1.0"));
        assert!(faults(|item| item["type"] = json!("FeatureCollection"), None).contains("'Feature'"));
        assert!(faults(|item| *item = json!([1]), None).contains("no JSON object"));
        let turned = |item: &mut Value| {
            item["properties"]["start_datetime"] = json!("2024-01-06T00:00:00Z");
            item["properties"]["end_datetime"] = json!("2024-01-05T00:00:00Z");
        };
        assert!(faults(turned, None).contains("before"));
        let cloudy = |item: &mut Value| {
            item["stac_extensions"] = json!(["https://stac-extensions.github.io/eo/v1.1.0/schema.json"]);
            item["properties"]["eo:cloud_cover"] = json!("3.14");
        };
        assert!(faults(cloudy, None).contains("eo/v1.1.0/schema.json"));
    }

    #[test]
    fn what_is_not_known_or_odd_is_a_warning() {
        let mut item = item();
        item["stac_extensions"] = json!(["https://example.com/v1/schema.json"]);
        item["assets"]["B99"] = json!({"href": "./b.tif"});
        let warnings = rules().item(item, None).expect("an Item").warnings;
        assert!(warnings[0].contains("not bundled") && warnings[1].contains("'B99'"), "{warnings:?}");
    }

    #[test]
    fn only_links_that_lead_elsewhere_stay() {
        let mut item = item();
        item["links"] = json!([
            {"rel": "self", "href": "http://other/collections/c/items/i"},
            {"rel": "collection", "href": "../collection.json"},
            {"rel": "aggregate", "href": "http://other/aggregate"},
            {"rel": "about", "href": "http://here:8080/api.html"},
            {"rel": "license", "href": "https://example.com/licence"},
            {"rel": "about", "href": "http://here:80801/x"}
        ]);
        let links = rules().item(item, None).expect("an Item").document["links"].clone();
        assert_eq!(links.as_array().map(Vec::len), Some(2));
        assert_eq!(links[0]["rel"], "license");
    }

    #[test]
    fn a_collection_is_held_as_an_item_is() {
        let collection = json!({
            "type": "Collection", "stac_version": "1.1.0", "id": "c", "description": "d", "license": "other",
            "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [["2024-01-01T00:00:00Z", null]]}}
        });
        assert!(rules().collection(collection.clone(), true).is_ok());
        let mut other = collection.clone();
        other["id"] = json!("d");
        assert!(rules().collection(other.clone(), true).is_ok());
        assert!(rules().collection(other, false).is_err());
        let mut bare = collection;
        bare.as_object_mut().map(|members| members.remove("extent"));
        assert!(rules().collection(bare, true).expect_err("faults")[0].contains("extent"));
    }
}
