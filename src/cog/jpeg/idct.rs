//! The inverse cosine transform in integers that libjpeg calls "islow" (Loeffler, Ligtenberg and Moschytz 1989), with its
//! constants and roundings, so that every sample is the same.

use std::num::Wrapping;

/// Bits of the constants behind the point.
const CONSTANT_BITS: usize = 13;
/// Bits that the first pass leaves behind the point.
const BETWEEN_BITS: usize = 2;

type Number = Wrapping<i32>;

const fn constant(value: i32) -> Number {
    Wrapping(value)
}

const C_0_298: Number = constant(2446);
const C_0_390: Number = constant(3196);
const C_0_541: Number = constant(4433);
const C_0_765: Number = constant(6270);
const C_0_899: Number = constant(7373);
const C_1_175: Number = constant(9633);
const C_1_501: Number = constant(12_299);
const C_1_847: Number = constant(15_137);
const C_1_961: Number = constant(16_069);
const C_2_053: Number = constant(16_819);
const C_2_562: Number = constant(20_995);
const C_3_072: Number = constant(25_172);

/// Eight coefficients → eight samples, scaled by 2^13.
fn pass(input: [i16; 8]) -> [Number; 8] {
    let [i0, i1, i2, i3, i4, i5, i6, i7] = input.map(|value| Wrapping(i32::from(value)));
    let both = (i2 + i6) * C_0_541;
    let (low, high) = (both - i6 * C_1_847, both + i2 * C_0_765);
    let (sum, difference) = ((i0 + i4) << CONSTANT_BITS, (i0 - i4) << CONSTANT_BITS);
    let even = [sum + high, difference + low, difference - low, sum - high];

    let (a, b, c, d) = (i7 + i1, i5 + i3, i7 + i3, i5 + i1);
    let all = (c + d) * C_1_175;
    let (a, b) = (-a * C_0_899, -b * C_2_562);
    let (c, d) = (all - c * C_1_961, all - d * C_0_390);
    let odd = [i1 * C_1_501 + a + d, i3 * C_3_072 + b + c, i5 * C_2_053 + b + d, i7 * C_0_298 + a + c];
    [
        even[0] + odd[0],
        even[1] + odd[1],
        even[2] + odd[2],
        even[3] + odd[3],
        even[3] - odd[3],
        even[2] - odd[2],
        even[1] - odd[1],
        even[0] - odd[0],
    ]
}

/// Divides by 2^bits, rounding.
fn descale(value: Number, bits: usize) -> i32 {
    ((value + Wrapping(1 << (bits - 1))) >> bits).0
}

/// The samples of a block's coefficients (rows of eight, changed on the way), written to `place` in rows that begin
/// `stride` bytes apart.
pub(super) fn samples(coefficients: &mut [i16; 64], place: &mut [u8], stride: usize) {
    for col in 0..8 {
        let column = std::array::from_fn(|row| coefficients[row * 8 + col]);
        for (row, value) in pass(column).into_iter().enumerate() {
            let value = descale(value, CONSTANT_BITS - BETWEEN_BITS);
            coefficients[row * 8 + col] =
                i16::try_from(value).unwrap_or(if value < 0 { i16::MIN } else { i16::MAX });
        }
    }
    for (row, place) in coefficients.as_chunks::<8>().0.iter().zip(place.chunks_mut(stride)) {
        for (value, sample) in pass(*row).into_iter().zip(place) {
            let value = descale(value, CONSTANT_BITS + BETWEEN_BITS + 3) + 128;
            *sample = u8::try_from(value.clamp(0, 255)).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_one_coefficient_is_flat_and_samples_are_bounded() {
        for (dc, sample) in [(0, 128), (8, 129), (-8, 127), (3, 128), (4, 129), (5000, 255), (-5000, 0)] {
            let mut coefficients = [0; 64];
            coefficients[0] = dc;
            let mut out = [7; 8 * 10];
            samples(&mut coefficients, &mut out, 10);
            for row in out.chunks(10) {
                assert_eq!(row[..8], [sample; 8], "{dc}");
            }
            assert_eq!(out[8..10], [7, 7]);
        }
    }
}
