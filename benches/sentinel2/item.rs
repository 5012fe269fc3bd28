//! One Item from its index.

use cairn::crs::CrsError;
use chrono::{DateTime, TimeDelta, Utc};

use super::footprint::Footprint;
use super::numbers::{push_decimal, push_instant, push_padded, push_stamp};
use super::properties::{push_percentages, push_sun};
use super::schedule::{Datatake, ORBIT_MS, PLAN_MS, Schedule};
use super::template::{Form, SLOTS, Slot, Template};
use super::tiles::{SIDE_M, Tile, tiles};
use super::{draw, fraction};

/// 2023-01-01T00:00:00Z, when the first plan begins.
const START_MS: i64 = 1_672_531_200_000;
/// 2025-01-21T00:00:00Z: from then on Sentinel-2C flies where 2A did.
const SUCCESSION_MS: i64 = 1_737_417_600_000;
/// Letter, a time in milliseconds and the absolute orbit at that time.
const PLATFORMS: [(u8, i64, i64); 3] =
    [(b'A', 1_733_075_841_000, 49_330), (b'B', 1_733_247_989_000, 40_450), (b'C', SUCCESSION_MS, 1_970)];

/// A catalogue without end: the Item at every index. Making one takes 0.4 s, then it may be shared by threads.
#[derive(Debug)]
pub(crate) struct Generator {
    seed: u64,
    tiles: Vec<Tile>,
    schedule: Schedule,
    esa: Template,
    microsoft: Template,
    microsoft_long: Template,
}

/// What the name of a product is made of.
struct Product<'a> {
    tile: &'a Tile,
    orbit: u32,
    platform: u8,
    absolute_orbit: u32,
    form: Form,
    baseline: &'static str,
    /// Of the datatake.
    sensed: DateTime<Utc>,
    /// Of the datastrip.
    strip: DateTime<Utc>,
    made: DateTime<Utc>,
}

impl Generator {
    /// A catalogue of its own for every seed.
    ///
    /// # Errors
    /// When a UTM zone is not known.
    pub(crate) fn new(seed: u64) -> Result<Self, CrsError> {
        let tiles = tiles()?;
        Ok(Self {
            seed,
            schedule: Schedule::new(seed, &tiles),
            tiles,
            esa: Template::new(Form::Esa),
            microsoft: Template::new(Form::Microsoft),
            microsoft_long: Template::new(Form::MicrosoftLong),
        })
    }

    /// Writes the JSON of an Item, without a line's end.
    pub(crate) fn write_item(&self, index: u64, out: &mut Vec<u8>) {
        let length = self.schedule.order.len() as u64;
        let (round, at) = (index / length, (index % length) as usize);
        let (take, view) = self.schedule.order[at];
        let view = self.schedule.views[view as usize];
        let tile = &self.tiles[view.tile as usize];
        let take_seed = draw(self.seed, round << 32 | u64::from(take));
        let date = draw(take_seed, u64::from(view.tile));
        let datatake = &self.schedule.datatakes[take as usize];
        let product = Product::new(tile, datatake, round, take_seed, date);
        let footprint = Footprint::new(tile, view, date);

        let mut text = Vec::with_capacity(4096);
        let mut ends = [0; SLOTS.len()];
        for (end, (_, slot)) in ends.iter_mut().zip(SLOTS) {
            match slot {
                Slot::Id => product.push_name(&mut text, false),
                Slot::Place => footprint.push(&mut text, product.form == Form::MicrosoftLong),
                Slot::Properties => {
                    product.push_properties(&mut text);
                    let land = u64::from(view.tile);
                    push_percentages(&mut text, product.form, tile.middle.1, footprint.covered, date, land);
                    push_sun(&mut text, tile.middle, product.sensed, date);
                }
                Slot::Safe => product.push_safe(&mut text),
                Slot::Granule => {
                    text.extend_from_slice(b"/GRANULE/L2A_");
                    push_tile(&mut text, tile);
                    text.extend_from_slice(b"_A");
                    push_padded(&mut text, product.absolute_orbit, 6);
                    text.push(b'_');
                    push_stamp(&mut text, product.strip);
                }
                Slot::Datastrip => {
                    text.extend_from_slice(b"/DATASTRIP/DS_");
                    product.push_maker(&mut text);
                    text.push(b'_');
                    push_stamp(&mut text, product.made);
                    text.extend_from_slice(b"_S");
                    push_stamp(&mut text, product.strip);
                }
                Slot::Image => {
                    push_tile(&mut text, tile);
                    text.push(b'_');
                    push_stamp(&mut text, product.sensed);
                }
                Slot::Grid10 => push_grid(&mut text, tile, 10),
                Slot::Grid20 => push_grid(&mut text, tile, 20),
                Slot::Grid60 => push_grid(&mut text, tile, 60),
            }
            *end = text.len();
        }
        let template = match product.form {
            Form::Esa => &self.esa,
            Form::Microsoft => &self.microsoft,
            Form::MicrosoftLong => &self.microsoft_long,
        };
        template.push(out, |slot| {
            let nth = slot as usize;
            &text[if nth == 0 { 0 } else { ends[nth - 1] }..ends[nth]]
        });
    }
}

impl<'a> Product<'a> {
    fn new(tile: &'a Tile, datatake: &Datatake, round: u64, take_seed: u64, date: u64) -> Self {
        let sensed_ms = START_MS + round as i64 * PLAN_MS + datatake.start_ms;
        let succeeded = datatake.satellite == 0 && sensed_ms >= SUCCESSION_MS;
        let (platform, known_ms, known_orbit) =
            PLATFORMS[if succeeded { 2 } else { usize::from(datatake.satellite) }];
        let (form, baseline) = match draw(take_seed, 1) % 100 {
            0..51 => (Form::Esa, "05.11"),
            51..79 => (Form::Microsoft, "05.10"),
            _ => (Form::MicrosoftLong, "05.10"),
        };
        // ESA finishes a datatake at once, Microsoft its tiles one by one.
        let made_by = if form == Form::Esa { take_seed } else { date };
        let made_us = sensed_ms * 1000 + (1.1e10 + fraction(made_by, 2) * 2.4e10) as i64;
        let sensed = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(sensed_ms);
        Self {
            tile,
            orbit: datatake.orbit,
            platform,
            absolute_orbit: (known_orbit + (sensed_ms - known_ms).div_euclid(ORBIT_MS)) as u32,
            form,
            baseline,
            sensed,
            strip: sensed + TimeDelta::seconds((draw(take_seed, 3) % 600) as i64),
            made: DateTime::UNIX_EPOCH
                + TimeDelta::microseconds(if form == Form::Esa {
                    made_us / 1_000_000 * 1_000_000
                } else {
                    made_us
                }),
        }
    }

    /// `S2B_MSIL2A_20241203T174629_R098_T13TDE_20241203T211406`, in a product's name with the baseline.
    fn push_name(&self, out: &mut Vec<u8>, with_baseline: bool) {
        out.extend_from_slice(b"S2");
        out.push(self.platform);
        out.extend_from_slice(b"_MSIL2A_");
        push_stamp(out, self.sensed);
        if with_baseline {
            out.extend_from_slice(b"_N");
            self.push_baseline_digits(out);
        }
        out.extend_from_slice(b"_R");
        push_padded(out, self.orbit, 3);
        out.push(b'_');
        push_tile(out, self.tile);
        out.push(b'_');
        push_stamp(out, self.made);
    }

    fn push_baseline_digits(&self, out: &mut Vec<u8>) {
        out.extend(self.baseline.bytes().filter(u8::is_ascii_digit));
    }

    fn push_safe(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/");
        push_padded(out, u32::from(self.tile.zone), 2);
        let [band, column, row] = self.tile.letters;
        out.extend_from_slice(&[b'/', band, b'/', column, row, b'/']);
        let day = out.len();
        push_stamp(out, self.sensed);
        // 20241203T174629 → 2024/12/03/
        out.truncate(day + 8);
        out.insert(day + 4, b'/');
        out.insert(day + 7, b'/');
        out.push(b'/');
        self.push_name(out, true);
        out.extend_from_slice(b".SAFE");
    }

    /// The processing centre.
    fn push_maker(&self, out: &mut Vec<u8>) {
        if self.form == Form::Esa {
            out.extend_from_slice(&[b'2', self.platform, b'P', b'S']);
        } else {
            out.extend_from_slice(b"MSFT");
        }
    }

    /// The properties that name things, without the braces.
    fn push_properties(&self, out: &mut Vec<u8>) {
        let platform = self.platform;
        out.extend_from_slice(br#""datetime":""#);
        push_instant(out, self.sensed);
        out.extend_from_slice(br#"","platform":"Sentinel-2"#);
        out.push(platform);
        out.extend_from_slice(br#"","constellation":"Sentinel 2","instruments":["msi"],"proj:epsg":"#);
        push_padded(out, self.tile.epsg, 5);
        out.extend_from_slice(br#","sat:orbit_state":"descending","sat:relative_orbit":"#);
        push_padded(out, self.orbit, 1);
        out.extend_from_slice(br#","s2:mgrs_tile":""#);
        push_square(out, self.tile);
        out.extend_from_slice(
            br#"","s2:product_type":"S2MSI2A","s2:datatake_type":"INS-NOBS","s2:processing_baseline":""#,
        );
        out.extend_from_slice(self.baseline.as_bytes());
        out.extend_from_slice(br#"","s2:product_uri":""#);
        self.push_name(out, true);
        out.extend_from_slice(br#".SAFE","s2:generation_time":""#);
        push_instant(out, self.made);
        out.extend_from_slice(br#"","s2:datatake_id":"GS2"#);
        out.push(platform);
        out.push(b'_');
        push_stamp(out, self.sensed);
        out.push(b'_');
        push_padded(out, self.absolute_orbit, 6);
        self.push_baseline(out);
        out.extend_from_slice(br#"","s2:granule_id":"S2"#);
        out.push(platform);
        out.extend_from_slice(b"_OPER_MSI_L2A_TL_");
        self.push_maker(out);
        out.push(b'_');
        push_stamp(out, self.made);
        out.extend_from_slice(b"_A");
        push_padded(out, self.absolute_orbit, 6);
        out.push(b'_');
        push_tile(out, self.tile);
        self.push_baseline(out);
        out.extend_from_slice(br#"","s2:datastrip_id":"S2"#);
        out.push(platform);
        out.extend_from_slice(b"_OPER_MSI_L2A_DS_");
        self.push_maker(out);
        out.push(b'_');
        push_stamp(out, self.made);
        out.extend_from_slice(b"_S");
        push_stamp(out, self.strip);
        self.push_baseline(out);
        out.push(b'"');
    }

    fn push_baseline(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"_N");
        out.extend_from_slice(self.baseline.as_bytes());
    }
}

/// `13TDE`
fn push_square(out: &mut Vec<u8>, tile: &Tile) {
    push_padded(out, u32::from(tile.zone), 2);
    out.extend_from_slice(&tile.letters);
}

/// `T13TDE`
fn push_tile(out: &mut Vec<u8>, tile: &Tile) {
    out.push(b'T');
    push_square(out, tile);
}

/// Box, shape and transform of an image.
fn push_grid(out: &mut Vec<u8>, tile: &Tile, metres: i32) {
    let (west, north) = (tile.west_m, tile.north_m);
    let pixels = (SIDE_M / metres) as u32;
    let mut list = |before: &str, values: &[i32]| {
        out.extend_from_slice(before.as_bytes());
        for (nth, value) in values.iter().enumerate() {
            if nth > 0 {
                out.push(b',');
            }
            push_decimal(out, i64::from(*value), 0);
        }
    };
    list("[", &[west, north - SIDE_M, west + SIDE_M, north]);
    list(r#"],"proj:transform":["#, &[metres, 0, west, 0, -metres, north]);
    out.extend_from_slice(br#"],"proj:shape":["#);
    push_padded(out, pixels, 1);
    out.push(b',');
    push_padded(out, pixels, 1);
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    fn items(seed: u64, indices: impl Iterator<Item = u64>) -> Vec<Value> {
        let generator = Generator::new(seed).expect("a generator");
        let read = |index| {
            let mut out = Vec::new();
            generator.write_item(index, &mut out);
            serde_json::from_slice(&out).expect("JSON")
        };
        indices.map(read).collect()
    }

    #[test]
    fn an_item_weighs_what_real_ones_do_and_reads_as_one() {
        let generator = Generator::new(7).expect("a generator");
        for index in (0..10_000_000).step_by(9973) {
            let mut out = Vec::new();
            generator.write_item(index, &mut out);
            assert!((15_000..16_500).contains(&out.len()), "{}", out.len());
            let item: stac::Item = serde_json::from_slice(&out).expect("an Item");
            assert!([23, 24].contains(&item.assets.len()));
        }
    }

    #[test]
    fn percentages_of_what_pixels_show_make_a_hundred() {
        for item in items(7, (0..1000).map(|nth| nth * 311)) {
            let sum: f64 = [
                "eo:cloud_cover",
                "s2:cloud_shadow_percentage",
                "s2:water_percentage",
                "s2:snow_ice_percentage",
                "s2:vegetation_percentage",
                "s2:not_vegetated_percentage",
                "s2:unclassified_percentage",
                "s2:dark_features_percentage",
            ]
            .iter()
            .filter_map(|name| item["properties"][*name].as_f64())
            .sum();
            assert!((sum - 100.0).abs() < 1e-6, "{sum}");
        }
    }

    #[test]
    fn ids_are_unique_and_times_rise_with_local_disorder() {
        let items = items(7, 400_000..440_000);
        let ids: HashSet<&str> = items.iter().filter_map(|item| item["id"].as_str()).collect();
        assert_eq!(ids.len(), items.len());
        let times: Vec<&str> =
            items.iter().filter_map(|item| item["properties"]["datetime"].as_str()).collect();
        let falls = times.windows(2).filter(|pair| pair[0] > pair[1]).count();
        assert!(falls > 5000, "{falls}");
        assert!(times[..1000].iter().max() < times[39_000..].iter().min());
        let alike: HashSet<&str> = times.iter().copied().collect();
        assert!((10..=40).contains(&(times.len() / alike.len())), "{}", alike.len());
    }

    #[test]
    fn about_half_of_the_items_cover_their_tile() {
        let items = items(7, (0..5000).map(|nth| nth * 61));
        let full = items
            .iter()
            .filter(|item| item["geometry"]["coordinates"][0].as_array().map(Vec::len) == Some(5));
        let share = full.count() as f64 / items.len() as f64;
        assert!((0.4..0.6).contains(&share), "{share}");
    }
}
