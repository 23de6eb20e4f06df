//! Paths as programs see them, and as the blob has them.
//!
//! In the blob every path has one form (docs/format.md, section 8): `/` between the names, below [`BLOB_ROOT`]. What a
//! program sees is a path of its system. Everything in this crate works on the blob's form; paths are translated where
//! they come from Python ([`inward`]) and where they go there ([`outward`]).

use std::borrow::Cow;

pub mod posix;
pub mod windows;

#[cfg(not(windows))]
pub use posix::{APPLICATION_ROOT, ROOT, STDLIB_ROOT, inward, is_virtual, outward, same};
#[cfg(windows)]
pub use windows::{APPLICATION_ROOT, ROOT, STDLIB_ROOT, inward, is_virtual, outward, same};

/// Everything in the blob lies below this path. Constant, so that a packaged program is the same wherever it lies.
pub const BLOB_ROOT: &str = "/~oxidize";
/// The application: `sys.path[0]`.
pub const BLOB_APPLICATION_ROOT: &str = "/~oxidize/app";
/// The standard library: `sys.path[1]`.
pub const BLOB_STDLIB_ROOT: &str = "/~oxidize/lib/python3.13";

/// The normal form of `root` and then `rest`, both separated by `/`; `None` where it climbs out of the root.
fn normal(rest: &str) -> Option<Cow<'static, str>> {
    let mut parts: Vec<&str> = vec![&BLOB_ROOT[1..]];
    for part in rest.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    (parts.first() == Some(&&BLOB_ROOT[1..])).then(|| Cow::Owned(format!("/{}", parts.join("/"))))
}
