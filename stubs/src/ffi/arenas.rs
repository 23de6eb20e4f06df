//! Where Python's small objects live: pieces of 1 MiB that its allocator asks the system for, the
//! *arenas*.
//!
//! A program that imports much has dozens. From the third on, two of them share one region that the
//! kernel may back with a huge page (2 MiB on x86_64). It is filled at once instead of at 512 page
//! faults: 5 % of the CPU time of importing the whole standard library. Where the kernel offers no
//! such pages, nothing changes.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use pyo3_ffi as py;

/// `ARENA_SIZE` (Include/internal/pycore_obmalloc.h), in bytes.
const ARENA: usize = 1 << 20;
/// What one huge page holds, and its alignment.
const HUGE: usize = 2 * ARENA;
/// So many arenas are ordinary memory: small programs need no more and keep their size.
const ORDINARY: u32 = 2;

static ALLOCATED: AtomicU32 = AtomicU32::new(0);
/// The second half of a region whose first half is in use, or null.
static SPARE: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Python's arenas come from these functions from now on. Before Python starts.
pub(crate) fn set(
    allocate: extern "C" fn(*mut c_void, usize) -> *mut c_void,
    free: extern "C" fn(*mut c_void, *mut c_void, usize),
) {
    let mut arenas = py::PyObjectArenaAllocator {
        ctx: ptr::null_mut(),
        alloc: Some(allocate),
        free: Some(free),
    };
    // SAFETY: the structure is copied; Python has allocated nothing yet.
    unsafe { py::PyObject_SetArenaAllocator(&raw mut arenas) }
}

/// Lets arenas share huge pages. Before Python starts.
pub(crate) fn use_huge_pages() {
    set(allocate, free);
}

/// Interpreters with locks of their own call it at the same time.
extern "C" fn allocate(_context: *mut c_void, size: usize) -> *mut c_void {
    if size != ARENA || ALLOCATED.fetch_add(1, Ordering::Relaxed) < ORDINARY {
        return map(size);
    }
    let spare = SPARE.swap(ptr::null_mut(), Ordering::AcqRel);
    if !spare.is_null() {
        return spare;
    }
    let Some(region) = huge_region() else {
        return map(size);
    };
    // SAFETY: the region has two arenas.
    let second = unsafe { region.byte_add(ARENA) };
    let other = SPARE.swap(second, Ordering::AcqRel);
    if !other.is_null() {
        unmap(other, ARENA);
    }
    region
}

extern "C" fn free(_context: *mut c_void, arena: *mut c_void, size: usize) {
    unmap(arena, size);
}

/// Memory for two arenas, aligned for one huge page.
fn huge_region() -> Option<*mut c_void> {
    let start = map(2 * HUGE);
    if start.is_null() {
        return None;
    }
    let before = start.addr().next_multiple_of(HUGE) - start.addr();
    // SAFETY: an aligned region of this size begins within the first half of what is mapped.
    let (region, end) = unsafe {
        let region = start.byte_add(before);
        (region, region.byte_add(HUGE))
    };
    if before > 0 {
        unmap(start, before);
    }
    if before < HUGE {
        unmap(end, HUGE - before);
    }
    // SAFETY: advice about memory that is ours; a kernel that does not know it refuses.
    unsafe { libc::madvise(region, HUGE, libc::MADV_HUGEPAGE) };
    Some(region)
}

/// Null without memory.
fn map(size: usize) -> *mut c_void {
    const ACCESS: c_int = libc::PROT_READ | libc::PROT_WRITE;
    const FLAGS: c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: new memory, wherever the kernel likes.
    let start = unsafe { libc::mmap(ptr::null_mut(), size, ACCESS, FLAGS, -1, 0) };
    if start == libc::MAP_FAILED {
        ptr::null_mut()
    } else {
        start
    }
}

fn unmap(start: *mut c_void, size: usize) {
    // SAFETY: whole pages of `map`'s that nothing uses any more.
    unsafe { libc::munmap(start, size) };
}
