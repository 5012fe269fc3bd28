//! One file from a web server or a store: resumed where a download was cut off, checked, and whole or not there.

use std::io;
use std::path::{Path, PathBuf};

use tokio::fs;
use tokio::io::AsyncReadExt as _;

use super::client::ApiError;
use super::disk::{Disk, Full, Share};
use super::multihash::Multihash;
use super::origin::Origin;
use crate::pool::blocking;
use crate::storage::StorageError;

/// Times that a broken connection is taken up again.
const RESUMED: usize = 5;
/// Bytes read at once to check a file.
const PIECE_BYTES: usize = 1 << 20;

/// Why a file did not come.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The server did not give it.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The store did not give it.
    #[error(transparent)]
    Store(#[from] StorageError),
    /// Nowhere to get it from.
    #[error("its href {href} is no URL of a web server or a store")]
    Href {
        /// Without its query.
        href: String,
    },
    /// The connection broke, and again.
    #[error("{url} broke off: {reason}; run the command again, it goes on from there")]
    Broken {
        /// Without its query.
        url: String,
        /// What the library says.
        reason: String,
    },
    /// The disk refused.
    #[error("cannot write {}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// No room within the limit.
    #[error("{url} does not fit")]
    Full {
        /// Without its query.
        url: String,
        /// How much is left.
        source: Full,
    },
    /// Not the bytes that the Item promises.
    #[error("{url} has the {what} {found}, but its Item says {expected}")]
    Differs {
        /// Without its query.
        url: String,
        /// Size or checksum.
        what: &'static str,
        /// Of what came.
        found: String,
        /// What the Item says.
        expected: String,
    },
}

/// What an Item promises of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// `file:size`, in bytes.
    pub size: Option<u64>,
    /// `file:checksum`: a multihash in hexadecimal. MD5, SHA-1 and SHA-2 are checked, others are not.
    pub checksum: Option<String>,
}

/// One file to download.
#[derive(Debug, Clone, Copy)]
pub struct Download<'a> {
    /// Where from.
    pub origin: &'a Origin,
    /// Where to.
    pub path: &'a Path,
    /// What was promised of it.
    pub checked: &'a Checked,
    /// What it has to fit in, which knows of a file that is there already.
    pub disk: &'a Disk,
}

impl Download<'_> {
    /// True when the file is there already and as promised; one that is not as promised is removed.
    ///
    /// # Errors
    /// When it cannot be read or removed.
    pub async fn is_there(&self) -> Result<bool, DownloadError> {
        let Ok(metadata) = fs::metadata(self.path).await else { return Ok(false) };
        match self.check(self.path).await {
            Ok(()) => Ok(true),
            Err(DownloadError::Differs { .. }) => {
                fs::remove_file(self.path).await.map_err(self.refused(self.path))?;
                Share::of(self.disk, metadata.len()).settle(0);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Downloads the file.
    ///
    /// What comes is kept in `.{name}.part` until it is whole, with the server's `ETag` in `.{name}.etag`: a download that is
    /// cut off goes on from there, unless the file is another one by then.
    ///
    /// # Errors
    /// When it cannot be had, does not fit, or is not what was promised: nothing is left of it then.
    pub async fn run(&self) -> Result<(), DownloadError> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let beside = |ending: &str| self.path.with_file_name(format!(".{name}.{ending}"));
        let (part, tag) = (beside("part"), beside("etag"));
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).await.map_err(self.refused(self.path))?;
        }
        let mut share = Share::of(self.disk, length(&part).await);
        let came = self.resumed(&part, &tag, &mut share).await;
        if matches!(came, Err(DownloadError::Differs { .. } | DownloadError::Full { .. })) {
            for path in [&part, &tag] {
                let _gone = fs::remove_file(path).await;
            }
        }
        let is_whole = came.is_ok();
        share.settle(length(if is_whole { self.path } else { &part }).await);
        came
    }

    async fn resumed(&self, part: &Path, tag: &Path, share: &mut Share<'_>) -> Result<(), DownloadError> {
        if let Some(size) = self.checked.size {
            share.grow(size).map_err(self.full())?;
        }
        let mut last = String::new();
        for _ in 0..RESUMED {
            match self.origin.attempt(self, part, tag, share).await? {
                None => {
                    self.check(part).await?;
                    fs::rename(part, self.path).await.map_err(self.refused(self.path))?;
                    let _gone = fs::remove_file(tag).await;
                    return Ok(());
                }
                Some(reason) => last = reason,
            }
        }
        Err(DownloadError::Broken { url: self.origin.to_string(), reason: last })
    }

    /// More bytes than were promised are not waited for.
    pub(super) fn bound(&self, len: u64) -> Result<(), DownloadError> {
        match self.checked.size.filter(|size| len > *size) {
            None => Ok(()),
            Some(size) => Err(self.differs("size", format!("{len} or more"), size.to_string())),
        }
    }

    /// Holds a file against what was promised.
    async fn check(&self, path: &Path) -> Result<(), DownloadError> {
        let size = fs::metadata(path).await.map_err(self.refused(path))?.len();
        if let Some(expected) = self.checked.size.filter(|expected| *expected != size) {
            return Err(self.differs("size", size.to_string(), expected.to_string()));
        }
        let Some(expected) = self.checked.checksum.as_deref().and_then(Multihash::parse) else {
            return Ok(());
        };
        let mut file = fs::File::open(path).await.map_err(self.refused(path))?;
        let (mut sum, mut piece) = (expected.sum(), vec![0; PIECE_BYTES]);
        loop {
            let len = file.read(&mut piece).await.map_err(self.refused(path))?;
            if len == 0 {
                break;
            }
            let (bytes, mut state) = (piece, sum);
            // Hashing is work for a processor.
            let hashed = blocking(move || {
                state.add(bytes.get(..len).unwrap_or_default());
                (bytes, state)
            });
            (piece, sum) = hashed.await;
        }
        let found = sum.end();
        if found == expected.digest() {
            Ok(())
        } else {
            Err(self.differs(expected.name(), found, expected.digest().to_owned()))
        }
    }

    #[expect(clippy::unused_self, reason = "reads as the other reasons why a download fails")]
    pub(super) fn refused(&self, path: &Path) -> impl FnOnce(io::Error) -> DownloadError + use<> {
        let path = path.to_owned();
        |source| DownloadError::Disk { path, source }
    }

    pub(super) fn full(&self) -> impl FnOnce(Full) -> DownloadError + use<> {
        let url = self.origin.to_string();
        |source| DownloadError::Full { url, source }
    }

    fn differs(&self, what: &'static str, found: String, expected: String) -> DownloadError {
        DownloadError::Differs { url: self.origin.to_string(), what, found, expected }
    }
}

/// The length of a file; 0 where there is none.
pub(super) async fn length(path: &Path) -> u64 {
    fs::metadata(path).await.map_or(0, |metadata| metadata.len())
}
