//! Where the heap has its memory from: the system, or, in the process that a snapshot is taken of,
//! a reservation at a fixed address, which Python's own small object allocator draws from, too.

use std::ffi::c_void;
use std::ops::Range;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use dlmalloc::Allocator;

/// The smallest page there is. A mapping that ends inside a larger page has all of that page.
pub(crate) const PAGE: usize = 4096;

/// Where a snapshot's heap lies: behind any image and what the kernel puts behind it (up to 1 GiB
/// away), before everything that is placed by chance.
pub(crate) const ARENA: usize = 0x1_0000_0000;
pub(crate) const ARENA_END: usize = 0x2_0000_0000;
const ARENA_SIZE: usize = ARENA_END - ARENA;

/// The end of what is used of the reservation; 0 where there is none.
static TOP: AtomicUsize = AtomicUsize::new(0);

/// Takes all further memory from the reservation.
///
/// # Errors
/// Where the system has something else there.
pub(crate) fn reserve() -> Result<(), &'static str> {
    // SAFETY: only memory that nobody has.
    let reserved = unsafe {
        libc::mmap(
            std::ptr::without_provenance_mut(ARENA),
            ARENA_SIZE,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE
                | libc::MAP_ANONYMOUS
                | libc::MAP_NORESERVE
                | libc::MAP_FIXED_NOREPLACE,
            -1,
            0,
        )
    };
    if reserved.addr() != ARENA {
        return Err("the system has no 4 GiB of addresses from 4 GiB on");
    }
    TOP.store(ARENA, Relaxed);
    Ok(())
}

/// The end of what is used of the reservation.
pub(crate) fn top() -> usize {
    TOP.load(Relaxed)
}

/// Sets it: to 0, so that processes made from a snapshot have their memory from the system, and
/// back.
pub(crate) fn set_top(top: usize) {
    TOP.store(top, Relaxed);
}

/// Whether a snapshot is being made.
#[inline]
pub(super) fn is_reserved() -> bool {
    TOP.load(Relaxed) != 0
}

/// Zeroed pages; null where there are none.
fn take(size: usize) -> *mut u8 {
    if is_reserved() {
        let at = TOP.fetch_add(size.next_multiple_of(PAGE), Relaxed);
        let fits = at.checked_add(size).is_some_and(|end| end <= ARENA_END);
        return if fits {
            std::ptr::with_exposed_provenance_mut(at)
        } else {
            TOP.fetch_sub(size.next_multiple_of(PAGE), Relaxed);
            null_mut()
        };
    }
    // SAFETY: a mapping of its own.
    let pages = unsafe {
        libc::mmap(
            null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if pages == libc::MAP_FAILED {
        null_mut()
    } else {
        pages.cast()
    }
}

/// Gives pages back; `false` where they stay with their owner.
///
/// # Safety
/// They must be whole pages of [`take`], unused.
unsafe fn give(pages: *mut u8, size: usize) -> bool {
    // SAFETY: the caller's.
    unsafe {
        if is_reserved() {
            // Zero again, so that nothing of them gets into the snapshot.
            libc::madvise(pages.cast(), size, libc::MADV_DONTNEED);
            false
        } else {
            libc::munmap(pages.cast(), size) == 0
        }
    }
}

/// Smaller pieces of memory than this are for the frames of Python functions, others for its small
/// objects.
const ARENA_OF_OBJECTS: usize = 256 << 10;

/// Where Python's small objects are.
static ARENAS: Mutex<Vec<Range<usize>>> = Mutex::new(Vec::new());

/// Whether this is a small object of Python's.
pub(crate) fn is_in_arena(address: usize) -> bool {
    let arenas = ARENAS.lock().unwrap_or_else(PoisonError::into_inner);
    arenas.iter().any(|range| range.contains(&address))
}

/// Where Python keeps its frames: address and size of each piece.
static STACKS: [[AtomicUsize; 2]; 16] = [const { [AtomicUsize::new(0), AtomicUsize::new(0)] }; 16];

/// Where Python keeps its frames.
pub(crate) fn stacks() -> impl Iterator<Item = Range<usize>> {
    let load = |[start, size]: &[AtomicUsize; 2]| {
        let start = start.load(Relaxed);
        start..start + size.load(Relaxed)
    };
    STACKS.iter().map(load).filter(|range| !range.is_empty())
}

/// Whether Python is to make do with the arenas it has, and whether it has asked for more since.
static REFUSING: AtomicBool = AtomicBool::new(false);
static REFUSED: AtomicBool = AtomicBool::new(false);

/// Gives Python no further arenas, or does so again.
pub(crate) fn refuse_arenas(refuse: bool) {
    REFUSING.store(refuse, Relaxed);
}

/// Whether Python was refused one since this was last asked.
pub(crate) fn was_refused() -> bool {
    REFUSED.swap(false, Relaxed)
}

/// Memory for Python's small object allocator and its frames.
pub(crate) extern "C" fn allocate_arena(_: *mut c_void, size: usize) -> *mut c_void {
    if REFUSING.load(Relaxed) {
        REFUSED.store(true, Relaxed);
        return null_mut();
    }
    let pages = take(size);
    if is_reserved() && size >= ARENA_OF_OBJECTS && !pages.is_null() {
        let mut arenas = ARENAS.lock().unwrap_or_else(PoisonError::into_inner);
        arenas.push(pages.addr()..pages.addr() + size);
    } else if is_reserved()
        && let Some([start, length]) = STACKS.iter().find(|[_, size]| size.load(Relaxed) == 0)
    {
        start.store(pages.expose_provenance(), Relaxed);
        length.store(size, Relaxed);
    }
    pages.cast()
}

/// Takes it back.
pub(crate) extern "C" fn free_arena(_: *mut c_void, pages: *mut c_void, size: usize) {
    for [_, length] in STACKS
        .iter()
        .filter(|[start, _]| start.load(Relaxed) == pages.addr())
    {
        length.store(0, Relaxed);
    }
    let mut arenas = ARENAS.lock().unwrap_or_else(PoisonError::into_inner);
    arenas.retain(|range| range.start != pages.addr());
    drop(arenas);
    // SAFETY: Python passes what it has from `allocate_arena`.
    unsafe { give(pages.cast(), size) };
}

/// The system's pages.
pub(crate) struct Pages;

// SAFETY: what is handed out is mapped, unshared and zeroed, and stays so until it is given back.
unsafe impl Allocator for Pages {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        (take(size), size, 0)
    }

    fn remap(&self, pages: *mut u8, old: usize, new: usize, can_move: bool) -> *mut u8 {
        if is_reserved() {
            return null_mut();
        }
        let flags = if can_move { libc::MREMAP_MAYMOVE } else { 0 };
        // SAFETY: a mapping of `alloc`, whose owner takes the answer in its place.
        let moved = unsafe { libc::mremap(pages.cast(), old, new, flags) };
        if moved == libc::MAP_FAILED {
            null_mut()
        } else {
            moved.cast()
        }
    }

    fn free_part(&self, pages: *mut u8, old: usize, new: usize) -> bool {
        // SAFETY: the end of a mapping of `alloc`, which its owner gives up.
        !is_reserved() && unsafe { libc::munmap(pages.add(new).cast(), old - new) == 0 }
    }

    fn free(&self, pages: *mut u8, size: usize) -> bool {
        // SAFETY: a mapping of `alloc`, which its owner gives up.
        !is_reserved() && unsafe { give(pages, size) }
    }

    fn can_release_part(&self, _flags: u32) -> bool {
        !is_reserved()
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        PAGE
    }
}
