//! What a Windows program shows of itself: icon, version information, manifest, console or desktop.
//!
//! The user's files come in here and leave as [resources](crate::image::pe::resources), on any
//! host.

mod icon;
mod manifest;
mod version_info;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use manifest::ExecutionLevel;

use crate::image::pe::resources::Resource;
use crate::regular;

/// What the user wants a Windows program to look like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Appearance {
    /// A program for the desktop, for which Windows opens no console.
    pub gui: bool,
    /// An `.ico` or `.png` file.
    pub icon: Option<PathBuf>,
    /// A file with version information in TOML.
    pub version_info: Option<PathBuf>,
    /// A manifest to use instead of ours.
    pub manifest: Option<PathBuf>,
    /// The rights to ask for; ours to ask only in a manifest of ours.
    pub execution_level: ExecutionLevel,
}

/// The program cannot be made to look like that.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AppearanceError {
    /// A file could not be read.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The icon cannot be used.
    #[error("`{}` cannot be used as an icon: {problem}", path.display())]
    Icon {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The version information cannot be used.
    #[error("`{}` does not describe a version: {problem}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The manifest cannot be used.
    #[error("`{}` is not a manifest: {problem}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: &'static str,
    },
}

/// No icon, manifest or description is larger.
const LARGEST: u64 = 16 << 20;

impl Appearance {
    /// The files that are read.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = &Path> {
        let files = [&self.icon, &self.version_info, &self.manifest];
        files.into_iter().flatten().map(PathBuf::as_path)
    }

    /// The resources of the program that is written to `output`.
    ///
    /// # Errors
    /// A file cannot be read, or is not what it should be.
    pub fn resources(&self, output: &Path) -> Result<Vec<Resource>, AppearanceError> {
        let mut resources = Vec::new();
        if let Some(path) = &self.icon {
            let found = icon::resources(&read(path)?);
            resources.extend(found.map_err(|problem| AppearanceError::Icon {
                path: path.clone(),
                problem,
            })?);
        }
        if let Some(path) = &self.version_info {
            let name = output.file_name().unwrap_or_default().to_string_lossy();
            let found = version_info::resource(&read(path)?, &name);
            resources.push(found.map_err(|problem| AppearanceError::Version {
                path: path.clone(),
                problem,
            })?);
        }
        let manifest = match &self.manifest {
            Some(path) => {
                manifest::given(&read(path)?).map_err(|problem| AppearanceError::Manifest {
                    path: path.clone(),
                    problem,
                })?
            }
            None => manifest::ours(self.execution_level),
        };
        resources.push(Resource::manifest(&manifest));
        Ok(resources)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, AppearanceError> {
    let failed = |source| AppearanceError::Io {
        path: path.to_owned(),
        source,
    };
    // A directory can be opened, and reading it gives an odd message.
    if fs::metadata(path).map_err(failed)?.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    regular::read_named(path, LARGEST).map_err(failed)
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn nobody_waits_for_a_named_pipe() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let file = || Some(pipe.clone());
        for appearance in [
            Appearance {
                icon: file(),
                ..Appearance::default()
            },
            Appearance {
                version_info: file(),
                ..Appearance::default()
            },
            Appearance {
                manifest: file(),
                ..Appearance::default()
            },
        ] {
            let error = appearance.resources(Path::new("app.exe")).unwrap_err();
            assert!(matches!(error, AppearanceError::Io { .. }), "{error}");
        }
    }
}
