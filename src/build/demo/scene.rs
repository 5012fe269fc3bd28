//! One product's pixels: ground, season, sky and swath put together, and the classes that say what is seen.

use super::land::{Cover, Pixel, to_f32};
use super::noise::{chance, lerp, mix};
use super::schedule::Product;
use super::sky::{Sky, Veil};
use super::spectra::{Spectrum, reflectance, snow};

/// Added to each sample, as ESA does since processing baseline 4.00: reflectance = sample × 0.0001 − 0.1.
const BOA_ADD_OFFSET: f32 = 1_000.0;
/// What a thick cloud reflects.
const CLOUD: Spectrum = [6_600.0, 6_500.0, 6_500.0, 6_700.0, 7_100.0, 4_300.0];
/// Share of light that a cloud's shadow takes, band by band: the sky still lights it, and that is blue.
const SHADE: Spectrum = [0.48, 0.55, 0.6, 0.62, 0.66, 0.68];

/// The rasters of one product, row by row from the north-west; 0 is nodata in all of them.
#[derive(Debug)]
pub(super) struct Scene {
    /// B02, B03, B04 and B08, `size` × `size`.
    pub(super) fine: [Vec<u16>; 4],
    /// B05 and B11, half as many rows and columns.
    pub(super) coarse: [Vec<u16>; 2],
    /// SCL by the classes of ESA's processor, half as many rows and columns.
    pub(super) classes: Vec<u8>,
}

/// Draws a product over the ground; `size` is even.
pub(super) fn draw(seed: u64, land: &[Pixel], size: usize, product: &Product) -> Scene {
    let sky = Sky::new(mix(seed ^ product.pass), to_f32(size), product.cloud_cover, product.day);
    let half = size / 2;
    let mut scene = Scene {
        fine: std::array::from_fn(|_| vec![0; size * size]),
        coarse: std::array::from_fn(|_| vec![0; half * half]),
        classes: vec![0; half * half],
    };
    let grain = mix(seed ^ mix(product.pass));
    for (row, col) in (0..half).flat_map(|row| (0..half).map(move |col| (row, col))) {
        // Swaths end on the 20 m grid, so that all bands are valid in the same places.
        if !product.swath.covers(to_f32(col) / to_f32(half), to_f32(row) / to_f32(half)) {
            continue;
        }
        let mut quad = Quad::default();
        for (y, x) in [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(dy, dx)| (2 * row + dy, 2 * col + dx)) {
            let index = y * size + x;
            let Some(pixel) = land.get(index) else { continue };
            let veil = sky.at(to_f32(x), to_f32(y));
            let spectrum = look(pixel, product.day, veil, sky.tone(to_f32(x), to_f32(y)));
            for (band, (samples, source)) in (0_u64..).zip(scene.fine.iter_mut().zip([0, 1, 2, 4])) {
                if let (Some(sample), Some(value)) = (samples.get_mut(index), spectrum.get(source)) {
                    *sample = digitise(*value, mix(grain ^ band), x, y);
                }
            }
            quad.add(pixel, veil, &spectrum, product.day);
        }
        let index = row * half + col;
        for (band, (samples, source)) in (10_u64..).zip(scene.coarse.iter_mut().zip([3, 5])) {
            if let (Some(sample), Some(value)) = (samples.get_mut(index), quad.seen.get(source)) {
                *sample = digitise(value / 4.0, mix(grain ^ band), col, row);
            }
        }
        if let Some(class) = scene.classes.get_mut(index) {
            *class = quad.class();
        }
    }
    scene
}

/// What the satellite sees of a pixel.
fn look(pixel: &Pixel, day: f32, veil: Veil, tone: f32) -> Spectrum {
    let mut seen = reflectance(pixel, day);
    for ((value, cloud), shade) in seen.iter_mut().zip(CLOUD).zip(SHADE) {
        *value = lerp(*value * (1.0 - shade * veil.shadow), cloud * tone, veil.cloud);
    }
    seen
}

/// A reflectance as the product stores it, with the sensor's noise; never 0, which is nodata.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the type's range")]
#[expect(clippy::cast_possible_wrap, reason = "coordinates are small")]
fn digitise(value: f32, seed: u64, x: usize, y: usize) -> u16 {
    let noise = chance(seed, x as i32, y as i32) - 0.5;
    let value = value + noise * (10.0 + 0.012 * value) + BOA_ADD_OFFSET;
    (value + 0.5).clamp(1.0, 20_000.0) as u16
}

/// The four fine pixels below one coarse one.
#[derive(Debug, Default)]
struct Quad {
    seen: Spectrum,
    cloud: f32,
    shadow: f32,
    snow: f32,
    thin: bool,
    water: u8,
}

impl Quad {
    fn add(&mut self, pixel: &Pixel, veil: Veil, seen: &Spectrum, day: f32) {
        for (sum, value) in self.seen.iter_mut().zip(seen) {
            *sum += value;
        }
        self.cloud += veil.cloud / 4.0;
        self.shadow += veil.shadow / 4.0;
        self.thin |= veil.thin;
        self.water += u8::from(pixel.cover == Cover::Lake);
        let forest = matches!(pixel.cover, Cover::Conifer | Cover::Broadleaf);
        self.snow += if forest { 0.0 } else { snow(pixel, day) / 4.0 };
    }

    /// The class that ESA's processor would give.
    fn class(&self) -> u8 {
        let [_, _, red, _, nir, _] = self.seen;
        match () {
            () if self.thin && self.cloud > 0.06 => 10,
            () if self.cloud > 0.5 => 9,
            () if self.cloud > 0.12 => 8,
            () if self.shadow > 0.3 => 3,
            () if self.snow > 0.5 => 11,
            () if self.water > 2 => 6,
            () if nir - red > 0.4 * (nir + red) => 4,
            () => 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{land::land, schedule::products};
    use super::*;

    #[test]
    fn clouds_agree_with_the_classes_and_bands_with_the_swath() {
        let size = 128;
        let ground = land(3, size);
        for product in products().iter().take(8) {
            let scene = draw(3, &ground, size, product);
            for (index, class) in scene.classes.iter().enumerate() {
                let (row, col) = (index / (size / 2), index % (size / 2));
                let blue = scene.fine[0][2 * row * size + 2 * col];
                assert_eq!(*class == 0, blue == 0, "nodata in all bands alike");
                assert_eq!(*class == 0, scene.coarse[0][index] == 0);
                if *class == 9 {
                    assert!(blue > 2_500, "a cloud is bright: {blue}");
                }
            }
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_pixels() {
        let ground = land(3, 64);
        let product = products().remove(3);
        let (a, b) = (draw(3, &ground, 64, &product), draw(3, &ground, 64, &product));
        assert_eq!(a.fine, b.fine);
        assert_eq!(a.classes, b.classes);
    }
}
