//! Made-up Sentinel-2 L2A Items that look and weigh like those of the Planetary Computer (15.4 KB, 23 or 24 assets).
//!
//! In: a seed and an Item's index. Out: its JSON, always the same, so that threads may share the work. Items come by time with
//! local disorder, as in exports: a million are about four months of all land, ten million 3.5 years. What is equal in real
//! catalogues is equal here (the full footprint of a tile at every date, the time of a datatake's 10 to 40 tiles), and what
//! differs there differs here (names, percentages, angles, footprints at a swath's edge). Cost: 5 µs an Item.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "made-up values, in known ranges"
)]

mod collection;
mod footprint;
mod item;
mod land;
mod numbers;
mod properties;
mod schedule;
mod template;
mod tiles;

pub(crate) use collection::collection;
pub(crate) use item::Generator;

/// A hash that stands for a random draw: the same for the same two numbers (`SplitMix64`).
fn draw(seed: u64, of: u64) -> u64 {
    let mut z = (seed ^ of.wrapping_mul(0xD6E8_FEB8_6659_FD93)).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A draw between 0 and 1.
fn fraction(seed: u64, of: u64) -> f64 {
    (draw(seed, of) >> 11) as f64 / (1_u64 << 53) as f64
}
