//! Running and loading virtual files: both from the user's cache, because the system takes files
//! only.

use std::ffi::{c_int, c_void};
use std::os::windows::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;

use oxidize_format::{Native, Node};

use super::handles::finish;
use super::system::{
    ERROR_ACCESS_DENIED, ERROR_DIRECTORY, ERROR_FILE_CORRUPT, set_error, text, wide,
};
use super::{BLOB, Handle, Place, locate, table};
use crate::ffi::cache;
use crate::ffi::dynamic::{self, Image};
use crate::files::group::group;
use crate::paths::placed;

fn damaged(_: oxidize_format::Error) -> u32 {
    ERROR_FILE_CORRUPT
}

fn nul_terminated(path: &Path) -> Vec<u16> {
    path.as_os_str().encode_wide().chain([0]).collect()
}

/// The file on disk with a program's content, at its place in the application, and the libraries
/// that lie beside it. Nobody can change them while this process runs.
fn program(node: Node<'static>) -> Result<PathBuf, u32> {
    if node.is_dir() {
        return Err(ERROR_ACCESS_DENIED);
    }
    if let Some(directory) = node.parent().map_err(damaged)? {
        for child in directory.children() {
            let child = child.map_err(damaged)?;
            let name = child.name().to_ascii_lowercase();
            if !child.is_dir() && name.ends_with(".dll") {
                on_disk(child)?;
            }
        }
    }
    on_disk(node)
}

fn on_disk(node: Node<'static>) -> Result<PathBuf, u32> {
    let data = node.data().map_err(damaged)?.ok_or(ERROR_FILE_CORRUPT)?;
    if let Some(path) = data.relative_path().and_then(placed::beside) {
        return Ok(path.into());
    }
    let blob = BLOB.get().ok_or(ERROR_FILE_CORRUPT)?;
    let digest = blob.header().digest;
    let path = node.path().map_err(damaged)?;
    let path = path
        .get(crate::paths::BLOB_ROOT.len() + 1..)
        .unwrap_or_default();
    let place = cache::place(&digest, path).ok_or(ERROR_FILE_CORRUPT)?;
    let root = dynamic::cache_directory("files").ok_or(ERROR_ACCESS_DENIED)?;
    let content = data.read().map_err(damaged)?;
    let file = cache::file(&root, &place, &content);
    let file = file.map_err(|error| {
        let code = error.raw_os_error().unwrap_or_default();
        u32::try_from(code)
            .ok()
            .filter(|code| *code != 0)
            .unwrap_or(ERROR_ACCESS_DENIED)
    })?;
    let path = file.path().to_owned();
    std::mem::forget(file);
    Ok(path)
}

fn image(native: &Native<'static>) -> Result<Image, u32> {
    let bytes = native
        .data()
        .and_then(|data| data.read())
        .map_err(damaged)?;
    Image::new(native, &bytes).map_err(|_| ERROR_ACCESS_DENIED)
}

/// `LoadLibraryExW` of a virtual file.
fn load(node: Node<'static>, flags: u32) -> Result<Handle, u32> {
    let blob = BLOB.get().ok_or(ERROR_FILE_CORRUPT)?;
    let mut images = Vec::new();
    for native in group(blob, node).map_err(damaged)? {
        images.push(image(&native)?);
    }
    let path = match images.first() {
        Some(image) => {
            // What is wrong shows when the library itself is loaded.
            let _ = dynamic::load(&images, 0);
            PathBuf::from(image.path())
        }
        None => program(node)?,
    };
    let path = nul_terminated(&path);
    // SAFETY: running the library's initialisers is what the caller asked for.
    unsafe {
        let library = real!(
            LoadLibraryExW(path.as_ptr(), ptr::null_mut(), flags): fn(*const u16, Handle, u32) -> Handle
        );
        if library.is_null() {
            return Err(super::system::last_error());
        }
        table::serve_library(library);
        Ok(library)
    }
}

/// `AddDllDirectory` of a virtual directory: the directories in the cache of the libraries in it.
fn add_directory(node: Node<'static>) -> Result<Handle, u32> {
    if !node.is_dir() {
        return Err(ERROR_DIRECTORY);
    }
    let blob = BLOB.get().ok_or(ERROR_FILE_CORRUPT)?;
    // Where there is nothing to add, one that is searched anyway: who adds a directory may want to
    // remove it.
    let mut directories = vec![PathBuf::from(r"C:\Windows\System32")];
    if let Some(root) = std::env::var_os("SystemRoot") {
        directories = vec![Path::new(&root).join("System32")];
    }
    for native in blob.natives().iter() {
        let native = native.map_err(damaged)?;
        let of = native.node().map_err(damaged)?;
        let parent = of.and_then(|of| of.parent().ok().flatten());
        if !native.is_extension() && parent.is_some_and(|of| of.index() == node.index()) {
            let image = image(&native)?;
            directories.extend(Path::new(image.path()).parent().map(Path::to_owned));
        }
    }
    let mut cookie = ptr::null_mut();
    for directory in directories {
        let directory = nul_terminated(&directory);
        // SAFETY: it ends with NUL.
        cookie = unsafe { real!(AddDllDirectory(directory.as_ptr()): fn(*const u16) -> Handle) };
    }
    Ok(cookie)
}

/// The first word of a command line without its quotes, and where the rest begins.
fn first_word(line: &[u16]) -> (&[u16], usize) {
    let quote = u16::from(b'"');
    let end = |unit: &u16| *unit == u16::from(b' ') || *unit == u16::from(b'\t');
    if line.first() == Some(&quote) {
        let inner = &line[1..];
        let length = inner.iter().position(|unit| *unit == quote);
        let length = length.unwrap_or(inner.len());
        return (&inner[..length], (length + 2).min(line.len()));
    }
    let length = line.iter().position(end).unwrap_or(line.len());
    (&line[..length], length)
}

/// A command line whose first word is a virtual program, with the path of the file instead.
fn command_line(line: &[u16]) -> Option<Result<Vec<u16>, u32>> {
    let (word, rest) = first_word(line);
    let path: Vec<u16> = word.iter().copied().chain([0]).collect();
    // SAFETY: it ends with NUL.
    let mut place = unsafe { locate(path.as_ptr())? };
    if matches!(place, Place::Absent) {
        let path: Vec<u16> = word.iter().copied().chain(wide(".exe")).collect();
        // SAFETY: it ends with NUL.
        place = unsafe { locate(path.as_ptr())? };
    }
    Some(place.existing().and_then(program).map(|file| {
        let mut new = wide("\"");
        new.pop();
        new.extend(file.as_os_str().encode_wide());
        new.push(u16::from(b'"'));
        new.extend(&line[rest..]);
        new.push(0);
        new
    }))
}

/// The file for a path that a program is started by.
///
/// # Safety
/// `path` must be null or end with NUL.
unsafe fn started(path: *const u16) -> Option<Result<Vec<u16>, u32>> {
    // SAFETY: the caller's.
    let place = unsafe { locate(path)? };
    Some(
        place
            .existing()
            .and_then(program)
            .map(|file| nul_terminated(&file)),
    )
}

/// `_wexecv` and its relatives with another path; -1 with an error number.
///
/// # Safety
/// `path` must be null or end with NUL.
unsafe fn redirected(path: *const u16, call: impl FnOnce(*const u16) -> isize) -> isize {
    // SAFETY: the caller's.
    match unsafe { started(path) } {
        None => call(path),
        Some(Ok(file)) => call(file.as_ptr()),
        Some(Err(error)) => {
            set_error(error);
            // SAFETY: the thread's own.
            unsafe {
                *super::system::_errno() = match error {
                    ERROR_ACCESS_DENIED => libc::EACCES,
                    _ => libc::ENOENT,
                };
            }
            -1
        }
    }
}

type Strings = *const *const u16;

define! {
    pub(super) fn LoadLibraryExW(path: *const u16, file: Handle, flags: u32) -> Handle {
        match locate(path) {
            None => real!(LoadLibraryExW(path, file, flags): fn(*const u16, Handle, u32) -> Handle),
            Some(place) => place.existing().and_then(|node| load(node, flags)).unwrap_or_else(|error| {
                set_error(error);
                ptr::null_mut()
            }),
        }
    }
    fn AddDllDirectory(path: *const u16) -> Handle {
        match locate(path) {
            None => real!(AddDllDirectory(path): fn(*const u16) -> Handle),
            Some(place) => place.existing().and_then(add_directory).unwrap_or_else(|error| {
                set_error(error);
                ptr::null_mut()
            }),
        }
    }
    fn CreateProcessW(
        application: *const u16,
        line: *mut u16,
        process_security: *const c_void,
        thread_security: *const c_void,
        inherits: c_int,
        flags: u32,
        environment: *const c_void,
        directory: *const u16,
        start: *const c_void,
        result: *mut c_void,
    ) -> c_int {
        let mut application = application;
        let mut line = line;
        let file = started(application);
        let mut new_line = None;
        if !line.is_null() && (application.is_null() || file.is_some()) {
            new_line = command_line(text(line));
        }
        match &file {
            Some(Ok(file)) => application = file.as_ptr(),
            Some(Err(error)) => return finish(Err(*error)),
            None => {}
        }
        match &mut new_line {
            Some(Ok(new)) => line = new.as_mut_ptr(),
            Some(Err(error)) if application.is_null() => return finish(Err(*error)),
            _ => {}
        }
        real!(
            CreateProcessW(
                application, line, process_security, thread_security, inherits, flags, environment, directory, start,
                result
            ):
            fn(
                *const u16, *mut u16, *const c_void, *const c_void, c_int, u32, *const c_void, *const u16,
                *const c_void, *mut c_void
            ) -> c_int
        )
    }
    fn _wexecv(path: *const u16, arguments: Strings) -> isize {
        redirected(path, |path| real!(_wexecv(path, arguments): fn(*const u16, Strings) -> isize))
    }
    fn _wexecve(path: *const u16, arguments: Strings, environment: Strings) -> isize {
        redirected(path, |path| {
            real!(_wexecve(path, arguments, environment): fn(*const u16, Strings, Strings) -> isize)
        })
    }
    fn _wspawnv(mode: c_int, path: *const u16, arguments: Strings) -> isize {
        redirected(path, |path| real!(_wspawnv(mode, path, arguments): fn(c_int, *const u16, Strings) -> isize))
    }
    fn _wspawnve(mode: c_int, path: *const u16, arguments: Strings, environment: Strings) -> isize {
        redirected(path, |path| {
            real!(_wspawnve(mode, path, arguments, environment): fn(c_int, *const u16, Strings, Strings) -> isize)
        })
    }
}
