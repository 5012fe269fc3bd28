//! Repeatable chance: a hash per lattice point, and fractal value noise over it.

/// Mixes a number into another that shows no trace of it (the finaliser of `SplitMix64`: Steele, Lea and Flood 2014).
pub(super) const fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in [0, 1) that the seed and a lattice point fix.
#[expect(clippy::cast_precision_loss, reason = "24 bits are exact in an f32")]
#[expect(clippy::cast_sign_loss, reason = "the bits count, not the sign")]
pub(super) fn chance(seed: u64, x: i32, y: i32) -> f32 {
    let point = (u64::from(x as u32) << 32) | u64::from(y as u32);
    (mix(seed ^ mix(point)) >> 40) as f32 / 16_777_216.0
}

/// 0 below `low`, 1 above `high`, smooth between.
pub(super) fn smoothstep(low: f32, high: f32, value: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Value noise summed over octaves, each half as wide; about uniform around 0.5, within [0, 1].
#[derive(Debug, Clone, Copy)]
pub(super) struct Fractal {
    /// Fixes the pattern.
    pub(super) seed: u64,
    /// Width of the coarsest cell in the units of the points.
    pub(super) cell: f32,
    /// How many octaves.
    pub(super) octaves: u32,
    /// Weight of an octave relative to the one before.
    pub(super) gain: f32,
}

impl Fractal {
    /// The noise at a point.
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        let (mut sum, mut total, mut weight, mut scale) = (0.0, 0.0, 1.0, 1.0 / self.cell);
        for octave in 0..self.octaves {
            sum += weight * value(mix(self.seed.wrapping_add(u64::from(octave))), x * scale, y * scale);
            total += weight;
            weight *= self.gain;
            scale *= 2.0;
        }
        sum / total
    }
}

#[expect(clippy::cast_possible_truncation, reason = "lattice points are small numbers")]
fn value(seed: u64, x: f32, y: f32) -> f32 {
    let (column, row) = (x.floor(), y.floor());
    let (u, v) = (smoothstep(0.0, 1.0, x - column), smoothstep(0.0, 1.0, y - row));
    let (column, row) = (column as i32, row as i32);
    let top = lerp(chance(seed, column, row), chance(seed, column + 1, row), u);
    let bottom = lerp(chance(seed, column, row + 1), chance(seed, column + 1, row + 1), u);
    lerp(top, bottom, v)
}

/// `a` at 0, `b` at 1.
pub(super) fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// The value below which a share of the samples lies.
#[expect(clippy::cast_precision_loss, reason = "sample counts are small")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index within the samples")]
pub(super) fn quantile(mut samples: Vec<f32>, share: f32) -> f32 {
    samples.sort_by(f32::total_cmp);
    let last = samples.len().saturating_sub(1);
    let index = (share.clamp(0.0, 1.0) * last as f32) as usize;
    samples.get(index.min(last)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_fixed_by_its_seed_and_stays_in_range() {
        let noise = Fractal { seed: 7, cell: 10.0, octaves: 5, gain: 0.5 };
        for n in 0..1_000_i16 {
            let (x, y) = (f32::from(n) * 0.37, f32::from(n) * -0.11);
            assert!((0.0..=1.0).contains(&noise.at(x, y)));
            assert!((noise.at(x, y) - noise.at(x, y)).abs() < f32::EPSILON);
        }
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf, "the first number of SplitMix64 from 0");
    }

    #[test]
    fn a_quantile_parts_the_samples() {
        let samples: Vec<f32> = (0..=100_u8).map(f32::from).rev().collect();
        assert!((quantile(samples, 0.25) - 25.0).abs() < 1e-3);
    }
}
