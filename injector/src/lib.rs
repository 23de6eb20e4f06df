//! Turns a Python application into one executable by writing its resources into a prebuilt stub.
//!
//! ```no_run
//! use oxidize_inject::Packager;
//!
//! // A directory with a `__main__.py` and the packages it needs (`pip install --target`).
//! let report = Packager::new("examples/hello").package("hello")?;
//! println!("{} modules for {}", report.modules, report.target);
//! for warning in &report.warnings {
//!     eprintln!("warning: {warning}");
//! }
//! # Ok::<(), oxidize_inject::Error>(())
//! ```
//!
//! A [`Packager`] says what to package and how, a [`Report`] what came of it. [`Progress`] is for
//! whoever wants to know how far it is. The stub for the target is looked for beside the program
//! that uses this library, in the checkout it was built in, in the cache of the command
//! `oxidize-inject`, and on a package index.
//!
//! [`Signing`] says who signs a Windows or macOS program. Looking into packaged programs,
//! notarization and signing others' programs are done by the command.

// Whoever calls something that fails must know why it does.
#![warn(clippy::missing_errors_doc)]

mod appearance;
mod bundle;
mod cache;
mod collect;
mod compile;
mod container;
mod entry;
mod error;
mod http;
mod image;
mod interpreter;
mod marshal;
mod mmap;
#[cfg(feature = "notarize")]
mod notary;
mod output;
mod pack;
mod package;
mod packager;
mod parallel;
mod progress;
mod property_list;
mod python;
mod record;
mod regular;
mod require;
mod same_file;
mod sign;
mod signing;
mod snapshot;
mod spawn;
mod stubs;
mod temporary;
mod text;

pub use appearance::{Appearance, ExecutionLevel};
pub use compile::Failure;
pub use entry::Entry;
pub use error::Error;
pub use oxidize_format::{ChildRole, Exit, Target};
pub use package::{Doubt, Fetch, Report, Warning};
pub use packager::Packager;
pub use progress::{Progress, Silent};
pub use signing::Signing;
pub use snapshot::ProcessFact;

/// What the command, tests and fuzz targets of this repository stand on. It is not part of the
/// library's interface and changes without notice.
#[doc(hidden)]
pub mod internal {
    macro_rules! open {
        ($($module:ident)*) => {
            $(pub mod $module { pub use crate::$module::*; })*
        };
    }
    open!(appearance bundle cache collect compile container entry http image mmap output pack package progress);
    open!(interpreter python regular require sign snapshot stubs temporary text);
    /// Whether a property list is within the bounds and can be read. For fuzz targets.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn reads_property_list(bytes: &[u8]) -> bool {
        crate::property_list::read(bytes).is_some()
    }
    #[cfg(feature = "notarize")]
    open!(notary);
}
