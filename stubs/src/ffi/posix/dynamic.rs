//! Loading shared objects from memory: `memfd_create(2)` and `dlopen(3)`.
//!
//! glibc takes a path it has loaded before for the same library, even if the descriptor behind it
//! is another one by now, so a path is never used twice: descriptors are closed after loading, and
//! each path is spelled in a way of its own.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use oxidize_format::Native;

use crate::group;

/// `MFD_EXEC` (linux/memfd.h, Linux 6.3): ask for an executable file where the system's default is not to.
const MFD_EXEC: libc::c_uint = 0x0010;

/// A private file in memory that `dlopen` can open by [`Image::path`]. Dropping it closes the descriptor; what was
/// loaded stays mapped.
pub(crate) struct Image {
    descriptor: libc::c_int,
    path: CString,
    /// What others need it by, where that is not written in the image itself.
    alias: Option<String>,
}

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: the descriptor is ours and open.
        unsafe { libc::close(self.descriptor) };
    }
}

impl Image {
    /// Copies `bytes` into a new file in memory; the image's name shows in `/proc/PID/maps`.
    ///
    /// # Errors
    /// What the system call said, for instance where `vm.memfd_noexec` forbids it.
    pub(crate) fn new(native: &Native<'static>, bytes: &[u8]) -> Result<Self, String> {
        let mut image = Image::named(native.name(), bytes).map_err(forbidden)?;
        let soname = native.soname().filter(|_| !group::has_soname(bytes));
        image.alias = soname.map(str::to_owned);
        Ok(image)
    }

    fn named(name: &str, bytes: &[u8]) -> io::Result<Self> {
        let name = CString::new(name.rsplit('/').next().unwrap_or(name))?;
        let mut descriptor = create(&name, libc::MFD_CLOEXEC | MFD_EXEC);
        if descriptor < 0 && io::Error::last_os_error().raw_os_error() == Some(libc::EINVAL) {
            // Before Linux 6.3 the flag is unknown, and every such file is executable.
            descriptor = create(&name, libc::MFD_CLOEXEC);
        }
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        let image = Image {
            descriptor,
            path: CString::new(format!("/proc/self/fd/{}{descriptor}", detour()))?,
            alias: None,
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            // SAFETY: the buffer is valid for its length.
            let written = unsafe { libc::write(descriptor, rest.as_ptr().cast(), rest.len()) };
            if written < 0 {
                let error = io::Error::last_os_error();
                if error.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                return Err(error);
            }
            rest = &rest[written.unsigned_abs()..];
        }
        Ok(image)
    }

    /// A path that opens this file, never the same for two images of a process.
    pub(crate) fn path(&self) -> &OsStr {
        OsStr::from_bytes(self.path.to_bytes())
    }

    /// Whether the image can be loaded, where the dynamic linker's own words would not do.
    pub(crate) fn check(&self) -> Result<(), String> {
        Ok(())
    }

    fn as_str(&self) -> &str {
        self.path.to_str().unwrap_or_default() // It is ASCII.
    }
}

/// Loads these images together, as the dynamic linker loads one and what it needs, in this order.
/// They may need each other. `flags` are those of `dlopen`. Nothing is ever unloaded.
///
/// # Errors
/// The dynamic linker's own words.
pub(crate) fn load(images: &[Image], flags: i32) -> Result<(), String> {
    let mut aliases = Vec::new();
    for image in images {
        if let Some(alias) = &image.alias {
            let bytes = group::object(Some(alias), &[image.as_str()]);
            aliases.push(Image::named(alias, &bytes).map_err(forbidden)?);
        }
    }
    let all = images.iter().chain(&aliases).map(Image::as_str);
    let bytes = group::object(None, &all.collect::<Vec<_>>());
    let group = Image::named("group", &bytes).map_err(forbidden)?;
    // SAFETY: running the libraries' initialisers is what the caller asked for; `dlerror`'s text
    // is copied at once.
    unsafe {
        if libc::dlopen(group.path.as_ptr(), flags).is_null() {
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

fn forbidden(error: io::Error) -> String {
    format!("cannot be loaded from memory: {error} (memfd_create must be permitted)")
}

/// A piece of path that leads nowhere else and is never the same again: a number whose binary
/// digits are `/` and `./`.
fn detour() -> String {
    static USED: AtomicUsize = AtomicUsize::new(1);
    let number = USED.fetch_add(1, Ordering::Relaxed);
    let digits = (0..=number.ilog2()).rev();
    let spelled = digits.map(|digit| if number >> digit & 1 == 1 { "./" } else { "/" });
    spelled.collect()
}

/// By number, because glibc has the function only since 2.27 and the stub runs on 2.17.
fn create(name: &CStr, flags: libc::c_uint) -> libc::c_int {
    // SAFETY: a NUL-terminated name.
    unsafe { libc::syscall(libc::SYS_memfd_create, name.as_ptr(), flags) as libc::c_int }
}
