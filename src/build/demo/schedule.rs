//! Who looks when: two satellites on two relative orbits through 2024.

use chrono::{DateTime, Duration, NaiveDate, Utc};

/// Orbit whose swath covers the whole area.
const WHOLE_ORBIT: u32 = 79;
/// Orbit whose swath ends within the area.
const PARTIAL_ORBIT: u32 = 36;
/// The date, counted over the whole orbit's passes, whose acquisition is cut into two datastrips.
const CUT_PASS: i64 = 8;
/// Shares of the area that are cloudy, pass by pass: clear, scattered and overcast days as a northern year has them.
const CLOUD_COVER: [f32; 28] = [
    0.88, 0.04, 0.35, 0.0, 0.62, 0.15, 0.97, 0.02, 0.28, 0.0, 0.45, 0.08, 0.18, 0.03, 0.33, 0.0, 0.72, 0.11,
    0.02, 0.55, 0.06, 0.24, 0.9, 0.13, 0.4, 0.01, 0.68, 0.3,
];

/// The part of the area that a product's pixels cover.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Swath {
    /// All of it.
    Whole,
    /// What lies east of the slanted edge of the swath.
    East,
    /// The first datastrip of a cut acquisition: the north.
    NorthPart,
    /// The second datastrip, which overlaps the first by some lines.
    SouthPart,
}

/// One product: a satellite's look at the tile.
#[derive(Debug, Clone)]
pub(super) struct Product {
    /// Its name in the style of ESA, which becomes the Item's id.
    pub(super) name: String,
    /// Number of the pass, the same for all datastrips of one.
    pub(super) pass: u64,
    /// Day of the year, for the seasons.
    pub(super) day: f32,
    /// Share of the area to be covered by clouds.
    pub(super) cloud_cover: f32,
    /// What it covers.
    pub(super) swath: Swath,
}

/// All products in the order of time.
pub(super) fn products() -> Vec<Product> {
    let mut passes: Vec<(i64, char, u32, bool)> = Vec::new();
    for n in 0..18 {
        let (day, satellite) = alternate(5 + 20 * n, n);
        passes.push((day, satellite, WHOLE_ORBIT, n == CUT_PASS));
    }
    for n in 0..9 {
        let (day, satellite) = alternate(22 + 40 * n, n);
        passes.push((day, satellite, PARTIAL_ORBIT, false));
    }
    passes.sort_unstable();
    let covers = CLOUD_COVER.iter().copied().cycle();
    let mut products = Vec::new();
    for ((pass, (day, satellite, orbit, cut)), cloud_cover) in (0..).zip(passes).zip(covers) {
        let swaths: &[Swath] = match (orbit, cut) {
            (_, true) => &[Swath::NorthPart, Swath::SouthPart],
            (WHOLE_ORBIT, false) => &[Swath::Whole],
            _ => &[Swath::East],
        };
        for (strip, swath) in (0..).zip(swaths) {
            // A clear day for the cut acquisition, so that the seam can be looked at.
            let cloud_cover = if cut { 0.12 } else { cloud_cover };
            let name = name(day, satellite, orbit, strip);
            products.push(Product { name, pass, day: day_of_year(day), cloud_cover, swath: *swath });
        }
    }
    products
}

/// Each satellite comes back to an orbit after ten days, the other one five days later.
fn alternate(day: i64, n: i64) -> (i64, char) {
    if n % 2 == 0 { (day, 'A') } else { (day + 5, 'B') }
}

#[expect(clippy::cast_precision_loss, reason = "days of a year")]
fn day_of_year(day: i64) -> f32 {
    day as f32
}

/// `S2A_MSIL2A_20240105T095029_N0510_R079_T35VLH_20240105T131512`: the strips of one acquisition start 14 s apart.
fn name(day: i64, satellite: char, orbit: u32, strip: i64) -> String {
    let (hour, minute, second) = if orbit == WHOLE_ORBIT { (9, 50, 29) } else { (9, 40, 41) };
    let new_year: DateTime<Utc> = NaiveDate::from_ymd_opt(2024, 1, 1)
        .and_then(|date| date.and_hms_opt(hour, minute, second))
        .map(|time| time.and_utc())
        .unwrap_or_default();
    let sensed = new_year + Duration::days(day - 1) + Duration::seconds(14 * strip);
    let produced = sensed + Duration::seconds(12_283 + 1_009 * strip);
    let format = "%Y%m%dT%H%M%S";
    format!(
        "S2{satellite}_MSIL2A_{}_N0510_R{orbit:03}_T35VLH_{}",
        sensed.format(format),
        produced.format(format)
    )
}

impl Swath {
    /// True where the product has pixels; x and y run from 0 to 1 eastward and southward over the area.
    pub(super) fn covers(self, x: f32, y: f32) -> bool {
        match self {
            Self::Whole => true,
            // A descending orbit at 61° N runs about 14° west of south.
            Self::East => x > 0.46 - 0.25 * y,
            Self::NorthPart => y < 0.56 + 0.04 * x,
            Self::SouthPart => y > 0.44 + 0.04 * x,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn there_are_27_passes_and_one_of_them_is_cut() {
        let products = products();
        assert_eq!(products.len(), 28);
        assert_eq!(products.iter().map(|p| p.pass).collect::<HashSet<_>>().len(), 27);
        assert_eq!(products.iter().map(|p| &p.name).collect::<HashSet<_>>().len(), 28);
        assert_eq!(products[0].name, "S2A_MSIL2A_20240105T095029_N0510_R079_T35VLH_20240105T131512");
        let days: HashSet<_> = products.iter().map(|p| &p.name[11..19]).collect();
        assert_eq!(days.len(), 27);
    }

    #[test]
    fn the_two_datastrips_overlap_and_cover_the_area() {
        for y in 0..=100_u8 {
            let y = f32::from(y) / 100.0;
            assert!(Swath::NorthPart.covers(0.5, y) || Swath::SouthPart.covers(0.5, y));
        }
        assert!(Swath::NorthPart.covers(0.5, 0.5) && Swath::SouthPart.covers(0.5, 0.5));
    }
}
