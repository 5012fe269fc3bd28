//! The order of answers: the keys that a question names, and the ties that every order ends with.
//!
//! In: `sortby`. Out: [`SortKey`]s and, for each Item, [`Rank`]s that compare as the answer is ordered. Values of one
//! property compare within their kind: false before true, numbers by size, date-times by instant, texts by code point; kinds
//! in that order among each other. A missing value, and one that has no order (null, lists, objects), comes last, ascending
//! and descending alike: who sorts by cloud cover wants Items that have one. All that the keys leave equal is newest first,
//! then by id, then by Collection.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::params::{ParamError, Params};
use crate::catalog::Cell;
use crate::stac::{item_time, parse_instant};

/// Keys that one question may sort by.
const MAX_KEYS: usize = 16;

/// Fields of an Item that lie outside of its `properties`.
const TOP_LEVEL: [&str; 4] = ["id", "collection", "type", "stac_version"];

/// A property to sort by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    /// Its name without `properties.`, such as `eo:cloud_cover`, `datetime` or `id`.
    pub property: String,
    /// Largest first.
    pub descending: bool,
}

/// What an Item has for a [`SortKey`]; the order of the variants is the order among kinds.
#[derive(Debug, Clone, PartialEq)]
pub enum SortValue {
    /// `false` or `true`.
    Flag(bool),
    /// A number; never NaN.
    Number(f64),
    /// A date-time.
    Instant(DateTime<Utc>),
    /// Any other text.
    Text(String),
    /// Nothing that has an order.
    Missing,
}

/// Where an Item stands in an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Rank {
    /// What it has for each key of the question.
    pub values: Vec<SortValue>,
    /// Its time.
    pub start: DateTime<Utc>,
    /// Its id.
    pub id: String,
    /// The id of its Collection.
    pub collection: String,
}

impl SortKey {
    /// Reads `sortby`: `+a,-b` as a string, or a list of `{"field", "direction"}`.
    ///
    /// # Errors
    /// When it has another form, names a field twice, or has more than 16 keys.
    pub fn read(params: &mut Params) -> Result<Vec<Self>, ParamError> {
        let wrong =
            |problem: &str| ParamError::Invalid { name: "sortby".into(), problem: problem.to_owned() };
        let keys = match params.value("sortby") {
            None => Vec::new(),
            Some(Value::String(text)) => {
                text.split(',').map(Self::from_text).collect::<Option<Vec<_>>>().ok_or_else(|| {
                    wrong("expected property names joined by commas, each with + or - before it, such as -datetime,+id")
                })?
            }
            Some(Value::Array(list)) => {
                list.iter().map(Self::from_json).collect::<Option<Vec<_>>>().ok_or_else(|| {
                    wrong("expected a list of {\"field\": NAME, \"direction\": \"asc\" or \"desc\"}")
                })?
            }
            Some(_) => {
                return Err(wrong("expected a list of {\"field\": NAME, \"direction\": \"asc\" or \"desc\"}"));
            }
        };
        if keys.len() > MAX_KEYS {
            return Err(wrong(&format!("{} keys are more than the {MAX_KEYS} that are allowed", keys.len())));
        }
        let named_before = |at: usize| keys[..at].iter().any(|key| key.property == keys[at].property);
        match (0..keys.len()).find(|at| named_before(*at)) {
            Some(at) => Err(wrong(&format!("'{}' is named twice", keys[at].property))),
            None => Ok(keys),
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.strip_prefix('-') {
            Some(name) => Self::named(name, true),
            // A plus sign that nobody escaped arrives as a space, which the trim took away.
            None => Self::named(text.strip_prefix('+').unwrap_or(text), false),
        }
    }

    fn from_json(value: &Value) -> Option<Self> {
        if let Some(text) = value.as_str() {
            return Self::from_text(text);
        }
        let descending = match value.get("direction") {
            None | Some(Value::Null) => false,
            Some(Value::String(word)) if word.eq_ignore_ascii_case("asc") => false,
            Some(Value::String(word)) if word.eq_ignore_ascii_case("desc") => true,
            Some(_) => return None,
        };
        Self::named(value.get("field")?.as_str()?, descending)
    }

    fn named(name: &str, descending: bool) -> Option<Self> {
        let property = name.strip_prefix("properties.").unwrap_or(name).trim();
        (!property.is_empty()).then(|| Self { property: property.to_owned(), descending })
    }

    /// What the document of an Item has for the key.
    #[must_use]
    pub fn value(&self, document: &Value) -> SortValue {
        let properties = document.get("properties").unwrap_or(&Value::Null);
        let name = self.property.as_str();
        if name == "datetime" {
            // An Item with only a range counts by its start, as everywhere.
            return item_time(properties).map_or(SortValue::Missing, |time| SortValue::Instant(time.start));
        }
        let holder = if TOP_LEVEL.contains(&name) { document } else { properties };
        let nested = || name.split('.').try_fold(holder, |value, step| value.get(step));
        SortValue::of(holder.get(name).or_else(nested))
    }

    /// The order of two values in the direction of the key; missing ones last.
    pub(super) fn compare(&self, a: &SortValue, b: &SortValue) -> Ordering {
        match (a, b) {
            (SortValue::Missing, _) | (_, SortValue::Missing) => a.compare(b),
            _ if self.descending => b.compare(a),
            _ => a.compare(b),
        }
    }
}

impl SortValue {
    /// The value as it orders.
    #[must_use]
    pub fn of(value: Option<&Value>) -> Self {
        match value {
            Some(Value::Bool(flag)) => Self::Flag(*flag),
            Some(Value::Number(number)) => number.as_f64().map_or(Self::Missing, Self::Number),
            Some(Value::String(text)) => match parse_instant(text) {
                Ok(instant) => Self::Instant(instant),
                Err(_) => Self::Text(text.clone()),
            },
            _ => Self::Missing,
        }
    }

    /// As a column holds it.
    pub(super) fn of_cell(cell: Cell<'_>) -> Self {
        match cell {
            Cell::Bool(flag) => Self::Flag(flag),
            Cell::Number(number) => Self::Number(number),
            Cell::Instant(instant, _) => Self::Instant(instant),
            Cell::Text(text) => {
                parse_instant(text).map_or_else(|_| Self::Text(text.to_owned()), Self::Instant)
            }
            Cell::Missing | Cell::Null | Cell::Elsewhere => Self::Missing,
        }
    }

    /// The order of values, whatever the direction: missing ones last.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Flag(a), Self::Flag(b)) => a.cmp(b),
            // Both zeros are one number.
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Self::Instant(a), Self::Instant(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => self.kind().cmp(&other.kind()),
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Flag(_) => 0,
            Self::Number(_) => 1,
            Self::Instant(_) => 2,
            Self::Text(_) => 3,
            Self::Missing => 4,
        }
    }

    /// As a token carries it.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Flag(flag) => json!(flag),
            Self::Number(number) => json!(number),
            Self::Instant(at) => json!([at.timestamp(), at.timestamp_subsec_nanos()]),
            Self::Text(text) => json!(text),
            Self::Missing => Value::Null,
        }
    }

    /// As a token carried it.
    pub(super) fn from_json(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => Self::Missing,
            Value::Bool(flag) => Self::Flag(*flag),
            Value::Number(number) => Self::Number(number.as_f64()?),
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(parts) => {
                let [seconds, nanos] = parts.as_slice() else { return None };
                let nanos = u32::try_from(nanos.as_u64()?).ok()?;
                Self::Instant(DateTime::from_timestamp(seconds.as_i64()?, nanos)?)
            }
            Value::Object(_) => return None,
        })
    }
}

impl Rank {
    /// The order of answers by `keys`: the smaller comes first.
    #[must_use]
    pub fn compare(&self, other: &Self, keys: &[SortKey]) -> Ordering {
        let by_keys = keys
            .iter()
            .zip(self.values.iter().zip(&other.values))
            .map(|(key, (a, b))| key.compare(a, b))
            .find(|order| order.is_ne());
        by_keys.unwrap_or_else(|| {
            other
                .start
                .cmp(&self.start)
                .then_with(|| self.id.cmp(&other.id))
                .then_with(|| self.collection.cmp(&other.collection))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> SortKey {
        SortKey::from_text(text).expect("a key")
    }

    fn read(body: &str) -> Result<Vec<SortKey>, ParamError> {
        SortKey::read(&mut Params::from_body(body.as_bytes())?)
    }

    #[test]
    fn all_forms_name_the_same_keys() {
        let keys = [key("-eo:cloud_cover"), key("+id")];
        for body in [
            r#"{"sortby": "-eo:cloud_cover, id"}"#,
            r#"{"sortby": ["-properties.eo:cloud_cover", "+id"]}"#,
            r#"{"sortby": [{"field": "properties.eo:cloud_cover", "direction": "DESC"}, {"field": "id"}]}"#,
        ] {
            assert_eq!(read(body).expect("keys"), keys, "{body}");
        }
        assert_eq!(read("{}"), Ok(Vec::new()));
    }

    #[test]
    fn wrong_forms_name_the_parameter() {
        for bad in
            ["\"\"", "\"a,,b\"", "7", "[{}]", "[{\"field\":\"a\",\"direction\":\"up\"}]", "\"a,-a\"", "\"-\""]
        {
            let error = read(&format!(r#"{{"sortby": {bad}}}"#)).expect_err(bad);
            assert!(error.to_string().starts_with("sortby: "), "{error}");
        }
    }

    #[test]
    fn missing_values_come_last_in_both_directions() {
        let (some, none) = (SortValue::Number(3.0), SortValue::Missing);
        for direction in ["+a", "-a"] {
            assert_eq!(key(direction).compare(&some, &none), Ordering::Less, "{direction}");
            assert_eq!(key(direction).compare(&none, &some), Ordering::Greater, "{direction}");
        }
        assert_eq!(key("-a").compare(&SortValue::Number(4.0), &some), Ordering::Less);
    }

    #[test]
    fn instants_compare_as_time_and_not_as_text() {
        let item = |created: &str| json!({"properties": {"created": created}});
        let value = |created: &str| key("created").value(&item(created));
        assert_eq!(value("2024-01-01T00:00:00Z").compare(&value("2024-01-01T00:00:00.5Z")), Ordering::Less);
        assert_eq!(
            value("2024-01-01T01:00:00+01:00").compare(&value("2024-01-01T00:00:00Z")),
            Ordering::Equal
        );
    }

    #[test]
    fn names_reach_top_level_properties_and_nested_members() {
        let item = json!({"id": "i", "properties": {"id": "other", "a.b": 1, "c": {"d": true}, "l": [1],
            "datetime": null, "start_datetime": "2024-01-01T00:00:00Z", "end_datetime": "2024-01-02T00:00:00Z"}});
        assert_eq!(key("id").value(&item), SortValue::Text("i".into()));
        assert_eq!(key("a.b").value(&item), SortValue::Number(1.0));
        assert_eq!(key("c.d").value(&item), SortValue::Flag(true));
        assert_eq!(key("l").value(&item), SortValue::Missing);
        assert_eq!(key("datetime").value(&item), key("start_datetime").value(&item));
    }
}
