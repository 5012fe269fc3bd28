//! Ranges of objects in stores, kept on this disk, so that they are asked for once, also by the next server.
//!
//! In: ranges that were read ([`DiskCache::offer`]), by location, `ETag`, first and last byte. Out: the same bytes
//! ([`DiskCache::read`]), or nothing. A range is a file ([`record`]), written under another name and checked whenever it is
//! read: what is damaged, half-written or of another state of its object is never handed out. Which are kept is for `TinyLFU`
//! to say, as of decoded blocks: where places are drawn at random it stops writing once the disk is full, and a walk through
//! all of an archive does not drive out what is asked for often.
//!
//! One thread ([`keeper`]) owns the folder and does all that changes it, from a queue with a bound, so that no answer waits for
//! a write; of several servers with one folder the first has it, the others wait for it to end and do without. Whatever goes
//! wrong here is counted, and the bytes come from the store. A kept range takes some 300 bytes of memory.
//!
//! No crate does this for less than its weight: `cacache` has no bound, `foyer` brings an engine of its own for blocks of the
//! disk. So `moka`, which keeps the decoded blocks, says what goes, and the rest is files.

mod keeper;
mod record;

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::remote::is_strong;
use super::{Location, Storage};
use record::Key;

/// How long a range may take to come from the disk before the store is asked for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes that may wait to be written; what comes beyond is not kept.
const QUEUE_BYTES: u64 = 32 << 20;
/// Ranges that may wait to be written.
const QUEUE_LENGTH: usize = 4096;

/// Most files, however small they are.
const MAX_FILES: u64 = 1 << 20;
/// Files take whole blocks of the disk, and one for their names and times.
const DISK_BLOCK_BYTES: u64 = 4 << 10;
/// A range longer than this part of the whole is not kept.
const LARGEST_SHARE: u64 = 16;

/// Ranges of objects in stores, on this disk; a clone is the same cache.
#[derive(Debug, Clone)]
pub struct DiskCache {
    shelf: Arc<Shelf>,
    jobs: SyncSender<Job>,
}

/// What there is on the disk, and what became of it.
#[derive(Debug)]
struct Shelf {
    folder: PathBuf,
    limit_bytes: u64,
    /// Names of files → what they take of the limit.
    index: moka::sync::Cache<u128, u32>,
    /// Files that have to go.
    evicted: Arc<Mutex<Vec<u128>>>,
    /// The folder is this server's, and it knows what is in it.
    is_open: AtomicBool,
    queued_bytes: AtomicU64,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    hits: AtomicU64,
    hit_bytes: AtomicU64,
    misses: AtomicU64,
    dropped: AtomicU64,
    errors: AtomicU64,
}

/// What the keeper is to do.
#[derive(Debug)]
enum Job {
    /// Keep these parts of bytes that were read in one piece.
    Keep(Bytes, Vec<(Key, Range<usize>)>),
    /// Remove a file that is damaged.
    Remove(u128),
    /// Forget a file that was not there, unless it is by now.
    Missing(u128),
}

impl DiskCache {
    /// Keeps ranges in `folder`, at most `limit_bytes` of the disk in all, as soon as no other server has the folder.
    #[must_use]
    pub fn new(folder: PathBuf, limit_bytes: u64) -> Self {
        let evicted = Arc::<Mutex<Vec<u128>>>::default();
        let leaving = Arc::clone(&evicted);
        let index = moka::sync::Cache::builder()
            .max_capacity(limit_bytes)
            .weigher(|_: &u128, weight: &u32| *weight)
            .eviction_listener(move |id, _, cause| {
                if cause.was_evicted() {
                    leaving.lock().unwrap_or_else(PoisonError::into_inner).push(*id);
                }
            })
            .build();
        let shelf = Arc::new(Shelf {
            folder,
            limit_bytes,
            index,
            evicted,
            is_open: AtomicBool::new(false),
            queued_bytes: AtomicU64::new(0),
            counts: Counts::default(),
        });
        let (jobs, todo) = sync_channel(QUEUE_LENGTH);
        let keeping = Arc::clone(&shelf);
        let keeper = std::thread::Builder::new().name("disk cache".to_owned());
        if let Err(error) = keeper.spawn(move || keeping.keep(&todo)) {
            tracing::warn!("no ranges are kept on the disk: cannot start a thread for them: {error}");
        }
        Self { shelf, jobs }
    }

    /// True when the range was kept and its file is not known to be gone.
    #[must_use]
    pub fn holds(&self, location: &Location, etag: &str, range: &Range<u64>) -> bool {
        self.shelf.index.contains_key(&Key::of(location, etag, range).id)
    }

    /// The bytes of a range, if they are kept and sound. Reads off the runtime's threads.
    pub async fn read(&self, location: &Location, etag: &str, range: &Range<u64>) -> Option<Bytes> {
        let key = Key::of(location, etag, range);
        // Looking it up counts as asking for it; who then asks the store is counted there.
        if !self.shelf.index.contains_key(&key.id) || self.shelf.index.get(&key.id).is_none() {
            return None;
        }
        let (id, shelf) = (key.id, Arc::clone(&self.shelf));
        let reading = tokio::task::spawn_blocking(move || shelf.load(&key));
        let counts = &self.shelf.counts;
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(Ok(Ok(Some(bytes)))) => {
                counts.hits.fetch_add(1, Ordering::Relaxed);
                counts.hit_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                return Some(bytes);
            }
            Ok(Ok(Ok(None))) => {
                // When the queue is full, the next to read it says so again.
                let _later = self.jobs.try_send(Job::Remove(id));
            }
            Ok(Ok(Err(error))) if error.kind() == io::ErrorKind::NotFound => {
                let _later = self.jobs.try_send(Job::Missing(id));
                return None;
            }
            Ok(Ok(Err(error))) => tracing::debug!("cannot read a kept range: {error}"),
            Ok(Err(_)) | Err(_) => tracing::debug!("cannot read a kept range in time"),
        }
        counts.errors.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// Takes in bytes that begin at `start` of an object, of which these `parts` may be asked for again. Never waits: what
    /// cannot be written soon is not kept.
    pub fn offer(&self, location: &Location, etag: &str, start: u64, bytes: &Bytes, parts: &[Range<u64>]) {
        let within = |at: u64| at.checked_sub(start).and_then(|at| usize::try_from(at).ok());
        let keys: Vec<(Key, Range<usize>)> = parts
            .iter()
            .filter_map(|part| Some((Key::of(location, etag, part), within(part.start)?..within(part.end)?)))
            .collect();
        // Who is asked for and not there may be admitted: the index counts it.
        for (key, _) in &keys {
            self.shelf.index.get(&key.id);
        }
        let (counts, count) = (&self.shelf.counts, keys.len() as u64);
        counts.misses.fetch_add(count, Ordering::Relaxed);
        let len = bytes.len() as u64;
        let queued = self.shelf.queued_bytes.fetch_add(len, Ordering::Relaxed);
        let is_taken = self.shelf.is_open.load(Ordering::Relaxed)
            && queued.saturating_add(len) <= QUEUE_BYTES
            && self.jobs.try_send(Job::Keep(bytes.clone(), keys)).is_ok();
        if !is_taken {
            self.shelf.queued_bytes.fetch_sub(len, Ordering::Relaxed);
            counts.dropped.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Ranges that came from the disk, so far.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.shelf.counts.hits.load(Ordering::Relaxed)
    }

    /// Their bytes.
    #[must_use]
    pub fn hit_bytes(&self) -> u64 {
        self.shelf.counts.hit_bytes.load(Ordering::Relaxed)
    }

    /// Ranges that came from the store, so far.
    #[must_use]
    pub fn misses(&self) -> u64 {
        self.shelf.counts.misses.load(Ordering::Relaxed)
    }

    /// Those of them that could not be kept, because too many waited or the disk takes none.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shelf.counts.dropped.load(Ordering::Relaxed)
    }

    /// Files that could not be read or written, or were damaged, so far.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.shelf.counts.errors.load(Ordering::Relaxed)
    }

    /// Bytes that wait to be written.
    #[must_use]
    pub fn queued_bytes(&self) -> u64 {
        self.shelf.queued_bytes.load(Ordering::Relaxed)
    }

    /// What is kept, in bytes of the disk.
    #[must_use]
    pub fn kept_bytes(&self) -> u64 {
        self.shelf.index.weighted_size()
    }

    /// What is kept, in files.
    #[must_use]
    pub fn kept_files(&self) -> u64 {
        self.shelf.index.entry_count()
    }
}

impl Storage {
    /// The same stores, with ranges of their objects kept on this disk where [`Storage::kept_ranges`] is asked.
    #[must_use]
    pub fn with_disk_cache(self, disk: DiskCache) -> Self {
        Self { disk: Some(disk), ..self }
    }

    /// Ranges of objects in stores that are kept on this disk.
    #[must_use]
    pub fn disk_cache(&self) -> Option<&DiskCache> {
        self.disk.as_ref()
    }

    /// The same, where ranges of this object may be kept: it lies in a store, which says by `ETag` which bytes it has.
    #[must_use]
    pub fn kept_ranges(&self, location: &Location, etag: &str) -> Option<&DiskCache> {
        self.disk.as_ref().filter(|_| location.as_path().is_none() && is_strong(etag))
    }
}

#[cfg(test)]
mod tests;
