//! A global allocator that counts, and stops the program when more is held than allowed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

struct Capped;

static HELD: AtomicUsize = AtomicUsize::new(0);
static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);

/// From now on at most `more` bytes may be held beyond what is held now.
pub fn limit(more: usize) {
    LIMIT.store(HELD.load(Relaxed).saturating_add(more), Relaxed);
}

// SAFETY: every call is passed on to the system's allocator unchanged; the counters do not
// touch the memory.
unsafe impl GlobalAlloc for Capped {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Relaxed) + layout.size();
        if held > LIMIT.load(Relaxed) {
            LIMIT.store(usize::MAX, Relaxed); // reporting allocates too
            panic!(
                "{} bytes asked for, {held} held: out of proportion",
                layout.size()
            );
        }
        // SAFETY: the caller's promises are ours.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promises are ours.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Capped = Capped;
