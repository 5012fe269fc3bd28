//! What is searched in: a box or any geometry, prepared once for a question.

use geo::{Coord, Geometry, Intersects, Line, Rect};

use super::Bounds;
use super::cells::{Cells, Grid};
use super::parts::{Part, Rings};
use super::shape::Shape;
use crate::stac::Bbox;

/// A place to search in.
#[derive(Debug)]
pub(crate) struct Region(Kind);

#[derive(Debug)]
enum Kind {
    /// One rectangle, or two on both sides of the antimeridian.
    Boxes(Vec<Rect>),
    Shape(Shape),
}

/// How a region stands to everything that lies in a rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    /// Nothing in the rectangle meets the region.
    Outside,
    /// Everything in the rectangle meets the region.
    Inside,
    /// Each thing has to be looked at.
    Edge,
}

impl Region {
    /// The rectangles of a box.
    pub(crate) fn of_bbox(bbox: &Bbox) -> Self {
        Self(Kind::Boxes(bbox.parts()))
    }

    /// A geometry as it is drawn on the plane of longitude and latitude.
    pub(crate) fn of_geometry(geometry: &Geometry) -> Self {
        Self(Kind::Shape(Shape::new(geometry)))
    }

    /// The rectangles around it; none around a geometry without positions.
    #[cfg(test)]
    pub(crate) fn bounds(&self) -> Vec<Bounds> {
        match &self.0 {
            Kind::Boxes(boxes) => boxes.iter().map(Bounds::around).collect(),
            Kind::Shape(shape) => Some(shape.bounds()).into_iter().filter(|b| b.is_sound()).collect(),
        }
    }

    /// What is known of everything in a rectangle.
    pub(crate) fn classify(&self, bounds: Bounds) -> Relation {
        match &self.0 {
            Kind::Boxes(boxes) => {
                let rect = bounds.rect();
                if boxes.iter().any(|own| bounds.lies_in(own)) {
                    Relation::Inside
                } else if boxes.iter().any(|own| own.intersects(&rect)) {
                    Relation::Edge
                } else {
                    Relation::Outside
                }
            }
            Kind::Shape(shape) => shape.classify(bounds),
        }
    }

    /// What is known of everything in a rectangle, by what its cells say of that.
    pub(super) fn classify_by(&self, cells: Cells, bounds: Bounds) -> Relation {
        let Some(grid) = Grid::over(bounds) else { return Relation::Edge };
        match &self.0 {
            Kind::Boxes(boxes) => {
                let touched = boxes.iter().fold(0, |touched, own| touched | grid.touched(own));
                cells.relation(touched, touched)
            }
            Kind::Shape(shape) => {
                let touched = grid.touched(&shape.bounds().rect());
                let held = shape.positions().fold(0, |held, p| held | grid.touched(&Rect::new(p, p)));
                cells.relation(held, touched)
            }
        }
    }

    /// True when a part of a footprint has a point in common with the region.
    pub(super) fn meets(&self, part: Part) -> bool {
        match &self.0 {
            Kind::Boxes(boxes) => boxes.iter().any(|own| meets_rect(part, own)),
            Kind::Shape(shape) => shape.meets(part),
        }
    }
}

fn meets_rect(part: Part, rect: &Rect) -> bool {
    match part {
        Part::Point(position) => rect.intersects(&position),
        Part::Path(run) => run.edges().any(|edge| edge_meets_rect(edge, rect)),
        Part::Area(rings) => area_meets_rect(rings, rect),
    }
}

/// As geo has it; most edges lie to one side of the rectangle, or begin in it.
fn edge_meets_rect(edge: Line, rect: &Rect) -> bool {
    let (low, high) = (rect.min(), rect.max());
    let holds = |p: Coord| low.x <= p.x && p.x <= high.x && low.y <= p.y && p.y <= high.y;
    let (a, b) = (edge.start, edge.end);
    let is_aside =
        a.x.max(b.x) < low.x || high.x < a.x.min(b.x) || a.y.max(b.y) < low.y || high.y < a.y.min(b.y);
    !is_aside && (holds(a) || holds(b) || rect.intersects(&edge))
}

/// A polygon and a rectangle meet where an outer edge does, where the polygon holds a corner of the rectangle, or where a
/// hole's ring crosses the rectangle's sides: a hole that lies inside the rectangle is no common point by itself.
fn area_meets_rect(rings: Rings, rect: &Rect) -> bool {
    let strictly_inside =
        |p: geo::Coord| rect.min().x < p.x && p.x < rect.max().x && rect.min().y < p.y && p.y < rect.max().y;
    rings.exterior.ring_edges().any(|edge| edge_meets_rect(edge, rect))
        || rings.hold(rect.min())
        || rings.holes().any(|hole| {
            hole.ring_edges().any(|edge| edge_meets_rect(edge, rect))
                && !hole.positions().all(strictly_inside)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::wkt;

    fn region(bbox: &str) -> Region {
        Region::of_bbox(&Bbox::parse(bbox).expect("a box"))
    }

    #[test]
    fn a_box_across_the_antimeridian_has_two_sides() {
        let region = region("170,-10,-170,10");
        assert_eq!(region.classify(Bounds([171.0, 0.0, 172.0, 1.0])), Relation::Inside);
        assert_eq!(region.classify(Bounds([-172.0, 0.0, -171.0, 1.0])), Relation::Inside);
        assert_eq!(region.classify(Bounds([0.0, 0.0, 1.0, 1.0])), Relation::Outside);
        assert_eq!(region.classify(Bounds([160.0, 0.0, 170.0, 1.0])), Relation::Edge);
        assert_eq!(region.bounds().len(), 2);
    }

    #[test]
    fn a_hole_is_outside_and_its_edge_is_neither() {
        let ring: Geometry =
            wkt!(POLYGON((0.0 0.0,9.0 0.0,9.0 9.0,0.0 9.0,0.0 0.0),(3.0 3.0,6.0 3.0,6.0 6.0,3.0 6.0,3.0 3.0))).into();
        let region = Region::of_geometry(&ring);
        assert_eq!(region.classify(Bounds([4.0, 4.0, 5.0, 5.0])), Relation::Outside);
        assert_eq!(region.classify(Bounds([1.0, 1.0, 2.0, 2.0])), Relation::Inside);
        assert_eq!(region.classify(Bounds([3.0, 3.0, 5.0, 5.0])), Relation::Edge);
        assert_eq!(region.classify(Bounds([2.0, 2.0, 7.0, 7.0])), Relation::Edge);
    }

    #[test]
    fn a_line_has_no_inside() {
        let line: Geometry = wkt!(LINESTRING(0.0 0.0,9.0 9.0)).into();
        let region = Region::of_geometry(&line);
        assert_eq!(region.classify(Bounds([0.0, 0.0, 9.0, 9.0])), Relation::Edge);
        assert_eq!(region.classify(Bounds([0.0, 5.0, 4.0, 9.0])), Relation::Outside);
    }
}
