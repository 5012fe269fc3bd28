//! What a filter is evaluated against, whatever keeps it.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use geo::Geometry;
use serde_json::Value;

use crate::stac::Interval;

/// A property's value. Numbers, instants and borrowed texts cost no allocation.
#[derive(Debug, Clone)]
pub enum Operand<'a> {
    /// Not there, or null: every comparison with it is unknown.
    Missing,
    /// True or false.
    Bool(bool),
    /// Any number.
    Number(f64),
    /// A text; one that is an RFC 3339 time is compared with times as the instant that it names.
    Text(Cow<'a, str>),
    /// A time that is kept as one.
    Instant(DateTime<Utc>),
    /// What stands for `datetime` where an Item has a range only: its start and end. `IS NULL` holds of it, as it does
    /// of the document.
    Interval(Interval),
    /// An array as JSON.
    Array(&'a [Value]),
    /// An array of texts, such as names of bands.
    Texts(&'a [String]),
    /// A shape in longitude and latitude.
    Geometry(&'a Geometry),
    /// An object; a GeoJSON geometry in a spatial function.
    Object(&'a Value),
}

impl<'a> From<&'a Value> for Operand<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Missing,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Number(number) => number.as_f64().map_or(Self::Missing, Self::Number),
            Value::String(text) => Self::Text(Cow::Borrowed(text)),
            Value::Array(values) => Self::Array(values),
            Value::Object(_) => Self::Object(value),
        }
    }
}

/// An Item or Collection whose properties can be asked for: a row of columns, or a [`super::Document`].
pub trait Record {
    /// The value of the property with this number in [`super::Filter::properties`]. A record that must first unpack a
    /// body keeps what it unpacked in a cell of its own.
    fn value(&self, property: usize) -> Operand<'_>;
}
