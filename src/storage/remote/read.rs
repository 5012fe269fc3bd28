//! Facts, whole objects and ranges of them.

use std::ops::Range;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use object_store::{GetOptions, GetRange, GetResult, ObjectMeta, ObjectStore};

use super::failure::{is_other, is_outside, is_unchanged, status};
use super::{Access, Remote};
use crate::storage::{Location, Meta, StorageError};

/// Ranges of one call that are under way at once.
const RANGES_AT_ONCE: usize = 64;

/// Begins an `ETag` that was made of length and time, where the server gives none.
const MADE: &str = "\"~";

/// What a store says of an object.
pub(super) fn meta_of(meta: &ObjectMeta) -> Meta {
    let made = || format!("{MADE}{:x}-{:x}\"", meta.size, meta.last_modified.timestamp_micros());
    // Azure's listings have no quotes, where its other answers do.
    let quoted = |tag: &str| {
        if tag.ends_with('"') { tag.to_owned() } else { format!("\"{tag}\"") }
    };
    Meta {
        len: meta.size,
        modified: meta.last_modified,
        etag: meta.e_tag.as_deref().filter(|tag| !tag.is_empty()).map_or_else(made, quoted),
        inode: None,
    }
}

/// True when the same `ETag` means the same bytes: not of weak ones, nor of those that were made.
pub(in crate::storage) fn is_strong(etag: &str) -> bool {
    !etag.starts_with(MADE) && !etag.starts_with("W/")
}

/// The `ETag` as a condition, where it can be one.
fn condition(etag: &str) -> Option<String> {
    is_strong(etag).then(|| etag.to_owned())
}

/// What a store gives for a range of an object.
enum Answer {
    Bytes(Bytes),
    /// The object is another than the range is of.
    Other,
    /// The object ends before the range does.
    Outside,
}

impl Remote {
    /// Length, age and `ETag`.
    pub(in crate::storage) async fn meta(&self, location: &Location) -> Result<Meta, StorageError> {
        self.run(location, |access, path| async move {
            let head = GetOptions { head: true, ..GetOptions::default() };
            match access.objects.get_opts(&path, head).await {
                Ok(found) => Ok(meta_of(&found.meta)),
                // A signed URL may be good for GET only, and some servers have no HEAD.
                Err(error) if matches!(status(&error), Some(403 | 405 | 501)) && access.is_web_server => {
                    let first = GetOptions { range: Some(GetRange::Bounded(0..1)), ..GetOptions::default() };
                    Ok(meta_of(&access.objects.get_opts(&path, first).await?.meta))
                }
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// The whole object, and what it was when it was read.
    pub(in crate::storage) async fn fetch(&self, location: &Location) -> Result<(Meta, Bytes), StorageError> {
        self.run(location, |access, path| async move {
            whole(access.objects.get_opts(&path, GetOptions::default()).await?).await
        })
        .await
    }

    /// The whole object, unless it is still the one that had this `ETag`.
    pub(in crate::storage) async fn fetch_unless(
        &self,
        location: &Location,
        etag: &str,
    ) -> Result<Option<(Meta, Bytes)>, StorageError> {
        self.run(location, |access, path| async move {
            let options = GetOptions { if_none_match: condition(etag), ..GetOptions::default() };
            match access.objects.get_opts(&path, options).await {
                Ok(found) if meta_of(&found.meta).etag == etag => Ok(None),
                Ok(found) => whole(found).await.map(Some),
                Err(error) if is_unchanged(&error) => Ok(None),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// The first bytes of the object, at most `len`.
    pub(in crate::storage) async fn fetch_first(
        &self,
        location: &Location,
        len: u64,
    ) -> Result<(Meta, Bytes), StorageError> {
        self.run(location, |access, path| async move {
            let options = GetOptions { range: Some(GetRange::Bounded(0..len)), ..GetOptions::default() };
            match access.objects.get_opts(&path, options).await {
                Ok(found) => {
                    let meta = meta_of(&found.meta);
                    Ok((meta, found.bytes().await?))
                }
                // An empty object has no first byte.
                Err(error) if is_outside(&error) => {
                    let head = GetOptions { head: true, ..GetOptions::default() };
                    let meta = meta_of(&access.objects.get_opts(&path, head).await?.meta);
                    if meta.len == 0 { Ok((meta, Bytes::new())) } else { Err(error) }
                }
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Ranges of the object that had this `ETag`, in their order, many at once.
    pub(in crate::storage) async fn ranges(
        &self,
        location: &Location,
        etag: &str,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Bytes>, StorageError> {
        let reads = ranges.iter().map(|range| self.range(location, etag, range.clone()));
        let mut parts = stream::iter(reads.collect::<Vec<_>>()).buffered(RANGES_AT_ONCE);
        let mut all = Vec::with_capacity(ranges.len());
        while let Some(part) = parts.next().await {
            all.push(part?);
        }
        Ok(all)
    }

    async fn range(&self, location: &Location, etag: &str, range: Range<u64>) -> Result<Bytes, StorageError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let wanted = &range;
        let answer = self
            .run(location, |access, path| async move {
                let options = GetOptions {
                    range: Some(GetRange::Bounded(wanted.clone())),
                    if_match: condition(etag),
                    ..GetOptions::default()
                };
                let found = match access.objects.get_opts(&path, options).await {
                    Ok(found) => found,
                    Err(error) if is_outside(&error) => return Ok(Answer::Outside),
                    Err(error) if is_other(&error) => return Ok(Answer::Other),
                    Err(error) => return Err(error),
                };
                // Not every store heeds the condition.
                if meta_of(&found.meta).etag != etag {
                    return Ok(Answer::Other);
                }
                let is_whole = found.range == *wanted;
                let bytes = found.bytes().await?;
                Ok(if is_whole && bytes.len() as u64 == wanted.end - wanted.start {
                    Answer::Bytes(bytes)
                } else {
                    Answer::Outside
                })
            })
            .await?;
        match answer {
            Answer::Bytes(bytes) => Ok(bytes),
            // Azure's condition fails, too, when nothing is there.
            Answer::Other => {
                self.meta(location).await?;
                Err(StorageError::Changed { location: location.clone() })
            }
            Answer::Outside => {
                let now = self.meta(location).await?;
                if now.etag != etag {
                    return Err(StorageError::Changed { location: location.clone() });
                }
                let (location, len, start, end) = (location.clone(), now.len, range.start, range.end);
                if end <= len {
                    let reason = format!("it did not send the bytes {start} to {end} that it has");
                    return Err(StorageError::Broken { location, reason });
                }
                Err(StorageError::OutOfRange { location, len, start, end })
            }
        }
    }
}

async fn whole(found: GetResult) -> object_store::Result<(Meta, Bytes)> {
    let meta = meta_of(&found.meta);
    let bytes = found.bytes().await?;
    Ok((Meta { len: bytes.len() as u64, ..meta }, bytes))
}

impl Access {
    pub(super) fn objects(&self) -> &dyn ObjectStore {
        self.objects.as_ref()
    }
}
