//! Packages that the application requires: resolved by pip for the target, fetched, checked, and
//! laid out as an installation has them.
//!
//! pip is the one that CPython bundles, run by the same worker that compiles, so no Python is
//! needed. It is told the target's tags and markers (`pip.py`). Its answer is kept in the cache
//! under everything that it was asked: the same question again asks no network.

mod error;
mod pip;
mod question;
pub(crate) mod tags;
mod wheel;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use oxidize_format::Target;
use serde::{Deserialize, Serialize};

pub use error::{RequireError, WheelError};
pub use wheel::{Place, WheelFile, unpack_into};

use crate::cache::Cache;
use crate::collect::stdlib::Archive;
use crate::collect::{self, Tree};
use crate::progress::Progress;
use crate::python::{Layout, Python};
use crate::regular;
use tags::Tags;

pub(crate) use pip::MODULES;

/// What to install, and from where.
#[derive(Debug, Clone, Default)]
pub struct Requirements {
    /// Requirement specifiers, and directories of projects.
    pub specifiers: Vec<String>,
    /// Wheels.
    pub wheels: Vec<PathBuf>,
    /// Requirements files and lock files (`pylock.toml`, `uv.lock`).
    pub files: Vec<PathBuf>,
    /// Constraints files.
    pub constraints: Vec<PathBuf>,
    /// A script whose inline metadata (PEP 723) says what it requires.
    pub script: Option<PathBuf>,
    /// The package index instead of the one that pip uses.
    pub index_url: Option<String>,
    /// Further indexes.
    pub extra_index_urls: Vec<String>,
    /// Directories with wheels.
    pub find_links: Vec<PathBuf>,
    /// Ask no server.
    pub offline: bool,
    /// Resolve again even if the question is the same.
    pub refresh: bool,
}

/// A wheel that is part of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Resolved {
    /// Its file name.
    file: String,
    /// The file or directory of this machine that it is from.
    local: Option<PathBuf>,
    /// The key of its unpacked files.
    digest: String,
    /// Whether the user asked for it, and not only another package.
    requested: bool,
}

/// Where and with what pip runs.
pub(crate) struct Host<'a> {
    /// The Python to get packages for, which is the worker's too.
    pub(crate) python: Python,
    pub(crate) cache: &'a Cache,
    /// The worker.
    pub(crate) program: &'a Path,
    /// The standard library, with the bundled pip.
    pub(crate) archives: &'a [Archive],
}

/// The installed files, by where they belong.
#[derive(Debug, Default)]
pub struct Installed {
    /// Below site-packages.
    pub site: Tree,
    /// Below the prefix.
    pub prefix: Tree,
    /// Names of the `.dist-info` directories of what the user asked for.
    pub requested: Vec<String>,
    /// Files that several wheels bring with different contents.
    pub clashes: Vec<Clash>,
    /// Files and directories of this machine that wheels are from.
    pub local: Vec<PathBuf>,
}

/// A file that two wheels bring with different contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The file.
    pub path: String,
    /// The wheel whose file is overwritten, and the one whose file stays.
    pub wheels: [String; 2],
}

/// Whether a script says what it requires (PEP 723).
#[must_use]
pub fn has_inline_metadata(script: &Path) -> bool {
    let text = regular::read(script, regular::MOST_TEXT).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().any(|line| line.trim_end() == "# /// script")
}

impl Requirements {
    /// Whether nothing is required.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.specifiers.is_empty()
            && self.wheels.is_empty()
            && self.files.is_empty()
            && self.script.is_none()
    }

    /// Resolves, fetches and lays out.
    ///
    /// # Errors
    /// Something that is required cannot be had for the target, or is not a valid wheel.
    pub(crate) fn install(
        &self,
        host: &Host<'_>,
        target: Target,
        progress: &dyn Progress,
    ) -> Result<Installed, RequireError> {
        let key = self.key(host, target)?;
        let known = key.as_ref().filter(|_| !self.refresh);
        let known = known.and_then(|key| host.cache.load("resolved", key));
        let known: Option<Vec<Resolved>> =
            known.and_then(|entry| serde_json::from_slice(&entry).ok());
        let known = known.filter(|wheels| {
            let mut wheels = wheels.iter();
            wheels.all(|wheel| wheel::unpacked(host.cache, &wheel.digest).is_some())
        });
        let wheels = match known {
            Some(wheels) => wheels,
            None => {
                progress.start("Getting packages", 0);
                self.check_wheels(host, target)?;
                let wheels = self.run_pip(host, target, progress)?;
                if let Some(key) = key {
                    // The next time pip is asked again if it cannot be kept.
                    let _ = host.cache.store("resolved", &key, |out| {
                        serde_json::to_writer(out, &wheels).map_err(io::Error::from)
                    });
                }
                wheels
            }
        };
        lay_out(host.cache, &wheels)
    }

    /// What is wrong with a wheel is better told by who looks inside than by pip.
    fn check_wheels(&self, host: &Host<'_>, target: Target) -> Result<(), RequireError> {
        for path in &self.wheels {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            let tags =
                wheel::tags_of(&file).ok_or_else(|| RequireError::NotAWheel(path.clone()))?;
            if !Tags::of(target, host.python).fit(tags) {
                return Err(RequireError::ForeignWheel {
                    file: file.clone().into_owned(),
                    target: target.triple().to_owned(),
                });
            }
            wheel::unpack(host.cache, path, &Layout::of(target, host.python))?;
        }
        Ok(())
    }
}

fn unreadable(path: &Path, source: io::Error) -> RequireError {
    RequireError::Read {
        path: path.to_owned(),
        source,
    }
}

/// All wheels in one tree, in the order of installation. A file that several bring is the last
/// one's, as it is after pip.
fn lay_out(cache: &Cache, wheels: &[Resolved]) -> Result<Installed, RequireError> {
    let mut installed = Installed::default();
    let mut files: BTreeMap<(Place, String), (&str, String, collect::File)> = BTreeMap::new();
    for wheel in wheels {
        installed.local.extend(wheel.local.clone());
        let gone = || {
            unreadable(
                &cache.root().join(&wheel.file),
                io::ErrorKind::NotFound.into(),
            )
        };
        let (place, members) = wheel::unpacked(cache, &wheel.digest).ok_or_else(gone)?;
        for member in members {
            let path = member.path;
            if wheel.requested
                && let Some(info) = path.strip_suffix("/METADATA")
                && member.place == Place::Site
                && !info.contains('/')
            {
                installed.requested.push(info.to_owned());
            }
            let file = collect::File {
                on_disk: place.join(member.place.name()).join(&path),
                path: path.clone(),
                len: member.len,
                stamp: collect::Stamp::default(),
                executable: member.executable,
            };
            let slot = (member.place, path);
            let new = (wheel.file.as_str(), member.digest.clone(), file);
            if let Some((other, digest, file)) = files.insert(slot, new)
                && digest != member.digest
            {
                installed.clashes.push(Clash {
                    path: file.path,
                    wheels: [other.to_owned(), wheel.file.clone()],
                });
            }
        }
    }
    for ((place, path), (.., file)) in files {
        let tree = match place {
            Place::Site => &mut installed.site,
            Place::Prefix => &mut installed.prefix,
        };
        let parents = path.match_indices('/').map(|(at, _)| path[..at].to_owned());
        tree.directories.extend(parents);
        tree.files.push(file);
    }
    for tree in [&mut installed.site, &mut installed.prefix] {
        tree.directories.sort();
        tree.directories.dedup();
    }
    Ok(installed)
}
