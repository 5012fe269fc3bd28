//! A location becomes bytes.
//!
//! In: a [`Location`] as users and STAC documents write it. Out: facts about the object there ([`Meta`]), its whole
//! bytes, or ranges of them, counted in [`Counters`]. [`Places`] says which locations the server may read at all.
//!
//! Local files keep their descriptors and are read by position. Stores behind a network come with a later version; their
//! locations parse, and reading one is a clear error.

mod counters;
mod local;
mod location;
mod places;
mod plain_href;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};

pub use counters::Counters;
pub use location::{Location, LocationError};
pub use places::Places;
pub(crate) use plain_href::{is_plain_url, plain_href};

/// The largest object that [`Storage::read`] takes into memory at once, in bytes.
pub const MAX_WHOLE_BYTES: u64 = 1 << 30;

/// How long one call to a store may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is known of an object without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// Length in bytes.
    pub len: u64,
    /// When it was last written.
    pub modified: DateTime<Utc>,
    /// Changes whenever the object does; with its quotes, as HTTP writes it.
    pub etag: String,
}

/// Why bytes could not be had. The message names the location: it is for the log and the terminal, not for clients.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Nothing is there.
    #[error("{location} does not exist")]
    NotFound {
        /// Where.
        location: Location,
    },
    /// The system refused, broke off or failed.
    #[error("cannot read {location}")]
    Io {
        /// Where.
        location: Location,
        /// The system's own words.
        source: std::io::Error,
    },
    /// A range that the object does not have.
    #[error("{location} has {len} bytes, but bytes {start} to {end} were asked for")]
    OutOfRange {
        /// Where.
        location: Location,
        /// Length of the object.
        len: u64,
        /// First byte asked for.
        start: u64,
        /// Byte after the last.
        end: u64,
    },
    /// No answer in time.
    #[error("{location} did not answer within {} s", limit.as_secs())]
    Stalled {
        /// Where.
        location: Location,
        /// The bound.
        limit: Duration,
    },
    /// Another object took its place while it was being read.
    #[error("{location} was replaced while it was being read; ask again")]
    Changed {
        /// Where.
        location: Location,
    },
    /// Too much to take into memory.
    #[error("{location} has {len} bytes; documents of more than {limit} bytes are not read at once")]
    TooLarge {
        /// Where.
        location: Location,
        /// Length of the object.
        len: u64,
        /// The bound.
        limit: u64,
    },
    /// A store that this version does not speak to.
    #[error("cannot read {location}: this version reads local files only, and '{scheme}' is another store")]
    NoStore {
        /// Where.
        location: Location,
        /// The part before `://`.
        scheme: String,
    },
}

/// All stores behind one door; a clone shares descriptors and counters.
#[derive(Debug, Clone)]
pub struct Storage {
    local: Arc<local::Files>,
    counters: Arc<Counters>,
}

impl Default for Storage {
    fn default() -> Self {
        Self { local: Arc::new(local::Files::new()), counters: Arc::default() }
    }
}

impl Storage {
    /// Requests and bytes since the start.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// True when the object lies in one of `places`, links on the way followed: a link in an allowed folder opens nothing
    /// outside of it.
    pub async fn admits(&self, places: &Places, location: &Location) -> bool {
        if !places.allow(location) {
            return false;
        }
        let (places, at) = (places.clone(), location.clone());
        blocking(location, move || Ok(places.allow_resolved(&at))).await.unwrap_or(false)
    }

    /// Length, age and `ETag` of the object.
    ///
    /// # Errors
    /// When it is not there or cannot be asked for.
    pub async fn meta(&self, location: &Location) -> Result<Meta, StorageError> {
        let path = local_path(location)?;
        let (files, location) = (Arc::clone(&self.local), location.clone());
        blocking(&location.clone(), move || files.open(&path, &location).map(|file| file.meta.clone())).await
    }

    /// The whole object, when it is no larger than [`MAX_WHOLE_BYTES`].
    ///
    /// # Errors
    /// When it is not there, too large, or reading fails.
    pub async fn read(&self, location: &Location) -> Result<Bytes, StorageError> {
        let path = local_path(location)?;
        let at = location.clone();
        let bytes = blocking(location, move || local::read_whole(&path, &at, MAX_WHOLE_BYTES)).await?;
        self.counters.add(1, bytes.len() as u64);
        Ok(bytes)
    }

    /// The object as a stream of bytes, for files that are larger than memory.
    ///
    /// # Errors
    /// When it is not there, no regular file, or not on this disk.
    pub async fn open_whole(&self, location: &Location) -> Result<std::fs::File, StorageError> {
        let path = local_path(location)?;
        let at = location.clone();
        self.counters.add(1, 0);
        blocking(location, move || local::open_whole(&path, &at)).await
    }

    /// The given ranges of the object that had this `ETag`, in their order. One that ends past the object is an error,
    /// never a short answer.
    ///
    /// # Errors
    /// When the object is not there, has been replaced, is too short, or reading fails.
    pub async fn read_ranges(
        &self,
        location: &Location,
        etag: &str,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Bytes>, StorageError> {
        let path = local_path(location)?;
        let (files, at, ranges) = (Arc::clone(&self.local), location.clone(), ranges.to_vec());
        let (count, etag) = (ranges.len() as u64, etag.to_owned());
        let parts = blocking(location, move || {
            let file = files.open(&path, &at)?;
            if file.meta.etag != etag {
                return Err(StorageError::Changed { location: at });
            }
            ranges.into_iter().map(|range| file.read_range(range, &at)).collect::<Result<Vec<_>, _>>()
        })
        .await?;
        self.counters.add(count, parts.iter().map(|part: &Bytes| part.len() as u64).sum());
        Ok(parts)
    }
}

/// An object, as far as looking at this disk tells.
#[derive(Debug, Clone)]
pub enum LocalState {
    /// It is in a store: only reading tells.
    InStore,
    /// It lies outside of the allowed places; what is there, the server does not say.
    Outside,
    /// A local file, as it is now.
    File(Meta),
}

impl Storage {
    /// The states of objects, in their order; all that lie on this disk are looked at in one go.
    ///
    /// # Errors
    /// For each, when it is not there or cannot be asked for.
    pub async fn local_states(
        &self,
        places: &Places,
        locations: &[Location],
    ) -> Vec<Result<LocalState, StorageError>> {
        let Some(first) = locations.iter().find(|at| at.as_path().is_some()) else {
            return locations.iter().map(|_| Ok(LocalState::InStore)).collect();
        };
        let (files, places, all) = (Arc::clone(&self.local), places.clone(), locations.to_vec());
        let state = move |at: &Location| {
            let Some(path) = at.as_path() else { return Ok(LocalState::InStore) };
            if !places.allow(at) || !places.allow_resolved(at) {
                return Ok(LocalState::Outside);
            }
            files.open(path, at).map(|file| LocalState::File(file.meta.clone()))
        };
        let states = blocking(first, move || Ok(all.iter().map(state).collect())).await;
        states.unwrap_or_else(|_stalled| {
            let stalled = |at: &Location| StorageError::Stalled { location: at.clone(), limit: PATIENCE };
            locations.iter().map(|at| Err(stalled(at))).collect()
        })
    }

    /// A range of the object that had this `ETag`, read into `buffer`, if that takes no waiting: when it is a local file whose
    /// bytes the system has in memory. Otherwise nothing is said of the object; [`Self::read_ranges`] does.
    #[must_use]
    pub fn read_resident(
        &self,
        location: &Location,
        etag: &str,
        range: Range<u64>,
        buffer: &mut Vec<u8>,
    ) -> bool {
        let Some(path) = location.as_path() else { return false };
        let Ok(file) = self.local.open(path, location) else { return false };
        let read = file.meta.etag == etag && file.read_resident(range, buffer);
        if read {
            self.counters.add(1, buffer.len() as u64);
        }
        read
    }
}

/// The path of an object on this disk, for libraries that open files themselves.
///
/// # Errors
/// When it is in a store.
pub fn local_path(location: &Location) -> Result<PathBuf, StorageError> {
    match location {
        Location::Local(path) => Ok(path.clone()),
        Location::Remote(url) => {
            Err(StorageError::NoStore { location: location.clone(), scheme: url.scheme().to_owned() })
        }
    }
}

/// Runs file work off the runtime's threads. A disk that hangs keeps its thread, but not who waits for it.
async fn blocking<T: Send + 'static>(
    location: &Location,
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    match tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => std::panic::resume_unwind(error.into_panic()),
        Err(_elapsed) => Err(StorageError::Stalled { location: location.clone(), limit: PATIENCE }),
    }
}
