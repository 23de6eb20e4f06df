//! Bundles of macOS: directories with a program, its resources and more code, signed as a whole.
//!
//! Code inside is signed first. Then a *seal*, `_CodeSignature/CodeResources`, lists the hash of
//! every resource and the code directory's hash of all code inside; the program's signature has the
//! seal's hash and that of `Info.plist`. So whatever changes, the program's signature no longer
//! fits.
//!
//! (Apple, "Code Signing In Depth", TN2206; the format of the seal is what `codesign` writes.)

mod layout;
mod rules;
mod seal;
mod sign;
mod tree;
mod verify;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::image::macho::{Image, fat, signature};
use crate::output::OutputError;
use crate::sign::SignError;

use layout::Layout;
pub use sign::{Signed, sign};
pub use verify::verify;

/// Why a bundle cannot be signed or judged.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The directory is none.
    #[error("`{}` is not a bundle with a program: no Info.plist names a CFBundleExecutable", .0.display())]
    NotABundle(PathBuf),
    /// Something in it is not as it has to be.
    #[error("`{}`: {problem}", path.display())]
    Layout {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        problem: &'static str,
    },
    /// A file or directory cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file that is no code lies where only code may lie.
    #[error("`{}` is not code, but is in a directory that may hold only code", .0.display())]
    NotCode(PathBuf),
    /// Code inside cannot be signed.
    #[error("`{}` cannot be signed", path.display())]
    Sign {
        /// Which.
        path: PathBuf,
        /// Why.
        source: SignError,
    },
    /// The seal cannot be written.
    #[error("the seal cannot be encoded")]
    Seal(#[from] plist::Error),
    /// A signed file cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl BundleError {
    fn read(path: &Path, source: io::Error) -> BundleError {
        BundleError::Read {
            path: path.to_owned(),
            source,
        }
    }
}

/// The program of a bundle, of a framework that of the current version.
///
/// # Errors
/// Its property list cannot be read or names no program that is there.
pub fn program(bundle: &Path) -> Result<Option<PathBuf>, BundleError> {
    let layouts = Layout::of(bundle)?;
    Ok(layouts.into_iter().rev().find_map(|layout| layout.program))
}

/// The bundle whose program this file is.
#[must_use]
pub fn of_program(file: &Path) -> Option<PathBuf> {
    let file = file.canonicalize().ok()?;
    // `Demo.app/Contents/MacOS/Demo`, `Demo.framework/Versions/A/Demo`, `Demo.app/Demo`.
    let mut above = file.ancestors().skip(1).take(3);
    let is_program = |directory: &&Path| {
        let layouts = Layout::of(directory).unwrap_or_default();
        layouts
            .iter()
            .any(|layout| layout.program.as_deref() == Some(&file))
    };
    above.find(is_program).map(Path::to_owned)
}

/// The nearest signed bundle with this file somewhere in it.
#[must_use]
pub fn sealed_around(file: &Path) -> Option<PathBuf> {
    let file = file.canonicalize().ok()?;
    let is_sealed = |directory: &&Path| {
        let places = [directory.join("Contents"), directory.to_path_buf()];
        places.iter().any(|place| place.join(seal::PLACE).is_file())
    };
    let found = file.ancestors().skip(1).find(is_sealed)?;
    let is_contents = found.ends_with("Contents");
    Some(
        found
            .parent()
            .filter(|_| is_contents)
            .unwrap_or(found)
            .to_owned(),
    )
}

/// Whether these bytes are code that can be signed.
fn is_code(bytes: &[u8]) -> bool {
    let one = |bytes: &[u8]| matches!(Image::parse_code(bytes), Ok(Some(_)));
    match fat::parts(bytes) {
        Ok(Some(parts)) => parts.into_iter().all(|part| one(&bytes[part])),
        Ok(None) => one(bytes),
        Err(_) => false,
    }
}

/// The hashes by which a system knows signed code, one for each processor.
fn code_hashes(code: &[u8]) -> Vec<[u8; 20]> {
    let one = |bytes: &[u8]| {
        let (_, range) = Image::parse_code(bytes).ok()??.signature().ok()??;
        Some(signature::code_hash(&bytes[range])?.1)
    };
    match fat::parts(code) {
        Ok(Some(parts)) => parts
            .into_iter()
            .filter_map(|part| one(&code[part]))
            .collect(),
        _ => one(code).into_iter().collect(),
    }
}
