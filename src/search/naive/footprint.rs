//! Where an Item lies, made ready for the question whether a shape meets it.
//!
//! Shapes are compared on the plane of longitude and latitude, −180 to 180 degrees. A footprint that is drawn past the
//! antimeridian, or drawn the long way round while its box says that it crosses, is kept as two copies 360 degrees apart,
//! of which the parts within ±180 are what it covers.

use geo::{BoundingRect, Geometry, GeometryCollection, Intersects, MapCoords, Rect, coord};

use crate::stac::Bbox;

/// A footprint and the rectangles that it is found by.
#[derive(Debug, Clone)]
pub(super) struct Footprint {
    pub(super) geometry: Geometry,
    /// One rectangle around the whole, or one around each part of a footprint on both sides of the antimeridian.
    rects: Vec<Rect>,
    /// True when the rectangle is the footprint, so that no exact test is needed.
    is_rect: bool,
}

impl Footprint {
    /// Takes a geometry and what the document's `bbox` says.
    pub(super) fn new(geometry: Geometry, bbox: Option<Bbox>) -> Option<Self> {
        let drawn = geometry.bounding_rect()?;
        let crosses = bbox.is_some_and(|b| b.crosses_antimeridian());
        let geometry = if crosses && drawn.width() > 180.0 && !is_split(&geometry) {
            let unwrapped = geometry.map_coords(|c| {
                if c.x < 0.0 {
                    coord! { x: c.x + 360.0, y: c.y }
                } else {
                    c
                }
            });
            both_sides(unwrapped, -360.0)
        } else if drawn.max().x > 180.0 {
            both_sides(geometry, -360.0)
        } else if drawn.min().x < -180.0 {
            both_sides(geometry, 360.0)
        } else {
            geometry
        };
        let rects = rects_of(&geometry);
        let is_rect = match (&geometry, rects.as_slice()) {
            (Geometry::Polygon(polygon), [rect]) => {
                polygon.interiors().is_empty()
                    && polygon.exterior().0.len() == 5
                    && polygon.exterior().0.iter().all(|c| {
                        (c.x == rect.min().x || c.x == rect.max().x)
                            && (c.y == rect.min().y || c.y == rect.max().y)
                    })
                    && polygon
                        .exterior()
                        .lines()
                        .all(|line| line.start.x == line.end.x || line.start.y == line.end.y)
                    && rect.width() > 0.0
                    && rect.height() > 0.0
            }
            (Geometry::Point(_), _) => true,
            _ => false,
        };
        Some(Self { geometry, rects, is_rect })
    }

    /// True when the footprint has a point in common with the rectangle.
    pub(super) fn meets_rect(&self, rect: &Rect) -> bool {
        self.rects.iter().any(|own| own.intersects(rect))
            && (self.is_rect
                || self.rects.iter().any(|own| contains(rect, own))
                || self.geometry.intersects(rect))
    }

    /// True when the footprint has a point in common with the shape.
    pub(super) fn meets(&self, shape: &Geometry) -> bool {
        self.geometry.intersects(shape)
    }
}

/// A rectangle that holds the whole of another certainly meets what touches all sides of the other.
fn contains(outer: &Rect, inner: &Rect) -> bool {
    outer.min().x <= inner.min().x
        && outer.min().y <= inner.min().y
        && outer.max().x >= inner.max().x
        && outer.max().y >= inner.max().y
}

fn parts(geometry: &Geometry) -> Vec<Geometry> {
    match geometry {
        Geometry::MultiPolygon(multi) => multi.0.iter().cloned().map(Geometry::from).collect(),
        Geometry::MultiLineString(multi) => multi.0.iter().cloned().map(Geometry::from).collect(),
        Geometry::MultiPoint(multi) => multi.0.iter().copied().map(Geometry::from).collect(),
        Geometry::GeometryCollection(collection) => collection.0.iter().flat_map(parts).collect(),
        single => vec![single.clone()],
    }
}

/// True when no part by itself spans more than half the globe: the drawing is split at the antimeridian already.
fn is_split(geometry: &Geometry) -> bool {
    parts(geometry).iter().filter_map(BoundingRect::bounding_rect).all(|rect| rect.width() <= 180.0)
}

fn both_sides(geometry: Geometry, shift: f64) -> Geometry {
    let copy = geometry.map_coords(|c| coord! { x: c.x + shift, y: c.y });
    Geometry::GeometryCollection(GeometryCollection(vec![geometry, copy]))
}

fn rects_of(geometry: &Geometry) -> Vec<Rect> {
    let Some(whole) = geometry.bounding_rect() else { return Vec::new() };
    if whole.width() <= 180.0 {
        return vec![whole];
    }
    parts(geometry).iter().filter_map(BoundingRect::bounding_rect).collect()
}
