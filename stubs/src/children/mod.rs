//! Children that are started as `sys.executable`.

#[cfg(unix)]
mod posix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use posix::{functions, install};
#[cfg(windows)]
pub(crate) use windows::{functions, install};
