//! A checked expression over a record: true, false, or unknown (`None`), by the three-valued logic of CQL2 and SQL.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::expr::{List, Predicate, Term};
use super::operand::Record;
use super::operator::Comparison;
use super::span::Span;
use super::spatial;
use super::value::{Value, arithmetic, sets};

impl Predicate {
    /// Whether the condition holds; `None` when nobody can say.
    pub(super) fn truth<R: Record + ?Sized>(&self, record: &R) -> Option<bool> {
        match self {
            Self::Constant(truth) => *truth,
            Self::Flag(term) => match term.value(record) {
                Value::Bool(flag) => Some(flag),
                _ => None,
            },
            Self::And(parts) => all(parts.iter().map(|part| part.truth(record)), false),
            Self::Or(parts) => all(parts.iter().map(|part| part.truth(record)), true),
            Self::Not(part) => part.truth(record).map(|truth| !truth),
            Self::IsNull(term) => Some(term.value(record).is_missing()),
            Self::Compare(comparison, left, right) => {
                compare(*comparison, &left.value(record), &right.value(record))
            }
            Self::Between(term, low, high) => {
                let value = term.value(record);
                let bounds = [
                    compare(Comparison::GreaterOrEqual, &value, &low.value(record)),
                    compare(Comparison::LessOrEqual, &value, &high.value(record)),
                ];
                all(bounds.into_iter(), false)
            }
            Self::In(term, list) => list.holds(&term.value(record), record),
            Self::Like(term, pattern) => match term.value(record) {
                Value::Text(text) => Some(pattern.fits(&text)),
                Value::Dated(text, _) => Some(pattern.fits(text)),
                _ => None,
            },
            Self::Spatial(relation, left, right) => {
                spatial::relates(*relation, &left.value(record), &right.value(record))
            }
            Self::Temporal(relation, left, right) => {
                Some(left.value(record).span()?.relates(*relation, &right.value(record).span()?))
            }
            Self::Sets(relation, left, right) => match (left.value(record), right.value(record)) {
                (Value::Array(left), Value::Array(right)) => Some(sets(*relation, &left, &right)),
                _ => None,
            },
        }
    }
}

/// AND and OR: one value decides whatever else there is, and without it one unknown leaves all unknown.
fn all(truths: impl Iterator<Item = Option<bool>>, deciding: bool) -> Option<bool> {
    let mut result = Some(!deciding);
    for truth in truths {
        match truth {
            Some(truth) if truth == deciding => return Some(deciding),
            Some(_) => {}
            None => result = None,
        }
    }
    result
}

fn compare(comparison: Comparison, left: &Value<'_>, right: &Value<'_>) -> Option<bool> {
    left.order(right).map(|order| comparison.holds(order))
}

impl List {
    /// `x IN (a, b)` is `x = a OR x = b`.
    fn holds<R: Record + ?Sized>(&self, value: &Value<'_>, record: &R) -> Option<bool> {
        let (found, of_other_kind) = match value {
            Value::Missing => return None,
            Value::Text(text) => {
                let found = self.texts.binary_search_by(|known| known.as_str().cmp(text)).is_ok();
                (found, !self.numbers.is_empty())
            }
            Value::Number(number) => {
                let order = |known: &f64| known.partial_cmp(number).unwrap_or(Ordering::Less);
                (self.numbers.binary_search_by(order).is_ok(), !self.texts.is_empty())
            }
            Value::Dated(text, _) => {
                let found = self.texts.iter().any(|known| known == text);
                (found, !self.numbers.is_empty())
            }
            _ => (false, !self.texts.is_empty() || !self.numbers.is_empty()),
        };
        if found {
            return Some(true);
        }
        let others = self.others.iter().map(|other| compare(Comparison::Equal, value, &other.value(record)));
        let truth = all(others, true);
        if truth == Some(false) && of_other_kind { None } else { truth }
    }
}

impl Term {
    /// The term's value for a record; borrowed wherever nothing is computed.
    pub(super) fn value<'a, R: Record + ?Sized>(&'a self, record: &'a R) -> Value<'a> {
        match self {
            Self::Property(number) => record.value(*number).into(),
            Self::Null => Value::Missing,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Number(number) => Value::Number(*number),
            Self::Text(text) => Value::Text(Cow::Borrowed(text)),
            Self::Dated(text, span) => Value::Dated(text, *span),
            Self::Span(span) => Value::Span(*span),
            Self::Interval(start, end) => interval(start.as_deref(), end.as_deref(), record),
            Self::Shape(shape) => Value::Shape(shape),
            Self::Array(terms) => Value::Array(terms.iter().map(|term| term.value(record)).collect()),
            Self::Arithmetic(operation, left, right) => match (left.value(record), right.value(record)) {
                (Value::Number(a), Value::Number(b)) => {
                    arithmetic(*operation, a, b).map_or(Value::Missing, Value::Number)
                }
                _ => Value::Missing,
            },
            Self::Fold(fold, term) => match term.value(record) {
                Value::Text(text) => Value::Text(fold.apply(text)),
                Value::Dated(text, _) => Value::Text(fold.apply(Cow::Borrowed(text))),
                _ => Value::Missing,
            },
            Self::Truth(predicate) => predicate.truth(record).map_or(Value::Missing, Value::Bool),
        }
    }
}

/// An interval with ends that the record has; one that it lacks leaves the whole unknown.
fn interval<'a, R: Record + ?Sized>(start: Option<&Term>, end: Option<&Term>, record: &R) -> Value<'a> {
    let open = Span::from(crate::stac::Interval::default());
    let ends = [start, end].map(|end| end.map_or(Some(open), |term| term.value(record).span()));
    match ends {
        [Some(start), Some(end)] if start.start <= end.end => {
            Value::Span(Span { start: start.start, end: end.end })
        }
        _ => Value::Missing,
    }
}
