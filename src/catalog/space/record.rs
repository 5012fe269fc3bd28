//! A geometry as a record of 32-bit words.
//!
//! A record starts with one word: kind (4 bits), decimal digits (4 bits) and a count (24 bits). Coordinates follow as
//! 32-bit integers, scaled by the least power of ten that gives back every one of them bit by bit, or else as doubles of
//! two words. Rings go without their closing position, lines and rings of a multiple geometry have their count before
//! them. Equal records are equal geometries. A polygon of five positions takes 36 bytes with up to seven decimals, 68
//! with more.

use geo::{Coord, CoordsIter, Geometry, LineString, Polygon, Rect};

use super::SpaceError;

pub(super) const POINT: u32 = 1;
pub(super) const POINTS: u32 = 2;
pub(super) const PATH: u32 = 3;
pub(super) const PATHS: u32 = 4;
/// Two corners of a polygon that is a plain rectangle.
pub(super) const RECTANGLE: u32 = 5;
/// A polygon without holes.
pub(super) const RING: u32 = 6;
pub(super) const POLYGON: u32 = 7;
pub(super) const POLYGONS: u32 = 8;
/// Its members are records of the other kinds: collections in it are unfolded.
pub(super) const COLLECTION: u32 = 9;

/// Stands for doubles where the number of decimal digits would be.
pub(super) const DOUBLES: u32 = 15;

/// What a scaled coordinate is divided by. More than seven digits leave no room for 180 degrees.
pub(super) const POWERS: [f64; 8] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7];

/// Appends the record of a geometry.
///
/// # Errors
/// When a part of it has more positions than a record can count.
pub(super) fn write(geometry: &Geometry, words: &mut Vec<u32>) -> Result<(), SpaceError> {
    match geometry {
        Geometry::GeometryCollection(_) => {
            let at = words.len();
            words.push(0);
            let count = write_members(geometry, words)?;
            words[at] = header(COLLECTION, 0, count)?;
            Ok(())
        }
        single => write_single(single, words),
    }
}

/// As deep as the collections are nested, which the parser of the document bounds.
fn write_members(geometry: &Geometry, words: &mut Vec<u32>) -> Result<usize, SpaceError> {
    let Geometry::GeometryCollection(collection) = geometry else {
        return write_single(geometry, words).map(|()| 1);
    };
    collection.iter().try_fold(0, |count, member| Ok(count + write_members(member, words)?))
}

fn write_single(geometry: &Geometry, words: &mut Vec<u32>) -> Result<(), SpaceError> {
    let mut record = Record { digits: digits_of(geometry), words };
    match geometry {
        Geometry::Point(point) => record.run(POINT, &[point.0]),
        Geometry::MultiPoint(points) => {
            record.start(POINTS, points.0.len())?;
            points.iter().for_each(|point| record.position(point.0));
            Ok(())
        }
        Geometry::Line(line) => record.run(PATH, &[line.start, line.end]),
        Geometry::LineString(line) => record.run(PATH, &line.0),
        Geometry::MultiLineString(lines) => {
            record.start(PATHS, lines.0.len())?;
            lines.iter().try_for_each(|line| record.counted(&line.0))
        }
        Geometry::Polygon(polygon) => record.polygon(polygon),
        Geometry::Rect(rect) => record.polygon(&rect.to_polygon()),
        Geometry::Triangle(triangle) => record.polygon(&triangle.to_polygon()),
        Geometry::MultiPolygon(polygons) => {
            record.start(POLYGONS, polygons.0.len())?;
            for polygon in polygons {
                record.words.push(counted(polygon.interiors().len() + 1)?);
                record.rings(polygon)?;
            }
            Ok(())
        }
        Geometry::GeometryCollection(_) => write(geometry, record.words),
    }
}

struct Record<'a> {
    digits: u32,
    words: &'a mut Vec<u32>,
}

impl Record<'_> {
    fn start(&mut self, kind: u32, count: usize) -> Result<(), SpaceError> {
        self.words.push(header(kind, self.digits, count)?);
        Ok(())
    }

    fn run(&mut self, kind: u32, positions: &[Coord]) -> Result<(), SpaceError> {
        self.start(kind, positions.len())?;
        self.positions(positions);
        Ok(())
    }

    fn counted(&mut self, positions: &[Coord]) -> Result<(), SpaceError> {
        self.words.push(counted(positions.len())?);
        self.positions(positions);
        Ok(())
    }

    fn polygon(&mut self, polygon: &Polygon) -> Result<(), SpaceError> {
        if let Some(rect) = as_rect(polygon) {
            self.run(RECTANGLE, &[rect.min(), rect.max()])
        } else if polygon.interiors().is_empty() {
            self.run(RING, open(polygon.exterior()))
        } else {
            self.start(POLYGON, polygon.interiors().len() + 1)?;
            self.rings(polygon)
        }
    }

    fn rings(&mut self, polygon: &Polygon) -> Result<(), SpaceError> {
        self.counted(open(polygon.exterior()))?;
        polygon.interiors().iter().try_for_each(|ring| self.counted(open(ring)))
    }

    fn positions(&mut self, positions: &[Coord]) {
        for position in positions {
            self.position(*position);
        }
    }

    fn position(&mut self, position: Coord) {
        for value in [position.x, position.y] {
            if self.digits == DOUBLES {
                // Adding zero makes the negative zero a plain one.
                let bits = (value + 0.0).to_bits();
                self.words.extend([low_word(bits), low_word(bits >> 32)]);
            } else {
                self.words.push(scaled(value, self.digits).unwrap_or_default().cast_unsigned());
            }
        }
    }
}

/// The positions of a ring without the one that closes it.
fn open(ring: &LineString) -> &[Coord] {
    match ring.0.as_slice() {
        [first, between @ .., last] if first == last => &ring.0[..=between.len()],
        all => all,
    }
}

/// The rectangle that a polygon is, however it is drawn.
fn as_rect(polygon: &Polygon) -> Option<Rect> {
    let [a, b, c, d, _] = polygon.exterior().0[..] else { return None };
    let upright = a.x == b.x && b.y == c.y && c.x == d.x && d.y == a.y;
    let lying = a.y == b.y && b.x == c.x && c.y == d.y && d.x == a.x;
    let is_rect = (upright || lying) && a.x != c.x && a.y != c.y && polygon.interiors().is_empty();
    is_rect.then(|| Rect::new(a, c))
}

/// The least number of decimal digits that tells every coordinate exactly. Digits that suffice for a coordinate do so
/// with a zero appended, if there is room for it: one pass is enough, and a look at the largest.
fn digits_of(geometry: &Geometry) -> u32 {
    let (mut digits, mut largest) = (0, 0f64);
    for position in geometry.coords_iter() {
        for value in [position.x, position.y] {
            largest = largest.max(value.abs());
            while scaled(value, digits).is_none() {
                digits += 1;
                if digits as usize == POWERS.len() {
                    return DOUBLES;
                }
            }
        }
    }
    let has_room = largest * POWERS[digits as usize] < f64::from(i32::MAX);
    if has_room { digits } else { DOUBLES }
}

/// The integer that gives back the value when it is divided by the power of ten.
#[expect(
    clippy::cast_possible_truncation,
    reason = "an integer that does not give back the value is not taken"
)]
fn scaled(value: f64, digits: u32) -> Option<i32> {
    let power = POWERS[digits as usize];
    let whole = (value * power + 0.5f64.copysign(value)) as i32;
    (f64::from(whole) / power == value).then_some(whole)
}

#[expect(clippy::cast_possible_truncation, reason = "the high word follows")]
fn low_word(bits: u64) -> u32 {
    bits as u32
}

fn header(kind: u32, digits: u32, count: usize) -> Result<u32, SpaceError> {
    Ok(kind | (digits << 4) | (counted(count)? << 8))
}

fn counted(count: usize) -> Result<u32, SpaceError> {
    u32::try_from(count)
        .ok()
        .filter(|count| *count < 1 << 24)
        .ok_or(SpaceError::TooManyPositions { count, limit: (1 << 24) - 1 })
}

#[cfg(test)]
mod tests {
    use super::super::parts;
    use super::*;
    use geo::{Point, line_string, polygon, wkt};
    use proptest::prelude::*;

    fn record(geometry: &Geometry) -> Vec<u32> {
        let mut words = Vec::new();
        write(geometry, &mut words).expect("a small geometry");
        assert!(parts::is_sound(&words), "{geometry:?}");
        words
    }

    proptest! {
        #[test]
        fn coordinates_come_back_bit_by_bit(
            places in prop::collection::vec((-360.0..360.0f64, -90.0..90.0f64), 2..9),
            digits in 0..12i32,
        ) {
            let power = 10f64.powi(digits);
            let line: LineString = places.iter().map(|(x, y)| ((x * power).round() / power, (y * power).round() / power)).collect();
            let geometry = Geometry::LineString(line);
            prop_assert_eq!(parts::read(&record(&geometry)), Some(geometry));
        }
    }

    #[test]
    fn every_kind_comes_back() {
        let drawings: [Geometry; 8] = [
            wkt!(POINT(1.5 2.0)).into(),
            wkt!(MULTIPOINT(1.0 2.0,3.0 4.25)).into(),
            wkt!(LINESTRING(1.0 2.0,3.0 4.0)).into(),
            wkt!(MULTILINESTRING((1.0 2.0,3.0 4.0),(5.0 6.0,7.0 8.0,9.0 1.0))).into(),
            wkt!(POLYGON((0.0 0.0,4.0 0.0,4.0 4.0,0.1 4.0,0.0 0.0),(1.0 1.0,2.0 1.0,2.0 2.0,1.0 1.0))).into(),
            wkt!(POLYGON((0.0 0.0,4.0 0.0,4.0 4.0,0.123_456_789 4.0,0.0 0.0))).into(),
            wkt!(MULTIPOLYGON(((0.0 0.0,4.0 0.0,4.0 4.0,0.0 0.0)),((5.0 5.0,6.0 5.0,6.0 6.0,5.0 5.0))))
                .into(),
            Geometry::GeometryCollection(
                wkt!(GEOMETRYCOLLECTION(POINT(1.0 2.0),LINESTRING(1.0 2.0,3.0 4.0))),
            ),
        ];
        for drawing in drawings {
            assert_eq!(parts::read(&record(&drawing)), Some(drawing));
        }
    }

    #[test]
    fn collections_in_collections_are_unfolded() {
        let inner = Geometry::GeometryCollection(vec![Geometry::Point(Point::new(1.0, 2.0))].into());
        let outer = Geometry::GeometryCollection(vec![inner.clone()].into());
        assert_eq!(record(&outer), record(&inner));
    }

    #[test]
    fn a_rectangle_is_the_same_however_it_is_drawn() {
        let one: Geometry = wkt!(POLYGON((0.0 0.0,4.0 0.0,4.0 3.0,0.0 3.0,0.0 0.0))).into();
        let other: Geometry = wkt!(POLYGON((4.0 3.0,4.0 0.0,0.0 0.0,0.0 3.0,4.0 3.0))).into();
        assert_eq!(record(&one), record(&other));
        assert_eq!(record(&one).len(), 5);
    }

    #[test]
    fn a_folded_line_around_a_corner_is_no_rectangle() {
        let folded = polygon![(x: 0.0, y: 0.0), (x: 1.0, y: 0.0), (x: 1.0, y: 1.0), (x: 1.0, y: 0.0)];
        assert_eq!(as_rect(&folded), None);
    }

    #[test]
    fn a_large_coordinate_leaves_no_room_for_the_digits_of_another() {
        let line = Geometry::LineString(line_string![(x: 300.0, y: 0.0), (x: 0.123_456_7, y: 0.0)]);
        assert_eq!(parts::read(&record(&line)), Some(line));
    }

    #[test]
    fn a_negative_zero_is_a_zero() {
        let zero = Geometry::LineString(line_string![(x: 0.0, y: 0.123_456_789), (x: 1.0, y: 0.0)]);
        let negative = Geometry::LineString(line_string![(x: -0.0, y: 0.123_456_789), (x: 1.0, y: -0.0)]);
        assert_eq!(record(&zero), record(&negative));
    }
}
