//! Virtual files: paths below the virtual root, served beneath CPython, as each system lets a
//! program do it.

#[cfg(any(windows, target_os = "macos"))]
mod group;
#[cfg(unix)]
mod posix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use posix as system;
#[cfg(windows)]
use windows as system;

#[cfg(target_env = "musl")]
pub(crate) use system::forget_descriptors;
pub(crate) use system::serve_from;
