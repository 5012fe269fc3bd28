//! The paths that an upload could not send, kept for `--retry-failed`.

use std::io;
use std::path::{Path, PathBuf};

use rapidhash::v3::rapidhash_v3;

use crate::storage::Location;

/// The list of one source and destination, in the user's cache folder.
#[derive(Debug, Clone)]
pub struct Retry {
    path: PathBuf,
}

/// Why the list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// There is none.
    #[error("no failed files are known of this upload; run it without --retry-failed")]
    None,
    /// The disk refused.
    #[error("cannot keep or read the list of failed files {}", path.display())]
    Io {
        /// The list.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Retry {
    /// The list of uploads from `source` to `dest` below the folder `cache`.
    #[must_use]
    pub fn of(cache: &Path, source: &Location, dest: &Location) -> Self {
        // Neither shows a secret.
        let hash = rapidhash_v3(format!("{source}\n{dest}").as_bytes());
        Self { path: cache.join("uploads").join(format!("{hash:016x}.json")) }
    }

    /// The paths, sorted.
    ///
    /// # Errors
    /// When there is no list, or it cannot be read.
    pub fn load(&self) -> Result<Vec<String>, RetryError> {
        let failed = |source| RetryError::Io { path: self.path.clone(), source };
        let bytes = match std::fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(RetryError::None),
            read => read.map_err(failed)?,
        };
        let mut paths: Vec<String> = serde_json::from_slice(&bytes).map_err(|error| failed(error.into()))?;
        paths.sort_unstable();
        Ok(paths)
    }

    /// Keeps these paths; no list stays when there are none.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, paths: &[String]) -> Result<(), RetryError> {
        let failed = |source| RetryError::Io { path: self.path.clone(), source };
        if paths.is_empty() {
            return match std::fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
                _ => Ok(()),
            };
        }
        let temporary = self.path.with_extension(format!("{}.tmp", std::process::id()));
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(folder)
            .and_then(|()| Ok(serde_json::to_vec(paths)?))
            .and_then(|bytes| std::fs::write(&temporary, bytes))
            .and_then(|()| std::fs::rename(&temporary, &self.path))
            .map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_remembered_for_each_upload() {
        let cache = tempfile::tempdir().expect("a folder");
        let at = |text: &str| Location::parse(text).expect("a location");
        let retry = Retry::of(cache.path(), &at("/a"), &at("s3://b/c"));
        assert!(matches!(retry.load(), Err(RetryError::None)));
        retry.keep(&["x/b.tif".to_owned(), "a.json".to_owned()]).expect("kept");
        let same = Retry::of(cache.path(), &at("/a"), &at("s3://b/c?sig=other"));
        assert_eq!(same.load().expect("a list"), ["a.json", "x/b.tif"]);
        assert!(Retry::of(cache.path(), &at("/b"), &at("s3://b/c")).load().is_err());
        retry.keep(&[]).expect("emptied");
        assert!(retry.load().is_err());
    }
}
