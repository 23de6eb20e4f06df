//! Loading shared objects on macOS: from the user's cache, because the dynamic loader takes files
//! only.
//!
//! Wheels name the libraries they bundle relative to the file that needs them
//! (`@loader_path/.dylibs/libx.dylib`), so files lie in the cache as they lie in the application:
//! `~/Library/Caches/oxidize-inject/DIGEST/PATH`, the digest being that of the application's
//! resources. Nobody else may write there, no link is followed, and what is found there is not
//! trusted: a file is used only if its bytes are the expected ones.

use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use oxidize_format::{Blob, Native};

use crate::ffi::cache::{self, Cached};

/// A shared object that lies in the cache.
pub(crate) struct Image {
    file: Cached,
}

impl Image {
    /// Puts `bytes` into the cache, at the image's place in the application.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence that begins with the module's name.
    pub(crate) fn new(native: &Native<'static>, bytes: &[u8]) -> Result<Self, String> {
        let root = cache::root();
        let root = root.ok_or("there is no directory for it: HOME is not set".to_owned())?;
        let place = place(native).ok_or("its place in the application is damaged".to_owned())?;
        let file = cache::file(&root, &place, bytes);
        let file = file.map_err(|error| {
            format!("cannot be put into the cache `{}`: {error}", root.display())
        })?;
        Ok(Image { file })
    }

    /// The file.
    pub(crate) fn path(&self) -> &OsStr {
        self.file.path().as_os_str()
    }

    /// Nothing to do: the dynamic loader says what is missing.
    pub(crate) fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Loads these images, the last first, and never unloads them. Those that need one find it by its
/// path: all files lie in the cache by now, so they may need each other. `flags` are those of
/// `dlopen`.
///
/// # Errors
/// The dynamic loader's own words.
pub(crate) fn load(images: &[Image], flags: i32) -> Result<(), String> {
    for image in images.iter().rev() {
        let path = CString::new(image.path().as_bytes()).map_err(|e| e.to_string())?;
        // SAFETY: running a library's initialisers is what the caller asked for; `dlerror`'s text
        // is copied at once.
        unsafe {
            if libc::dlopen(path.as_ptr(), flags).is_null() {
                let text = libc::dlerror();
                return Err(if text.is_null() {
                    "dlopen failed".to_owned()
                } else {
                    CStr::from_ptr(text).to_string_lossy().into_owned()
                });
            }
        }
    }
    Ok(())
}

/// Where an image lies below the cache: the digest of the resources, then its path in the
/// application.
fn place(native: &Native<'static>) -> Option<PathBuf> {
    let blob = Blob::open(crate::image::blob()?).ok()?;
    let path = match native.node().ok()? {
        Some(node) => node.path().ok()?,
        None => native.name().to_owned(),
    };
    cache::place(&blob.header().digest, &path)
}
