//! Writing the output: pieces stream into an unnamed or temporary file beside it, which takes its place in one step.

mod flushing;
mod hashing;
mod staging;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use oxidize_format::{DIGEST_OFFSET, Layout, Piece as BlobPiece};
use thiserror::Error;

use crate::container::{Piece, Plan};
use crate::pack::Payload;
use crate::progress::Progress;
use flushing::Flushing;
use hashing::Hashing;
use staging::Staging;

/// Why the output could not be written. Whatever was there before is still there.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The output is a directory.
    #[error("the output `{}` is a directory", .0.display())]
    Directory(PathBuf),
    /// The output is the stub.
    #[error("the output `{}` is the stub itself", .0.display())]
    Stub(PathBuf),
    /// The output is something else that cannot be replaced by a file.
    #[error("the output `{}` exists and is not a regular file", .0.display())]
    NotAFile(PathBuf),
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
pub fn check(path: &Path, stub: Option<&Path>) -> Result<(), Error> {
    // A trailing slash makes even a missing file a directory.
    if path.as_os_str().as_encoded_bytes().ends_with(b"/") || path.file_name().is_none() {
        return Err(Error::Directory(path.to_owned()));
    }
    if let Ok(there) = fs::metadata(path) {
        if there.is_dir() {
            return Err(Error::Directory(path.to_owned()));
        }
        if !there.is_file() {
            return Err(Error::NotAFile(path.to_owned()));
        }
        if stub.is_some_and(|stub| same_file(stub, path)) {
            return Err(Error::Stub(path.to_owned()));
        }
    }
    let directory = directory_of(path);
    let failed = |source| Error::Create {
        directory: directory.to_owned(),
        source,
    };
    Staging::new(directory).map(drop).map_err(failed)
}

fn same_file(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    if let (Ok(one), Ok(other)) = (fs::metadata(one), fs::metadata(other)) {
        use std::os::unix::fs::MetadataExt;
        return (one.dev(), one.ino()) == (other.dev(), other.ino());
    }
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

fn directory_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Writes the planned file with the blob in it, with the mode bits of `like`.
pub fn write(
    path: &Path,
    like: &fs::Permissions,
    plan: &Plan,
    blob: &Layout<Payload<'_>>,
    progress: &Progress,
) -> Result<(), Error> {
    assert_eq!(
        plan.blob_len(),
        blob.len(),
        "the plan was made for this blob"
    );
    let directory = directory_of(path);
    let failed = |source| Error::Write {
        path: path.to_owned(),
        source,
    };
    let staging = Staging::new(directory).map_err(|source| Error::Create {
        directory: directory.to_owned(),
        source,
    })?;
    progress.start("Writing", plan.total_len());
    let digest = {
        let mut out = Out::new(staging.file(), progress);
        let hashing =
            Hashing::start(staging.file(), plan.blob_offset(), plan.blob_len()).map_err(failed)?;
        for piece in plan.pieces() {
            match piece {
                Piece::Bytes(bytes) => out.bytes(bytes).map_err(failed)?,
                Piece::Zeros(count) => out.zeros(*count).map_err(failed)?,
                Piece::Blob => {
                    write_blob(&mut out, blob, &hashing).map_err(|error| error.at(path))?;
                }
            }
        }
        out.flush().map_err(failed)?;
        out.flushing.finish().map_err(failed)?;
        hashing.finish().map_err(failed)?
    };
    staging
        .write_at(&digest, plan.blob_offset() + DIGEST_OFFSET)
        .map_err(failed)?;
    staging
        .file()
        .set_permissions(like.clone())
        .map_err(failed)?;
    progress.start("Syncing", 0);
    staging.publish(path).map_err(failed)
}

/// Writes bytes that are all in memory.
pub fn write_bytes(path: &Path, like: &fs::Permissions, bytes: &[u8]) -> Result<(), Error> {
    let directory = directory_of(path);
    let failed = |source| Error::Write {
        path: path.to_owned(),
        source,
    };
    let staging = Staging::new(directory).map_err(|source| Error::Create {
        directory: directory.to_owned(),
        source,
    })?;
    staging.file().write_all(bytes).map_err(failed)?;
    staging
        .file()
        .set_permissions(like.clone())
        .map_err(failed)?;
    staging.publish(path).map_err(failed)
}

enum Failure {
    Output(io::Error),
    Resource(Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}

impl Failure {
    fn at(self, path: &Path) -> Error {
        match self {
            Failure::Output(source) => Error::Write {
                path: path.to_owned(),
                source,
            },
            Failure::Resource(error) => error,
        }
    }
}

fn write_blob(
    out: &mut Out<'_>,
    blob: &Layout<Payload<'_>>,
    hashing: &Hashing,
) -> Result<(), Failure> {
    // From here on what is flushed is counted from the blob's start.
    out.flush()?;
    let start = out.position;
    for piece in blob.pieces() {
        match piece {
            BlobPiece::Bytes(bytes) => out.bytes(bytes)?,
            BlobPiece::Zeros(count) => out.zeros(count)?,
            BlobPiece::Payload(Payload::Bytes(bytes)) => out.bytes(bytes)?,
            BlobPiece::Payload(Payload::File { path, len }) => {
                copy(out, path, *len, hashing, start)?;
            }
        }
        hashing.written(out.flushed() - start);
    }
    out.flush()?;
    hashing.written(out.position - start);
    Ok(())
}

/// Between two looks at the clock and two words to the hashing threads.
const STEP: u64 = 16 << 20;

fn copy(
    out: &mut Out<'_>,
    path: &Path,
    len: u64,
    hashing: &Hashing,
    start: u64,
) -> Result<(), Failure> {
    let unreadable = |source| {
        Failure::Resource(Error::Read {
            path: path.to_owned(),
            source,
        })
    };
    let changed = || Failure::Resource(Error::Changed(path.to_owned()));
    let mut file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.len() != len {
        return Err(changed());
    }
    if len < BUFFER as u64 {
        let mut bytes = Vec::with_capacity(len as usize);
        (&mut file)
            .take(len)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        if bytes.len() as u64 != len {
            return Err(changed());
        }
        return Ok(out.bytes(&bytes)?);
    }
    out.flush()?;
    let mut left = len;
    while left > 0 {
        let step = left.min(STEP);
        // From file to file the standard library lets the kernel copy; nothing passes through this process.
        let copied = io::copy(&mut (&mut file).take(step), &mut out.file)?;
        if copied != step {
            return Err(changed());
        }
        left -= step;
        out.advance(step);
        out.flushing.written(out.file, out.position)?;
        hashing.written(out.position - start);
    }
    Ok(())
}

const BUFFER: usize = 256 << 10;

/// The output file, buffered, with its position.
struct Out<'f> {
    file: &'f File,
    buffer: Vec<u8>,
    /// Bytes so far, buffered ones included.
    position: u64,
    flushing: Flushing,
    progress: &'f Progress,
}

impl<'f> Out<'f> {
    fn new(file: &'f File, progress: &'f Progress) -> Out<'f> {
        Out {
            file,
            buffer: Vec::with_capacity(BUFFER),
            position: 0,
            flushing: Flushing::new(),
            progress,
        }
    }

    fn flushed(&self) -> u64 {
        self.position - self.buffer.len() as u64
    }

    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        if bytes.len() >= BUFFER {
            self.file.write_all(bytes)?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        self.advance(bytes.len() as u64);
        Ok(())
    }

    fn zeros(&mut self, count: u64) -> io::Result<()> {
        const ZEROS: [u8; 4096] = [0; 4096];
        let mut left = count;
        while left > 0 {
            let step = left.min(ZEROS.len() as u64);
            self.bytes(&ZEROS[..step as usize])?;
            left -= step;
        }
        Ok(())
    }

    fn advance(&mut self, count: u64) {
        self.position += count;
        self.progress.advance(count);
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}
