//! Files that have to lie on disk to be used, in a directory of the user's.
//!
//! A file's place is named by a digest of what it holds and of what it was made for, so nothing there is ever changed,
//! several programs and versions get along, and removing the directory does no harm. What is found there is not trusted: a
//! file is used only if its bytes are the expected ones, and it is held open against writers while it is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};

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

/// The file `name` with this content, written if it is not there. `purpose` tells apart what happens to have the same
/// content.
///
/// # Errors
/// What the system says about the directory or the file.
pub(crate) fn file(
    root: &Path,
    purpose: &[&[u8]],
    name: &str,
    content: &[u8],
) -> io::Result<Cached> {
    let mut digest = Sha256::new();
    for part in purpose.iter().chain(&[content]) {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let key: String = digest.finalize()[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let directory = root.join(key);
    let path = directory.join(name);
    if let Some(cached) = held(&path, content)? {
        return Ok(cached);
    }
    fs::create_dir_all(&directory)?;
    let written = write(&directory, &path, content);
    // Another process may have been faster and use the file already; then replacing it fails, and there is no need to.
    match held(&path, content)? {
        Some(cached) => Ok(cached),
        None => Err(written
            .err()
            .unwrap_or_else(|| io::Error::other("another program keeps changing it"))),
    }
}

/// The file, if it is there and has this content.
fn held(path: &Path, content: &[u8]) -> io::Result<Option<Cached>> {
    let mut file = match for_reading().open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
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

/// Nobody may write or replace the file while it is open (`FILE_SHARE_READ` alone).
#[cfg(windows)]
fn for_reading() -> OpenOptions {
    use std::os::windows::fs::OpenOptionsExt;
    const FILE_SHARE_READ: u32 = 1;
    let mut options = OpenOptions::new();
    options.read(true).share_mode(FILE_SHARE_READ);
    options
}

#[cfg(not(windows))]
fn for_reading() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    options
}

fn write(directory: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    static USED: AtomicUsize = AtomicUsize::new(0);
    let number = USED.fetch_add(1, Ordering::Relaxed);
    let temporary = directory.join(format!(".{}-{number}", std::process::id()));
    let result = File::create_new(&temporary)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}
