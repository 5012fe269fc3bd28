//! Values while a filter is evaluated, and how two of them compare.

use std::borrow::Cow;
use std::cmp::Ordering;

use geo::Geometry;

use super::expr::Shape;
use super::operand::Operand;
use super::operator::{Arithmetic, Sets};
use super::span::Span;

/// A property's value or a literal's, or what became of them.
#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    Missing,
    Bool(bool),
    Number(f64),
    Text(Cow<'a, str>),
    /// A literal text with the time that it names.
    Dated(&'a str, Span),
    Span(Span),
    /// The range that stands for a null `datetime`.
    Range(Span),
    Array(Vec<Value<'a>>),
    Shape(&'a Shape),
    Geometry(&'a Geometry),
    Object(&'a serde_json::Value),
}

impl<'a> From<Operand<'a>> for Value<'a> {
    fn from(operand: Operand<'a>) -> Self {
        match operand {
            Operand::Missing => Self::Missing,
            Operand::Bool(flag) => Self::Bool(flag),
            Operand::Number(number) => Self::Number(number),
            Operand::Text(text) => Self::Text(text),
            Operand::Instant(instant) => Self::Span(Span::instant(instant)),
            Operand::Interval(interval) => Self::Range(interval.into()),
            Operand::Array(values) => {
                Self::Array(values.iter().map(|value| Operand::from(value).into()).collect())
            }
            Operand::Texts(texts) => {
                Self::Array(texts.iter().map(|text| Self::Text(Cow::Borrowed(text))).collect())
            }
            Operand::Geometry(geometry) => Self::Geometry(geometry),
            Operand::Object(object) => Self::Object(object),
        }
    }
}

impl Value<'_> {
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Missing | Self::Range(_))
    }

    /// The time that it is or names.
    pub(super) fn span(&self) -> Option<Span> {
        match self {
            Self::Dated(_, span) | Self::Span(span) | Self::Range(span) => Some(*span),
            Self::Text(text) => Span::parse(text),
            _ => None,
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Dated(text, _) => Some(text),
            _ => None,
        }
    }

    /// Which comes first; `None` when they are of different kinds or one is missing.
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Text(_) | Self::Dated(..), Self::Text(_) | Self::Dated(..)) => {
                // Texts that both name times compare as times, whatever their zone and digits.
                let times = self.span().and_then(|a| other.span().map(|b| a.order(&b)));
                times.or_else(|| Some(self.text()?.cmp(other.text()?)))
            }
            _ => Some(self.span()?.order(&other.span()?)),
        }
    }

    /// Whether two elements of arrays are the same.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Array(a), Self::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_same(b))
            }
            _ => self.order(other) == Some(Ordering::Equal),
        }
    }
}

/// Whether a relation holds of two arrays as sets.
pub(super) fn sets(relation: Sets, a: &[Value<'_>], b: &[Value<'_>]) -> bool {
    let within = |a: &[Value<'_>], b: &[Value<'_>]| a.iter().all(|x| b.iter().any(|y| x.is_same(y)));
    match relation {
        Sets::Equals => within(a, b) && within(b, a),
        Sets::Contains => within(b, a),
        Sets::ContainedBy => within(a, b),
        Sets::Overlaps => a.iter().any(|x| b.iter().any(|y| x.is_same(y))),
    }
}

/// The result of two numbers; `None` where there is none, as for a division by zero.
pub(super) fn arithmetic(operation: Arithmetic, a: f64, b: f64) -> Option<f64> {
    let result = match operation {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        Arithmetic::Divide => a / b,
        Arithmetic::Modulo => a % b,
        Arithmetic::Power => a.powf(b),
        Arithmetic::Whole => (a / b).trunc(),
    };
    result.is_finite().then_some(result)
}
