//! What a table says of itself in the key-value metadata of its file: `geo` (`GeoParquet` 1.1) and `stac-geoparquet`.

use std::collections::BTreeSet;

use parquet::file::metadata::KeyValue;
use serde_json::{Map, Value, json};

use super::wkb::Coverage;

const GEO: &str = "geo";
const STAC: &str = "stac-geoparquet";
/// The Items' members that STAC does not define, among columns that are otherwise properties.
const FOREIGN: &str = "cairn:item_members";

/// Keys that held Collections in older files, whole or as a list or map of them.
const OLDER: [&str; 3] = ["stac:collections", "stac:collection", "stac_geoparquet"];

/// The version of the specification that files are written by.
const VERSION: &str = "1.1.0";

/// All metadata of a file to be written.
pub(super) fn write(
    geometry: &Coverage,
    covering: bool,
    has_proj_geometry: bool,
    foreign: &BTreeSet<String>,
    collections: &Map<String, Value>,
) -> Vec<KeyValue> {
    let mut column = json!({ "encoding": "WKB", "geometry_types": geometry.types });
    if let Some(bounds) = geometry.bounds {
        column["bbox"] = json!(bounds);
    }
    if covering {
        let path = |name: &str| json!(["bbox", name]);
        column["covering"] = json!({"bbox": {
            "xmin": path("xmin"), "ymin": path("ymin"), "xmax": path("xmax"), "ymax": path("ymax")
        }});
    }
    let mut columns = Map::new();
    columns.insert("geometry".to_owned(), column);
    if has_proj_geometry {
        // Null: each row has a CRS of its own.
        let unknown = json!({ "encoding": "WKB", "geometry_types": [], "crs": null });
        columns.insert(super::fields::PROJ_GEOMETRY.to_owned(), unknown);
    }
    let geo = json!({ "version": "1.1.0", "primary_column": "geometry", "columns": columns });
    let mut stac = json!({ "version": VERSION });
    if !collections.is_empty() {
        stac["collections"] = Value::Object(collections.clone());
    }
    let mut metadata = vec![(GEO, geo), (STAC, stac)];
    if !foreign.is_empty() {
        metadata.push((FOREIGN, json!(foreign)));
    }
    metadata.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value.to_string())).collect()
}

/// What a file says of itself.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    /// Collection documents, in the order of the file.
    pub(super) collections: Vec<Value>,
    /// Columns that are members of the Item and not properties.
    pub(super) foreign: BTreeSet<String>,
    /// What is said of the column `geometry`.
    geometry: Option<Value>,
}

impl Metadata {
    /// Reads the metadata; keys that are not known, or not JSON, say nothing.
    pub(super) fn read(entries: &[KeyValue]) -> Self {
        let value = |key: &str| -> Option<Value> {
            let text = entries.iter().find(|entry| entry.key == key)?.value.as_deref()?;
            serde_json::from_str(text).ok()
        };
        let mut collections = Vec::new();
        for key in [STAC].iter().chain(&OLDER) {
            let Some(found) = value(key) else { continue };
            for inner in ["collections", "collection"] {
                found.get(inner).into_iter().for_each(|inner| add(&mut collections, inner));
            }
            add(&mut collections, &found);
        }
        let foreign = value(FOREIGN).and_then(|names| serde_json::from_value(names).ok()).unwrap_or_default();
        let geometry =
            value(GEO).and_then(|mut geo| Some(geo.get_mut("columns")?.get_mut("geometry")?.take()));
        Self { collections, foreign, geometry }
    }

    /// How the geometries are encoded and in which CRS, where it is not WKB in longitude and latitude.
    pub(super) fn other_geometry(&self) -> Option<String> {
        let column = self.geometry.as_ref()?;
        if let Some(encoding) = column.get("encoding").and_then(Value::as_str)
            && !encoding.eq_ignore_ascii_case("WKB")
        {
            return Some(format!("the encoding '{encoding}'"));
        }
        let id = column.get("crs")?.get("id")?;
        let code = id.get("code")?;
        let code = code.as_str().map_or_else(|| code.to_string(), str::to_owned);
        let authority = id.get("authority").and_then(Value::as_str).unwrap_or_default();
        let geographic = matches!(code.as_str(), "CRS84" | "CRS84h" | "4326" | "4979");
        (!geographic).then(|| format!("the CRS {authority}:{code}"))
    }
}

/// Adds a Collection, or the Collections of a list or of a map from their ids.
fn add(collections: &mut Vec<Value>, found: &Value) {
    let mut push = |value: &Value| {
        let is_new = |id: &Value| collections.iter().all(|known: &Value| known.get("id") != Some(id));
        if value.get("type").is_some_and(|kind| kind == "Collection") && value.get("id").is_some_and(is_new) {
            collections.push(value.clone());
        }
    };
    match found {
        Value::Array(list) => list.iter().for_each(push),
        Value::Object(_) if found.get("type").is_some_and(Value::is_string) => push(found),
        Value::Object(map) => map.values().for_each(push),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, value: &Value) -> KeyValue {
        KeyValue::new(key.to_owned(), value.to_string())
    }

    #[test]
    fn collections_are_found_in_every_form() {
        let collection = json!({"type": "Collection", "id": "a"});
        for (key, value) in [
            ("stac-geoparquet", json!({"version": "1.1.0", "collections": {"a": collection}})),
            ("stac-geoparquet", json!({"version": "1.0.0", "collection": collection})),
            ("stac-geoparquet", json!({"collections": [collection]})),
            ("stac-geoparquet", collection.clone()),
            ("stac:collections", json!({"a": collection})),
            ("stac:collections", json!([collection, collection])),
            ("stac:collection", collection.clone()),
        ] {
            let metadata = Metadata::read(&[entry(key, &value)]);
            assert_eq!(metadata.collections, std::slice::from_ref(&collection), "{key}: {value}");
        }
    }

    #[test]
    fn metadata_that_is_not_json_says_nothing() {
        let broken = KeyValue::new("stac-geoparquet".to_owned(), "{".to_owned());
        assert!(Metadata::read(&[broken, KeyValue::new("geo".to_owned(), None)]).collections.is_empty());
    }

    #[test]
    fn other_encodings_and_crs_are_named() {
        let other = |column: Value| {
            Metadata::read(&[entry("geo", &json!({"columns": {"geometry": column}}))]).other_geometry()
        };
        assert_eq!(
            other(json!({"encoding": "WKB", "crs": {"id": {"authority": "EPSG", "code": 4326}}})),
            None
        );
        assert_eq!(other(json!({"encoding": "WKB", "crs": null})), None);
        assert_eq!(other(json!({"encoding": "polygon"})), Some("the encoding 'polygon'".to_owned()));
        let utm = json!({"encoding": "WKB", "crs": {"id": {"authority": "EPSG", "code": 32632}}});
        assert_eq!(other(utm), Some("the CRS EPSG:32632".to_owned()));
    }
}
