//! Draws places for random samples. Pure.
//!
//! A raster is drawn by the area of its places, a place in it uniformly by pixel, and kept with a chance of one in the number of
//! rasters that hold it, so that overlaps weigh no more than the rest. A patch on another grid than the raster's is drawn by its
//! middle, and drawn again until all of it lies inside.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::error::PatchError;
use super::rasters::{Raster, Rasters};
use super::request::WindowRequest;
use super::target::{self, Asked};
use super::turn::turn_of;
use super::window::Window;
use crate::crs::Crs;
use crate::stac::Bbox;

/// Draws before a request is given up: a place in a sliver of a raster's outline is rare, not impossible.
const MAX_DRAWS: usize = 100_000;

/// The places of one raster, as first rows and columns of their windows.
#[derive(Debug, Clone)]
struct Places {
    /// Which of the rasters.
    raster: usize,
    rows: RangeInclusive<u32>,
    cols: RangeInclusive<u32>,
    /// Area of the places, largest scale of the CRS assumed, in square metres.
    weight: f64,
}

impl Places {
    /// The places for patches of `size`, as far as they can lie in `within`; nothing when there are none.
    fn new(
        nth: usize,
        raster: &Raster,
        size: [u32; 2],
        within: Option<&Bbox>,
    ) -> Result<Option<Self>, PatchError> {
        let [Some(last_row), Some(last_col)] =
            [raster.shape[0].checked_sub(size[0]), raster.shape[1].checked_sub(size[1])]
        else {
            return Ok(None);
        };
        let (mut rows, mut cols) = (0..=last_row, 0..=last_col);
        if let Some(window) = within.map(|bbox| raster.lattice.covering(bbox)).transpose()? {
            let clip = |first: i64, len: u32, side: u32, last: u32| {
                // The middle of a patch lies half a side after its first pixel.
                let low = first - i64::from(side) / 2 - 1;
                let high = first + i64::from(len) - i64::from(side) / 2 + 1;
                let clamp = |v: i64| u32::try_from(v.clamp(0, i64::from(last))).unwrap_or(0);
                (high >= 0 && low <= i64::from(last)).then(|| clamp(low)..=clamp(high))
            };
            let clipped = clip(window.row, window.height, size[0], last_row).zip(clip(
                window.col,
                window.width,
                size[1],
                last_col,
            ));
            match clipped {
                Some((some_rows, some_cols)) => (rows, cols) = (some_rows, some_cols),
                None => return Ok(None),
            }
        }
        let count = |range: &RangeInclusive<u32>| f64::from(range.end() - range.start()) + 1.0;
        let [a, b, _, d, e, _] = raster.lattice.transform;
        let unit_m = if is_degrees(raster.lattice.epsg)? { METRES_PER_DEGREE } else { 1.0 };
        let weight = count(&rows) * count(&cols) * (a * e - b * d).abs() * unit_m * unit_m;
        Ok(Some(Self { raster: nth, rows, cols, weight }))
    }
}

/// Of a great circle.
const METRES_PER_DEGREE: f64 = 111_320.0;

fn is_degrees(epsg: u32) -> Result<bool, PatchError> {
    Ok(crate::crs::Crs::from_epsg(epsg).map_err(super::grid::GridError::from)?.is_geographic())
}

/// Draws places.
#[derive(Debug)]
pub(super) struct Sampler {
    places: Vec<Places>,
    rasters: Rasters,
    /// Of each raster: patches have its own grid.
    is_own: Vec<bool>,
    size: [u32; 2],
    within: Option<Bbox>,
    asked: Asked,
}

/// What a draw gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Drawn {
    /// The middle of a sample, in longitude and latitude.
    Place((f64, f64)),
    /// Nothing yet: the size of this raster's blocks must be known.
    Unknown(usize),
}

impl Sampler {
    /// A sampler of patches of `size` (rows, columns) whose middles lie in `within`.
    pub(super) fn new(
        rasters: Rasters,
        size: [u32; 2],
        within: Option<Bbox>,
        asked: Asked,
    ) -> Result<Self, PatchError> {
        let own = rasters.all.iter().map(|raster| asked.is_own(&raster.lattice));
        let is_own: Vec<bool> = own.collect::<Result<_, _>>()?;
        let all = rasters.all.iter().zip(&is_own).enumerate();
        let places = all.filter_map(|(nth, (raster, is_own))| {
            // A patch on another grid may have its middle at any pixel; whether all of it fits is looked at then.
            let size = if *is_own { size } else { [1, 1] };
            Places::new(nth, raster, size, within.as_ref()).transpose()
        });
        Ok(Self { places: places.collect::<Result<_, _>>()?, rasters, is_own, size, within, asked })
    }

    /// Memory for what it holds.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Places>() * self.places.len() + self.rasters.heap_bytes()
    }

    /// The rasters that places are drawn from.
    pub(super) fn rasters(&self) -> &Rasters {
        &self.rasters
    }

    /// True when every patch has its raster's own grid.
    pub(super) fn is_native(&self) -> bool {
        self.is_own.iter().all(|own| *own)
    }

    /// The middle of one sample; with `blocks` (rows and columns by raster) its first pixel is a block's.
    pub(super) fn draw(
        &self,
        seed: u64,
        index: u64,
        blocks: Option<&HashMap<usize, [u32; 2]>>,
    ) -> Result<Drawn, PatchError> {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut random = ChaCha8Rng::from_seed(key);
        random.set_stream(index);
        let total: f64 = self.places.iter().map(|p| p.weight).sum();
        for _ in 0..MAX_DRAWS {
            let mut at = share(&mut random) * total;
            let chosen = self.places.iter().find(|places| {
                at -= places.weight;
                at < 0.0
            });
            let Some(places) = chosen.or(self.places.last()) else { break };
            let raster = &self.rasters.all[places.raster];
            let (row, col) = match blocks {
                None => (below(&mut random, &places.rows), below(&mut random, &places.cols)),
                Some(blocks) => {
                    let Some([height, width]) = blocks.get(&places.raster) else {
                        return Ok(Drawn::Unknown(places.raster));
                    };
                    let starts = block_starts(&places.rows, *height).zip(block_starts(&places.cols, *width));
                    // None of the raster's blocks begins where 'within' leaves room.
                    let Some((rows, cols)) = starts else { continue };
                    (below(&mut random, &rows) * height, below(&mut random, &cols) * width)
                }
            };
            let keep = share(&mut random);
            let is_own = self.is_own[places.raster];
            let [height, width] = if is_own { self.size } else { [1, 1] };
            let window = Window { lattice: raster.lattice, row: row.into(), col: col.into(), height, width };
            let (lon, lat) = window.center()?;
            if !self.within.is_none_or(|bbox| holds(&bbox, lon, lat)) {
                continue;
            }
            if !is_own && !self.fits(places.raster, lon, lat) {
                continue;
            }
            let others = self.holding(lon, lat).max(1);
            #[expect(clippy::cast_precision_loss, reason = "a count of rasters")]
            let chance = area_share(raster.lattice.epsg, lat)? / others as f64;
            if keep < chance {
                return Ok(Drawn::Place((lon, lat)));
            }
        }
        let [height, width] = self.size;
        let within = if self.within.is_some() { " whose middle lies in 'within'" } else { "" };
        Err(PatchError::NoPlace { height, width, within })
    }

    /// How many rasters hold the whole patch around a point.
    fn holding(&self, lon: f64, lat: f64) -> usize {
        // Projected once for each CRS, not for each raster; what repeats, as longitudes do, is left to the exact test.
        let mut points: HashMap<u32, Option<(f64, f64)>> = HashMap::new();
        let mut near = |raster: &Raster| {
            let epsg = raster.lattice.epsg;
            let point = *points.entry(epsg).or_insert_with(|| {
                let crs = Crs::from_epsg(epsg).ok().filter(|crs| turn_of(crs).is_none())?;
                crs.from_lonlat(lon, lat).ok()
            });
            let Some((x, y)) = point else { return true };
            let inside = |at: f64, side: u32| (-1.0..=f64::from(side) + 1.0).contains(&at);
            let pixel = raster.lattice.pixel_of(x, y);
            pixel.is_ok_and(|(col, row)| inside(col, raster.shape[1]) && inside(row, raster.shape[0]))
        };
        let all = self.rasters.all.iter().enumerate();
        all.filter(|(nth, raster)| near(raster) && self.fits(*nth, lon, lat)).count()
    }

    /// True when the whole patch around the point lies inside a raster.
    fn fits(&self, nth: usize, lon: f64, lat: f64) -> bool {
        let raster = &self.rasters.all[nth];
        let place = WindowRequest::Center { lon, lat, size: self.size };
        let Ok(window) = target::window(&raster.lattice, &place, self.asked) else { return false };
        if !self.is_own[nth] {
            return raster.lattice.holds(raster.shape, &window).unwrap_or(false);
        }
        window.row >= 0
            && window.col >= 0
            && window.row + i64::from(window.height) <= i64::from(raster.shape[0])
            && window.col + i64::from(window.width) <= i64::from(raster.shape[1])
    }
}

/// The numbers of the blocks of `side` pixels that begin in a range of pixels.
fn block_starts(pixels: &RangeInclusive<u32>, side: u32) -> Option<RangeInclusive<u32>> {
    let (first, last) = (pixels.start().div_ceil(side), pixels.end() / side);
    (first <= last).then_some(first..=last)
}

fn holds(bbox: &Bbox, lon: f64, lat: f64) -> bool {
    let parts = bbox.parts();
    parts.iter().any(|r| (r.min().x..=r.max().x).contains(&lon) && (r.min().y..=r.max().y).contains(&lat))
}

/// How much of a pixel's nominal area it has on the ground, where the CRS stretches towards the poles.
fn area_share(epsg: u32, lat: f64) -> Result<f64, PatchError> {
    let cos = lat.to_radians().cos();
    Ok(match epsg {
        3857 => cos * cos,
        _ if is_degrees(epsg)? => cos,
        _ => 1.0,
    })
}

/// 53 random bits as a share from 0 to less than 1.
fn share(random: &mut impl Rng) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let bits = (random.next_u64() >> 11) as f64;
    bits / 9_007_199_254_740_992.0
}

/// One of the numbers of the range, by the high half of a product: the bias is below 2⁻³².
fn below(random: &mut impl Rng, range: &RangeInclusive<u32>) -> u32 {
    let count = u64::from(range.end() - range.start()) + 1;
    let drawn = (u128::from(random.next_u64()) * u128::from(count)) >> 64;
    range.start() + u32::try_from(drawn).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patch::grid::Lattice;

    fn raster(x: f64, side: u32) -> Raster {
        let transform = [10.0, 0.0, x, 0.0, -10.0, 6_800_040.0];
        Raster::for_test(Lattice::of_raster(32635, transform, [side, side]), [side, side])
    }

    const NATIVE: Asked = Asked { crs: None, resolution: None };

    fn sampler(rasters: &[Raster], asked: Asked) -> Sampler {
        Sampler::new(Rasters::for_test(rasters.to_vec()), [16, 16], None, asked).expect("a sampler")
    }

    fn draw_many(
        rasters: &[Raster],
        count: u64,
        blocks: Option<&HashMap<usize, [u32; 2]>>,
    ) -> Vec<(f64, f64)> {
        let sampler = sampler(rasters, NATIVE);
        let place = |index| match sampler.draw(7, index, blocks).expect("a place") {
            Drawn::Place(place) => place,
            Drawn::Unknown(raster) => panic!("the blocks of {raster} are known"),
        };
        (0..count).map(place).collect()
    }

    #[test]
    fn a_sample_depends_on_seed_and_index_alone() {
        let all = draw_many(&[raster(300_000.0, 100)], 5, None);
        assert_eq!(all, draw_many(&[raster(300_000.0, 100)], 5, None));
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn aligned_places_begin_where_blocks_do_and_reach_all_of_them() {
        let rasters = [raster(300_000.0, 100)];
        let crs = Crs::from_epsg(32635).expect("UTM");
        let mut seen = [0u32; 3];
        for (lon, lat) in draw_many(&rasters, 900, Some(&HashMap::from([(0, [20, 32])]))) {
            let (x, y) = crs.from_lonlat(lon, lat).expect("a point");
            let col = ((x - 300_000.0) / 10.0 - 8.0).round();
            let row = ((6_800_040.0 - y) / 10.0 - 8.0).round();
            assert!(col % 32.0 == 0.0 && row % 20.0 == 0.0, "{row} {col}");
            seen[[32.0, 64.0].iter().filter(|start| col >= **start).count()] += 1;
        }
        // 300 each, within five standard deviations.
        assert!(seen.iter().all(|count| count.abs_diff(300) < 71), "{seen:?}");
        let unknown = sampler(&rasters, NATIVE).draw(7, 0, Some(&HashMap::new())).expect("no fault");
        assert_eq!(unknown, Drawn::Unknown(0));
    }

    #[test]
    fn patches_on_another_grid_lie_inside_the_raster_and_reach_its_edges() {
        let own = raster(300_000.0, 100);
        for asked in
            [Asked { crs: None, resolution: Some(30.0) }, Asked { crs: Some(3857), resolution: Some(40.0) }]
        {
            let sampler = sampler(std::slice::from_ref(&own), asked);
            let mut corners = [f64::INFINITY, f64::NEG_INFINITY];
            for index in 0..300 {
                let Drawn::Place((lon, lat)) = sampler.draw(7, index, None).expect("a place") else {
                    panic!("no blocks are asked for")
                };
                let place = WindowRequest::Center { lon, lat, size: [16, 16] };
                let window = target::window(&own.lattice, &place, asked).expect("a window");
                let crs = Crs::from_epsg(32635).expect("UTM");
                for (lon, lat) in window.outline().expect("an outline") {
                    let (x, _) = crs.from_lonlat(lon, lat).expect("a point");
                    corners = [corners[0].min(x), corners[1].max(x)];
                }
            }
            assert!((300_000.0 - 0.1..300_060.0).contains(&corners[0]), "{corners:?}");
            assert!((300_940.0..=301_000.1).contains(&corners[1]), "{corners:?}");
        }
    }

    #[test]
    fn overlaps_weigh_no_more_than_the_rest() {
        // Two rasters of 1 km that share half of their width. Middles lie 80 m inside: 80 to 920 m in the one, 580 to 1,420 m
        // in the other.
        let rasters = [raster(300_000.0, 100), raster(300_500.0, 100)];
        let crs = crate::crs::Crs::from_epsg(32635).expect("UTM");
        let mut counts = [0u32; 3];
        for (lon, lat) in draw_many(&rasters, 6000, None) {
            let (x, _) = crs.from_lonlat(lon, lat).expect("a point");
            counts[[580.0, 920.0].iter().filter(|edge| x - 300_000.0 >= **edge).count()] += 1;
        }
        // 500, 340 and 500 of 1,340 m, within four standard deviations.
        for (count, expected) in counts.into_iter().zip([2239, 1522, 2239u32]) {
            assert!(count.abs_diff(expected) < 150, "{counts:?}");
        }
    }

    #[test]
    fn no_room_is_an_error() {
        let sampler = sampler(&[raster(300_000.0, 10)], NATIVE);
        assert!(sampler.places.is_empty());
        assert!(matches!(sampler.draw(0, 0, None), Err(PatchError::NoPlace { .. })));
    }
}
