//! A location → its header: the one file of this room that fetches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Chunks, Header, ParseError};
use crate::storage::{Location, Storage, StorageError};

/// What is fetched at first: GDAL's COG layout has all directories and block tables in front.
const FIRST_BYTES: u64 = 32 << 10;

/// The largest header that is read in all.
const MAX_HEADER_BYTES: u64 = 64 << 20;

/// Memory for headers, in bytes.
const CACHE_BYTES: u64 = 256 << 20;

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

/// Why a raster cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its bytes are not to be had.
    #[error(transparent)]
    Storage(#[from] StorageError),
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
                let id = OPENED.fetch_add(1, Ordering::Relaxed);
                return Ok(Opened { id, location: location.clone(), etag: meta.etag, len: meta.len, header });
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

/// How long a raster in a store is taken for what it was: asking costs as much as reading. Its blocks are pinned, so that
/// one that is replaced meanwhile is noticed, never mixed.
const TRUSTED: Duration = Duration::from_mins(1);

/// Rasters in stores whose state is remembered.
const TRUSTED_COUNT: u64 = 100_000;

/// Opened rasters, kept by what they weigh; one that is replaced is opened anew.
#[derive(Debug, Clone)]
pub struct Headers {
    storage: Storage,
    kept: moka::future::Cache<(Location, String), Arc<Opened>>,
    /// The `ETag`s of rasters in stores.
    trusted: moka::future::Cache<Location, String>,
}

impl Headers {
    /// An empty cache over `storage`.
    #[must_use]
    pub fn new(storage: Storage) -> Self {
        let weigh = |key: &(Location, String), opened: &Arc<Opened>| {
            let bytes = opened.header.heap_bytes() + size_of::<Opened>() + 2 * key.1.len() + 256;
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        let kept = moka::future::Cache::builder().max_capacity(CACHE_BYTES).weigher(weigh).build();
        let trusted =
            moka::future::Cache::builder().max_capacity(TRUSTED_COUNT).time_to_live(TRUSTED).build();
        Self { storage, kept, trusted }
    }

    /// The header of the raster at `location`, as it is now; in a store, as it was within the last minute.
    ///
    /// # Errors
    /// As [`open`]; all who wait for one header share its error.
    pub async fn get(&self, location: &Location) -> Result<Arc<Opened>, Arc<OpenError>> {
        let load = async || open(&self.storage, location).await.map(Arc::new);
        if location.as_path().is_some() {
            let meta = self.storage.meta(location).await.map_err(|error| Arc::new(error.into()))?;
            return self.kept.try_get_with((location.clone(), meta.etag), load()).await;
        }
        // What a raster in a store is, comes with its first bytes: one request for both.
        let look = async {
            let opened = load().await?;
            let key = (location.clone(), opened.etag.clone());
            self.kept.entry(key).or_insert(Arc::clone(&opened)).await;
            Ok(opened.etag.clone())
        };
        let etag = self.trusted.try_get_with(location.clone(), look).await?;
        self.kept.try_get_with((location.clone(), etag), load()).await
    }

    /// A raster was found to be another than it was: what is asked for next is looked at anew.
    pub fn distrust(&self) {
        self.trusted.invalidate_all();
    }

    /// The stores that headers come from, for the blocks they describe.
    #[must_use]
    pub fn storage(&self) -> &Storage {
        &self.storage
    }
}
