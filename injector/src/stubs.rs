//! Where stubs come from.
//!
//! A stub is looked for as a *bundle*: the executable, and the archives of the standard library and of the target's own files.
//! In a source checkout they lie in `target/release` (the host's) or `target/stubs/TARGET`, and in `prebuilt/distributions`.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::container::{self, Slot};
use crate::mmap::Map;
use crate::python;

/// A stub that can be packaged with.
#[derive(Debug)]
pub struct Stub {
    /// The executable.
    pub path: PathBuf,
    /// Its bytes.
    pub image: Map,
    /// Its slot.
    pub slot: Slot,
    /// Its mode bits.
    pub permissions: fs::Permissions,
    /// Target triple.
    pub target: String,
    /// Archive of the standard library.
    pub library: PathBuf,
    /// Archive of what only this target has; a stub given by hand may do without.
    pub platform: Option<PathBuf>,
}

/// No usable stub.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// No stub for this target was found.
    #[error("there is no stub for {target}")]
    NotFound {
        /// The target.
        target: String,
        /// The command that makes one.
        command: String,
    },
    /// Nobody makes stubs for this target.
    #[error("`{0}` is not a target that can be packaged for")]
    Unsupported(String),
    /// The standard library was not found.
    #[error("the standard library archive `{name}` that belongs to `{}` was not found", stub.display())]
    NoLibrary {
        /// The stub.
        stub: PathBuf,
        /// File name of the archive.
        name: String,
    },
    /// The file could not be read.
    #[error("cannot read the stub `{}`", path.display())]
    Io {
        /// The stub.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no stub.
    #[error("`{}` is not a stub", path.display())]
    NotAStub {
        /// The file.
        path: PathBuf,
        /// What is wrong; `None` for a file that has nothing to do with us.
        source: Option<container::Error>,
    },
    /// Its machine or system is none we know.
    #[error("`{}` is a stub for an unknown target", .0.display())]
    UnknownTarget(PathBuf),
    /// It is for another target than the one asked for.
    #[error("the stub `{}` is for {found}, not for {wanted}", path.display())]
    OtherTarget {
        /// The stub.
        path: PathBuf,
        /// Its target.
        found: String,
        /// The target asked for.
        wanted: String,
    },
    /// It was built for another version of this tool.
    #[error("the stub `{}` speaks version {found} of the blob agreement, this tool speaks {}", path.display(), python::STUB_ABI)]
    OtherAbi {
        /// The stub.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

impl Error {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::NotFound { command, .. } => Some(format!("make it: `{command}`")),
            Error::Unsupported(_) => Some(format!("the targets are {}", TARGETS.join(" and "))),
            Error::NoLibrary { name, .. } => Some(format!("put `{name}` beside the stub")),
            Error::NotAStub { source: None, .. } => {
                Some("a stub is what `cargo build --release -p oxidize-stub` makes".to_owned())
            }
            Error::OtherAbi { .. } => {
                Some("build or fetch the stub that belongs to this version".to_owned())
            }
            _ => None,
        }
    }
}

/// The targets that this version has stubs for.
pub const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "x86_64-unknown-linux-musl"];

/// The target to package for when none is given: the system this runs on.
#[must_use]
pub fn host_target() -> &'static str {
    match (env::consts::OS, env::consts::ARCH) {
        ("linux", "aarch64") => "aarch64-unknown-linux-gnu",
        ("macos", "aarch64") => "aarch64-apple-darwin",
        ("macos", _) => "x86_64-apple-darwin",
        ("windows", _) => "x86_64-pc-windows-gnu",
        _ => "x86_64-unknown-linux-gnu",
    }
}

/// The stub given by hand, or else the one for `target`.
pub fn find(given: Option<&Path>, target: Option<&str>) -> Result<Stub, Error> {
    if let Some(path) = given {
        let stub = open(path)?;
        return match target {
            Some(wanted) if wanted != stub.target => Err(Error::OtherTarget {
                path: stub.path,
                found: stub.target,
                wanted: wanted.to_owned(),
            }),
            _ => Ok(stub),
        };
    }
    let target = target.unwrap_or(host_target());
    for candidate in candidates(target) {
        if candidate.is_file() {
            let stub = open(&candidate)?;
            if stub.target == target {
                return Ok(stub);
            }
        }
    }
    if !TARGETS.contains(&target) {
        return Err(Error::Unsupported(target.to_owned()));
    }
    let command = if target == host_target() {
        "cargo build --release -p oxidize-stub".to_owned()
    } else {
        format!("cargo run --release -p oxidize-prebuilt -- stub --target {target}")
    };
    Err(Error::NotFound {
        target: target.to_owned(),
        command,
    })
}

fn candidates(target: &str) -> Vec<PathBuf> {
    let name = if target.contains("windows") {
        "oxidize-stub.exe"
    } else {
        "oxidize-stub"
    };
    let mut places = Vec::new();
    if let Some(beside) = own_directory() {
        if target == host_target() {
            places.push(beside.join(name));
        }
        for directory in beside.ancestors() {
            let target_directory = if is_checkout(directory) {
                directory.join("target")
            } else {
                directory.to_owned()
            };
            places.push(target_directory.join("stubs").join(target).join(name));
            if target == host_target() && is_checkout(directory) {
                places.push(target_directory.join("release").join(name));
            }
        }
    }
    places
}

fn own_directory() -> Option<PathBuf> {
    let own = env::current_exe().ok()?;
    Some(fs::canonicalize(own).ok()?.parent()?.to_owned())
}

const DISTRIBUTIONS: &str = "prebuilt/distributions";

fn is_checkout(directory: &Path) -> bool {
    directory.join(DISTRIBUTIONS).join("lock.toml").is_file()
}

fn open(path: &Path) -> Result<Stub, Error> {
    let io = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    let image = Map::open(path).map_err(io)?;
    let permissions = fs::metadata(path).map_err(io)?.permissions();
    let not_ours = |source| Error::NotAStub {
        path: path.to_owned(),
        source,
    };
    let slot = container::detect(&image)
        .map_err(|error| not_ours(Some(error)))?
        .ok_or_else(|| not_ours(None))?;
    if slot.abi != python::STUB_ABI {
        return Err(Error::OtherAbi {
            path: path.to_owned(),
            found: slot.abi,
        });
    }
    let target = container::target(&image)
        .ok_or_else(|| Error::UnknownTarget(path.to_owned()))?
        .to_owned();
    let library = format!("cpython-{}-stdlib.tar.zst", python::VERSION);
    let library = archive(path, &library).ok_or_else(|| Error::NoLibrary {
        stub: path.to_owned(),
        name: library,
    })?;
    let platform = archive(
        path,
        &format!("cpython-{}-{target}.tar.zst", python::VERSION),
    );
    Ok(Stub {
        path: path.to_owned(),
        image,
        slot,
        permissions,
        target,
        library,
        platform,
    })
}

/// Beside the stub, else in the checkout that the stub or this program lies in.
fn archive(stub: &Path, name: &str) -> Option<PathBuf> {
    let stub = fs::canonicalize(stub).ok()?;
    let beside = stub.parent()?.join(name);
    let own = own_directory();
    let above = stub
        .ancestors()
        .chain(own.as_deref().into_iter().flat_map(Path::ancestors));
    let checkouts = above.map(|directory| directory.join(DISTRIBUTIONS).join(name));
    std::iter::once(beside)
        .chain(checkouts)
        .find(|path| path.is_file())
}
