//! What a folder may hold on this disk, and what it holds.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Files take whole blocks of the disk, in bytes.
pub const BLOCK_BYTES: u64 = 4096;

/// The largest margin, in bytes.
const MOST_MARGIN_BYTES: u64 = 4 << 20;

/// A limit that is never exceeded: room is taken before anything is written.
#[derive(Debug)]
pub struct Disk {
    limit: u64,
    used: AtomicU64,
    /// Kept for documents that are written later.
    reserved: AtomicU64,
}

/// There is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it needs {needed} bytes more, and --max-disk leaves {left}")]
pub struct Full {
    /// Bytes that were asked for.
    pub needed: u64,
    /// Bytes that there are.
    pub left: u64,
}

impl Disk {
    /// A limit in bytes; none: all the disk.
    #[must_use]
    pub fn new(limit: Option<u64>) -> Self {
        Self { limit: limit.unwrap_or(u64::MAX), used: AtomicU64::new(0), reserved: AtomicU64::new(0) }
    }

    /// True when there is a limit.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.limit < u64::MAX
    }

    /// What may lie free at the limit all the same, in bytes: too little to stop a writer in time.
    #[must_use]
    pub fn margin(&self) -> u64 {
        MOST_MARGIN_BYTES.min(self.limit / 64)
    }

    /// Counts what a folder holds anew, and returns it, in bytes.
    ///
    /// # Errors
    /// When it cannot be looked into.
    pub fn measure(&self, folder: &Path) -> io::Result<u64> {
        if !self.is_limited() {
            return Ok(0);
        }
        let used = held(folder)?;
        self.used.store(used + self.reserved.load(Ordering::Relaxed), Ordering::Relaxed);
        Ok(used)
    }

    /// Bytes that may still be written.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used.load(Ordering::Relaxed))
    }

    /// Takes room.
    ///
    /// # Errors
    /// When there is less.
    pub fn take(&self, bytes: u64) -> Result<(), Full> {
        let within = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within);
        taken.map(|_before| ()).map_err(|_used| Full { needed: bytes, left: self.left() })
    }

    /// Takes room for documents of so many bytes, for good.
    ///
    /// # Errors
    /// When there is less.
    pub fn reserve(&self, bytes: u64) -> Result<(), Full> {
        self.take(bytes)?;
        self.reserved.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    fn give_back(&self, bytes: u64) {
        // Without a limit nothing was measured that could be given back.
        let less = |used: u64| Some(used.saturating_sub(bytes));
        let _always = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

/// The room of one file that grows.
#[derive(Debug)]
pub(super) struct Share<'a> {
    disk: &'a Disk,
    /// Bytes that are counted for it.
    counted: u64,
}

impl<'a> Share<'a> {
    /// Of a file that has this length by now, and is counted with it.
    pub(super) fn of(disk: &'a Disk, len: u64) -> Self {
        Self { disk, counted: on_disk(len) }
    }

    /// Takes room for the file to become this long, with its `ETag` beside it.
    pub(super) fn grow(&mut self, len: u64) -> Result<(), Full> {
        let wanted = on_disk(len) + BLOCK_BYTES;
        if wanted > self.counted {
            self.disk.take(wanted - self.counted)?;
            self.counted = wanted;
        }
        Ok(())
    }

    /// The file has this length in the end: what was taken and is not used is given back.
    pub(super) fn settle(self, len: u64) {
        self.disk.give_back(self.counted.saturating_sub(on_disk(len)));
    }
}

/// What a file of this length takes on the disk, in bytes.
#[must_use]
pub fn on_disk(len: u64) -> u64 {
    len.div_ceil(BLOCK_BYTES).saturating_mul(BLOCK_BYTES)
}

/// What a folder and all below it take; links are not followed. What vanishes meanwhile counts nothing.
fn held(folder: &Path) -> io::Result<u64> {
    let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let entries = match fs::read_dir(folder) {
        Err(error) if gone(&error) => return Ok(0),
        entries => entries?,
    };
    let mut sum = BLOCK_BYTES;
    for entry in entries {
        let entry = entry?;
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => sum += held(&entry.path())?,
            Ok(metadata) => sum += on_disk(metadata.len()),
            Err(error) if gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_folder_is_measured_in_blocks() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("a")).expect("a folder");
        fs::write(folder.path().join("a/x"), vec![0; 5000]).expect("a file");
        let disk = Disk::new(Some(20_000));
        assert_eq!(disk.measure(folder.path()).expect("measured"), 4 * BLOCK_BYTES);
        assert_eq!(disk.left(), 20_000 - 4 * BLOCK_BYTES);
        assert_eq!(disk.take(10_000), Err(Full { needed: 10_000, left: 20_000 - 4 * BLOCK_BYTES }));
        let all = Disk::new(None);
        Share::of(&all, 5000).settle(0);
        assert!(all.take(u64::MAX / 2).is_ok());
    }

    proptest! {
        #[test]
        fn no_order_of_growing_files_passes_the_limit(lens in prop::collection::vec(0_u64..50_000, 1..20)) {
            let disk = Disk::new(Some(200_000));
            let mut kept = 0;
            for len in lens {
                let mut share = Share::of(&disk, 0);
                if share.grow(len).is_ok() {
                    kept += on_disk(len);
                    share.settle(len);
                } else {
                    share.settle(0);
                }
                prop_assert!(kept <= 200_000 && disk.left() == 200_000 - kept);
            }
        }
    }
}
