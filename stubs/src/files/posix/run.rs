//! Running a virtual program: from a file in memory.

use std::ffi::{c_char, c_int, c_long};
use std::io::Write as _;

use oxidize_format::Node;

use super::{descriptors, system};

type Strings = *const *const c_char;

/// Whether the kernel runs a file by an interpreter, which opens it once more by its descriptor.
fn is_script(descriptor: c_int) -> bool {
    let mut magic = [0u8; 2];
    // SAFETY: the buffer has two bytes.
    unsafe { libc::pread(descriptor, magic.as_mut_ptr().cast(), 2, 0) == 2 && magic == *b"#!" }
}

/// `/proc/self/fd/N`.
fn again(descriptor: c_int) -> [u8; 32] {
    let mut path = [0u8; 32];
    // It fits: a descriptor has at most ten digits.
    let _ = write!(&mut path[..], "/proc/self/fd/{descriptor}");
    path
}

/// Becomes a program.
///
/// # Errors
/// The error number; it returns only with one.
///
/// # Safety
/// As `execve`.
pub(super) unsafe fn execute(
    node: Node<'static>,
    arguments: Strings,
    environment: Strings,
) -> Result<c_long, c_int> {
    let descriptor = descriptors::open_program(node)?;
    // SAFETY: the caller's.
    unsafe {
        if is_script(descriptor) {
            libc::fcntl(descriptor, libc::F_SETFD, 0);
        }
        let empty = c"".as_ptr();
        libc::syscall(
            libc::SYS_execveat,
            descriptor,
            empty,
            arguments,
            environment,
            libc::AT_EMPTY_PATH,
        );
        if super::errno() == libc::ENOSYS {
            system::execve(again(descriptor).as_ptr().cast(), arguments, environment);
        }
        let error = super::errno();
        libc::close(descriptor);
        Err(error)
    }
}

/// Starts a program with `start`, which is given a path and answers as `posix_spawn`.
///
/// # Errors
/// The error number.
pub(super) fn spawn(
    node: Node<'static>,
    start: impl FnOnce(*const c_char) -> c_int,
) -> Result<c_int, c_int> {
    let mut descriptor = descriptors::open_program(node)?;
    let kind = if is_script(descriptor) {
        libc::F_DUPFD
    } else {
        libc::F_DUPFD_CLOEXEC
    };
    // SAFETY: system calls on our own descriptor.
    unsafe {
        // Out of the way of descriptors that the actions replace.
        let high = libc::fcntl(descriptor, kind, descriptors::HIGH);
        if high >= 0 {
            libc::close(descriptor);
            descriptor = high;
        }
        let status = start(again(descriptor).as_ptr().cast());
        libc::close(descriptor);
        Ok(status)
    }
}
