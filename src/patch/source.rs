//! A band of an Item as its raster's header and the Item describe it.

use std::sync::Arc;

use super::error::PatchError;
use super::grid::Lattice;
use crate::cog::{Nodata, Opened, Photometric};
use crate::stac::{BandRef, DataType, ItemFacts};
use crate::storage::{StorageError, in_one_line};

/// One band of one Item, its raster's header read.
#[derive(Debug, Clone)]
pub(super) struct BandSource {
    /// The raster.
    pub(super) opened: Arc<Opened>,
    /// Which band of it, from 0.
    pub(super) band: u16,
    /// Its grid.
    pub(super) lattice: Lattice,
    /// What pixels without a value hold.
    pub(super) nodata: Option<Nodata>,
    /// value = sample × scale + offset.
    pub(super) scale: f64,
    /// See `scale`.
    pub(super) offset: f64,
    /// True when its values are names of classes, of which no mean can be made: the Item lists classes for it, or the file
    /// has a palette.
    pub(super) is_categorical: bool,
}

impl BandSource {
    pub(super) fn data_type(&self) -> DataType {
        self.opened.header.full.image.data_type
    }

    /// Rows and columns.
    pub(super) fn shape(&self) -> [u32; 2] {
        let image = &self.opened.header.full.image;
        [image.height, image.width]
    }

    /// The nodata value as a sample of its own type; nothing when the type cannot hold it, so that no pixel has it.
    pub(super) fn nodata_sample(&self) -> Option<[u8; 8]> {
        self.nodata?.to_le_bytes(self.data_type())
    }
}

/// `collection/id`, as errors name an Item.
pub(super) fn item_name(item: &ItemFacts) -> String {
    format!("{}/{}", item.collection, item.id)
}

pub(super) fn failed(item: &ItemFacts, band: &str, reason: String, cause: String) -> PatchError {
    PatchError::Source { item: item_name(item), band: band.to_owned(), reason, cause }
}

/// What a band is, by its raster's header and, where that is silent, by the Item.
pub(super) fn band_source(
    item: &ItemFacts,
    name: &str,
    at: BandRef,
    opened: &Arc<Opened>,
) -> Result<BandSource, PatchError> {
    let failed = |reason: String, cause: String| failed(item, name, reason, cause);
    let Some(asset) = item.assets.get(at.asset) else {
        return Err(PatchError::no_band("bands", name, item));
    };
    let header = &opened.header;
    let band =
        u16::try_from(at.band).ok().filter(|band| *band < header.full.image.bands).ok_or_else(|| {
            let reason = format!(
                "the Item says that it is band {}, the file has {}",
                at.band + 1,
                header.full.image.bands
            );
            failed(reason.clone(), reason)
        })?;
    let [height, width] = [header.full.image.height, header.full.image.width];
    // Many a document has its columns first: only what fits neither way is another file than the one that was described.
    if let Some([rows, cols]) = asset.own_shape
        && [rows, cols] != [height, width]
        && [cols, rows] != [height, width]
    {
        let reason = format!(
            "the file has {height} x {width} pixels, but the catalogue describes {rows} x {cols}; build the catalogue again"
        );
        return Err(failed(reason.clone(), format!("{}: {reason}", opened.location)));
    }
    let epsg = header.geo.epsg.or_else(|| asset.grid.map(|grid| grid.epsg));
    let transform = header.geo.transform.or_else(|| asset.grid.map(|grid| grid.transform));
    let (Some(epsg), Some(transform)) = (epsg, transform) else {
        let reason = "neither the file nor the Item says which EPSG code and transform it has".to_owned();
        return Err(failed(reason.clone(), reason));
    };
    let facts = asset.bands.get(at.band);
    let meta = header.band_meta.get(&band);
    let nodata =
        header.nodata.or_else(|| facts?.nodata.and_then(|value| Nodata::from_text(&value.to_string())));
    let scale = meta.and_then(|m| m.scale).or_else(|| facts?.scale).unwrap_or(1.0);
    let offset = meta.and_then(|m| m.offset).or_else(|| facts?.offset).unwrap_or(0.0);
    Ok(BandSource {
        band,
        lattice: Lattice::of_raster(epsg, transform, [height, width]),
        nodata,
        scale,
        offset,
        is_categorical: facts.is_some_and(|facts| facts.is_categorical)
            || asset.is_categorical
            || header.full.image.photometric == Photometric::Palette,
        opened: Arc::clone(opened),
    })
}

/// The error of a store, for one band of an Item.
pub(super) fn storage_failed(item: &ItemFacts, band: &str, error: &StorageError) -> PatchError {
    let (item, band) = (item_name(item), band.to_owned());
    let (reason, cause) = (storage_reason(error), in_one_line(error));
    match error {
        StorageError::Stalled { .. } => PatchError::Stalled { item, band, reason, cause },
        StorageError::Changed { .. } => PatchError::Replaced { item, band, cause },
        _ => PatchError::Source { item, band, reason, cause },
    }
}

/// What went wrong in a store, without saying where.
pub(super) fn storage_reason(error: &StorageError) -> String {
    match error {
        StorageError::NotFound { .. } => "the file does not exist".to_owned(),
        StorageError::Io { source, .. } => format!("reading failed ({})", source.kind()),
        StorageError::OutOfRange { len, end, .. } => {
            format!("the file has {len} bytes, but one was expected at {}", end.saturating_sub(1))
        }
        StorageError::Changed { .. } => "the file was replaced while it was being read; ask again".to_owned(),
        StorageError::Stalled { limit, .. } => format!("no answer within {} s", limit.as_secs()),
        StorageError::TooLarge { len, limit, .. } => {
            format!("{len} bytes are more than the limit of {limit}")
        }
        StorageError::Denied { status, .. } => format!("its store denies access ({status})"),
        StorageError::Unavailable { status, .. } => {
            format!("its store is not available ({status}); ask again later")
        }
        StorageError::Refused { status, .. } => format!("its store refused ({status})"),
        StorageError::Broken { .. } => "its store cannot be reached or broke off".to_owned(),
        StorageError::Exists { .. } | StorageError::Settings { .. } => {
            "its store is not set up on this server".to_owned()
        }
        StorageError::Unsupported { .. } => "its store does not serve ranges of bytes".to_owned(),
    }
}
