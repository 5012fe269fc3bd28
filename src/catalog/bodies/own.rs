//! Bodies that a small part keeps to itself, beside those that all parts share.
//!
//! Chunks that are shared are numbered without gaps, and a reload numbers on. A part that is made between two reloads has a
//! chunk with a number from another range, which no other chunk of the process ever has: caches know bodies by it.

use std::sync::atomic::{AtomicU32, Ordering};

use super::chunk::OpenChunk;
use super::packed::{frame_record, plain_record};
use super::{Bodies, BodyError, BodyRef, Packed};

/// Set in the numbers of such chunks.
pub(super) const OWN: u32 = 1 << 31;

/// Chunks of this process so far.
static CHUNKS: AtomicU32 = AtomicU32::new(0);

/// A part's own bodies in the making.
#[derive(Debug)]
pub(in crate::catalog) struct OwnBodies {
    number: u32,
    chunk: OpenChunk,
}

impl Default for OwnBodies {
    fn default() -> Self {
        Self { number: CHUNKS.fetch_add(1, Ordering::Relaxed) | OWN, chunk: OpenChunk::default() }
    }
}

impl OwnBodies {
    /// Takes a body in that was packed with a dictionary of `shared`, if with any.
    pub(in crate::catalog) fn push(
        &mut self,
        collection: &str,
        packed: &Packed,
        shared: &Bodies,
    ) -> Option<BodyRef> {
        Some(match packed {
            Packed::Body(body) => self.push_record(&plain_record(body)),
            Packed::Frame { dictionary, frame } => {
                let number = shared.dictionaries.number_of(collection, dictionary)?;
                self.push_record(&frame_record(number, frame))
            }
        })
    }

    /// Takes a record in that [`Bodies::record`] gave.
    pub(in crate::catalog) fn push_record(&mut self, record: &[u8]) -> BodyRef {
        BodyRef::new(self.number, self.chunk.push(record))
    }

    /// These, and all that `shared` has in common with others.
    pub(in crate::catalog) fn beside(mut self, shared: &Bodies) -> Bodies {
        Bodies { own: Some((self.number, self.chunk.close())), ..shared.clone() }
    }
}

impl Bodies {
    /// True when a part keeps bodies to itself here.
    pub(in crate::catalog) fn has_own(&self) -> bool {
        self.own.is_some()
    }

    /// A body as it is packed.
    ///
    /// # Errors
    /// When nothing lies there.
    pub(in crate::catalog) fn record(&self, at: BodyRef) -> Result<&[u8], BodyError> {
        let (chunk, number) = (at.chunk(), at.number());
        let found = match &self.own {
            Some((own, found)) if *own as usize == chunk => Some(found),
            _ => self.chunks.get(chunk),
        };
        found.and_then(|found| found.record(number)).ok_or(BodyError::NotThere { chunk, number })
    }
}
