//! Virtual files: paths below the virtual root, served beneath CPython, as each system lets a
//! program do it.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

#[cfg(target_env = "musl")]
pub(crate) use linux::forget_descriptors;
#[cfg(target_os = "linux")]
pub(crate) use linux::serve_from;
#[cfg(windows)]
pub(crate) use windows::serve_from;
