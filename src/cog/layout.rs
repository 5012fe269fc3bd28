//! How an image is cut into blocks.

use serde::{Deserialize, Serialize};

use super::error::ParseError;
use super::ifd::Ifd;
use super::tag;

/// Most columns or rows of an image or a block; beyond, GDAL reads none either.
const MAX_SIZE: u32 = i32::MAX as u32;

/// How a block's samples lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Planar {
    /// All bands of a pixel together; a block has all bands.
    Chunky,
    /// A block has one band.
    Separate,
}

/// Sizes in pixels, none of them 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) bands: u16,
    pub(super) planar: Planar,
    pub(super) tiled: bool,
    pub(super) block_width: u32,
    pub(super) block_height: u32,
}

impl Layout {
    pub(super) fn read(ifd: &Ifd<'_>) -> Result<Self, ParseError> {
        let width = size(ifd, tag::IMAGE_WIDTH, "width")?;
        let height = size(ifd, tag::IMAGE_LENGTH, "height")?;
        let tiled = ifd.has(tag::TILE_WIDTH) || ifd.has(tag::TILE_OFFSETS);
        let (block_width, block_height) = if tiled {
            let width = size(ifd, tag::TILE_WIDTH, "tile width")?;
            (width, size(ifd, tag::TILE_LENGTH, "tile height")?)
        } else {
            // Writers mean all rows by 2^32 - 1.
            let rows = ifd.integer(tag::ROWS_PER_STRIP, "rows per strip")?;
            let rows = match rows.map(u32::try_from) {
                Some(Ok(0)) => return Err(ifd.corrupt("rows per strip", "1 or more", 0)),
                Some(Ok(rows)) => rows.min(height),
                Some(Err(_)) | None => height,
            };
            (width, rows)
        };
        let bands = ifd.integer(tag::SAMPLES_PER_PIXEL, "samples per pixel")?.unwrap_or(1);
        let bands = u16::try_from(bands)
            .ok()
            .filter(|bands| *bands > 0)
            .ok_or_else(|| ifd.corrupt("samples per pixel", "1 to 65,535", bands))?;
        let planar = match ifd.integer(tag::PLANAR_CONFIGURATION, "planar configuration")? {
            None | Some(1) => Planar::Chunky,
            // A single band is the same either way.
            Some(2) if bands == 1 => Planar::Chunky,
            Some(2) => Planar::Separate,
            Some(other) => return Err(ifd.corrupt("planar configuration", "1 or 2", other)),
        };
        Ok(Self { width, height, bands, planar, tiled, block_width, block_height })
    }

    /// All blocks of all bands, unless that is beyond counting.
    pub(super) fn blocks(&self) -> Option<u64> {
        let across = u64::from(self.width.div_ceil(self.block_width));
        let down = u64::from(self.height.div_ceil(self.block_height));
        let planes = if self.planar == Planar::Chunky { 1 } else { u64::from(self.bands) };
        (across * down).checked_mul(planes)
    }

    /// Tags of the blocks' offsets and byte counts.
    pub(super) fn table_tags(&self) -> (u16, u16) {
        if self.tiled {
            (tag::TILE_OFFSETS, tag::TILE_BYTE_COUNTS)
        } else {
            (tag::STRIP_OFFSETS, tag::STRIP_BYTE_COUNTS)
        }
    }
}

/// A size in pixels.
fn size(ifd: &Ifd<'_>, tag: u16, what: &'static str) -> Result<u32, ParseError> {
    let number = ifd.integer(tag, what)?;
    number
        .and_then(|number| u32::try_from(number).ok())
        .filter(|number| (1..=MAX_SIZE).contains(number))
        .ok_or_else(|| {
            let found = number.map_or_else(|| "none".to_owned(), |number| number.to_string());
            ifd.corrupt(what, "a number of pixels from 1 to 2^31 - 1", found)
        })
}
