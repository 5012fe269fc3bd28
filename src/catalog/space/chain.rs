//! A line or ring of the shape that is searched in, with a tree over its edges in the order they are drawn.
//!
//! Neighbouring edges lie near each other, so that their order needs no sorting and a node is a piece of the line. Of a
//! piece that lies east of a position, only the two ends decide how often it goes around the position: a position is
//! placed in O(log n) plus the pieces that its latitude and longitude cross. Preparing takes O(n).

use geo::{Coord, Intersects, Line, Rect};

use super::tree::{Node, PackedTree, Step};
use super::winding::{Side, Winding};
use super::{Bounds, parts};

/// Positions joined by edges.
#[derive(Debug)]
pub(super) struct Chain {
    positions: Vec<Coord>,
    /// A leaf for each edge.
    edges: PackedTree,
    rect: Rect,
}

impl Chain {
    /// Takes a line's or closed ring's positions; nothing comes of none. A single position has an edge to itself.
    pub(super) fn new(mut positions: Vec<Coord>) -> Option<Self> {
        let rect = parts::rect_around(positions.iter().copied())?;
        if let [single] = positions[..] {
            positions.push(single);
        }
        let edges = positions.windows(2).map(|ends| Bounds::between(ends[0], ends[1]).0).collect();
        Some(Self { edges: PackedTree::new(edges), positions, rect })
    }

    /// The first position.
    pub(super) fn first(&self) -> Coord {
        self.positions[0]
    }

    /// The exact rectangle around it.
    pub(super) fn rect(&self) -> &Rect {
        &self.rect
    }

    /// The position that this is, if it has no length.
    pub(super) fn as_point(&self) -> Option<Coord> {
        let [a, b] = self.positions[..] else { return None };
        (a == b).then_some(a)
    }

    fn edge(&self, index: u32) -> Line {
        Line::new(self.positions[index as usize], self.positions[index as usize + 1])
    }

    /// True when an edge near the rectangle passes the test.
    fn any_near(&self, near: Bounds, test: impl Fn(Line) -> bool) -> bool {
        self.edges.walk(|Node { bounds, leaves: edges, .. }| {
            if !bounds.meets(near) {
                Step::Skip
            } else if edges.len() > 1 {
                Step::Descend
            } else if test(self.edge(edges.start)) {
                Step::Stop
            } else {
                Step::Skip
            }
        })
    }

    /// True when an edge shares a point with the line.
    pub(super) fn meets_line(&self, line: Line) -> bool {
        self.any_near(Bounds::between(line.start, line.end), |edge| edge.intersects(&line))
    }

    /// True when an edge runs through the position.
    pub(super) fn meets_position(&self, position: Coord) -> bool {
        self.any_near(Bounds::between(position, position), |edge| edge.intersects(&position))
    }

    /// True when an edge shares a point with the rectangle, its inside included.
    pub(super) fn meets_rect(&self, near: Bounds, rect: &Rect) -> bool {
        self.edges.walk(|Node { bounds, leaves: edges, .. }| {
            if !bounds.meets(near) {
                Step::Skip
            } else if bounds.lies_in(rect) {
                Step::Stop
            } else if edges.len() > 1 {
                Step::Descend
            } else if rect.intersects(&self.edge(edges.start)) {
                Step::Stop
            } else {
                Step::Skip
            }
        })
    }

    /// Where a position lies as to this ring.
    pub(super) fn side(&self, position: Coord) -> Side {
        let mut winding = Winding::around(position);
        self.edges.walk(|Node { bounds, leaves: edges, .. }| {
            let [west, south, east, north] = bounds.0.map(f64::from);
            if position.y < south || north < position.y || east < position.x {
                Step::Skip
            } else if position.x < west {
                let end = self.positions[edges.end as usize];
                winding.add_eastern(self.positions[edges.start as usize], end);
                Step::Skip
            } else if edges.len() > 1 {
                Step::Descend
            } else {
                winding.add(self.edge(edges.start));
                if winding.is_on_boundary() { Step::Stop } else { Step::Skip }
            }
        });
        winding.side()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::coordinate_position::{CoordPos, coord_pos_relative_to_ring};
    use geo::{LineString, coord};
    use proptest::prelude::*;

    fn places() -> impl Strategy<Value = Vec<Coord>> {
        let place = (0..40i32, 0..40i32).prop_map(|(x, y)| coord! { x: f64::from(x), y: f64::from(y) });
        prop::collection::vec(place, 3..120)
    }

    proptest! {
        #[test]
        fn a_chain_answers_as_a_scan_of_its_edges(
            mut positions in places(),
            (x, y, dx, dy) in (0..40i32, 0..40i32, 0..6i32, 0..6i32),
        ) {
            positions.push(positions[0]);
            let line = LineString(positions.clone());
            let chain = Chain::new(positions).expect("positions");
            let here = coord! { x: f64::from(x), y: f64::from(y) };
            let there = coord! { x: f64::from(x + dx), y: f64::from(y + dy) };
            let rect = Rect::new(here, there);
            let edge = Line::new(here, there);
            prop_assert_eq!(chain.meets_rect(Bounds::around(&rect), &rect), line.intersects(&rect));
            prop_assert_eq!(chain.meets_line(edge), line.intersects(&edge));
            prop_assert_eq!(chain.meets_position(here), line.intersects(&here));
            let side = match coord_pos_relative_to_ring(here, &line) {
                CoordPos::Outside => Side::Outside,
                CoordPos::OnBoundary => Side::Boundary,
                CoordPos::Inside => Side::Inside,
            };
            prop_assert_eq!(chain.side(here), side);
        }
    }

    #[test]
    fn a_single_position_is_a_chain() {
        let here = coord! { x: 1.0, y: 2.0 };
        let chain = Chain::new(vec![here]).expect("a position");
        assert_eq!(chain.as_point(), Some(here));
        assert!(chain.meets_position(here));
        assert!(chain.meets_line(Line::new(coord! { x: 0.0, y: 2.0 }, coord! { x: 2.0, y: 2.0 })));
        assert!(Chain::new(Vec::new()).is_none());
    }
}
