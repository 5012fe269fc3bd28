//! What Items can be asked for: the properties that they really hold.
//!
//! In: the documents of Items, one after another. Out: [`Queryable`]s, with the kind of their values, the bounds of numbers
//! and the values of texts where there are few.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::stac::parse_instant;

/// Distinct texts up to which they are all told.
pub const MAX_TEXTS: usize = 32;

/// Properties that are told; documents come from anywhere, and their names could be without end.
pub const MAX_QUERYABLES: usize = 1000;

/// The kind of a property's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// RFC 3339 date-times.
    Instant,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Number,
    /// True or false.
    Flag,
    /// Lists.
    List,
    /// Objects.
    Object,
    /// Several of these.
    Mixed,
}

/// A property that Items hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Queryable {
    /// Its name without `properties.`.
    pub name: String,
    /// The kind of its values.
    pub kind: Kind,
    /// All of its values, ascending, where they are texts and few.
    pub texts: Vec<String>,
    /// The bounds of its values, where they are numbers.
    pub bounds: Option<(f64, f64)>,
}

/// Gathers what Items hold.
#[derive(Debug, Default)]
pub struct Observed {
    properties: BTreeMap<String, Seen>,
}

#[derive(Debug)]
struct Seen {
    kind: Kind,
    /// `None`: too many.
    texts: Option<BTreeSet<String>>,
    bounds: Option<(f64, f64)>,
}

impl Observed {
    /// Looks at the `properties` of an Item.
    pub fn add(&mut self, properties: &Map<String, Value>) {
        for (name, value) in properties {
            let Some(kind) = kind(value) else { continue };
            if !self.properties.contains_key(name) {
                if self.properties.len() >= MAX_QUERYABLES {
                    continue;
                }
                let seen = Seen { kind, texts: Some(BTreeSet::new()), bounds: None };
                self.properties.insert(name.clone(), seen);
            }
            if let Some(seen) = self.properties.get_mut(name) {
                seen.add(kind, value);
            }
        }
    }

    /// What was seen, by name.
    #[must_use]
    pub fn finish(self) -> Vec<Queryable> {
        let told = |(name, seen): (String, Seen)| Queryable {
            name,
            kind: seen.kind,
            texts: match seen.kind {
                Kind::Text => seen.texts.into_iter().flatten().collect(),
                _ => Vec::new(),
            },
            bounds: seen.bounds.filter(|_| matches!(seen.kind, Kind::Integer | Kind::Number)),
        };
        self.properties.into_iter().map(told).collect()
    }
}

impl Seen {
    fn add(&mut self, kind: Kind, value: &Value) {
        self.kind = match (self.kind, kind) {
            (a, b) if a == b => a,
            (Kind::Integer | Kind::Number, Kind::Integer | Kind::Number) => Kind::Number,
            (Kind::Text | Kind::Instant, Kind::Text | Kind::Instant) => Kind::Text,
            _ => Kind::Mixed,
        };
        if let Some(number) = value.as_f64() {
            let (low, high) = self.bounds.unwrap_or((number, number));
            self.bounds = Some((low.min(number), high.max(number)));
        }
        if let (Some(text), Some(texts)) = (value.as_str(), &mut self.texts)
            && !texts.contains(text)
        {
            if texts.len() < MAX_TEXTS {
                texts.insert(text.to_owned());
            } else {
                self.texts = None;
            }
        }
    }
}

/// The kind of one value; null has none.
fn kind(value: &Value) -> Option<Kind> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) => Kind::Flag,
        Value::Number(number) if number.is_f64() => Kind::Number,
        Value::Number(_) => Kind::Integer,
        Value::String(text) if parse_instant(text).is_ok() => Kind::Instant,
        Value::String(_) => Kind::Text,
        Value::Array(_) => Kind::List,
        Value::Object(_) => Kind::Object,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn observed(items: &[Value]) -> Vec<Queryable> {
        let mut observed = Observed::default();
        items.iter().filter_map(Value::as_object).for_each(|properties| observed.add(properties));
        observed.finish()
    }

    #[test]
    fn kinds_bounds_and_values_are_those_of_the_items() {
        let found = observed(&[
            json!({"n": 1, "t": "b", "d": "2024-01-01T00:00:00Z", "m": 1, "z": null}),
            json!({"n": 2.5, "t": "a", "d": "2024-01-02T00:00:00Z", "m": "x"}),
            json!({"n": -4, "t": "a"}),
        ]);
        let by_name = |name: &str| found.iter().find(|q| q.name == name).expect(name);
        assert_eq!((by_name("n").kind, by_name("n").bounds), (Kind::Number, Some((-4.0, 2.5))));
        assert_eq!(
            (by_name("t").kind, by_name("t").texts.as_slice()),
            (Kind::Text, &["a".to_owned(), "b".to_owned()][..])
        );
        assert_eq!((by_name("d").kind, by_name("d").texts.len()), (Kind::Instant, 0));
        assert_eq!(by_name("m").kind, Kind::Mixed);
        assert!(found.iter().all(|q| q.name != "z"));
    }

    #[test]
    fn many_texts_are_not_told() {
        let items: Vec<Value> = (0..=MAX_TEXTS).map(|n| json!({"t": format!("v{n}")})).collect();
        assert_eq!(observed(&items[..MAX_TEXTS])[0].texts.len(), MAX_TEXTS);
        assert!(observed(&items)[0].texts.is_empty());
    }

    #[test]
    fn names_are_bounded() {
        let items: Vec<Value> = (0..=MAX_QUERYABLES).map(|n| json!({format!("p{n}"): 1})).collect();
        assert_eq!(observed(&items).len(), MAX_QUERYABLES);
    }
}
