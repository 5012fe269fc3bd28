//! Files are written under a temporary name and moved to their place: nobody meets half a file.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{from_io, meta_of};
use crate::storage::{Location, Meta, StorageError, WriteMode};

/// Ends the names of files that are being written.
pub(super) const PART_ENDING: &str = ".part";

/// Name of the file in a folder that is locked by who changes documents there by their state.
pub(super) const LOCK_NAME: &str = ".cairn.lock";

/// Tells temporary files of one process apart.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// A file under a temporary name in the folder of its place; it goes when it is dropped before it got there.
#[derive(Debug)]
pub(in crate::storage) struct Part {
    file: File,
    temporary: Option<PathBuf>,
    path: PathBuf,
    location: Location,
}

impl Part {
    /// Makes the file, and the folders above it.
    pub(in crate::storage) fn create(path: &Path, location: &Location) -> Result<Self, StorageError> {
        let failed = |error| from_io(error, location);
        let folder = path.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(folder).map_err(failed)?;
        let temporary = hidden_part(path);
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary).map_err(failed)?;
        Ok(Self { file, temporary: Some(temporary), path: path.to_owned(), location: location.clone() })
    }

    /// Appends bytes.
    pub(in crate::storage) fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.file.write_all(bytes).map_err(|error| from_io(error, &self.location))
    }

    /// Moves the file to its place, once its bytes are on the disk.
    pub(in crate::storage) fn publish(mut self, mode: &WriteMode) -> Result<Meta, StorageError> {
        let Some(temporary) = self.temporary.clone() else {
            return Err(self.failed(io::ErrorKind::NotFound.into()));
        };
        self.file.sync_all().map_err(|error| self.failed(error))?;
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        match mode {
            WriteMode::Replace => {
                std::fs::rename(&temporary, &self.path).map_err(|error| self.failed(error))?;
                self.temporary = None;
            }
            // A link is refused where something is, and what it is of goes when `self` does.
            WriteMode::Create => {
                let linked = std::fs::hard_link(&temporary, &self.path);
                linked.map_err(|error| match error.kind() {
                    io::ErrorKind::AlreadyExists => StorageError::Exists { location: self.location.clone() },
                    _ => self.failed(error),
                })?;
            }
            WriteMode::IfMatch(etag) => {
                let _lock = lock(folder).map_err(|error| self.failed(error))?;
                let now = std::fs::metadata(&self.path).map_err(|error| self.failed(error))?;
                if meta_of(&now).etag != *etag {
                    return Err(StorageError::Changed { location: self.location.clone() });
                }
                std::fs::rename(&temporary, &self.path).map_err(|error| self.failed(error))?;
                self.temporary = None;
            }
        }
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| self.failed(error))?;
        self.file.metadata().map(|metadata| meta_of(&metadata)).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> StorageError {
        from_io(error, &self.location)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // The first error counts; a temporary file that stays does no harm.
            drop(std::fs::remove_file(temporary));
        }
    }
}

/// Who changes documents of a folder by their state, does so one after the other.
fn lock(folder: &Path) -> io::Result<File> {
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join(LOCK_NAME))?;
    lock.lock()?;
    Ok(lock)
}

/// A hidden name beside a file's that no other has.
pub(super) fn hidden_part(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}-{}{PART_ENDING}", std::process::id(), WRITTEN.fetch_add(1, Ordering::Relaxed)));
    path.with_file_name(name)
}

/// Removes a file; that there is none is no error.
pub(in crate::storage) fn delete(path: &Path, location: &Location) -> Result<(), StorageError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done.map_err(|error| from_io(error, location)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_or_not_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/x.json");
        let location = Location::Local(path.clone());
        let mut part = Part::create(&path, &location).expect("a part");
        part.write(b"half").expect("written");
        assert!(!path.exists());
        drop(part);
        assert_eq!(std::fs::read_dir(folder.path().join("deep")).expect("a folder").count(), 0);
        let put = |bytes: &[u8], mode: &WriteMode| {
            let mut part = Part::create(&path, &location).expect("a part");
            part.write(bytes).expect("written");
            part.publish(mode)
        };
        let first = put(b"one", &WriteMode::Create).expect("created");
        assert!(matches!(put(b"two", &WriteMode::Create), Err(StorageError::Exists { .. })));
        assert_eq!(std::fs::read(&path).expect("a file"), b"one");
        put(b"three", &WriteMode::IfMatch(first.etag.clone())).expect("replaced");
        assert!(matches!(put(b"four", &WriteMode::IfMatch(first.etag)), Err(StorageError::Changed { .. })));
        assert_eq!(std::fs::read(&path).expect("a file"), b"three");
    }
}
