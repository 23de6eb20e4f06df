//! The heap of the static Linux programs: `malloc` and its family over `dlmalloc`.
//!
//! musl's own allocator is slow with many small blocks and slower with threads; this one takes
//! 0.4 to 0.8 of its time in Python programs. The C library keeps using its own for what it
//! allocates inside itself (the lists of exit and fork handlers, locales, threads), so the two
//! never share a block.
//!
//! While a snapshot is made, its memory comes from a fixed address ([`pages`]).
//!
//! One lock guards the heap. It is held across `fork`, so that the child finds the heap whole.
#![allow(unsafe_code)]

pub(crate) mod pages;

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::mem::offset_of;
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dlmalloc::Dlmalloc;

use pages::Pages;

type Heap = Dlmalloc<Pages>;

/// A futex, of the standard library: it never allocates.
static HEAP: Mutex<Heap> = Mutex::new(Dlmalloc::new_with_allocator(Pages));

/// What `malloc` promises on 64-bit systems.
const ALIGNMENT: usize = 16;

#[inline]
fn heap() -> MutexGuard<'static, Heap> {
    HEAP.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A block as C has it: null with `errno` where there is no memory.
#[inline]
fn block(pointer: *mut u8) -> *mut c_void {
    if pointer.is_null() {
        fail(libc::ENOMEM);
    }
    pointer.cast()
}

#[cold]
fn fail(error: c_int) {
    // SAFETY: the thread's own.
    unsafe { *libc::__errno_location() = error };
}

/// C's `malloc`.
#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut c_void {
    // SAFETY: any size may be asked for.
    block(unsafe { heap().c_malloc(size) })
}

/// C's `free`.
///
/// # Safety
/// The block must be this heap's, or null.
#[unsafe(no_mangle)]
unsafe extern "C" fn free(pointer: *mut c_void) {
    if !pointer.is_null() {
        if pages::is_reserved() {
            // SAFETY: the caller gives the block up.
            unsafe { wipe(pointer) }
        }
        // SAFETY: the caller's. The system calls that may follow leave `errno` alone when they
        // succeed, and unmapping what was mapped does.
        unsafe { heap().c_free(pointer.cast()) }
    }
}

/// C's `calloc`.
#[unsafe(no_mangle)]
extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    let Some(total) = count.checked_mul(size) else {
        return block(null_mut());
    };
    // SAFETY: any size may be asked for; the alignment is the heap's own.
    block(unsafe { heap().calloc(total, ALIGNMENT) })
}

/// C's `realloc`.
///
/// # Safety
/// The block must be this heap's, or null.
#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(pointer: *mut c_void, size: usize) -> *mut c_void {
    if pages::is_reserved() && !pointer.is_null() {
        // SAFETY: the caller's; a new block is at least `size` bytes long.
        return unsafe {
            let new = malloc(size);
            if !new.is_null() {
                let kept = malloc_usable_size(pointer).min(size);
                libc::memcpy(new, pointer, kept);
                free(pointer);
            }
            new
        };
    }
    // SAFETY: the caller's.
    block(unsafe { heap().c_realloc(pointer.cast(), size) })
}

/// Overwrites what a block held: a snapshot is to keep nothing that was given up.
///
/// # Safety
/// The block must be this heap's and unused.
#[cold]
unsafe fn wipe(pointer: *mut c_void) {
    // SAFETY: the caller's.
    unsafe { libc::memset(pointer, 0, malloc_usable_size(pointer)) };
}

/// C's `aligned_alloc`.
#[unsafe(no_mangle)]
extern "C" fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
    if !alignment.is_power_of_two() {
        fail(libc::EINVAL);
        return null_mut();
    }
    // SAFETY: a power of two.
    block(unsafe { heap().c_memalign(alignment, size) })
}

/// The older name of [`aligned_alloc`].
#[unsafe(no_mangle)]
extern "C" fn memalign(alignment: usize, size: usize) -> *mut c_void {
    aligned_alloc(alignment, size)
}

/// POSIX's `posix_memalign`, which answers with the error and leaves `errno` alone.
///
/// # Safety
/// `place` must be writable.
#[unsafe(no_mangle)]
unsafe extern "C" fn posix_memalign(
    place: *mut *mut c_void,
    alignment: usize,
    size: usize,
) -> c_int {
    if !alignment.is_power_of_two() || alignment < size_of::<*mut c_void>() {
        return libc::EINVAL;
    }
    // SAFETY: a power of two.
    let pointer = unsafe { heap().c_memalign(alignment, size) };
    if pointer.is_null() {
        return libc::ENOMEM;
    }
    // SAFETY: the caller's.
    unsafe { *place = pointer.cast() };
    0
}

/// How much of a block can be used. The C library's own function would take the block for its own.
///
/// # Safety
/// The block must be this heap's, or null.
#[unsafe(no_mangle)]
unsafe extern "C" fn malloc_usable_size(pointer: *mut c_void) -> usize {
    /// What `dlmalloc` keeps in front of a block.
    #[repr(C)]
    struct Chunk {
        before: usize,
        /// Its size, with three bits for flags.
        head: usize,
        block: [usize; 0],
    }
    const FLAGS: usize = 7;
    const IN_USE: usize = 3;
    if pointer.is_null() {
        return 0;
    }
    // SAFETY: the caller's; the head lies in front of every block.
    let head = unsafe {
        *pointer
            .cast::<u8>()
            .sub(offset_of!(Chunk, block) - offset_of!(Chunk, head))
            .cast::<usize>()
    };
    // A block with a mapping of its own has both words in front of it, another one shares the
    // first.
    let overhead = if head & IN_USE == 0 { 2 } else { 1 } * size_of::<usize>();
    (head & !FLAGS).saturating_sub(overhead)
}

/// The heap's lock between the two handlers of a `fork`.
struct Held(UnsafeCell<Option<MutexGuard<'static, Heap>>>);

// SAFETY: the cell is touched only by the thread that holds the heap's lock.
unsafe impl Sync for Held {}

static HELD: Held = Held(UnsafeCell::new(None));

/// Keeps the heap whole across `fork`. Called once a process, before anything else can ask for the
/// same: handlers of others then run while the heap is free.
pub(crate) fn guard_forks() {
    unsafe extern "C" fn before() {
        let guard = heap();
        // SAFETY: the lock is held.
        unsafe { *HELD.0.get() = Some(guard) };
    }
    unsafe extern "C" fn after() {
        // SAFETY: `before` ran in this thread, or in the parent's thread that this process is a
        // copy of, and holds the lock.
        let guard = unsafe { (*HELD.0.get()).take() };
        drop(guard);
    }
    // SAFETY: functions that live as long as the program.
    unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) };
}
