//! The memory that a snapshot consists of, and the way back to the program as it was linked.
//!
//! `.data` and `.bss` without what `fresh.ld` gathers, and the heap at a fixed address.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::heap::pages::{self, ARENA};

unsafe extern "C" {
    static oxidize_data_start: u8;
    static oxidize_data_end: u8;
    static oxidize_bss_start: u8;
    static oxidize_fresh_data_start: u8;
    static oxidize_fresh_data_end: u8;
    static oxidize_fresh_bss_start: u8;
    static oxidize_fresh_bss_end: u8;
}

/// Where the snapshot's heap ends and its record begins. 0 in a process that was not made from one.
static END: AtomicUsize = AtomicUsize::new(0);

/// What the injector writes behind the heap (docs/format.md, "The snapshot's record").
#[repr(C)]
struct Record {
    magic: [u8; 8],
    /// Address and size of the data segment in memory.
    data: u64,
    data_size: u64,
    /// Where the segment's original bytes are, from the record on, and how many the file had.
    pristine: u64,
    pristine_size: u64,
    /// How many addresses of constructors follow the record.
    constructors: u64,
    /// For the injector.
    _report: [u64; 8],
}

const MAGIC: [u8; 8] = *b"OXISNAP1";

/// `.data` and `.bss`.
pub(super) fn whole() -> Range<usize> {
    (&raw const oxidize_data_start).addr()..(&raw const oxidize_data_end).addr()
}

/// What of it every process has anew.
pub(super) fn fresh() -> [Range<usize>; 2] {
    [
        (&raw const oxidize_fresh_data_start).addr()..(&raw const oxidize_fresh_data_end).addr(),
        (&raw const oxidize_fresh_bss_start).addr()..(&raw const oxidize_fresh_bss_end).addr(),
    ]
}

/// What is carried over.
pub(super) fn kept() -> [Range<usize>; 3] {
    let whole = whole();
    let [data, bss] = fresh();
    [
        whole.start..data.start,
        data.end..bss.start,
        bss.end..whole.end,
    ]
}

/// The heap of the process that a snapshot is taken of.
pub(super) fn heap() -> Range<usize> {
    ARENA..pages::top()
}

/// Calls `found` with the address and value of each word in a range.
pub(super) fn scan(range: Range<usize>, mut found: impl FnMut(usize, usize)) {
    let mut at = range.start.next_multiple_of(size_of::<usize>());
    while at + size_of::<usize>() <= range.end {
        // SAFETY: the ranges above are mapped and readable, and so is the stack, which `written`
        // looks at; no other thread writes.
        found(at, unsafe {
            std::ptr::with_exposed_provenance::<usize>(at).read_volatile()
        });
        at += size_of::<usize>();
    }
}

/// Zeroes the time at which the process started, as mimalloc's constructor has noted it in
/// milliseconds (`_mi_prim_clock_now`). CPython brings mimalloc along and does not use it.
///
/// # Safety
/// Only constructors may have run. What else they leave in `.bss` are addresses, counts and flags.
pub(super) unsafe fn forget_start() {
    /// How long the constructors may take, in milliseconds.
    const LONGEST: usize = 60_000;
    const SMALLEST: usize = 1000;
    let mut now = std::mem::MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: a place for the answer; all zeros are a time.
    let now = unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC, now.as_mut_ptr());
        now.assume_init()
    };
    let milliseconds = now.tv_sec * 1000 + now.tv_nsec / 1_000_000;
    let now = usize::try_from(milliseconds).unwrap_or_default();
    // Where the system has just been started, numbers as small as that may be something else.
    let recent = now.saturating_sub(LONGEST).max(SMALLEST)..=now;
    let start = (&raw const oxidize_bss_start).addr();
    for range in kept() {
        scan(range.start.max(start)..range.end, |at, word| {
            if recent.contains(&word) {
                // SAFETY: found by the scan; nobody reads it.
                unsafe { patch(at, 0) }
            }
        });
    }
}

/// A range of mapped memory without the zeros at its beginning.
pub(super) fn written(range: Range<usize>) -> Range<usize> {
    let mut start = range.end;
    scan(range.clone(), |at, word| {
        if word != 0 && start == range.end {
            start = at;
        }
    });
    start..range.end
}

/// Reads a word of the snapshot.
///
/// # Safety
/// The address must have come from [`scan`], or lie one word behind such a one.
pub(super) unsafe fn word(at: usize) -> usize {
    // SAFETY: the caller's. Behind the data there is the rest of its page, behind the heap the
    // reservation.
    unsafe { std::ptr::with_exposed_provenance::<usize>(at).read_volatile() }
}

/// Writes a word of the snapshot.
///
/// # Safety
/// The address must have come from [`scan`], and the word must be one that this process is to have
/// otherwise.
pub(super) unsafe fn patch(at: usize, value: usize) {
    // SAFETY: the caller's.
    unsafe { std::ptr::with_exposed_provenance_mut::<usize>(at).write_volatile(value) }
}

/// Overwrites what the frames of functions that have returned left on a stack of Python's.
///
/// # Safety
/// No frame may be on it.
pub(super) unsafe fn clear_stack(stack: Range<usize>) {
    /// Address of the stack before, size, saved top: `_PyStackChunk`.
    const HEAD: usize = 24;
    let start: *mut u8 = std::ptr::with_exposed_provenance_mut(stack.start + HEAD);
    // SAFETY: the caller's; the range is one that Python has from us.
    unsafe { start.write_bytes(0, stack.len() - HEAD) }
}

/// The bytes of a range.
///
/// # Safety
/// The range must be one of those above, and nothing may write to it while the slice lives.
pub(super) unsafe fn bytes(range: Range<usize>) -> &'static [u8] {
    // SAFETY: the caller's.
    unsafe {
        std::slice::from_raw_parts(std::ptr::with_exposed_provenance(range.start), range.len())
    }
}

/// Tells the processes that will be made from this one where the heap ended.
pub(super) fn set_end(end: usize) {
    END.store(end, Ordering::Relaxed);
}

/// Whether this process was made from a snapshot.
pub(super) fn is_restored() -> bool {
    // Volatile by its atomic nature: the value comes with the file.
    END.load(Ordering::Relaxed) != 0
}

/// Makes this process what an ordinary start finds: the data as linked, its constructors run.
///
/// # Safety
/// Nothing that was allocated since the start may be used or freed afterwards, and no other thread
/// may run.
pub(super) unsafe fn revert() {
    let end = END.load(Ordering::Relaxed);
    // SAFETY: the injector put the record there together with END, in one segment with the original
    // bytes; `kept` is writable memory of this image. What is overwritten is the library's and our
    // own variables, none of which this function uses.
    unsafe {
        let start: *const Record = std::ptr::with_exposed_provenance(end);
        if (*start).magic != MAGIC {
            super::refuse_damaged();
        }
        let pristine = start.cast::<u8>().add((*start).pristine as usize);
        let size = (*start).pristine_size as usize;
        let count = (*start).constructors as usize;
        let constructors = start.add(1).cast::<extern "C" fn()>();
        let base = (*start).data as usize;
        for range in kept() {
            let offset = range.start - base;
            let from_file = size.saturating_sub(offset).min(range.len());
            let place: *mut u8 = std::ptr::with_exposed_provenance_mut(range.start);
            libc::memcpy(place.cast(), pristine.add(offset).cast(), from_file);
            libc::memset(place.add(from_file).cast(), 0, range.len() - from_file);
        }
        for index in 0..count {
            (*constructors.add(index))();
        }
    }
}

/// Whether the snapshot's record is where it must be: tools that rewrite executables may have moved
/// it.
pub(super) fn is_whole() -> bool {
    // SAFETY: as in `revert`.
    unsafe {
        let start: *const Record = std::ptr::with_exposed_provenance(END.load(Ordering::Relaxed));
        (*start).magic == MAGIC && (*start).data as usize == whole().start
    }
}
