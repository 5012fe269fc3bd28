//! Where a raster has pixels, and which of them are valid by its mask and alpha band.

use super::axis::Fall;
use super::fetch::RasterRead;
use super::paint::{Painted, Planes, paint};
use crate::cog::Level;
use crate::stac::DataType;

/// Where a plane has values of a raster, nodata among them.
#[derive(Debug, Clone, Default)]
pub(super) enum Cover {
    /// Nowhere.
    #[default]
    Nothing,
    /// In whole rows and columns.
    Straight(Fall),
    /// One flag a pixel.
    Pixels(Vec<u8>),
}

impl Cover {
    /// Clears the flags of pixels that have no value.
    pub(super) fn clear(&self, width: usize, flags: &mut [u8]) {
        match self {
            Self::Nothing => flags.fill(0),
            Self::Pixels(pixels) => flags.iter_mut().zip(pixels).for_each(|(flag, covered)| *flag &= covered),
            Self::Straight(fall) => {
                let (rows, cols) = (&fall.rows.covered, &fall.cols.covered);
                for (row, flags) in flags.chunks_exact_mut(width.max(1)).enumerate() {
                    if rows.contains(&row) {
                        flags[..cols.start].fill(0);
                        flags[cols.end..].fill(0);
                    } else {
                        flags.fill(0);
                    }
                }
            }
        }
    }
}

/// One flag a pixel of `size` (rows, columns) that an image falls on: valid by its mask and its alpha band. Nothing when it has
/// neither.
pub(super) fn unmasked(
    level: &Level,
    read: &RasterRead,
    fall: &Fall,
    [height, width]: [usize; 2],
) -> Option<Vec<u8>> {
    let mut flags: Option<Vec<u8>> = None;
    let mut clear = |painted: &Painted<'_>, data_type: DataType| {
        let planes = Planes { count: 1, height, width, data_type };
        let mut opacity = planes.filled(&[[0; 8]]);
        paint(&planes, painted, &mut opacity);
        let flags = flags.get_or_insert_with(|| vec![1; height * width]);
        for (flag, opacity) in flags.iter_mut().zip(opacity.chunks_exact(data_type.size())) {
            *flag &= u8::from(opacity.iter().any(|byte| *byte != 0));
        }
    };
    if let Some(mask) = &level.mask {
        let painted = Painted { image: mask, fall, bands: &[(0, 0)], blocks: &read.mask_blocks };
        clear(&painted, mask.data_type);
    }
    if let Some(alpha) = level.image.alpha_band() {
        let painted = Painted { image: &level.image, fall, bands: &[(0, alpha)], blocks: &read.blocks };
        clear(&painted, level.image.data_type);
    }
    flags
}
