//! Where pixels lie: the grid of an answer, and its window. Pure arithmetic.

use super::turn::{TURN_DEGREES, turn_of, turn_of_code, turns, wrapped};
use super::window::Window;
use crate::crs::{Crs, CrsError};
use crate::stac::Bbox;

/// Corners that lie this close to a pixel's edge lie on it; in pixels. Degrees carry a CRS coordinate through two
/// transforms with errors of nanometres, a thousandth of this at 10 m.
pub(super) const EDGE_PX: f64 = 1e-6;

/// Pixels beyond this number would not be told apart from their neighbours.
const MAX_PIXEL: f64 = 1e15;

/// Points projected on each edge of a box, since edges are curved in another CRS.
pub(super) const EDGE_POINTS: u32 = 20;

/// An unbounded lattice of pixels in a CRS.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lattice {
    /// EPSG code of the CRS.
    pub epsg: u32,
    /// Affine transform from (column, row) to CRS coordinates, `a b c d e f` as in rasterio.
    pub transform: [f64; 6],
    /// CRS x of the middle of the raster that it belongs to: longitudes repeat, and those next to it are meant.
    pub middle_x: f64,
}

/// Why a place has no pixels on a lattice.
#[derive(Debug, thiserror::Error)]
pub enum GridError {
    /// The CRS cannot be computed with, or not there.
    #[error(transparent)]
    Crs(#[from] CrsError),
    /// The transform collapses the plane.
    #[error("a raster's transform cannot be inverted")]
    Singular,
    /// A box to be cut into pixels has no width or height.
    #[error("bbox: a box that is cut into 'size' pixels needs a width and a height")]
    Flat,
    /// A source would have to be read at a much finer resolution than the answer's.
    #[error(
        "resolution: a source has no overviews that are coarse enough, and {bytes} bytes of it would have to be decoded for \
         one time step, more than {limit}; ask for a finer resolution or a smaller place"
    )]
    TooFine {
        /// Of one raster.
        bytes: u64,
        /// The bound.
        limit: u64,
    },
    /// So fine a grid that its pixels there have no numbers.
    #[error(
        "resolution: pixels of {resolution} cannot be counted as far out as this place; ask for coarser ones"
    )]
    TooFar {
        /// Size of a pixel, in units of the CRS.
        resolution: f64,
    },
    /// More pixels than a side may have.
    #[error("bbox or resolution: the window would be {height} x {width} pixels; a side may have {limit}")]
    TooLarge {
        /// Rows.
        height: f64,
        /// Columns.
        width: f64,
        /// The bound.
        limit: u32,
    },
}

impl Lattice {
    /// The lattice of a raster of `shape` (rows, columns).
    #[must_use]
    pub fn of_raster(epsg: u32, transform: [f64; 6], shape: [u32; 2]) -> Self {
        let [rows, cols] = shape.map(|side| f64::from(side) / 2.0);
        let [a, b, c, ..] = transform;
        Self { epsg, transform, middle_x: a * cols + b * rows + c }
    }

    /// CRS coordinates of a point; of a longitude, the one of its turns that is next to the raster.
    fn project(&self, crs: &Crs, lon: f64, lat: f64) -> Result<(f64, f64), CrsError> {
        let (x, y) = crs.from_lonlat(wrapped(lon), lat)?;
        Ok((x + turn_of(crs).map_or(0.0, |turn| turns(self.middle_x - x, turn)), y))
    }

    /// True when all of a window lies in a raster of `shape` (rows, columns) on this lattice.
    ///
    /// # Errors
    /// When a part of the window has no image in the raster's CRS.
    pub(super) fn holds(&self, shape: [u32; 2], window: &Window) -> Result<bool, GridError> {
        let crs = Crs::from_epsg(self.epsg)?;
        let inside = |at: f64, side: u32| (-EDGE_PX..=f64::from(side) + EDGE_PX).contains(&at);
        for (lon, lat) in window.outline()? {
            let (x, y) = self.project(&crs, lon, lat)?;
            let (col, row) = self.pixel_of(x, y)?;
            if !inside(col, shape[1]) || !inside(row, shape[0]) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Column and row of a point, with fractions; pixel (0, 0) covers 0..1 in both.
    ///
    /// # Errors
    /// When the transform cannot be inverted.
    pub fn pixel_of(&self, x: f64, y: f64) -> Result<(f64, f64), GridError> {
        let [a, b, c, d, e, f] = self.transform;
        let determinant = a * e - b * d;
        if determinant == 0.0 || !determinant.is_finite() {
            return Err(GridError::Singular);
        }
        let (dx, dy) = (x - c, y - f);
        Ok(((e * dx - b * dy) / determinant, (a * dy - d * dx) / determinant))
    }

    /// CRS coordinates of a column and row with fractions.
    #[must_use]
    pub fn point_at(&self, col: f64, row: f64) -> (f64, f64) {
        let [a, b, c, d, e, f] = self.transform;
        (a * col + b * row + c, d * col + e * row + f)
    }

    /// Size of a pixel along a row, in units of the CRS.
    #[must_use]
    pub fn resolution(&self) -> f64 {
        self.transform[0].hypot(self.transform[3])
    }

    /// The grid of an overview that has these shares of the raster's columns and rows.
    pub(super) fn scaled(&self, [cols, rows]: [f64; 2]) -> Self {
        let [a, b, c, d, e, f] = self.transform;
        Self { transform: [a / cols, b / rows, c, d / cols, e / rows, f], ..*self }
    }

    /// Square pixels, north up, with edges at whole multiples of their side in units of the CRS, for places near a point.
    pub(super) fn even(epsg: u32, side: f64, (lon, _): (f64, f64)) -> Self {
        let middle_x = lon / TURN_DEGREES * turn_of_code(epsg);
        Self { epsg, transform: [side, 0.0, 0.0, 0.0, -side, 0.0], middle_x }
    }

    /// The window of `size` (rows, columns) whose edges are those of a box in the CRS.
    ///
    /// # Errors
    /// When the box cannot be projected, or has no area.
    pub(super) fn fitted(epsg: u32, bbox: &Bbox, [height, width]: [u32; 2]) -> Result<Window, GridError> {
        // Rows count downwards, so that the high end of -y is the south.
        let units = Self::even(epsg, 1.0, bbox.center());
        let [[west, north], [east, south]] = units.reach_of(bbox)?;
        let (x, y) = ((east - west) / f64::from(width), (south - north) / f64::from(height));
        let lattice = Self { transform: [x, 0.0, west, 0.0, -y, -north], ..units };
        if x > 0.0 && y > 0.0 {
            lattice.window(0.0, 0.0, height.into(), width.into())
        } else {
            Err(GridError::Flat)
        }
    }

    /// The smallest window that covers a box.
    ///
    /// # Errors
    /// When the box cannot be projected, or covers too many pixels.
    pub fn covering(&self, bbox: &Bbox) -> Result<Window, GridError> {
        let [low, high] = self.reach_of(bbox)?;
        let first = low.map(|v| (v + EDGE_PX).floor());
        let last = high.map(|v| (v - EDGE_PX).ceil());
        // A box without area lies in one pixel.
        let [width, height] = [(last[0] - first[0]).max(1.0), (last[1] - first[1]).max(1.0)];
        self.window(first[0], first[1], height, width)
    }

    /// The least and greatest column and row of a box.
    fn reach_of(&self, bbox: &Bbox) -> Result<[[f64; 2]; 2], GridError> {
        let crs = Crs::from_epsg(self.epsg)?;
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        let east = if bbox.crosses_antimeridian() { bbox.east + 360.0 } else { bbox.east };
        // The box stays in one piece: all of it is as many turns away as its middle.
        let middle = f64::midpoint(bbox.west, east);
        let turn = turn_of(&crs);
        let shift = turn.map_or(0.0, |turn| turns(self.middle_x - middle / TURN_DEGREES * turn, turn));
        for step in 0..=EDGE_POINTS {
            let share = f64::from(step) / f64::from(EDGE_POINTS);
            let lon = bbox.west + share * (east - bbox.west);
            let lat = bbox.south + share * (bbox.north - bbox.south);
            for (lon, lat) in [(lon, bbox.south), (lon, bbox.north), (bbox.west, lat), (east, lat)] {
                let (x, y) = crs.from_lonlat(wrapped(lon), lat)?;
                let run_on = turn.map_or(0.0, |turn| ((lon - wrapped(lon)) / TURN_DEGREES).round() * turn);
                let (col, row) = self.pixel_of(x + run_on + shift, y)?;
                for (axis, value) in [col, row].into_iter().enumerate() {
                    low[axis] = low[axis].min(value);
                    high[axis] = high[axis].max(value);
                }
            }
        }
        Ok([low, high])
    }

    /// The window of `size` (rows, columns) whose middle lies nearest to a point: its first column is that of the point
    /// less half the width, rounded half up, rows alike.
    ///
    /// # Errors
    /// When the point cannot be projected.
    pub fn around(&self, lon: f64, lat: f64, size: [u32; 2]) -> Result<Window, GridError> {
        let (x, y) = self.project(&Crs::from_epsg(self.epsg)?, lon, lat)?;
        let (col, row) = self.pixel_of(x, y)?;
        let [height, width] = size.map(f64::from);
        let nearest = |v: f64| (v + 0.5 + EDGE_PX).floor();
        self.window(nearest(col - width / 2.0), nearest(row - height / 2.0), height, width)
    }

    fn window(&self, col: f64, row: f64, height: f64, width: f64) -> Result<Window, GridError> {
        let limit = super::request::MAX_SIDE;
        let fits = |v: f64| v <= f64::from(limit);
        if !(fits(height) && fits(width)) {
            return Err(GridError::TooLarge { height, width, limit });
        }
        if !(col.abs() < MAX_PIXEL && row.abs() < MAX_PIXEL) {
            return Err(GridError::TooFar { resolution: self.resolution() });
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just above")]
        let window = Window {
            lattice: *self,
            col: col as i64,
            row: row as i64,
            height: height as u32,
            width: width as u32,
        };
        Ok(window)
    }
}

#[cfg(test)]
mod tests {
    use super::super::axis::Axis;
    use super::*;

    const UTM: Lattice =
        Lattice { epsg: 32635, transform: [10.0, 0.0, 300_000.0, 0.0, -10.0, 6_800_040.0], middle_x: 3e5 };

    #[test]
    fn the_window_around_a_point_is_centred_by_rounding() {
        let window = UTM.around(24.1, 61.2, [256, 255]).expect("a window");
        let (x, y) = Crs::from_epsg(32635).expect("UTM").from_lonlat(24.1, 61.2).expect("a point");
        let (col, row) = UTM.pixel_of(x, y).expect("a pixel");
        assert_eq!((window.height, window.width), (256, 255));
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let off = |first: i64, at: f64, side: f64| (first as f64 + side / 2.0 - at).abs();
        assert!(off(window.col, col, 255.0) <= 0.5 && off(window.row, row, 256.0) <= 0.5);
    }

    #[test]
    fn a_box_drawn_on_pixel_edges_covers_just_those_pixels() {
        let crs = Crs::from_epsg(3857).expect("Mercator");
        let lattice = Lattice { epsg: 3857, transform: [10.0, 0.0, 0.0, 0.0, -10.0, 0.0], middle_x: 0.0 };
        let (west, north) = crs.to_lonlat(70.0, -30.0).expect("a point");
        let (east, south) = crs.to_lonlat(170.0, -80.0).expect("a point");
        let window = lattice.covering(&Bbox { west, south, east, north }).expect("a window");
        assert_eq!((window.col, window.row, window.height, window.width), (7, 3, 5, 10));
    }

    #[test]
    fn a_coarser_source_is_replicated() {
        let window = Window { lattice: UTM, col: 1, row: 0, height: 4, width: 4 };
        let coarse = Lattice { transform: [20.0, 0.0, 300_000.0, 0.0, -20.0, 6_800_040.0], ..UTM };
        let fall = window.fall_of(&coarse, [100, 100]).expect("a grid").expect("a fall");
        let of = |axis: &Axis| axis.covered.clone().map(|p| axis.source_of(p)).collect::<Vec<_>>();
        assert_eq!(of(&fall.cols), [0, 1, 1, 2]);
        assert_eq!(of(&fall.rows), [0, 0, 1, 1]);
        assert_eq!(fall.cols.by_block(2), [(0, 0..3), (1, 3..4)]);
    }

    #[test]
    fn longitudes_are_those_next_to_the_raster() {
        // 179.99 to 180.054 degrees, and 350 to 370.
        let across = Lattice::of_raster(4326, [0.001, 0.0, 179.99, 0.0, -0.001, 10.0], [64, 64]);
        assert_eq!(across.around(-179.97, 9.98, [4, 4]).expect("a window").col, 38);
        let bbox = Bbox { west: 179.995, south: 9.97, east: -179.96, north: 9.98 };
        let window = across.covering(&bbox).expect("a window");
        assert_eq!((window.col, window.width), (5, 45));
        assert!(window.center().expect("a place").0 < -179.9 || window.center().expect("a place").0 > 179.9);
        let turned = Lattice::of_raster(4326, [0.1, 0.0, 350.0, 0.0, -0.1, 10.0], [200, 200]);
        assert_eq!(turned.around(-5.0, 0.0, [2, 2]).expect("a window").col, 49);
        assert_eq!(turned.around(5.0, 0.0, [2, 2]).expect("a window").col, 149);
        // So does Mercator run on.
        let mercator = Lattice::even(3857, 1000.0, (-179.99, 10.0));
        let window = mercator.covering(&bbox).expect("a window");
        assert!(window.width < 10 && window.col < -20_000, "{window:?}");
        // A raster a turn away falls on the same window.
        let window = turned.around(5.0, 0.0, [2, 2]).expect("a window");
        let same = Lattice::of_raster(4326, [0.1, 0.0, -10.0, 0.0, -0.1, 10.0], [200, 200]);
        let fall = window.fall_of(&same, [200, 200]).expect("a grid").expect("a fall");
        assert_eq!(fall.cols.source_of(0), 149);
    }

    #[test]
    fn pixels_too_fine_to_be_counted_are_refused_by_their_size() {
        let fine = Lattice { transform: [1e-9, 0.0, 0.0, 0.0, -1e-9, 0.0], ..UTM };
        let refused = fine.around(24.1, 61.2, [64, 64]).expect_err("no such pixel");
        assert!(
            matches!(refused, GridError::TooFar { .. }) && refused.to_string().starts_with("resolution:")
        );
    }

    #[test]
    fn a_turned_source_has_other_rows_and_columns() {
        let window = Window { lattice: UTM, col: 0, row: 0, height: 4, width: 4 };
        let mirrored = Lattice { transform: [20.0, 0.0, 300_000.0, 0.0, 20.0, 6_800_040.0], ..UTM };
        let zone = Lattice { epsg: 32634, ..UTM };
        for other in [mirrored, zone] {
            assert_eq!(window.fall_of(&other, [9, 9]).expect("a grid"), None);
        }
    }
}
