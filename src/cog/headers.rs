//! Opened rasters, kept by what they weigh, in memory and on disk: a file that is known needs no request but for its pixels.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt, stream};

use super::ledger::{Ledger, LedgerError};
use super::open::{OpenError, Opened, open};
use crate::pool;
use crate::storage::{LocalState, Location, Places, Storage};

/// Memory for headers, in bytes.
const CACHE_BYTES: u64 = 256 << 20;

/// How long a raster in a store is taken for what it was: asking costs as much as reading. Its blocks are pinned, so that
/// one that is replaced meanwhile is noticed, never mixed.
const TRUSTED: Duration = Duration::from_mins(1);

/// Rasters in stores whose state is remembered.
const TRUSTED_COUNT: u64 = 1_000_000;

/// Headers that are read at once for one request.
const OPEN_AT_ONCE: usize = 64;

/// Opened rasters; a clone is the same cache. One that is replaced is opened anew: a local file as soon as it is, one in a
/// store within a minute, or when reading from it says so ([`Self::forget`]).
#[derive(Debug, Clone)]
pub struct Headers {
    storage: Storage,
    kept: moka::future::Cache<Location, Arc<Opened>>,
    /// Rasters in stores that were looked at lately.
    trusted: moka::future::Cache<Location, ()>,
    /// Opened since they were last written to disk.
    fresh: Arc<Mutex<Vec<Arc<Opened>>>>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Headers {
    /// An empty cache over `storage`.
    #[must_use]
    pub fn new(storage: Storage) -> Self {
        let weigh = |_: &Location, opened: &Arc<Opened>| {
            let texts = opened.etag.len() + 2 * opened.location.to_href().len();
            let bytes = opened.header.heap_bytes() + size_of::<Opened>() + texts + 256;
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        let kept = moka::future::Cache::builder().max_capacity(CACHE_BYTES).weigher(weigh).build();
        let trusted =
            moka::future::Cache::builder().max_capacity(TRUSTED_COUNT).time_to_live(TRUSTED).build();
        Self { storage, kept, trusted, fresh: Arc::default(), counts: Arc::default() }
    }

    /// Memory that they take, in bytes.
    #[must_use]
    pub async fn kept_bytes(&self) -> u64 {
        self.kept.run_pending_tasks().await;
        self.kept.weighted_size()
    }

    /// Rasters that were known when they were asked for, so far.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.counts.hits.load(Ordering::Relaxed)
    }

    /// Rasters that had to be opened, so far.
    #[must_use]
    pub fn misses(&self) -> u64 {
        self.counts.misses.load(Ordering::Relaxed)
    }

    /// The headers of the rasters at these locations, in their order. Those on this disk are as they are now.
    ///
    /// # Errors
    /// For each, as [`open`], and when it lies outside of `places`; all who wait for one header share its error.
    pub async fn get_all(
        &self,
        places: &Places,
        locations: Vec<Location>,
    ) -> Vec<Result<Arc<Opened>, Arc<OpenError>>> {
        let states = self.storage.local_states(places, &locations).await;
        let opening = locations.into_iter().zip(states).map(|(location, state)| async move {
            let etag = match state {
                Err(error) => return Err(Arc::new(error.into())),
                Ok(LocalState::InStore) if places.allow(&location) => self.state_in_store(&location).await?,
                Ok(LocalState::InStore | LocalState::Outside) => {
                    return Err(Arc::new(OpenError::Outside { location }));
                }
                Ok(LocalState::File(meta)) => Some(meta.etag),
            };
            match self.kept.get(&location).await {
                Some(opened) if etag.is_none_or(|etag| etag == opened.etag) => {
                    self.counts.hits.fetch_add(1, Ordering::Relaxed);
                    return Ok(opened);
                }
                Some(old) => self.forget(&old).await,
                None => {}
            }
            self.counts.misses.fetch_add(1, Ordering::Relaxed);
            self.open(&location).await
        });
        stream::iter(opening).buffered(OPEN_AT_ONCE).collect().await
    }

    /// The `ETag` of a known raster in a store, asked for again now and then; nothing where opening or trust tells.
    async fn state_in_store(&self, location: &Location) -> Result<Option<String>, Arc<OpenError>> {
        if self.trusted.contains_key(location) || !self.kept.contains_key(location) {
            return Ok(None);
        }
        let meta = self.storage.meta(location).await.map_err(|error| Arc::new(OpenError::Storage(error)))?;
        self.trusted.insert(location.clone(), ()).await;
        Ok(Some(meta.etag))
    }

    async fn open(&self, location: &Location) -> Result<Arc<Opened>, Arc<OpenError>> {
        let load = async {
            let opened = Arc::new(open(&self.storage, location).await?);
            self.trusted.insert(location.clone(), ()).await;
            self.fresh().push(Arc::clone(&opened));
            Ok(opened)
        };
        self.kept.try_get_with(location.clone(), load).await
    }

    /// Gives up what is known of a raster that is not what it was any more.
    pub async fn forget(&self, opened: &Opened) {
        let known = self.kept.get(&opened.location).await;
        if known.is_some_and(|known| known.id == opened.id) {
            self.kept.invalidate(&opened.location).await;
        }
    }

    /// The stores that headers come from, for the blocks they describe.
    #[must_use]
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Takes over the headers that an earlier server wrote to `file`, and says how many there are.
    ///
    /// # Errors
    /// When the file is there but cannot be read. One that is damaged or of another version is passed over.
    pub async fn restore(&self, file: &Path) -> Result<usize, LedgerError> {
        let path = file.to_owned();
        let all = pool::blocking(move || Ledger::at(&path).read(CACHE_BYTES)).await?;
        let count = all.len();
        // Where no blocks are kept either, what is read now is pinned.
        let is_pinned = self.storage.disk_cache().is_none();
        for opened in all {
            if is_pinned {
                self.trusted.insert(opened.location.clone(), ()).await;
            }
            self.kept.insert(opened.location.clone(), Arc::new(opened)).await;
        }
        Ok(count)
    }

    /// Writes the headers that were opened since the last time to `file`, for the next server.
    ///
    /// # Errors
    /// When the file cannot be written. Nothing is lost then but the time that reading these headers again takes.
    pub fn save(&self, file: &Path) -> Result<(), LedgerError> {
        let fresh = std::mem::take(&mut *self.fresh());
        if fresh.is_empty() {
            return Ok(());
        }
        let ledger = Ledger::at(file);
        if ledger.len() > 2 * CACHE_BYTES {
            let all: Vec<Arc<Opened>> = self.kept.iter().map(|(_, opened)| opened).collect();
            return ledger.replace(&all);
        }
        ledger.append(&fresh)
    }

    fn fresh(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Opened>>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
