//! An object from its first byte to its last, larger than memory perhaps.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::{Location, Meta, Storage, StorageError, blocking, local};

/// Bytes of one piece from a store.
const PIECE_BYTES: u64 = 8 << 20;
/// Pieces that are read ahead from a store.
const AHEAD: usize = 2;
/// Bytes of one piece from the disk.
const DISK_PIECE_BYTES: usize = 1 << 20;

/// An opened object, pinned to the state that [`Whole::meta`] tells.
#[derive(Debug)]
pub struct Whole {
    /// What it was when it was opened.
    pub meta: Meta,
    location: Location,
    origin: Origin,
}

#[derive(Debug)]
enum Origin {
    Disk(File),
    Store(Storage),
}

impl Whole {
    pub(super) fn of_file(file: File, location: &Location) -> Result<Self, StorageError> {
        let meta = local::meta_of_file(&file, location)?;
        Ok(Self { meta, location: location.clone(), origin: Origin::Disk(file) })
    }

    pub(super) fn of_store(storage: Storage, meta: Meta, location: &Location) -> Self {
        Self { meta, location: location.clone(), origin: Origin::Store(storage) }
    }

    /// Its bytes, piece by piece. An object that is replaced meanwhile is an error, and so is one that ends early.
    #[must_use]
    pub fn into_stream(self) -> BoxStream<'static, Result<Bytes, StorageError>> {
        let (len, location) = (self.meta.len, self.location);
        match self.origin {
            Origin::Store(storage) => {
                let etag: Arc<str> = self.meta.etag.into();
                let starts = (0..len).step_by(usize::try_from(PIECE_BYTES).unwrap_or(usize::MAX));
                let pieces = stream::iter(starts).map(move |start| {
                    let (storage, location, etag) = (storage.clone(), location.clone(), Arc::clone(&etag));
                    async move {
                        let piece = start..len.min(start + PIECE_BYTES);
                        let parts =
                            storage.read_ranges(&location, &etag, std::slice::from_ref(&piece)).await?;
                        Ok(parts.into_iter().next().unwrap_or_default())
                    }
                });
                pieces.buffered(AHEAD).boxed()
            }
            Origin::Disk(file) => stream::try_unfold((file, 0), move |(file, at)| {
                let location = location.clone();
                async move {
                    let (place, here) = (location.clone(), location.clone());
                    let read = move || {
                        let mut piece = Vec::with_capacity(DISK_PIECE_BYTES);
                        (&file)
                            .take(DISK_PIECE_BYTES as u64)
                            .read_to_end(&mut piece)
                            .map_err(|source| StorageError::Io { location: place, source })?;
                        Ok((file, piece))
                    };
                    let (file, piece) = blocking(&location, read).await?;
                    let next = at + piece.len() as u64;
                    if !piece.is_empty() {
                        Ok(Some((Bytes::from(piece), (file, next))))
                    } else if next < len {
                        Err(StorageError::Changed { location: here })
                    } else {
                        Ok(None)
                    }
                }
            })
            .boxed(),
        }
    }

    /// Its bytes for a thread that may wait; a store is read ahead meanwhile by the runtime that this is called from.
    #[must_use]
    pub fn into_reader(self) -> Box<dyn Read + Send> {
        if let Origin::Disk(file) = self.origin {
            return Box::new(file);
        }
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let mut pieces = self.into_stream();
        tokio::spawn(async move {
            loop {
                let piece = pieces.try_next().await.transpose();
                let Some(piece) = piece else { return };
                if sender.send(piece).await.is_err() {
                    return;
                }
            }
        });
        Box::new(Reader { receiver, piece: Bytes::new() })
    }
}

/// Takes pieces where the runtime puts them.
struct Reader {
    receiver: tokio::sync::mpsc::Receiver<Result<Bytes, StorageError>>,
    piece: Bytes,
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                None => return Ok(0),
                Some(piece) => self.piece = piece.map_err(io::Error::other)?,
            }
        }
        let count = into.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut into[..count]);
        Ok(count)
    }
}
