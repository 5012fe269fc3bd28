//! A large object is written in parts, a few at once, in bounded memory.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use object_store::{MultipartUpload, PutMultipartOptions};
use tokio::task::{JoinHandle, JoinSet};

use super::write::attributes;
use super::{Remote, translated};
use crate::pool::joined;
use crate::storage::{Label, Location, Meta, StorageError, WriteMode};

/// The smallest part, in bytes; the last may be smaller.
const PART_BYTES: u64 = 8 << 20;
/// Parts that a store takes (S3 10,000, Azure 50,000), with room for an object that grew.
const MOST_PARTS: u64 = 9_000;
/// Parts under way at once.
const AT_ONCE: usize = 3;
/// How long parts under way are waited for before what was sent is discarded.
const ARRIVAL: Duration = Duration::from_secs(5);

/// An object that is being written. Dropped before its end, it leaves nothing behind.
#[derive(Debug)]
pub(in crate::storage) struct Upload {
    remote: Arc<Remote>,
    location: Location,
    label: Label,
    part_bytes: usize,
    buffer: BytesMut,
    len: u64,
    beginning: Option<JoinHandle<Result<Parts, StorageError>>>,
    parts: Option<Parts>,
}

/// Parts that were sent, or are on the way.
struct Parts {
    object: Box<dyn MultipartUpload>,
    under_way: JoinSet<object_store::Result<()>>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("under_way", &self.under_way.len()).finish_non_exhaustive()
    }
}

impl Upload {
    /// Begins an object of about `len` bytes, where that is known.
    pub(in crate::storage) fn new(
        remote: &Arc<Remote>,
        location: &Location,
        label: &Label,
        len: Option<u64>,
    ) -> Self {
        let part_bytes = len.unwrap_or_default().div_ceil(MOST_PARTS).max(PART_BYTES);
        Self {
            remote: Arc::clone(remote),
            location: location.clone(),
            label: label.clone(),
            part_bytes: usize::try_from(part_bytes).unwrap_or(usize::MAX),
            buffer: BytesMut::new(),
            len: 0,
            beginning: None,
            parts: None,
        }
    }

    /// Takes in the next bytes; waits while enough are under way.
    pub(in crate::storage) async fn write(&mut self, mut bytes: Bytes) -> Result<(), StorageError> {
        self.len += bytes.len() as u64;
        while self.buffer.len() + bytes.len() > self.part_bytes {
            let more = bytes.split_to(self.part_bytes - self.buffer.len());
            self.buffer.extend_from_slice(&more);
            let part = std::mem::take(&mut self.buffer).freeze();
            self.send(part).await?;
        }
        self.buffer.extend_from_slice(&bytes);
        Ok(())
    }

    async fn send(&mut self, part: Bytes) -> Result<(), StorageError> {
        if self.parts.is_none() {
            let beginning = self.beginning.get_or_insert_with(|| {
                let (remote, location, label) =
                    (Arc::clone(&self.remote), self.location.clone(), self.label.clone());
                // In a task of its own: who gives up meanwhile must learn what to discard.
                tokio::spawn(async move { Parts::begin(&remote, &location, &label).await })
            });
            let begun = joined(beginning.await);
            self.beginning = None;
            self.parts = Some(begun?);
        }
        let Some(parts) = &mut self.parts else { return Ok(()) };
        while parts.under_way.len() >= AT_ONCE {
            parts.join().await.map_err(|error| translated(&error, &self.location))?;
        }
        let sending = parts.object.put_part(part.into());
        parts.under_way.spawn(sending);
        Ok(())
    }

    /// Makes the object of what was taken in; only now is it there. When that fails, what was sent is discarded.
    pub(in crate::storage) async fn finish(mut self) -> Result<Meta, StorageError> {
        let finished = self.complete().await;
        if finished.is_err() {
            self.abort().await;
        }
        finished
    }

    async fn complete(&mut self) -> Result<Meta, StorageError> {
        let rest = std::mem::take(&mut self.buffer).freeze();
        if self.parts.is_none() {
            return self.remote.write(&self.location, rest, &WriteMode::Replace, &self.label).await;
        }
        if !rest.is_empty() {
            self.send(rest).await?;
        }
        let Some(parts) = &mut self.parts else { return Err(self.lost()) };
        let failed = |error: object_store::Error| translated(&error, &self.location);
        while !parts.under_way.is_empty() {
            parts.join().await.map_err(failed)?;
        }
        if let Err(error) = parts.object.complete().await {
            // Its answer may have got lost after the object was made: then it is there, and the parts are gone.
            let there = self.remote.label(&self.location).await.ok().filter(|(meta, label)| {
                meta.len == self.len && !label.metadata.is_empty() && label.metadata == self.label.metadata
            });
            let (meta, _) = there.ok_or_else(|| failed(error))?;
            self.parts = None;
            return Ok(meta);
        }
        self.parts = None;
        self.remote.meta(&self.location).await
    }

    fn lost(&self) -> StorageError {
        StorageError::Broken { location: self.location.clone(), reason: "its upload was lost".to_owned() }
    }

    /// Gives up: what was sent is discarded.
    pub(in crate::storage) async fn abort(mut self) {
        discard(self.beginning.take(), self.parts.take()).await;
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let (beginning, parts) = (self.beginning.take(), self.parts.take());
        if beginning.is_none() && parts.is_none() {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(discard(beginning, parts));
        }
    }
}

/// Discards what was sent, and what was about to be.
async fn discard(beginning: Option<JoinHandle<Result<Parts, StorageError>>>, parts: Option<Parts>) {
    if let Some(beginning) = beginning
        && let Ok(Ok(Ok(begun))) = tokio::time::timeout(ARRIVAL, beginning).await
    {
        begun.discard().await;
    }
    if let Some(parts) = parts {
        parts.discard().await;
    }
}

impl Parts {
    async fn begin(remote: &Remote, location: &Location, label: &Label) -> Result<Self, StorageError> {
        let options = PutMultipartOptions { attributes: attributes(label), ..PutMultipartOptions::default() };
        let object = remote
            .run(location, |access, path| {
                let options = options.clone();
                async move { access.objects.put_multipart_opts(&path, options).await }
            })
            .await?;
        Ok(Self { object, under_way: JoinSet::new() })
    }

    async fn join(&mut self) -> object_store::Result<()> {
        match self.under_way.join_next().await {
            Some(sent) => joined(sent),
            None => Ok(()),
        }
    }

    async fn discard(mut self) {
        // A part that arrives after the end of its upload would stay.
        let arrived = async { while self.under_way.join_next().await.is_some() {} };
        drop(tokio::time::timeout(ARRIVAL, arrived).await);
        self.under_way.shutdown().await;
        if let Err(error) = self.object.abort().await {
            tracing::debug!(status = ?super::failure::status(&error), "parts of an upload stay behind");
        }
    }
}
