//! The Items' bodies in memory, compressed.
//!
//! In: [`ItemBody`]s in load order, through a [`Packer`]. Out: [`Bodies`], which unpacks the one that a [`BodyRef`] names.
//! Bodies of one Collection are much alike: a dictionary of [`dictionary::MAX_BYTES`] trained on the first of them makes
//! 15 KB of Sentinel-2 Item less than 800 bytes, packed in 11 microseconds and unpacked in 4. Packing is done wherever the
//! caller has threads ([`Packed::new`]); the packer itself only puts the results in their order.
//!
//! Packed bodies lie in chunks of a few megabytes that never change: a later snapshot shares them, and a file takes them as
//! they are.

mod chunk;
mod dictionary;
mod hot;
mod own;
mod packed;
mod packer;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::stac::{ItemBody, PayloadError};
use chunk::Chunk;

pub use chunk::ChunkError;
pub(in crate::catalog) use dictionary::Dictionaries;
pub use dictionary::DictionaryError;
pub(crate) use hot::HotBodies;
pub(in crate::catalog) use own::OwnBodies;
pub(in crate::catalog) use packed::Packed;
pub use packed::UnpackError;
pub(in crate::catalog) use packer::Packer;

/// Where a body lies: the number of its chunk above, its number in the chunk below 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BodyRef(pub(in crate::catalog) u64);

impl BodyRef {
    fn new(chunk: u32, number: u32) -> Self {
        Self(u64::from(chunk) << 32 | u64::from(number))
    }

    fn chunk(self) -> usize {
        usize::try_from(self.0 >> 32).unwrap_or(usize::MAX)
    }

    fn number(self) -> usize {
        usize::try_from(self.0 & u64::from(u32::MAX)).unwrap_or(usize::MAX)
    }
}

/// Why a body cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// A place that nothing was put at.
    #[error("no body lies at chunk {chunk}, number {number}")]
    NotThere {
        /// Number of the chunk.
        chunk: usize,
        /// Number in the chunk.
        number: usize,
    },
    /// A damaged record.
    #[error("the body at chunk {chunk}, number {number} cannot be unpacked")]
    Unpack {
        /// Number of the chunk.
        chunk: usize,
        /// Number in the chunk.
        number: usize,
        /// What is wrong with it.
        source: UnpackError,
    },
    /// A record of something else.
    #[error("what is unpacked at chunk {chunk}, number {number} is no body")]
    Payload {
        /// Number of the chunk.
        chunk: usize,
        /// Number in the chunk.
        number: usize,
        /// What is wrong with it.
        source: PayloadError,
    },
}

/// All bodies of a snapshot; a clone shares them.
#[derive(Debug, Clone, Default)]
pub(in crate::catalog) struct Bodies {
    chunks: Arc<Vec<Chunk>>,
    dictionaries: Arc<Dictionaries>,
    /// The number and the chunk of what one part keeps to itself.
    own: Option<(u32, Chunk)>,
}

impl Bodies {
    /// Takes back what [`Bodies::chunks`] and [`Bodies::dictionaries`] gave.
    ///
    /// # Errors
    /// When the bytes of a chunk are none. A dictionary is checked when it is made.
    pub(in crate::catalog) fn from_parts(
        chunks: impl IntoIterator<Item = Arc<[u8]>>,
        dictionaries: Dictionaries,
    ) -> Result<Self, ChunkError> {
        let chunks = chunks.into_iter().map(Chunk::from_bytes).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { chunks: Arc::new(chunks), dictionaries: Arc::new(dictionaries), own: None })
    }

    /// Nothing but the dictionaries.
    pub(in crate::catalog) fn without_chunks(&self) -> Self {
        Self { chunks: Arc::default(), dictionaries: Arc::clone(&self.dictionaries), own: None }
    }

    /// The chunks in their order, for a file.
    pub(in crate::catalog) fn chunks(&self) -> impl ExactSizeIterator<Item = &Arc<[u8]>> {
        self.chunks.iter().map(Chunk::bytes)
    }

    /// The dictionaries of the Collections.
    pub(in crate::catalog) fn dictionaries(&self) -> &Arc<Dictionaries> {
        &self.dictionaries
    }

    /// The body at `at`.
    ///
    /// # Errors
    /// When nothing lies there, or what lies there is damaged.
    pub(in crate::catalog) fn unpack(&self, at: BodyRef) -> Result<ItemBody, BodyError> {
        let mut payload = Vec::new();
        self.unpack_into(at, &mut payload)?;
        let (chunk, number) = (at.chunk(), at.number());
        ItemBody::from_payload(payload).map_err(|source| BodyError::Payload { chunk, number, source })
    }

    /// The payload of the body at `at` into `scratch`, whose former content goes; it is not checked to be a body.
    ///
    /// # Errors
    /// As [`Bodies::unpack`].
    pub(in crate::catalog) fn unpack_into(
        &self,
        at: BodyRef,
        scratch: &mut Vec<u8>,
    ) -> Result<(), BodyError> {
        let (chunk, number) = (at.chunk(), at.number());
        let record = self.record(at)?;
        packed::unpack_record(record, &self.dictionaries, scratch).map_err(|source| BodyError::Unpack {
            chunk,
            number,
            source,
        })
    }

    /// Bytes of memory that the packed bodies take.
    pub(in crate::catalog) fn bytes(&self) -> usize {
        let own = self.own.as_ref().map_or(0, |(_, chunk)| chunk.bytes().len());
        self.chunks().map(|bytes| bytes.len()).sum::<usize>() + own
    }
}
