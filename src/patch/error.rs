//! Why a patch cannot be given.

use super::grid::GridError;
use crate::pool::Busy;
use crate::search::{ParamError, SearchError};
use crate::stac::ItemFacts;

/// Messages name Items, bands and parameters, never a path or URL; what the system said is in `cause`, for the log.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    /// A parameter cannot be used, or not with these Items.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// The Items could not be searched.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// No matching Item has the band.
    #[error("{parameter}: no matching Item has '{band}'; there are: {known}")]
    NoBand {
        /// `bands` or `mask`.
        parameter: &'static str,
        /// As asked for.
        band: String,
        /// Names of the bands of one matching Item.
        known: String,
    },
    /// The place has no pixels.
    #[error("{0}")]
    Grid(#[from] GridError),
    /// The asset lies where this server may not read.
    #[error("the band '{band}' of the Item '{item}' lies outside the places that this server may read")]
    Forbidden {
        /// `collection/id` of the Item.
        item: String,
        /// The band.
        band: String,
        /// Where the asset lies.
        cause: String,
    },
    /// A source cannot be read.
    #[error("cannot read the band '{band}' of the Item '{item}': {reason}")]
    Source {
        /// `collection/id` of the Item.
        item: String,
        /// The band.
        band: String,
        /// What is wrong, without places.
        reason: String,
        /// The whole story, for the log.
        cause: String,
    },
    /// A source was replaced while it was being read, and again while it was read anew.
    #[error(
        "cannot read the band '{band}' of the Item '{item}': the file was replaced while it was being read; ask again"
    )]
    Replaced {
        /// `collection/id` of the Item.
        item: String,
        /// The band.
        band: String,
        /// The whole story, for the log.
        cause: String,
    },
    /// A source does not answer.
    #[error("the band '{band}' of the Item '{item}' cannot be read in time: {reason}")]
    Stalled {
        /// `collection/id` of the Item.
        item: String,
        /// The band.
        band: String,
        /// What is wrong, without places.
        reason: String,
        /// The whole story, for the log.
        cause: String,
    },
    /// Others hold all memory for answers.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// More than one answer may hold.
    #[error(
        "the answer would be {bytes} bytes, more than the limit of {limit}; ask for fewer pixels, bands, time steps or \
         samples"
    )]
    TooLarge {
        /// Bytes of the answer.
        bytes: u128,
        /// `--max-patch-bytes`.
        limit: u64,
    },
    /// More bands of time steps than one answer may hold, however small they are.
    #[error(
        "the answer would have {planes} bands of time steps of samples, more than the limit of {limit}; ask for fewer of them, or \
         in several requests"
    )]
    TooMany {
        /// Samples × time steps × bands.
        planes: u128,
        /// The bound.
        limit: u128,
    },
    /// A value that the sample type cannot hold.
    #[error("dtype: the band '{band}' has the value {value}, which {dtype} cannot hold")]
    CannotHold {
        /// The band.
        band: String,
        /// The value.
        value: String,
        /// The sample type asked for.
        dtype: &'static str,
    },
    /// No raster is large enough, or none lies in `within`.
    #[error("no matching Item has room for a patch of {height} x {width} pixels{within}")]
    NoPlace {
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
        /// Says that `within` was given.
        within: &'static str,
    },
}

impl PatchError {
    /// No Item like `item` has the band.
    pub(super) fn no_band(parameter: &'static str, band: &str, item: &ItemFacts) -> Self {
        Self::NoBand { parameter, band: band.to_owned(), known: item.band_names().join(", ") }
    }

    /// What belongs in the log but not into an answer.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Forbidden { cause, .. }
            | Self::Source { cause, .. }
            | Self::Replaced { cause, .. }
            | Self::Stalled { cause, .. } => Some(cause),
            _ => None,
        }
    }
}
