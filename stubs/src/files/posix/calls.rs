//! Calls that take a path: `open`, `stat` and their relatives.
//!
//! Where the kernel's call is the whole function, it may be made directly ([`system`]); where the C
//! library adds something of its own, its function is called ([`real`](super::real)).

use std::ffi::{c_char, c_int, c_long, c_uint};
use std::ptr;

use libc::{AT_FDCWD, dev_t, gid_t, mode_t, off_t, size_t, ssize_t, uid_t};
use oxidize_format::{Node, Place};

use super::{
    BLOB, Lead, answer, attributes, descriptors, existing, locate, resolve, serve, set_errno,
    system, unchangeable, uncreatable,
};

/// `open` on a place in the tree.
fn open_place(place: Result<Place<'static>, c_int>, flags: c_int) -> Result<c_int, c_int> {
    let writes = flags & libc::O_ACCMODE != libc::O_RDONLY || flags & libc::O_TRUNC != 0;
    let creates = flags & libc::O_CREAT != 0;
    if creates && (flags & libc::O_EXCL != 0 || matches!(place, Ok(Place::Absent))) {
        return Err(uncreatable(place));
    }
    let node = existing(place)?;
    if node.is_dir() {
        #[cfg(target_os = "linux")]
        if flags & libc::O_TMPFILE == libc::O_TMPFILE {
            return Err(libc::EROFS);
        }
        if writes || creates {
            return Err(libc::EISDIR);
        }
    } else if flags & libc::O_DIRECTORY != 0 {
        return Err(libc::ENOTDIR);
    } else if writes {
        return Err(libc::EROFS);
    }
    descriptors::open(node, flags)
}

/// `open` and `openat` with the mode that they are given behind their flags.
///
/// # Safety
/// `path` must be null or a C string.
#[inline(always)]
pub(super) unsafe fn open_at(
    directory: c_int,
    path: *const c_char,
    flags: c_int,
    mode: c_uint,
) -> c_int {
    // SAFETY: the caller's.
    unsafe {
        serve(
            directory,
            path,
            |directory, path| system::openat(directory, path, flags, mode),
            |place| open_place(place, flags).map(Into::into),
        ) as c_int
    }
}

// `open` takes its mode as a variadic argument. On Linux, and on Intel under macOS, that arrives
// where a third or fourth argument does; 64-bit Arm under macOS has definitions of its own
// (`variadic.rs`). The kernel looks at it only where the flags say that it is there.
#[cfg(not(all(target_os = "macos", target_arch = "aarch64")))]
define! {
    pub(super) fn open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
        open_at(AT_FDCWD, path, flags, mode)
    }
    pub(super) fn openat(directory: c_int, path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
        open_at(directory, path, flags, mode)
    }
}

define! {
    // Callers extend macOS's modes of 16 bits to 32, as both calling conventions want it.
    pub(super) fn creat(path: *const c_char, mode: c_uint) -> c_int {
        open_at(AT_FDCWD, path, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, mode)
    }
}

/// Opens for the other files of this module.
///
/// # Safety
/// `path` must be null or a C string.
pub(super) unsafe fn open_for_stream(
    place: Result<Place<'static>, c_int>,
    flags: c_int,
) -> Result<c_int, c_int> {
    let node = existing(place)?;
    if node.is_dir() {
        return Err(libc::EISDIR);
    }
    open_place(Ok(Place::Node(node)), flags)
}

/// Whether `fstatat` is about the descriptor itself, which only Linux can be asked.
#[cfg(target_os = "linux")]
fn is_about_descriptor(flags: c_int) -> bool {
    flags & libc::AT_EMPTY_PATH != 0
}

#[cfg(target_os = "macos")]
fn is_about_descriptor(_flags: c_int) -> bool {
    false
}

/// Completes what the system said about a descriptor: a file of ours is what `stat` says about its
/// path.
///
/// # Safety
/// `stat` must be writable, and filled in if `done` is 0.
unsafe fn disguise(done: c_long, stat: *mut libc::stat) -> c_long {
    if done == 0
        // SAFETY: filled in.
        && let Some(node) = attributes::of_stat(unsafe { &*stat })
        && let Ok(own) = attributes::stat(node)
    {
        // SAFETY: writable.
        unsafe { *stat = own };
    }
    done
}

/// # Safety
/// `path` must be null or a C string, `stat` writable.
#[inline(always)]
unsafe fn stat_at(
    directory: c_int,
    path: *const c_char,
    stat: *mut libc::stat,
    flags: c_int,
) -> c_int {
    // SAFETY: the caller's.
    unsafe {
        serve(
            directory,
            path,
            |directory, path| {
                let done = system::fstatat(directory, path, stat, flags);
                if is_about_descriptor(flags) {
                    disguise(done, stat)
                } else {
                    done
                }
            },
            |place| {
                *stat = attributes::stat(existing(place)?)?;
                Ok(0)
            },
        ) as c_int
    }
}

/// # Safety
/// `stat` must be writable.
#[inline(always)]
unsafe fn stat_of(descriptor: c_int, stat: *mut libc::stat) -> c_int {
    // SAFETY: the caller's.
    unsafe { disguise(system::fstat(descriptor, stat), stat) as c_int }
}

define! {
    pub(super) fn stat(path: *const c_char, stat: *mut libc::stat) -> c_int {
        stat_at(AT_FDCWD, path, stat, 0)
    }
    pub(super) fn lstat(path: *const c_char, stat: *mut libc::stat) -> c_int {
        stat_at(AT_FDCWD, path, stat, libc::AT_SYMLINK_NOFOLLOW)
    }
    pub(super) fn fstat(descriptor: c_int, stat: *mut libc::stat) -> c_int {
        stat_of(descriptor, stat)
    }
    pub(super) fn fstatat(directory: c_int, path: *const c_char, stat: *mut libc::stat, flags: c_int) -> c_int {
        stat_at(directory, path, stat, flags)
    }
}

/// `access` on a place in the tree, whoever asks.
pub(super) fn access_place(
    place: Result<Place<'static>, c_int>,
    mode: c_int,
) -> Result<c_long, c_int> {
    let node = existing(place)?;
    if mode & libc::W_OK != 0 {
        return Err(libc::EROFS);
    }
    if mode & libc::X_OK != 0 && !node.is_dir() && !node.is_executable() {
        return Err(libc::EACCES);
    }
    Ok(0)
}

define! {
    fn access(path: *const c_char, mode: c_int) -> c_int {
        serve(
            AT_FDCWD,
            path,
            |directory, path| system::faccessat(directory, path, mode),
            |place| access_place(place, mode),
        ) as c_int
    }
    fn faccessat(directory: c_int, path: *const c_char, mode: c_int, flags: c_int) -> c_int {
        serve(
            directory,
            path,
            |directory, path| {
                real!(faccessat: fn(c_int, *const c_char, c_int, c_int) -> c_int)(directory, path, mode, flags).into()
            },
            |place| access_place(place, mode),
        ) as c_int
    }
    pub(super) fn readlink(path: *const c_char, target: *mut c_char, size: size_t) -> ssize_t {
        read_link(AT_FDCWD, path, target, size)
    }
    pub(super) fn readlinkat(directory: c_int, path: *const c_char, target: *mut c_char, size: size_t) -> ssize_t {
        read_link(directory, path, target, size)
    }
    pub(super) fn realpath(path: *const c_char, resolved: *mut c_char) -> *mut c_char {
        real_path(path, resolved)
    }
}

/// Longest path without its NUL, which the caller of `realpath` has room for.
const LONGEST: usize = libc::PATH_MAX as usize - 1;

/// There are no symbolic links in the tree.
///
/// # Safety
/// As `readlinkat`.
unsafe fn read_link(
    directory: c_int,
    path: *const c_char,
    target: *mut c_char,
    size: size_t,
) -> ssize_t {
    // SAFETY: the caller's.
    unsafe {
        serve(
            directory,
            path,
            |directory, path| system::readlinkat(directory, path, target, size),
            |place| existing(place).and(Err(libc::EINVAL)),
        ) as ssize_t
    }
}

/// # Safety
/// As `realpath`.
unsafe fn real_path(path: *const c_char, resolved: *mut c_char) -> *mut c_char {
    // SAFETY: the caller's; `resolved` has room for `PATH_MAX` bytes or is null.
    unsafe {
        let place = match locate(path) {
            Lead::System(path) => {
                return real!(realpath: fn(*const c_char, *mut c_char) -> *mut c_char)(
                    path, resolved,
                );
            }
            Lead::Tree(place) => place,
        };
        let found = existing(place).and_then(|node| node.path().map_err(|_| libc::EIO));
        let found = found.and_then(|found| match found.len() > LONGEST {
            true => Err(libc::ENAMETOOLONG),
            false => Ok(found),
        });
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                set_errno(error);
                return ptr::null_mut();
            }
        };
        let target = match resolved.is_null() {
            true => libc::malloc(found.len() + 1).cast(),
            false => resolved,
        };
        if !target.is_null() {
            ptr::copy_nonoverlapping(found.as_ptr().cast(), target, found.len());
            *target.add(found.len()) = 0;
        }
        target
    }
}

/// A virtual directory cannot be the current one: the kernel resolves relative paths by itself.
fn enter(place: Result<Place<'static>, c_int>) -> Result<c_long, c_int> {
    match existing(place)?.is_dir() {
        true => Err(libc::EACCES),
        false => Err(libc::ENOTDIR),
    }
}

define! {
    fn chdir(path: *const c_char) -> c_int {
        serve(AT_FDCWD, path, |_, path| system::chdir(path), enter) as c_int
    }
    fn fchdir(descriptor: c_int) -> c_int {
        let done = system::fchdir(descriptor) as c_int;
        if done == -1 && super::errno() == libc::ENOTDIR {
            let directory = descriptors::identify(descriptor).is_some_and(|node| node.is_dir());
            set_errno(if directory { libc::EACCES } else { libc::ENOTDIR });
        }
        done
    }
    pub(super) fn truncate(path: *const c_char, length: off_t) -> c_int {
        serve(
            AT_FDCWD,
            path,
            |_, path| system::truncate(path, length),
            |place| {
                let node = existing(place)?;
                Err(if node.is_dir() { libc::EISDIR } else { libc::EROFS })
            },
        ) as c_int
    }
}

/// What a read-only file system of the blob's size says: blocks of [`attributes::BLOCK`] bytes and
/// files.
pub(super) fn space() -> (u64, u64) {
    BLOB.get().map_or((0, 0), |blob| {
        let bytes = blob.header().total_length;
        (bytes.div_ceil(attributes::BLOCK), blob.tree().len().into())
    })
}

refused! {
    uncreatable mkdir(mode: mode_t);
    uncreatable mkfifo(mode: mode_t);
    uncreatable mknod(mode: mode_t, device: dev_t);
    unchangeable rmdir();
    unchangeable unlink();
    unchangeable remove();
    unchangeable chmod(mode: mode_t);
    unchangeable chown(owner: uid_t, group: gid_t);
    unchangeable lchown(owner: uid_t, group: gid_t);
    unchangeable utime(times: *const libc::utimbuf);
    unchangeable utimes(times: *const libc::timeval);
    unchangeable lutimes(times: *const libc::timeval);
}

refused_at! {
    uncreatable mkdirat(mode: mode_t);
    unchangeable unlinkat(flags: c_int);
    unchangeable fchmodat(mode: mode_t, flags: c_int);
    unchangeable fchownat(owner: uid_t, group: gid_t, flags: c_int);
}

define! {
    fn utimensat(directory: c_int, path: *const c_char, times: *const libc::timespec, flags: c_int) -> c_int {
        serve(
            directory,
            path,
            |directory, path| {
                real!(utimensat: fn(c_int, *const c_char, *const libc::timespec, c_int) -> c_int)(
                    directory, path, times, flags,
                )
                .into()
            },
            |place| Err(unchangeable(place)),
        ) as c_int
    }
    fn symlink(target: *const c_char, path: *const c_char) -> c_int {
        serve(
            AT_FDCWD,
            path,
            |_, path| real!(symlink: fn(*const c_char, *const c_char) -> c_int)(target, path).into(),
            |place| Err(uncreatable(place)),
        ) as c_int
    }
    fn symlinkat(target: *const c_char, directory: c_int, path: *const c_char) -> c_int {
        serve(
            directory,
            path,
            |directory, path| {
                real!(symlinkat: fn(*const c_char, c_int, *const c_char) -> c_int)(target, directory, path).into()
            },
            |place| Err(uncreatable(place)),
        ) as c_int
    }
    fn rename(from: *const c_char, to: *const c_char) -> c_int {
        pair((AT_FDCWD, from), (AT_FDCWD, to), true, |from, to| {
            real!(rename: fn(*const c_char, *const c_char) -> c_int)(from, to)
        })
    }
    fn renameat(from_directory: c_int, from: *const c_char, to_directory: c_int, to: *const c_char) -> c_int {
        pair((from_directory, from), (to_directory, to), true, |from, to| {
            real!(renameat: fn(c_int, *const c_char, c_int, *const c_char) -> c_int)(from_directory, from, to_directory, to)
        })
    }
    fn link(from: *const c_char, to: *const c_char) -> c_int {
        pair((AT_FDCWD, from), (AT_FDCWD, to), false, |from, to| {
            real!(link: fn(*const c_char, *const c_char) -> c_int)(from, to)
        })
    }
    fn linkat(
        from_directory: c_int,
        from: *const c_char,
        to_directory: c_int,
        to: *const c_char,
        flags: c_int,
    ) -> c_int {
        pair((from_directory, from), (to_directory, to), false, |from, to| {
            real!(linkat: fn(c_int, *const c_char, c_int, *const c_char, c_int) -> c_int)(
                from_directory, from, to_directory, to, flags,
            )
        })
    }
}

/// Where the system's path leads if it is relative to one of our directories.
///
/// # Safety
/// The path must be null or a C string.
unsafe fn from_directory(directory: c_int, lead: Lead) -> Lead {
    let Lead::System(path) = lead else {
        return lead;
    };
    // SAFETY: the caller's.
    let relative = unsafe { !path.is_null() && *path.cast::<u8>() != b'/' };
    if directory == AT_FDCWD || !relative {
        return lead;
    }
    match descriptors::identify(directory).filter(Node::is_dir) {
        // SAFETY: the caller's, and it is not null.
        Some(node) => unsafe { resolve(Some(node), path) },
        None => lead,
    }
}

/// A call with two paths, each after its directory. Between the tree and the system it crosses from
/// one file system to another; inside the tree nothing changes.
///
/// # Safety
/// Both must be null or C strings.
#[inline(always)]
unsafe fn pair(
    from: (c_int, *const c_char),
    to: (c_int, *const c_char),
    replaces: bool,
    system: impl Fn(*const c_char, *const c_char) -> c_int,
) -> c_int {
    // SAFETY: the caller's.
    let mut leads = unsafe { (locate(from.1), locate(to.1)) };
    if let (Lead::System(from), Lead::System(to)) = leads {
        let done = system(from, to);
        // The kernel sees a file where one of our directories is meant.
        if done != -1 || super::errno() != libc::ENOTDIR {
            return done;
        }
    }
    let before = (from.1, to.1);
    // SAFETY: the caller's.
    leads = unsafe {
        (
            from_directory(from.0, leads.0),
            from_directory(to.0, leads.1),
        )
    };
    let error = match leads {
        // Out of our directories again, under paths that begin at the root.
        (Lead::System(from), Lead::System(to)) if (from, to) != before => return system(from, to),
        (Lead::System(_), Lead::System(_)) => libc::ENOTDIR,
        (Lead::Tree(from), Lead::Tree(to)) => match existing(from) {
            Err(error) => error,
            // Also where something is there that would be replaced.
            Ok(_) if replaces => match uncreatable(to) {
                libc::EEXIST => libc::EROFS,
                error => error,
            },
            Ok(_) => uncreatable(to),
        },
        (Lead::Tree(from), Lead::System(_)) => {
            existing(from).map_or_else(|error| error, |_| libc::EXDEV)
        }
        (Lead::System(path), Lead::Tree(to)) => {
            // SAFETY: the caller's.
            match unsafe { system::faccessat(from.0, path, libc::F_OK) } {
                0 => match uncreatable(to) {
                    libc::EROFS | libc::EEXIST => libc::EXDEV,
                    error => error,
                },
                _ => return -1,
            }
        }
    };
    answer(Err(error)) as c_int
}
