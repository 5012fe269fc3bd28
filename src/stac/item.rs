//! What an Item's document says of its time, read leniently: old STAC versions and sloppy writers are common.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{DatetimeError, parse_instant};

/// Members of an Item itself, in the order of the specification.
pub const ITEM_MEMBERS: [&str; 10] = [
    "type",
    "stac_version",
    "stac_extensions",
    "id",
    "geometry",
    "bbox",
    "properties",
    "links",
    "assets",
    "collection",
];

/// Why a document is no Item that can be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    /// A field that every Item has is missing or of another type.
    #[error("an Item has {field}: {expected}")]
    Field {
        /// Dotted path of the field.
        field: &'static str,
        /// What should be there.
        expected: &'static str,
    },
    /// A date-time cannot be read.
    #[error("cannot read {field}")]
    Datetime {
        /// Dotted path of the field.
        field: &'static str,
        /// What is wrong with it.
        source: DatetimeError,
    },
    /// The geometry cannot be read.
    #[error("cannot read geometry")]
    Geometry(#[from] super::GeometryError),
    /// Neither an instant nor a range.
    #[error("an Item has properties.datetime, or properties.start_datetime and properties.end_datetime")]
    NoTime,
}

/// The time that an Item covers; both ends are the same for an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemTime {
    /// `datetime`, or `start_datetime` where an Item has only a range: what Items are ordered by.
    pub start: DateTime<Utc>,
    /// First instant that it covers: `start_datetime` where there is one.
    pub first: DateTime<Utc>,
    /// Last instant that it covers: `end_datetime` where there is one.
    pub last: DateTime<Utc>,
}

/// The time of an Item from its `properties`.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn item_time(properties: &Value) -> Result<ItemTime, ItemError> {
    item_time_of(|name| properties.get(name).and_then(Value::as_str))
}

/// As [`item_time`], `text` giving the property of a name where that is a text.
///
/// # Errors
/// As [`item_time`].
pub fn item_time_of<'a>(text: impl Fn(&str) -> Option<&'a str>) -> Result<ItemTime, ItemError> {
    let read = |name: &str, field: &'static str| match text(name) {
        Some(text) => parse_instant(text).map(Some).map_err(|source| ItemError::Datetime { field, source }),
        None => Ok(None),
    };
    let datetime = read("datetime", "properties.datetime")?;
    let first = read("start_datetime", "properties.start_datetime")?;
    let last = read("end_datetime", "properties.end_datetime")?;
    let start = datetime.or(first).ok_or(ItemError::NoTime)?;
    // A range is one only when both of its ends are there.
    let (first, last) = match (first, last) {
        (Some(first), Some(last)) if first <= last => (first, last),
        _ => (start, start),
    };
    Ok(ItemTime { start, first, last })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_range_alone_counts_by_its_start() {
        let time = item_time(&json!({
            "datetime": null,
            "start_datetime": "2024-01-01T00:00:00Z",
            "end_datetime": "2024-02-01T00:00:00Z"
        }))
        .expect("a time");
        assert_eq!(time.start, time.first);
        assert!(time.last > time.first);
    }

    #[test]
    fn no_time_is_an_error() {
        assert_eq!(item_time(&json!({"datetime": null})), Err(ItemError::NoTime));
        assert!(matches!(item_time(&json!({"datetime": "yesterday"})), Err(ItemError::Datetime { .. })));
    }
}
