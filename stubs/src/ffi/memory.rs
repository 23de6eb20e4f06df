//! Files in memory, `memfd_create(2)`: Linux's alone.

use std::ffi::{CStr, c_int, c_long, c_uint};

/// `MFD_EXEC` (linux/memfd.h): ask for an executable file where the system's default is not to.
/// Kernels before Linux 6.3 do not know the flag, and answer `EINVAL`.
pub(crate) const MFD_EXEC: c_uint = 0x0010;

/// A descriptor of a new, empty file, or -1 with the reason in `errno`. The end of `name` shows in
/// `/proc/PID/maps`; the kernel takes at most 249 bytes of it.
pub(crate) fn create_file(name: &CStr, flags: c_uint) -> c_int {
    // By number, because glibc has the function only since 2.27 and the stub runs on 2.17.
    // SAFETY: a NUL-terminated name, which the kernel copies and checks.
    let file: c_long = unsafe { libc::syscall(libc::SYS_memfd_create, name.as_ptr(), flags) };
    c_int::try_from(file).unwrap_or(-1)
}
