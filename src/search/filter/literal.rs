//! Literal times and shapes of CQL2 JSON.

use std::sync::Arc;

use geo::{CoordsIter, Geometry, MultiPolygon};
use serde_json::Value;

use super::error::{FilterError, described, quoted};
use super::expr::{Shape, Term};
use super::span::{Span, day};
use crate::stac::{Bbox, parse_geometry, parse_instant};

/// Positions of all literal shapes together.
pub(super) const MAX_POSITIONS: usize = 100_000;

/// A text as it stands, with its time when it names one.
pub(super) fn text(text: &str) -> Term {
    match Span::parse(text) {
        Some(span) => Term::Dated(text.to_owned(), span),
        None => Term::Text(text.to_owned()),
    }
}

/// `{"timestamp": …}`
pub(super) fn timestamp(value: &Value) -> Result<Term, FilterError> {
    let text = time_text(value, "timestamp")?;
    match parse_instant(text) {
        Ok(instant) => Ok(Term::Span(Span::instant(instant))),
        Err(_) => Err(FilterError::Time {
            text: quoted(text),
            expected: "an RFC 3339 date-time with a zone, as in TIMESTAMP('2024-06-01T00:00:00Z')",
        }),
    }
}

/// `{"date": …}`
pub(super) fn date(value: &Value) -> Result<Term, FilterError> {
    let text = time_text(value, "date")?;
    let expected = "a date, as in DATE('2024-06-01')";
    let refusal = || FilterError::Time { text: quoted(text), expected };
    day(text).map(Term::Span).ok_or_else(refusal)
}

fn time_text<'a>(value: &'a Value, operator: &'static str) -> Result<&'a str, FilterError> {
    let refusal = || FilterError::Operand { operator, expected: "a text in quotes", found: described(value) };
    value.as_str().ok_or_else(refusal)
}

/// An end of an interval that is a text: `None` is open.
pub(super) fn interval_end(text: &str) -> Result<Option<Span>, FilterError> {
    if text == ".." || text.is_empty() {
        return Ok(None);
    }
    let expected = "an end of an interval: a date, an RFC 3339 date-time with a zone, or '..'";
    Span::parse(text).map(Some).ok_or_else(|| FilterError::Time { text: quoted(text), expected })
}

/// A GeoJSON geometry, with how many positions it has; `left` bounds them.
pub(super) fn geometry(value: &Value, left: usize) -> Result<(Term, usize), FilterError> {
    // Counted before anything is built.
    if numbers_in(value) / 2 > left.saturating_mul(2) {
        return Err(FilterError::TooMany { what: "positions in its shapes", limit: MAX_POSITIONS });
    }
    let geometry = parse_geometry(value).map_err(|source| FilterError::Geometry { source })?;
    let positions = geometry.coords_count();
    if positions > left {
        return Err(FilterError::TooMany { what: "positions in its shapes", limit: MAX_POSITIONS });
    }
    Ok((Term::Shape(Arc::new(Shape::new(geometry))), positions))
}

fn numbers_in(value: &Value) -> usize {
    match value {
        Value::Number(_) => 1,
        Value::Array(values) => values.iter().map(numbers_in).sum(),
        Value::Object(members) => members.values().map(numbers_in).sum(),
        _ => 0,
    }
}

/// `{"bbox": [w, s, e, n]}`: a rectangle, or two across the antimeridian.
pub(super) fn bbox(value: &Value) -> Result<Term, FilterError> {
    let expected = "4 or 6 numbers";
    let refusal = || FilterError::Operand { operator: "bbox", expected, found: described(value) };
    let corners: Option<Vec<f64>> = value.as_array().ok_or_else(refusal)?.iter().map(Value::as_f64).collect();
    let bbox =
        Bbox::from_numbers(&corners.ok_or_else(refusal)?).map_err(|source| FilterError::Bbox { source })?;
    let mut parts: Vec<_> = bbox.parts().into_iter().map(geo::Rect::to_polygon).collect();
    let geometry = match (parts.pop(), parts.pop()) {
        (Some(only), None) if bbox.west == bbox.east || bbox.south == bbox.north => degenerate(&bbox, only),
        (Some(only), None) => Geometry::Polygon(only),
        (Some(east), Some(west)) => Geometry::MultiPolygon(MultiPolygon::new(vec![west, east])),
        (None, _) => return Err(refusal()),
    };
    Ok(Term::Shape(Arc::new(Shape::new(geometry))))
}

/// A box without area is the point or line that it is; relations between shapes need valid ones.
fn degenerate(bbox: &Bbox, polygon: geo::Polygon) -> Geometry {
    let low = geo::coord! { x: bbox.west, y: bbox.south };
    let high = geo::coord! { x: bbox.east, y: bbox.north };
    match (bbox.west == bbox.east, bbox.south == bbox.north) {
        (true, true) => Geometry::Point(low.into()),
        (false, false) => Geometry::Polygon(polygon),
        _ => Geometry::LineString(vec![low, high].into()),
    }
}
