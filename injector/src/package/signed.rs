//! Native modules and libraries of an application: signed with its identity, and whether the system
//! will load them.
//!
//! The hardened runtime of macOS loads only libraries that the program's own team has signed, or
//! Apple. Windows wants no signature, but its application control may. There extension modules
//! import the C API from the executable, by its name; with an identity they get that name here, so
//! that the signature is of what is loaded.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use oxidize_format::Target;
use oxidize_format::imports::{self, NoRoom};
use oxidize_python::DLLS;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::{PackageError, Signing, Warning};
use crate::collect::{CollectError, Stamp};
use crate::mmap::Map;
use crate::pack::{NativeFile, Part, PartFile, Payload};
use crate::progress::Progress;
use crate::sign::macho::codesign::CodesignOptions;
use crate::sign::macho::validation;
use crate::sign::state::{self, State};
use crate::sign::{self, SignOptions};

/// The file of a native module or library among the parts.
fn file_of<'p, 'a>(native: &NativeFile, parts: &'p mut [Part<'a>]) -> Option<&'p mut PartFile<'a>> {
    parts.iter_mut().find_map(|part| {
        let path = native.path.strip_prefix(&part.root)?.strip_prefix('/')?;
        part.files.get_mut(path)
    })
}

/// Puts signed copies in the place of native files. They lie in the directory that comes back.
/// Files for Windows that others have signed stay as they are, unless they have to be renamed.
///
/// # Errors
/// A file cannot be read or signed.
pub(super) fn sign(
    natives: &[NativeFile],
    parts: &mut [Part<'_>],
    target: Target,
    output: &Path,
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
        let Some(file) = file_of(native, parts) else {
            continue;
        };
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
        let mut bytes = file.payload.bytes()?;
        if target.is_windows() {
            let executable = file_name(output);
            match imports::renamed(&bytes, &DLLS, executable.as_bytes()) {
                Ok(Some(renamed)) => bytes = Cow::Owned(renamed),
                Ok(None) if is_signed(&bytes) => continue,
                Ok(None) => {}
                Err(NoRoom) => return Err(too_long(native, output)),
            }
        }
        let signed = sign::sign_file(&bytes, Some(identity), &options, progress);
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

/// Whether somebody has signed it, and nothing speaks against the signature.
fn is_signed(bytes: &[u8]) -> bool {
    let state = state::of(bytes);
    matches!(state, Ok(State::Good(_) | State::Unknown(..)))
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
/// The name is one that Windows does not find so, or too long for a module.
pub(super) fn check_name(
    natives: &[NativeFile],
    parts: &mut [Part<'_>],
    target: Target,
    output: &Path,
) -> Result<(), PackageError> {
    if !target.is_windows() {
        return Ok(());
    }
    let name = file_name(output);
    let module = natives.iter().find(|native| native.module.is_some());
    if let Some(module) = module.filter(|_| !name.is_ascii()) {
        return Err(PackageError::NotAscii {
            output: name,
            module: module.path.clone(),
        });
    }
    for native in natives {
        let Some(file) = file_of(native, parts) else {
            continue;
        };
        let has_room = |bytes: &[u8]| imports::is_renamed(bytes, &DLLS, name.as_bytes()).is_ok();
        let fits = match &file.payload {
            Payload::Bytes(bytes) => has_room(bytes),
            Payload::File { path, .. } => {
                has_room(&Map::open(path).map_err(|error| unwritable(path, error))?)
            }
        };
        if !fits {
            return Err(too_long(native, output));
        }
    }
    Ok(())
}

fn file_name(output: &Path) -> String {
    let name = output.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn too_long(native: &NativeFile, output: &Path) -> PackageError {
    PackageError::LongName {
        output: file_name(output),
        module: native.path.clone(),
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
    let macos = &signing.options.macos;
    let is_allowed = macos
        .entitlements
        .as_ref()
        .is_some_and(|entitlements| entitlements.allow(validation::OFF));
    // They are signed with the program's identity.
    let team = signing.team();
    let natives = natives.iter().map(|native| (&native.path, team.clone()));
    let natives = natives.filter(|_| !is_allowed);
    foreign_team(natives, team.as_deref())
}

/// What there is to say of native files, each with the team that signed it, in a program of this
/// team that validates its libraries.
pub fn foreign_team<S: AsRef<str>>(
    natives: impl Iterator<Item = (S, Option<String>)>,
    own: Option<&str>,
) -> Option<Warning> {
    let mut foreign = natives.filter(|(_, team)| own.is_none() || team.as_deref() != own);
    let (path, _) = foreign.next()?;
    Some(Warning::ForeignTeam {
        path: path.as_ref().to_owned(),
        count: 1 + foreign.count(),
    })
}
