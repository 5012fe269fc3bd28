//! One file on its way: compared with what is there, then sent at once or in parts.

use bytes::Bytes;
use futures::StreamExt as _;
use serde::Deserialize;
use tokio::sync::{Semaphore, watch};

use super::bandwidth::Bandwidth;
use super::checksum::{Checksum, Summing};
use super::options::Overwrite;
use crate::cog;
use crate::pool::{Permits, Pool};
use crate::stac::media;
use crate::storage::{Label, Location, Meta, Storage, StorageError, WriteMode};

/// Files up to this size go in one request, in bytes.
const AT_ONCE_BYTES: u64 = 8 << 20;
/// Files up to this size are summed where they are read, in bytes: a tenth of a millisecond.
const SMALL_BYTES: usize = 64 << 10;
/// Files that are read ahead of those that are being sent.
pub(super) const READ_AHEAD: usize = 16;
/// What a file that goes in parts may hold in memory, as a multiple of [`AT_ONCE_BYTES`]: three parts under way, the one
/// being filled, and what is read ahead.
const PARTS_HELD: u64 = 6;
/// What all files together may hold in memory, in bytes.
const MEMORY_BYTES: u64 = 96 << 20;
/// Name of the metadata that holds the checksum.
const CHECKSUM_KEY: &str = "md5chksum";

/// A file of the source and what is at its destination.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) relative: String,
    pub(super) source: Location,
    pub(super) len: u64,
    pub(super) target: Location,
    pub(super) there: Option<Meta>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// So many bytes went.
    Sent(u64),
    /// The same is there already.
    Same,
    /// Something is there already and stays.
    Kept,
}

/// Why a file was not sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    /// The source or the destination failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Somebody writes to it.
    #[error("{location} changed while it was being read; send it again when it is complete")]
    Unsteady {
        /// The file.
        location: Location,
    },
    /// The user wants to stop.
    #[error("interrupted")]
    Interrupted,
}

impl SendError {
    /// True when the same may well succeed later.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Storage(error) => error.is_passing(),
            Self::Unsteady { .. } => true,
            Self::Interrupted => false,
        }
    }

    /// True when credentials may have run out while parts of the file were under way, which asks for all of it again.
    pub(super) fn is_worth_another(&self, file: &File) -> bool {
        file.len > AT_ONCE_BYTES && matches!(self, Self::Storage(StorageError::Denied { .. }))
    }

    /// True when no other file will fare better.
    pub(super) fn is_lasting(&self) -> bool {
        matches!(self, Self::Storage(StorageError::Denied { .. } | StorageError::Settings { .. }))
    }
}

/// What all files share.
#[derive(Debug)]
pub(super) struct Sender<'a> {
    pub(super) storage: &'a Storage,
    pub(super) pool: &'a Pool,
    pub(super) overwrite: Overwrite,
    pub(super) dry_run: bool,
    pub(super) bandwidth: Bandwidth,
    pub(super) memory: Permits,
    /// Of files that may be compared and sent at once; never closed.
    pub(super) turns: Semaphore,
    /// True when all is to end.
    pub(super) stop: watch::Receiver<bool>,
}

impl Sender<'_> {
    pub(super) fn memory() -> Permits {
        Permits::new(MEMORY_BYTES)
    }

    /// Brings one file to its destination, if need be; `sent` is told bytes as they go.
    pub(super) async fn send(&self, file: &File, sent: &(dyn Fn(u64) + Sync)) -> Result<Outcome, SendError> {
        if file.there.is_some() && self.overwrite == Overwrite::Never {
            return Ok(Outcome::Kept);
        }
        if file.len > AT_ONCE_BYTES {
            return self.send_in_parts(file, sent).await;
        }
        tokio::select! {
            biased;
            () = self.stopped() => Err(SendError::Interrupted),
            sent = self.send_at_once(file, sent) => sent,
        }
    }

    /// True when all is to end.
    pub(super) fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits until all is to end.
    pub(super) async fn stopped(&self) {
        if self.stop.clone().wait_for(|stopped| *stopped).await.is_err() {
            // Nobody is left who could want it.
            std::future::pending::<()>().await;
        }
    }

    async fn send_at_once(&self, file: &File, sent: &(dyn Fn(u64) + Sync)) -> Result<Outcome, SendError> {
        let _memory = self.memory.take(file.len).await;
        let bytes = self.storage.read(&file.source).await?;
        let sum = {
            let (bytes, relative) = (bytes.clone(), file.relative.clone());
            move || (Checksum::of(&bytes), document_type(&relative, &bytes))
        };
        let (checksum, document) = if bytes.len() <= SMALL_BYTES { sum() } else { self.pool.run(sum).await };
        let _turn = self.turns.acquire().await;
        if let Some(outcome) = self.settled(file, checksum, bytes.len() as u64).await? {
            return Ok(outcome);
        }
        let label = self.label(file, checksum, document).await;
        let len = bytes.len() as u64;
        self.bandwidth.take(len).await;
        let mode = self.mode(file);
        match self.storage.write(&file.target, bytes, mode, &label).await {
            Ok(_meta) => {
                sent(len);
                Ok(Outcome::Sent(len))
            }
            // Ours all the same, when its answer was lost and it was sent again.
            Err(StorageError::Exists { .. }) if self.has(&file.target, checksum).await? => {
                Ok(Outcome::Sent(len))
            }
            Err(StorageError::Exists { .. }) => Ok(Outcome::Kept),
            Err(error) => Err(error.into()),
        }
    }

    async fn send_in_parts(&self, file: &File, sent: &(dyn Fn(u64) + Sync)) -> Result<Outcome, SendError> {
        let _memory = self.memory.take(PARTS_HELD * AT_ONCE_BYTES).await;
        let (checksum, len) = tokio::select! {
            biased;
            () = self.stopped() => return Err(SendError::Interrupted),
            read = self.each_piece(&file.source, async |_piece| Ok(())) => read?,
        };
        let _turn = self.turns.acquire().await;
        if let Some(outcome) = self.settled(file, checksum, len).await? {
            return Ok(outcome);
        }
        let label = self.label(file, checksum, None).await;
        let mut writer = self.storage.writer(&file.target, &label, Some(len)).await?;
        let writing = self.each_piece(&file.source, async |piece: Bytes| {
            let len = piece.len() as u64;
            self.bandwidth.take(len).await;
            writer.write(piece).await?;
            sent(len);
            Ok(())
        });
        let written = tokio::select! {
            biased;
            () = self.stopped() => Err(SendError::Interrupted),
            written = writing => written,
        };
        // What was sent is discarded here and not when the writer is dropped: then the process may end before.
        match written {
            Ok(read) if read == (checksum, len) => {
                writer.finish().await?;
                Ok(Outcome::Sent(len))
            }
            Ok(_) => {
                writer.abort().await;
                Err(SendError::Unsteady { location: file.source.clone() })
            }
            Err(error) => {
                writer.abort().await;
                Err(error)
            }
        }
    }

    /// Hands on the pieces of an object; its checksum and length in the end.
    async fn each_piece(
        &self,
        location: &Location,
        mut take: impl AsyncFnMut(Bytes) -> Result<(), StorageError>,
    ) -> Result<(Checksum, u64), SendError> {
        let mut pieces = self.storage.open_whole(location).await?.into_stream();
        let mut summing = Summing::default();
        let mut len = 0;
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            len += piece.len() as u64;
            let summed = piece.clone();
            summing = self
                .pool
                .run(move || {
                    summing.add(&summed);
                    summing
                })
                .await;
            take(piece).await?;
        }
        Ok((summing.end(), len))
    }

    /// The outcome, when nothing has to be sent.
    async fn settled(&self, file: &File, checksum: Checksum, len: u64) -> Result<Option<Outcome>, SendError> {
        if self.overwrite == Overwrite::Changed
            && let Some(there) = &file.there
            && there.len == len
            && (checksum.is_etag(&there.etag) || self.has(&file.target, checksum).await?)
        {
            return Ok(Some(Outcome::Same));
        }
        Ok(self.dry_run.then_some(Outcome::Sent(len)))
    }

    /// True when the destination holds these bytes.
    async fn has(&self, target: &Location, checksum: Checksum) -> Result<bool, SendError> {
        if target.as_path().is_some() {
            return Ok(self.each_piece(target, async |_piece| Ok(())).await?.0 == checksum);
        }
        let (_, label) = self.storage.label(target).await?;
        let told = label.metadata.iter().find(|(name, _)| name.eq_ignore_ascii_case(CHECKSUM_KEY));
        Ok(told.is_some_and(|(_, value)| *value == checksum.to_base64()))
    }

    fn mode(&self, file: &File) -> WriteMode {
        if self.overwrite == Overwrite::Never && file.there.is_none() {
            WriteMode::Create
        } else {
            WriteMode::Replace
        }
    }

    async fn label(&self, file: &File, checksum: Checksum, document: Option<&'static str>) -> Label {
        let content_type = match document.or_else(|| media::media_type(&file.relative)) {
            Some(media::TIFF) => Some(self.kind_of_tiff(&file.source).await),
            other => other,
        };
        Label {
            content_type: content_type.map(str::to_owned),
            metadata: vec![(CHECKSUM_KEY.to_owned(), checksum.to_base64())],
        }
    }

    async fn kind_of_tiff(&self, location: &Location) -> &'static str {
        match cog::open(self.storage, location).await {
            Ok(opened) if opened.header.geo.transform.is_none() => media::TIFF,
            Ok(opened) if opened.header.is_cloud_optimized() => media::COG,
            Ok(_) => media::GEOTIFF,
            // What this program cannot read may be a TIFF all the same.
            Err(_) => media::TIFF,
        }
    }
}

/// The media type of a JSON document, which its extension does not tell.
fn document_type(relative: &str, bytes: &[u8]) -> Option<&'static str> {
    /// The one member that matters.
    #[derive(Deserialize)]
    struct Typed {
        r#type: String,
    }
    if media::media_type(relative) != Some(media::JSON) {
        return None;
    }
    let typed: Typed = serde_json::from_slice(bytes).ok()?;
    matches!(typed.r#type.as_str(), "Feature" | "FeatureCollection").then_some(media::GEOJSON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_told_from_other_json() {
        let of = |name: &str, text: &str| document_type(name, text.as_bytes());
        assert_eq!(of("a.json", r#"{"id": 1, "type": "Feature"}"#), Some(media::GEOJSON));
        assert_eq!(of("a.json", r#"{"type": "Collection"}"#), None);
        assert_eq!(of("a.json", "no JSON"), None);
        assert_eq!(of("a.txt", r#"{"type": "Feature"}"#), None);
    }
}
