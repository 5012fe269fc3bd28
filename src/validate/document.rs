//! One document by itself, as findings.

use serde_json::Value;

use super::finding::Finding;
use crate::stac::{Core, Schemas};
use crate::storage::Location;
use crate::tree::{Kind, kind_of};

/// What is wrong with a document by itself.
pub(super) fn check(schemas: &Schemas, location: &Location, document: &Value) -> Vec<Finding> {
    let core = match kind_of(document) {
        Ok(Kind::Catalog) => Core::Catalog,
        Ok(Kind::Collection) => Core::Collection,
        Ok(Kind::Item) => Core::Item,
        Ok(Kind::ItemCollection) => return Vec::new(),
        Err(error) => return vec![Finding::error("document", location, error.to_string())],
    };
    let faults = schemas.check(core, document).into_iter();
    faults
        .map(|fault| {
            let finding = if fault.is_error { Finding::error } else { Finding::warning };
            finding(fault.check, location, fault.message)
        })
        .collect()
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
