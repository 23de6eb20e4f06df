//! Files that have to lie on disk to be used, in a directory of the user's.
//!
//! A file's place is named by what it holds or by the digest of the application it is of, so
//! nothing there is ever changed, several programs and versions get along, and removing the
//! directory does no harm. What is found there is not trusted: a file is used only if its bytes are
//! the expected ones; nobody else may write to it, or, where the system can do that (Windows),
//! nobody at all while it is used.

#[cfg(unix)]
mod posix;
#[cfg(windows)]
mod windows;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(unix)]
use posix as private;
#[cfg(windows)]
use windows as private;

#[cfg(unix)]
pub(crate) use posix::root;

/// A file of the cache, with the expected content as long as this lives.
pub(crate) struct Cached {
    path: PathBuf,
    _held: File,
}

impl Cached {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Where a file of an application lies below a root: the digest of its resources in hexadecimal,
/// then its path. `None` for a path that leads elsewhere, as in a damaged blob.
pub(crate) fn place(digest: &[u8; 32], path: &str) -> Option<PathBuf> {
    let mut place = PathBuf::from(oxidize_format::Hex(&digest[..16]).to_string());
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => place.push(name),
            Component::RootDir => {}
            _ => return None,
        }
    }
    Some(place)
}

/// The file at `place` below `root` with this content, written if it is not there.
///
/// # Errors
/// What the system says about a directory or the file, or that they are not this user's.
pub(crate) fn file(root: &Path, place: &Path, content: &[u8]) -> io::Result<Cached> {
    let path = root.join(place);
    let directory = path.parent().unwrap_or(root);
    private::create_directory(root, directory)?;
    if let Some(cached) = held(&path, content)? {
        return Ok(cached);
    }
    let written = write(directory, &path, content);
    // Another process may have been faster and use the file already; then replacing it fails, and
    // there is no need to.
    match held(&path, content)? {
        Some(cached) => Ok(cached),
        None => Err(written
            .err()
            .unwrap_or_else(|| io::Error::other("another program keeps changing it"))),
    }
}

/// The file, if it is there and has this content.
fn held(path: &Path, content: &[u8]) -> io::Result<Option<Cached>> {
    let Some(mut file) = private::open(path)? else {
        return Ok(None);
    };
    if file.metadata()?.len() != content.len() as u64 {
        return Ok(None);
    }
    let mut rest = content;
    let mut buffer = vec![0; 1 << 16];
    while !rest.is_empty() {
        let read = file.read(&mut buffer)?;
        if read == 0 || !rest.starts_with(&buffer[..read]) {
            return Ok(None);
        }
        rest = &rest[read..];
    }
    Ok(Some(Cached {
        path: path.to_owned(),
        _held: file,
    }))
}

/// Never over an old file: macOS remembers the signatures of pages by file, and kills who runs a
/// changed one.
fn write(directory: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    static USED: AtomicUsize = AtomicUsize::new(0);
    let number = USED.fetch_add(1, Ordering::Relaxed);
    let temporary = directory.join(format!(".{}-{number}", std::process::id()));
    let result = private::create(&temporary)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}
