//! The outline of what one date shows of a tile: all of it, or what the swath's edge leaves.

use super::numbers::push_decimal;
use super::schedule::View;
use super::tiles::Tile;
use super::{draw, fraction};

/// Longitude and latitude in units of 10⁻⁷ degrees, as the real Items round them.
type Vertex = [i64; 2];

const UNITS: f64 = 1e7;
/// Half a turn in these units.
const HALF_TURN: i64 = 1_800_000_000;

/// An outline and the part of the tile inside it.
#[derive(Debug)]
pub(super) struct Footprint {
    /// The vertices in the order of the real Items, clockwise, the first again at the end.
    ring: Vec<Vertex>,
    /// 0 to 1.
    pub(super) covered: f64,
}

impl Footprint {
    /// The outline at one date.
    pub(super) fn new(tile: &Tile, view: View, date: u64) -> Self {
        let square = outline(view, date);
        let vertices = square.iter().chain(square.first());
        let twice: f64 = square
            .iter()
            .zip(square.iter().cycle().skip(1))
            .map(|((x1, y1), (x2, y2))| x2 * y1 - x1 * y2)
            .sum();
        Self { ring: vertices.map(|(x, y)| place(tile, *x, *y)).collect(), covered: twice / 2.0 }
    }

    /// Writes `"geometry":…,"bbox":[…]`; the box with a digit more when `long`, as a part of the real ones have it.
    pub(super) fn push(&self, out: &mut Vec<u8>, long: bool) {
        let lons = self.ring.iter().map(|vertex| vertex[0]);
        let (mut west, mut east) = (lons.clone().min().unwrap_or(0), lons.max().unwrap_or(0));
        if west < HALF_TURN && east > HALF_TURN || west < -HALF_TURN && east > -HALF_TURN {
            // Always in the frame where the antimeridian is +180.
            let turn = if west < -HALF_TURN { 2 * HALF_TURN } else { 0 };
            let ring: Vec<Vertex> = self.ring.iter().map(|[x, y]| [x + turn, *y]).collect();
            out.extend_from_slice(br#""geometry":{"type":"MultiPolygon","coordinates":[["#);
            push_ring(out, &clip(&ring, 1), 0);
            out.extend_from_slice(b"],[");
            push_ring(out, &clip(&ring, -1), -2 * HALF_TURN);
            out.extend_from_slice(b"]]}");
            (west, east) = (west + turn, east + turn - 2 * HALF_TURN);
        } else {
            let turn = if west >= HALF_TURN {
                -2 * HALF_TURN
            } else if east <= -HALF_TURN {
                2 * HALF_TURN
            } else {
                0
            };
            out.extend_from_slice(br#""geometry":{"type":"Polygon","coordinates":["#);
            push_ring(out, &self.ring, turn);
            out.extend_from_slice(b"]}");
            (west, east) = (west + turn, east + turn);
        }
        let lats = self.ring.iter().map(|vertex| vertex[1]);
        let (south, north) = (lats.clone().min().unwrap_or(0), lats.max().unwrap_or(0));
        out.extend_from_slice(br#","bbox":["#);
        for (index, value) in [west, south, east, north].into_iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            if long {
                // Rounded to eight digits from the same number.
                push_decimal(out, value * 10 + (value % 7 - 3), 8);
            } else {
                push_decimal(out, value, 7);
            }
        }
        out.push(b']');
    }
}

/// The outline in the tile's own square: x east, y north, 0 to 1.
fn outline(view: View, date: u64) -> Vec<(f64, f64)> {
    // Metres to a few hundred of them: no two passes are alike.
    let edge = view.edge + (fraction(date, 1) - 0.5) * 0.012;
    let x_at = |y: f64| edge + view.slope * (y - 0.5);
    let y_at = |x: f64| 0.5 + (x - edge) / view.slope;
    let (low, high) = (y_at(0.0).max(0.0), y_at(1.0).min(1.0));
    let all_seen = if view.keeps_west { x_at(0.0) >= 1.0 } else { x_at(1.0) <= 0.0 };
    if all_seen || high - low < 0.01 {
        return vec![(0.0, 1.0), (1.0, 1.0), (1.0, 0.0), (0.0, 0.0)];
    }
    // Detectors make the edge: a vertex every 16 km, a few times far more.
    let step = if draw(date, 2).is_multiple_of(40) { 0.035 } else { 0.1485 };
    let mut line = vec![(x_at(low), low)];
    let mut y = low + step * (0.05 + 0.95 * fraction(date, 3));
    let mut nth = 10;
    while y < high {
        line.push(((x_at(y) + (fraction(date, nth) - 0.5) * 0.001).clamp(0.0, 1.0), y));
        y += step;
        nth += 1;
    }
    line.push((x_at(high), high));
    let mut ring = Vec::with_capacity(line.len() + 3);
    if view.keeps_west {
        if low == 0.0 {
            ring.push((0.0, 0.0));
        }
        ring.push((0.0, 1.0));
        if high < 1.0 {
            ring.push((1.0, 1.0));
        }
        ring.extend(line.into_iter().rev());
    } else {
        if low > 0.0 {
            ring.push((0.0, 0.0));
        }
        ring.extend(line);
        if high == 1.0 {
            ring.push((1.0, 1.0));
        }
        ring.push((1.0, 0.0));
    }
    ring
}

/// A point of the tile's square on Earth.
fn place(tile: &Tile, x: f64, y: f64) -> Vertex {
    let [nw, ne, se, sw] = tile.corners;
    let mix = |pick: fn((f64, f64)) -> f64| {
        let (north, south) = (pick(nw) + (pick(ne) - pick(nw)) * x, pick(sw) + (pick(se) - pick(sw)) * x);
        ((south + (north - south) * y) * UNITS).round() as i64
    };
    [mix(|corner| corner.0), mix(|corner| corner.1)]
}

/// What of a ring lies west (`side` 1) or east (-1) of +180°.
fn clip(ring: &[Vertex], side: i64) -> Vec<Vertex> {
    let depth = |vertex: &Vertex| (HALF_TURN - vertex[0]) * side;
    let mut kept = Vec::with_capacity(ring.len() + 3);
    for pair in ring.windows(2) {
        let (from, to) = (depth(&pair[0]), depth(&pair[1]));
        if from >= 0 {
            kept.push(pair[0]);
        }
        if (from > 0) != (to > 0) && from != 0 && to != 0 {
            let part = from as f64 / (from - to) as f64;
            let lat = pair[0][1] as f64 + part * (pair[1][1] - pair[0][1]) as f64;
            kept.push([HALF_TURN, lat.round() as i64]);
        }
    }
    kept.extend(kept.first().copied());
    kept
}

fn push_ring(out: &mut Vec<u8>, ring: &[Vertex], turn: i64) {
    out.push(b'[');
    for (index, [lon, lat]) in ring.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"[" } else { b",[" });
        push_decimal(out, lon + turn, 7);
        out.push(b',');
        push_decimal(out, *lat, 7);
        out.push(b']');
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(edge: f64, keeps_west: bool) -> View {
        View { tile: 0, edge, slope: 0.25, keeps_west }
    }

    fn area(view: View) -> f64 {
        let corners = [(0.0, 1.0), (1.0, 1.0), (1.0, 0.0), (0.0, 0.0)];
        let tile = Tile {
            zone: 1,
            epsg: 32_601,
            letters: *b"NAA",
            west_m: 0,
            north_m: 0,
            corners,
            middle: (0.5, 0.5),
        };
        Footprint::new(&tile, view, 5).covered
    }

    #[test]
    fn both_sides_of_an_edge_make_up_the_tile_wherever_it_runs() {
        for edge in [-0.1, 0.0, 0.05, 0.3, 0.5, 0.9, 1.0, 1.1] {
            let both = area(view(edge, true)) + area(view(edge, false));
            assert!((both - 1.0).abs() < 0.01 || (both - 2.0).abs() < 0.02, "{edge}: {both}");
        }
        assert_eq!(area(view(2.0, true)), 1.0);
        assert!((area(view(0.5, true)) - 0.5).abs() < 0.02);
    }

    #[test]
    fn a_full_tile_is_the_same_at_every_date_and_a_part_never_is() {
        assert_eq!(outline(view(2.0, true), 1), outline(view(2.0, true), 2));
        assert_ne!(outline(view(0.5, true), 1), outline(view(0.5, true), 2));
    }

    #[test]
    fn clipping_at_the_antimeridian_keeps_the_sides_apart() {
        let h = HALF_TURN;
        let ring = [[h - 10, 10], [h + 30, 10], [h + 30, 0], [h - 10, 0], [h - 10, 10]];
        assert_eq!(clip(&ring, 1), [[h - 10, 10], [h, 10], [h, 0], [h - 10, 0], [h - 10, 10]]);
        assert_eq!(clip(&ring, -1), [[h, 10], [h + 30, 10], [h + 30, 0], [h, 0], [h, 10]]);
    }
}
