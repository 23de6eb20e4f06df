//! Children that are started as `sys.executable`.
//!
//! Programs start Python again by `subprocess.run([sys.executable, "-c", ...])`; multiprocessing
//! and concurrent.futures do it for them. The child itself finds out what it is
//! ([`crate::identity`]), whoever starts it. What it cannot see is left for the functions that
//! start processes: they are the few that everything else in the standard library goes through, and
//! are replaced in the built-in modules before `os` copies them.
//!
//! - With the arguments that the application itself was started with, its own file is started
//!   instead.
//! - Otherwise the child's environment gets a mark, for `exec`, which leaves no parent that is us,
//!   and for systems that show no parents. The child removes it at once.

#[cfg(unix)]
mod posix;
#[cfg(windows)]
mod windows;

use std::ffi::{CStr, OsString};

#[cfg(unix)]
use posix::REPLACED;
#[cfg(unix)]
pub(crate) use posix::functions;
#[cfg(windows)]
use windows::REPLACED;
#[cfg(windows)]
pub(crate) use windows::functions;

use crate::ffi::{Gil, Result};
use crate::identity::Identity;
use crate::own::{Own, own};

/// Module, name, and the attribute of `_oxidize` that keeps the original.
type Replaced = (&'static str, &'static CStr, &'static CStr);

/// Replaces the functions in the current interpreter.
pub(crate) fn install(gil: Gil<'_>) -> Result<()> {
    let native = gil.import("_oxidize")?;
    for (module, name, original) in REPLACED {
        let module = gil.import(module)?;
        if let Some(function) = module.attr_opt(name)? {
            native.set_attr(original, &function)?;
            module.set_attr(name, &native.attr(name)?)?;
        }
    }
    Ok(())
}

/// This process, if it is the application and `arguments` start it again: its own, with or without
/// its name, behind the interpreter's.
fn again(arguments: &[OsString]) -> Option<&'static Own> {
    let own = own()?;
    let Identity::Application(_) = own.identity else {
        return None;
    };
    let behind = arguments.get(1..)?;
    let rest = own.arguments.get(1..)?;
    let equal =
        arguments == own.arguments || behind == own.arguments || !rest.is_empty() && behind == rest;
    equal.then_some(own)
}
