//! The value of one property of one Item, on its way into a column and out of one.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::instant::InstantText;

/// A property's value as an Item's document has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number that an `f64` holds exactly.
    Number(f64),
    /// A text, date-times among them.
    Text(Cow<'a, str>),
    /// An array, an object, or a number that an `f64` does not hold.
    Other,
}

/// One property of one Item, as far as a column knows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell<'a> {
    /// The Item has no such property.
    Missing,
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, exact.
    Number(f64),
    /// A text that is no date-time in a usual form.
    Text(&'a str),
    /// A date-time, and how its text was written.
    Instant(DateTime<Utc>, InstantText),
    /// Only the body knows: an array, an object, or a value that the column does not hold.
    Elsewhere,
}

impl<'a> From<&'a Scalar<'_>> for Cell<'a> {
    /// Date-times are told from other texts.
    fn from(scalar: &'a Scalar) -> Self {
        match scalar {
            Scalar::Null => Self::Null,
            Scalar::Bool(value) => Self::Bool(*value),
            Scalar::Number(value) => Self::Number(*value),
            Scalar::Text(text) => Self::from(text.as_ref()),
            Scalar::Other => Self::Elsewhere,
        }
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        InstantText::parse(text).map_or(Self::Text(text), |(instant, style)| Self::Instant(instant, style))
    }
}
