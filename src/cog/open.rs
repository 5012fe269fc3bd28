//! A location → its header: the one file of this room that fetches.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Chunks, Header, ParseError};
use crate::storage::{Location, Storage, StorageError};

/// What is fetched at first: GDAL's COG layout has all directories and block tables in front.
const FIRST_BYTES: u64 = 32 << 10;

/// The largest header that is read in all.
const MAX_HEADER_BYTES: u64 = 64 << 20;

/// Rasters opened so far.
static OPENED: AtomicU64 = AtomicU64::new(0);

/// A raster whose header is known.
#[derive(Debug)]
pub struct Opened {
    /// Tells this object in this state from all others that were opened.
    pub id: u64,
    /// Where its bytes are.
    pub location: Location,
    /// The state of the object that the header was read from.
    pub etag: String,
    /// Length of the file in bytes.
    pub len: u64,
    /// What the file says of itself.
    pub header: Header,
}

impl Opened {
    pub(super) fn new(location: Location, etag: String, len: u64, header: Header) -> Self {
        Self { id: OPENED.fetch_add(1, Ordering::Relaxed), location, etag, len, header }
    }
}

/// Why a raster cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its bytes are not to be had.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It lies where this server may not read.
    #[error("{location} lies outside the allowed places")]
    Outside {
        /// Where.
        location: Location,
    },
    /// Its bytes are no TIFF that can be read.
    #[error("cannot read the header of {location}")]
    Parse {
        /// Where.
        location: Location,
        /// What is wrong with it.
        source: ParseError,
    },
    /// The directories are spread over more of the file than is worth reading.
    #[error("the header of {location} takes more than {limit} bytes; convert it with `cairn convert`")]
    TooLarge {
        /// Where.
        location: Location,
        /// The bound.
        limit: u64,
    },
}

/// Reads the header of the raster at `location`.
///
/// # Errors
/// When the object is not there, cannot be read, or is no TIFF that this room reads.
pub async fn open(storage: &Storage, location: &Location) -> Result<Opened, OpenError> {
    let (meta, first) = storage.fetch_first(location, FIRST_BYTES).await?;
    let mut chunks = Chunks::new();
    chunks.insert(0, first);
    loop {
        let wanted = match Header::parse(&chunks, meta.len) {
            Ok(header) => {
                return Ok(Opened::new(location.clone(), meta.etag, meta.len, header));
            }
            Err(ParseError::Missing(range)) => {
                if chunks.held_bytes() + (range.end - range.start) > MAX_HEADER_BYTES {
                    return Err(OpenError::TooLarge { location: location.clone(), limit: MAX_HEADER_BYTES });
                }
                range
            }
            Err(source) => return Err(OpenError::Parse { location: location.clone(), source }),
        };
        let parts = storage.read_ranges(location, &meta.etag, std::slice::from_ref(&wanted)).await?;
        for part in parts {
            chunks.insert(wanted.start, part);
        }
    }
}
