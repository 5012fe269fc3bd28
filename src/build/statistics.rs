//! Statistics and histograms of a raster's bands, from its pixels at no more than 1,024 a side.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stac::{Asset, Statistics};

use super::pixels::{self, PixelError};
use crate::pool::Pool;
use crate::storage::Storage;

/// Pixels a side that are looked at.
const SIDE_PIXELS: u32 = 1024;
/// Buckets of a histogram.
const BUCKETS: usize = 32;
/// Bands read together.
const BANDS_AT_ONCE: usize = 8;

/// What the valid pixels of one band have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct BandStatistics {
    /// Share of valid pixels.
    valid_percent: f64,
    /// None when no pixel is valid.
    values: Option<Values>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Values {
    minimum: f64,
    maximum: f64,
    mean: f64,
    stddev: f64,
    /// Bounds of the histogram: those of the values, or half a unit around a single one, as `NumPy` has it.
    low: f64,
    high: f64,
    buckets: Vec<u64>,
}

/// Looks at the bands of a raster, in its order; one that says where the others are valid is not among them.
pub(super) async fn of_file(
    storage: &Storage,
    pool: &Pool,
    path: &Path,
) -> Result<Vec<BandStatistics>, PixelError> {
    let opened = pixels::open(storage, path).await?;
    let image = &opened.header.full.image;
    let alpha = image.alpha_band().filter(|band| band + 1 == image.bands && image.bands > 1);
    let bands: Vec<u16> = (0..image.bands).filter(|band| Some(*band) != alpha).collect();
    let mut all = Vec::with_capacity(bands.len());
    for part in bands.chunks(BANDS_AT_ONCE) {
        let pixels = pixels::read(storage, pool, &opened, part, SIDE_PIXELS).await?;
        all.extend(pool.run(move || pixels.bands.iter().map(|band| of(band)).collect::<Vec<_>>()).await);
    }
    Ok(all)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a million at most")]
fn of(band: &[f64]) -> BandStatistics {
    let valid = || band.iter().copied().filter(|value| value.is_finite());
    let count = valid().count() as f64;
    let valid_percent = (1e4 * count / band.len().max(1) as f64).round() / 100.0;
    let (Some(minimum), Some(maximum)) = (valid().reduce(f64::min), valid().reduce(f64::max)) else {
        return BandStatistics { valid_percent, values: None };
    };
    let mean = valid().sum::<f64>() / count;
    let stddev = (valid().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
    let (low, high) = if minimum < maximum { (minimum, maximum) } else { (minimum - 0.5, maximum + 0.5) };
    let mut buckets = vec![0; BUCKETS];
    for value in valid() {
        let place = (value - low) / (high - low) * BUCKETS as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to the count of buckets"
        )]
        let place = (place as usize).min(BUCKETS - 1);
        if let Some(bucket) = buckets.get_mut(place) {
            *bucket += 1;
        }
    }
    BandStatistics {
        valid_percent,
        values: Some(Values { minimum, maximum, mean, stddev, low, high, buckets }),
    }
}

/// Writes statistics into the bands of an asset, which has as many; true when a histogram was written.
pub(super) fn put(asset: &mut Asset, all: &[BandStatistics], with_histograms: bool) -> bool {
    if asset.bands.len() != all.len() {
        return false;
    }
    let mut any = false;
    for (band, statistics) in asset.bands.iter_mut().zip(all) {
        let values = statistics.values.as_ref();
        band.statistics = Some(Statistics {
            minimum: values.map(|v| v.minimum),
            maximum: values.map(|v| v.maximum),
            mean: values.map(|v| v.mean),
            stddev: values.map(|v| v.stddev),
            valid_percent: Some(statistics.valid_percent),
        });
        if let Some(values) = values.filter(|_| with_histograms) {
            band.additional_fields.insert("raster:histogram".to_owned(), histogram(values));
            any = true;
        }
    }
    any
}

fn histogram(values: &Values) -> Value {
    json!({"count": BUCKETS, "min": values.low, "max": values.high, "buckets": values.buckets})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_pixels_do_not_count() {
        let found = of(&[1.0, f64::NAN, 3.0, f64::NAN]);
        let values = found.values.expect("values");
        assert_eq!((found.valid_percent, values.minimum, values.maximum), (50.0, 1.0, 3.0));
        assert_eq!((values.mean, values.stddev), (2.0, 1.0));
        assert_eq!((values.buckets[0], values.buckets[BUCKETS - 1]), (1, 1));
        assert_eq!(of(&[f64::NAN]), BandStatistics { valid_percent: 0.0, values: None });
        let same = of(&[7.0, 7.0]).values.expect("values");
        assert_eq!((same.low, same.high, same.buckets[BUCKETS / 2]), (6.5, 7.5, 2));
    }
}
