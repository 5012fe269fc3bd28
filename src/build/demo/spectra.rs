//! What the ground reflects through the year, in ten-thousandths, band by band.

use super::land::{Cover, Pixel};
use super::noise::{lerp, smoothstep};

/// B02, B03, B04, B05, B08, B11.
pub(super) type Spectrum = [f32; 6];

const WATER: Spectrum = [330.0, 300.0, 190.0, 170.0, 110.0, 70.0];
const ICE: Spectrum = [5_200.0, 5_300.0, 5_200.0, 5_000.0, 4_500.0, 600.0];
const SNOW: Spectrum = [8_200.0, 8_300.0, 8_250.0, 8_150.0, 7_800.0, 950.0];
const CONIFER: Spectrum = [210.0, 390.0, 260.0, 640.0, 2_350.0, 1_050.0];
const CONIFER_IN_WINTER: Spectrum = [260.0, 360.0, 330.0, 560.0, 1_650.0, 900.0];
const BROADLEAF: Spectrum = [240.0, 540.0, 290.0, 950.0, 3_650.0, 1_650.0];
const BARE_TWIGS: Spectrum = [420.0, 560.0, 680.0, 950.0, 1_650.0, 1_850.0];
const MOSS: Spectrum = [380.0, 680.0, 560.0, 1_150.0, 2_350.0, 1_850.0];
const DRY_MOSS: Spectrum = [560.0, 800.0, 950.0, 1_250.0, 1_750.0, 2_200.0];
const CROP: Spectrum = [290.0, 690.0, 330.0, 1_150.0, 4_300.0, 1_800.0];
const RIPE_CROP: Spectrum = [650.0, 1_050.0, 1_300.0, 1_800.0, 2_900.0, 2_700.0];
const SOIL: Spectrum = [780.0, 1_000.0, 1_280.0, 1_550.0, 1_950.0, 2_850.0];
const HAY: Spectrum = [330.0, 760.0, 430.0, 1_250.0, 3_900.0, 2_000.0];
const STUBBLE: Spectrum = [600.0, 950.0, 1_100.0, 1_600.0, 2_500.0, 2_600.0];
const ROOFS: Spectrum = [1_250.0, 1_350.0, 1_450.0, 1_650.0, 2_050.0, 2_250.0];

/// A pulse that rises over `[a, b]` and falls over `[c, d]`.
fn pulse(day: f32, [a, b, c, d]: [f32; 4]) -> f32 {
    smoothstep(a, b, day) * (1.0 - smoothstep(c, d, day))
}

fn blend(a: Spectrum, b: Spectrum, share: f32) -> Spectrum {
    let mut mixed = a;
    for (value, other) in mixed.iter_mut().zip(b) {
        *value = lerp(*value, other, share);
    }
    mixed
}

/// From 0 to 1: how much of a pixel lies under snow or ice on that day of the year.
pub(super) fn snow(pixel: &Pixel, day: f32) -> f32 {
    let late = 30.0 * (pixel.cold - 0.5);
    let melt = match pixel.cover {
        Cover::Lake => [108.0 + late, 122.0 + late],
        _ => [82.0 + late, 104.0 + late],
    };
    let freeze = if pixel.cover == Cover::Lake { [338.0, 352.0] } else { [322.0 - late, 340.0 - late] };
    1.0 - smoothstep(melt[0], melt[1], day) * (1.0 - smoothstep(freeze[0], freeze[1], day))
}

/// The reflectance of a pixel on a day of the year under a clear sky.
pub(super) fn reflectance(pixel: &Pixel, day: f32) -> Spectrum {
    let season = day + pixel.ahead;
    let leaves = pulse(season, [122.0, 152.0, 252.0, 290.0]);
    let ground = match pixel.cover {
        Cover::Lake => WATER,
        Cover::Conifer => blend(CONIFER_IN_WINTER, CONIFER, pulse(season, [95.0, 160.0, 240.0, 320.0])),
        Cover::Broadleaf => blend(BARE_TWIGS, BROADLEAF, leaves),
        Cover::Bog => blend(DRY_MOSS, MOSS, pulse(season, [115.0, 170.0, 230.0, 290.0])),
        Cover::Grain => {
            let green = blend(SOIL, CROP, smoothstep(142.0, 176.0, season));
            let ripe = blend(green, RIPE_CROP, smoothstep(198.0, 226.0, season));
            let cut = blend(ripe, STUBBLE, smoothstep(232.0, 238.0, season));
            blend(cut, SOIL, smoothstep(265.0, 285.0, season))
        }
        Cover::WinterGrain => {
            let spring = blend(SOIL, CROP, 0.25 + 0.75 * smoothstep(112.0, 150.0, season));
            let ripe = blend(spring, RIPE_CROP, smoothstep(185.0, 212.0, season));
            let sown = blend(ripe, SOIL, smoothstep(218.0, 226.0, season));
            blend(sown, CROP, 0.35 * smoothstep(262.0, 290.0, season))
        }
        Cover::Grass => {
            let green = pulse(season, [108.0, 142.0, 270.0, 315.0]);
            let cuts =
                pulse(season, [164.0, 167.0, 170.0, 192.0]).max(pulse(season, [222.0, 225.0, 228.0, 250.0]));
            blend(STUBBLE, HAY, (green - 0.65 * cuts).max(0.0))
        }
        Cover::Village => ROOFS,
    };
    let mut spectrum = ground.map(|value| value * pixel.tone);
    let covered = snow(pixel, day);
    if covered > 0.0 {
        // Crowns stand above the snow.
        let (white, most) = match pixel.cover {
            Cover::Lake => (ICE, 1.0),
            Cover::Conifer => (SNOW, 0.14),
            Cover::Broadleaf => (SNOW, 0.4),
            Cover::Village => (SNOW, 0.6),
            _ => (SNOW, 0.95),
        };
        spectrum = blend(spectrum, white.map(|v| v * (0.94 + 0.06 * pixel.tone)), covered * most);
    }
    spectrum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ndvi(cover: Cover, day: f32) -> f32 {
        let [_, _, red, _, nir, _] = reflectance(&Pixel { cover, ahead: 0.0, tone: 1.0, cold: 0.5 }, day);
        (nir - red) / (nir + red)
    }

    #[test]
    fn fields_are_green_in_summer_and_bare_or_white_before() {
        assert!(ndvi(Cover::Grain, 185.0) > 0.8);
        assert!(ndvi(Cover::Grain, 125.0) < 0.3);
        assert!(ndvi(Cover::Grain, 30.0) < 0.1);
        assert!(ndvi(Cover::Conifer, 125.0) > 0.6);
        assert!(ndvi(Cover::Lake, 185.0) < 0.0);
    }
}
