//! Which tile is imaged when: 143 relative orbits in ten days, two satellites five days apart.
//!
//! The plan of forty days is made once and repeats, without the twentieth of its datatakes that never reaches a catalogue.

use super::tiles::Tile;
use super::{draw, fraction};

/// Orbits until a satellite sees the same again.
const ORBITS: usize = 143;
/// Milliseconds of one orbit: ten days hold [`ORBITS`] of them.
pub(super) const ORBIT_MS: i64 = CYCLE_MS / ORBITS as i64;
/// Milliseconds until a satellite sees the same again.
const CYCLE_MS: i64 = 864_000_000;
/// Such cycles in the plan.
const CYCLES: i64 = 4;
/// Milliseconds of the plan.
pub(super) const PLAN_MS: i64 = CYCLE_MS * CYCLES;
/// Where relative orbit 1 crosses the equator southwards, in degrees: so that orbit 98 sees the west of Denver.
const FIRST_CROSSING: f64 = 168.3;
/// Sine of the angle between the ground track and the meridian at the equator (the inclination is 98.6°).
const TILT: f64 = 0.1495;
/// Kilometres from the track to the swath's edge.
const HALF_SWATH_KM: f64 = 145.0;
/// Kilometres of a tile's side.
const TILE_KM: f64 = 109.8;
/// Relative orbits at most that a tile is kept from.
const ORBITS_A_TILE: usize = 4;
/// Of a tile's width, in its middle row: less is no product.
const LEAST_COVERED: f64 = 0.2;
/// Datatakes in a hundred that never reach the catalogue.
const LOST_PERCENT: u64 = 5;

/// One satellite's uninterrupted recording along a relative orbit: all of its tiles have one time.
#[derive(Debug)]
pub(super) struct Datatake {
    /// Milliseconds since the plan began.
    pub(super) start_ms: i64,
    /// Relative orbit, 1 to 143.
    pub(super) orbit: u32,
    /// Which of the two satellites.
    pub(super) satellite: u8,
}

/// One tile under one relative orbit.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    /// Index of the tile.
    pub(super) tile: u32,
    /// Where the swath's edge crosses the tile's middle row, as a fraction of its width, and how that moves northwards.
    pub(super) edge: f64,
    /// Change of `edge` from the south side to the north side.
    pub(super) slope: f64,
    /// True when the swath lies west of the edge.
    pub(super) keeps_west: bool,
}

/// The plan.
#[derive(Debug)]
pub(super) struct Schedule {
    /// In order of time.
    pub(super) datatakes: Vec<Datatake>,
    /// What there is to see.
    pub(super) views: Vec<View>,
    /// Indices of a datatake and of a view, in the order in which the Items come.
    pub(super) order: Vec<(u32, u32)>,
}

impl Schedule {
    /// Plans forty days over these tiles.
    pub(super) fn new(seed: u64, tiles: &[Tile]) -> Self {
        let mut views = Vec::new();
        let mut orbits = vec![Vec::new(); ORBITS];
        for (index, tile) in tiles.iter().enumerate() {
            for (orbit, view) in views_of(index as u32, tile) {
                orbits[orbit].push(views.len() as u32);
                views.push(view);
            }
        }
        let middle = |view: &u32| tiles[views[*view as usize].tile as usize].middle;
        for orbit in &mut orbits {
            orbit.sort_by(|a, b| middle(b).1.total_cmp(&middle(a).1));
        }
        let strips: Vec<Vec<&[u32]>> =
            orbits.iter().enumerate().map(|(orbit, seen)| strips(seed, orbit, seen, middle)).collect();

        let mut planned = Vec::new();
        for cycle in 0..CYCLES {
            for satellite in 0..2 {
                for (orbit, strips) in strips.iter().enumerate() {
                    for seen in strips {
                        let nth = planned.len() as u64;
                        let (_, lat) = middle(&seen[0]);
                        let along = ((90.0 - lat) / 360.0 * ORBIT_MS as f64) as i64;
                        let begin = cycle * CYCLE_MS + satellite * CYCLE_MS / 2 + orbit as i64 * ORBIT_MS;
                        // The real ones lie this close to a full second.
                        let ms = 19 + (draw(seed, nth) % 13) as i64;
                        let start_ms = (begin + along).rem_euclid(PLAN_MS) / 1000 * 1000 + ms;
                        let datatake =
                            Datatake { start_ms, orbit: orbit as u32 + 1, satellite: satellite as u8 };
                        planned.push((datatake, *seen));
                    }
                }
            }
        }
        let mut nth = 0;
        planned.retain(|_| {
            nth += 1;
            draw(!seed, nth) % 100 >= LOST_PERCENT
        });
        planned.sort_by_key(|(datatake, _)| datatake.start_ms);
        let mut order: Vec<(u32, u32)> = (0..)
            .zip(&planned)
            .flat_map(|(datatake, (_, seen))| seen.iter().map(move |view| (datatake, *view)))
            .collect();
        disorder(seed, &mut order);
        Self { datatakes: planned.into_iter().map(|(datatake, _)| datatake).collect(), views, order }
    }
}

/// The relative orbits, counted from 0, that see a tile, the nearest first.
fn views_of(index: u32, tile: &Tile) -> Vec<(usize, View)> {
    let (lon, lat) = tile.middle;
    let radians = lat.to_radians();
    // East of the crossing in the north: by the track's tilt, and because the Earth turned since.
    let shift = (TILT * radians.tan()).clamp(-1.0, 1.0).asin().to_degrees()
        + lat / 360.0 * (ORBIT_MS as f64 / 60_000.0) * 0.25;
    let tilt = (TILT / radians.cos()).min(0.7).asin().tan();
    let mut views: Vec<(f64, usize, View)> = (0..ORBITS)
        .filter_map(|orbit| {
            let crossing = FIRST_CROSSING - orbit as f64 * (3600.0 / ORBITS as f64);
            let degrees = (lon - crossing - shift + 180.0).rem_euclid(360.0) - 180.0;
            let km = degrees * radians.cos() * 111.32;
            let keeps_west = km > 0.0;
            let covered = (HALF_SWATH_KM - km.abs()) / TILE_KM + 0.5;
            let view = View {
                tile: index,
                edge: if keeps_west { covered } else { 1.0 - covered },
                slope: tilt + 0.04,
                keeps_west,
            };
            (covered > LEAST_COVERED).then_some((km.abs(), orbit, view))
        })
        .collect();
    views.sort_by(|a, b| a.0.total_cmp(&b.0));
    views.truncate(ORBITS_A_TILE);
    views.into_iter().map(|(_, orbit, view)| (orbit, view)).collect()
}

/// Cuts what an orbit sees, from north to south, into datatakes of 10 to 40 tiles without long gaps.
fn strips(seed: u64, orbit: usize, seen: &[u32], middle: impl Fn(&u32) -> (f64, f64)) -> Vec<&[u32]> {
    const GAP_DEGREES: f64 = 4.0;
    let land = seen.chunk_by(|a, b| middle(a).1 - middle(b).1 < GAP_DEGREES);
    land.flat_map(|run| {
        let size = 10 + draw(seed, (orbit << 32) as u64 | u64::from(run[0])) % 31;
        run.chunks(size as usize)
    })
    .collect()
}

/// Moves all by up to a few hundred places, and one in two hundred by up to twenty thousand.
fn disorder(seed: u64, order: &mut Vec<(u32, u32)>) {
    let mut keyed: Vec<(u64, (u32, u32))> = (0..)
        .zip(order.iter().copied())
        .map(|(at, entry)| {
            let reach = if fraction(seed, at) < 0.005 { 20_000 } else { 400 };
            (at + draw(seed.rotate_left(7), at) % reach, entry)
        })
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    order.clear();
    order.extend(keyed.into_iter().map(|(_, entry)| entry));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sentinel2::tiles::tiles;

    #[test]
    fn a_million_views_take_about_four_months() {
        let schedule = Schedule::new(7, &tiles().expect("tiles"));
        let days = 40.0 * 1e6 / schedule.order.len() as f64;
        assert!((100.0..135.0).contains(&days), "{days}");
    }

    #[test]
    fn orbit_98_sees_the_east_of_tile_13tde_as_it_does_in_reality() {
        let tiles = tiles().expect("tiles");
        let index = tiles.iter().position(|tile| tile.zone == 13 && &tile.letters == b"TDE").expect("13TDE");
        let views = views_of(0, &tiles[index]);
        let orbits: Vec<usize> = views.iter().map(|(orbit, _)| orbit + 1).collect();
        assert_eq!(orbits, [141, 98]);
        let view = views[1].1;
        assert!(!view.keeps_west && (0.5..0.9).contains(&view.edge), "{view:?}");
    }
}
