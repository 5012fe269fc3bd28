//! One document by itself: its schemas, its box against its geometry.

use geo::CoordsIter as _;
use serde_json::Value;

use super::finding::Finding;
use super::schemas::Schemas;
use crate::stac::{Bbox, parse_geometry};
use crate::storage::Location;
use crate::tree::{Kind, kind_of};

/// Versions of the core schemas that are bundled.
const VERSIONS: [&str; 2] = ["1.0.0", "1.1.0"];
/// Degrees that a box may stray from its geometry: about 10 m, what five decimals give.
const SLACK_DEGREES: f64 = 1e-4;
/// Faults of one document by one schema that are told.
const FAULTS_TOLD: usize = 10;
/// Characters of a fault that are told.
const FAULT_CHARACTERS: usize = 300;

/// What is wrong with a document by itself.
pub(super) fn check(schemas: &Schemas, location: &Location, document: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    let kind = match kind_of(document) {
        Ok(kind) => kind,
        Err(error) => return vec![Finding::error("document", location, error.to_string())],
    };
    if kind == Kind::ItemCollection {
        return findings;
    }
    if document.get("type").and_then(Value::as_str).is_none() {
        findings.push(Finding::error("schema", location, "it has no `type`, which STAC has had since 1.0.0"));
    }
    let version = document.get("stac_version").and_then(Value::as_str).unwrap_or("none");
    if VERSIONS.contains(&version) {
        let name = match kind {
            Kind::Catalog => "catalog-spec/json-schema/catalog.json",
            Kind::Collection => "collection-spec/json-schema/collection.json",
            Kind::Item | Kind::ItemCollection => "item-spec/json-schema/item.json",
        };
        by_schema(
            schemas,
            &format!("https://schemas.stacspec.org/v{version}/{name}"),
            location,
            document,
            &mut findings,
        );
    } else {
        let message =
            format!("its stac_version is '{version}', expected 1.0.0 or 1.1.0; migrate it with pystac");
        findings.push(Finding::error("schema", location, message));
    }
    let extensions = document.get("stac_extensions").and_then(Value::as_array);
    for url in extensions.into_iter().flatten().filter_map(Value::as_str) {
        by_schema(schemas, url, location, document, &mut findings);
    }
    if kind == Kind::Item {
        findings.extend(by_geometry(location, document));
    }
    findings
}

fn by_schema(
    schemas: &Schemas,
    url: &str,
    location: &Location,
    document: &Value,
    findings: &mut Vec<Finding>,
) {
    let validator = match schemas.get(url) {
        Ok(validator) => validator,
        Err(error) => return findings.push(Finding::warning("schema", location, error.to_string())),
    };
    for error in validator.iter_errors(document).take(FAULTS_TOLD) {
        let text = error.to_string();
        let short: String = text.chars().take(FAULT_CHARACTERS).collect();
        let more = if short.len() < text.len() { "…" } else { "" };
        let at = error.instance_path.to_string();
        let at = if at.is_empty() { "the document" } else { &at };
        findings.push(Finding::error("schema", location, format!("{at}: {short}{more} ({url})")));
    }
}

fn by_geometry(location: &Location, item: &Value) -> Vec<Finding> {
    let bbox = item.get("bbox").filter(|bbox| !bbox.is_null());
    let geometry = item.get("geometry").filter(|geometry| !geometry.is_null());
    let (Some(bbox), Some(geometry)) = (bbox, geometry) else {
        let message = match (bbox, geometry) {
            (None, Some(_)) => "it has a geometry but no bbox",
            (Some(_), None) => "it has a bbox but no geometry",
            _ => return Vec::new(),
        };
        return vec![Finding::error("bbox", location, message)];
    };
    let numbers: Option<Vec<f64>> = bbox.as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
    let bbox = match numbers.map(|numbers| Bbox::from_numbers(&numbers)) {
        Some(Ok(bbox)) => bbox,
        Some(Err(error)) => return vec![Finding::error("bbox", location, error.to_string())],
        // The schema tells it.
        None => return Vec::new(),
    };
    let geometry = match parse_geometry(geometry) {
        Ok(geometry) => geometry,
        Err(error) => return vec![Finding::error("bbox", location, format!("its geometry: {error}"))],
    };
    let parts = bbox.parts();
    let outside = geometry.coords_iter().find(|point| {
        !parts.iter().any(|part| {
            let (min, max) = (part.min(), part.max());
            (min.x - SLACK_DEGREES..=max.x + SLACK_DEGREES).contains(&point.x)
                && (min.y - SLACK_DEGREES..=max.y + SLACK_DEGREES).contains(&point.y)
        })
    });
    if let Some(point) = outside {
        let message = format!("the point {}, {} of its geometry lies outside of its bbox", point.x, point.y);
        return vec![Finding::error("bbox", location, message)];
    }
    let tight = Bbox::around(&geometry).filter(|_| !bbox.crosses_antimeridian());
    let loose = tight.is_some_and(|tight| {
        let slack = SLACK_DEGREES + 0.05 * (tight.east - tight.west).max(tight.north - tight.south);
        bbox.to_array().iter().zip(tight.to_array()).any(|(a, b)| (a - b).abs() > slack)
    });
    if loose {
        let message = "its bbox is larger than its geometry by more than a twentieth";
        return vec![Finding::warning("bbox", location, message)];
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(document: &Value) -> Vec<String> {
        let location = Location::parse("/i.json").expect("a location");
        let findings = check(&Schemas::default(), &location, document);
        findings.iter().map(|finding| format!("{} {}", finding.check, finding.message)).collect()
    }

    fn item() -> Value {
        json!({
            "type": "Feature", "stac_version": "1.1.0", "id": "i", "links": [], "assets": {},
            "bbox": [10, 48, 12, 50], "properties": {"datetime": "2024-01-05T00:00:00Z"},
            "geometry": {"type": "Polygon", "coordinates":
                [[[10, 50], [10, 48], [12, 48], [12, 50], [10, 50]]]}
        })
    }

    #[test]
    fn a_sound_item_has_no_faults() {
        assert_eq!(found(&item()), Vec::<String>::new());
    }

    #[test]
    fn faults_name_their_place() {
        let mut document = item();
        document["properties"]["datetime"] = json!("yesterday");
        assert!(
            found(&document).iter().any(|f| f.contains("/properties/datetime")),
            "{:?}",
            found(&document)
        );
        let mut document = item();
        document["stac_version"] = json!("0.9.0");
        assert!(found(&document)[0].contains("1.1.0"));
        let mut document = item();
        document["stac_extensions"] = json!(["https://example.com/v1/schema.json"]);
        assert!(found(&document)[0].contains("not bundled"));
        assert!(found(&json!({"type": "Topology"}))[0].starts_with("document"));
    }

    #[test]
    fn boxes_are_held_against_geometries() {
        let mut document = item();
        document["bbox"] = json!([10, 48.5, 12, 50]);
        assert!(found(&document)[0].contains("outside"));
        document["bbox"] = json!([0, 40, 20, 60]);
        assert!(found(&document)[0].contains("larger"));
        document["bbox"] = json!([10, 50, 12, 48]);
        assert!(found(&document).iter().any(|f| f.starts_with("bbox")));
        // Across the antimeridian the box's west lies east of its east.
        document["bbox"] = json!([170, 48, -170, 50]);
        document["geometry"]["coordinates"] =
            json!([[[170, 50], [170, 48], [180, 48], [180, 50], [170, 50]]]);
        assert_eq!(found(&document), Vec::<String>::new());
    }
}
