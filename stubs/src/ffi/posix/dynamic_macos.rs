//! Loading shared objects on macOS: from the user's cache, because the dynamic loader takes files only.
//!
//! Wheels name the libraries they bundle relative to the file that needs them (`@loader_path/.dylibs/libx.dylib`), so files
//! lie in the cache as they lie in the application: `~/Library/Caches/oxidize-inject/DIGEST/PATH`, the digest being that of
//! the application's resources. Nobody else may write there, no link is followed, and what is found there is not trusted: a
//! file is used only if its bytes are the expected ones.

use std::ffi::{CStr, CString, OsStr};
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use oxidize_format::{Blob, Native};

/// Bits of a mode that let others write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// A shared object that lies in the cache.
pub(crate) struct Image {
    path: PathBuf,
}

impl Image {
    /// Puts `bytes` into the cache, at the image's place in the application.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence that begins with the module's name.
    pub(crate) fn new(native: &Native<'static>, bytes: &[u8]) -> Result<Self, String> {
        let home = std::env::home_dir().filter(|home| home.is_absolute());
        let home = home.ok_or("there is no directory for it: HOME is not set".to_owned())?;
        let root = home.join("Library/Caches/oxidize-inject");
        let place = place(native).ok_or("its place in the application is damaged".to_owned())?;
        let path = file(&root, &place, bytes);
        let path = path.map_err(|error| {
            format!("cannot be put into the cache `{}`: {error}", root.display())
        })?;
        Ok(Image { path })
    }

    /// The file.
    pub(crate) fn path(&self) -> &OsStr {
        self.path.as_os_str()
    }

    /// Nothing to do: the dynamic loader says what is missing.
    pub(crate) fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// Loads the library and never unloads it. Those that need it find it by its path.
    ///
    /// # Errors
    /// The dynamic loader's own words.
    pub(crate) fn load(&self) -> Result<(), String> {
        let path = CString::new(self.path.as_os_str().as_bytes()).map_err(|e| e.to_string())?;
        // SAFETY: running a library's initialisers is what the caller asked for; `dlerror`'s text is copied at once.
        unsafe {
            if libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL).is_null() {
                let text = libc::dlerror();
                return Err(if text.is_null() {
                    "dlopen failed".to_owned()
                } else {
                    CStr::from_ptr(text).to_string_lossy().into_owned()
                });
            }
        }
        Ok(())
    }
}

/// Where an image lies below the cache: the digest of the resources, then its path in the application.
fn place(native: &Native<'static>) -> Option<PathBuf> {
    let blob = Blob::open(crate::image::blob()?).ok()?;
    let digest = &blob.header().digest[..16];
    let mut place: PathBuf = digest
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        .into();
    let path = match native.node().ok()? {
        Some(node) => node.path().ok()?,
        None => native.name().to_owned(),
    };
    // Also with a damaged blob nothing is written outside.
    for part in Path::new(&path).components() {
        match part {
            Component::Normal(name) => place.push(name),
            Component::RootDir => {}
            _ => return None,
        }
    }
    Some(place)
}

/// The file `place` below `root` with this content, written if it is not there.
fn file(root: &Path, place: &Path, content: &[u8]) -> io::Result<PathBuf> {
    let path = root.join(place);
    let directory = path.parent().unwrap_or(root);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    let below = directory
        .ancestors()
        .take_while(|above| above.starts_with(root));
    for directory in below {
        let metadata = fs::symlink_metadata(directory)?;
        if !metadata.is_dir() || !is_ours_alone(&metadata) {
            let what = format!(
                "`{}` is not a directory of this user alone",
                directory.display()
            );
            return Err(io::Error::other(what));
        }
    }
    if holds(&path, content)? {
        return Ok(path);
    }
    let written = write(directory, &path, content);
    // Another process may have been faster.
    if holds(&path, content)? {
        return Ok(path);
    }
    Err(written
        .err()
        .unwrap_or_else(|| io::Error::other("another program keeps changing it")))
}

fn is_ours_alone(metadata: &Metadata) -> bool {
    // SAFETY: a plain system call.
    let user = unsafe { libc::geteuid() };
    metadata.uid() == user && metadata.mode() & WRITABLE_BY_OTHERS == 0
}

/// Whether the file is there, ours, no link, and has this content.
fn holds(path: &Path, content: &[u8]) -> io::Result<bool> {
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        // A link: replaced.
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => return Ok(false),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() || !is_ours_alone(&metadata) || metadata.len() != content.len() as u64 {
        return Ok(false);
    }
    let mut rest = content;
    let mut buffer = vec![0; 1 << 16];
    while !rest.is_empty() {
        let read = file.read(&mut buffer)?;
        if read == 0 || !rest.starts_with(&buffer[..read]) {
            return Ok(false);
        }
        rest = &rest[read..];
    }
    Ok(true)
}

/// Never over an old file: the kernel remembers the signatures of pages by file, and a changed one would be killed.
fn write(directory: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    static USED: AtomicUsize = AtomicUsize::new(0);
    let number = USED.fetch_add(1, Ordering::Relaxed);
    let temporary = directory.join(format!(".{}-{number}", std::process::id()));
    let result = File::options()
        .write(true)
        .create_new(true)
        .mode(0o700)
        .open(&temporary)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}
