//! Well-known binary ↔ GeoJSON geometries.
//!
//! In and out: ISO WKB (extended WKB is read too), two or three dimensions, every coordinate bit for bit: nothing is
//! dropped on the way. What one of the two forms cannot hold is an error. Cost: one pass.

use std::collections::BTreeSet;

use serde_json::Value;

/// Geometry types in the order of their WKB codes, from 1.
const NAMES: [&str; 7] =
    ["Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"];
const COLLECTION: u32 = 7;

/// Collections in collections deeper than this are refused.
const MAX_DEPTH: u32 = 16;

/// Flags of extended WKB in a geometry's type.
const EXTENDED: [u32; 3] = [0x8000_0000, 0x4000_0000, 0x2000_0000];

/// Why a geometry has no counterpart in the other form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum WkbError {
    /// The bytes end early, or go on after the geometry.
    #[error("the WKB's length is not that of its geometry")]
    Length,
    /// A byte order or type code that does not exist, or has no place where it stands.
    #[error("the WKB has an unknown or misplaced geometry type")]
    Type,
    /// GeoJSON has no measures.
    #[error("GeoJSON holds no measured (M) coordinates")]
    Measured,
    /// JSON has no such number.
    #[error("a coordinate is not a finite number")]
    NotFinite,
    /// Too deep.
    #[error("geometry collections are nested deeper than {MAX_DEPTH}")]
    Depth,
    /// Not GeoJSON.
    #[error("not a GeoJSON geometry of two or three dimensions throughout, without further members")]
    NotGeoJson,
}

/// Writes the geometry as GeoJSON text.
pub(super) fn write_geojson(wkb: &[u8], out: &mut Vec<u8>) -> Result<(), WkbError> {
    let mut bytes = Bytes { rest: wkb, little: true };
    bytes.geometry(out, None, 0)?;
    if bytes.rest.is_empty() { Ok(()) } else { Err(WkbError::Length) }
}

struct Bytes<'a> {
    rest: &'a [u8],
    little: bool,
}

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], WkbError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(WkbError::Length)?;
        self.rest = rest;
        Ok(*head)
    }

    fn u32(&mut self) -> Result<u32, WkbError> {
        let bytes = self.take()?;
        Ok(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn f64(&mut self) -> Result<f64, WkbError> {
        let bytes = self.take()?;
        Ok(if self.little { f64::from_le_bytes(bytes) } else { f64::from_be_bytes(bytes) })
    }

    /// Byte order, type code from 1, dimensions.
    fn head(&mut self) -> Result<(u32, usize), WkbError> {
        self.little = match self.take::<1>()? {
            [0] => false,
            [1] => true,
            _ => return Err(WkbError::Type),
        };
        let code = self.u32()?;
        let [z, m, srid] = EXTENDED.map(|flag| code & flag != 0);
        let code = code & !EXTENDED.iter().fold(0, |all, flag| all | flag);
        if srid {
            self.u32()?;
        }
        let (dimension, code) = (code / 1000, code % 1000);
        if m || dimension == 2 || dimension == 3 {
            return Err(WkbError::Measured);
        }
        if dimension > 3 || code == 0 || code > COLLECTION {
            return Err(WkbError::Type);
        }
        Ok((code, if z || dimension == 1 { 3 } else { 2 }))
    }

    fn geometry(&mut self, out: &mut Vec<u8>, member_of: Option<u32>, depth: u32) -> Result<(), WkbError> {
        if depth > MAX_DEPTH {
            return Err(WkbError::Depth);
        }
        let (code, dimensions) = self.head()?;
        // Members of a Multi* geometry are bare coordinates in GeoJSON.
        let bare = matches!(member_of, Some(4..=6));
        if bare && member_of != Some(code + 3) {
            return Err(WkbError::Type);
        }
        if !bare {
            out.extend_from_slice(b"{\"type\":\"");
            out.extend_from_slice(NAMES[code as usize - 1].as_bytes());
            out.extend_from_slice(if code == COLLECTION {
                b"\",\"geometries\":"
            } else {
                b"\",\"coordinates\":"
            });
        }
        match code {
            1 => self.position(out, dimensions, true)?,
            2 => self.positions(out, dimensions)?,
            3 => self.list(out, |bytes, out| bytes.positions(out, dimensions))?,
            _ => self.list(out, |bytes, out| bytes.geometry(out, Some(code), depth + 1))?,
        }
        if !bare {
            out.push(b'}');
        }
        Ok(())
    }

    fn positions(&mut self, out: &mut Vec<u8>, dimensions: usize) -> Result<(), WkbError> {
        self.list(out, |bytes, out| bytes.position(out, dimensions, false))
    }

    fn list(
        &mut self,
        out: &mut Vec<u8>,
        mut member: impl FnMut(&mut Self, &mut Vec<u8>) -> Result<(), WkbError>,
    ) -> Result<(), WkbError> {
        out.push(b'[');
        for index in 0..self.u32()? {
            if index > 0 {
                out.push(b',');
            }
            member(self, out)?;
        }
        out.push(b']');
        Ok(())
    }

    fn position(&mut self, out: &mut Vec<u8>, dimensions: usize, may_be_empty: bool) -> Result<(), WkbError> {
        let mut numbers = [0.0; 3];
        let numbers = &mut numbers[..dimensions];
        for number in numbers.iter_mut() {
            *number = self.f64()?;
        }
        // WKB writes a Point without position as NaN.
        if may_be_empty && numbers.iter().all(|number| number.is_nan()) {
            out.extend_from_slice(b"[]");
            return Ok(());
        }
        for (axis, number) in numbers.iter().enumerate() {
            if !number.is_finite() {
                return Err(WkbError::NotFinite);
            }
            out.push(if axis == 0 { b'[' } else { b',' });
            serde_json::to_writer(&mut *out, number).map_err(|_never| WkbError::NotFinite)?;
        }
        out.push(b']');
        Ok(())
    }
}

/// What the geometries of a column have in common: the `geo` metadata names it.
#[derive(Debug, Clone, Default)]
pub(super) struct Coverage {
    /// xmin, ymin, xmax, ymax of all positions.
    pub(super) bounds: Option<[f64; 4]>,
    /// Names such as `Polygon` and `Polygon Z`.
    pub(super) types: BTreeSet<String>,
}

impl Coverage {
    fn add(&mut self, position: &[f64]) {
        let &[x, y, ..] = position else { return };
        let [xmin, ymin, xmax, ymax] = self.bounds.unwrap_or([x, y, x, y]);
        self.bounds = Some([xmin.min(x), ymin.min(y), xmax.max(x), ymax.max(y)]);
    }
}

/// Writes a GeoJSON geometry as little-endian ISO WKB and adds it to `coverage`.
pub(super) fn encode(geometry: &Value, coverage: &mut Coverage) -> Result<Vec<u8>, WkbError> {
    let mut dimensions = None;
    find_dimensions(geometry, &mut dimensions, 0)?;
    let dimensions = dimensions.unwrap_or(2);
    let mut writer = Writer { out: Vec::new(), dimensions, coverage };
    let code = writer.geometry(geometry)?;
    let Writer { out, coverage, .. } = writer;
    let z = if dimensions == 3 { " Z" } else { "" };
    coverage.types.insert(format!("{}{z}", NAMES[code as usize - 1]));
    Ok(out)
}

/// The length of all positions below, an error where they differ.
fn find_dimensions(value: &Value, found: &mut Option<usize>, depth: u32) -> Result<(), WkbError> {
    if depth > 4 * MAX_DEPTH {
        return Err(WkbError::Depth);
    }
    match value {
        Value::Object(object) => {
            let below = object.get("coordinates").or_else(|| object.get("geometries"));
            find_dimensions(below.ok_or(WkbError::NotGeoJson)?, found, depth + 1)
        }
        Value::Array(list) if list.first().is_some_and(Value::is_number) => {
            match *found.get_or_insert(list.len()) {
                known @ (2 | 3) if known == list.len() => Ok(()),
                _ => Err(WkbError::NotGeoJson),
            }
        }
        Value::Array(list) => list.iter().try_for_each(|member| find_dimensions(member, found, depth + 1)),
        _ => Err(WkbError::NotGeoJson),
    }
}

struct Writer<'a> {
    out: Vec<u8>,
    dimensions: usize,
    coverage: &'a mut Coverage,
}

impl Writer<'_> {
    fn geometry(&mut self, value: &Value) -> Result<u32, WkbError> {
        let object = value.as_object().filter(|object| object.len() == 2).ok_or(WkbError::NotGeoJson)?;
        let name = object.get("type").and_then(Value::as_str).ok_or(WkbError::NotGeoJson)?;
        let code = (1..=COLLECTION).find(|code| NAMES[*code as usize - 1] == name);
        let code = code.ok_or(WkbError::NotGeoJson)?;
        if code == COLLECTION {
            let members = list(object.get("geometries").ok_or(WkbError::NotGeoJson)?)?;
            self.head(code);
            self.count(members)?;
            members.iter().try_for_each(|member| self.geometry(member).map(drop))?;
        } else {
            self.coordinates(code, object.get("coordinates").ok_or(WkbError::NotGeoJson)?)?;
        }
        Ok(code)
    }

    fn coordinates(&mut self, code: u32, value: &Value) -> Result<(), WkbError> {
        self.head(code);
        let members = list(value)?;
        match code {
            1 if members.is_empty() => {
                self.out.extend(std::iter::repeat_n(f64::NAN.to_le_bytes(), self.dimensions).flatten());
                Ok(())
            }
            1 => self.position(value),
            2 => self.positions(value),
            3 => {
                self.count(members)?;
                members.iter().try_for_each(|ring| self.positions(ring))
            }
            _ => {
                self.count(members)?;
                members.iter().try_for_each(|member| self.coordinates(code - 3, member))
            }
        }
    }

    fn head(&mut self, code: u32) {
        let code = if self.dimensions == 3 { code + 1000 } else { code };
        self.out.push(1);
        self.out.extend_from_slice(&code.to_le_bytes());
    }

    fn count(&mut self, members: &[Value]) -> Result<(), WkbError> {
        let count = u32::try_from(members.len()).map_err(|_too_many| WkbError::Length)?;
        self.out.extend_from_slice(&count.to_le_bytes());
        Ok(())
    }

    fn positions(&mut self, value: &Value) -> Result<(), WkbError> {
        let members = list(value)?;
        self.count(members)?;
        members.iter().try_for_each(|member| self.position(member))
    }

    fn position(&mut self, value: &Value) -> Result<(), WkbError> {
        let members = list(value)?;
        let mut numbers = [0.0; 3];
        if members.len() != self.dimensions {
            return Err(WkbError::NotGeoJson);
        }
        for (number, member) in numbers.iter_mut().zip(members) {
            *number = member.as_f64().ok_or(WkbError::NotGeoJson)?;
            self.out.extend_from_slice(&number.to_le_bytes());
        }
        self.coverage.add(&numbers);
        Ok(())
    }
}

fn list(value: &Value) -> Result<&[Value], WkbError> {
    value.as_array().map(Vec::as_slice).ok_or(WkbError::NotGeoJson)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn round_trip(geometry: &Value) -> Value {
        let wkb = encode(geometry, &mut Coverage::default()).expect("WKB");
        let mut text = Vec::new();
        write_geojson(&wkb, &mut text).expect("GeoJSON");
        serde_json::from_slice(&text).expect("JSON")
    }

    #[test]
    fn every_type_comes_back_as_it_went() {
        for geometry in [
            json!({"type": "Point", "coordinates": [1.5, -2.25]}),
            json!({"type": "Point", "coordinates": []}),
            json!({"type": "LineString", "coordinates": [[0.1, 0.2, 5.0], [3.0, 4.0, 6.0]]}),
            json!({"type": "Polygon", "coordinates": [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]}),
            json!({"type": "MultiPoint", "coordinates": [[0.0, 0.5], [1.0, 2.0]]}),
            json!({"type": "MultiLineString", "coordinates": [[[0.0, 0.5], [1.0, 2.0]], []]}),
            json!({"type": "MultiPolygon", "coordinates": [[[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]]}),
            json!({"type": "GeometryCollection", "geometries": [
                {"type": "Point", "coordinates": [1.0, 2.0]},
                {"type": "GeometryCollection", "geometries": []}
            ]}),
        ] {
            assert_eq!(round_trip(&geometry), geometry);
        }
    }

    #[test]
    fn coverage_names_types_and_bounds() {
        let mut coverage = Coverage::default();
        encode(&json!({"type": "Point", "coordinates": [1, 2]}), &mut coverage).expect("WKB");
        encode(&json!({"type": "LineString", "coordinates": [[-1, 2, 3], [0, 9, 3]]}), &mut coverage)
            .expect("WKB");
        assert_eq!(coverage.bounds, Some([-1.0, 2.0, 1.0, 9.0]));
        assert_eq!(coverage.types.into_iter().collect::<Vec<_>>(), ["LineString Z", "Point"]);
    }

    #[test]
    fn what_wkb_cannot_hold_is_refused() {
        for geometry in [
            json!({"type": "Point", "coordinates": [1, 2], "crs": {}}),
            json!({"type": "LineString", "coordinates": [[1, 2], [1, 2, 3]]}),
            json!({"type": "Point", "coordinates": [1, 2, 3, 4]}),
            json!({"type": "Polygon", "coordinates": [[1, 2], [3, 4]]}),
            json!({"type": "Circle", "coordinates": [1, 2]}),
            json!({"type": "Point", "coordinates": ["1", 2]}),
            json!("POINT (1 2)"),
        ] {
            assert!(encode(&geometry, &mut Coverage::default()).is_err(), "{geometry}");
        }
    }

    #[test]
    fn extended_and_big_endian_wkb_is_read() {
        let mut wkb = vec![0];
        wkb.extend_from_slice(&(0xA000_0001_u32).to_be_bytes());
        wkb.extend_from_slice(&4326_u32.to_be_bytes());
        for number in [1.0_f64, 2.0, 3.0] {
            wkb.extend_from_slice(&number.to_be_bytes());
        }
        let mut text = Vec::new();
        write_geojson(&wkb, &mut text).expect("GeoJSON");
        assert_eq!(text, br#"{"type":"Point","coordinates":[1.0,2.0,3.0]}"#);
    }

    #[test]
    fn a_count_beyond_the_bytes_is_an_error_at_once() {
        let mut wkb = vec![1, 2, 0, 0, 0];
        wkb.extend_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(write_geojson(&wkb, &mut Vec::new()), Err(WkbError::Length));
        let nested: Vec<u8> = [1, 7, 0, 0, 0, 1, 0, 0, 0].repeat(100);
        assert_eq!(write_geojson(&nested, &mut Vec::new()), Err(WkbError::Depth));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_geometry_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut text = Vec::new();
            if write_geojson(&bytes, &mut text).is_ok() {
                prop_assert!(serde_json::from_slice::<Value>(&text).is_ok());
            }
        }

        #[test]
        fn coordinates_keep_their_bits(x in -1e9..1e9_f64, y in -1e9..1e9_f64) {
            let geometry = json!({"type": "Point", "coordinates": [x, y]});
            prop_assert_eq!(round_trip(&geometry), geometry);
        }
    }
}
