//! A raster's outline as longitudes and latitudes.
//!
//! Its edges are straight in its own CRS and bend in degrees, so that each is cut until a chord strays less than a fifth of a
//! pixel from it. Where it leads through a pole, as those of the tiles of polar grids do, it has two points there: one for
//! the meridian that it comes by, one for the one that it leaves by.

use super::{Point, Ring, signed_area};
use crate::build::inspect::Raster;
use crate::crs::CrsError;

/// Parts that each side has before it is cut further: enough to see bends with no chord at the middle.
const FIRST_CUTS: u32 = 4;
/// Further halvings of a part at most: 256 points a side.
const MAX_HALVINGS: u32 = 6;
/// How far a chord may stray from its edge, in pixels.
const TOLERANCE_PIXELS: f64 = 0.2;
/// How near to a pole an edge leads through it, in pixels.
const AT_POLE_PIXELS: f64 = 1e-2;

/// A pole as a point of a raster's CRS.
struct Pole {
    at: Point,
    lat: f64,
}

impl Pole {
    /// The pole that the raster lies nearer to; none where its CRS has no point for it, as all cylindrical ones.
    fn near(raster: &Raster, lat: f64) -> Option<Self> {
        let lat = 90_f64.copysign(lat);
        let by = |lon: f64| raster.crs.from_lonlat(lon, lat).ok();
        let (at, other) = (by(0.0)?, by(120.0)?);
        let is_point = (at.0 - other.0).hypot(at.1 - other.1) * raster.crs.metres_per_unit() < 1e-3;
        (is_point && !raster.crs.is_geographic()).then_some(Self { at, lat })
    }

    fn distance(&self, point: Point) -> f64 {
        (point.0 - self.at.0).hypot(point.1 - self.at.1)
    }
}

/// The outline, its last point on the first, longitudes running on across the antimeridian.
pub(super) fn outline(raster: &Raster) -> Result<Ring, CrsError> {
    let mut corners = raster.corners();
    let pixel =
        (corners[1].0 - corners[0].0).hypot(corners[1].1 - corners[0].1) / f64::from(raster.height.max(1));
    let (_, lat) = raster.crs.to_lonlat(corners[0].0, corners[0].1)?;
    let pole = Pole::near(raster, lat);
    let reach = AT_POLE_PIXELS * pixel;
    if let Some(pole) = &pole {
        // The first point is to have a longitude.
        let is_away = |corner: &Point| pole.distance(*corner) > 2.0 * reach;
        let first = corners.iter().position(is_away).unwrap_or_default();
        corners.rotate_left(first);
    }
    // In the plane of a CRS around the north pole longitudes rise counter-clockwise; around the south pole, clockwise.
    let is_counter_clockwise = signed_area(&corners) > 0.0;
    let walk = Walk {
        raster,
        tolerance: TOLERANCE_PIXELS * pixel * raster.crs.metres_per_unit() / 111_319.0,
        turns_back: pole.as_ref().is_some_and(|pole| is_counter_clockwise == (pole.lat > 0.0)),
        pole,
        reach,
    };
    let mut ring = vec![raster.crs.to_lonlat(corners[0].0, corners[0].1)?];
    for (from, to) in corners.iter().zip(corners.iter().cycle().skip(1)) {
        walk.along(*from, *to, &mut ring)?;
    }
    Ok(ring)
}

/// A walk around a raster.
struct Walk<'a> {
    raster: &'a Raster,
    /// Degrees that a chord may stray.
    tolerance: f64,
    pole: Option<Pole>,
    /// How near to the pole an edge leads through it, in units of the CRS.
    reach: f64,
    /// True when longitudes fall where the way turns at the pole, and rise otherwise.
    turns_back: bool,
}

impl Walk<'_> {
    /// Adds the points after the first corner up to the second.
    fn along(&self, from: Point, to: Point, ring: &mut Ring) -> Result<(), CrsError> {
        let edge = Edge { walk: self, from, to };
        let Some((pole, share)) = self.pole.as_ref().and_then(|pole| Some((pole, edge.share_at(pole)?)))
        else {
            return edge.pieces(0.0, 1.0, ring);
        };
        if share > 0.0 {
            edge.pieces(0.0, share, ring)?;
            // The pole itself has no longitude: the meridian that leads there says it.
            let near = ring.pop().map_or(0.0, |last| last.0);
            let (lon, _) = edge.at(0.5 * share, ring.last().map_or(near, |before| before.0))?;
            ring.push((lon, pole.lat));
        }
        if share < 1.0 {
            let near = ring.last().map_or(0.0, |last| last.0);
            let change = edge.at(0.5 * (1.0 + share), near)?.0 - near;
            let turned =
                if self.turns_back { -(-change).rem_euclid(360.0) } else { change.rem_euclid(360.0) };
            ring.push((near + turned, pole.lat));
            edge.pieces(share, 1.0, ring)?;
        }
        Ok(())
    }
}

/// From one corner of a raster to the next.
struct Edge<'a> {
    walk: &'a Walk<'a>,
    from: Point,
    to: Point,
}

impl Edge<'_> {
    /// The point at a share of the edge, in the CRS.
    fn native(&self, share: f64) -> Point {
        let along = |a: f64, b: f64| a + (b - a) * share;
        (along(self.from.0, self.to.0), along(self.from.1, self.to.1))
    }

    /// Where the edge leads through the pole, if it does; both edges of a corner that lies there say so.
    fn share_at(&self, pole: &Pole) -> Option<f64> {
        let reach = self.walk.reach;
        if pole.distance(self.from) <= 2.0 * reach {
            return Some(0.0);
        }
        if pole.distance(self.to) <= 2.0 * reach {
            return Some(1.0);
        }
        let (dx, dy) = (self.to.0 - self.from.0, self.to.1 - self.from.1);
        let share = ((pole.at.0 - self.from.0) * dx + (pole.at.1 - self.from.1) * dy) / (dx * dx + dy * dy);
        ((0.0..=1.0).contains(&share) && pole.distance(self.native(share)) <= reach).then_some(share)
    }

    /// The point at a share of the edge, on the same turn of the globe as `near`.
    fn at(&self, share: f64, near: f64) -> Result<Point, CrsError> {
        let ((x, y), crs) = (self.native(share), &self.walk.raster.crs);
        let (lon, lat) = crs.to_lonlat(x, y)?;
        // A CRS in degrees runs on by itself; elsewhere longitudes jump at ±180.
        let turns = if crs.is_geographic() { 0.0 } else { ((near - lon) / 360.0).round() };
        Ok((lon + 360.0 * turns, lat))
    }

    /// Adds the points after `from` up to `to`, both shares of the edge.
    fn pieces(&self, from: f64, to: f64, ring: &mut Ring) -> Result<(), CrsError> {
        for part in 0..FIRST_CUTS {
            let at = |n: u32| from + (to - from) * f64::from(n) / f64::from(FIRST_CUTS);
            self.cut(at(part), at(part + 1), MAX_HALVINGS, ring)?;
        }
        Ok(())
    }

    fn cut(&self, from: f64, to: f64, halvings: u32, ring: &mut Ring) -> Result<(), CrsError> {
        let start = ring.last().copied().unwrap_or_default();
        let middle = self.at(0.5 * (from + to), start.0)?;
        let end = self.at(to, middle.0)?;
        let stray_lon = (middle.0 - 0.5 * (start.0 + end.0)) * middle.1.to_radians().cos();
        let stray = stray_lon.hypot(middle.1 - 0.5 * (start.1 + end.1));
        if halvings > 0 && stray > self.walk.tolerance {
            self.cut(from, 0.5 * (from + to), halvings - 1, ring)?;
            self.cut(0.5 * (from + to), to, halvings - 1, ring)
        } else {
            ring.push(end);
            Ok(())
        }
    }
}
