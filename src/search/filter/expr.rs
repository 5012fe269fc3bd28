//! The checked expression: conditions that are true, false or unknown, over terms that have values.

use std::sync::Arc;

use geo::{BoundingRect, Geometry, Rect};

use super::fold::Fold;
use super::like::Pattern;
use super::operator::{Arithmetic, Comparison, Sets, Spatial, Temporal};
use super::span::Span;

/// A condition. Opaque outside: what the planner does not recognise it evaluates through [`super::Conjunct`].
#[derive(Debug, Clone)]
pub(super) enum Predicate {
    Constant(Option<bool>),
    /// A property that is a flag.
    Flag(Term),
    And(Vec<Predicate>),
    Or(Vec<Predicate>),
    Not(Box<Predicate>),
    IsNull(Term),
    Compare(Comparison, Term, Term),
    Between(Term, Term, Term),
    In(Term, List),
    Like(Term, Pattern),
    Spatial(Spatial, Term, Term),
    Temporal(Temporal, Term, Term),
    Sets(Sets, Term, Term),
}

/// Something with a value.
#[derive(Debug, Clone)]
pub(super) enum Term {
    /// By its number.
    Property(usize),
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    /// A text that names a time: a time beside a time, a text beside a text.
    Dated(String, Span),
    Span(Span),
    /// An interval of which at least one end is a property; `None` is an open end.
    Interval(Option<Box<Term>>, Option<Box<Term>>),
    Shape(Arc<Shape>),
    Array(Vec<Term>),
    Arithmetic(Arithmetic, Box<Term>, Box<Term>),
    Fold(Fold, Box<Term>),
    /// A condition used as a value.
    Truth(Box<Predicate>),
}

/// A literal shape with the rectangle around it.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) geometry: Geometry,
    pub(super) rect: Option<Rect>,
}

impl Shape {
    pub(super) fn new(geometry: Geometry) -> Self {
        let rect = geometry.bounding_rect();
        Self { geometry, rect }
    }
}

/// The values of IN, sorted for a binary search.
#[derive(Debug, Clone, Default)]
pub(super) struct List {
    pub(super) texts: Vec<String>,
    pub(super) numbers: Vec<f64>,
    /// Those that must be compared one by one.
    pub(super) others: Vec<Term>,
}

impl List {
    pub(super) fn new(terms: Vec<Term>) -> Self {
        let mut list = Self::default();
        for term in terms {
            match term {
                Term::Text(text) => list.texts.push(text),
                Term::Number(number) => list.numbers.push(number),
                other => list.others.push(other),
            }
        }
        list.texts.sort_unstable();
        list.texts.dedup();
        list.numbers.sort_unstable_by(f64::total_cmp);
        list
    }
}

impl Term {
    /// What its value will be, in words; `None` where only a record can say.
    pub(super) fn kind(&self) -> Option<&'static str> {
        Some(match self {
            Self::Property(_) | Self::Null => return None,
            Self::Bool(_) | Self::Truth(_) => "a condition",
            Self::Number(_) | Self::Arithmetic(..) => "a number",
            Self::Text(_) | Self::Fold(..) => "a text",
            Self::Dated(..) => "a text that names a time",
            Self::Span(_) | Self::Interval(..) => "a time",
            Self::Shape(_) => "a geometry",
            Self::Array(_) => "an array",
        })
    }
}
