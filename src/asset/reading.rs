//! An object's bytes, read piece by piece as the client takes them.

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::precondition::known_time;
use super::range::ByteRange;
use crate::storage::{Location, Meta, Storage, StorageError};

/// Bytes read at once.
const PIECE_BYTES: u64 = 1 << 20;

/// Pieces under way from a store.
const AHEAD: usize = 4;

/// What one answer holds in memory, in bytes: the pieces under way, and the one that is sent.
pub const HELD_BYTES: u64 = PIECE_BYTES * (AHEAD as u64 + 1);

/// The bytes of an answer; it breaks off with an error, and never ends early.
pub type Body = BoxStream<'static, Result<Bytes, StorageError>>;

/// `Last-Modified` of an object, where it is known.
#[must_use]
pub fn http_date(meta: &Meta) -> Option<String> {
    known_time(meta).map(|at| at.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

/// What a body is made of.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    /// These bytes.
    Text(Bytes),
    /// Bytes of the object.
    Range(ByteRange),
}

/// The pieces in their order, as a stream whose first bytes of the object are there already: what fails before them fails
/// here, where it can still be said. The object is pinned by its `ETag`; when another takes its place, the stream breaks off.
///
/// # Errors
/// When the first bytes cannot be read.
pub(super) async fn read(
    storage: &Storage,
    location: &Location,
    meta: &Meta,
    pieces: Vec<Piece>,
) -> Result<Body, StorageError> {
    let until_first = 1 + pieces.iter().take_while(|piece| matches!(piece, Piece::Text(_))).count();
    let (storage, location, etag) = (storage.clone(), location.clone(), meta.etag.clone());
    // A disk that is read ahead of its client would only fill memory.
    let ahead = if location.as_path().is_some() { 1 } else { AHEAD };
    let small = pieces.into_iter().flat_map(cut);
    let reads = stream::iter(small).map(move |piece| {
        let (storage, location, etag) = (storage.clone(), location.clone(), etag.clone());
        async move {
            match piece {
                Piece::Text(bytes) => Ok(bytes),
                Piece::Range(range) => one(&storage, &location, &etag, range).await,
            }
        }
    });
    let mut all = reads.buffered(ahead).boxed();
    let first: Vec<Bytes> = all.by_ref().take(until_first).try_collect().await?;
    Ok(stream::iter(first).map(Ok).chain(all).boxed())
}

fn cut(piece: Piece) -> Box<dyn Iterator<Item = Piece> + Send> {
    match piece {
        Piece::Text(_) => Box::new(std::iter::once(piece)),
        Piece::Range(range) => {
            let count = (range.end - range.start).div_ceil(PIECE_BYTES);
            Box::new((0..count).map(move |nth| {
                let start = range.start + nth * PIECE_BYTES;
                Piece::Range(start..range.end.min(start + PIECE_BYTES))
            }))
        }
    }
}

/// What the system has in memory is copied at once; who has to wait for a disk does so off the runtime's threads.
async fn one(
    storage: &Storage,
    location: &Location,
    etag: &str,
    range: ByteRange,
) -> Result<Bytes, StorageError> {
    let mut buffer = Vec::new();
    if storage.read_resident(location, etag, range.clone(), &mut buffer) {
        return Ok(buffer.into());
    }
    let ranges = std::slice::from_ref(&range);
    let parts = storage.read_ranges(location, etag, ranges).await?;
    Ok(parts.into_iter().next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn object(folder: &tempfile::TempDir, bytes: &[u8]) -> (Storage, Location, Meta) {
        let path = folder.path().join("x");
        std::fs::write(&path, bytes).expect("a file");
        let location = Location::Local(path);
        let storage = Storage::default();
        let meta = storage.meta(&location).await.expect("an object");
        (storage, location, meta)
    }

    #[tokio::test]
    async fn pieces_come_in_their_order_and_small() {
        let folder = tempfile::tempdir().expect("a folder");
        let bytes: Vec<u8> = (0..5_u32 << 18).flat_map(u32::to_le_bytes).collect();
        let (storage, location, meta) = object(&folder, &bytes).await;
        let text = |text: &'static str| Piece::Text(Bytes::from(text));
        let len = meta.len;
        let pieces = vec![text("a"), Piece::Range(3..len - 3), text("b"), Piece::Range(0..3), text("c")];
        let body = read(&storage, &location, &meta, pieces).await.expect("a body");
        let parts: Vec<Bytes> = body.try_collect().await.expect("all of it");
        assert!(parts.iter().all(|part| part.len() as u64 <= PIECE_BYTES));
        let wanted = [&b"a"[..], &bytes[3..bytes.len() - 3], b"b", &bytes[..3], b"c"].concat();
        assert!(parts.concat() == wanted);
    }

    #[tokio::test]
    async fn an_object_that_is_replaced_breaks_the_stream_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let (storage, location, meta) = object(&folder, &vec![1; 3 << 20]).await;
        let whole = vec![Piece::Range(0..meta.len)];
        let mut body = read(&storage, &location, &meta, whole.clone()).await.expect("a body");
        assert!(body.next().await.is_some_and(|piece| piece.is_ok()));
        object(&folder, &vec![2; 4 << 20]).await;
        assert!(matches!(body.next().await, Some(Err(StorageError::Changed { .. }))));
        let late = read(&storage, &location, &meta, whole).await;
        assert!(matches!(late.err(), Some(StorageError::Changed { .. })));
    }
}
