//! Descriptors of virtual files: sealed files in memory.
//!
//! The first `open` of a file copies it; further ones open that copy again, with an offset of their
//! own, through `/proc/self/fd`. For that, one descriptor of a copy stays open: of the last few
//! dozen small files, of the last few large ones. A program may close descriptors that are not its
//! own (`os.closerange`), so one is looked at before it is used.

use std::ffi::{CStr, CString, c_int, c_uint};
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use oxidize_format::{Compression, Data, Node};

use super::attributes;
use super::content::{on_disk, open_on_disk, write_all};
use super::{last_error, system};
use crate::ffi::memory::{MFD_EXEC, create_file};

/// linux/memfd.h; Linux 6.3 wants to be told this or `MFD_EXEC`.
const MFD_NOEXEC_SEAL: c_uint = 0x0008;
/// Flags of `open` that a descriptor of ours keeps.
const KEPT_FLAGS: c_int = libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_APPEND | libc::O_PATH;
/// Copies that stay: files up to [`SMALL`] in most places, up to [`MEDIUM`] in the last
/// [`MEDIUM_PLACES`]. Of a larger file the program's own descriptor is remembered while it is open.
const PLACES: usize = 64;
const MEDIUM_PLACES: usize = 4;
const SMALL: u64 = 1 << 20;
const MEDIUM: u64 = 16 << 20;
/// Our descriptors begin here where they can, out of the way of programs that count.
pub(super) const HIGH: c_int = 512;

/// `node index + 1` and the descriptor, with [`BORROWED`] for the program's own.
static COPIES: [AtomicU64; PLACES] = [const { AtomicU64::new(0) }; PLACES];
const BORROWED: u64 = 1 << 31;

fn place(node: Node<'_>, length: u64) -> &'static AtomicU64 {
    let index = node.index() as usize;
    if length <= SMALL {
        &COPIES[index % (PLACES - MEDIUM_PLACES)]
    } else {
        &COPIES[PLACES - 1 - index % MEDIUM_PLACES]
    }
}

/// The node that a descriptor stands for.
pub(super) fn identify(descriptor: c_int) -> Option<Node<'static>> {
    // SAFETY: the structure is the system's to fill.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        let done = system::fstat(descriptor, &raw mut stat);
        (done == 0).then(|| attributes::of_stat(&stat)).flatten()
    }
}

fn stands_for(descriptor: c_int, node: Node<'_>) -> bool {
    identify(descriptor).is_some_and(|found| found.index() == node.index())
}

fn close(descriptor: c_int) {
    // SAFETY: the caller's own descriptor.
    unsafe { libc::close(descriptor) };
}

/// Opens a file or directory for reading.
///
/// # Errors
/// The error number.
pub(super) fn open(node: Node<'static>, flags: c_int) -> Result<c_int, c_int> {
    if node.is_dir() {
        let directory = create(node)?;
        return reopen(directory, flags & KEPT_FLAGS).map_or(Ok(directory), |other| {
            close(directory);
            Ok(other)
        });
    }
    if let Some(path) = on_disk(node)? {
        return open_on_disk(&path, flags & KEPT_FLAGS);
    }
    let length = node.len().map_err(|_| libc::EIO)?;
    let place = place(node, length);
    let known = place.load(Ordering::Acquire);
    if known >> 32 == u64::from(node.index()) + 1 {
        let copy = (known & (BORROWED - 1)) as c_int;
        if stands_for(copy, node)
            && let Ok(descriptor) = reopen(copy, flags & KEPT_FLAGS)
        {
            if stands_for(descriptor, node) {
                return Ok(descriptor);
            }
            close(descriptor);
        }
    }
    let copy = create(node)?;
    let Ok(descriptor) = reopen(copy, flags & KEPT_FLAGS) else {
        // No /proc: every open has a copy, which is sealed.
        return Ok(copy);
    };
    let (kept, borrowed) = if length <= MEDIUM {
        (out_of_the_way(copy), 0)
    } else {
        close(copy);
        (descriptor, BORROWED)
    };
    let new = (u64::from(node.index()) + 1) << 32 | borrowed | u64::from(kept.cast_unsigned());
    let old = place.swap(new, Ordering::AcqRel);
    forget(old);
    Ok(descriptor)
}

/// A new descriptor of a file that is executable where the file is, for `exec`.
///
/// # Errors
/// The error number.
pub(super) fn open_program(node: Node<'static>) -> Result<c_int, c_int> {
    match on_disk(node)? {
        Some(path) => open_on_disk(&path, libc::O_CLOEXEC),
        None => create(node),
    }
}

/// Closes all copies that are kept: a snapshot carries no descriptors over.
#[cfg(target_env = "musl")]
pub(super) fn forget_all() {
    for place in &COPIES {
        forget(place.swap(0, Ordering::AcqRel));
    }
}

/// Closes the copy that gave up its place, if it is still ours.
fn forget(old: u64) {
    if old == 0 || old & BORROWED != 0 {
        return;
    }
    let copy = (old & (BORROWED - 1)) as c_int;
    let ours = identify(copy).is_some_and(|node| u64::from(node.index()) + 1 == old >> 32);
    if ours {
        close(copy);
    }
}

fn out_of_the_way(descriptor: c_int) -> c_int {
    // SAFETY: a system call on our own descriptor.
    let high = unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, HIGH) };
    if high < 0 {
        return descriptor;
    }
    close(descriptor);
    high
}

/// Opens the file behind a descriptor again.
fn reopen(descriptor: c_int, flags: c_int) -> Result<c_int, c_int> {
    let mut path = [0u8; 32];
    write!(&mut path[..], "/proc/self/fd/{descriptor}").map_err(|_| libc::EIO)?;
    // SAFETY: a NUL-terminated path.
    let opened = unsafe {
        libc::syscall(
            libc::SYS_openat,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::O_RDONLY | flags,
        )
    };
    if opened < 0 {
        last_error()
    } else {
        Ok(opened as c_int)
    }
}

/// A new sealed file in memory with a node's content; empty for a directory. Closed on `exec`.
fn create(node: Node<'static>) -> Result<c_int, c_int> {
    let data = match node.is_dir() {
        true => None,
        false => node.data().map_err(|_| libc::EIO)?,
    };
    let name = CString::new(node.name().rsplit('/').next().unwrap_or_default()).unwrap_or_default();
    let (file, sealed) = match in_memory(&name, node.is_executable()) {
        Ok(file) => (file, true),
        Err(_) => (unlinked()?, false),
    };
    let finished = data
        .map_or(Ok(()), |data| fill(file, &data))
        .and_then(|()| finish(file, node, sealed));
    match finished {
        Ok(()) => Ok(file),
        Err(error) => {
            close(file);
            Err(error)
        }
    }
}

fn in_memory(name: &CStr, executable: bool) -> Result<c_int, c_int> {
    let usual = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    let wish = if executable {
        MFD_EXEC
    } else {
        MFD_NOEXEC_SEAL
    };
    let mut file = create_file(name, usual | wish);
    if file < 0 {
        file = create_file(c"oxidize", usual);
    }
    if file < 0 { last_error() } else { Ok(file) }
}

/// Where there are no files in memory: one of this user alone whose name is gone at once.
fn unlinked() -> Result<c_int, c_int> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    for directory in ["/dev/shm", "/tmp", "/var/tmp"] {
        let mut path = [0u8; 64];
        // SAFETY: system calls with a NUL-terminated path.
        unsafe {
            let (process, count) = (libc::getpid(), COUNT.fetch_add(1, Ordering::Relaxed));
            write!(&mut path[..63], "{directory}/.oxidize-{process}-{count}")
                .map_err(|_| libc::EIO)?;
            let flags =
                libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW | libc::O_CLOEXEC;
            let file = libc::syscall(
                libc::SYS_openat,
                libc::AT_FDCWD,
                path.as_ptr(),
                flags,
                0o600,
            );
            if file >= 0 {
                libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, path.as_ptr(), 0);
                return Ok(file as c_int);
            }
        }
    }
    last_error()
}

fn fill(file: c_int, data: &Data<'static>) -> Result<(), c_int> {
    // SAFETY: our own descriptor; nobody else writes to the file, and the mapping is gone before it
    // is sealed.
    unsafe {
        if data.is_empty() {
            return Ok(());
        }
        if data.compression() == Compression::None {
            let bytes = data.stored_bytes().map_err(|_| libc::EIO)?;
            return write_all(file, bytes);
        }
        let length = usize::try_from(data.len()).map_err(|_| libc::EFBIG)?;
        if libc::ftruncate(file, data.len().cast_signed()) != 0 {
            return last_error();
        }
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        let mapped = libc::mmap(std::ptr::null_mut(), length, access, kind, file, 0);
        if mapped == libc::MAP_FAILED {
            return last_error();
        }
        let target = std::slice::from_raw_parts_mut(mapped.cast::<u8>(), length);
        let read = data.read_into(target).map_err(|_| libc::EIO);
        libc::munmap(mapped, length);
        read
    }
}

/// Mode, seals and the time stamp by which the file is known again.
fn finish(file: c_int, node: Node<'static>, sealed: bool) -> Result<(), c_int> {
    let seals = libc::F_SEAL_SEAL | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE;
    let stamps = [attributes::stamp(node); 2];
    // SAFETY: system calls on our own descriptor; the kernel's and C's `timespec` are the same on
    // 64-bit systems.
    unsafe {
        // A file in memory is executable or not by its flags.
        if !sealed {
            libc::fchmod(file, attributes::mode(node) & 0o777);
        }
        if sealed && libc::fcntl(file, libc::F_ADD_SEALS, seals) != 0 {
            return last_error();
        }
        let null = std::ptr::null::<libc::c_char>();
        if libc::syscall(libc::SYS_utimensat, file, null, stamps.as_ptr(), 0) != 0 {
            return last_error();
        }
    }
    Ok(())
}
