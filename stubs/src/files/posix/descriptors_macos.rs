//! Descriptors of virtual files where there are no files in memory: private files without a name.
//!
//! A new file in the user's own temporary directory is opened twice, for writing and for reading,
//! and its name is removed at once. What is left when it is written is the reading descriptor:
//! nobody can open the file again, and the system frees it with the last descriptor, however the
//! process ends. Its mode is that of a file nobody writes to.
//!
//! Every `open` writes a file of its own. The system offers no way to open one again that has no
//! name: `/dev/fd/N` is `dup`, with one offset for both, and a file that kept its name for further
//! opens would stay behind when the process is killed.

use std::ffi::{CString, c_char, c_int};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use oxidize_format::{Data, Node};

use super::attributes::{self, PRIVATE_MODE};
use super::content::{on_disk, open_on_disk, write_all};
use super::{last_error, system};

/// Flags of `open` that a descriptor of ours keeps.
const KEPT_FLAGS: c_int = libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_APPEND;

/// The node that a descriptor stands for.
pub(super) fn identify(descriptor: c_int) -> Option<Node<'static>> {
    // SAFETY: the structure is the system's to fill.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        let done = system::fstat(descriptor, &raw mut stat);
        (done == 0).then(|| attributes::of_stat(&stat)).flatten()
    }
}

fn close(descriptor: c_int) {
    // SAFETY: the caller's own descriptor.
    unsafe { libc::close(descriptor) };
}

/// Opens a file or directory for reading. A directory's file is empty.
///
/// # Errors
/// The error number.
pub(super) fn open(node: Node<'static>, flags: c_int) -> Result<c_int, c_int> {
    if let Some(path) = on_disk(node)? {
        return open_on_disk(&path, flags & KEPT_FLAGS);
    }
    // Before there is a file: bytes that cannot be had leave nothing behind. They go through the
    // heap, not through a mapping, whose pages may be written, and the file's time be set anew,
    // after it was stamped.
    let data = match node.is_dir() {
        true => None,
        false => node.data().map_err(|_| libc::EIO)?,
    };
    let bytes = data.as_ref().map(Data::read).transpose();
    let bytes = bytes.map_err(|_| libc::EIO)?.unwrap_or_default();
    let (writer, reader) = nameless(flags & KEPT_FLAGS)?;
    let finished = write_all(writer, &bytes).and_then(|()| finish(writer, node));
    close(writer);
    match finished {
        Ok(()) => Ok(reader),
        Err(error) => {
            close(reader);
            Err(error)
        }
    }
}

/// Closes all copies that are kept: none.
#[cfg(target_env = "musl")]
pub(super) fn forget_all() {}

/// A new file of this user alone, already without a name: a descriptor for writing and one for
/// reading, opened with `flags`.
fn nameless(flags: c_int) -> Result<(c_int, c_int), c_int> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    /// Names that processes left behind, killed between two calls.
    const TRIES: u32 = 100;
    for _ in 0..TRIES {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // The process's number is its own, and the count this process's.
        let name = format!(".oxidize-{}-{count}", std::process::id());
        let path = [directory(), name.as_bytes()].concat();
        let path = CString::new(path).map_err(|_| libc::EIO)?;
        let new = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW | libc::O_CLOEXEC;
        let old = libc::O_RDONLY | libc::O_NOFOLLOW | flags;
        // SAFETY: system calls with a NUL-terminated path.
        unsafe {
            let writer = system::openat(libc::AT_FDCWD, path.as_ptr(), new, 0o600) as c_int;
            if writer < 0 {
                match super::errno() {
                    libc::EEXIST => continue,
                    error => return Err(error),
                }
            }
            let reader = system::openat(libc::AT_FDCWD, path.as_ptr(), old, 0) as c_int;
            let error = super::errno();
            system::unlink(path.as_ptr());
            if reader >= 0 && is_same(writer, reader) {
                return Ok((writer, reader));
            }
            close(writer);
            if reader < 0 {
                return Err(error);
            }
            close(reader);
            return Err(libc::EIO);
        }
    }
    Err(libc::EEXIST)
}

/// Whether two descriptors are of one file.
fn is_same(one: c_int, other: c_int) -> bool {
    let of = |descriptor| {
        // SAFETY: the structure is the system's to fill.
        unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            let done = system::fstat(descriptor, &raw mut stat);
            (done == 0).then_some((stat.st_dev, stat.st_ino))
        }
    };
    of(one).is_some_and(|file| of(other) == Some(file))
}

/// The directory for private files, with a slash at its end.
fn directory() -> &'static [u8] {
    static FOUND: AtomicPtr<c_char> = AtomicPtr::new(ptr::null_mut());
    let mut found = FOUND.load(Ordering::Acquire);
    if found.is_null() {
        // No lock: a child may be made while another thread is here. Who comes second has leaked a
        // short string.
        let new = own_directory()
            .unwrap_or_else(|| c"/tmp/".into())
            .into_raw();
        found =
            match FOUND.compare_exchange(ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => new,
                Err(first) => first,
            };
    }
    // SAFETY: a C string that is never freed.
    unsafe { std::ffi::CStr::from_ptr(found) }.to_bytes()
}

/// The user's own, below `/var/folders`: made by the system, of mode 700, and not what a variable
/// of the environment says.
#[cfg(target_os = "macos")]
fn own_directory() -> Option<CString> {
    let mut path = vec![0u8; libc::PATH_MAX as usize];
    // SAFETY: the buffer is valid for its length.
    let length = unsafe {
        let name = libc::_CS_DARWIN_USER_TEMP_DIR;
        libc::confstr(name, path.as_mut_ptr().cast(), path.len())
    };
    // With its NUL; 0 for none, more than there is room for if it was cut.
    path.truncate(length.checked_sub(1)?);
    if length > libc::PATH_MAX as usize || path.first() != Some(&b'/') {
        return None;
    }
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    CString::new(path).ok()
}

#[cfg(not(target_os = "macos"))]
fn own_directory() -> Option<CString> {
    None
}

/// Mode and the time stamp by which the file is known again.
fn finish(file: c_int, node: Node<'static>) -> Result<(), c_int> {
    let stamps = [attributes::stamp(node); 2];
    // SAFETY: system calls on our own descriptor.
    let done = unsafe {
        libc::fchmod(file, PRIVATE_MODE) == 0 && libc::futimens(file, stamps.as_ptr()) == 0
    };
    if done { Ok(()) } else { last_error() }
}
