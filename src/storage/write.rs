//! Objects are written, copied, labelled and deleted.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;

use super::{
    FolderLock, Label, Location, Meta, Storage, StorageError, WriteMode, Writer, blocking, local, remote,
};
use crate::pool;

/// How long another process may hold the lock of a folder.
const LOCK_PATIENCE: Duration = Duration::from_secs(20);

impl Storage {
    /// Writes an object in one piece; it is there as a whole, or as it was.
    ///
    /// # Errors
    /// When the mode forbids it or writing fails.
    pub async fn write(
        &self,
        location: &Location,
        bytes: Bytes,
        mode: WriteMode,
        label: &Label,
    ) -> Result<Meta, StorageError> {
        let Some(path) = location.as_path().map(PathBuf::from) else {
            return self.remote.write(location, bytes, &mode, label).await;
        };
        let at = location.clone();
        blocking(location, move || {
            let mut part = local::Part::create(&path, &at)?;
            part.write(&bytes)?;
            part.publish(&mode)
        })
        .await
    }

    /// Waits for the lock of a folder on this disk; a store has none, and needs none.
    ///
    /// # Errors
    /// When another process holds it for too long, or nothing can be written there.
    pub async fn lock(&self, folder: &Location) -> Result<Option<Arc<FolderLock>>, StorageError> {
        let Some(path) = folder.as_path().map(PathBuf::from) else { return Ok(None) };
        let at = folder.clone();
        blocking(folder, move || local::lock_folder(&path, &at, LOCK_PATIENCE).map(Arc::new)).await.map(Some)
    }

    /// Writes documents on this disk together, under the lock of their folder: `fresh` ones where nothing refers to them yet, then, once those are safe, the
    /// others in the place of what is there, in their order. What each is then, `fresh` ones first.
    ///
    /// # Errors
    /// When one lies in a store, or writing fails: others may be written then, and those replaced in their order.
    pub async fn write_together(
        &self,
        lock: &Arc<FolderLock>,
        fresh: Vec<(Location, Bytes)>,
        replaced: Vec<(Location, Bytes)>,
    ) -> Result<Vec<Meta>, StorageError> {
        let file = |(location, bytes): (Location, Bytes)| {
            Ok(local::BatchFile { path: super::local_path(&location)?, location, bytes })
        };
        let fresh = fresh.into_iter().map(file).collect::<Result<Vec<_>, StorageError>>()?;
        let replaced = replaced.into_iter().map(file).collect::<Result<Vec<_>, StorageError>>()?;
        let Some(first) = fresh.first().or(replaced.first()).map(|file| file.location.clone()) else {
            return Ok(Vec::new());
        };
        // A disk that hangs keeps the lock with its thread: nobody writes before it is through.
        let lock = Arc::clone(lock);
        blocking(&first, move || {
            let written = local::write_batch(&fresh, &replaced);
            drop(lock);
            written
        })
        .await
    }

    /// Which of the objects on this disk are there, in their order; those in a store are said to be.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub async fn are_there(&self, locations: Vec<Location>) -> Result<Vec<bool>, StorageError> {
        let Some(first) = locations.first().cloned() else { return Ok(Vec::new()) };
        let is_there =
            |at: &Location| at.as_path().is_none_or(|path| std::fs::symlink_metadata(path).is_ok());
        blocking(&first, move || Ok(locations.iter().map(is_there).collect())).await
    }

    /// Removes the files below a folder on this disk that were never finished and are older than that; how many. A store
    /// keeps none.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub async fn sweep_parts(&self, folder: &Location, older_than: Duration) -> Result<usize, StorageError> {
        let Some(path) = folder.as_path().map(PathBuf::from) else { return Ok(0) };
        let at = folder.clone();
        // As long as it takes: nobody waits for it.
        pool::blocking(move || local::sweep_parts(&path, &at, older_than)).await
    }

    /// Begins an object that is written piece by piece; `len` is how long it will be, where that is known.
    ///
    /// # Errors
    /// When it cannot be written there.
    pub async fn writer(
        &self,
        location: &Location,
        label: &Label,
        len: Option<u64>,
    ) -> Result<Writer, StorageError> {
        let Some(path) = location.as_path().map(PathBuf::from) else {
            return Ok(Writer::to_store(remote::Upload::new(&self.remote, location, label, len), location));
        };
        let at = location.clone();
        let part = blocking(location, move || local::Part::create(&path, &at)).await?;
        Ok(Writer::to_disk(part, location))
    }

    /// What a store keeps beside the object, and its length, age and `ETag`.
    ///
    /// # Errors
    /// When it is not there or cannot be asked for.
    pub async fn label(&self, location: &Location) -> Result<(Meta, Label), StorageError> {
        match location {
            Location::Local(_) => Ok((self.meta(location).await?, Label::default())),
            Location::Remote(_) => self.remote.label(location).await,
        }
    }

    /// Deletes an object; that there is none is no error.
    ///
    /// # Errors
    /// When it cannot be deleted.
    pub async fn delete(&self, location: &Location) -> Result<(), StorageError> {
        let Some(path) = location.as_path().map(PathBuf::from) else {
            return self.remote.delete(location).await;
        };
        let at = location.clone();
        blocking(location, move || local::delete(&path, &at)).await
    }

    /// Makes the bucket, container or folder of a location; false when it was there already.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn make_container(&self, location: &Location) -> Result<bool, StorageError> {
        let Some(path) = location.as_path().map(PathBuf::from) else {
            return self.remote.make_container(location).await;
        };
        let at = location.clone();
        blocking(location, move || {
            let is_new = !path.exists();
            std::fs::create_dir_all(&path).map_err(|source| StorageError::Io { location: at, source })?;
            Ok(is_new)
        })
        .await
    }

    /// Copies the object to a file on this disk, under a temporary name until it is whole.
    ///
    /// # Errors
    /// When it cannot be read, or the file cannot be written.
    pub async fn download(&self, location: &Location, path: &Path) -> Result<Meta, StorageError> {
        let to = Location::from_path(path).map_err(|error| StorageError::Settings {
            location: location.clone(),
            reason: error.to_string(),
        })?;
        self.copy(location, &to, &Label::default()).await
    }

    /// Copies a file on this disk to a location.
    ///
    /// # Errors
    /// When it cannot be read, or cannot be written there; the object stays as it was then.
    pub async fn upload(
        &self,
        path: &Path,
        location: &Location,
        label: &Label,
    ) -> Result<Meta, StorageError> {
        let from = Location::from_path(path).map_err(|error| StorageError::Settings {
            location: location.clone(),
            reason: error.to_string(),
        })?;
        self.copy(&from, location, label).await
    }

    /// Copies an object from one place to another, in bounded memory.
    ///
    /// # Errors
    /// When it cannot be read, is replaced meanwhile, or cannot be written there; what was there stays then.
    pub async fn copy(&self, from: &Location, to: &Location, label: &Label) -> Result<Meta, StorageError> {
        let whole = self.open_whole(from).await?;
        let mut writer = self.writer(to, label, Some(whole.meta.len)).await?;
        let mut pieces = whole.into_stream();
        while let Some(piece) = pieces.try_next().await? {
            writer.write(piece).await?;
        }
        writer.finish().await
    }
}
