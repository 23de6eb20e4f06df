//! Last stage: the finished files, none of which has taken its place yet.

use std::path::{Path, PathBuf};

use super::{PackageError, Signing, Warning};
use crate::mmap::Map;
use crate::progress::Progress;
use crate::sign::SignError;
use crate::{output, sign};

/// Finished files beside the places they are to take. Dropped, they leave no trace.
#[derive(Default)]
pub(super) struct Staged {
    files: Vec<output::Staged>,
    directories: Vec<output::Beside>,
}

impl Staged {
    /// Adds a file.
    pub(super) fn add(&mut self, file: output::Staged) {
        self.files.push(file);
    }

    /// Adds a directory. Directories take their places before the files do.
    pub(super) fn add_directory(&mut self, directory: Option<output::Beside>) {
        self.directories.extend(directory);
    }

    /// Adds what another one holds.
    pub(super) fn extend(&mut self, other: Staged) {
        self.files.extend(other.files);
        self.directories.extend(other.directories);
    }

    /// The size of all files.
    ///
    /// # Errors
    /// The system does not tell.
    pub(super) fn size(&self) -> Result<u64, PackageError> {
        let mut size = 0;
        for file in &self.files {
            size += file.size()?;
        }
        Ok(size)
    }

    /// One universal program of these, which become part of it.
    ///
    /// # Errors
    /// They do not fit together, or the file cannot be written.
    pub(super) fn join(
        parts: &Staged,
        output: &Path,
        progress: &dyn Progress,
    ) -> Result<Staged, PackageError> {
        let programs: Vec<_> = parts.files.iter().collect();
        let joined = output::join(output, &programs, progress);
        let joined = joined.map_err(|error| match error {
            output::JoinError::Output(error) => PackageError::Output(error),
            output::JoinError::Image(error) => PackageError::Universal(error),
        })?;
        let mut staged = Staged::default();
        staged.add(joined);
        Ok(staged)
    }

    /// Puts every file in its place, in the order in which they were added.
    ///
    /// # Errors
    /// One cannot take its place; those before it have, and the error names them.
    pub(super) fn publish(self, progress: &dyn Progress) -> Result<(), PackageError> {
        let mut done = Vec::new();
        let told = |source, done: Vec<PathBuf>| match done.as_slice() {
            [] => PackageError::Output(source),
            _ => PackageError::Partly { done, source },
        };
        for directory in self.directories {
            let path = directory.path().to_owned();
            match directory.publish() {
                Ok(()) => done.push(path),
                Err(error) => return Err(told(error, done)),
            }
        }
        for file in self.files {
            let path = file.path().to_owned();
            match file.publish(progress) {
                Ok(()) => done.push(path),
                Err(error) => return Err(told(error, done)),
            }
        }
        Ok(())
    }
}

/// Signs a finished file. What is doubtful about the signature becomes a warning.
///
/// # Errors
/// The program cannot be signed so.
pub(super) fn sign(
    staged: &output::Staged,
    signing: &Signing,
    progress: &dyn Progress,
) -> Result<Vec<Warning>, PackageError> {
    progress.start("Signing", 0);
    let edits = {
        let failed = |source| {
            PackageError::Sign(SignError::Io {
                path: PathBuf::from("the output"),
                source,
            })
        };
        let program = Map::of(staged.file()).map_err(failed)?;
        let identity = signing.identity.as_deref();
        sign::sign(&program, identity, &signing.options, progress)?
    };
    // Cut first, so that there is nothing left of an old signature behind the new one.
    staged.set_len(edits.keep)?;
    staged.set_len(edits.len)?;
    for (at, bytes) in &edits.patches {
        staged.write_at(bytes, *at)?;
    }
    let doubts = signing.doubts().into_iter();
    Ok(doubts.map(Warning::Signature).collect())
}
