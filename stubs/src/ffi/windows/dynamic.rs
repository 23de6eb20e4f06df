//! Loading DLLs: from the user's cache, because the system loads them from files only.

use std::borrow::Cow;
use std::ffi::{OsStr, c_char, c_int, c_void};
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use oxidize_format::{Native, imports};
use oxidize_python::DLLS;
use sha2::{Digest, Sha256};

use crate::ffi::cache::{self, Cached};

unsafe extern "system" {
    fn LoadLibraryExW(name: *const u16, file: *mut c_void, flags: u32) -> *mut c_void;
    fn FreeLibrary(module: *mut c_void) -> c_int;
    fn AddDllDirectory(path: *const u16) -> *mut c_void;
    fn SetThreadErrorMode(mode: u32, old: *mut u32) -> c_int;
    pub(crate) fn WideCharToMultiByte(
        code_page: u32,
        flags: u32,
        wide: *const u16,
        wide_length: c_int,
        bytes: *mut c_char,
        length: c_int,
        default: *const c_char,
        used_default: *mut c_int,
    ) -> c_int;
}

/// `LOAD_LIBRARY_SEARCH_DEFAULT_DIRS`: the program's directory, the system's, and those added by
/// `AddDllDirectory`.
const DEFAULT_DIRECTORIES: u32 = 0x1000;
/// `LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR`
const OWN_DIRECTORY: u32 = 0x0100;
/// `SEM_FAILCRITICALERRORS`: no message boxes.
const NO_MESSAGES: u32 = 1;
/// `ERROR_MOD_NOT_FOUND`: the library, or one that it needs.
const NOT_FOUND: i32 = 126;

/// The parts of Microsoft's C and C++ runtime that are not in Windows and that we may not ship.
const REDISTRIBUTABLE: [&str; 4] = ["vcruntime140", "msvcp140", "concrt140", "vcomp140"];

/// Called with each library that was loaded to stay. Handed down by those who stand on this.
pub(crate) static ON_LOAD: OnceLock<unsafe fn(*mut c_void)> = OnceLock::new();

/// What to do when the system cannot find the executable by its name.
const RENAME: &str = "cannot find the executable by its name: rename it to plain ASCII letters";

/// A DLL that lies in the cache.
pub(crate) struct Image {
    file: Cached,
    /// What it imports from.
    needed: Vec<String>,
    is_library: bool,
}

impl Image {
    /// Puts `bytes` into the cache, for this executable: the module's imports name it. A module
    /// that was signed while packaging names it already, unless the executable was renamed.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence that begins with the module's name.
    pub(crate) fn new(native: &Native<'static>, bytes: &[u8]) -> Result<Self, String> {
        let executable = own_name()?;
        let content = match imports::renamed(bytes, &DLLS, &executable) {
            Ok(Some(renamed)) => Cow::Owned(renamed),
            Ok(None) => Cow::Borrowed(bytes),
            Err(imports::NoRoom) => {
                return Err("the name of this executable is too long for it".to_owned());
            }
        };
        let name = native.soname().filter(|name| !name.is_empty());
        let name = name.unwrap_or(native.name());
        let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let root = cache_directory("modules")
            .ok_or("there is no directory for it: LOCALAPPDATA is not set".to_owned())?;
        let file = cache::file(&root, &place(&executable, name, &content), &content);
        let file = file.map_err(|error| {
            format!("cannot be put into the cache `{}`: {error}", root.display())
        })?;
        Ok(Image {
            file,
            needed: imports::names(bytes, &DLLS),
            is_library: !native.is_extension(),
        })
    }

    /// The file.
    pub(crate) fn path(&self) -> &OsStr {
        self.file.path().as_os_str()
    }

    /// Loads the module, to say what is missing where the system only says that something is.
    /// CPython then finds it loaded.
    ///
    /// # Errors
    /// Which library it needs is missing, or the system's own words.
    pub(crate) fn check(&self) -> Result<(), String> {
        let Err(error) = quietly(|| load_library(self.path())) else {
            return Ok(());
        };
        if error.raw_os_error() != Some(NOT_FOUND) {
            return Err(format!("cannot be loaded: {error}"));
        }
        let missing = |name: &&String| quietly(|| load_library(OsStr::new(name))).is_err();
        match self.needed.iter().find(missing) {
            // What is left is the executable itself, by whose name the module looks for it.
            None if own_name().is_ok_and(|name| !name.is_ascii()) => Err(RENAME.to_owned()),
            None => Err(format!("cannot be loaded: {error}")),
            Some(name) if is_redistributable(name) => Err(format!(
                "needs {name}, which is not on this system: install the Microsoft Visual C++ Redistributable for x64"
            )),
            Some(name) => Err(format!(
                "needs {name}, which is neither packaged nor on this system"
            )),
        }
    }
}

/// Loads these images, the last first, and never unloads them. They find each other by their
/// names, so they may need each other. Windows knows no `flags`.
///
/// # Errors
/// Which library one needs is missing, or the system's own words.
pub(crate) fn load(images: &[Image], _flags: i32) -> Result<(), String> {
    for image in images.iter().filter(|image| image.is_library) {
        if let Some(directory) = image.file.path().parent() {
            // Also for programs that load one by name at run time.
            // SAFETY: a NUL-terminated absolute path. A failure shows when the name is not found.
            unsafe { AddDllDirectory(wide(directory.as_os_str()).as_ptr()) };
        }
    }
    images.iter().rev().try_for_each(Image::check)
}

/// Where a module lies below the cache: in a directory named by a digest of its bytes and of what
/// they were made for.
fn place(executable: &[u8], name: &str, content: &[u8]) -> PathBuf {
    let mut digest = Sha256::new();
    let stub = env!("OXIDIZE_STUB_ID").as_bytes();
    for part in [stub, executable, name.as_bytes(), content] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    PathBuf::from(oxidize_format::Hex(&digest.finalize()[..16]).to_string()).join(name)
}

fn is_redistributable(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    REDISTRIBUTABLE
        .iter()
        .any(|library| name.starts_with(library))
}

fn wide(text: &OsStr) -> Vec<u16> {
    text.encode_wide().chain([0]).collect()
}

/// Runs `body` without message boxes about what cannot be loaded.
fn quietly<T>(body: impl FnOnce() -> T) -> T {
    let mut before = 0;
    // SAFETY: plain system calls on this thread's own setting.
    unsafe {
        SetThreadErrorMode(NO_MESSAGES, &raw mut before);
        let result = body();
        SetThreadErrorMode(before, std::ptr::null_mut());
        result
    }
}

/// As CPython loads extension modules (Python/dynload_win.c).
fn load_library(name: &OsStr) -> io::Result<()> {
    let is_path = Path::new(name).is_absolute();
    let flags = DEFAULT_DIRECTORIES | if is_path { OWN_DIRECTORY } else { 0 };
    // SAFETY: a NUL-terminated name; running the library's initialisers is what the caller asked
    // for.
    let module = unsafe { LoadLibraryExW(wide(name).as_ptr(), std::ptr::null_mut(), flags) };
    if module.is_null() {
        return Err(io::Error::last_os_error());
    }
    if !is_path {
        // SAFETY: a module that was just loaded, to see whether it can be.
        unsafe { FreeLibrary(module) };
    } else {
        if let Some(loaded) = ON_LOAD.get() {
            // SAFETY: a module that was just loaded.
            unsafe { loaded(module) };
        }
    }
    Ok(())
}

/// The file name of this executable as the system's loader compares it: in the code page of import
/// names.
fn own_name() -> Result<Vec<u8>, String> {
    let path = std::env::current_exe().map_err(|error| error.to_string())?;
    let name = path.file_name().unwrap_or_default();
    if let Some(name) = name.to_str().filter(|name| name.is_ascii()) {
        return Ok(name.as_bytes().to_vec());
    }
    /// `WC_NO_BEST_FIT_CHARS`
    const EXACT: u32 = 0x400;
    let name_wide: Vec<u16> = name.encode_wide().collect();
    // A file name has at most 255 units; no code page takes more than four bytes for one.
    let mut bytes = vec![0u8; 1024];
    let mut replaced = 0;
    // SAFETY: both buffers are valid for the lengths passed. Code page 0 is the system's.
    let length = unsafe {
        let length = c_int::try_from(name_wide.len()).unwrap_or(0);
        let (to, room) = (bytes.as_mut_ptr().cast(), bytes.len() as c_int);
        let (from, null) = (name_wide.as_ptr(), std::ptr::null());
        WideCharToMultiByte(0, EXACT, from, length, to, room, null, &raw mut replaced)
    };
    if length <= 0 || replaced != 0 {
        return Err(RENAME.to_owned());
    }
    bytes.truncate(length.unsigned_abs() as usize);
    Ok(bytes)
}

/// Where files of one kind of all packaged programs of this user lie.
pub(crate) fn cache_directory(kind: &str) -> Option<PathBuf> {
    let absolute = |name: &str| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let local = absolute("LOCALAPPDATA");
    let local = local.or_else(|| Some(absolute("USERPROFILE")?.join(r"AppData\Local")));
    Some(local?.join("oxidize-inject").join(kind))
}
