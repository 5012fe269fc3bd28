//! A location becomes bytes.
//!
//! In: a [`Location`] as users and STAC documents write it. Out: facts about the object there ([`Meta`]), its whole bytes,
//! ranges of them, a listing of what lies below a folder; and objects written, in one piece or as a stream ([`Writer`]).
//! All of it for local files, S3, Azure Blob Storage, Google Cloud Storage and web servers (reading only), counted in
//! [`Counters`]; ranges of stores' objects that are asked for often from a [`DiskCache`]; and a [`Grant`], which signs hrefs for others. [`Places`] says which locations the server may read at all; [`Settings`] how stores are accessed.
//!
//! Local files keep their descriptors and are read by position. Stores get many requests at once, each timed and tried again
//! while that makes sense, and fewer as soon as they ask for fewer. An object that is read in parts is pinned by its `ETag`.

mod counters;
mod disk_cache;
mod error;
mod hexadecimal;
mod local;
mod local_copy;
mod location;
mod places;
mod plain_href;
mod ranges;
mod read;
mod remote;
mod secret;
mod settings;
mod signing;
mod whole;
mod write;
mod writer;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;

pub use counters::{Counters, StoreKind, Tally};
pub use disk_cache::DiskCache;
pub use error::StorageError;
pub(crate) use error::in_one_line;
pub(crate) use hexadecimal::hexadecimal;
pub use local::FolderLock;
pub use local_copy::LocalCopy;
pub use location::{Location, LocationError};
pub use places::Places;
pub(crate) use plain_href::{is_plain_url, plain_href};
pub use ranges::{Run, merge};
pub use remote::{Grant, Scope, Signing};
pub use secret::Secret;
pub use settings::{Environment, Settings, StoreSettings};
pub use whole::Whole;
pub use writer::Writer;

use crate::pool;
use remote::Remote;

/// The largest object that [`Storage::read`] takes into memory at once, in bytes.
pub const MAX_WHOLE_BYTES: u64 = 1 << 30;

/// How long one call to the disk may take.
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
    /// Of a file on this disk its inode, which tells it from one of the same length that replaced it in the same moment.
    pub inode: Option<u64>,
}

/// An object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub location: Location,
    /// What the listing says of it.
    pub meta: Meta,
}

/// What has to be there for a write to take place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteMode {
    /// Anything or nothing.
    Replace,
    /// Nothing; else [`StorageError::Exists`].
    Create,
    /// The object with this `ETag`; else [`StorageError::Changed`].
    IfMatch(String),
}

/// What a store keeps beside an object's bytes. The disk keeps none of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Label {
    /// Media type.
    pub content_type: Option<String>,
    /// Names (lower-case letters, digits and `_`) and values of the user's own.
    pub metadata: Vec<(String, String)>,
}

/// All stores behind one door; a clone shares descriptors, connections and counters.
#[derive(Debug, Clone)]
pub struct Storage {
    local: Arc<local::Files>,
    remote: Arc<Remote>,
    counters: Arc<Counters>,
    disk: Option<DiskCache>,
}

impl Default for Storage {
    /// Stores as the process's environment describes them.
    fn default() -> Self {
        let environment = Environment::of_process();
        Self::new(Settings::new(Vec::new(), environment).unwrap_or_default())
    }
}

impl Storage {
    /// Stores as settings describe them.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let counters = Arc::<Counters>::default();
        let remote = Arc::new(Remote::new(settings, Arc::clone(&counters)));
        Self { local: Arc::new(local::Files::new()), remote, counters, disk: None }
    }

    /// Requests and bytes since the start.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Keeps all objects of the bucket of `root` in memory, for trials.
    ///
    /// # Errors
    /// When it is no location of a store.
    pub fn keep_in_memory(&self, root: &Location) -> Result<(), StorageError> {
        self.remote.keep_in_memory(root)
    }

    /// A location that a user gave, as all others name it: a signature in its query is kept here, for all that lies in the
    /// same container (on a web server: the same folder), and `az://` becomes the URL of its account.
    #[must_use]
    pub fn adopt(&self, location: Location) -> Location {
        self.remote.adopt(location)
    }

    /// The location with the URL of its account instead of `az://`, when the account is known.
    #[must_use]
    pub fn public(&self, location: Location) -> Location {
        self.remote.public(location)
    }

    /// True when the object lies in one of `places`, links on the way followed: a link in an allowed folder opens nothing
    /// outside of it.
    pub async fn admits(&self, places: &Places, location: &Location) -> bool {
        if !places.allow(location) {
            return false;
        }
        if location.as_path().is_none() {
            return true;
        }
        let (places, at) = (places.clone(), location.clone());
        blocking(location, move || Ok(places.allow_resolved(&at))).await.unwrap_or(false)
    }

    /// Length, age and `ETag` of the object.
    ///
    /// # Errors
    /// When it is not there or cannot be asked for.
    pub async fn meta(&self, location: &Location) -> Result<Meta, StorageError> {
        let Some(path) = location.as_path().map(PathBuf::from) else {
            return self.remote.meta(location).await;
        };
        let (files, at) = (Arc::clone(&self.local), location.clone());
        blocking(location, move || files.open(&path, &at).map(|file| file.meta.clone())).await
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
        let Some(path) = location.as_path().map(PathBuf::from) else {
            return self.remote.ranges(location, etag, ranges).await;
        };
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
        let bytes = parts.iter().map(|part: &Bytes| part.len() as u64).sum();
        self.counters.of(StoreKind::Local).add(count, bytes);
        Ok(parts)
    }

    /// The gap between two ranges of this object, in bytes, up to which reading on is as cheap as another request: by what
    /// its store has been like so far.
    #[must_use]
    pub fn gap_bytes(&self, location: &Location) -> u64 {
        match location {
            Location::Local(_) => ranges::LEAST_GAP,
            Location::Remote(_) => self.remote.gap_bytes(location),
        }
    }

    /// All objects below a folder, however deep. A folder that is not there holds nothing; a web server cannot say.
    #[must_use]
    pub fn list(&self, folder: &Location) -> BoxStream<'static, Result<Entry, StorageError>> {
        match folder {
            Location::Local(path) => local::list(path),
            Location::Remote(_) => self.remote.list(folder),
        }
    }

    /// True where a listing costs much less than asking for each object: in stores, but not on web servers and the disk.
    #[must_use]
    pub fn lists_cheaply(&self, location: &Location) -> bool {
        location.as_path().is_none() && self.remote.lists(location)
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
            self.counters.of(StoreKind::Local).add(1, buffer.len() as u64);
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
        Location::Remote(_) => {
            let what = "this takes a file on this disk; copy it here first";
            Err(StorageError::Unsupported { location: location.clone(), what })
        }
    }
}

/// Runs file work off the runtime's threads. A disk that hangs keeps its thread, but not who waits for it.
async fn blocking<T: Send + 'static>(
    location: &Location,
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    let stalled = |_elapsed| StorageError::Stalled { location: location.clone(), limit: PATIENCE };
    tokio::time::timeout(PATIENCE, pool::blocking(work)).await.map_err(stalled)?
}
