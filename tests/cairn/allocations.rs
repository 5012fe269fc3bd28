//! Memory counted by thread, so that tests beside each other in one process do not disturb the count. What C libraries
//! allocate is not in it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    // Without destructors, and made without allocating: the allocator itself uses them.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, counting.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

/// A layout is never larger than `isize::MAX`.
fn add(bytes: usize) {
    let live = LIVE.get().wrapping_add(bytes.cast_signed());
    LIVE.set(live);
    PEAK.set(PEAK.get().max(live));
}

/// Below 0 when a thread frees what another one made.
fn subtract(bytes: usize) {
    LIVE.set(LIVE.get().wrapping_sub(bytes.cast_signed()));
}

#[expect(
    unsafe_code,
    reason = "an allocator is counted from inside; each call goes to the system's as it is"
)]
// SAFETY: the system's allocator does all the work; counting neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's obligations are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's obligations are the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        subtract(layout.size());
        // SAFETY: the caller's obligations are the same.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // Both are there while the bytes move.
        add(new_size);
        subtract(layout.size());
        // SAFETY: the caller's obligations are the same.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

/// What a call gives, and how many bytes more than before it lived on this thread at its worst moment.
pub(crate) fn peak_bytes<T>(call: impl FnOnce() -> T) -> (T, usize) {
    let before = LIVE.get();
    PEAK.set(before);
    let given = call();
    (given, PEAK.get().wrapping_sub(before).cast_unsigned())
}

#[test]
fn the_peak_is_that_of_this_thread_and_this_call() {
    let held = vec![0u8; 3 << 20];
    let (_, peak) = peak_bytes(|| {
        drop(vec![1u8; 1 << 20]);
        std::thread::spawn(|| drop(vec![1u8; 5 << 20])).join().unwrap();
        vec![1u8; 2 << 20].len()
    });
    assert!((2 << 20..3 << 20).contains(&peak), "{peak}");
    drop(held);
}
