//! Where a window's pixels lie on a raster: exact at the nodes of a coarse control grid, bilinear between them. Pure.

use std::ops::Range;

use super::grid::{GridError, Lattice};
use super::turn::{turn_of, turns, wrapped};
use super::window::Window;
use crate::crs::Crs;

/// The largest distance between an interpolated point and the exact one, in pixels of the raster.
const ERROR_PX: f64 = 0.01;

/// Cells along each side before the first is looked at: fewer may miss a curve that is symmetric about the middle.
const FIRST_CELLS: u32 = 2;

/// Most cells along a side. Where the CRS ends within a window no number of cells is enough, and these are near enough.
const MAX_CELLS: u32 = 256;

/// Some of a window's pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pixels {
    pub(super) rows: Range<usize>,
    pub(super) cols: Range<usize>,
}

/// Columns and rows of a raster for the points of a window; a point without image is NaN.
#[derive(Debug, Clone)]
pub(super) struct Mapping {
    /// Rows and columns of the window.
    size: [f64; 2],
    /// Rows and columns of cells.
    cells: [u32; 2],
    /// `(rows + 1) × (columns + 1)` points (column, row).
    nodes: Vec<[f64; 2]>,
}

impl Mapping {
    /// The mapping of `window` to pixels of the raster on `lattice`.
    ///
    /// # Errors
    /// When a CRS is unknown, or the raster's transform cannot be inverted.
    pub(super) fn new(window: &Window, lattice: &Lattice) -> Result<Self, GridError> {
        let exact = Exact::new(window, lattice)?;
        let size = [f64::from(window.height), f64::from(window.width)];
        if exact.is_linear() {
            return Ok(Self::at_nodes(&exact, size, [1, 1]));
        }
        let sides = [window.height, window.width];
        let mut coarse = Self::at_nodes(&exact, size, [FIRST_CELLS; 2]);
        loop {
            let fine = Self::at_nodes(&exact, size, coarse.cells.map(|cells| 2 * cells));
            let most = |side: u32| side.clamp(1, MAX_CELLS);
            let is_finest = fine.cells.iter().zip(sides).all(|(cells, side)| *cells >= most(side));
            if is_finest || fine.differs_by(&coarse) <= ERROR_PX {
                return Ok(fine);
            }
            coarse = fine;
        }
    }

    fn at_nodes(exact: &Exact, size: [f64; 2], cells: [u32; 2]) -> Self {
        let at = |nth: u32, axis: usize| size[axis] * f64::from(nth) / f64::from(cells[axis]);
        let nodes = (0..=cells[0])
            .flat_map(|row| (0..=cells[1]).map(move |col| (row, col)))
            .map(|(row, col)| exact.point(at(col, 1), at(row, 0)))
            .collect();
        Self { size, cells, nodes }
    }

    /// The largest distance between this one's nodes and what `coarse`, with half as many cells, has there; infinite
    /// where only one of them has an image.
    fn differs_by(&self, coarse: &Self) -> f64 {
        let across = self.cells[1] as usize + 1;
        let mut line = vec![[0.0; 2]; coarse.cells[1] as usize + 1];
        let mut most = 0.0_f64;
        for (nth, row) in self.nodes.chunks_exact(across).enumerate() {
            let low = nth / 2 * line.len();
            let high = nth.div_ceil(2) * line.len();
            for (at, to) in line.iter_mut().enumerate() {
                *to = between(coarse.nodes[low + at], coarse.nodes[high + at], 0.5);
            }
            for (nth, exact) in row.iter().enumerate() {
                let near = between(line[nth / 2], line[nth.div_ceil(2)], 0.5);
                most = most.max(match (exact[0].is_nan(), near[0].is_nan()) {
                    (true, true) => 0.0,
                    (false, false) => (exact[0] - near[0]).hypot(exact[1] - near[1]),
                    _ => f64::INFINITY,
                });
            }
        }
        most
    }

    /// The same for a resolution of the raster that has this share of its columns and rows.
    pub(super) fn scaled(mut self, [x, y]: [f64; 2]) -> Self {
        for node in &mut self.nodes {
            *node = [node[0] * x, node[1] * y];
        }
        self
    }

    /// Writes the points of one row of the window, `row` with a fraction, at the columns `first`, `first + 1`, ….
    pub(super) fn row(&self, row: f64, first: f64, points: &mut [[f64; 2]]) {
        let line = self.line(row);
        let width = self.size[1] / f64::from(self.cells[1]);
        let (mut cell, mut edge) = (0, width);
        let mut col = first;
        for point in points {
            while col > edge && cell + 2 < line.len() {
                cell += 1;
                edge += width;
            }
            *point = between(line[cell], line[cell + 1], (col - (edge - width)) / width);
            col += 1.0;
        }
    }

    /// The nodes' columns, at a row of the window.
    fn line(&self, row: f64) -> Vec<[f64; 2]> {
        let across = self.cells[1] as usize + 1;
        let at = row / self.size[0] * f64::from(self.cells[0]);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cell's index")]
        let cell = (at.max(0.0) as usize).min(self.cells[0] as usize - 1);
        #[expect(clippy::cast_precision_loss, reason = "a cell's index")]
        let share = at - cell as f64;
        let rows = self.nodes[cell * across..].chunks_exact(across);
        let mut rows = rows.take(2);
        match (rows.next(), rows.next()) {
            (Some(low), Some(high)) => low.iter().zip(high).map(|(a, b)| between(*a, *b, share)).collect(),
            _ => vec![[f64::NAN; 2]; across],
        }
    }

    /// The least and greatest column and row that some pixels of the window reach: `[low, high]`; nothing when none of them
    /// has an image.
    pub(super) fn bounds(&self, pixels: &Pixels) -> Option<[[f64; 2]; 2]> {
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        let cols: Vec<f64> = self.cuts(1, &pixels.cols).collect();
        for row in self.cuts(0, &pixels.rows) {
            let mut point = [[f64::NAN; 2]];
            for col in &cols {
                self.row(row, *col, &mut point);
                if !point[0][0].is_nan() {
                    for axis in 0..2 {
                        low[axis] = low[axis].min(point[0][axis]);
                        high[axis] = high[axis].max(point[0][axis]);
                    }
                }
            }
        }
        (low[0] <= high[0]).then_some([low, high])
    }

    /// The ends of a span of the window along an axis, and the edges of cells between them.
    fn cuts(&self, axis: usize, span: &Range<usize>) -> impl Iterator<Item = f64> {
        #[expect(clippy::cast_precision_loss, reason = "pixels of a window")]
        let (first, last) = (span.start as f64, span.end as f64);
        let cell = self.size[axis] / f64::from(self.cells[axis]);
        let edges = (1..self.cells[axis]).map(move |nth| f64::from(nth) * cell);
        edges.filter(move |edge| (first..last).contains(edge)).chain([first, last])
    }

    /// Pixels of the raster, across and down, that a pixel in the middle of the window steps over, whichever way it goes.
    pub(super) fn step(&self) -> [f64; 2] {
        self.steps().map(|[right, down]| known(right.hypot(down)))
    }

    /// Pixels of the raster, across and down, that the upright rectangle around a pixel in the middle of the window spans.
    pub(super) fn span(&self) -> [f64; 2] {
        self.steps().map(|[right, down]| known(right.abs() + down.abs()))
    }

    /// How far the column, and the row, moves from one pixel in the middle of the window to the next one right, and down.
    fn steps(&self) -> [[f64; 2]; 2] {
        let [height, width] = self.size;
        let at = |col: f64, row: f64| {
            let mut point = [[f64::NAN; 2]];
            self.row(row, col, &mut point);
            point[0]
        };
        let (col, row) = (width / 2.0, height / 2.0);
        let (east, west) = (at(col + 0.5, row), at(col - 0.5, row));
        let (south, north) = (at(col, row + 0.5), at(col, row - 0.5));
        [0, 1].map(|axis| [east[axis] - west[axis], south[axis] - north[axis]])
    }
}

/// Where the middle has no image, any step will do: little of the window has.
fn known(step: f64) -> f64 {
    if step.is_finite() && step > 0.0 { step } else { 1.0 }
}

fn between(a: [f64; 2], b: [f64; 2], share: f64) -> [f64; 2] {
    [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])]
}

/// The exact way from a window to a raster.
struct Exact {
    window: Lattice,
    lattice: Lattice,
    /// The CRSs of both; nothing when they share one.
    crs: Option<(Crs, Crs)>,
    /// Where x of the raster's CRS runs on as longitudes do.
    turn: Option<Turn>,
}

/// Which of its turns around the Earth an x is on.
struct Turn {
    /// How far x runs in one.
    length: f64,
    /// x of the window's middle.
    middle: f64,
    /// The whole turns from there to the raster.
    shift: f64,
}

impl Exact {
    fn new(window: &Window, lattice: &Lattice) -> Result<Self, GridError> {
        let own = window.own_lattice();
        lattice.pixel_of(0.0, 0.0)?;
        let target = Crs::from_epsg(lattice.epsg)?;
        let middle = own.point_at(f64::from(window.width) / 2.0, f64::from(window.height) / 2.0);
        let turn = |middle: f64| {
            let length = turn_of(&target)?;
            Some(Turn { length, middle, shift: turns(lattice.middle_x - middle, length) })
        };
        if own.epsg == lattice.epsg {
            return Ok(Self { turn: turn(middle.0), window: own, lattice: *lattice, crs: None });
        }
        let from = Crs::from_epsg(own.epsg)?;
        let lonlat = from.to_lonlat(middle.0, middle.1).ok();
        let there = lonlat.and_then(|(lon, lat)| target.from_lonlat(wrapped(lon), lat).ok());
        let turn = there.and_then(|(x, _)| turn(x));
        Ok(Self { window: own, lattice: *lattice, crs: Some((from, target)), turn })
    }

    fn is_linear(&self) -> bool {
        self.crs.is_none()
    }

    /// Column and row of the raster for those of the window.
    fn point(&self, col: f64, row: f64) -> [f64; 2] {
        let (x, y) = self.window.point_at(col, row);
        let there = match &self.crs {
            None => Some((x, y)),
            Some((from, to)) => {
                let lonlat = from.to_lonlat(x, y).ok();
                lonlat.and_then(|(lon, lat)| to.from_lonlat(wrapped(lon), lat).ok())
            }
        };
        let Some((mut x, y)) = there else { return [f64::NAN; 2] };
        if let Some(turn) = &self.turn {
            // x runs on across the antimeridian, as far as half a turn from the window's middle.
            x += turns(turn.middle - x, turn.length) + turn.shift;
        }
        self.lattice.pixel_of(x, y).map_or([f64::NAN; 2], |(col, row)| [col, row])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UTM_35: Lattice =
        Lattice { epsg: 32635, transform: [10.0, 0.0, 300_000.0, 0.0, -10.0, 6_800_040.0], middle_x: 3e5 };

    fn window(epsg: u32, lon: f64, lat: f64, size: [u32; 2], pixel: f64) -> Window {
        let lattice = Lattice { epsg, transform: [pixel, 0.0, 0.0, 0.0, -pixel, 0.0], middle_x: lon };
        lattice.around(lon, lat, size).expect("a window")
    }

    proptest! {
        #[test]
        fn every_pixel_lies_within_a_hundredth_of_its_exact_place(
            lon in 22.0..26.0, lat in 59.0..62.0, side in 1u32..700, which in 0usize..5, col in 0.0..1.0f64, row in 0.0..1.0f64
        ) {
            let (epsg, pixel) = [(32634, 10.0), (3857, 20.0), (4326, 0.0001), (3035, 7.0), (32636, 25.0)][which];
            let window = window(epsg, lon, lat, [side, side], pixel);
            let mapping = Mapping::new(&window, &UTM_35).expect("a mapping");
            let exact = Exact::new(&window, &UTM_35).expect("a way");
            let (col, row) = ((col * f64::from(side)).floor() + 0.5, (row * f64::from(side)).floor() + 0.5);
            let mut near = vec![[0.0; 2]; side as usize];
            mapping.row(row, 0.5, &mut near);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a column")]
            let (near, exact) = (near[col as usize], exact.point(col, row));
            prop_assert!((near[0] - exact[0]).hypot(near[1] - exact[1]) <= ERROR_PX, "{near:?}, not {exact:?}");
        }

        #[test]
        fn bounds_hold_every_point(lon in 22.0..26.0, lat in 59.0..62.0, side in 1u32..200, first in 0usize..200) {
            let window = window(3035, lon, lat, [side, side], 10.0);
            let mapping = Mapping::new(&window, &UTM_35).expect("a mapping");
            let first = first % side as usize;
            let last = side as usize;
            let part = Pixels { rows: first..last, cols: 0..last };
            let [low, high] = mapping.bounds(&part).expect("on the raster's plane");
            let mut points = vec![[0.0; 2]; last];
            for row in first..last {
                #[expect(clippy::cast_precision_loss, reason = "small")]
                mapping.row(row as f64 + 0.5, 0.5, &mut points);
                for point in &points {
                    for axis in 0..2 {
                        prop_assert!((low[axis] - 1e-6..=high[axis] + 1e-6).contains(&point[axis]));
                    }
                }
            }
        }
    }

    #[test]
    fn few_points_are_projected() {
        let window = window(32634, 24.0, 61.0, [256, 256], 10.0);
        let cells = Mapping::new(&window, &UTM_35).expect("a mapping").cells;
        assert!(cells[0] <= 8, "{cells:?}");
    }

    #[test]
    fn a_step_is_what_a_pixel_covers_however_the_grid_is_turned() {
        let window = Window { lattice: UTM_35, col: 0, row: 0, height: 64, width: 64 };
        let fine = Lattice { transform: [5.0, 0.0, 3e5, 0.0, -2.5, 6_800_040.0], ..UTM_35 };
        let close = |step: [f64; 2], wanted: [f64; 2]| {
            assert!(step.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6), "{step:?}, not {wanted:?}");
        };
        close(Mapping::new(&window, &fine).expect("a mapping").step(), [2.0, 4.0]);
        let turned = Lattice { transform: [0.0, 5.0, 3e5, 2.5, 0.0, 6_800_040.0], ..UTM_35 };
        close(Mapping::new(&window, &turned).expect("a mapping").step(), [4.0, 2.0]);
        close(Mapping::new(&window, &turned).expect("a mapping").span(), [4.0, 2.0]);
        let slanted = Lattice { transform: [6.0, 8.0, 3e5, 8.0, -6.0, 6_800_040.0], ..UTM_35 };
        close(Mapping::new(&window, &slanted).expect("a mapping").step(), [1.0, 1.0]);
        close(Mapping::new(&window, &slanted).expect("a mapping").span(), [1.4, 1.4]);
    }

    #[test]
    fn longitudes_run_on_across_the_antimeridian() {
        let raster = Lattice::of_raster(4326, [0.001, 0.0, 179.0, 0.0, -0.001, 10.0], [2000, 2000]);
        let window = window(32660, 179.999, 9.0, [200, 200], 100.0);
        let mapping = Mapping::new(&window, &raster).expect("a mapping");
        let mut points = vec![[0.0; 2]; 200];
        mapping.row(100.5, 0.5, &mut points);
        assert!(points.windows(2).all(|pair| pair[0][0] < pair[1][0]));
        assert!(points[0][0] < 1000.0 && points[199][0] > 1000.0, "{:?}", points[199]);
    }
}
