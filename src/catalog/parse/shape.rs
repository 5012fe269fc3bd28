//! An Item's geometry from its text.
//!
//! Nearly all footprints are polygons of a few positions, which are read without the detour over a parsed document. What is
//! another kind, or has any fault, goes the long way and gets its error there.

use std::fmt;

use geo::{Coord, Geometry, LineString, Polygon};
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::ParseError;
use super::members::{Members, text_of};
use crate::stac::{ItemError, parse_geometry};

/// The shape that a `geometry` member draws; none for `null`.
pub(super) fn shape_of(geometry: &RawValue) -> Result<Option<Geometry>, ParseError> {
    if geometry.get() == "null" {
        return Ok(None);
    }
    if let Some(polygon) = plain_polygon(geometry) {
        return Ok(Some(Geometry::Polygon(polygon)));
    }
    let value: Value = serde_json::from_str(geometry.get())?;
    Ok(Some(parse_geometry(&value).map_err(ItemError::Geometry)?))
}

/// A polygon of `type` and `coordinates` alone without any fault.
fn plain_polygon(geometry: &RawValue) -> Option<Polygon> {
    let members: Members<'_, &RawValue> = serde_json::from_str(geometry.get()).ok()?;
    let kind = text_of(members.get("type")?).ok()??;
    if kind != "Polygon" || members.0.len() != 2 {
        return None;
    }
    let rings: Vec<Vec<Position>> = serde_json::from_str(members.get("coordinates")?.get()).ok()?;
    let is_plain = |ring: &Vec<Position>| {
        ring.len() >= 4
            && ring.first() == ring.last()
            && ring.iter().all(|p| p.at.x.abs() <= 180.0 && p.at.y.abs() <= 90.0)
    };
    if rings.is_empty() || !rings.iter().all(is_plain) {
        return None;
    }
    let mut lines =
        rings.into_iter().map(|ring| LineString(ring.into_iter().map(|position| position.at).collect()));
    Some(Polygon::new(lines.next()?, lines.collect()))
}

/// Two numbers; written with a point or without, as the ends of a ring are compared by what is written.
#[derive(PartialEq)]
struct Position {
    at: Coord,
    is_integer: [bool; 2],
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Position;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a position of two numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Position, A::Error> {
                let missing = |at| de::Error::invalid_length(at, &"two numbers");
                let x: Number = list.next_element()?.ok_or_else(|| missing(0))?;
                let y: Number = list.next_element()?.ok_or_else(|| missing(1))?;
                if list.next_element::<IgnoredAny>()?.is_some() {
                    return Err(missing(3));
                }
                Ok(Position { at: Coord { x: x.0, y: y.0 }, is_integer: [x.1, y.1] })
            }
        }
        deserializer.deserialize_seq(Reader)
    }
}

struct Number(f64, bool);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Number, E> {
                Ok(Number(value, false))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Number, E> {
                self.visit_i64(i64::try_from(value).map_err(de::Error::custom)?)
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Number, E> {
                let small = i32::try_from(value).map_err(de::Error::custom)?;
                Ok(Number(small.into(), true))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        serde_json::from_str(json).expect("JSON")
    }

    #[test]
    fn faults_and_other_kinds_go_the_long_way() {
        for json in [
            r#"{"type":"Point","coordinates":[1,2]}"#,
            r#"{"type":"Polygon","coordinates":[]}"#,
            r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1]]]}"#,
            r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0.0,0.0]]]}"#,
            r#"{"type":"Polygon","coordinates":[[[0,0,5],[1,0,5],[1,1,5],[0,0,5]]]}"#,
            r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,100],[0,0]]]}"#,
            r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,"1"],[0,0]]]}"#,
            r#"{"type":"Polygon","bbox":[0],"coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}"#,
        ] {
            let raw = raw(json);
            assert!(plain_polygon(&raw).is_none(), "{json}");
            let value: Value = serde_json::from_str(json).expect("JSON");
            assert_eq!(shape_of(&raw).ok().flatten(), parse_geometry(&value).ok(), "{json}");
        }
        assert!(matches!(shape_of(&raw("null")), Ok(None)));
    }

    proptest! {
        #[test]
        fn polygons_are_read_as_on_the_long_way(
            mut rings in prop::collection::vec(prop::collection::vec((-180.0..180.0, -90.0..90.0), 3..9), 1..4)
        ) {
            for ring in &mut rings {
                ring.push(ring[0]);
            }
            let value = json!({"type": "Polygon", "coordinates": rings});
            // Through the text, as a document has it: the parser may round the last digit.
            let value: Value = serde_json::from_str(&value.to_string()).expect("JSON");
            let polygon = plain_polygon(&raw(&value.to_string())).expect("a plain polygon");
            let long_way = parse_geometry(&serde_json::from_str(&value.to_string()).expect("JSON"));
            prop_assert_eq!(Geometry::Polygon(polygon), long_way.expect("a geometry"));
        }
    }
}
