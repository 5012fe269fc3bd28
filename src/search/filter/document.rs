//! A JSON Item or Collection as a record: for what no column holds, and for tests.

use std::cell::OnceCell;

use chrono::{DateTime, Utc};
use geo::Geometry;
use serde_json::Value;

use super::operand::{Operand, Record};
use crate::stac::{Bbox, Interval, parse_geometry, parse_instant};

/// Members of an Item that lie beside its `properties`.
const TOP: [&str; 9] =
    ["id", "collection", "geometry", "bbox", "type", "stac_version", "stac_extensions", "assets", "links"];

/// An Item or Collection whose members are the properties. A shape is parsed at most once.
#[derive(Debug)]
pub struct Document<'a> {
    value: &'a Value,
    properties: &'a [String],
    geometry: OnceCell<Option<Geometry>>,
}

impl<'a> Document<'a> {
    /// Takes a document and the names of [`super::Filter::properties`].
    #[must_use]
    pub fn new(value: &'a Value, properties: &'a [String]) -> Self {
        Self { value, properties, geometry: OnceCell::new() }
    }

    fn geometry(&self) -> Option<&Geometry> {
        self.geometry.get_or_init(|| shape(self.value)).as_ref()
    }
}

impl Record for Document<'_> {
    fn value(&self, property: usize) -> Operand<'_> {
        let Some(name) = self.properties.get(property) else { return Operand::Missing };
        match name.as_str() {
            "geometry" => self.geometry().map_or(Operand::Missing, Operand::Geometry),
            name => operand(self.value, name),
        }
    }
}

/// The value of a property, all but the geometry, in a document; an Item with a range only has that for its time.
pub(crate) fn operand<'a>(document: &'a Value, name: &str) -> Operand<'a> {
    match member(document, name) {
        Some(value) if !value.is_null() => value.into(),
        _ if name == "datetime" => range(document).map_or(Operand::Missing, Operand::Interval),
        _ => Operand::Missing,
    }
}

/// True for a member of an Item beside its `properties`, which are one themselves.
pub(crate) fn is_member(name: &str) -> bool {
    TOP.contains(&name) || name == "properties"
}

/// What a name stands for: of an Item a member that STAC has beside `properties`, or one inside; of a Collection any member;
/// a path into objects as a last resort.
fn member<'a>(document: &'a Value, name: &str) -> Option<&'a Value> {
    let Some(properties) = document.get("properties").filter(|_| !is_member(name)) else {
        return document.get(name).or_else(|| path(document, name));
    };
    let beside = || path(document, name).filter(|_| name.split('.').next().is_some_and(is_member));
    properties.get(name).or_else(|| path(properties, name)).or_else(beside)
}

/// Follows the points of a name into nested objects.
fn path<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let (mut value, mut name) = (value, name);
    while let Some((first, rest)) = name.split_once('.') {
        value = value.get(first)?;
        if let Some(found) = value.get(rest) {
            return Some(found);
        }
        name = rest;
    }
    None
}

/// The geometry of an Item, or the first box of a Collection's extent, which is around all the others.
fn shape(document: &Value) -> Option<Geometry> {
    if let Some(geometry) = document.get("geometry").filter(|geometry| !geometry.is_null()) {
        return parse_geometry(geometry).ok();
    }
    let corners = document.pointer("/extent/spatial/bbox/0")?.as_array()?;
    let corners: Vec<f64> = corners.iter().map(Value::as_f64).collect::<Option<_>>()?;
    let parts = Bbox::from_numbers(&corners).ok()?.parts();
    Some(Geometry::MultiPolygon(parts.into_iter().map(geo::Rect::to_polygon).collect()))
}

/// The range of an Item without `datetime`, or the first interval of a Collection's extent.
fn range(document: &Value) -> Option<Interval> {
    let instant = |value: Option<&Value>| -> Option<DateTime<Utc>> {
        value.and_then(Value::as_str).and_then(|text| parse_instant(text).ok())
    };
    let (start, end) = if let Some(properties) = document.get("properties") {
        (properties.get("start_datetime"), properties.get("end_datetime"))
    } else {
        let ends = document.pointer("/extent/temporal/interval/0")?;
        (ends.get(0), ends.get(1))
    };
    let interval = Interval { start: instant(start), end: instant(end) };
    (interval.start.is_some() || interval.end.is_some()).then_some(interval)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn members_are_found_beside_and_inside_properties() {
        let item = json!({"id": "a", "collection": "c", "properties": {
            "id": "not this", "eo:cloud_cover": 5, "a.b": 1, "deep": {"er": {"still.so": true}}, "title": "t"}});
        let names =
            names(&["id", "collection", "eo:cloud_cover", "a.b", "deep.er.still.so", "title", "none"]);
        let document = Document::new(&item, &names);
        assert!(matches!(document.value(0), Operand::Text(text) if text == "a"));
        assert!(matches!(document.value(1), Operand::Text(text) if text == "c"));
        assert!(matches!(document.value(2), Operand::Number(5.0)));
        assert!(matches!(document.value(3), Operand::Number(1.0)));
        assert!(matches!(document.value(4), Operand::Bool(true)));
        assert!(matches!(document.value(5), Operand::Text(text) if text == "t"));
        assert!(matches!(document.value(6), Operand::Missing));
    }

    #[test]
    fn a_collection_lies_where_and_when_its_extent_does() {
        let collection = json!({"id": "c", "title": "C", "extent": {
            "spatial": {"bbox": [[170, -10, -170, 10]]},
            "temporal": {"interval": [["2024-01-01T00:00:00Z", null]]}}});
        let names = names(&["geometry", "datetime", "title"]);
        let document = Document::new(&collection, &names);
        assert!(
            matches!(document.value(0), Operand::Geometry(Geometry::MultiPolygon(parts)) if parts.0.len() == 2)
        );
        assert!(matches!(document.value(1), Operand::Interval(Interval { start: Some(_), end: None })));
        assert!(matches!(document.value(2), Operand::Text(text) if text == "C"));
    }
}
