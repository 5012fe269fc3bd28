//! The window of an answer: where it lies, and how rasters fall on it. Pure arithmetic.

use super::axis::{Axis, Fall};
use super::grid::{EDGE_POINTS, GridError, Lattice};
use super::turn::{turn_of, turns, wrapped};
use crate::crs::Crs;

/// Two grids are one when their origins differ by a whole number of pixels within this; in pixels.
const SAME_GRID_PX: f64 = 1e-3;

/// A window of a lattice: `height × width` pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// The lattice.
    pub lattice: Lattice,
    /// First column; may be negative.
    pub col: i64,
    /// First row; may be negative.
    pub row: i64,
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
}

impl Window {
    /// Transform of the window's own pixels.
    #[must_use]
    pub fn transform(&self) -> [f64; 6] {
        let [a, b, _, d, e, _] = self.lattice.transform;
        #[expect(clippy::cast_precision_loss, reason = "columns are below 10^15")]
        let (x, y) = self.lattice.point_at(self.col as f64, self.row as f64);
        [a, b, x, d, e, y]
    }

    /// The lattice whose pixel (0, 0) is the window's first.
    pub(super) fn own_lattice(&self) -> Lattice {
        Lattice { transform: self.transform(), ..self.lattice }
    }

    /// Its middle in longitude and latitude.
    ///
    /// # Errors
    /// When the CRS cannot be computed with there.
    pub fn center(&self) -> Result<(f64, f64), GridError> {
        let own = self.own_lattice();
        let (x, y) = own.point_at(f64::from(self.width) / 2.0, f64::from(self.height) / 2.0);
        let (lon, lat) = Crs::from_epsg(self.lattice.epsg)?.to_lonlat(x, y)?;
        Ok((wrapped(lon), lat))
    }

    /// Its outline in longitude and latitude: points along all four edges, closed.
    ///
    /// # Errors
    /// When the CRS cannot be computed with there.
    pub fn outline(&self) -> Result<Vec<(f64, f64)>, GridError> {
        let crs = Crs::from_epsg(self.lattice.epsg)?;
        let own = self.own_lattice();
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        let corners = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height), (0.0, 0.0)];
        let mut points = Vec::new();
        for pair in corners.windows(2) {
            for step in 0..EDGE_POINTS {
                let share = f64::from(step) / f64::from(EDGE_POINTS);
                let at = |from: f64, to: f64| from + share * (to - from);
                let (x, y) = own.point_at(at(pair[0].0, pair[1].0), at(pair[0].1, pair[1].1));
                let (lon, lat) = crs.to_lonlat(x, y)?;
                points.push((wrapped(lon), lat));
            }
        }
        points.extend(points.first().copied());
        Ok(points)
    }

    /// How the rows and columns of a raster of `shape` (rows, columns) on `lattice` fall on this window, by nearest
    /// neighbour; nothing when they are not the window's rows and columns: another CRS, turned or mirrored.
    ///
    /// # Errors
    /// When the raster's transform cannot be inverted, or its CRS not computed with.
    pub fn fall_of(&self, lattice: &Lattice, shape: [u32; 2]) -> Result<Option<Fall>, GridError> {
        if lattice.epsg != self.lattice.epsg {
            return Ok(None);
        }
        let own = self.own_lattice();
        let ([a, b, x, d, e, y], [oa, ob, _, od, oe, _]) = (own.transform, lattice.transform);
        let turn = turn_of(&Crs::from_epsg(self.lattice.epsg)?);
        // A raster a turn away covers the same longitudes.
        let middle = own.point_at(f64::from(self.width) / 2.0, f64::from(self.height) / 2.0).0;
        let x = x + turn.map_or(0.0, |turn| turns(lattice.middle_x - middle, turn));
        let (col, row) = lattice.pixel_of(x, y)?;
        let side = f64::from(self.width.max(self.height));
        let same_step = [(a, oa), (b, ob), (d, od), (e, oe)]
            .into_iter()
            .all(|(own, other)| (own - other).abs() * side <= SAME_GRID_PX * lattice.resolution());
        let on_lattice =
            (col - col.round()).abs() <= SAME_GRID_PX && (row - row.round()).abs() <= SAME_GRID_PX;
        if same_step && on_lattice {
            return Ok(Some(Fall {
                rows: Axis::shifted(self.height, row.round(), shape[0]),
                cols: Axis::shifted(self.width, col.round(), shape[1]),
            }));
        }
        let straight = b == 0.0 && d == 0.0 && ob == 0.0 && od == 0.0;
        if !straight || a * oa <= 0.0 || e * oe <= 0.0 {
            return Ok(None);
        }
        Ok(Some(Fall {
            rows: Axis::scaled(self.height, row, e / oe, shape[0]),
            cols: Axis::scaled(self.width, col, a / oa, shape[1]),
        }))
    }
}
