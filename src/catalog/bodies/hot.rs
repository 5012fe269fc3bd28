//! A small cache of unpacked bodies: those of the first pages are asked for again and again.
//!
//! A table of slots with a lock each: a body has [`WAYS`] slots that it may lie in, and takes the place of another one when
//! both are taken. There is no order of use to keep, so that nothing is locked but one slot: a hit takes 20 to 40 nanoseconds
//! and a put not much more, where a cache with a policy takes ten times that.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::BodyRef;
use crate::stac::ItemBody;

/// Slots that a body may lie in, side by side.
const WAYS: usize = 2;

/// Bytes of the bound for each slot: half of a usual body, so that few of them meet.
const SLOT_BYTES: usize = 8 << 10;

/// Bytes that a kept body takes besides its payload.
const BODY_OVERHEAD_BYTES: usize = 64;

type Slot = Option<(BodyRef, Arc<ItemBody>)>;

/// Bodies of one [`Bodies`](super::Bodies) and of those that extend it, up to a bound in bytes.
#[derive(Debug)]
pub(crate) struct HotBodies {
    slots: Box<[Mutex<Slot>]>,
    max_bytes: usize,
    bytes: AtomicUsize,
    /// The slot that is emptied next when the bound is reached.
    hand: AtomicUsize,
}

impl HotBodies {
    /// A cache of at most so many bytes; 0 keeps nothing.
    pub(crate) fn new(max_bytes: usize) -> Self {
        let count = (max_bytes / SLOT_BYTES).next_power_of_two().max(WAYS);
        let slots = (0..count).map(|_| Mutex::new(None)).collect();
        Self { slots, max_bytes, bytes: AtomicUsize::new(0), hand: AtomicUsize::new(0) }
    }

    /// The body at `at`, when it is kept.
    pub(crate) fn get(&self, at: BodyRef) -> Option<Arc<ItemBody>> {
        self.ways(at).find_map(|slot| match &*lock(slot) {
            Some((known, body)) if *known == at => Some(Arc::clone(body)),
            _ => None,
        })
    }

    /// Keeps a body, in the place of others when it must.
    pub(crate) fn put(&self, at: BodyRef, body: Arc<ItemBody>) {
        let added = weight(&body);
        if added > self.max_bytes {
            return;
        }
        let mut new = Some((at, body));
        let mut replaced = None;
        for slot in self.ways(at) {
            let mut slot = lock(slot);
            if slot.as_ref().is_none_or(|(known, _)| *known == at) {
                replaced = std::mem::replace(&mut *slot, new.take());
                break;
            }
        }
        if new.is_some() {
            let slot = self.hand.fetch_add(1, Ordering::Relaxed) % WAYS;
            if let Some(slot) = self.ways(at).nth(slot) {
                replaced = std::mem::replace(&mut *lock(slot), new);
            }
        }
        let freed = replaced.as_ref().map_or(0, |(_, body)| weight(body));
        self.bytes.fetch_add(added, Ordering::Relaxed);
        self.bytes.fetch_sub(freed, Ordering::Relaxed);
        self.shrink();
    }

    /// Bytes that are kept.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Empties slots in turn until the bound holds.
    fn shrink(&self) {
        for _ in 0..self.slots.len() {
            if self.bytes() <= self.max_bytes {
                return;
            }
            let next = self.hand.fetch_add(1, Ordering::Relaxed) % self.slots.len();
            let emptied = lock(&self.slots[next]).take();
            let freed = emptied.as_ref().map_or(0, |(_, body)| weight(body));
            self.bytes.fetch_sub(freed, Ordering::Relaxed);
        }
    }

    fn ways(&self, at: BodyRef) -> impl Iterator<Item = &Mutex<Slot>> {
        // Fibonacci hashing: neighbours are spread over the table.
        let hash = at.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let first = usize::try_from(hash).unwrap_or_default() & (self.slots.len() - WAYS);
        self.slots.iter().skip(first).take(WAYS)
    }
}

fn weight(body: &ItemBody) -> usize {
    body.payload().len() + BODY_OVERHEAD_BYTES
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stac::BodyWriter;

    fn body(bytes: usize) -> Arc<ItemBody> {
        let mut writer = BodyWriter::default();
        writer.name("a");
        writer.text(&"x".repeat(bytes));
        Arc::new(writer.finish(&[]).to_body())
    }

    #[test]
    fn what_was_put_is_found_and_nothing_else() {
        let cache = HotBodies::new(1 << 20);
        let kept = body(10);
        cache.put(BodyRef(7), Arc::clone(&kept));
        assert!(cache.get(BodyRef(7)).is_some_and(|found| Arc::ptr_eq(&found, &kept)));
        assert!(cache.get(BodyRef(8)).is_none());
        assert_eq!(cache.bytes(), weight(&kept));
    }

    #[test]
    fn a_body_that_is_put_again_counts_once() {
        let cache = HotBodies::new(1 << 20);
        cache.put(BodyRef(7), body(10));
        cache.put(BodyRef(7), body(30));
        assert_eq!(cache.bytes(), weight(&body(30)));
    }

    #[test]
    fn the_bound_in_bytes_holds_whatever_the_sizes() {
        let cache = HotBodies::new(100_000);
        for number in 0..2_000 {
            cache.put(BodyRef(number), body(usize::try_from(number * 37 % 30_000).expect("a length")));
            assert!(cache.bytes() <= 100_000, "{} bytes", cache.bytes());
        }
        let kept: usize = (0..2_000).filter_map(|n| cache.get(BodyRef(n))).map(|b| weight(&b)).sum();
        assert_eq!(kept, cache.bytes());
        assert!(kept > 30_000, "{kept} bytes are kept");
    }

    #[test]
    fn a_body_beyond_the_bound_is_not_kept() {
        let cache = HotBodies::new(0);
        cache.put(BodyRef(1), body(10));
        assert!(cache.get(BodyRef(1)).is_none());
        assert_eq!(cache.bytes(), 0);
    }

    #[test]
    fn many_threads_keep_the_sum_right() {
        let cache = HotBodies::new(50_000);
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let cache = &cache;
                scope.spawn(move || {
                    for number in 0..500 {
                        cache.put(BodyRef(number * (thread + 1) % 97), body(900));
                        cache.get(BodyRef(number % 97));
                    }
                });
            }
        });
        let kept: usize = (0..97).filter_map(|n| cache.get(BodyRef(n))).map(|b| weight(&b)).sum();
        assert_eq!(kept, cache.bytes());
    }
}
