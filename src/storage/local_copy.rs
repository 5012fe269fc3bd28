//! An object as a file on this disk, for code that reads files.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Location, Storage, StorageError};

/// Tells the copies of one process apart.
static COPIES: AtomicU64 = AtomicU64::new(0);

/// A local file as it is, or a copy of a store's object in the folder for temporary files, which goes when this is dropped:
/// who has opened it by then reads on.
#[derive(Debug)]
pub struct LocalCopy {
    path: PathBuf,
    is_copy: bool,
}

impl LocalCopy {
    /// Fetches the object, unless it is a local file.
    ///
    /// # Errors
    /// When it cannot be read, or there is no room for it.
    pub async fn of(storage: &Storage, location: &Location) -> Result<Self, StorageError> {
        if let Some(path) = location.as_path() {
            return Ok(Self { path: path.to_owned(), is_copy: false });
        }
        let copy = Self::empty();
        storage.download(location, &copy.path).await?;
        Ok(copy)
    }

    /// A place for a file that is to be copied to a store.
    #[must_use]
    pub fn empty() -> Self {
        let name = format!("cairn-{}-{}", std::process::id(), COPIES.fetch_add(1, Ordering::Relaxed));
        Self { path: std::env::temp_dir().join(name), is_copy: true }
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for LocalCopy {
    fn drop(&mut self) {
        if self.is_copy {
            // A copy that stays in the folder for temporary files does no harm.
            drop(std::fs::remove_file(&self.path));
        }
    }
}
