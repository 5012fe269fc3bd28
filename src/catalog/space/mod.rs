//! Where the Items of a catalogue lie, and which of them a place meets.
//!
//! In: each Item's geometry and box, as a [`SpaceBuilder`] takes them, and the order of the rows. Out: a [`Space`], which
//! answers a [`Region`] with [`Hits`]: ranges of footprints that meet it for certain, and single ones that have to be
//! tested with [`Space::meets`]. The test is that of geo's `Intersects`: touching counts.
//!
//! * Equal footprints are kept once. Most satellites image the same tiles again and again.
//! * Footprints are numbered along Hilbert's curve, as leaves of one packed R-tree; the rows of each, ascending, follow
//!   those of the one before. A node is a range of footprints and a range of rows: where its rectangle lies inside the
//!   region nothing below it is looked at, and a count is a difference of two offsets. Where its rectangle does not tell,
//!   its [`cells`] mostly do: footprints of a tile and orbit differ little, and are told all at once.
//! * Footprints on both sides of the antimeridian have several rectangles. They are numbered last, found by a small tree
//!   of their own, and always tested.
//!
//! Cost: building sorts the distinct footprints, O(n log n), and while it copies their geometry that is in memory twice. A
//! question costs O(log n) plus the nodes and footprints along the region's edge. A row takes 8 bytes; a distinct footprint
//! 25 and its record ([`record`]). Where all Items share one footprint there is one list of rows, found and counted in
//! O(1); where none do, every row has a rectangle and a record of its own, and counting still skips what lies inside.

mod antimeridian;
mod bounds;
mod build;
mod cells;
mod chain;
mod file;
mod hilbert;
mod parts;
mod record;
mod region;
mod shape;
#[cfg(test)]
mod tests;
mod tree;
mod winding;

use std::ops::Range;

use geo::{Geometry, GeometryCollection, Rect};

use cells::Cells;
use tree::{Node, PackedTree, Step};

pub(crate) use bounds::Bounds;
pub(crate) use build::SpaceBuilder;
pub(crate) use region::{Region, Relation};

/// Stands for the footprint of an Item without geometry.
pub(crate) const NO_FOOTPRINT: u32 = u32::MAX;

/// Why footprints cannot be kept or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpaceError {
    /// A line, ring or list that no record has room for.
    #[error("a geometry has a part of {count} positions or members; up to {limit} can be kept")]
    TooManyPositions {
        /// How many there are.
        count: usize,
        /// The largest number.
        limit: usize,
    },
    /// The records are numbered with 32 bits.
    #[error("the geometries of all items together take up to {limit_bytes} bytes")]
    TooLarge {
        /// The largest sum.
        limit_bytes: u64,
    },
    /// Bytes that do not begin as they should.
    #[error("the bytes are no spatial index of this version and byte order")]
    NotASpace,
    /// Too few bytes or too many.
    #[error("the spatial index should have {expected} bytes, not {found}")]
    Length {
        /// What its head says.
        expected: u64,
        /// What there is.
        found: u64,
    },
    /// Bytes that cannot be.
    #[error("the spatial index is damaged: {part} should be {expected}")]
    Damaged {
        /// Where.
        part: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
}

/// The footprints of a catalogue and the rows that have them.
#[derive(Debug)]
pub(crate) struct Space {
    /// The footprint of each row.
    of_row: Vec<u32>,
    /// Rows by footprint, ascending in each.
    postings: Vec<u32>,
    /// Where the rows of each footprint start, and the end.
    posting_starts: Vec<u32>,
    records: Records,
    /// A leaf for each footprint of one rectangle.
    tree: PackedTree,
    /// Of each node of `tree` above the leaves.
    cells: Vec<Cells>,
    /// A leaf for each rectangle of the other footprints.
    wide: PackedTree,
    /// Of each leaf of `wide`, the footprint.
    wide_of: Vec<u32>,
}

/// Geometries one after the other.
#[derive(Debug)]
struct Records {
    words: Vec<u32>,
    /// Where each starts, and the end.
    starts: Vec<u32>,
}

/// What a region may meet.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Hits {
    /// Footprints that meet the region for certain: ascending, apart from each other.
    pub(crate) inside: Vec<Range<u32>>,
    /// Footprints that have to be tested with [`Space::meets`], ascending.
    pub(crate) edge: Vec<u32>,
}

/// Bytes in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpaceBytes {
    /// Rectangles of footprints and nodes.
    pub(crate) tree: usize,
    /// Footprints of rows and rows of footprints.
    pub(crate) postings: usize,
    /// Records and where they start.
    pub(crate) geometry: usize,
}

impl Space {
    /// Number of distinct footprints.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Number of rows, those without a footprint too.
    pub(crate) fn row_count(&self) -> usize {
        self.of_row.len()
    }

    /// The footprint of a row, if it has one.
    pub(crate) fn footprint_of(&self, row: u32) -> Option<u32> {
        Some(self.of_row[row as usize]).filter(|footprint| *footprint != NO_FOOTPRINT)
    }

    /// The rows that have the footprint, ascending.
    pub(crate) fn rows_of(&self, footprint: u32) -> &[u32] {
        self.rows_of_all(footprint..footprint + 1)
    }

    /// The rows that have one of the footprints: footprint by footprint, ascending in each.
    pub(crate) fn rows_of_all(&self, footprints: Range<u32>) -> &[u32] {
        let start = |footprint: u32| self.posting_starts[footprint as usize] as usize;
        &self.postings[start(footprints.start)..start(footprints.end)]
    }

    /// How many rows have one of the footprints, in O(1).
    pub(crate) fn rows_in(&self, footprints: Range<u32>) -> usize {
        self.rows_of_all(footprints).len()
    }

    /// What the footprint covers on the plane of longitude and latitude, as the tests take it: two copies of a footprint
    /// that is drawn past the antimeridian, and a plain rectangle from its south-western corner.
    pub(crate) fn geometry(&self, footprint: u32) -> Geometry {
        let nothing = || Geometry::GeometryCollection(GeometryCollection::default());
        parts::read(self.records.get(footprint)).unwrap_or_else(nothing)
    }

    /// The rectangles that the footprint is found by: one, or several across the antimeridian.
    #[cfg(test)]
    pub(crate) fn bounds(&self, footprint: u32) -> Vec<Bounds> {
        match self.tree.leaves().get(footprint as usize) {
            Some(leaf) => vec![Bounds(*leaf)],
            None => build::wide_rects(self.records.get(footprint)).iter().map(Bounds::around).collect(),
        }
    }

    /// As [`Space::bounds`], in full precision.
    pub(crate) fn rects(&self, footprint: u32) -> Vec<Rect> {
        let record = self.records.get(footprint);
        if self.tree.leaves().get(footprint as usize).is_some() {
            build::whole_rect(record).into_iter().collect()
        } else {
            build::wide_rects(record)
        }
    }

    /// What may meet the region.
    pub(crate) fn hits(&self, region: &Region) -> Hits {
        let mut hits = Hits::default();
        let leaves = self.tree.len();
        self.tree.walk(|Node { bounds, leaves: footprints, number }| {
            let mut relation = region.classify(bounds);
            let inner = number.checked_sub(leaves).and_then(|inner| self.cells.get(inner as usize));
            if let (Relation::Edge, Some(cells)) = (relation, inner) {
                relation = region.classify_by(*cells, bounds);
            }
            match relation {
                Relation::Outside => Step::Skip,
                Relation::Inside => {
                    hits.add_inside(footprints);
                    Step::Skip
                }
                Relation::Edge if inner.is_some() => Step::Descend,
                Relation::Edge => {
                    hits.edge.push(footprints.start);
                    Step::Skip
                }
            }
        });
        let first_wide = hits.edge.len();
        self.wide.walk(|Node { bounds, leaves: rects, .. }| match region.classify(bounds) {
            Relation::Outside => Step::Skip,
            Relation::Edge if rects.len() > 1 => Step::Descend,
            _ => {
                let range = rects.start as usize..rects.end as usize;
                hits.edge.extend_from_slice(&self.wide_of[range]);
                Step::Skip
            }
        });
        hits.edge[first_wide..].sort_unstable();
        hits.edge.dedup();
        hits
    }

    /// True when the footprint has a point in common with the region.
    pub(crate) fn meets(&self, footprint: u32, region: &Region) -> bool {
        parts::any(self.records.get(footprint), |part| region.meets(part))
    }

    /// How many rows meet the region, exactly.
    #[cfg(test)]
    pub(crate) fn count(&self, region: &Region) -> usize {
        let hits = self.hits(region);
        let inside: usize = hits.inside.into_iter().map(|footprints| self.rows_in(footprints)).sum();
        let edge = hits.edge.into_iter().filter(|footprint| self.meets(*footprint, region));
        inside + edge.map(|footprint| self.rows_in(footprint..footprint + 1)).sum::<usize>()
    }

    /// Hands a footprint on to the builder of another snapshot, without reading its geometry.
    ///
    /// # Errors
    /// When the builder is full.
    pub(crate) fn add_from(&self, footprint: u32, builder: &mut SpaceBuilder) -> Result<u32, SpaceError> {
        builder.add_record(self.records.get(footprint))
    }

    /// What it takes in memory.
    pub(crate) fn bytes(&self) -> SpaceBytes {
        let postings = [&self.of_row, &self.postings, &self.posting_starts];
        let geometry = [&self.records.words, &self.records.starts];
        SpaceBytes {
            tree: self.tree.bytes()
                + self.wide.bytes()
                + size_of_val(self.cells.as_slice())
                + size_of_val(self.wide_of.as_slice()),
            postings: postings.iter().map(|words| size_of_val(words.as_slice())).sum(),
            geometry: geometry.iter().map(|words| size_of_val(words.as_slice())).sum(),
        }
    }

    /// Puts the parts together; `of_row` names footprints that `records` has, or none.
    fn assemble(
        of_row: Vec<u32>,
        records: Records,
        rects: Vec<[f32; 4]>,
        (wide_rects, wide_of): (Vec<[f32; 4]>, Vec<u32>),
    ) -> Self {
        let mut posting_starts = vec![0u32; records.len() + 1];
        for footprint in of_row.iter().filter(|footprint| **footprint != NO_FOOTPRINT) {
            posting_starts[*footprint as usize + 1] += 1;
        }
        let mut sum = 0;
        for start in &mut posting_starts {
            sum += *start;
            *start = sum;
        }
        // Each start moves to its end, which is the next one's start, and back.
        let mut postings = vec![0u32; sum as usize];
        for (row, footprint) in (0u32..).zip(&of_row) {
            if *footprint != NO_FOOTPRINT {
                let next = &mut posting_starts[*footprint as usize];
                postings[*next as usize] = row;
                *next += 1;
            }
        }
        posting_starts.rotate_right(1);
        posting_starts[0] = 0;
        let (tree, wide) = (PackedTree::new(rects), PackedTree::new(wide_rects));
        let cells = Cells::of_tree(&tree, &records);
        Self { of_row, postings, posting_starts, records, tree, cells, wide, wide_of }
    }
}

impl Default for Space {
    fn default() -> Self {
        Self::assemble(Vec::new(), Records::default(), Vec::new(), Default::default())
    }
}

impl Default for Records {
    fn default() -> Self {
        Self { words: Vec::new(), starts: vec![0] }
    }
}

impl Hits {
    fn add_inside(&mut self, footprints: Range<u32>) {
        match self.inside.last_mut() {
            Some(last) if last.end == footprints.start => last.end = footprints.end,
            _ => self.inside.push(footprints),
        }
    }
}

impl Records {
    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn get(&self, number: u32) -> &[u32] {
        let at = number as usize;
        &self.words[self.starts[at] as usize..self.starts[at + 1] as usize]
    }
}

/// Wider than half the globe: one rectangle around several parts would be found in places between them.
fn is_wide(rect: &Rect) -> bool {
    rect.width() > 180.0
}

/// Rows and footprints are numbered with 32 bits: four billion Items are more than a machine's memory holds.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
