//! Bounding boxes in WGS 84 longitude and latitude: the one place that knows axis order and the antimeridian.

use geo::{Geometry, Rect, coord};

/// A box in degrees, with the heights of a 3-D box left out: nothing here searches by height.
///
/// `west > east` means that the box crosses the antimeridian (RFC 7946, section 5.2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bbox {
    /// Westernmost longitude.
    pub west: f64,
    /// Southernmost latitude.
    pub south: f64,
    /// Easternmost longitude; smaller than `west` across the antimeridian.
    pub east: f64,
    /// Northernmost latitude.
    pub north: f64,
}

/// Why four or six numbers are no box.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BboxError {
    /// Neither 2-D nor 3-D.
    #[error(
        "a box has 4 numbers (west,south,east,north) or 6 (with a height after each corner), not {count}"
    )]
    Count {
        /// How many numbers there were.
        count: usize,
    },
    /// Not a number.
    #[error("'{text}' in a box is not a number")]
    Number {
        /// The offending part.
        text: String,
    },
    /// Infinite or NaN.
    #[error("a box holds finite numbers only")]
    NotFinite,
    /// Upside down.
    #[error("south ({south}) lies north of north ({north})")]
    SouthAboveNorth {
        /// As given.
        south: f64,
        /// As given.
        north: f64,
    },
    /// Heights upside down.
    #[error("the lower height ({low}) lies above the upper height ({high})")]
    HeightsSwapped {
        /// As given.
        low: f64,
        /// As given.
        high: f64,
    },
    /// Off the globe.
    #[error("{name} ({value}) lies outside {limit} degrees")]
    OutOfRange {
        /// `latitude` or `longitude`.
        name: &'static str,
        /// As given.
        value: f64,
        /// The bound on its absolute value.
        limit: f64,
    },
}

/// Degrees of tolerance for boxes that rounding pushed over the edge of the globe.
const EDGE_SLACK: f64 = 1e-6;

impl Bbox {
    /// Checks 4 or 6 numbers in the order of GeoJSON.
    ///
    /// # Errors
    /// Says which rule the numbers break.
    pub fn from_numbers(numbers: &[f64]) -> Result<Self, BboxError> {
        let (west, south, east, north) = match *numbers {
            [w, s, e, n] => (w, s, e, n),
            [w, s, low, e, n, high] => {
                if low > high {
                    return Err(BboxError::HeightsSwapped { low, high });
                }
                (w, s, e, n)
            }
            _ => return Err(BboxError::Count { count: numbers.len() }),
        };
        if numbers.iter().any(|v| !v.is_finite()) {
            return Err(BboxError::NotFinite);
        }
        if south > north {
            return Err(BboxError::SouthAboveNorth { south, north });
        }
        for (name, value, limit) in [
            ("latitude", south, 90.0),
            ("latitude", north, 90.0),
            ("longitude", west, 180.0),
            ("longitude", east, 180.0),
        ] {
            if value.abs() > limit + EDGE_SLACK {
                return Err(BboxError::OutOfRange { name, value, limit });
            }
        }
        Ok(Self { west, south, east, north })
    }

    /// Reads the comma-separated form of a query string.
    ///
    /// # Errors
    /// As [`Bbox::from_numbers`], or names the part that is no number.
    pub fn parse(text: &str) -> Result<Self, BboxError> {
        let numbers = text
            .split(',')
            .map(|part| {
                let part = part.trim();
                part.parse::<f64>().map_err(|_not_float| BboxError::Number { text: part.to_owned() })
            })
            .collect::<Result<Vec<_>, _>>()?;
        Self::from_numbers(&numbers)
    }

    /// The box around a geometry as drawn, that is without looking for the antimeridian.
    #[must_use]
    pub fn around(geometry: &Geometry) -> Option<Self> {
        use geo::BoundingRect;
        let rect = geometry.bounding_rect()?;
        Some(Self { west: rect.min().x, south: rect.min().y, east: rect.max().x, north: rect.max().y })
    }

    /// True when the box crosses the antimeridian.
    #[must_use]
    pub fn crosses_antimeridian(&self) -> bool {
        self.west > self.east
    }

    /// The plain rectangles that make up the box: two across the antimeridian, else one.
    #[must_use]
    pub fn parts(&self) -> Vec<Rect> {
        let rect =
            |west, east| Rect::new(coord! { x: west, y: self.south }, coord! { x: east, y: self.north });
        if self.crosses_antimeridian() {
            vec![rect(self.west, 180.0), rect(-180.0, self.east)]
        } else {
            vec![rect(self.west, self.east)]
        }
    }

    /// The smallest box that holds both; each is taken as drawn, so that across the antimeridian the result spans the
    /// whole range of longitudes.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let (west, east) = if self.crosses_antimeridian() && other.crosses_antimeridian() {
            (self.west.min(other.west), self.east.max(other.east))
        } else if self.crosses_antimeridian() || other.crosses_antimeridian() {
            (-180.0, 180.0)
        } else {
            (self.west.min(other.west), self.east.max(other.east))
        };
        Self { west, south: self.south.min(other.south), east, north: self.north.max(other.north) }
    }

    /// Longitude and latitude of its middle.
    #[must_use]
    pub fn center(&self) -> (f64, f64) {
        let east = if self.crosses_antimeridian() { self.east + 360.0 } else { self.east };
        let lon = f64::midpoint(self.west, east);
        (if lon > 180.0 { lon - 360.0 } else { lon }, f64::midpoint(self.south, self.north))
    }

    /// `[west, south, east, north]`, the order of GeoJSON.
    #[must_use]
    pub fn to_array(&self) -> [f64; 4] {
        [self.west, self.south, self.east, self.north]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_numbers_drop_the_heights() {
        let bbox = Bbox::parse("1,2,-10,3,4,50").expect("a 3-D box");
        assert_eq!(bbox.to_array(), [1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn a_degenerate_box_is_legal() {
        assert!(Bbox::parse("1,2,1,2").is_ok());
    }

    #[test]
    fn faults_are_named() {
        assert!(matches!(Bbox::parse("1,2,3"), Err(BboxError::Count { count: 3 })));
        assert!(matches!(Bbox::parse("[1,2,3,4]"), Err(BboxError::Number { .. })));
        assert!(matches!(Bbox::parse("1,4,3,2"), Err(BboxError::SouthAboveNorth { .. })));
        assert!(matches!(Bbox::parse("1,2,3,91"), Err(BboxError::OutOfRange { .. })));
        assert!(matches!(Bbox::parse("1,2,nan,3"), Err(BboxError::NotFinite)));
        assert!(matches!(Bbox::parse("1,2,9,3,4,5"), Err(BboxError::HeightsSwapped { .. })));
    }

    #[test]
    fn west_above_east_crosses_the_antimeridian() {
        let parts = Bbox::parse("170,-10,-170,10").expect("a box").parts();
        assert_eq!(parts.len(), 2);
        assert_eq!((parts[0].min().x, parts[0].max().x), (170.0, 180.0));
        assert_eq!((parts[1].min().x, parts[1].max().x), (-180.0, -170.0));
    }

    #[test]
    fn a_union_holds_both_boxes() {
        let a = Bbox::parse("170,0,-170,1").expect("a box");
        let b = Bbox::parse("160,-1,-175,0").expect("a box");
        assert_eq!(a.union(&b).to_array(), [160.0, -1.0, -170.0, 1.0]);
    }
}
