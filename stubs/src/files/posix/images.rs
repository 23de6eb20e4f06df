//! Shared objects in memory: `memfd_create(2)`, for `dlopen(3)`.
//!
//! glibc takes a path it has loaded before for the same library, even if the descriptor behind it
//! is another one by now, so a path is never used twice: descriptors are closed after loading, and
//! each path is spelled in a way of its own.

use std::ffi::{CStr, CString, c_int};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::ffi::memory::{MFD_EXEC, create_file};

/// A private file in memory that `dlopen` can open by [`Image::path`]. Dropping it closes the
/// descriptor; what was loaded stays mapped.
pub(super) struct Image {
    descriptor: c_int,
    path: CString,
}

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: the descriptor is ours and open.
        unsafe { libc::close(self.descriptor) };
    }
}

impl Image {
    /// Copies `bytes` into a new file in memory; the last part of `name` shows in `/proc/PID/maps`.
    ///
    /// # Errors
    /// What the system call said, for instance where `vm.memfd_noexec` forbids it.
    pub(super) fn new(name: &str, bytes: &[u8]) -> Result<Self, String> {
        Image::create(name, bytes).map_err(|error| {
            format!("cannot be loaded from memory: {error} (memfd_create must be permitted)")
        })
    }

    fn create(name: &str, bytes: &[u8]) -> io::Result<Self> {
        let name = CString::new(name.rsplit('/').next().unwrap_or(name))?;
        let mut descriptor = create_file(&name, libc::MFD_CLOEXEC | MFD_EXEC);
        if descriptor < 0 && io::Error::last_os_error().raw_os_error() == Some(libc::EINVAL) {
            // Before Linux 6.3 the flag is unknown, and every such file is executable.
            descriptor = create_file(&name, libc::MFD_CLOEXEC);
        }
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        let image = Image {
            descriptor,
            path: CString::new(format!("/proc/self/fd/{}{descriptor}", detour()))?,
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            // SAFETY: the buffer is valid for its length.
            let written = unsafe { libc::write(descriptor, rest.as_ptr().cast(), rest.len()) };
            if written < 0 {
                let error = io::Error::last_os_error();
                if error.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                return Err(error);
            }
            rest = &rest[written.unsigned_abs()..];
        }
        Ok(image)
    }

    /// A path that opens this file, never the same for two images of a process.
    pub(super) fn path(&self) -> &CStr {
        &self.path
    }
}

/// A piece of path that leads nowhere else and is never the same again: a number whose binary
/// digits are `/` and `./`.
fn detour() -> String {
    static USED: AtomicUsize = AtomicUsize::new(1);
    let number = USED.fetch_add(1, Ordering::Relaxed);
    let digits = (0..=number.ilog2()).rev();
    let spelled = digits.map(|digit| if number >> digit & 1 == 1 { "./" } else { "/" });
    spelled.collect()
}
