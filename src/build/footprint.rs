//! Where a raster lies, in longitude and latitude.
//!
//! Across the antimeridian its outline is split in two (RFC 7946, section 3.1.9). Around a pole it runs from one side of
//! the antimeridian to the other, and is closed along the pole.

mod outline;

use crate::crs::CrsError;
use crate::stac::Bbox;

use super::inspect::Raster;
use outline::outline;

/// Decimals of a degree that are kept: 1 cm.
const DECIMALS: f64 = 1e7;

type Point = (f64, f64);
type Ring = Vec<Point>;

/// Where a raster lies.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Footprint {
    /// Closed counter-clockwise rings, one a polygon.
    rings: Vec<Ring>,
    /// The box around them; west above east across the antimeridian.
    pub(super) bbox: Bbox,
}

impl Footprint {
    /// The outline of a raster.
    pub(super) fn of(raster: &Raster) -> Result<Self, CrsError> {
        let outline = outline(raster)?;
        Ok(Self::from_outline(outline))
    }

    /// What an outline encloses: its last point on the first, longitudes running on across the antimeridian.
    pub(super) fn from_outline(mut outline: Ring) -> Self {
        let turn = match (outline.first(), outline.last()) {
            (Some(first), Some(last)) => last.0 - first.0,
            _ => 0.0,
        };
        let is_around_pole = turn.abs() > 180.0;
        outline.pop();
        if is_around_pole {
            outline = closed_along_pole(&outline, turn);
        }
        if signed_area(&outline) < 0.0 {
            outline.reverse();
        }
        let range = |of: fn(&Point) -> f64| {
            let values = outline.iter().map(of);
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
        };
        let ((west, east), (south, north)) = (range(|p| p.0), range(|p| p.1));
        let (west, east) = if is_around_pole { (-180.0, 180.0) } else { (west, east) };
        let mut rings = Vec::new();
        // The globe's turns that the outline reaches into, -180…180 being the one numbered 0.
        let turn_of = |lon: f64| ((lon + 180.0) / 360.0).floor();
        let (first, last) = (turn_of(west), turn_of(east - 1e-9));
        let mut turn = first;
        while turn <= last {
            let shift = turn * 360.0;
            let inside = clip(&clip(&outline, shift - 180.0, 1.0), shift + 180.0, -1.0);
            rings.extend(finish(inside.into_iter().map(|(lon, lat)| (lon - shift, lat)).collect()));
            turn += 1.0;
        }
        let (west, east) = match () {
            () if east - west >= 360.0 => (-180.0, 180.0),
            () if first < last => (west - first * 360.0, east - last * 360.0),
            () => (west - first * 360.0, east - first * 360.0),
        };
        let bbox = Bbox {
            west: round(west),
            south: round(south).max(-90.0),
            east: round(east),
            north: round(north).min(90.0),
        };
        Self { rings, bbox }
    }

    /// For the document: one polygon, or several when it is in parts.
    pub(super) fn geometry(&self) -> geojson::Geometry {
        let ring = |ring: &Ring| -> Vec<geojson::Position> {
            ring.iter().map(|(lon, lat)| geojson::Position::from([*lon, *lat])).collect()
        };
        geojson::Geometry::new(match self.rings.as_slice() {
            [only] => geojson::GeometryValue::new_polygon([ring(only)]),
            rings => geojson::GeometryValue::new_multi_polygon(rings.iter().map(|r| [ring(r)])),
        })
    }

    /// The outlines of several rasters of one Item together: that of the largest, which holds the others in all but
    /// broken products, and the box around all.
    pub(super) fn around(all: Vec<Self>) -> Option<Self> {
        let bbox = all.iter().map(|f| f.bbox).reduce(|a, b| a.union(&b))?;
        let area = |f: &Self| f.rings.iter().map(|ring| signed_area(ring)).sum::<f64>();
        let largest =
            all.into_iter().reduce(|a, b| if area(&b) > area(&a) * (1.0 + 1e-9) { b } else { a })?;
        if largest.holds(&bbox) {
            return Some(largest);
        }
        // Rasters side by side: the box is all that can be said without a union of polygons.
        let rings = bbox.parts().into_iter().map(|rect| {
            let (min, max) = (rect.min(), rect.max());
            vec![(min.x, min.y), (max.x, min.y), (max.x, max.y), (min.x, max.y), (min.x, min.y)]
        });
        Some(Self { rings: rings.collect(), bbox })
    }

    /// True when the box reaches no further than the outline's own, but for a pixel's width or so.
    fn holds(&self, bbox: &Bbox) -> bool {
        let slack = 2e-3 * (self.bbox.north - self.bbox.south).max(1e-6);
        let own = self.bbox.to_array();
        bbox.to_array().iter().zip(own).all(|(a, b)| (a - b).abs() <= slack)
    }
}

/// An outline that goes once around a pole, from one side of the antimeridian to the other and back along the pole.
fn closed_along_pole(outline: &[Point], turn: f64) -> Ring {
    let pole = 90_f64.copysign(outline.iter().map(|p| p.1).sum());
    let eastward = |n: usize| if turn > 0.0 { n } else { outline.len() - 1 - n };
    // One turn before and one after: what -180…180 needs is there wherever the outline begins.
    let turns = (-1..=1).flat_map(|turn| (0..outline.len()).map(move |n| (turn, n)));
    let mut ring: Ring = turns
        .filter_map(|(turn, n)| {
            outline.get(eastward(n)).map(|(lon, lat)| (lon + 360.0 * f64::from(turn), *lat))
        })
        .collect();
    if let (Some(first), Some(last)) = (ring.first().copied(), ring.last().copied()) {
        ring.extend([(last.0, pole), (first.0, pole)]);
    }
    ring
}

/// What lies on one side of a meridian: east of it for 1, west of it for -1 (Sutherland and Hodgman 1974).
fn clip(ring: &[Point], meridian: f64, side: f64) -> Ring {
    let inside = |p: &Point| (p.0 - meridian) * side >= 0.0;
    let mut kept = Ring::new();
    for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
        if inside(a) {
            kept.push(*a);
        }
        if inside(a) != inside(b) {
            let share = (meridian - a.0) / (b.0 - a.0);
            kept.push((meridian, a.1 + (b.1 - a.1) * share));
        }
    }
    kept
}

/// Rounds, drops points that fall together or lie on a straight line, and closes; none when nothing of area is left.
fn finish(ring: Ring) -> Option<Ring> {
    let mut rounded: Ring = Vec::with_capacity(ring.len() + 1);
    for (lon, lat) in ring {
        let point = (round(lon), round(lat));
        if rounded.last() != Some(&point) {
            rounded.push(point);
        }
    }
    while rounded.len() > 1 && rounded.first() == rounded.last() {
        rounded.pop();
    }
    let count = rounded.len();
    let mut kept: Ring = Vec::with_capacity(count + 1);
    for (index, point) in rounded.iter().enumerate() {
        let (Some(before), Some(after)) =
            (rounded.get((index + count - 1) % count), rounded.get((index + 1) % count))
        else {
            continue;
        };
        let cross = (point.0 - before.0) * (after.1 - point.1) - (point.1 - before.1) * (after.0 - point.0);
        if cross.abs() > 1e-15 {
            kept.push(*point);
        }
    }
    let first = kept.first().copied()?;
    if kept.len() < 3 {
        return None;
    }
    kept.push(first);
    Some(kept)
}

fn round(degrees: f64) -> f64 {
    // Adding zero makes −0 a plain 0.
    (degrees * DECIMALS).round() / DECIMALS + 0.0
}

fn signed_area(ring: &[Point]) -> f64 {
    let sides = ring.iter().zip(ring.iter().cycle().skip(1));
    0.5 * sides.map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crs::Crs;
    use crate::stac::DataType;

    fn footprint(epsg: u32, transform: [f64; 6], width: u32, height: u32) -> Footprint {
        let crs = Crs::from_epsg(epsg).expect("a CRS");
        let (data_type, bands, date_time) = (DataType::U8, Vec::new(), None);
        let raster = Raster {
            len: 1,
            width,
            height,
            data_type,
            bands,
            transform,
            crs,
            date_time,
            unreadable: None,
            is_cog: true,
        };
        Footprint::of(&raster).expect("a footprint")
    }

    fn is(found: &Footprint, bbox: [f64; 4]) -> bool {
        found.bbox.to_array().iter().zip(bbox).all(|(a, b)| (a - b).abs() < 1e-9)
    }

    #[test]
    fn a_grid_in_degrees_has_four_corners() {
        let found = footprint(4326, [0.1, 0.0, 10.0, 0.0, -0.1, 50.0], 20, 10);
        assert_eq!(found.rings, [vec![(10.0, 50.0), (10.0, 49.0), (12.0, 49.0), (12.0, 50.0), (10.0, 50.0)]]);
        assert!(is(&found, [10.0, 49.0, 12.0, 50.0]), "{:?}", found.bbox);
    }

    #[test]
    fn a_large_tile_is_densified_and_counter_clockwise() {
        let found = footprint(32_635, [10.0, 0.0, 300_000.0, 0.0, -10.0, 6_800_040.0], 10_980, 10_980);
        assert_eq!(found.rings.len(), 1);
        assert!((17..200).contains(&found.rings[0].len()), "{}", found.rings[0].len());
        assert!(signed_area(&found.rings[0]) > 0.0);
        // rasterio.warp.transform_bounds('EPSG:32635', 'EPSG:4326', 300000, 6690240, 409800, 6800040, densify_pts=999)
        let want = [23.267_498, 60.299_349, 25.366_028, 61.323_994];
        for (found, want) in found.bbox.to_array().iter().zip(want) {
            assert!((found - want).abs() < 1e-4, "{found} {want}");
        }
    }

    #[test]
    fn the_antimeridian_splits_the_outline() {
        let found = footprint(32_660, [1_000.0, 0.0, 700_000.0, 0.0, -1_000.0, 1_000_000.0], 200, 100);
        assert_eq!(found.rings.len(), 2);
        assert!(found.bbox.crosses_antimeridian());
        assert!(found.rings.iter().flatten().all(|p| p.0.abs() <= 180.0));
        assert!(found.rings.iter().all(|ring| signed_area(ring) > 0.0 && ring.first() == ring.last()));
    }

    #[test]
    fn longitudes_from_0_to_360_are_brought_home() {
        let found = footprint(4326, [1.0, 0.0, 0.0, 0.0, -1.0, 90.0], 360, 180);
        assert!(is(&found, [-180.0, -90.0, 180.0, 90.0]), "{:?}", found.bbox);
        assert_eq!(found.rings.len(), 2);
        let east = footprint(4326, [1.0, 0.0, 190.0, 0.0, -1.0, 10.0], 10, 10);
        assert!(is(&east, [-170.0, 0.0, -160.0, 10.0]), "{:?}", east.bbox);
    }

    #[test]
    fn a_raster_around_the_pole_reaches_it() {
        let found = footprint(3413, [10_000.0, 0.0, -1_000_000.0, 0.0, -10_000.0, 1_000_000.0], 200, 200);
        assert!((found.bbox.north - 90.0).abs() < 1e-9 && found.bbox.south < 80.0);
        assert!((found.bbox.west + 180.0).abs() < 1e-6 && (found.bbox.east - 180.0).abs() < 1e-6);
        assert!(
            found.rings.len() == 1 && signed_area(&found.rings[0]) > 0.0,
            "one polygon, whatever its corners"
        );
    }

    #[test]
    fn tiles_that_meet_at_a_pole_reach_it_by_two_meridians() {
        // WGS 84 / UPS North and South: longitude 0 leads down there, and up here.
        for (epsg, pole, box_of) in [
            (5041, 90.0, [[90.0, 180.0], [-180.0, -90.0], [0.0, 90.0], [-90.0, 0.0]]),
            (5042, -90.0, [[0.0, 90.0], [-90.0, 0.0], [90.0, 180.0], [-180.0, -90.0]]),
        ] {
            let tiles = [(1.0, 1.0), (0.0, 1.0), (1.0, 0.0), (0.0, 0.0)];
            for ((right, up), [west, east]) in tiles.into_iter().zip(box_of) {
                let (x, y) = (2e6 - 1e5 * (1.0 - right), 2e6 + 1e5 * up);
                let found = footprint(epsg, [1_000.0, 0.0, x, 0.0, -1_000.0, y], 100, 100);
                let bbox = found.bbox;
                assert_eq!((bbox.west, bbox.east), (west, east), "{epsg} {right} {up}");
                assert!(bbox.north == pole || bbox.south == pole);
                assert!(
                    found.rings.len() == 1
                        && [west, east].iter().all(|lon| found.rings[0].contains(&(*lon, pole)))
                );
            }
        }
    }
}
