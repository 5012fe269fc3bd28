//! GDAL's nodata value: the text of tag 42113.

use half::f16;
use serde::{Deserialize, Serialize};

use crate::stac::DataType;

/// The value of pixels that hold none, as exact as the file's text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Nodata {
    /// A whole number, exact over all of `int64` and `uint64`.
    Integer(i128),
    /// Any other number, infinite or NaN.
    Float(f64),
}

impl Nodata {
    /// Reads GDAL's text; none if it is no number.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(number) = text.parse() {
            return Some(Self::Integer(number));
        }
        // What old MSVC runtimes wrote.
        if text.contains("#QNAN") || text.contains("#IND") {
            return Some(Self::Float(f64::NAN));
        }
        text.parse().ok().map(Self::Float)
    }

    /// As a `float64`: exact up to 2^53, rounded beyond.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "documented; exact use goes by `to_le_bytes`")]
    pub const fn as_f64(self) -> f64 {
        match self {
            Self::Integer(number) => number as f64,
            Self::Float(number) => number,
        }
    }

    /// The sample of this value in a type, as its `data_type.size()` first, little-endian bytes; none if the
    /// type cannot hold it, so that no pixel has it. A `float32` holds any number rounded, as GDAL has it.
    #[must_use]
    pub fn to_le_bytes(self, data_type: DataType) -> Option<[u8; 8]> {
        let mut bytes = [0; 8];
        let mut put = |sample: &[u8]| bytes.iter_mut().zip(sample).for_each(|(to, from)| *to = *from);
        match data_type {
            DataType::U8 => put(&u8::try_from(self.whole()?).ok()?.to_le_bytes()),
            DataType::I8 => put(&i8::try_from(self.whole()?).ok()?.to_le_bytes()),
            DataType::U16 => put(&u16::try_from(self.whole()?).ok()?.to_le_bytes()),
            DataType::I16 => put(&i16::try_from(self.whole()?).ok()?.to_le_bytes()),
            DataType::U32 => put(&u32::try_from(self.whole()?).ok()?.to_le_bytes()),
            DataType::I32 => put(&i32::try_from(self.whole()?).ok()?.to_le_bytes()),
            DataType::U64 => put(&u64::try_from(self.whole()?).ok()?.to_le_bytes()),
            DataType::I64 => put(&i64::try_from(self.whole()?).ok()?.to_le_bytes()),
            DataType::F16 => {
                let nearest = f16::from_f64(self.as_f64());
                if nearest.is_infinite() && self.as_f64().is_finite() {
                    return None;
                }
                put(&nearest.to_le_bytes());
            }
            DataType::F32 => put(&narrow(self.as_f64()).to_le_bytes()),
            DataType::F64 => put(&self.as_f64().to_le_bytes()),
        }
        Some(bytes)
    }

    /// The value if it is whole.
    fn whole(self) -> Option<i128> {
        match self {
            Self::Integer(number) => Some(number),
            #[expect(clippy::cast_possible_truncation, reason = "saturates, far beyond any type")]
            Self::Float(number) => (number.fract() == 0.0).then_some(number as i128),
        }
    }
}

/// The nearest `float32`. Text such as -3.40282346638529e+38 is a hair beyond the largest: that one is meant.
#[expect(clippy::cast_possible_truncation, reason = "rounding is what is asked for")]
fn narrow(number: f64) -> f32 {
    let nearest = number as f32;
    if nearest.is_infinite() && number.is_finite() { f32::MAX.copysign(nearest) } else { nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str, data_type: DataType) -> Option<u64> {
        let nodata = Nodata::from_text(text).expect("a number");
        nodata.to_le_bytes(data_type).map(u64::from_le_bytes)
    }

    #[test]
    fn the_ends_of_64_bit_integers_are_exact() {
        assert_eq!(bytes("18446744073709551615", DataType::U64), Some(u64::MAX));
        assert_eq!(bytes("-9223372036854775808", DataType::I64), Some(1 << 63));
        assert_eq!(bytes("9223372036854775807", DataType::I64), Some(u64::MAX >> 1));
    }

    #[test]
    fn a_value_that_the_type_cannot_hold_is_no_sample() {
        assert_eq!(bytes("-9999", DataType::U16), None);
        assert_eq!(bytes("0.5", DataType::U8), None);
        assert_eq!(bytes("nan", DataType::I32), None);
        assert_eq!(bytes("-1e3", DataType::I16), Some(0xfc18));
        assert_eq!(bytes("-3.40282346638529e+38", DataType::F16), None);
        assert_eq!(bytes("-2", DataType::F16), Some(0xc000));
        assert_eq!(Nodata::from_text("none"), None);
    }

    #[test]
    fn floats_round_to_the_type() {
        let lowest = Some(u64::from(f32::MIN.to_bits()));
        assert_eq!(bytes("-3.40282346638529e+38", DataType::F32), lowest);
        assert_eq!(bytes("-3.4028234663852887e+38", DataType::F32), lowest);
        let nan = Nodata::from_text(" nan ").and_then(|n| n.to_le_bytes(DataType::F64));
        assert!(nan.is_some_and(|bytes| f64::from_le_bytes(bytes).is_nan()));
    }
}
