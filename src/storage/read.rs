//! Objects are read: whole, as a stream, their first bytes.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::{Location, MAX_WHOLE_BYTES, Meta, Storage, StorageError, StoreKind, Whole, blocking, local};

impl Storage {
    /// The whole object, when it is no larger than [`MAX_WHOLE_BYTES`].
    ///
    /// # Errors
    /// When it is not there, too large, or reading fails.
    pub async fn read(&self, location: &Location) -> Result<Bytes, StorageError> {
        Ok(self.fetch(location).await?.1)
    }

    /// The whole object as [`Storage::read`], and what it was when it was read: one request.
    ///
    /// # Errors
    /// When it is not there, too large, or reading fails.
    pub async fn fetch(&self, location: &Location) -> Result<(Meta, Bytes), StorageError> {
        let Some(path) = location.as_path().map(PathBuf::from) else {
            return self.remote.fetch(location).await;
        };
        let at = location.clone();
        let found = blocking(location, move || local::read_whole(&path, &at, MAX_WHOLE_BYTES)).await?;
        self.counters.of(StoreKind::Local).add(1, found.1.len() as u64);
        Ok(found)
    }

    /// As [`Storage::fetch`], but nothing while the object is still the one that had this `ETag`: one request all the same.
    ///
    /// # Errors
    /// When it is not there, too large, or reading fails.
    pub async fn fetch_unless(
        &self,
        location: &Location,
        etag: &str,
    ) -> Result<Option<(Meta, Bytes)>, StorageError> {
        let Some(path) = location.as_path().map(PathBuf::from) else {
            return self.remote.fetch_unless(location, etag).await;
        };
        let at = location.clone();
        if blocking(location, move || local::look(&path, &at)).await?.etag == etag {
            return Ok(None);
        }
        self.fetch(location).await.map(Some)
    }

    /// As [`Storage::fetch_unless`] with all that was known of the object: on this disk also a file that another replaced with
    /// one of the same length in the same moment is told from it.
    ///
    /// # Errors
    /// As [`Storage::fetch_unless`].
    pub async fn fetch_unless_still(
        &self,
        location: &Location,
        known: &Meta,
    ) -> Result<Option<(Meta, Bytes)>, StorageError> {
        let Some(path) = location.as_path().map(PathBuf::from) else {
            return self.remote.fetch_unless(location, &known.etag).await;
        };
        let at = location.clone();
        if blocking(location, move || local::look(&path, &at)).await? == *known {
            return Ok(None);
        }
        self.fetch(location).await.map(Some)
    }

    /// The object as a stream of bytes, for those that are larger than memory.
    ///
    /// # Errors
    /// When it is not there, or no regular file.
    pub async fn open_whole(&self, location: &Location) -> Result<Whole, StorageError> {
        let Some(path) = location.as_path().map(PathBuf::from) else {
            let meta = self.remote.meta(location).await?;
            return Ok(Whole::of_store(self.clone(), meta, location));
        };
        let at = location.clone();
        self.counters.of(StoreKind::Local).add(1, 0);
        blocking(location, move || local::open_whole(&path, &at).and_then(|file| Whole::of_file(file, &at)))
            .await
    }

    /// The first bytes of the object, at most `len`, and what it is: one request.
    ///
    /// # Errors
    /// When it is not there or reading fails.
    pub async fn fetch_first(&self, location: &Location, len: u64) -> Result<(Meta, Bytes), StorageError> {
        let Some(path) = location.as_path().map(PathBuf::from) else {
            return self.remote.fetch_first(location, len).await;
        };
        let (files, at) = (Arc::clone(&self.local), location.clone());
        let found = blocking(location, move || {
            let file = files.open(&path, &at)?;
            let bytes = file.read_range(0..len.min(file.meta.len), &at)?;
            Ok((file.meta.clone(), bytes))
        });
        let found = found.await?;
        self.counters.of(StoreKind::Local).add(1, found.1.len() as u64);
        Ok(found)
    }
}
