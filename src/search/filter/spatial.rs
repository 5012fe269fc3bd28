//! Spatial functions on the plane of longitude and latitude, through the DE-9IM of the crate `geo`.

use std::borrow::Cow;

use geo::{BoundingRect, Geometry, Intersects, Rect, Relate};

use super::operator::Spatial;
use super::value::Value;
use crate::stac::parse_geometry;

/// Whether a relation holds; `None` when one of the two is no geometry.
pub(super) fn relates(relation: Spatial, left: &Value<'_>, right: &Value<'_>) -> Option<bool> {
    let ((a, around_a), (b, around_b)) = (shape(left)?, shape(right)?);
    // Shapes far from one another are most of a catalogue.
    let (around_a, around_b) = (around_a?, around_b?);
    if !around_a.intersects(&around_b) {
        return Some(relation == Spatial::Disjoint);
    }
    let possible = match relation {
        Spatial::Within => covers(&around_b, &around_a),
        Spatial::Contains => covers(&around_a, &around_b),
        Spatial::Equals => around_a == around_b,
        _ => true,
    };
    if !possible {
        return Some(false);
    }
    Some(match relation {
        Spatial::Intersects => a.intersects(b.as_ref()),
        Spatial::Disjoint => !a.intersects(b.as_ref()),
        _ => {
            let matrix = a.relate(b.as_ref());
            match relation {
                Spatial::Equals => matrix.is_equal_topo(),
                Spatial::Touches => matrix.is_touches(),
                Spatial::Within => matrix.is_within(),
                Spatial::Contains => matrix.is_contains(),
                Spatial::Overlaps => matrix.is_overlaps(),
                Spatial::Crosses => matrix.is_crosses(),
                Spatial::Intersects => matrix.is_intersects(),
                Spatial::Disjoint => matrix.is_disjoint(),
            }
        }
    })
}

fn covers(outer: &Rect, inner: &Rect) -> bool {
    outer.min().x <= inner.min().x
        && outer.min().y <= inner.min().y
        && outer.max().x >= inner.max().x
        && outer.max().y >= inner.max().y
}

fn shape<'a>(value: &Value<'a>) -> Option<(Cow<'a, Geometry>, Option<Rect>)> {
    match value {
        Value::Shape(shape) => Some((Cow::Borrowed(&shape.geometry), shape.rect)),
        Value::Geometry(geometry) => Some((Cow::Borrowed(geometry), geometry.bounding_rect())),
        Value::Object(object) => {
            let geometry = parse_geometry(object).ok()?;
            let rect = geometry.bounding_rect();
            Some((Cow::Owned(geometry), rect))
        }
        _ => None,
    }
}
