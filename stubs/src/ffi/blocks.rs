//! Python's blocks of memory, while a snapshot is made: where they lie, and that nothing is left in
//! them of what was there before.

use std::ffi::c_void;
use std::ptr;
use std::sync::OnceLock;

use pyo3_ffi as py;

use super::object::Gil;
use crate::heap::pages;

/// Overwrites the memory that Python has freed and kept. `was_refused` tells whether Python has
/// asked for more than it had, in vain, since the last call.
pub(crate) fn wipe_freed(_gil: Gil<'_>, mut was_refused: impl FnMut() -> bool) {
    /// The largest block of Python's small object allocator, and the step between its sizes.
    const LARGEST: usize = 512;
    const STEP: usize = 16;
    // Each block holds the address of the one before, so that nothing else has to.
    let mut last: *mut *mut c_void = ptr::null_mut();
    for size in (STEP..LARGEST + 1).step_by(STEP).rev() {
        loop {
            // SAFETY: the lock is held; a block of `size` bytes, at least a pointer's, is ours
            // until it is freed.
            unsafe {
                let block = py::PyObject_Malloc(size);
                // One that Python took from elsewhere: there is no more of its own of this size.
                if was_refused() || block.is_null() {
                    py::PyObject_Free(block);
                    break;
                }
                ptr::write_bytes(block.cast::<u8>(), 0, size);
                wipe_tail(block, size);
                block.cast::<*mut c_void>().write(last.cast());
                last = block.cast();
            }
        }
    }
    while !last.is_null() {
        // SAFETY: from the loop above, once.
        unsafe {
            let block = last;
            last = (*block).cast();
            py::PyObject_Free(block.cast());
        }
    }
}

/// Overwrites what is behind the last block of the pool that a block lies in, where blocks of
/// another size may have been.
///
/// # Safety
/// The block must come from Python's small object allocator.
unsafe fn wipe_tail(block: *mut c_void, size: usize) {
    /// `POOL_SIZE` and `struct pool_header` (Include/internal/pycore_obmalloc.h).
    const POOL: usize = 16 << 10;
    #[repr(C)]
    struct Pool {
        links: [usize; 4],
        arena: u32,
        size_class: u32,
        next: u32,
        last: u32,
    }
    let offset = block.addr() % POOL;
    // SAFETY: a pool is aligned to its size and begins with its header. That this is one is seen by
    // the two numbers, which follow from the size; no block begins behind the last one.
    unsafe {
        let start = block.cast::<u8>().sub(offset);
        let pool = start.cast::<Pool>();
        let fits =
            (*pool).size_class as usize == size / 16 - 1 && (*pool).last as usize == POOL - size;
        if fits {
            let used = size_of::<Pool>() + (POOL - size_of::<Pool>()) / size * size;
            ptr::write_bytes(start.add(used), 0, POOL - used);
        }
    }
}

/// Python's own functions, of objects and of other things.
struct Originals([py::PyMemAllocatorEx; 2]);

// SAFETY: a table of functions, which is never written again.
unsafe impl Send for Originals {}
// SAFETY: as above.
unsafe impl Sync for Originals {}

static ORIGINALS: OnceLock<Originals> = OnceLock::new();

const DOMAINS: [fn() -> py::PyMemAllocatorDomain; 2] = [
    || py::PyMemAllocatorDomain::PYMEM_DOMAIN_OBJ,
    || py::PyMemAllocatorDomain::PYMEM_DOMAIN_MEM,
];

/// Has all that Python allocates filled with zeros, up to the end of the block: the rest of an
/// object that is shorter than the one before it would differ from one snapshot to the next. Before
/// Python starts.
pub(crate) fn clear_new() {
    /// The step between the sizes of small objects' blocks. What is larger comes from `malloc`,
    /// whose blocks are clean.
    const STEP: usize = 16;

    /// # Safety
    /// `block` must be null or one of at least `size` bytes.
    unsafe fn clear(block: *mut c_void, from: usize, size: usize) {
        if pages::is_in_arena(block.addr()) {
            let end = size.max(1).next_multiple_of(STEP);
            // SAFETY: the caller's; a small object's block ends at a multiple of the step.
            unsafe { ptr::write_bytes(block.cast::<u8>().add(from), 0, end - from) }
        }
    }
    fn original(context: *mut c_void) -> &'static py::PyMemAllocatorEx {
        let originals = ORIGINALS
            .get()
            .expect("set before the functions below are known");
        &originals.0[context.addr()]
    }
    extern "C" fn allocate(context: *mut c_void, size: usize) -> *mut c_void {
        let original = original(context);
        let block = original.malloc.map(|function| function(original.ctx, size));
        let block = block.unwrap_or(ptr::null_mut());
        // SAFETY: what was asked for.
        unsafe { clear(block, 0, size) };
        block
    }
    extern "C" fn allocate_zeros(context: *mut c_void, count: usize, size: usize) -> *mut c_void {
        let original = original(context);
        let block = original
            .calloc
            .map(|function| function(original.ctx, count, size));
        let block = block.unwrap_or(ptr::null_mut());
        // SAFETY: what was asked for; the product fits, or there would be no block.
        unsafe { clear(block, 0, count.saturating_mul(size)) };
        block
    }
    extern "C" fn resize(context: *mut c_void, block: *mut c_void, size: usize) -> *mut c_void {
        let original = original(context);
        let block = original
            .realloc
            .map(|function| function(original.ctx, block, size));
        let block = block.unwrap_or(ptr::null_mut());
        // SAFETY: what was asked for.
        unsafe { clear(block, size, size) };
        block
    }
    extern "C" fn free(context: *mut c_void, block: *mut c_void) {
        let original = original(context);
        if let Some(function) = original.free {
            function(original.ctx, block);
        }
    }
    let originals = DOMAINS.map(|domain| {
        let mut original = py::PyMemAllocatorEx {
            ctx: ptr::null_mut(),
            malloc: None,
            calloc: None,
            realloc: None,
            free: None,
        };
        // SAFETY: the structure is Python's to fill.
        unsafe { py::PyMem_GetAllocator(domain(), &raw mut original) };
        original
    });
    if ORIGINALS.set(Originals(originals)).is_err() {
        return;
    }
    for (index, domain) in DOMAINS.iter().enumerate() {
        let mut ours = py::PyMemAllocatorEx {
            ctx: ptr::without_provenance_mut(index),
            malloc: Some(allocate),
            calloc: Some(allocate_zeros),
            realloc: Some(resize),
            free: Some(free),
        };
        // SAFETY: the structure is copied; the functions hand on to Python's own, so that every
        // block is known to these.
        unsafe { py::PyMem_SetAllocator(domain(), &raw mut ours) }
    }
}

/// Gives Python its own functions again.
pub(crate) fn stop_clearing(_gil: Gil<'_>) {
    let Some(originals) = ORIGINALS.get() else {
        return;
    };
    for (domain, original) in DOMAINS.iter().zip(&originals.0) {
        let mut original = *original;
        // SAFETY: the lock is held; the functions that knew all blocks before.
        unsafe { py::PyMem_SetAllocator(domain(), &raw mut original) }
    }
}
