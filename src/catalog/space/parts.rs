//! The parts of a geometry's record, read where they lie.
//!
//! A part is a position, a line or a polygon. Reading never trusts a count: a damaged record ends the reading with
//! nothing, and every step of it consumes words.

use geo::{Coord, Geometry, GeometryCollection, Line, LineString, MultiLineString, MultiPoint, MultiPolygon};
use geo::{Point, Polygon, Rect, coord};

use super::record::{
    COLLECTION, DOUBLES, PATH, PATHS, POINT, POINTS, POLYGON, POLYGONS, POWERS, RECTANGLE, RING,
};
use super::winding::{Side, Winding};

/// What a geometry consists of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'a> {
    /// A single position.
    Point(Coord),
    /// A line of at least two positions.
    Path(Run<'a>),
    /// A polygon.
    Area(Rings<'a>),
}

/// Positions in a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run<'a> {
    words: &'a [u32],
    digits: u32,
    /// The words are two opposite corners, the positions all four of them.
    is_rectangle: bool,
}

/// The rings of a polygon, each without its closing position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rings<'a> {
    /// The outer ring.
    pub(super) exterior: Run<'a>,
    holes: Cursor<'a>,
    hole_count: u32,
    digits: u32,
}

impl<'a> Part<'a> {
    /// All positions, of holes too.
    pub(super) fn positions(self) -> impl Iterator<Item = Coord> + 'a {
        let (point, run, holes) = match self {
            Self::Point(position) => (Some(position), None, None),
            Self::Path(run) => (None, Some(run), None),
            Self::Area(rings) => (None, Some(rings.exterior), Some(rings.holes())),
        };
        let runs = run.into_iter().chain(holes.into_iter().flatten());
        point.into_iter().chain(runs.flat_map(Run::positions))
    }

    fn is_finite(self) -> bool {
        let is_decimal = match self {
            Self::Point(_) => false,
            Self::Path(run) => run.digits != DOUBLES,
            Self::Area(rings) => rings.digits != DOUBLES,
        };
        is_decimal || self.positions().all(|p| p.x.is_finite() && p.y.is_finite())
    }

    /// The rectangle around all positions.
    pub(super) fn rect(self) -> Option<Rect> {
        rect_around(self.positions())
    }
}

impl<'a> Run<'a> {
    /// Number of positions.
    pub(super) fn len(self) -> usize {
        if self.is_rectangle { 4 } else { self.words.len() / words_of(self.digits) }
    }

    /// One of them.
    fn at(self, index: usize) -> Coord {
        if self.is_rectangle {
            let (low, high) = (self.stored(0), self.stored(1));
            let east = index == 1 || index == 2;
            return coord! { x: if east { high.x } else { low.x }, y: if index > 1 { high.y } else { low.y } };
        }
        self.stored(index)
    }

    fn stored(self, index: usize) -> Coord {
        if self.digits == DOUBLES {
            let double =
                |at: usize| f64::from_bits(u64::from(self.words[at]) | (u64::from(self.words[at + 1]) << 32));
            coord! { x: double(index * 4), y: double(index * 4 + 2) }
        } else {
            let power = POWERS[self.digits as usize];
            let decimal = |at: usize| f64::from(self.words[at].cast_signed()) / power;
            coord! { x: decimal(index * 2), y: decimal(index * 2 + 1) }
        }
    }

    /// The first, if there is any.
    pub(super) fn first(self) -> Option<Coord> {
        (self.len() > 0).then(|| self.at(0))
    }

    /// All of them.
    pub(super) fn positions(self) -> impl Iterator<Item = Coord> + 'a {
        (0..self.len()).map(move |index| self.at(index))
    }

    /// The edges of a line.
    pub(super) fn edges(self) -> impl Iterator<Item = Line> + 'a {
        let mut positions = self.positions();
        let mut last = positions.next();
        positions.filter_map(move |next| last.replace(next).map(|start| Line::new(start, next)))
    }

    /// The edges of a ring.
    pub(super) fn ring_edges(self) -> impl Iterator<Item = Line> + 'a {
        let closing = self.first().map(|first| Line::new(self.at(self.len() - 1), first));
        self.edges().chain(closing)
    }

    /// Where a position lies as to a ring.
    fn side(self, position: Coord) -> Side {
        let mut winding = Winding::around(position);
        for edge in self.ring_edges() {
            winding.add(edge);
        }
        winding.side()
    }

    fn line(self) -> LineString {
        self.positions().collect()
    }
}

impl<'a> Rings<'a> {
    /// The inner rings.
    pub(super) fn holes(self) -> impl Iterator<Item = Run<'a>> + 'a {
        let mut cursor = self.holes;
        (0..self.hole_count).map_while(move |_| cursor.counted_run(self.digits))
    }

    /// True when the position lies in the polygon or on its boundary.
    pub(super) fn hold(self, position: Coord) -> bool {
        match self.exterior.side(position) {
            Side::Outside => false,
            Side::Boundary => true,
            Side::Inside => self
                .holes()
                .map(|hole| hole.side(position))
                .find(|side| *side != Side::Outside)
                .is_none_or(|side| side == Side::Boundary),
        }
    }

    fn polygon(self) -> Polygon {
        Polygon::new(self.exterior.line(), self.holes().map(Run::line).collect())
    }
}

/// The rectangle around positions, if there are any.
pub(super) fn rect_around(positions: impl Iterator<Item = Coord>) -> Option<Rect> {
    let corners = positions.fold(None, |corners: Option<(Coord, Coord)>, p| {
        let (low, high) = corners.unwrap_or((p, p));
        Some((
            coord! { x: low.x.min(p.x), y: low.y.min(p.y) },
            coord! { x: high.x.max(p.x), y: high.y.max(p.y) },
        ))
    });
    corners.map(|(low, high)| Rect::new(low, high))
}

fn words_of(digits: u32) -> usize {
    if digits == DOUBLES { 4 } else { 2 }
}

/// What is left to read of a record.
#[derive(Debug, Clone, Copy)]
struct Cursor<'a>(&'a [u32]);

impl<'a> Cursor<'a> {
    fn word(&mut self) -> Option<u32> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// Kind, digits and count.
    fn header(&mut self) -> Option<(u32, u32, u32)> {
        let word = self.word()?;
        let digits = (word >> 4) & 15;
        let known = digits == DOUBLES || (digits as usize) < POWERS.len();
        known.then_some((word & 15, digits, word >> 8))
    }

    fn run(&mut self, count: u32, digits: u32) -> Option<Run<'a>> {
        let (words, rest) = self.0.split_at_checked((count as usize).checked_mul(words_of(digits))?)?;
        self.0 = rest;
        Some(Run { words, digits, is_rectangle: false })
    }

    fn counted_run(&mut self, digits: u32) -> Option<Run<'a>> {
        let count = self.word()?;
        self.run(count, digits)
    }

    fn rings(&mut self, count: u32, digits: u32) -> Option<Rings<'a>> {
        let hole_count = count.checked_sub(1)?;
        let exterior = self.counted_run(digits)?;
        let holes = *self;
        for _ in 0..hole_count {
            self.counted_run(digits)?;
        }
        Some(Rings { exterior, holes, hole_count, digits })
    }

    fn simple_area(&mut self, kind: u32, count: u32, digits: u32) -> Option<Rings<'a>> {
        let is_rectangle = kind == RECTANGLE;
        if is_rectangle && count != 2 {
            return None;
        }
        let exterior = Run { is_rectangle, ..self.run(count, digits)? };
        Some(Rings { exterior, holes: Cursor(&[]), hole_count: 0, digits })
    }

    /// One record, or a member of one.
    fn any(&mut self, is_member: bool, found: &mut impl FnMut(Part<'a>) -> bool) -> Option<bool> {
        let (kind, digits, count) = self.header()?;
        let mut path = |run: Run<'a>| match (run.len(), run.first()) {
            (1, Some(single)) => found(Part::Point(single)),
            (0, _) | (_, None) => false,
            _ => found(Part::Path(run)),
        };
        match kind {
            POINT | POINTS => {
                return Some(
                    self.run(count, digits)?.positions().any(|position| found(Part::Point(position))),
                );
            }
            PATH => return Some(path(self.run(count, digits)?)),
            PATHS => {
                for _ in 0..count {
                    if path(self.counted_run(digits)?) {
                        return Some(true);
                    }
                }
            }
            RECTANGLE | RING => return Some(found(Part::Area(self.simple_area(kind, count, digits)?))),
            POLYGON => return Some(found(Part::Area(self.rings(count, digits)?))),
            POLYGONS => {
                for _ in 0..count {
                    let rings = self.word()?;
                    if found(Part::Area(self.rings(rings, digits)?)) {
                        return Some(true);
                    }
                }
            }
            COLLECTION if !is_member => {
                for _ in 0..count {
                    if self.any(true, found)? {
                        return Some(true);
                    }
                }
            }
            _ => return None,
        }
        Some(false)
    }

    fn geometry(&mut self, is_member: bool) -> Option<Geometry> {
        let (kind, digits, count) = self.header()?;
        Some(match kind {
            POINT => Geometry::Point(Point(self.run(count, digits)?.first()?)),
            POINTS => {
                Geometry::MultiPoint(MultiPoint(self.run(count, digits)?.positions().map(Point).collect()))
            }
            PATH => Geometry::LineString(self.run(count, digits)?.line()),
            PATHS => {
                let lines = (0..count).map(|_| self.counted_run(digits).map(Run::line));
                Geometry::MultiLineString(MultiLineString(lines.collect::<Option<_>>()?))
            }
            RECTANGLE | RING => Geometry::Polygon(self.simple_area(kind, count, digits)?.polygon()),
            POLYGON => Geometry::Polygon(self.rings(count, digits)?.polygon()),
            POLYGONS => {
                let polygons = (0..count).map(|_| {
                    let rings = self.word()?;
                    self.rings(rings, digits).map(Rings::polygon)
                });
                Geometry::MultiPolygon(MultiPolygon(polygons.collect::<Option<_>>()?))
            }
            COLLECTION if !is_member => {
                let members = (0..count).map(|_| self.geometry(true));
                Geometry::GeometryCollection(GeometryCollection(members.collect::<Option<_>>()?))
            }
            _ => return None,
        })
    }
}

/// True when one of the parts of a record is what `found` looks for.
pub(super) fn any<'a>(record: &'a [u32], mut found: impl FnMut(Part<'a>) -> bool) -> bool {
    Cursor(record).any(false, &mut found).unwrap_or(false)
}

/// The geometry of a record; a rectangle begins in its south-western corner.
pub(super) fn read(record: &[u32]) -> Option<Geometry> {
    Cursor(record).geometry(false)
}

/// True when the words are one record and no more, with at least one position and finite coordinates only.
pub(super) fn is_sound(record: &[u32]) -> bool {
    let mut cursor = Cursor(record);
    let (mut is_finite, mut has_positions) = (true, false);
    let read = cursor.any(false, &mut |part: Part| {
        is_finite &= part.is_finite();
        has_positions |= part.positions().next().is_some();
        false
    });
    read.is_some() && cursor.0.is_empty() && is_finite && has_positions
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{Strategy, prop, prop_assert, prop_oneof, proptest};

    proptest! {
        #[test]
        fn any_words_are_read_without_harm(words in prop::collection::vec(any_word(), 0..40)) {
            let sound = is_sound(&words);
            prop_assert!(read(&words).is_some() || !sound, "what is sound can be read");
        }
    }

    fn any_word() -> impl Strategy<Value = u32> {
        prop_oneof![
            0..4u32,
            proptest::num::u32::ANY,
            (0..11u32, 0..16u32, 0..5u32).prop_map(|(k, d, n)| k | (d << 4) | (n << 8))
        ]
    }

    #[test]
    fn a_count_beyond_the_words_ends_the_reading() {
        assert!(!is_sound(&[RING | (100 << 8), 0, 0]));
        assert!(!is_sound(&[POLYGON | (3 << 8), 0]));
        assert!(!is_sound(&[COLLECTION | (1 << 8), COLLECTION]), "collections do not nest");
        assert!(!is_sound(&[]));
        assert!(!is_sound(&[POINT | (1 << 8), 0, 0, 0]), "a word too many");
    }
}
