//! Where random patches lie: uniform by area over all places whose whole patch lies inside a matching Item's raster.
//!
//! The generator is `ChaCha8`: the key is `seed` as 8 little-endian bytes and 24 zeros, the stream is the sample's index.
//! Nothing else enters but the rasters of the matching Items, in the order of `/search`; rasters with the same grid count
//! once. A raster is drawn by the area of its places, a place in it uniformly by pixel, and kept with a chance of one in
//! the number of rasters that hold it, so that overlaps weigh no more than the rest.

use std::ops::RangeInclusive;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::engine::Engine;
use super::error::PatchError;
use super::grid::{Lattice, Window};
use super::request::{RandomRequest, Series};
use crate::stac::{Bbox, ItemFacts};

/// Draws before a request is given up: a place in a sliver of a raster's outline is rare, not impossible.
const MAX_DRAWS: usize = 100_000;

/// A raster as a set of places.
#[derive(Debug, Clone, PartialEq)]
struct Raster {
    lattice: Lattice,
    /// Rows and columns.
    shape: [u32; 2],
}

/// The places of one raster, as first rows and columns of their windows.
#[derive(Debug, Clone)]
struct Places {
    raster: Raster,
    rows: RangeInclusive<u32>,
    cols: RangeInclusive<u32>,
    /// Area of the places, largest scale of the CRS assumed, in square metres.
    weight: f64,
}

impl Engine {
    /// The middles of the samples that a request asks for, in longitude and latitude.
    pub(super) async fn random_places(&self, request: &RandomRequest) -> Result<Vec<(f64, f64)>, PatchError> {
        let rasters = self.rasters(&request.series).await?;
        let places: Vec<Places> = rasters
            .iter()
            .filter_map(|raster| Places::new(raster, request.size, request.within.as_ref()).transpose())
            .collect::<Result<_, _>>()?;
        let sampler =
            Sampler { places: &places, rasters: &rasters, size: request.size, within: request.within };
        (0..request.count as u64)
            .map(|nth| sampler.draw(request.seed, request.index.wrapping_add(nth)))
            .collect()
    }

    /// The distinct grids of the matching Items' finest asked bands, in the order of `/search`.
    async fn rasters(&self, series: &Series) -> Result<Vec<Raster>, PatchError> {
        let items = self.select(series, None).await?;
        let names = match &series.bands {
            Some(bands) => bands.clone(),
            None => items
                .iter()
                .map(|item| item.default_bands())
                .find(|bands| !bands.is_empty())
                .unwrap_or_default(),
        };
        let mut rasters: Vec<Raster> = Vec::new();
        let mut usable = false;
        for item in &items {
            let bands: Option<Vec<_>> = names.iter().map(|name| item.band(name)).collect();
            let Some(bands) = bands else { continue };
            usable = true;
            let grids: Option<Vec<_>> = bands.iter().map(|band| item.assets.get(band.asset)?.grid).collect();
            let described = grids.and_then(|grids| {
                grids
                    .into_iter()
                    .map(|grid| Raster {
                        lattice: Lattice::of_raster(grid.epsg, grid.transform, grid.shape),
                        shape: grid.shape,
                    })
                    .min_by(finer)
            });
            let raster = match described {
                Some(raster) => raster,
                None => self.opened_raster(item, &names).await?,
            };
            if !rasters.contains(&raster) {
                rasters.push(raster);
            }
        }
        match items.first() {
            Some(item) if !usable => {
                let band = names.iter().find(|name| !items.iter().any(|i| i.band(name).is_some())).cloned();
                Err(PatchError::no_band("bands", &band.unwrap_or_else(|| names.join(",")), item))
            }
            _ => Ok(rasters),
        }
    }

    /// For Items that do not describe their grid.
    async fn opened_raster(&self, item: &ItemFacts, names: &[String]) -> Result<Raster, PatchError> {
        let sources = super::source::open_bands(&self.headers, &self.places, item, names).await?;
        let all = sources.iter().map(|source| Raster { lattice: source.lattice, shape: source.shape() });
        all.min_by(finer).ok_or_else(|| PatchError::no_band("bands", "", item))
    }
}

fn finer(a: &Raster, b: &Raster) -> std::cmp::Ordering {
    a.lattice.resolution().total_cmp(&b.lattice.resolution())
}

impl Places {
    /// The places for patches of `size`, as far as they can lie in `within`; nothing when there are none.
    fn new(raster: &Raster, size: [u32; 2], within: Option<&Bbox>) -> Result<Option<Self>, PatchError> {
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
        Ok(Some(Self { raster: raster.clone(), rows, cols, weight }))
    }
}

/// Of a great circle.
const METRES_PER_DEGREE: f64 = 111_320.0;

fn is_degrees(epsg: u32) -> Result<bool, PatchError> {
    Ok(crate::crs::Crs::from_epsg(epsg).map_err(super::grid::GridError::from)?.is_geographic())
}

struct Sampler<'a> {
    places: &'a [Places],
    rasters: &'a [Raster],
    size: [u32; 2],
    within: Option<Bbox>,
}

impl Sampler<'_> {
    /// The middle of one sample.
    fn draw(&self, seed: u64, index: u64) -> Result<(f64, f64), PatchError> {
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
            let row = below(&mut random, &places.rows);
            let col = below(&mut random, &places.cols);
            let keep = share(&mut random);
            let [height, width] = self.size;
            let window =
                Window { lattice: places.raster.lattice, row: row.into(), col: col.into(), height, width };
            let (lon, lat) = window.center()?;
            if !self.within.is_none_or(|bbox| holds(&bbox, lon, lat)) {
                continue;
            }
            let others = self.rasters.iter().filter(|raster| self.fits(raster, lon, lat)).count().max(1);
            #[expect(clippy::cast_precision_loss, reason = "a count of rasters")]
            let chance = area_share(places.raster.lattice.epsg, lat)? / others as f64;
            if keep < chance {
                return Ok((lon, lat));
            }
        }
        let [height, width] = self.size;
        let within = if self.within.is_some() { " whose middle lies in 'within'" } else { "" };
        Err(PatchError::NoPlace { height, width, within })
    }

    /// True when the whole patch around the point lies inside the raster.
    fn fits(&self, raster: &Raster, lon: f64, lat: f64) -> bool {
        let Ok(window) = raster.lattice.around(lon, lat, self.size) else { return false };
        window.row >= 0
            && window.col >= 0
            && window.row + i64::from(window.height) <= i64::from(raster.shape[0])
            && window.col + i64::from(window.width) <= i64::from(raster.shape[1])
    }
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

    fn raster(x: f64, side: u32) -> Raster {
        let transform = [10.0, 0.0, x, 0.0, -10.0, 6_800_040.0];
        Raster { lattice: Lattice::of_raster(32635, transform, [side, side]), shape: [side, side] }
    }

    fn draw_many(rasters: &[Raster], count: u64) -> Vec<(f64, f64)> {
        let places: Vec<Places> =
            rasters.iter().filter_map(|r| Places::new(r, [16, 16], None).expect("places")).collect();
        let sampler = Sampler { places: &places, rasters, size: [16, 16], within: None };
        (0..count).map(|index| sampler.draw(7, index).expect("a place")).collect()
    }

    #[test]
    fn a_sample_depends_on_seed_and_index_alone() {
        let all = draw_many(&[raster(300_000.0, 100)], 5);
        assert_eq!(all, draw_many(&[raster(300_000.0, 100)], 5));
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn overlaps_weigh_no_more_than_the_rest() {
        // Two rasters of 1 km that share half of their width. Middles lie 80 m inside: 80 to 920 m in the one, 580 to 1,420 m
        // in the other.
        let rasters = [raster(300_000.0, 100), raster(300_500.0, 100)];
        let crs = crate::crs::Crs::from_epsg(32635).expect("UTM");
        let mut counts = [0u32; 3];
        for (lon, lat) in draw_many(&rasters, 6000) {
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
        let rasters = [raster(300_000.0, 10)];
        assert!(Places::new(&rasters[0], [16, 16], None).expect("no fault").is_none());
        let sampler = Sampler { places: &[], rasters: &rasters, size: [16, 16], within: None };
        assert!(matches!(sampler.draw(0, 0), Err(PatchError::NoPlace { .. })));
    }
}
