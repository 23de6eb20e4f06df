//! Native modules and libraries of an application: signed with its identity, and whether the system
//! will load them.
//!
//! The hardened runtime loads only libraries that the program's own team has signed, or Apple.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use oxidize_format::Target;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::{PackageError, Signing, Warning};
use crate::collect::{CollectError, Stamp};
use crate::pack::{NativeFile, Part, Payload};
use crate::progress::Progress;
use crate::sign::macho::codesign::CodesignOptions;
use crate::sign::{self, SignOptions};

/// Puts signed copies in the place of native files for macOS. They lie in the directory that comes
/// back.
///
/// # Errors
/// A file cannot be read or signed.
pub(super) fn sign(
    natives: &[NativeFile],
    parts: &mut [Part<'_>],
    signing: &Signing,
    progress: &dyn Progress,
) -> Result<Option<TempDir>, PackageError> {
    let Some(identity) = signing.identity.as_deref().filter(|_| !natives.is_empty()) else {
        return Ok(None);
    };
    let place = tempfile::tempdir()
        .map_err(|error| unwritable(Path::new("the temporary directory"), error))?;
    progress.start("Signing modules", natives.len() as u64);
    for (number, native) in natives.iter().enumerate() {
        progress.advance(1);
        let found = parts.iter_mut().find_map(|part| {
            let path = native.path.strip_prefix(&part.root)?.strip_prefix('/')?;
            part.files.get_mut(path)
        });
        let Some(file) = found else { continue };
        let name = native.path.rsplit('/').next().unwrap_or_default();
        let options = SignOptions {
            macos: CodesignOptions {
                identifier: None,
                fallback: Path::new(name)
                    .file_stem()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
                entitlements: None,
                ..signing.options.macos.clone()
            },
            ..signing.options.clone()
        };
        let signed = sign::sign_file(&file.payload.bytes()?, Some(identity), &options);
        let signed = signed.map_err(|source| PackageError::SignModule {
            path: native.path.clone(),
            source,
        })?;
        let path = place.path().join(number.to_string());
        let written = write(&path, &signed).map_err(|error| unwritable(&path, error))?;
        file.payload = Payload::File {
            path,
            len: signed.len() as u64,
            stamp: written,
            digest: Some(Sha256::digest(&signed).into()),
        };
    }
    Ok(Some(place))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<Stamp> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    drop(file);
    Ok(Stamp::of(&fs::metadata(path)?))
}

fn unwritable(path: &Path, source: io::Error) -> PackageError {
    CollectError::Io {
        path: path.to_owned(),
        source,
    }
    .into()
}

/// Extension modules for Windows import the C API from the executable, by its name.
///
/// # Errors
/// The name is one that Windows does not find so.
pub(super) fn check_name(
    natives: &[NativeFile],
    target: Target,
    output: &Path,
) -> Result<(), PackageError> {
    let name = output.file_name().unwrap_or_default().to_string_lossy();
    let module = natives.iter().find(|native| native.module.is_some());
    match module.filter(|_| target.is_windows() && !name.is_ascii()) {
        None => Ok(()),
        Some(module) => Err(PackageError::NotAscii {
            output: name.into_owned(),
            module: module.path.clone(),
        }),
    }
}

/// What there is to say of native files that the hardened runtime will not load.
pub(super) fn doubt(
    natives: &[NativeFile],
    target: Target,
    signing: Option<&Signing>,
) -> Option<Warning> {
    let signing =
        signing.filter(|signing| target.is_macos() && signing.options.macos.hardened_runtime)?;
    let first = natives.first()?;
    let macos = &signing.options.macos;
    let is_allowed = macos.entitlements.as_ref().is_some_and(|entitlements| {
        entitlements.allow("com.apple.security.cs.disable-library-validation")
    });
    (!is_allowed && !signing.has_team()).then(|| Warning::ForeignTeam {
        path: first.path.clone(),
        count: natives.len(),
    })
}
