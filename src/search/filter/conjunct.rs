//! The conditions that must all hold, recognised as far as columns and trees can test them.

use std::ops::Bound;

use chrono::{DateTime, Utc};
use geo::Geometry;

use super::expr::{Predicate, Term};
use super::operand::Record;
use super::operator::{Comparison, Spatial, Temporal};
use super::span::Span;

/// The property that says where an Item lies.
const GEOMETRY: &str = "geometry";

/// One of the conditions of a filter.
#[derive(Debug, Clone, Copy)]
pub struct Conjunct<'a> {
    /// What it asks, for a planner.
    pub test: Test<'a>,
    predicate: &'a Predicate,
}

/// A condition that a column or a tree can test; a record without the property never meets it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Test<'a> {
    /// The number lies between the bounds.
    Range {
        /// Number of the property.
        property: usize,
        /// Lower bound.
        low: Bound<f64>,
        /// Upper bound.
        high: Bound<f64>,
    },
    /// The text is one of these.
    Texts {
        /// Number of the property.
        property: usize,
        /// Sorted when there are several.
        any_of: &'a [String],
    },
    /// The time lies between the bounds; [`meets`] says how a range of time does.
    Instants {
        /// Number of the property.
        property: usize,
        /// Lower bound.
        low: Bound<DateTime<Utc>>,
        /// Upper bound.
        high: Bound<DateTime<Utc>>,
    },
    /// The Item's geometry has a position in common with this one.
    Place {
        /// Number of the property `geometry`.
        property: usize,
        /// In longitude and latitude; a box across the antimeridian is its two parts.
        geometry: &'a Geometry,
        /// False when this is only a necessary condition, so that [`Conjunct::holds`] must be asked too.
        exact: bool,
    },
    /// Anything else: ask [`Conjunct::holds`].
    Rest,
}

/// Whether a time from `start` to `end` meets the bounds of [`Test::Instants`]: an included bound is touched, an
/// excluded one lies wholly outside.
#[must_use]
pub fn meets(
    low: Bound<DateTime<Utc>>,
    high: Bound<DateTime<Utc>>,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
) -> bool {
    let after = match low {
        Bound::Included(low) => end >= low,
        Bound::Excluded(low) => start > low,
        Bound::Unbounded => true,
    };
    let before = match high {
        Bound::Included(high) => start <= high,
        Bound::Excluded(high) => end < high,
        Bound::Unbounded => true,
    };
    after && before
}

impl<'a> Conjunct<'a> {
    pub(super) fn new(predicate: &'a Predicate, properties: &[String]) -> Self {
        let place = |number: &usize| properties.get(*number).is_some_and(|name| name == GEOMETRY);
        let test = match predicate {
            Predicate::Compare(comparison, Term::Property(property), constant) => {
                compared(*property, *comparison, constant)
            }
            Predicate::Compare(comparison, constant, Term::Property(property)) => {
                compared(*property, comparison.flipped(), constant)
            }
            Predicate::Between(Term::Property(property), low, high) => between(*property, low, high),
            Predicate::In(Term::Property(property), list)
                if list.numbers.is_empty() && list.others.is_empty() =>
            {
                Some(Test::Texts { property: *property, any_of: &list.texts })
            }
            Predicate::Temporal(relation, Term::Property(property), Term::Span(span)) => {
                temporal(*property, *relation, *span)
            }
            Predicate::Spatial(relation, Term::Property(property), Term::Shape(shape))
            | Predicate::Spatial(relation, Term::Shape(shape), Term::Property(property))
                if *relation != Spatial::Disjoint && place(property) =>
            {
                let exact = *relation == Spatial::Intersects;
                Some(Test::Place { property: *property, geometry: &shape.geometry, exact })
            }
            _ => None,
        };
        Self { test: test.unwrap_or(Test::Rest), predicate }
    }

    /// Whether the condition holds of a record, whatever its [`Test`]; unknown is no.
    pub fn holds<R: Record + ?Sized>(&self, record: &R) -> bool {
        self.predicate.truth(record) == Some(true)
    }
}

fn compared(property: usize, comparison: Comparison, constant: &Term) -> Option<Test<'_>> {
    match constant {
        Term::Number(number) => {
            let (low, high) = bounds(comparison, *number, *number)?;
            Some(Test::Range { property, low, high })
        }
        Term::Text(text) if comparison == Comparison::Equal => {
            Some(Test::Texts { property, any_of: std::slice::from_ref(text) })
        }
        Term::Span(span) | Term::Dated(_, span) => {
            let (low, high) = bounds(comparison, span.start, span.end)?;
            Some(Test::Instants { property, low, high })
        }
        _ => None,
    }
}

/// The bounds of what compares so with something that lasts from `start` to `end`.
fn bounds<T>(comparison: Comparison, start: T, end: T) -> Option<(Bound<T>, Bound<T>)> {
    Some(match comparison {
        Comparison::Equal => (Bound::Included(start), Bound::Included(end)),
        Comparison::Less => (Bound::Unbounded, Bound::Excluded(start)),
        Comparison::LessOrEqual => (Bound::Unbounded, Bound::Included(end)),
        Comparison::Greater => (Bound::Excluded(end), Bound::Unbounded),
        Comparison::GreaterOrEqual => (Bound::Included(start), Bound::Unbounded),
        Comparison::NotEqual => return None,
    })
}

fn between<'a>(property: usize, low: &Term, high: &Term) -> Option<Test<'a>> {
    let span = |term: &Term| match term {
        Term::Span(span) | Term::Dated(_, span) => Some(*span),
        _ => None,
    };
    if let (Term::Number(low), Term::Number(high)) = (low, high) {
        return Some(Test::Range { property, low: Bound::Included(*low), high: Bound::Included(*high) });
    }
    let (low, high) = (Bound::Included(span(low)?.start), Bound::Included(span(high)?.end));
    Some(Test::Instants { property, low, high })
}

fn temporal<'a>(property: usize, relation: Temporal, span: Span) -> Option<Test<'a>> {
    let (low, high) = match relation {
        Temporal::After => (Bound::Excluded(span.end), Bound::Unbounded),
        Temporal::Before => (Bound::Unbounded, Bound::Excluded(span.start)),
        Temporal::During => (Bound::Excluded(span.start), Bound::Excluded(span.end)),
        Temporal::Intersects => (Bound::Included(span.start), Bound::Included(span.end)),
        _ => return None,
    };
    Some(Test::Instants { property, low, high })
}
