//! On which side of a ring a position lies, by the winding number as geo counts it.

use geo::{Coord, Kernel, Line, Orientation, kernels::RobustKernel};

/// Where a position lies as to a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The ring does not go around it.
    Outside,
    /// On an edge or a vertex.
    Boundary,
    /// The ring goes around it.
    Inside,
}

/// How often edges go around a position, in whatever order they come.
#[derive(Debug)]
pub(super) struct Winding {
    position: Coord,
    turns: i32,
    on_boundary: bool,
}

impl Winding {
    /// Starts with no edges.
    pub(super) fn around(position: Coord) -> Self {
        Self { position, turns: 0, on_boundary: false }
    }

    /// Adds an edge. One that goes up has its start and not its end, one that goes down its end and not its start: a ray
    /// to the east through a vertex is crossed once.
    pub(super) fn add(&mut self, edge: Line) {
        let (start, end, p) = (edge.start, edge.end, self.position);
        let goes_up = start.y <= p.y;
        let spans = if goes_up { end.y >= p.y } else { end.y <= p.y };
        if !spans || (start.x < p.x && end.x < p.x) {
            return;
        }
        match RobustKernel::orient2d(start, end, p) {
            Orientation::Collinear if start.x.min(end.x) <= p.x && p.x <= start.x.max(end.x) => {
                self.on_boundary = true;
            }
            Orientation::CounterClockwise if goes_up && end.y != p.y => self.turns += 1,
            Orientation::Clockwise if !goes_up => self.turns -= 1,
            _ => {}
        }
    }

    /// Adds a chain of edges that all lie east of the position: only where it starts and ends counts.
    pub(super) fn add_eastern(&mut self, start: Coord, end: Coord) {
        match (start.y <= self.position.y, end.y <= self.position.y) {
            (true, false) => self.turns += 1,
            (false, true) => self.turns -= 1,
            _ => {}
        }
    }

    /// True when an edge runs through the position.
    pub(super) fn is_on_boundary(&self) -> bool {
        self.on_boundary
    }

    /// What the edges of a whole ring say.
    pub(super) fn side(&self) -> Side {
        match (self.on_boundary, self.turns) {
            (true, _) => Side::Boundary,
            (false, 0) => Side::Outside,
            (false, _) => Side::Inside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::coordinate_position::{CoordPos, coord_pos_relative_to_ring};
    use geo::{LineString, coord};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn geo_says_the_same(
            corners in prop::collection::vec((0..8i32, 0..8i32), 3..12),
            (x, y) in (0..8i32, 0..8i32),
        ) {
            let mut ring: LineString = corners.iter().map(|(x, y)| (f64::from(*x), f64::from(*y))).collect();
            ring.close();
            let position = coord! { x: f64::from(x), y: f64::from(y) };
            let mut winding = Winding::around(position);
            ring.lines().for_each(|edge| winding.add(edge));
            let expected = match coord_pos_relative_to_ring(position, &ring) {
                CoordPos::Outside => Side::Outside,
                CoordPos::OnBoundary => Side::Boundary,
                CoordPos::Inside => Side::Inside,
            };
            prop_assert_eq!(winding.side(), expected);
        }
    }
}
