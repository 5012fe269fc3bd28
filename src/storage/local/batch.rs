//! Documents of one folder tree that are written together: the disk is waited for once for all of them, not once for each.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::write::{LOCK_NAME, hidden_part};
use super::{from_io, meta_of};
use crate::storage::{Location, Meta, StorageError};

/// Files and folders up to which each is flushed by itself; more than that by one flush of the file system.
const FLUSHED_EACH: usize = 8;

/// New files that one thread writes before another is worth its start, and threads that write them.
const WRITTEN_BY_ONE: usize = 64;
const WRITERS: usize = 4;

/// Pauses between two looks at a lock that another process holds.
const LOCK_PAUSE: Duration = Duration::from_millis(2);

/// Who holds it may change documents of a folder by their state; it ends with its holder, however that ends.
#[derive(Debug)]
pub struct FolderLock {
    /// Closing the descriptor opens the lock.
    _file: File,
}

/// Waits for the lock of a folder, which is made where it is not there.
pub(in crate::storage) fn lock_folder(
    folder: &Path,
    location: &Location,
    patience: Duration,
) -> Result<FolderLock, StorageError> {
    let failed = |error| from_io(error, location);
    let (path, start) = (folder.join(LOCK_NAME), Instant::now());
    loop {
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(folder).map_err(failed)?;
                continue;
            }
            opened => opened.map_err(failed)?,
        };
        match file.try_lock() {
            Ok(()) => {
                // The folder may have been exchanged for another one while this waited.
                let inode = |metadata: io::Result<fs::Metadata>| metadata.map(|m| (m.dev(), m.ino())).ok();
                if inode(file.metadata()) == inode(fs::metadata(&path)) {
                    return Ok(FolderLock { _file: file });
                }
            }
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        if start.elapsed() > patience {
            return Err(StorageError::Stalled { location: location.clone(), limit: patience });
        }
    }
}

/// A file of a batch.
#[derive(Debug)]
pub(in crate::storage) struct BatchFile {
    pub(in crate::storage) path: PathBuf,
    pub(in crate::storage) location: Location,
    pub(in crate::storage) bytes: Bytes,
}

/// Writes `fresh` files to their places, where nothing refers to them yet, and the others beside theirs; once all that is on
/// the disk, moves the others to their places in their order. What each is then, `fresh` ones first.
pub(in crate::storage) fn write_batch(
    fresh: &[BatchFile],
    replaced: &[BatchFile],
) -> Result<Vec<Meta>, StorageError> {
    let (mut metas, mut flush) = write_fresh(fresh)?;
    metas.reserve(replaced.len());
    let mut parts = Vec::with_capacity(replaced.len());
    for file in replaced {
        let failed = |error| from_io(error, &file.location);
        flush.make_folder(&file.path).map_err(failed)?;
        let part = Temporary(hidden_part(&file.path));
        let written = write_new(&part.0, &file.bytes).map_err(failed)?;
        metas.push(written.metadata().map(|metadata| meta_of(&metadata)).map_err(failed)?);
        flush.keep(written, &file.location);
        parts.push((part, file));
    }
    flush.run()?;
    let mut flush = Flush::default();
    for (part, file) in parts {
        fs::rename(&part.0, &file.path).map_err(|error| from_io(error, &file.location))?;
        flush.folders.extend(file.path.parent().map(Path::to_owned));
    }
    flush.run()?;
    Ok(metas)
}

/// Writes files to their places; many on several threads, as each takes the system some ten microseconds.
fn write_fresh(files: &[BatchFile]) -> Result<(Vec<Meta>, Flush), StorageError> {
    if files.len() <= WRITTEN_BY_ONE {
        return write_some(files);
    }
    let parts: Vec<_> = thread::scope(|scope| {
        let parts = files.chunks(files.len().div_ceil(WRITERS));
        let threads: Vec<_> = parts.map(|part| scope.spawn(|| write_some(part))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    let (mut metas, mut flush) = (Vec::with_capacity(files.len()), Flush::default());
    for part in parts {
        let (own, of_part) = part?;
        metas.extend(own);
        flush.add(of_part);
    }
    Ok((metas, flush))
}

fn write_some(files: &[BatchFile]) -> Result<(Vec<Meta>, Flush), StorageError> {
    let (mut metas, mut flush) = (Vec::with_capacity(files.len()), Flush::default());
    for file in files {
        let failed = |error| from_io(error, &file.location);
        flush.make_folder(&file.path).map_err(failed)?;
        let written = match write_new(&file.path, &file.bytes) {
            // A leftover may share its inode with a file of another tree: it is not written over.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&file.path).and_then(|()| write_new(&file.path, &file.bytes))
            }
            written => written,
        };
        let written = written.map_err(failed)?;
        metas.push(written.metadata().map(|metadata| meta_of(&metadata)).map_err(failed)?);
        flush.keep(written, &file.location);
    }
    Ok((metas, flush))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    Ok(file)
}

/// A file that goes when it was not moved to its place.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the move there is none.
        drop(fs::remove_file(&self.0));
    }
}

/// What has to be on the disk.
#[derive(Debug, Default)]
struct Flush {
    /// Not more than are flushed by themselves.
    files: Vec<(File, Location)>,
    /// All of them.
    count: usize,
    folders: BTreeSet<PathBuf>,
}

impl Flush {
    /// Notes a file that was written.
    fn keep(&mut self, file: File, location: &Location) {
        self.count += 1;
        if self.count <= FLUSHED_EACH {
            self.files.push((file, location.clone()));
        }
    }

    /// Notes all that another one has.
    fn add(&mut self, other: Self) {
        self.files.extend(other.files);
        self.count += other.count;
        self.folders.extend(other.folders);
    }

    /// Makes the folder of a file, and those above it, and notes whose entries are new.
    fn make_folder(&mut self, path: &Path) -> io::Result<()> {
        let Some(folder) = path.parent() else { return Ok(()) };
        self.folders.insert(folder.to_owned());
        let mut missing = Vec::new();
        let mut at = folder;
        loop {
            match fs::create_dir(at) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(at),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => break,
                made => {
                    made?;
                    self.folders.extend(at.parent().map(Path::to_owned));
                    break;
                }
            }
            let Some(parent) = at.parent() else { break };
            at = parent;
        }
        for folder in missing.into_iter().rev() {
            match fs::create_dir(folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            self.folders.extend(folder.parent().map(Path::to_owned));
        }
        Ok(())
    }

    fn run(self) -> Result<(), StorageError> {
        if self.count + self.folders.len() > FLUSHED_EACH
            && let Some((first, location)) = self.one()?
        {
            return rustix::fs::syncfs(first).map_err(|error| from_io(error.into(), &location));
        }
        let folders = self.folders.iter().map(|folder| {
            let location = Location::Local(folder.clone());
            File::open(folder).map(|file| (file, location.clone())).map_err(|error| from_io(error, &location))
        });
        let all: Vec<(File, Location)> =
            folders.collect::<Result<Vec<_>, _>>()?.into_iter().chain(self.files).collect();
        // At once: the disk then writes them together.
        thread::scope(|scope| {
            let flushed: Vec<_> = all.iter().map(|(file, _)| scope.spawn(|| file.sync_all())).collect();
            for (flushed, (_, location)) in flushed.into_iter().zip(&all) {
                let flushed = flushed.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
                flushed.map_err(|error| from_io(error, location))?;
            }
            Ok(())
        })
    }

    /// Something on the file system that all of it is on.
    fn one(&self) -> Result<Option<(File, Location)>, StorageError> {
        let Some(folder) = self.folders.first() else { return Ok(None) };
        let location = Location::Local(folder.clone());
        let file = File::open(folder).map_err(|error| from_io(error, &location))?;
        Ok(Some((file, location)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_there_as_a_whole_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, bytes: &'static [u8]| {
            let path = folder.path().join(name);
            BatchFile { location: Location::Local(path.clone()), path, bytes: Bytes::from_static(bytes) }
        };
        fs::write(folder.path().join("links.json"), "old").expect("written");
        for count in [1_usize, 12] {
            let fresh: Vec<BatchFile> =
                (0..count).map(|n| file(&format!("deep/{n}/{n}.json"), b"item")).collect();
            let metas = write_batch(&fresh, &[file("links.json", b"newer")]).expect("written");
            assert_eq!(metas.len(), count + 1);
            assert_eq!(metas[count].len, 5);
        }
        assert_eq!(fs::read(folder.path().join("links.json")).expect("a file"), b"newer");
        assert_eq!(fs::read(folder.path().join("deep/11/11.json")).expect("a file"), b"item");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 2);
    }

    #[test]
    fn a_lock_ends_with_who_holds_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let location = Location::Local(folder.path().to_owned());
        let short = Duration::from_millis(20);
        let held = lock_folder(folder.path(), &location, short).expect("a lock");
        assert!(matches!(lock_folder(folder.path(), &location, short), Err(StorageError::Stalled { .. })));
        drop(held);
        lock_folder(folder.path(), &location, short).expect("a lock again");
    }
}
