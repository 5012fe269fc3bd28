//! A new tree, made beside the old one and put in its place at once.
//!
//! Documents are written to a hidden folder beside the tree. Those whose bytes are the same as before are hard links to
//! the old files, so that times and inodes stay. [`Stage::commit`] brings over what others keep in the tree's folder, and
//! exchanges the two folders in one step of the file system: who reads sees the old tree or the new one, also when this
//! process is killed. Where folders cannot be exchanged (a mount point, say) documents are moved one by one.

mod exchange;

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::same::{is_equal, is_same};
pub use exchange::Committed;

/// An empty file in a tree whose table and snapshot are of its present documents: a new tree is without.
pub const INDEXED: &str = ".cairn/indexed";

/// Why a tree could not be written.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The disk refused.
    #[error("cannot write {}; check that its folder is writable and the disk has room", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process is at it.
    #[error("another build is writing {}; wait for it to end", path.display())]
    Busy {
        /// The tree's folder.
        path: PathBuf,
    },
}

/// A tree in the making; without [`Stage::commit`] nothing is left of it.
#[derive(Debug)]
pub struct Stage {
    dest: PathBuf,
    folder: PathBuf,
    /// Held while the folder is in use.
    lock: File,
    /// Files so far, in the order of writing: what is linked before what links it.
    files: Vec<PathBuf>,
    names: HashSet<PathBuf>,
    changed: HashSet<PathBuf>,
    committed: bool,
}

impl Stage {
    /// Begins a new tree for the folder `dest`, which need not be there.
    ///
    /// # Errors
    /// When nothing can be written beside `dest` nor in it, or another process does so.
    pub fn open(dest: &Path) -> Result<Self, StageError> {
        let failed = |source| StageError::Write { path: dest.to_owned(), source };
        let dest = match fs::canonicalize(dest) {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let absolute = std::path::absolute(dest).map_err(failed)?;
                let parent = absolute.parent().unwrap_or(Path::new("/"));
                fs::create_dir_all(parent).map_err(failed)?;
                let parent = fs::canonicalize(parent).map_err(failed)?;
                parent.join(absolute.file_name().unwrap_or_default())
            }
            Err(error) => return Err(failed(error)),
        };
        let beside = beside(&dest);
        let made = beside.as_ref().map(|folder| make(folder));
        let (folder, lock) = match made {
            Some(Ok(made)) => made,
            Some(Err(e)) if e.kind() == io::ErrorKind::WouldBlock => {
                return Err(StageError::Busy { path: dest });
            }
            _ => match make(&dest.join(".cairn/new")) {
                Ok(made) => made,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    return Err(StageError::Busy { path: dest });
                }
                Err(source) => return Err(StageError::Write { path: dest, source }),
            },
        };
        let (names, changed) = (HashSet::new(), HashSet::new());
        Ok(Self { dest, folder, lock, files: Vec::new(), names, changed, committed: false })
    }

    /// The folder that the tree is for, links on the way followed.
    #[must_use]
    pub fn dest(&self) -> &Path {
        &self.dest
    }

    /// Where a file of the old tree is, if there is one.
    #[must_use]
    pub fn old(&self, at: &Path) -> PathBuf {
        self.dest.join(at)
    }

    /// True when a file of this name was written already.
    #[must_use]
    pub fn has(&self, at: &Path) -> bool {
        self.names.contains(at)
    }

    /// A file for work in progress that is no part of the tree.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn scratch(&self) -> Result<File, StageError> {
        let path = self.folder.join(".scratch");
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path);
        let file = file.and_then(|file| fs::remove_file(&path).map(|()| file));
        file.map_err(|source| StageError::Write { path, source })
    }

    /// Writes a file of the new tree.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn put(&mut self, at: &Path, bytes: &[u8]) -> Result<(), StageError> {
        let path = self.folder.join(at);
        let write = || {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            let old = self.dest.join(at);
            if is_equal(&old, bytes) && fs::hard_link(&old, &path).is_ok() {
                return Ok(false);
            }
            File::create(&path)?.write_all(bytes)?;
            Ok(true)
        };
        let changed = write().map_err(|source| StageError::Write { path: self.dest.join(at), source })?;
        if changed {
            self.changed.insert(at.to_owned());
        }
        self.note(at);
        Ok(())
    }

    fn note(&mut self, at: &Path) {
        self.files.push(at.to_owned());
        self.names.insert(at.to_owned());
    }

    /// Begins a file of the new tree that is too long to be held in memory; [`Stage::end`] takes it in.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn begin(&self, at: &Path) -> Result<File, StageError> {
        let path = self.folder.join(at);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create(&path));
        made.map_err(|source| StageError::Write { path: self.dest.join(at), source })
    }

    /// Takes in a file that was begun and is written.
    ///
    /// # Errors
    /// When it cannot be compared with the old one.
    pub fn end(&mut self, at: &Path) -> Result<(), StageError> {
        let (path, old) = (self.folder.join(at), self.dest.join(at));
        let failed = |source| StageError::Write { path: old.clone(), source };
        if is_same(&path, &old).map_err(failed)? {
            fs::remove_file(&path)
                .and_then(|()| fs::hard_link(&old, &path).or_else(|_| fs::copy(&old, &path).map(drop)))
                .map_err(failed)?;
        } else {
            self.changed.insert(at.to_owned());
        }
        self.note(at);
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !self.committed {
            // What cannot be removed now is when the next build begins.
            drop(fs::remove_dir_all(&self.folder));
        }
    }
}

/// The hidden folder beside a tree; none when the tree's folder is a file system of its own.
fn beside(dest: &Path) -> Option<PathBuf> {
    let (parent, name) = (dest.parent()?, dest.file_name()?);
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).ok();
    if dest.exists() && device(dest) != device(parent) {
        return None;
    }
    Some(parent.join(format!(".{}.cairn-new", name.to_string_lossy())))
}

/// Makes the folder, empties it of what a build that was killed left there, and locks it.
fn make(folder: &Path) -> io::Result<(PathBuf, File)> {
    fs::create_dir_all(folder)?;
    let lock = File::open(folder)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok((folder.to_owned(), lock))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(dest: &Path, files: &[(&str, &str)]) -> Committed {
        let mut stage = Stage::open(dest).expect("a stage");
        for (at, text) in files {
            stage.put(Path::new(at), text.as_bytes()).expect("written");
        }
        stage.commit().expect("committed")
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path).expect("a file")
    }

    #[test]
    fn a_tree_is_exchanged_and_what_others_keep_there_stays() {
        let dir = tempfile::tempdir().expect("a folder");
        let dest = dir.path().join("tree");
        assert_eq!(built(&dest, &[("a/i.json", "1"), ("b/i.json", "1"), ("catalog.json", "1")]).changed, 3);
        fs::create_dir_all(dest.join("a/rasters")).expect("made");
        fs::write(dest.join("a/rasters/x.tif"), "pixels").expect("written");
        let inode = |at: &str| fs::metadata(dest.join(at)).expect("a file").ino();
        let before = ["a/i.json", "a/rasters/x.tif"].map(inode);
        let done = built(&dest, &[("a/i.json", "1"), ("c/i.json", "1"), ("catalog.json", "2")]);
        assert_eq!(done, Committed { changed: 2, dropped: 1, one_by_one: false });
        assert_eq!(["a/i.json", "a/rasters/x.tif"].map(inode), before);
        assert_eq!(read(&dest.join("catalog.json")), "2");
        assert!(!dest.join("b").exists());
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1, "nothing hidden is left");
    }

    #[test]
    fn the_same_tree_is_not_touched_and_one_given_up_leaves_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let dest = dir.path().join("tree");
        built(&dest, &[("catalog.json", "1")]);
        let before = fs::metadata(&dest).expect("a folder").ino();
        assert_eq!(built(&dest, &[("catalog.json", "1")]), Committed::default());
        let mut stage = Stage::open(&dest).expect("a stage");
        stage.put(Path::new("catalog.json"), b"2").expect("written");
        assert!(matches!(Stage::open(&dest), Err(StageError::Busy { .. })));
        drop(stage);
        assert_eq!(fs::metadata(&dest).expect("a folder").ino(), before);
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1);
    }

    #[test]
    fn a_file_written_in_pieces_is_compared_too() {
        let dir = tempfile::tempdir().expect("a folder");
        let dest = dir.path().join("tree");
        let run = |text: &str| {
            let mut stage = Stage::open(&dest).expect("a stage");
            let at = Path::new("a/long");
            stage
                .begin(at)
                .and_then(|mut file| {
                    file.write_all(text.as_bytes())
                        .map_err(|source| StageError::Write { path: at.into(), source })
                })
                .expect("written");
            stage.end(at).expect("compared");
            stage.commit().expect("committed").changed
        };
        assert_eq!([run("one"), run("one"), run("two"), run("three")], [1, 0, 1, 1]);
        assert_eq!(read(&dest.join("a/long")), "three");
    }

    #[test]
    fn where_folders_cannot_be_exchanged_documents_are_moved() {
        let dir = tempfile::tempdir().expect("a folder");
        let dest = dir.path().join("tree");
        built(&dest, &[("a/i.json", "1"), ("b/i.json", "1"), ("catalog.json", "1")]);
        // As in a folder that is a mount point.
        let mut stage = Stage::open(&dest).expect("a stage");
        let (folder, lock) = make(&dest.join(".cairn/new")).expect("a folder");
        drop(fs::remove_dir_all(&stage.folder));
        (stage.folder, stage.lock) = (folder, lock);
        for (at, text) in [("a/i.json", "2"), ("catalog.json", "2")] {
            stage.put(Path::new(at), text.as_bytes()).expect("written");
        }
        let done = stage.commit().expect("committed");
        assert_eq!(done, Committed { changed: 2, dropped: 1, one_by_one: true });
        assert_eq!(
            (read(&dest.join("a/i.json")), read(&dest.join("catalog.json"))),
            ("2".into(), "2".into())
        );
        assert!(!dest.join("b/i.json").exists() && !dest.join(".cairn/new").exists());
    }
}
