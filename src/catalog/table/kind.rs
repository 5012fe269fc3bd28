//! The narrowest column type that holds all values of a field.
//!
//! In: the values of one field, one after another. Out: a [`Kind`]. Kinds only ever widen, and the widest, JSON text,
//! holds every value, so that no value is lost or bent: integers become doubles where all of them are exact as doubles,
//! and anything else that does not go together (a number here, a text there) becomes JSON text.

use serde_json::Value;

use super::fields::PROJ_GEOMETRY;
use super::wkb::{self, Coverage};
use crate::stac::parse_instant;

/// An object with more different members than this is JSON text: a column for each would be a table of columns.
const MAX_MEMBERS: usize = 1000;

/// What lies deeper is JSON text.
const MAX_DEPTH: u32 = 16;

/// Integers up to this size are exact as doubles.
const EXACT: u64 = 1 << 53;

/// The years that nanoseconds since 1970 reach in 64 bits.
const NANOSECOND_SECONDS: std::ops::Range<i64> = -9_000_000_000..9_000_000_000;

/// What a column holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Nothing but nulls so far.
    Unseen,
    Bool,
    /// 64-bit integers; `exact` when a double holds all of them.
    Int {
        exact: bool,
    },
    Float,
    Text,
    /// RFC 3339 texts: some finer than microseconds, some out of the reach of nanoseconds.
    Instant {
        nanos: bool,
        far: bool,
    },
    /// GeoJSON that well-known binary holds.
    Geometry,
    List(Box<Kind>),
    /// Members in the order in which they first came.
    Object(Vec<(String, Kind)>),
    /// JSON text, for what nothing else holds.
    Json,
}

impl Kind {
    /// Widens so that `value` fits; null always does. `name` is that of the member whose value it is.
    pub(super) fn widen(&mut self, name: &str, value: &Value) {
        self.widen_at(name, value, 0);
    }

    fn widen_at(&mut self, name: &str, value: &Value, depth: u32) {
        if value.is_null() || *self == Self::Json {
            return;
        }
        if depth >= MAX_DEPTH {
            *self = Self::Json;
            return;
        }
        if *self == Self::Unseen && name == PROJ_GEOMETRY {
            *self = Self::Geometry;
        }
        match (&mut *self, value) {
            (Self::List(member), Value::Array(list)) => {
                for value in list {
                    member.widen_at("", value, depth + 1);
                }
            }
            (Self::Object(members), Value::Object(object)) => {
                for (at, (name, value)) in object.iter().enumerate() {
                    member(members, at, name).widen_at(name, value, depth + 1);
                }
                if members.len() > MAX_MEMBERS {
                    *self = Self::Json;
                }
            }
            (Self::Unseen, Value::Array(_)) => {
                *self = Self::List(Box::new(Self::Unseen));
                self.widen_at(name, value, depth);
            }
            (Self::Unseen, Value::Object(_)) => {
                *self = Self::Object(Vec::new());
                self.widen_at(name, value, depth);
            }
            (Self::Geometry, _) => {
                if wkb::encode(value, &mut Coverage::default()).is_err() {
                    *self = Self::Json;
                }
            }
            (Self::Instant { nanos, far }, Value::String(text)) => match parse_instant(text) {
                Ok(instant) => {
                    *nanos |= instant.timestamp_subsec_nanos() % 1000 != 0;
                    *far |= !NANOSECOND_SECONDS.contains(&instant.timestamp());
                    if *nanos && *far {
                        *self = Self::Text;
                    }
                }
                Err(_not_an_instant) => *self = Self::Text,
            },
            (known, value) => {
                let next = scalar(value);
                *self = together(known, &next);
            }
        }
    }

    /// How many Parquet columns it takes.
    pub(super) fn leaves(&self) -> usize {
        match self {
            Self::List(member) => member.leaves(),
            Self::Object(members) => members.iter().map(|(_, kind)| kind.leaves()).sum::<usize>().max(1),
            _ => 1,
        }
    }

    /// Turns what has no Parquet type into what has one. False when nothing was ever seen: no column is due.
    pub(super) fn settle(&mut self) -> bool {
        match self {
            Self::Unseen => return false,
            // Lists that were always empty: their members could be anything.
            Self::List(member) => {
                let any = member.settle();
                if !any {
                    **member = Self::Text;
                }
            }
            // Parquet has no struct without members.
            Self::Object(members) => {
                let any = members.iter_mut().fold(false, |any, (_, kind)| kind.settle() || any);
                if any {
                    members.retain(|(_, kind)| *kind != Self::Unseen);
                } else {
                    *self = Self::Json;
                }
            }
            _ => {}
        }
        true
    }
}

/// The member's place; objects of one kind mostly have their members in the same order.
fn member<'k>(members: &'k mut Vec<(String, Kind)>, at: usize, name: &str) -> &'k mut Kind {
    let index = match members.get(at) {
        Some((known, _)) if known == name => at,
        _ => members.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            members.push((name.to_owned(), Kind::Unseen));
            members.len() - 1
        }),
    };
    &mut members[index].1
}

fn scalar(value: &Value) -> Kind {
    match value {
        Value::Bool(_) => Kind::Bool,
        Value::String(_) => Kind::Text,
        Value::Number(number) => match (number.as_i64(), number.is_f64()) {
            (Some(integer), _) => Kind::Int { exact: integer.unsigned_abs() <= EXACT },
            (None, true) => Kind::Float,
            (None, false) => Kind::Json,
        },
        _ => Kind::Json,
    }
}

fn together(known: &Kind, next: &Kind) -> Kind {
    match (known, next) {
        (Kind::Unseen, next) => next.clone(),
        (Kind::Int { exact: a }, Kind::Int { exact: b }) => Kind::Int { exact: *a && *b },
        (Kind::Int { exact: true }, Kind::Float) | (Kind::Float, Kind::Int { exact: true }) => Kind::Float,
        (known, next) if known == next => next.clone(),
        _ => Kind::Json,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kind_of(values: &[Value]) -> Kind {
        let mut kind = Kind::Unseen;
        for value in values {
            kind.widen("x", value);
        }
        kind
    }

    #[test]
    fn integers_become_doubles_only_where_that_is_exact() {
        assert_eq!(kind_of(&[json!(1), json!(2)]), Kind::Int { exact: true });
        assert_eq!(kind_of(&[json!(1), json!(2.5)]), Kind::Float);
        assert_eq!(kind_of(&[json!(9_007_199_254_740_993_i64), json!(2.5)]), Kind::Json);
        assert_eq!(kind_of(&[json!(2.5), json!(9_007_199_254_740_993_i64)]), Kind::Json);
        assert_eq!(kind_of(&[json!(u64::MAX)]), Kind::Json);
    }

    #[test]
    fn what_does_not_go_together_is_json_text() {
        assert_eq!(kind_of(&[json!(1), json!("1")]), Kind::Json);
        assert_eq!(kind_of(&[json!([1]), json!(1)]), Kind::Json);
        assert_eq!(kind_of(&[json!({"a": 1}), json!([1])]), Kind::Json);
        assert_eq!(kind_of(&[json!([1, "a"])]), Kind::List(Box::new(Kind::Json)));
    }

    #[test]
    fn objects_have_the_members_of_all() {
        let kind = kind_of(&[json!({"a": 1}), json!({"b": null, "a": 2.5, "c": []})]);
        let Kind::Object(members) = &kind else { panic!("{kind:?}") };
        let names: Vec<_> = members.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        let mut settled = kind;
        assert!(settled.settle());
        let list = Kind::List(Box::new(Kind::Text));
        assert_eq!(settled, Kind::Object(vec![("a".to_owned(), Kind::Float), ("c".to_owned(), list)]));
    }

    #[test]
    fn objects_that_are_always_empty_are_json_text() {
        let mut kind = kind_of(&[json!({}), json!({"a": null})]);
        assert!(kind.settle());
        assert_eq!(kind, Kind::Json);
        assert!(!kind_of(&[Value::Null]).settle());
    }

    #[test]
    fn too_many_members_or_levels_are_json_text() {
        let many: serde_json::Map<_, _> = (0..=MAX_MEMBERS).map(|n| (n.to_string(), json!(n))).collect();
        assert_eq!(kind_of(&[Value::Object(many)]), Kind::Json);
        let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
        let mut kind = &kind_of(&[deep]);
        let mut levels = 0;
        while let Kind::List(inner) = kind {
            kind = inner;
            levels += 1;
        }
        assert_eq!((kind, levels), (&Kind::Json, MAX_DEPTH));
    }

    #[test]
    fn instants_are_as_fine_as_the_finest_and_text_when_one_is_not() {
        let widened = |texts: &[&str]| {
            let mut kind = Kind::Instant { nanos: false, far: false };
            for text in texts {
                kind.widen("datetime", &json!(text));
            }
            kind
        };
        let micros = Kind::Instant { nanos: false, far: false };
        assert_eq!(widened(&["2024-01-01T00:00:00Z", "2024-01-01T00:00:00.123456+02:00"]), micros);
        let nanos = Kind::Instant { nanos: true, far: false };
        assert_eq!(widened(&["2024-01-01T00:00:00.123456789Z"]), nanos);
        assert_eq!(widened(&["2024-01-01T00:00:00.123456789Z", "0001-01-01T00:00:00Z"]), Kind::Text);
        assert_eq!(widened(&["2024-01-01T00:00:00Z", "2024"]), Kind::Text);
    }

    #[test]
    fn projected_geometry_is_binary_until_one_is_no_geometry() {
        let mut kind = Kind::Unseen;
        kind.widen(PROJ_GEOMETRY, &json!({"type": "Point", "coordinates": [1, 2]}));
        assert_eq!(kind, Kind::Geometry);
        kind.widen(PROJ_GEOMETRY, &json!({"type": "Point", "coordinates": [1, 2], "crs": {}}));
        assert_eq!(kind, Kind::Json);
    }
}
