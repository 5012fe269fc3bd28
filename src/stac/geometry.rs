//! GeoJSON geometries as checked shapes in longitude and latitude.

use geo::{CoordsIter, Geometry};
use serde_json::Value;

/// Why a value is no geometry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GeometryError {
    /// Not GeoJSON.
    #[error("not a GeoJSON geometry: {reason}")]
    NotGeoJson {
        /// What the parser says.
        reason: String,
    },
    /// A geometry without any position.
    #[error("the geometry has no positions")]
    Empty,
    /// A ring that does not close or has fewer than four positions.
    #[error("a polygon's ring has at least four positions, and its last equals its first")]
    Ring,
    /// A line of fewer than two positions.
    #[error("a line has at least two positions")]
    Line,
    /// A position off the globe.
    #[error("the position ({x}, {y}) is no longitude and latitude in degrees")]
    OffGlobe {
        /// First number, as text.
        x: String,
        /// Second number, as text.
        y: String,
    },
}

/// Degrees of tolerance for positions that rounding pushed over the edge of the globe; geometries drawn past the
/// antimeridian (up to 360 degrees) are common in published items and are taken as they are.
const MAX_LONGITUDE: f64 = 360.0;
const MAX_LATITUDE: f64 = 90.000_001;

/// Reads any GeoJSON geometry, geometry collections too.
///
/// # Errors
/// When it is not GeoJSON, empty, or off the globe.
pub fn parse_geometry(value: &Value) -> Result<Geometry, GeometryError> {
    let not_geojson = |error: &dyn std::fmt::Display| GeometryError::NotGeoJson { reason: error.to_string() };
    let parsed: geojson::Geometry = serde_json::from_value(value.clone()).map_err(|e| not_geojson(&e))?;
    check_positions(value)?;
    check_rings(value)?;
    let geometry = Geometry::<f64>::try_from(parsed).map_err(|e| not_geojson(&e))?;
    let mut empty = true;
    for position in geometry.coords_iter() {
        empty = false;
        let on_globe = position.x.abs() <= MAX_LONGITUDE && position.y.abs() <= MAX_LATITUDE;
        if !on_globe {
            return Err(GeometryError::OffGlobe { x: position.x.to_string(), y: position.y.to_string() });
        }
    }
    if empty { Err(GeometryError::Empty) } else { Ok(geometry) }
}

/// The shape crate takes positions of one number and panics when it makes shapes of them.
fn check_positions(geometry: &Value) -> Result<(), GeometryError> {
    let depth = match geometry.get("type").and_then(Value::as_str) {
        Some("GeometryCollection") => {
            let members = geometry.get("geometries").and_then(Value::as_array);
            return members.into_iter().flatten().try_for_each(check_positions);
        }
        Some("Point") => 0,
        Some("MultiPoint" | "LineString") => 1,
        Some("Polygon" | "MultiLineString") => 2,
        _ => 3,
    };
    geometry.get("coordinates").map_or(Ok(()), |coordinates| check_position(coordinates, depth))
}

fn check_position(value: &Value, depth: usize) -> Result<(), GeometryError> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    if depth > 0 {
        return list.iter().try_for_each(|inner| check_position(inner, depth - 1));
    }
    if list.len() >= 2 {
        return Ok(());
    }
    Err(GeometryError::NotGeoJson { reason: "a position has at least two numbers".to_owned() })
}

/// The shape crate closes open rings silently; a client that sends one made a mistake.
fn check_rings(geometry: &Value) -> Result<(), GeometryError> {
    let coordinates = geometry.get("coordinates").and_then(Value::as_array);
    let children = |of: &Value| of.as_array().cloned().unwrap_or_default();
    match geometry.get("type").and_then(Value::as_str) {
        Some("Polygon") => coordinates.into_iter().flatten().try_for_each(check_ring),
        Some("MultiPolygon") => {
            coordinates.into_iter().flatten().flat_map(children).try_for_each(|ring| check_ring(&ring))
        }
        Some("LineString") if coordinates.is_some_and(|c| c.len() < 2) => Err(GeometryError::Line),
        Some("MultiLineString") if coordinates.into_iter().flatten().any(|line| children(line).len() < 2) => {
            Err(GeometryError::Line)
        }
        Some("GeometryCollection") => geometry
            .get("geometries")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .try_for_each(check_rings),
        _ => Ok(()),
    }
}

fn check_ring(ring: &Value) -> Result<(), GeometryError> {
    match ring.as_array() {
        Some(positions) if positions.len() >= 4 && positions.first() == positions.last() => Ok(()),
        _ => Err(GeometryError::Ring),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_kind_of_geometry_is_read() {
        let ring = json!([[0, 0], [1, 0], [1, 1], [0, 0]]);
        for geometry in [
            json!({"type": "Point", "coordinates": [1, 2]}),
            json!({"type": "Point", "coordinates": [1, 2, 300]}),
            json!({"type": "MultiPoint", "coordinates": [[1, 2]]}),
            json!({"type": "LineString", "coordinates": [[1, 2], [3, 4]]}),
            json!({"type": "MultiLineString", "coordinates": [[[1, 2], [3, 4]]]}),
            json!({"type": "Polygon", "coordinates": [ring]}),
            json!({"type": "MultiPolygon", "coordinates": [[ring]]}),
            json!({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}]}),
        ] {
            assert!(parse_geometry(&geometry).is_ok(), "{geometry}");
        }
    }

    #[test]
    fn positions_of_one_number_or_none_are_refused_in_every_kind() {
        for position in [json!([1]), json!([])] {
            for (kind, coordinates) in [
                ("Point", position.clone()),
                ("MultiPoint", json!([[0, 0], position])),
                ("LineString", json!([[0, 0], position])),
                ("Polygon", json!([[[0, 0], [1, 0], position, [0, 0]]])),
                ("MultiLineString", json!([[[0, 0], position]])),
                ("MultiPolygon", json!([[[[0, 0], [1, 0], position, [0, 0]]]])),
            ] {
                let geometry = json!({"type": kind, "coordinates": coordinates});
                assert!(parse_geometry(&geometry).is_err(), "{geometry}");
                let collection = json!({"type": "GeometryCollection", "geometries": [geometry]});
                assert!(parse_geometry(&collection).is_err(), "{collection}");
            }
        }
    }

    #[test]
    fn faults_are_named() {
        let fault = |value| parse_geometry(&value).expect_err("a fault");
        assert!(matches!(fault(json!({"type": "Circle"})), GeometryError::NotGeoJson { .. }));
        assert!(matches!(
            fault(json!({"type": "Point", "coordinates": [1]})),
            GeometryError::NotGeoJson { .. }
        ));
        assert_eq!(fault(json!({"type": "MultiPoint", "coordinates": []})), GeometryError::Empty);
        assert_eq!(fault(json!({"type": "LineString", "coordinates": [[0, 0]]})), GeometryError::Line);
        let open = json!({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]});
        assert_eq!(fault(open), GeometryError::Ring);
        let off = json!({"type": "Point", "coordinates": [1, 100]});
        assert!(matches!(fault(off), GeometryError::OffGlobe { .. }));
    }
}
