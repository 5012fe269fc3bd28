//! Counting values that a new type cannot hold, before they are cut.

use gdal::Dataset;
use gdal::raster::GdalDataType;

use super::error::ConvertError;
use super::facts::SourceBand;

/// Samples that are looked at in one go: 8 MiB of doubles.
const SAMPLES: usize = 1 << 20;

/// The values that a type holds; none for floating point, which holds any, rounded or infinite.
pub(super) fn bounds(data_type: GdalDataType) -> Option<(f64, f64)> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "the bound that rounds up cannot be told apart in doubles"
    )]
    match data_type {
        GdalDataType::UInt8 => Some((0.0, 255.0)),
        GdalDataType::UInt16 => Some((0.0, 65_535.0)),
        GdalDataType::Int16 => Some((-32_768.0, 32_767.0)),
        GdalDataType::UInt32 => Some((0.0, f64::from(u32::MAX))),
        GdalDataType::Int32 => Some((f64::from(i32::MIN), f64::from(i32::MAX))),
        GdalDataType::UInt64 => Some((0.0, u64::MAX as f64)),
        GdalDataType::Int64 => Some((i64::MIN as f64, i64::MAX as f64)),
        GdalDataType::Float32 => Some((f64::from(f32::MIN), f64::from(f32::MAX))),
        _ => None,
    }
}

/// Whether a type holds a value, which may be NaN.
pub(super) fn holds(data_type: GdalDataType, value: f64) -> bool {
    if data_type.is_floating() && !value.is_finite() {
        return true;
    }
    match bounds(data_type) {
        None => true,
        Some((low, high)) => {
            let whole = data_type.is_floating() || value.fract() == 0.0;
            whole && (low..=high).contains(&value)
        }
    }
}

/// What does not fit.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Count {
    total: u64,
    outside: u64,
    not_a_number: u64,
    low: f64,
    high: f64,
}

impl Count {
    const NOTHING: Self =
        Self { total: 0, outside: 0, not_a_number: 0, low: f64::INFINITY, high: f64::NEG_INFINITY };

    /// Counts one value. Fractions are rounded, so a value fits when its rounded one does.
    fn add(&mut self, value: f64, data_type: GdalDataType, (low, high): (f64, f64)) {
        self.total += 1;
        if value.is_nan() {
            self.not_a_number += u64::from(data_type.is_integer());
            return;
        }
        self.low = self.low.min(value);
        self.high = self.high.max(value);
        let stored = if data_type.is_integer() { value.round() } else { value };
        let endless = data_type.is_floating() && value.is_infinite();
        self.outside += u64::from(!endless && !(low..=high).contains(&stored));
    }
}

/// Makes sure that a type holds all valid values of some bands of a dataset; reads them all.
///
/// NaN in an integer counts always: there is no value that it could be cut to. Values outside count unless `clip`.
pub(super) fn check(
    dataset: &Dataset,
    bands: &[SourceBand],
    data_type: GdalDataType,
    clip: bool,
) -> Result<(), ConvertError> {
    let Some(range) = bounds(data_type) else { return Ok(()) };
    let failed = || ConvertError::gdal("read its samples");
    let mut count = Count::NOTHING;
    for facts in bands {
        if is_wider(data_type, facts.data_type) {
            continue;
        }
        let band = dataset.rasterband(facts.index).map_err(failed())?;
        let has_mask = !band.mask_flags().map_err(failed())?.is_all_valid();
        let mask = has_mask.then(|| band.open_mask_band()).transpose().map_err(failed())?;
        let (width, height) = band.size();
        let rows = (SAMPLES / width.max(1)).max(1);
        // A row of more samples than that is looked at in parts.
        let cols = width.min(SAMPLES);
        for top in (0..height).step_by(rows) {
            for left in (0..width).step_by(cols.max(1)) {
                let size = (cols.min(width - left), rows.min(height - top));
                #[expect(clippy::cast_possible_wrap, reason = "GDAL counts in 31 bits")]
                let at = (left as isize, top as isize);
                let values = band.read_as::<f64>(at, size, size, None).map_err(failed())?;
                let valid = mask.as_ref().map(|mask| mask.read_as::<u8>(at, size, size, None));
                let valid = valid.transpose().map_err(failed())?;
                let is_valid = |index: usize| valid.as_ref().is_none_or(|valid| valid.data()[index] != 0);
                let values = values.data().iter().enumerate().filter(|(index, _)| is_valid(*index));
                values.for_each(|(_, value)| count.add(*value, data_type, range));
            }
        }
    }
    let Count { total, outside, not_a_number, low, high } = count;
    if not_a_number > 0 {
        return Err(ConvertError::NotANumber { count: not_a_number, total, data_type: data_type.name() });
    }
    if outside > 0 && !clip {
        return Err(ConvertError::Range { count: outside, total, data_type: data_type.name(), low, high });
    }
    Ok(())
}

/// Whether one type holds all values of another, so that none need be looked at.
fn is_wider(data_type: GdalDataType, source: GdalDataType) -> bool {
    if source.is_floating() && data_type.is_integer() {
        return false;
    }
    match (bounds(data_type), bounds(source)) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some((low, high)), Some((from, to))) => low <= from && to <= high,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_holds_its_bounds_and_no_more() {
        assert!(holds(GdalDataType::UInt8, 255.0) && !holds(GdalDataType::UInt8, 256.0));
        assert!(!holds(GdalDataType::UInt8, -1.0) && !holds(GdalDataType::UInt8, f64::NAN));
        assert!(holds(GdalDataType::Float32, f64::NAN) && !holds(GdalDataType::Float32, 1e300));
        assert!(!holds(GdalDataType::Int16, 0.5));
    }

    #[test]
    fn what_rounds_into_the_range_fits() {
        let mut count = Count::NOTHING;
        for value in [-0.4, 255.4, 255.6, -1.0, f64::NAN] {
            count.add(value, GdalDataType::UInt8, (0.0, 255.0));
        }
        assert_eq!((count.total, count.outside, count.not_a_number), (5, 2, 1));
        assert!(is_wider(GdalDataType::Int32, GdalDataType::UInt16));
        assert!(!is_wider(GdalDataType::UInt16, GdalDataType::Int16));
        assert!(!is_wider(GdalDataType::Int32, GdalDataType::Float32));
    }
}
