//! An object is written piece by piece.

use bytes::Bytes;

use super::local::Part;
use super::remote::Upload;
use super::{Location, Meta, StorageError, WriteMode, blocking};

/// An object under way: only [`Writer::finish`] puts it in its place, and one that is dropped before leaves nothing behind.
/// Memory: three parts of 8 MiB for a store, more for objects beyond 70 GB.
#[derive(Debug)]
pub struct Writer {
    location: Location,
    target: Target,
}

#[derive(Debug)]
enum Target {
    /// Taken out while a thread writes.
    Disk(Option<Part>),
    Store(Box<Upload>),
}

impl Writer {
    pub(super) fn to_disk(part: Part, location: &Location) -> Self {
        Self { location: location.clone(), target: Target::Disk(Some(part)) }
    }

    pub(super) fn to_store(upload: Upload, location: &Location) -> Self {
        Self { location: location.clone(), target: Target::Store(Box::new(upload)) }
    }

    /// Takes in the next bytes.
    ///
    /// # Errors
    /// When they cannot be written; the object stays as it was then.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StorageError> {
        match &mut self.target {
            Target::Store(upload) => upload.write(bytes).await,
            Target::Disk(part) => {
                let Some(mut own) = part.take() else { return Err(broken(&self.location)) };
                let written = blocking(&self.location, move || own.write(&bytes).map(|()| own)).await?;
                *part = Some(written);
                Ok(())
            }
        }
    }

    /// Puts the object in its place.
    ///
    /// # Errors
    /// When that fails; the object stays as it was then.
    pub async fn finish(self) -> Result<Meta, StorageError> {
        match self.target {
            Target::Store(upload) => upload.finish().await,
            Target::Disk(None) => Err(broken(&self.location)),
            Target::Disk(Some(part)) => {
                blocking(&self.location, move || part.publish(&WriteMode::Replace)).await
            }
        }
    }

    /// Gives up, and waits until what was sent is discarded.
    pub async fn abort(self) {
        if let Target::Store(upload) = self.target {
            upload.abort().await;
        }
    }
}

fn broken(location: &Location) -> StorageError {
    let source = std::io::Error::other("writing failed before");
    StorageError::Io { location: location.clone(), source }
}
