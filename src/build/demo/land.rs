//! The ground: lakes, forests, bogs, fields in parcels, and some villages, the same on every date.

use rayon::prelude::*;

use super::noise::{Fractal, chance, mix, quantile, smoothstep};

/// Width of a field parcel in pixels of 10 m.
const PARCEL: f32 = 17.0;

/// What a pixel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cover {
    /// Open water, ice in winter.
    Lake,
    /// Spruce and pine.
    Conifer,
    /// Birch and aspen.
    Broadleaf,
    /// Open mire.
    Bog,
    /// Grain sown in spring.
    Grain,
    /// Grain sown in autumn.
    WinterGrain,
    /// Hay and pasture, cut twice.
    Grass,
    /// Roofs and roads.
    Village,
}

/// One pixel of ground.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pixel {
    /// What it is.
    pub(super) cover: Cover,
    /// Days by which it runs ahead of the season; parcels differ.
    pub(super) ahead: f32,
    /// Brightness around 1.
    pub(super) tone: f32,
    /// From 0 to 1: how long snow stays.
    pub(super) cold: f32,
}

/// The ground of the whole area, row by row.
pub(super) fn land(seed: u64, size: usize) -> Vec<Pixel> {
    let ground = Ground::new(seed, size);
    (0..size * size)
        .into_par_iter()
        .map(|index| ground.pixel(to_f32(index % size), to_f32(index / size)))
        .collect()
}

/// A pixel's coordinate; areas are far smaller than the 16 million that an `f32` counts.
#[expect(clippy::cast_precision_loss, reason = "coordinates are small")]
pub(super) fn to_f32(value: usize) -> f32 {
    value as f32
}

struct Ground {
    seed: u64,
    height: Fractal,
    openness: Fractal,
    species: Fractal,
    texture: Fractal,
    shore: f32,
    open: f32,
}

impl Ground {
    fn new(seed: u64, size: usize) -> Self {
        let noise = |n: u64, cell, octaves, gain| Fractal { seed: mix(seed ^ n), cell, octaves, gain };
        let height = noise(1, 190.0, 7, 0.5);
        let openness = noise(2, 150.0, 5, 0.48);
        let sample = |noise: &Fractal| -> Vec<f32> {
            let steps = (0..size).step_by(9);
            steps
                .clone()
                .flat_map(|y| steps.clone().map(move |x| (x, y)))
                .map(|(x, y)| noise.at(to_f32(x), to_f32(y)))
                .collect()
        };
        Self {
            seed,
            shore: quantile(sample(&height), 0.17),
            open: quantile(sample(&openness), 0.66),
            height,
            openness,
            species: noise(3, 90.0, 5, 0.6),
            texture: noise(4, 6.0, 3, 0.7),
        }
    }

    fn pixel(&self, x: f32, y: f32) -> Pixel {
        let height = self.height.at(x, y);
        let texture = self.texture.at(x, y) - 0.5;
        let species = self.species.at(x, y);
        let forest_or_bog = |cover, contrast: f32| Pixel {
            cover,
            ahead: 8.0 * (species - 0.5),
            tone: 1.0 + contrast * texture + 0.2 * (species - 0.5),
            cold: 0.5 + 0.8 * (height - self.shore) + 0.5 * texture,
        };
        if height < self.shore {
            // Shallow water near the shore is brighter.
            let depth = smoothstep(0.0, 0.06, self.shore - height);
            return Pixel {
                cover: Cover::Lake,
                ahead: 0.0,
                tone: 1.3 - 0.4 * depth,
                cold: 0.7 + 0.3 * depth,
            };
        }
        if self.openness.at(x, y) > self.open && height > self.shore + 0.012 {
            return self.field(x, y, texture);
        }
        if height < self.shore + 0.035 && species > 0.47 {
            return forest_or_bog(Cover::Bog, 0.35);
        }
        forest_or_bog(if species > 0.6 { Cover::Broadleaf } else { Cover::Conifer }, 0.55)
    }

    /// The parcel whose jittered centre is nearest decides; halfway between two lies a track.
    fn field(&self, x: f32, y: f32, texture: f32) -> Pixel {
        // Parcels lie along a direction of their own, longer than wide.
        let (along, across) = ((0.92 * x + 0.39 * y) / PARCEL, (0.92 * y - 0.39 * x) / (PARCEL * 1.7));
        let (column, row) = (floor(along), floor(across));
        let mut nearest = (f32::INFINITY, 0, 0);
        let mut second = f32::INFINITY;
        for (c, r) in (column - 1..=column + 1).flat_map(|c| (row - 1..=row + 1).map(move |r| (c, r))) {
            let at =
                |axis: u64, cell: i32| to_coordinate(cell) + 0.2 + 0.6 * chance(mix(self.seed ^ axis), c, r);
            let (dx, dy) = (along - at(11, c), across - at(12, r));
            let distance = dx * dx + dy * dy;
            if distance < nearest.0 {
                second = nearest.0;
                nearest = (distance, c, r);
            } else if distance < second {
                second = distance;
            }
        }
        let (distance, column, row) = nearest;
        let draw = |what: u64| chance(mix(self.seed ^ what), column, row);
        let kind = draw(13);
        let cover = if second - distance < 0.03 {
            Cover::Grass
        } else if kind < 0.04 {
            Cover::Village
        } else if kind < 0.5 {
            Cover::Grain
        } else if kind < 0.68 {
            Cover::WinterGrain
        } else {
            Cover::Grass
        };
        let grain = if cover == Cover::Village { 0.9 } else { 0.12 };
        Pixel {
            cover,
            ahead: 16.0 * (draw(14) - 0.5),
            tone: 0.88 + 0.24 * draw(15) + grain * texture,
            cold: 0.25 + 0.3 * draw(16) + 0.2 * texture,
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "lattice points are small numbers")]
fn floor(value: f32) -> i32 {
    value.floor() as i32
}

#[expect(clippy::cast_precision_loss, reason = "lattice points are small numbers")]
fn to_coordinate(cell: i32) -> f32 {
    cell as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cover_has_its_share() {
        let land = land(1, 300);
        let share = |wanted: &[Cover]| {
            let count = land.iter().filter(|p| wanted.contains(&p.cover)).count();
            to_f32(count) / to_f32(land.len())
        };
        assert!((0.1..0.3).contains(&share(&[Cover::Lake])));
        assert!((0.2..0.7).contains(&share(&[Cover::Conifer, Cover::Broadleaf])));
        assert!((0.1..0.5).contains(&share(&[Cover::Grain, Cover::WinterGrain, Cover::Grass])));
    }
}
