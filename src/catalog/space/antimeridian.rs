//! What a drawing covers on the plane of longitude and latitude, −180 to 180 degrees.
//!
//! A footprint that is drawn past the antimeridian, or drawn the long way round while its box says that it crosses, is
//! kept as two copies 360 degrees apart, of which the parts within ±180 are what it covers.

use geo::{BoundingRect, Geometry, GeometryCollection, MapCoords, coord};

use crate::stac::Bbox;

/// Takes a geometry and what the document's `bbox` says; nothing comes of a geometry without positions.
pub(super) fn on_plane(geometry: Geometry, bbox: Option<Bbox>) -> Option<Geometry> {
    let drawn = geometry.bounding_rect()?;
    let crosses = bbox.is_some_and(|b| b.crosses_antimeridian());
    Some(if crosses && drawn.width() > 180.0 && !is_split(&geometry) {
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
    })
}

/// True when no part by itself spans more than half the globe: the drawing is split at the antimeridian already.
fn is_split(geometry: &Geometry) -> bool {
    let narrow = |rect: Option<geo::Rect>| rect.is_none_or(|rect| rect.width() <= 180.0);
    match geometry {
        Geometry::MultiPolygon(multi) => multi.iter().all(|part| narrow(part.bounding_rect())),
        Geometry::MultiLineString(multi) => multi.iter().all(|part| narrow(part.bounding_rect())),
        Geometry::MultiPoint(_) => true,
        Geometry::GeometryCollection(collection) => collection.iter().all(is_split),
        single => narrow(single.bounding_rect()),
    }
}

fn both_sides(geometry: Geometry, shift: f64) -> Geometry {
    let copy = geometry.map_coords(|c| coord! { x: c.x + shift, y: c.y });
    Geometry::GeometryCollection(GeometryCollection(vec![geometry, copy]))
}

#[cfg(test)]
mod tests {
    use super::super::{Region, Space, SpaceBuilder};
    use crate::stac::{Bbox, parse_geometry};
    use serde_json::{Value, json};

    fn footprint(geometry: &Value, bbox: &str) -> Space {
        let geometry = parse_geometry(geometry).expect("a geometry");
        let mut builder = SpaceBuilder::new();
        let number = builder.add(Some(geometry), Bbox::parse(bbox).ok()).expect("a footprint");
        builder.finish(vec![number])
    }

    fn meets(space: &Space, bbox: &str) -> bool {
        let region = Region::of_bbox(&Bbox::parse(bbox).expect("a box"));
        let exact = space.meets(0, &region);
        assert_eq!(space.count(&region), usize::from(exact), "{bbox}");
        exact
    }

    #[test]
    fn the_exact_shape_decides_not_its_box() {
        let triangle = json!({"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [0, 10], [0, 0]]]});
        let footprint = footprint(&triangle, "0,0,10,10");
        assert!(meets(&footprint, "1,1,2,2"));
        assert!(!meets(&footprint, "8,8,9,9"));
        assert!(meets(&footprint, "5,5,9,9"), "touching counts");
    }

    #[test]
    fn the_antimeridian_is_understood_however_it_is_drawn() {
        let split = json!({"type": "MultiPolygon", "coordinates": [
            [[[179, 0], [180, 0], [180, 1], [179, 1], [179, 0]]],
            [[[-180, 0], [-179, 0], [-179, 1], [-180, 1], [-180, 0]]]]});
        let long_way =
            json!({"type": "Polygon", "coordinates": [[[179, 0], [-179, 0], [-179, 1], [179, 1], [179, 0]]]});
        let past =
            json!({"type": "Polygon", "coordinates": [[[179, 0], [181, 0], [181, 1], [179, 1], [179, 0]]]});
        for drawing in [split, long_way, past] {
            let footprint = footprint(&drawing, "179,0,-179,1");
            assert!(meets(&footprint, "179.5,0,179.6,1"), "{drawing}");
            assert!(meets(&footprint, "-179.6,0,-179.5,1"), "{drawing}");
            assert!(meets(&footprint, "170,0,-170,1"), "{drawing}");
            assert!(!meets(&footprint, "0,0,1,1"), "{drawing}");
            assert!(!meets(&footprint, "-178,0,178,1"), "{drawing}");
        }
    }

    #[test]
    fn a_slanted_square_is_no_rectangle() {
        let diamond = json!({"type": "Polygon", "coordinates": [[[1, 0], [2, 1], [1, 2], [0, 1], [1, 0]]]});
        assert!(!meets(&footprint(&diamond, "0,0,2,2"), "0,0,0.2,0.2"));
    }
}
