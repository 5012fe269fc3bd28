//! Buffers that are used again.
//!
//! Memory fresh from the system is cleared page by page, which costs a tenth of what decoding into it does.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

/// A spare buffer serves who wants at least a half of it: what is kept for long wastes no more.
const LARGEST_EXCESS: usize = 2;

/// A store of buffers that nobody uses, bounded in bytes; a clone is the same store.
#[derive(Debug, Clone)]
pub struct Spares {
    shelf: Arc<Mutex<Shelf>>,
}

#[derive(Debug)]
struct Shelf {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
    limit: usize,
}

/// A buffer that goes back to its store when nobody uses it any more.
#[derive(Debug)]
pub struct Spared {
    buffer: Vec<u8>,
    spares: Spares,
}

impl Spares {
    /// A store of at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { shelf: Arc::new(Mutex::new(Shelf { buffers: Vec::new(), bytes: 0, limit })) }
    }

    /// A buffer with room for `len` bytes, of which it holds any that were there before; an empty one where none is spare.
    #[must_use]
    pub fn take(&self, len: usize) -> Vec<u8> {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |buffer: &&(usize, usize)| (len..=len.saturating_mul(LARGEST_EXCESS)).contains(&buffer.1);
        let sizes = shelf.buffers.iter().map(Vec::capacity).enumerate();
        let sizes: Vec<(usize, usize)> = sizes.collect();
        let Some((nth, capacity)) = sizes.iter().filter(fits).min_by_key(|(_, capacity)| *capacity) else {
            return Vec::new();
        };
        shelf.bytes -= capacity;
        shelf.buffers.swap_remove(*nth)
    }

    /// Lends a filled buffer its way back.
    #[must_use]
    pub fn lend(&self, buffer: Vec<u8>) -> Spared {
        Spared { buffer, spares: self.clone() }
    }

    fn give(&self, buffer: Vec<u8>) {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if buffer.capacity() > 0 && shelf.bytes + buffer.capacity() <= shelf.limit {
            shelf.bytes += buffer.capacity();
            shelf.buffers.push(buffer);
        }
    }
}

impl Spared {
    /// Memory that it takes, in bytes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.buffer.capacity()
    }
}

impl Deref for Spared {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Spared {
    fn drop(&mut self) {
        self.spares.give(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_to_who_wants_about_as_much() {
        let spares = Spares::new(1000);
        let first = Vec::with_capacity(600);
        let at = first.as_ptr();
        drop(spares.lend(first));
        assert_eq!(spares.take(601).capacity(), 0, "too small");
        assert_eq!(spares.take(299).capacity(), 0, "much too large");
        let again = spares.take(300);
        assert_eq!(again.as_ptr(), at);
        assert_eq!(spares.take(300).capacity(), 0, "it is in use");
    }

    #[test]
    fn no_more_is_kept_than_the_limit() {
        let spares = Spares::new(1000);
        let lent: Vec<Spared> = (0..3).map(|_| spares.lend(Vec::with_capacity(400))).collect();
        drop(lent);
        let found = (0..3).filter(|_| spares.take(400).capacity() > 0).count();
        assert_eq!(found, 2);
    }
}
