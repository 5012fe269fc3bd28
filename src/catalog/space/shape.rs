//! A geometry that is searched in, made ready for many questions.
//!
//! Each polygon keeps its rings as [`Chain`]s, holes and polygons have trees of their own, and so have lines and points.
//! A question for a footprint of m positions costs O(m log n) where the shape has n.

use geo::{Coord, Geometry, Intersects, LineString, Polygon, Rect};

use super::chain::Chain;
use super::parts::{Part, Rings};
use super::tree::{Node, PackedTree, Step};
use super::winding::Side;
use super::{Bounds, Relation};

/// Positions of a shape that are tried before its edges are; more of them would cost what they save.
const POSITIONS: usize = 8;

/// The polygons, lines and points of a geometry.
#[derive(Debug)]
pub(super) struct Shape {
    areas: Near<Area>,
    /// Lines and points.
    paths: Near<Chain>,
}

/// Things with a tree over their rectangles.
#[derive(Debug)]
struct Near<T> {
    things: Vec<T>,
    tree: PackedTree,
}

#[derive(Debug)]
struct Area {
    exterior: Chain,
    holes: Near<Chain>,
}

impl<T> Near<T> {
    fn new(things: Vec<T>, bounds: impl Fn(&T) -> Bounds) -> Self {
        let tree = PackedTree::new(things.iter().map(|thing| bounds(thing).0).collect());
        Self { things, tree }
    }

    /// True when something near the rectangle passes the test.
    fn any(&self, near: Bounds, mut test: impl FnMut(&T) -> bool) -> bool {
        self.tree.walk(|Node { bounds, leaves: range, .. }| {
            if !bounds.meets(near) {
                Step::Skip
            } else if range.len() > 1 {
                Step::Descend
            } else if test(&self.things[range.start as usize]) {
                Step::Stop
            } else {
                Step::Skip
            }
        })
    }
}

impl Shape {
    /// Takes any geometry.
    pub(super) fn new(geometry: &Geometry) -> Self {
        let (mut areas, mut paths) = (Vec::new(), Vec::new());
        take(geometry, &mut areas, &mut paths);
        let paths = paths.into_iter().filter_map(Chain::new).collect();
        Self {
            areas: Near::new(areas, |area| {
                area.holes.tree.bounds().union(Bounds::around(area.exterior.rect()))
            }),
            paths: Near::new(paths, |chain| Bounds::around(chain.rect())),
        }
    }

    /// The rectangle around everything.
    pub(super) fn bounds(&self) -> Bounds {
        self.areas.tree.bounds().union(self.paths.tree.bounds())
    }

    /// A position of each polygon and line, as far as they are few.
    pub(super) fn positions(&self) -> impl Iterator<Item = Coord> {
        let areas = self.areas.things.iter().map(|area| area.exterior.first());
        areas.chain(self.paths.things.iter().map(Chain::first)).take(POSITIONS)
    }

    /// What is known of everything that lies in a rectangle. Where no edge meets it, one of its corners tells all.
    pub(super) fn classify(&self, bounds: Bounds) -> Relation {
        let rect = bounds.rect();
        let mut relation = Relation::Outside;
        let is_inside = self.areas.any(bounds, |area| match area.classify(bounds, &rect) {
            Relation::Inside => true,
            Relation::Edge => {
                relation = Relation::Edge;
                false
            }
            Relation::Outside => false,
        });
        if is_inside {
            Relation::Inside
        } else if relation == Relation::Edge || self.paths.any(bounds, |path| path.meets_rect(bounds, &rect))
        {
            Relation::Edge
        } else {
            Relation::Outside
        }
    }

    /// True when the part of a footprint has a point in common with the shape.
    pub(super) fn meets(&self, part: Part) -> bool {
        let Some(rect) = part.rect() else { return false };
        let bounds = Bounds::around(&rect);
        self.areas.any(bounds, |area| match part {
            Part::Point(position) => area.holds(position),
            Part::Path(run) => {
                run.first().is_some_and(|first| area.holds(first))
                    || run.edges().any(|edge| area.exterior.meets_line(edge) || area.hole_meets(edge))
            }
            Part::Area(rings) => area.meets(rings),
        }) || self.paths.any(bounds, |path| meets_path(part, path))
    }
}

impl Area {
    fn new(polygon: &Polygon) -> Option<Self> {
        let exterior = Chain::new(polygon.exterior().0.clone())?;
        let holes = polygon.interiors().iter().filter_map(|ring| Chain::new(ring.0.clone())).collect();
        Some(Self { exterior, holes: Near::new(holes, |hole| Bounds::around(hole.rect())) })
    }

    /// True when the position lies inside or on the boundary.
    fn holds(&self, position: Coord) -> bool {
        match self.exterior.side(position) {
            Side::Outside => false,
            Side::Boundary => true,
            Side::Inside => {
                let mut on_boundary = false;
                let in_hole = self.holes.any(Bounds::between(position, position), |hole| {
                    let side = hole.side(position);
                    on_boundary = side == Side::Boundary;
                    side != Side::Outside
                });
                on_boundary || !in_hole
            }
        }
    }

    fn hole_meets(&self, edge: geo::Line) -> bool {
        self.holes.any(Bounds::between(edge.start, edge.end), |hole| hole.meets_line(edge))
    }

    fn classify(&self, bounds: Bounds, rect: &Rect) -> Relation {
        if self.exterior.meets_rect(bounds, rect)
            || self.holes.any(bounds, |hole| hole.meets_rect(bounds, rect))
        {
            Relation::Edge
        } else if self.holds(rect.min()) {
            Relation::Inside
        } else {
            Relation::Outside
        }
    }

    /// The question as geo puts it: either polygon holds a position of the other, or their rings cross. Two holes that
    /// cross need no look, for then an outer ring crosses something too.
    fn meets(&self, rings: Rings) -> bool {
        let rect = super::parts::rect_around(rings.exterior.positions());
        if !rect.is_some_and(|rect| rect.intersects(self.exterior.rect())) {
            return false;
        }
        rings.exterior.first().is_some_and(|first| self.holds(first))
            || rings.hold(self.exterior.first())
            || rings.exterior.ring_edges().any(|edge| self.exterior.meets_line(edge) || self.hole_meets(edge))
            || rings.holes().any(|hole| hole.ring_edges().any(|edge| self.exterior.meets_line(edge)))
    }
}

fn meets_path(part: Part, path: &Chain) -> bool {
    match part {
        Part::Point(position) => path.meets_position(position),
        Part::Path(run) => run.edges().any(|edge| path.meets_line(edge)),
        Part::Area(rings) => {
            rings.hold(path.first())
                || (path.as_point().is_none()
                    && (rings.exterior.ring_edges().any(|edge| path.meets_line(edge))
                        || rings.holes().any(|hole| hole.ring_edges().any(|edge| path.meets_line(edge)))))
        }
    }
}

/// As deep as collections are nested, which the parser of the question bounds.
fn take(geometry: &Geometry, areas: &mut Vec<Area>, paths: &mut Vec<Vec<Coord>>) {
    let line = |line: &LineString| line.0.clone();
    match geometry {
        Geometry::Point(point) => paths.push(vec![point.0]),
        Geometry::MultiPoint(points) => paths.extend(points.iter().map(|point| vec![point.0])),
        Geometry::Line(edge) => paths.push(vec![edge.start, edge.end]),
        Geometry::LineString(single) => paths.push(line(single)),
        Geometry::MultiLineString(lines) => paths.extend(lines.iter().map(line)),
        Geometry::Polygon(polygon) => areas.extend(Area::new(polygon)),
        Geometry::MultiPolygon(polygons) => areas.extend(polygons.iter().filter_map(Area::new)),
        Geometry::Rect(rect) => areas.extend(Area::new(&rect.to_polygon())),
        Geometry::Triangle(triangle) => areas.extend(Area::new(&triangle.to_polygon())),
        Geometry::GeometryCollection(members) => {
            members.iter().for_each(|member| take(member, areas, paths));
        }
    }
}
