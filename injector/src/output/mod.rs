//! Writing the output: pieces stream into an unnamed or temporary file beside it, which takes its
//! place in one step.

mod beside;
mod chunks;
pub mod mode;
mod positioned;
mod staging;

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use oxidize_format::{DIGEST_OFFSET, Layout};
use thiserror::Error;

use crate::container::{Piece, Plan};
use crate::image::ImageError;
use crate::image::macho::fat;
use crate::mmap::Map;
use crate::pack::Payload;
use crate::progress::{Progress, Silent};
use crate::same_file::{may_be_replaced, same_file};
pub use beside::Beside;
use mode::Mode;
use staging::Staging;

/// Why the output could not be written. Whatever was there before is still there.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The output is a directory.
    #[error("the output `{}` is a directory", .0.display())]
    Directory(PathBuf),
    /// The output is the stub.
    #[error("the output `{}` is the stub itself", .0.display())]
    Stub(PathBuf),
    /// The output is one of the files that are read.
    #[error("the output `{}` is the input `{}`", output.display(), input.display())]
    Input {
        /// The output.
        output: PathBuf,
        /// The file that would be lost.
        input: PathBuf,
    },
    /// The output is something else that cannot be replaced by a file.
    #[error("the output `{}` exists and is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// A directory that somebody else made is where files beside the executable are to be.
    #[error("`{}` already exists, and oxidize-inject did not make it", .0.display())]
    NotOurs(PathBuf),
    /// Such a directory has a file that was not written with it.
    #[error("`{}` is not a file that oxidize-inject wrote, and would be lost", .0.display())]
    Stray(PathBuf),
    /// No file can be created where the output should be.
    #[error("cannot create a file in `{}`", directory.display())]
    Create {
        /// The directory.
        directory: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Writing failed.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The output.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Writing failed, and what was there before is elsewhere.
    #[error("cannot write `{}`; its previous content is in `{}`", path.display(), kept.display())]
    Earlier {
        /// The output.
        path: PathBuf,
        /// Where the earlier one is.
        kept: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A resource could not be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The resource.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A resource has another length than a moment ago.
    #[error("`{}` changed while it was being packaged", .0.display())]
    Changed(PathBuf),
}

/// Looks whether an output can be written at `path`, before hours of work go into it.
///
/// # Errors
///
/// There is something that no file can replace, or that is the stub; no file can be created there.
pub fn check(path: &Path, stub: Option<&Path>) -> Result<(), OutputError> {
    // A trailing slash makes even a missing file a directory.
    if path.as_os_str().as_encoded_bytes().ends_with(b"/") || path.file_name().is_none() {
        return Err(OutputError::Directory(path.to_owned()));
    }
    if let Ok(there) = fs::metadata(path) {
        if there.is_dir() {
            return Err(OutputError::Directory(path.to_owned()));
        }
        if !there.is_file() {
            return Err(OutputError::NotAFile(path.to_owned()));
        }
        if stub.is_some_and(|stub| same_file(stub, path)) {
            return Err(OutputError::Stub(path.to_owned()));
        }
    }
    let directory = directory_of(path);
    let failed = |source| OutputError::Create {
        directory: directory.to_owned(),
        source,
    };
    Staging::new(directory, Mode::data())
        .map(drop)
        .map_err(failed)
}

/// Looks whether the output would take the place of a file that is read for it, by whatever name or
/// link.
///
/// # Errors
///
/// It would.
pub fn check_inputs<'p>(
    path: &Path,
    inputs: impl IntoIterator<Item = &'p Path>,
) -> Result<(), OutputError> {
    match inputs.into_iter().find(|input| same_file(input, path)) {
        None => Ok(()),
        Some(input) => Err(OutputError::Input {
            output: path.to_owned(),
            input: input.to_owned(),
        }),
    }
}

/// Looks whether the output would take the place of a file in directories that are read for it. An
/// application, or an empty file, may be an earlier output.
///
/// # Errors
///
/// It would.
pub fn check_directories<'p>(
    path: &Path,
    directories: impl IntoIterator<Item = &'p Path>,
) -> Result<(), OutputError> {
    let Ok(real) = fs::canonicalize(path) else {
        return Ok(()); // nothing is there
    };
    let inside = |directory: &&Path| {
        fs::canonicalize(directory).is_ok_and(|directory| real.starts_with(directory))
    };
    if directories.into_iter().any(|directory| inside(&directory))
        && !may_be_replaced(&real).unwrap_or(false)
    {
        return Err(OutputError::Input {
            output: path.to_owned(),
            input: real,
        });
    }
    Ok(())
}

/// A file that is rewritten in place.
#[derive(Debug)]
pub struct InPlace {
    /// Where the file itself is, all links followed.
    pub path: PathBuf,
    /// The mode of what replaces it.
    pub mode: Mode,
    /// Whether it has other names, which will lead to what it was.
    pub has_other_names: bool,
}

/// What to know of a file before it is rewritten in place.
///
/// # Errors
///
/// It cannot be read.
pub fn in_place(path: &Path) -> Result<InPlace, OutputError> {
    let failed = |source| OutputError::Read {
        path: path.to_owned(),
        source,
    };
    let found = fs::metadata(path).map_err(failed)?;
    #[cfg(unix)]
    let names = std::os::unix::fs::MetadataExt::nlink(&found);
    #[cfg(not(unix))]
    let names = 1;
    // Only a link needs another path, and messages name the one that was given.
    let is_link = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    Ok(InPlace {
        path: if is_link {
            fs::canonicalize(path).map_err(failed)?
        } else {
            path.to_owned()
        },
        mode: Mode::of_replaced(&found),
        has_other_names: names > 1,
    })
}

/// The directory that the file lies in.
#[must_use]
pub fn directory_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// A finished file that has not taken its place yet. Dropped, it leaves no trace.
pub struct Staged {
    staging: Staging,
    path: PathBuf,
}

impl Staged {
    /// A new, empty file that is to take the place of `path`.
    ///
    /// # Errors
    ///
    /// No file can be created there.
    pub fn new(path: &Path, mode: Mode) -> Result<Staged, OutputError> {
        let directory = directory_of(path);
        let staging = Staging::new(directory, mode).map_err(|source| OutputError::Create {
            directory: directory.to_owned(),
            source,
        })?;
        Ok(Staged {
            staging,
            path: path.to_owned(),
        })
    }

    /// The place that it is to take.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &File {
        self.staging.file()
    }

    /// Its length.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn size(&self) -> Result<u64, OutputError> {
        let metadata = self.file().metadata();
        Ok(metadata.map_err(|source| self.failed(source))?.len())
    }

    /// Writes at an offset.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), OutputError> {
        positioned::write_all(self.file(), bytes, offset).map_err(|source| self.failed(source))
    }

    /// Cuts the file off, or makes it longer by zeros.
    ///
    /// # Errors
    /// The system refuses that length.
    pub fn set_len(&self, len: u64) -> Result<(), OutputError> {
        self.file()
            .set_len(len)
            .map_err(|source| self.failed(source))
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    ///
    /// It cannot be put there.
    pub fn publish(self, progress: &dyn Progress) -> Result<(), OutputError> {
        if staging::replaces(&self.path) {
            progress.start("Syncing", 0);
        }
        let failed = |source| OutputError::Write {
            path: self.path.clone(),
            source,
        };
        self.staging.publish(&self.path).map_err(failed)
    }

    fn failed(&self, source: io::Error) -> OutputError {
        OutputError::Write {
            path: self.path.clone(),
            source,
        }
    }
}

/// Writes the planned program with the blob in it.
///
/// # Errors
///
/// A resource cannot be read, or the file not be written.
pub fn write(
    path: &Path,
    plan: &Plan,
    blob: &Layout<Payload<'_>>,
    progress: &dyn Progress,
) -> Result<(), OutputError> {
    stage(path, plan, blob, progress)?.publish(progress)
}

/// Writes the planned program with the blob in it, but does not put it in its place yet.
///
/// # Errors
///
/// A resource cannot be read, or the file not be written.
pub fn stage(
    path: &Path,
    plan: &Plan,
    blob: &Layout<Payload<'_>>,
    progress: &dyn Progress,
) -> Result<Staged, OutputError> {
    assert_eq!(
        plan.blob_len(),
        blob.len(),
        "the plan was made for this blob"
    );
    let staged = Staged::new(path, Mode::program())?;
    progress.start("Writing", plan.blob_len());
    let mut at = 0;
    let mut digest = None;
    for piece in plan.pieces() {
        match piece {
            Piece::Bytes(bytes) => staged.write_at(bytes, at)?,
            // What nobody writes is zero.
            Piece::Zeros(_) => {}
            Piece::Blob => {
                let place = chunks::Place {
                    file: staged.file(),
                    offset: at,
                    path,
                    durable: staging::replaces(path),
                };
                digest = Some(chunks::write(blob, &place, progress)?);
            }
        }
        at += plan.len_of(piece);
    }
    staged.set_len(at)?;
    let digest = digest.expect("every plan has a place for the blob");
    staged.write_at(&digest, plan.blob_offset() + DIGEST_OFFSET)?;
    if let Some(seal) = plan.seal() {
        progress.start("Sealing", seal.covers());
        let mut file = staged.file();
        let failed = |source| staged.failed(source);
        file.rewind().map_err(failed)?;
        let bytes = seal
            .compute(file, |read| progress.advance(read))
            .map_err(failed)?;
        staged.write_at(&bytes, seal.offset())?;
    }
    Ok(staged)
}

/// Writes a universal file of these programs, which stay as they are.
///
/// # Errors
/// The programs cannot be joined, or the file cannot be written.
pub fn join(
    path: &Path,
    programs: &[&Staged],
    progress: &dyn Progress,
) -> Result<Staged, JoinError> {
    let staged = Staged::new(path, Mode::program())?;
    let failed = |source| staged.failed(source);
    let maps = programs.iter().map(|part| Map::of(part.file()));
    let maps = maps.collect::<io::Result<Vec<_>>>().map_err(failed)?;
    let parts: Vec<&[u8]> = maps.iter().map(|map| &map[..]).collect();
    let lens: Vec<u64> = parts.iter().map(|part| part.len() as u64).collect();
    let (header, offsets) = fat::join(&parts, &lens)?;
    progress.start("Joining", lens.iter().sum());
    staged.write_at(&header, 0)?;
    for (part, offset) in parts.iter().zip(offsets) {
        staged.write_at(part, offset)?;
        progress.advance(part.len() as u64);
    }
    Ok(staged)
}

/// Why programs could not be joined.
#[derive(Debug, Error)]
pub enum JoinError {
    /// The file cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The programs do not fit together.
    #[error(transparent)]
    Image(#[from] ImageError),
}

/// Writes bytes that are all in memory.
///
/// # Errors
///
/// The file cannot be written.
pub fn write_bytes(path: &Path, mode: Mode, bytes: &[u8]) -> Result<(), OutputError> {
    let staged = Staged::new(path, mode)?;
    staged
        .file()
        .write_all(bytes)
        .map_err(|source| staged.failed(source))?;
    staged.publish(&Silent)
}
