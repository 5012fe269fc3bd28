//! Clouds, thin and thick, and the shadows that they throw.

use super::noise::{Fractal, lerp, mix, quantile, smoothstep};

/// Height of the clouds over the ground, in pixels of 10 m.
const CLOUD_HEIGHT: f32 = 110.0;

/// The clouds of one pass.
#[derive(Debug)]
pub(super) struct Sky {
    shape: Fractal,
    wisps: Fractal,
    threshold: f32,
    /// True when there is any cloud at all.
    cloudy: bool,
    /// How far shadows fall, in pixels to the west and to the north: the sun stands in the south-south-east.
    shadow: (f32, f32),
    /// True when the clouds are a veil that lets the ground through.
    thin: bool,
}

/// What the sky does to a pixel.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Veil {
    /// From 0 to 1: how much of the ground the cloud hides.
    pub(super) cloud: f32,
    /// From 0 to 1: how deep the shadow of another cloud is.
    pub(super) shadow: f32,
    /// True when the cloud is cirrus.
    pub(super) thin: bool,
}

impl Sky {
    /// The sky of a pass that covers a share of the area with clouds on a day of the year.
    pub(super) fn new(seed: u64, size: f32, cover: f32, day: f32) -> Self {
        let seed = mix(seed);
        // One pass in seven has cirrus, streaks instead of heaps.
        let thin = seed.is_multiple_of(7);
        let shape = Fractal { seed, cell: 0.42 * size, octaves: 7, gain: 0.55 };
        let wisps = Fractal { seed: mix(seed ^ 5), cell: 0.05 * size, octaves: 4, gain: 0.6 };
        let mut sky = Self { shape, wisps, threshold: 2.0, cloudy: cover > 0.0, shadow: (0.0, 0.0), thin };
        let steps = (0..40_u8).map(|n| f32::from(n) / 40.0 * size);
        let samples = steps.clone().flat_map(|y| steps.clone().map(move |x| (x, y)));
        let samples = samples.map(|(x, y)| sky.density(x, y)).collect();
        if sky.cloudy {
            sky.threshold = quantile(samples, 1.0 - cover);
        }
        // Noon sun at 61° N: 6° high in midwinter, 52° in midsummer; a parabola is near enough.
        let from_solstice = (day - 172.0) / 183.0;
        let tangent = lerp(1.28, 0.16, (from_solstice * from_solstice).min(1.0));
        let length = (CLOUD_HEIGHT / tangent).min(0.3 * size);
        sky.shadow = (0.26 * length, 0.96 * length);
        sky
    }

    fn density(&self, x: f32, y: f32) -> f32 {
        let (x, y) = if self.thin { (0.35 * x + 0.2 * y, 1.6 * y - 0.5 * x) } else { (x, y) };
        0.9 * self.shape.at(x, y) + 0.1 * self.wisps.at(x, y)
    }

    fn cloud(&self, x: f32, y: f32) -> f32 {
        let softness = if self.thin { 0.16 } else { 0.05 };
        smoothstep(self.threshold - 0.2 * softness, self.threshold + softness, self.density(x, y))
    }

    /// The veil over a pixel.
    pub(super) fn at(&self, x: f32, y: f32) -> Veil {
        if !self.cloudy {
            return Veil::default();
        }
        let cloud = self.cloud(x, y) * if self.thin { 0.45 } else { 1.0 };
        let thrown = self.cloud(x + self.shadow.0, y + self.shadow.1);
        let shadow = if self.thin { 0.15 * thrown } else { thrown };
        Veil { cloud, shadow: shadow * (1.0 - cloud), thin: self.thin }
    }

    /// Brightness of the cloud's top around 1.
    pub(super) fn tone(&self, x: f32, y: f32) -> f32 {
        0.72 + 0.55 * self.wisps.at(x, y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clouds_cover_about_the_share_asked_for() {
        for (pass, cover) in [(1, 0.1_f32), (2, 0.5), (3, 0.9)] {
            let sky = Sky::new(pass, 400.0, cover, 172.0);
            let points = (0..10_000_u16).map(|n| (f32::from(n % 100) * 4.0, f32::from(n / 100) * 4.0));
            let cloudy = points.filter(|(x, y)| sky.at(*x, *y).cloud > 0.05).count();
            let share = super::super::land::to_f32(cloudy) / 10_000.0;
            assert!((share - cover).abs() < 0.12, "{share} for {cover}");
        }
    }

    #[test]
    fn a_clear_sky_changes_nothing() {
        let veil = Sky::new(1, 400.0, 0.0, 20.0).at(3.0, 4.0);
        assert!(veil.cloud.abs() < f32::EPSILON && veil.shadow.abs() < f32::EPSILON);
    }
}
