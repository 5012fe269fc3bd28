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
