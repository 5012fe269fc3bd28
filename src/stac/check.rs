//! One document by itself: its schemas, its box against its geometry.

use geo::CoordsIter as _;
use serde_json::Value;

use super::schemas::Schemas;
use super::{Bbox, parse_geometry};

/// Versions of the core schemas that are bundled.
const VERSIONS: [&str; 2] = ["1.0.0", "1.1.0"];
/// Degrees that a box may stray from its geometry: about 10 m, what five decimals give.
const SLACK_DEGREES: f64 = 1e-4;
/// Faults of one document by one schema that are told.
const FAULTS_TOLD: usize = 10;
/// Characters of a fault that are told.
const FAULT_CHARACTERS: usize = 300;

/// The kinds of documents that have a core schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Core {
    /// Groups other documents.
    Catalog,
    /// Groups Items and describes them.
    Collection,
    /// One Item.
    Item,
}

/// Something that is wrong with a document by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What kind of check found it: `schema` or `bbox`.
    pub(crate) check: &'static str,
    /// False when it may surprise, or could not be checked.
    pub(crate) is_error: bool,
    /// What is wrong, and what was expected.
    pub(crate) message: String,
}

impl Fault {
    fn error(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, is_error: true, message: message.into() }
    }

    fn warning(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, is_error: false, message: message.into() }
    }
}

impl Schemas {
    /// What is wrong with a document of that kind by itself.
    pub(crate) fn check(&self, core: Core, document: &Value) -> Vec<Fault> {
        let mut faults = Vec::new();
        if document.get("type").and_then(Value::as_str).is_none() {
            faults.push(Fault::error("schema", "it has no `type`, which STAC has had since 1.0.0"));
        }
        let version = document.get("stac_version").and_then(Value::as_str).unwrap_or("none");
        if VERSIONS.contains(&version) {
            let name = match core {
                Core::Catalog => "catalog-spec/json-schema/catalog.json",
                Core::Collection => "collection-spec/json-schema/collection.json",
                Core::Item => "item-spec/json-schema/item.json",
            };
            self.by_schema(&format!("https://schemas.stacspec.org/v{version}/{name}"), document, &mut faults);
        } else {
            let message =
                format!("its stac_version is '{version}', expected 1.0.0 or 1.1.0; migrate it with pystac");
            faults.push(Fault::error("schema", message));
        }
        let extensions = document.get("stac_extensions").and_then(Value::as_array);
        for url in extensions.into_iter().flatten().filter_map(Value::as_str) {
            self.by_schema(url, document, &mut faults);
        }
        if core == Core::Item {
            faults.extend(by_geometry(document));
        }
        faults
    }

    fn by_schema(&self, url: &str, document: &Value, faults: &mut Vec<Fault>) {
        let validator = match self.get(url) {
            Ok(validator) => validator,
            Err(error) => return faults.push(Fault::warning("schema", error.to_string())),
        };
        // Most documents are sound, and this is told faster than what is wrong with one.
        if validator.is_valid(document) {
            return;
        }
        for error in validator.iter_errors(document).take(FAULTS_TOLD) {
            let text = error.to_string();
            let short: String = text.chars().take(FAULT_CHARACTERS).collect();
            let more = if short.len() < text.len() { "…" } else { "" };
            let at = error.instance_path.to_string();
            let at = if at.is_empty() { "the document" } else { &at };
            faults.push(Fault::error("schema", format!("{at}: {short}{more} ({url})")));
        }
    }
}

fn by_geometry(item: &Value) -> Vec<Fault> {
    let bbox = item.get("bbox").filter(|bbox| !bbox.is_null());
    let geometry = item.get("geometry").filter(|geometry| !geometry.is_null());
    let (Some(bbox), Some(geometry)) = (bbox, geometry) else {
        let message = match (bbox, geometry) {
            (None, Some(_)) => "it has a geometry but no bbox",
            (Some(_), None) => "it has a bbox but no geometry",
            _ => return Vec::new(),
        };
        return vec![Fault::error("bbox", message)];
    };
    let numbers: Option<Vec<f64>> = bbox.as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
    let bbox = match numbers.map(|numbers| Bbox::from_numbers(&numbers)) {
        Some(Ok(bbox)) => bbox,
        Some(Err(error)) => return vec![Fault::error("bbox", error.to_string())],
        // The schema tells it.
        None => return Vec::new(),
    };
    let geometry = match parse_geometry(geometry) {
        Ok(geometry) => geometry,
        Err(error) => return vec![Fault::error("bbox", format!("its geometry: {error}"))],
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
        return vec![Fault::error("bbox", message)];
    }
    let tight = Bbox::around(&geometry).filter(|_| !bbox.crosses_antimeridian());
    let loose = tight.is_some_and(|tight| {
        let slack = SLACK_DEGREES + 0.05 * (tight.east - tight.west).max(tight.north - tight.south);
        bbox.to_array().iter().zip(tight.to_array()).any(|(a, b)| (a - b).abs() > slack)
    });
    if loose {
        let message = "its bbox is larger than its geometry by more than a twentieth";
        return vec![Fault::warning("bbox", message)];
    }
    Vec::new()
}
