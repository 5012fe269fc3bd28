//! Arithmetic on samples of all types, over little-endian bytes.

use half::f16;

use crate::stac::DataType;

/// A sample type.
pub(super) trait Sample: Copy + PartialEq + Send + Sync {
    /// Reads one sample.
    fn read(bytes: &[u8]) -> Self;
    /// Writes one sample.
    fn write(self, bytes: &mut [u8]);
    /// Its value.
    fn value(self) -> Value;
    /// The sample of a value, rounded; nothing when the type cannot hold it.
    fn of(value: Value) -> Option<Self>;
    /// True for a float that is no number.
    fn is_nan(self) -> bool;
    /// Its value, rounded to a double.
    fn to_f64(self) -> f64;
    /// The sample nearest to a number: halves go up, what lies beyond the type becomes its end.
    fn nearest(number: f64) -> Self;
    /// The sample next to this one: below it, or above where it is the lowest.
    fn beside(self) -> Self;
}

/// Any sample's value, exact.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    Int(i128),
    Float(f64),
}

impl Value {
    fn as_f64(self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "rounds to the nearest double")]
            Self::Int(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Int(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
        }
    }
}

macro_rules! integer_sample {
    // The types, how one becomes a double, and the lints that rounding a double to one would raise.
    ($($type:ty),*; $to_f64:expr; $lint:meta) => {$(
        impl Sample for $type {
            fn read(bytes: &[u8]) -> Self {
                bytes.try_into().map(Self::from_le_bytes).unwrap_or_default()
            }
            fn write(self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.to_le_bytes());
            }
            fn value(self) -> Value {
                Value::Int(self.into())
            }
            fn of(value: Value) -> Option<Self> {
                match value {
                    Value::Int(number) => Self::try_from(number).ok(),
                    // Saturates beyond the type, which the second conversion then refuses; NaN is refused here.
                    #[expect(clippy::cast_possible_truncation, reason = "saturates far beyond any integer type")]
                    Value::Float(number) if !number.is_nan() => {
                        Self::try_from(number.round_ties_even() as i128).ok()
                    }
                    Value::Float(_) => None,
                }
            }
            fn is_nan(self) -> bool {
                false
            }
            fn to_f64(self) -> f64 {
                $to_f64(self)
            }
            fn nearest(number: f64) -> Self {
                #[$lint]
                let whole = (number + 0.5).floor() as Self;
                whole
            }
            fn beside(self) -> Self {
                if self == Self::MIN { self + 1 } else { self - 1 }
            }
        }
    )*};
}
integer_sample!(u8, u16, u32; f64::from;
    expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates"));
integer_sample!(i8, i16, i32; f64::from; expect(clippy::cast_possible_truncation, reason = "saturates"));
integer_sample!(u64; |number| Value::Int(i128::from(number)).as_f64();
    expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates"));
integer_sample!(i64; |number| Value::Int(i128::from(number)).as_f64(); expect(clippy::cast_possible_truncation, reason = "saturates"));

/// What floats differ in: how a double becomes one, and the value beside another.
macro_rules! float_sample {
    ($type:ty, $narrow:expr, $beside:expr) => {
        impl Sample for $type {
            fn read(bytes: &[u8]) -> Self {
                bytes.try_into().map(Self::from_le_bytes).unwrap_or_default()
            }
            fn write(self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.to_le_bytes());
            }
            fn value(self) -> Value {
                Value::Float(self.into())
            }
            fn of(value: Value) -> Option<Self> {
                let wide = value.as_f64();
                let narrow = Self::nearest(wide);
                (narrow.is_finite() || !wide.is_finite()).then_some(narrow)
            }
            fn is_nan(self) -> bool {
                self.is_nan()
            }
            fn to_f64(self) -> f64 {
                self.into()
            }
            fn nearest(number: f64) -> Self {
                $narrow(number)
            }
            fn beside(self) -> Self {
                $beside(self)
            }
        }
    };
}
float_sample!(f16, Self::from_f64, |number: Self| {
    let bits = number.to_bits();
    if !number.is_finite() {
        number
    } else if number.to_f64() == 0.0 {
        -Self::MIN_POSITIVE_SUBNORMAL
    } else if number.is_sign_positive() || number == Self::MIN {
        Self::from_bits(bits - 1)
    } else {
        Self::from_bits(bits + 1)
    }
});
#[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest float32")]
const fn to_f32(number: f64) -> f32 {
    number as f32
}
float_sample!(f32, to_f32, |number: Self| if number == Self::MIN {
    number.next_up()
} else {
    number.next_down()
});
float_sample!(f64, std::convert::identity, |number: Self| if number == Self::MIN {
    number.next_up()
} else {
    number.next_down()
});

/// Runs the body with `$sample` standing for the Rust type of a [`DataType`].
macro_rules! with_sample {
    ($data_type:expr, $sample:ident => $body:expr) => {
        match $data_type {
            DataType::U8 => {
                type $sample = u8;
                $body
            }
            DataType::I8 => {
                type $sample = i8;
                $body
            }
            DataType::U16 => {
                type $sample = u16;
                $body
            }
            DataType::I16 => {
                type $sample = i16;
                $body
            }
            DataType::U32 => {
                type $sample = u32;
                $body
            }
            DataType::I32 => {
                type $sample = i32;
                $body
            }
            DataType::U64 => {
                type $sample = u64;
                $body
            }
            DataType::I64 => {
                type $sample = i64;
                $body
            }
            DataType::F16 => {
                type $sample = half::f16;
                $body
            }
            DataType::F32 => {
                type $sample = f32;
                $body
            }
            DataType::F64 => {
                type $sample = f64;
                $body
            }
        }
    };
}

pub(super) use with_sample;

/// Converts samples, rounding to the nearest; the first value that `to` cannot hold is the error.
pub(super) fn cast(from: DataType, source: &[u8], to: DataType, target: &mut [u8]) -> Result<(), Value> {
    with_sample!(from, From => with_sample!(to, To => cast_all::<From, To>(source, target)))
}

fn cast_all<S: Sample, D: Sample>(source: &[u8], target: &mut [u8]) -> Result<(), Value> {
    let samples = source.chunks_exact(size_of::<S>()).map(S::read);
    for (sample, to) in samples.zip(target.chunks_exact_mut(size_of::<D>())) {
        let value = sample.value();
        D::of(value).ok_or(value)?.write(to);
    }
    Ok(())
}

/// Writes `sample × scale + offset` as `float32`, NaN where the sample is `nodata`.
pub(super) fn physical(
    from: DataType,
    source: &[u8],
    nodata: Option<[u8; 8]>,
    scale: f64,
    offset: f64,
    target: &mut [u8],
) {
    with_sample!(from, S => {
        let is_nodata = nodata_test::<S>(nodata);
        for (bytes, to) in source.chunks_exact(size_of::<S>()).zip(target.chunks_exact_mut(4)) {
            let sample = <S as Sample>::read(bytes);
            let value = Sample::value(sample).as_f64().mul_add(scale, offset);
            #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest float32")]
            let shown = if is_nodata(sample) { f32::NAN } else { value as f32 };
            shown.write(to);
        }
    });
}

/// Clears the flags of pixels that hold `nodata`.
pub(super) fn clear_nodata(data_type: DataType, plane: &[u8], nodata: [u8; 8], valid: &mut [u8]) {
    with_sample!(data_type, S => {
        let is_nodata = nodata_test::<S>(Some(nodata));
        for (bytes, flag) in plane.chunks_exact(size_of::<S>()).zip(valid) {
            *flag &= u8::from(!is_nodata(<S as Sample>::read(bytes)));
        }
    });
}

/// Replaces one nodata value by another.
pub(super) fn replace_nodata(data_type: DataType, plane: &mut [u8], old: [u8; 8], new: [u8; 8]) {
    with_sample!(data_type, S => {
        let is_nodata = nodata_test::<S>(Some(old));
        let new = <S as Sample>::read(&new[..size_of::<S>()]);
        for bytes in plane.chunks_exact_mut(size_of::<S>()) {
            if is_nodata(<S as Sample>::read(bytes)) {
                new.write(bytes);
            }
        }
    });
}

/// Flags the samples that equal one of `values`.
pub(super) fn one_of(data_type: DataType, plane: &[u8], values: &[f64]) -> Vec<u8> {
    with_sample!(data_type, S => {
        let of = |bytes| Sample::value(<S as Sample>::read(bytes)).as_f64();
        let is_one = |value: f64| values.iter().any(|v| v.total_cmp(&value).is_eq() || *v == value);
        plane.chunks_exact(size_of::<S>()).map(|bytes| u8::from(is_one(of(bytes)))).collect()
    })
}

/// The value of the sample in the first bytes of `bytes`, as a double.
pub(super) fn as_f64(data_type: DataType, bytes: [u8; 8]) -> f64 {
    with_sample!(data_type, S => Sample::value(<S as Sample>::read(&bytes[..size_of::<S>()])).as_f64())
}

pub(super) fn nodata_test<S: Sample>(nodata: Option<[u8; 8]>) -> impl Fn(S) -> bool {
    let nodata = nodata.map(|bytes| S::read(&bytes[..size_of::<S>()]));
    move |sample| nodata.is_some_and(|nodata| sample == nodata || (nodata.is_nan() && sample.is_nan()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cast_one(from: DataType, bytes: &[u8], to: DataType) -> Result<Vec<u8>, String> {
        let mut out = vec![0; to.size()];
        cast(from, bytes, to, &mut out).map(|()| out).map_err(|value| value.to_string())
    }

    #[test]
    fn casting_rounds_and_refuses_what_does_not_fit() {
        let f32_of = |v: f32| v.to_le_bytes();
        assert_eq!(cast_one(DataType::F32, &f32_of(2.5), DataType::U8), Ok(vec![2]));
        assert_eq!(cast_one(DataType::F32, &f32_of(-0.4), DataType::U8), Ok(vec![0]));
        assert_eq!(cast_one(DataType::F32, &f32_of(256.0), DataType::U8), Err("256".to_owned()));
        assert_eq!(cast_one(DataType::F32, &f32_of(f32::NAN), DataType::I16), Err("NaN".to_owned()));
        assert_eq!(cast_one(DataType::U16, &300u16.to_le_bytes(), DataType::U8), Err("300".to_owned()));
        assert_eq!(cast_one(DataType::I8, &[0xff], DataType::I32), Ok((-1i32).to_le_bytes().to_vec()));
        let half_of = |v: f32| f16::from_f32(v).to_le_bytes();
        assert_eq!(cast_one(DataType::F16, &half_of(-2.5), DataType::I8), Ok(vec![0xfe]));
        assert_eq!(cast_one(DataType::F32, &f32_of(1.5), DataType::F16), Ok(half_of(1.5).to_vec()));
        assert!(cast_one(DataType::F32, &f32_of(65_520.0), DataType::F16).is_err());
        let big = 1e300f64.to_le_bytes();
        assert!(cast_one(DataType::F64, &big, DataType::F32).is_err());
    }

    #[test]
    fn nodata_is_found_in_floats_too() {
        let plane: Vec<u8> = [1.0f32, f32::NAN, 3.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let mut nodata = [0; 8];
        nodata[..4].copy_from_slice(&f32::NAN.to_le_bytes());
        let mut valid = vec![1; 3];
        clear_nodata(DataType::F32, &plane, nodata, &mut valid);
        assert_eq!(valid, [1, 0, 1]);
    }

    #[test]
    fn physical_values_have_scale_offset_and_nan() {
        let plane: Vec<u8> = [0u16, 2000].iter().flat_map(|v| v.to_le_bytes()).collect();
        let mut out = vec![0; 8];
        physical(DataType::U16, &plane, Some([0; 8]), 0.0001, -0.1, &mut out);
        assert!(f32::read(&out[..4]).is_nan());
        assert!((f32::read(&out[4..]) - 0.1).abs() < 1e-6);
    }
}
