//! Local files: kept descriptors, positional reads.
//!
//! Opening costs more than reading a block, so descriptors stay open, at most [`KEPT_FILES`] of them. Every use compares
//! the path's device, inode, length and time with those of the kept descriptor, so that a replaced file is opened anew.

use std::fs::{File, Metadata};
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rustix::buffer::spare_capacity;
use rustix::io::ReadWriteFlags;

use super::{Location, Meta, StorageError};

mod batch;
mod list;
mod write;

pub use batch::FolderLock;
pub(super) use batch::{BatchFile, lock_folder, write_batch};
pub(super) use list::{list, sweep_parts};
pub(super) use write::{Part, delete};

/// Descriptors kept open; Debian's default limit is 1,024 a process.
const KEPT_FILES: u64 = 512;

/// Kept descriptors by path.
#[derive(Debug)]
pub(super) struct Files {
    kept: moka::sync::Cache<PathBuf, Arc<OpenFile>>,
}

/// One open file and what it was when it was opened.
#[derive(Debug)]
pub(super) struct OpenFile {
    file: File,
    identity: Identity,
    pub(super) meta: Meta,
}

/// What tells one state of a file from another.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    len: u64,
    modified_ns: i128,
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            len: metadata.len(),
            modified_ns: i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
        }
    }
}

impl Files {
    pub(super) fn new() -> Self {
        Self { kept: moka::sync::Cache::new(KEPT_FILES) }
    }

    /// The open file of a path, opened anew when the path holds another state than the kept one.
    pub(super) fn open(&self, path: &Path, location: &Location) -> Result<Arc<OpenFile>, StorageError> {
        let failed = |error| from_io(error, location);
        let metadata = std::fs::metadata(path).map_err(failed)?;
        // Opening a pipe would wait for whoever writes to it.
        if !metadata.is_file() {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")));
        }
        let identity = Identity::of(&metadata);
        if let Some(kept) = self.kept.get(path)
            && kept.identity == identity
        {
            return Ok(kept);
        }
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let opened = Arc::new(OpenFile { identity: Identity::of(&metadata), meta: meta_of(&metadata), file });
        self.kept.insert(path.to_owned(), Arc::clone(&opened));
        Ok(opened)
    }
}

impl OpenFile {
    /// Reads exactly the range into `buffer`, if the system has it in memory: never waits for a disk.
    pub(super) fn read_resident(&self, range: Range<u64>, buffer: &mut Vec<u8>) -> bool {
        let len = range.end.checked_sub(range.start).map(usize::try_from);
        let (Some(Ok(len)), true) = (len, range.end <= self.meta.len) else { return false };
        buffer.resize(len, 0);
        let mut filled = 0;
        while filled < len {
            let rest = &mut [IoSliceMut::new(&mut buffer[filled..])];
            let at = range.start + filled as u64;
            match rustix::io::preadv2(&self.file, rest, at, ReadWriteFlags::NOWAIT) {
                // Not in memory, or a file system that cannot tell: who is allowed to wait finds out.
                Ok(0) | Err(_) => return false,
                Ok(read) => filled += read,
            }
        }
        true
    }

    /// Reads exactly the range.
    pub(super) fn read_range(&self, range: Range<u64>, location: &Location) -> Result<Bytes, StorageError> {
        let out_of_range = || StorageError::OutOfRange {
            location: location.clone(),
            len: self.meta.len,
            start: range.start,
            end: range.end,
        };
        if range.start > range.end || range.end > self.meta.len {
            return Err(out_of_range());
        }
        let len = usize::try_from(range.end - range.start).map_err(|_too_long| out_of_range())?;
        let mut buffer = Vec::with_capacity(len);
        while buffer.len() < len {
            let at = range.start + buffer.len() as u64;
            let left = len - buffer.len();
            // The allocator may give more than was asked for: what is read beyond the range is cut off.
            let read = rustix::io::pread(&self.file, spare_capacity(&mut buffer), at)
                .map_err(|error| from_io(error.into(), location))?;
            if read == 0 {
                return Err(from_io(io::ErrorKind::UnexpectedEof.into(), location));
            }
            if read > left {
                buffer.truncate(len);
            }
        }
        Ok(buffer.into())
    }
}

/// Opens a file that is read from its first byte to its last.
pub(super) fn open_whole(path: &Path, location: &Location) -> Result<File, StorageError> {
    let failed = |error| from_io(error, location);
    // Opening a pipe would wait for whoever writes to it.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")));
    }
    File::open(path).map_err(failed)
}

/// What a file is now.
pub(super) fn meta_of_file(file: &File, location: &Location) -> Result<Meta, StorageError> {
    file.metadata().map(|metadata| meta_of(&metadata)).map_err(|error| from_io(error, location))
}

/// Length, age and `ETag` of a file, by its name only.
pub(super) fn look(path: &Path, location: &Location) -> Result<Meta, StorageError> {
    let failed = |error| from_io(error, location);
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")));
    }
    Ok(meta_of(&metadata))
}

/// Reads a document as a whole, when it is not larger than `limit` bytes, and what it was before its bytes were read.
pub(super) fn read_whole(
    path: &Path,
    location: &Location,
    limit: u64,
) -> Result<(Meta, Bytes), StorageError> {
    let file = open_whole(path, location)?;
    let meta = meta_of_file(&file, location)?;
    if meta.len > limit {
        return Err(StorageError::TooLarge { location: location.clone(), len: meta.len, limit });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len).unwrap_or_default());
    // A file that grows meanwhile has no end.
    io::Read::read_to_end(&mut io::Read::take(&file, limit), &mut bytes)
        .map_err(|error| from_io(error, location))?;
    Ok((meta, bytes.into()))
}

fn meta_of(metadata: &Metadata) -> Meta {
    let modified = metadata.modified().map_or_else(|_| chrono::DateTime::UNIX_EPOCH, Into::into);
    let etag = format!("\"{:x}-{:x}\"", metadata.len(), modified.timestamp_micros());
    Meta { len: metadata.len(), modified, etag, inode: Some(metadata.ino()) }
}

fn from_io(error: io::Error, location: &Location) -> StorageError {
    let location = location.clone();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => StorageError::NotFound { location },
        _ => StorageError::Io { location, source: error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_is_opened_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        let location = Location::Local(path.clone());
        let files = Files::new();
        std::fs::write(&path, b"old").expect("write");
        assert_eq!(
            &files.open(&path, &location).expect("open").read_range(0..3, &location).expect("read")[..],
            b"old"
        );
        let other = folder.path().join("b");
        std::fs::write(&other, b"newer").expect("write");
        std::fs::rename(&other, &path).expect("rename");
        let file = files.open(&path, &location).expect("open");
        assert_eq!(&file.read_range(0..5, &location).expect("read")[..], b"newer");
        let mut resident = b"longer than that".to_vec();
        if file.read_resident(1..5, &mut resident) {
            assert_eq!(resident, b"ewer");
        }
        assert!(!file.read_resident(3..6, &mut resident));
        assert!(matches!(file.read_range(3..6, &location), Err(StorageError::OutOfRange { len: 5, .. })));
    }

    #[test]
    fn a_missing_file_is_named() {
        let path = PathBuf::from("/nowhere/at/all.tif");
        let error = Files::new().open(&path, &Location::Local(path.clone())).expect_err("no file");
        assert_eq!(error.to_string(), "/nowhere/at/all.tif does not exist");
    }
}
