//! What all footprints below a node of the tree have in common, as bits of an 8 × 8 grid.
//!
//! Items of one tile and orbit have footprints that differ by a few metres, each with a record of its own. The grid lies
//! over the node's rectangle and says of each cell whether it lies in every footprint and whether some footprint meets it,
//! so that a small place is mostly told inside or outside of hundreds of them at once. Both are said with care: where
//! rounding could matter a cell is not in all, and is met. A node takes 16 bytes, a footprint a sixteenth of that;
//! rasterising one costs about half a microsecond.

use geo::{Coord, Line, Rect, coord};
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use super::parts::{self, Part, Run};
use super::tree::{NODE, PackedTree};
use super::{Bounds, Records, Relation, count};

/// Cells along a side.
const SIDE: usize = 8;

/// As a length.
const SIDE_LENGTH: f64 = 8.0;

/// Where each row or column begins, in cells.
const STARTS: [f64; SIDE] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];

/// Cells are taken to reach this much further than they do, and edges twice as far, so that an edge meets each cell that
/// anything near it does; in cells. Rounding moves a position by less than a hundredth of it.
const SLACK: f64 = 1e-6;

/// A node that is smaller than this has no cells: they would be no larger than rounding; in degrees.
const SMALLEST: f64 = 1e-4;

/// The cells of a node, those of the southern row in the lowest bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cells {
    /// Lie in every footprint below the node.
    in_all: u64,
    /// Are met by a footprint below the node.
    met: u64,
}

/// A rectangle with its cells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    west: f64,
    south: f64,
    /// Size of a cell in degrees.
    width: f64,
    height: f64,
}

impl Grid {
    /// The grid over a rectangle, if that is large enough.
    pub(super) fn over(bounds: Bounds) -> Option<Self> {
        let rect = bounds.rect();
        let (width, height) = (rect.width(), rect.height());
        (width >= SMALLEST && height >= SMALLEST).then(|| Self {
            west: rect.min().x,
            south: rect.min().y,
            width: width / SIDE_LENGTH,
            height: height / SIDE_LENGTH,
        })
    }

    /// A position in cells.
    fn place(&self, position: Coord) -> Coord {
        coord! { x: (position.x - self.west) / self.width, y: (position.y - self.south) / self.height }
    }

    /// The cells that a rectangle touches.
    pub(super) fn touched(&self, rect: &Rect) -> u64 {
        let (low, high) = (self.place(rect.min()), self.place(rect.max()));
        across(low.x, high.x) * column_of_ones(low.y, high.y)
    }

    /// The cells that an edge touches.
    fn crossed(&self, edge: Line) -> u64 {
        let (mut a, mut b) = (self.place(edge.start), self.place(edge.end));
        if a.y > b.y {
            std::mem::swap(&mut a, &mut b);
        }
        let rows = rows_between(a.y - SLACK, b.y + SLACK);
        let slope = if b.y > a.y { (b.x - a.x) / (b.y - a.y) } else { 0.0 };
        let mut cells = 0;
        for row in rows {
            // Where the edge enters and leaves the row.
            let (low, high) =
                ((STARTS[row] - 2.0 * SLACK).max(a.y), (STARTS[row] + 1.0 + 2.0 * SLACK).min(b.y));
            let (from, to) = if b.y > a.y && b.y - a.y > SLACK {
                (a.x + (low - a.y) * slope, a.x + (high - a.y) * slope)
            } else {
                (a.x, b.x)
            };
            let (least, most) = (a.x.min(b.x), a.x.max(b.x));
            let (from, to) = (from.min(to).max(least), from.max(to).min(most));
            cells |= across(from - SLACK, to + SLACK) << (row * SIDE);
        }
        cells
    }

    /// The cells whose middle a ring goes around.
    fn enclosed(&self, ring: Run) -> u64 {
        let mut turns = [[0i32; SIDE]; SIDE];
        for edge in ring.ring_edges() {
            let (a, b) = (self.place(edge.start), self.place(edge.end));
            for (start, turns) in STARTS.iter().zip(&mut turns) {
                let middle = start + 0.5;
                if (a.y <= middle) == (b.y <= middle) {
                    continue;
                }
                let x = a.x + (middle - a.y) * (b.x - a.x) / (b.y - a.y);
                let turn = if a.y <= middle { 1 } else { -1 };
                for (start, turns) in STARTS.iter().zip(turns) {
                    let is_west = start + 0.5 < x;
                    *turns += if is_west { turn } else { 0 };
                }
            }
        }
        let bit = |(at, turns): (usize, &i32)| u64::from(*turns != 0) << at;
        turns.as_flattened().iter().enumerate().map(bit).sum()
    }

    /// The cells of one footprint.
    fn of_footprint(&self, record: &[u32]) -> Cells {
        let mut cells = Cells { in_all: 0, met: 0 };
        let crossed = |run: Run| run.ring_edges().fold(0, |cells, edge| cells | self.crossed(edge));
        parts::any(record, |part| {
            match part {
                Part::Point(position) => cells.met |= self.touched(&Rect::new(position, position)),
                Part::Path(run) => cells.met |= crossed(run),
                Part::Area(rings) => {
                    let outline = crossed(rings.exterior);
                    let enclosed = self.enclosed(rings.exterior);
                    let holes =
                        rings.holes().fold(0, |cells, hole| cells | crossed(hole) | self.enclosed(hole));
                    cells.met |= outline | enclosed;
                    cells.in_all |= enclosed & !outline & !holes;
                }
            }
            false
        });
        cells
    }
}

impl Cells {
    /// Of a node of which nothing is known.
    const UNKNOWN: Self = Self { in_all: 0, met: u64::MAX };

    /// Of all nodes of a tree above its leaves, which are the first of the records; level by level.
    pub(super) fn of_tree(tree: &PackedTree, records: &Records) -> Vec<Self> {
        let width = NODE as usize;
        let mut levels =
            tree.levels().map(|level| level.iter().map(|node| Bounds(*node)).collect::<Vec<_>>());
        let Some(leaves) = levels.next() else { return Vec::new() };
        let mut all: Vec<Self> = Vec::new();
        let mut below: Option<(Vec<Bounds>, Vec<Self>)> = None;
        for level in levels {
            let node = |(at, bounds): (usize, &Bounds)| {
                let first = at * width;
                match &below {
                    None => {
                        let last = leaves.len().min(first + width);
                        Self::of_footprints(*bounds, (first..last).map(|leaf| records.get(count(leaf))))
                    }
                    Some((bounds_below, cells)) => {
                        let children = first..bounds_below.len().min(first + width);
                        Self::of_nodes(*bounds, children.map(|child| (bounds_below[child], cells[child])))
                    }
                }
            };
            let cells: Vec<Self> = level.par_iter().enumerate().map(node).collect();
            all.extend_from_slice(&cells);
            below = Some((level, cells));
        }
        all
    }

    /// Of a node with these footprints below it.
    fn of_footprints<'a>(bounds: Bounds, records: impl Iterator<Item = &'a [u32]>) -> Self {
        let Some(grid) = Grid::over(bounds) else { return Self::UNKNOWN };
        let none = Self { in_all: u64::MAX, met: 0 };
        records
            .map(|record| grid.of_footprint(record))
            .fold(none, |all, own| Self { in_all: all.in_all & own.in_all, met: all.met | own.met })
    }

    /// Of a node with these nodes below it.
    fn of_nodes(bounds: Bounds, nodes: impl Iterator<Item = (Bounds, Self)>) -> Self {
        let Some(grid) = Grid::over(bounds) else { return Self::UNKNOWN };
        let mut all = Self { in_all: u64::MAX, met: 0 };
        for (bounds, cells) in nodes {
            let own = cells.seen_from(bounds, &grid);
            all = Self { in_all: all.in_all & own.in_all, met: all.met | own.met };
        }
        all
    }

    /// The same footprints in the cells of a grid over more than these.
    fn seen_from(self, bounds: Bounds, larger: &Grid) -> Self {
        let Some(grid) = Grid::over(bounds) else {
            return Self { in_all: 0, met: larger.touched(&bounds.rect()) };
        };
        let span = |from: f64, size: f64, at: usize, own: f64, own_size: f64| {
            let low = (from + size * STARTS[at] - own) / own_size;
            let (slack, high) = (2.0 * SLACK * size / own_size, low + size / own_size);
            let (low, high) = (low - slack, high + slack);
            // All of the larger cell lies in the smaller grid.
            (low, high, low >= 0.0 && high <= SIDE_LENGTH)
        };
        let mut seen = Self { in_all: 0, met: 0 };
        for row in 0..SIDE {
            let (low, high, has_rows) = span(larger.south, larger.height, row, grid.south, grid.height);
            let rows = column_of_ones(low, high);
            for column in 0..SIDE {
                let (west, east, has_columns) =
                    span(larger.west, larger.width, column, grid.west, grid.width);
                let below = across(west, east) * rows;
                let bit = 1 << (row * SIDE + column);
                if below & self.met != 0 {
                    seen.met |= bit;
                }
                if has_rows && has_columns && below & !self.in_all == 0 {
                    seen.in_all |= bit;
                }
            }
        }
        seen
    }

    /// What is known of all footprints and a place that touches no cells but `touched`, and has a point in each of `held` or
    /// next to it.
    pub(super) fn relation(self, held: u64, touched: u64) -> Relation {
        if self.in_all & held != 0 {
            Relation::Inside
        } else if self.met & touched == 0 {
            Relation::Outside
        } else {
            Relation::Edge
        }
    }
}

/// The rows that a span touches; none when it lies outside.
fn rows_between(low: f64, high: f64) -> std::ops::Range<usize> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 8")]
    let at = |value: f64| value.clamp(0.0, SIDE_LENGTH) as usize;
    let (first, end) = (at((low - SLACK).floor()), at((high + SLACK).floor() + 1.0));
    first..end.max(first)
}

/// Of the cells of the southern row, those that a span touches.
fn across(west: f64, east: f64) -> u64 {
    let columns = rows_between(west, east);
    (1 << columns.end) - (1 << columns.start)
}

/// The western cells of the rows that a span touches.
fn column_of_ones(south: f64, north: f64) -> u64 {
    let rows = rows_between(south, north);
    let below = |row: usize| if row == SIDE { u64::MAX } else { (1 << (row * SIDE)) - 1 };
    0x0101_0101_0101_0101 & below(rows.end) & !below(rows.start)
}
