//! The thread that owns the folder: it finds what earlier servers left, writes, and removes what has to go.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::record::Key;
use super::{DISK_BLOCK_BYTES, Job, LARGEST_SHARE, MAX_FILES, Shelf};

/// How often a folder that another server has is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// How long nothing is written after a write failed: a full disk stays full for a while.
const REST: Duration = Duration::from_secs(10);
/// What is being written.
const PART: &str = "part";

impl Shelf {
    /// Does what it is told until nobody is left who could tell it anything.
    pub(super) fn keep(&self, todo: &Receiver<Job>) {
        let Some(_lock) = self.own_folder(todo) else { return };
        self.take_stock();
        self.is_open.store(true, Ordering::Relaxed);
        let mut resting_until: Option<Instant> = None;
        while let Ok(job) = todo.recv() {
            match job {
                Job::Remove(id) => {
                    self.index.invalidate(&id);
                    self.delete(id);
                }
                Job::Missing(id) if self.path(id).exists() => {}
                Job::Missing(id) => self.index.invalidate(&id),
                Job::Keep(bytes, parts) => {
                    if resting_until.is_some_and(|end| Instant::now() < end) {
                        self.counts.dropped.fetch_add(parts.len() as u64, Ordering::Relaxed);
                    } else if let Err(error) = self.write_all(&bytes, &parts) {
                        let seconds = REST.as_secs();
                        tracing::warn!(folder = %self.folder.display(), "cannot keep ranges of objects on this disk: {error}; none are kept for {seconds} s");
                        resting_until = Some(Instant::now() + REST);
                    }
                    self.queued_bytes.fetch_sub(bytes.len() as u64, Ordering::Relaxed);
                }
            }
        }
    }

    /// Waits until no other server has the folder; nothing when nobody needs it any more. The lock ends with the process,
    /// however that ends.
    fn own_folder(&self, todo: &Receiver<Job>) -> Option<File> {
        let mut told = false;
        loop {
            let why = match self.lock() {
                Ok(lock) => {
                    if told {
                        tracing::info!(folder = %self.folder.display(), "ranges of objects are kept on this disk from now on");
                    }
                    return Some(lock);
                }
                Err(TryLockError::WouldBlock) => "another server has the folder".to_owned(),
                Err(TryLockError::Error(error)) => error.to_string(),
            };
            if !told {
                tracing::warn!(folder = %self.folder.display(), "no ranges of objects are kept on this disk for now: {why}; give each server a --cache-dir of its own that it may write to");
            }
            told = true;
            // Nothing is sent as long as the cache is not open, but the senders may go.
            match todo.recv_timeout(TRY_AGAIN) {
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) | Ok(_) => {}
            }
        }
    }

    fn lock(&self) -> Result<File, TryLockError> {
        fs::create_dir_all(&self.folder).map_err(TryLockError::Error)?;
        let lock = File::options().create(true).append(true).open(self.folder.join("lock"));
        let lock = lock.map_err(TryLockError::Error)?;
        lock.try_lock()?;
        Ok(lock)
    }

    /// Finds what earlier servers left; what is beyond the limit goes.
    fn take_stock(&self) {
        let start = Instant::now();
        let _none = fs::remove_file(self.folder.join(PART));
        for entry in files_below(&self.folder) {
            let Ok(metadata) = entry.metadata() else { continue };
            let name = entry.file_name();
            let id = name.to_str().filter(|name| name.len() == 32);
            let Some(id) = id.and_then(|name| u128::from_str_radix(name, 16).ok()) else { continue };
            if metadata.is_file() {
                self.index.insert(id, self.weight(metadata.len()));
                self.index.run_pending_tasks();
                self.remove_evicted();
            }
        }
        tracing::info!(
            folder = %self.folder.display(),
            files = self.index.entry_count(),
            bytes = self.index.weighted_size(),
            seconds = start.elapsed().as_secs_f32(),
            "ranges of objects are kept on this disk"
        );
    }

    /// Writes parts of `bytes`, each once it is admitted.
    fn write_all(&self, bytes: &Bytes, parts: &[(Key, Range<usize>)]) -> io::Result<()> {
        for (nth, (key, at)) in parts.iter().enumerate() {
            let Some(bytes) = bytes.get(at.clone()) else { continue };
            let file_bytes = key.file_bytes();
            if self.index.contains_key(&key.id) || file_bytes > self.limit_bytes / LARGEST_SHARE {
                continue;
            }
            self.index.insert(key.id, self.weight(file_bytes));
            self.index.run_pending_tasks();
            self.remove_evicted();
            if !self.index.contains_key(&key.id) {
                continue;
            }
            if let Err(error) = self.write(key, bytes) {
                self.index.invalidate(&key.id);
                self.counts.errors.fetch_add(1, Ordering::Relaxed);
                self.counts.dropped.fetch_add((parts.len() - nth) as u64, Ordering::Relaxed);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Not forced to the disk: what a power cut leaves of it is found to be damaged.
    fn write(&self, key: &Key, bytes: &[u8]) -> io::Result<()> {
        let (part, path) = (self.folder.join(PART), self.path(key.id));
        let write = || {
            let mut file = File::create(&part)?;
            file.write_all(&key.head(bytes))?;
            file.write_all(bytes)?;
            drop(file);
            match fs::rename(&part, &path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    path.parent().map_or(Ok(()), fs::create_dir_all)?;
                    fs::rename(&part, &path)
                }
                renamed => renamed,
            }
        };
        write().inspect_err(|_| drop(fs::remove_file(&part)))
    }

    /// The bytes of a kept range; nothing when they are not as they were written.
    pub(super) fn load(&self, key: &Key) -> io::Result<Option<Bytes>> {
        let file = File::open(self.path(key.id))?;
        // One byte more tells a file that is too long.
        let most = key.file_bytes().saturating_add(1);
        let mut bytes = Vec::with_capacity(usize::try_from(most).unwrap_or_default());
        file.take(most).read_to_end(&mut bytes)?;
        Ok(key.bytes_in(bytes))
    }

    fn remove_evicted(&self) {
        let evicted = std::mem::take(&mut *self.evicted.lock().unwrap_or_else(PoisonError::into_inner));
        for id in evicted {
            // One that came back meanwhile is written anew.
            if !self.index.contains_key(&id) {
                self.delete(id);
            }
        }
    }

    fn delete(&self, id: u128) {
        match fs::remove_file(self.path(id)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                self.counts.errors.fetch_add(1, Ordering::Relaxed);
                tracing::debug!("cannot remove a kept range: {error}");
            }
        }
    }

    /// What a file takes of the limit.
    fn weight(&self, file_bytes: u64) -> u32 {
        let blocks = file_bytes.div_ceil(DISK_BLOCK_BYTES) + 1;
        let least = self.limit_bytes / MAX_FILES;
        u32::try_from((blocks * DISK_BLOCK_BYTES).max(least)).unwrap_or(u32::MAX)
    }

    /// 256 folders: a folder of a million files is slow.
    fn path(&self, id: u128) -> PathBuf {
        let name = format!("{id:032x}");
        self.folder.join(&name[..2]).join(name)
    }
}

/// All that lies in the folders of a folder; what cannot be listed is left out.
fn files_below(folder: &Path) -> impl Iterator<Item = fs::DirEntry> {
    let list = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    list(folder.to_owned()).map(|entry| entry.path()).filter(|path| path.is_dir()).flat_map(list)
}
