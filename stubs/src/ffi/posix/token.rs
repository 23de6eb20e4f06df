//! A token of who starts a process: a file that only this user can have made.
//!
//! Whoever starts a process writes its environment, and a program between the two may have changed
//! the user. So the mark that our own functions leave names a descriptor as well, of a file without
//! a name that belongs to the user of the process that made it. Nobody makes such a file for
//! another user, or gives an ordinary one these permissions.

use std::ffi::CString;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileExt, MetadataExt};

/// Nothing else has them: who may write may not, and who may execute may not read.
const PERMISSIONS: u32 = 0o031;
const LONGEST: usize = 32;

/// The token of process `process`, which children inherit until this is dropped.
pub(crate) struct Token(OwnedFd);

impl Token {
    /// `None` where the system gives no such file.
    pub(crate) fn new(process: u32) -> Option<Token> {
        let mut file = nameless()?;
        file.write_all(text(process).as_bytes()).ok()?;
        // SAFETY: calls on a descriptor that is ours. Without FD_CLOEXEC it is inherited.
        let done = unsafe {
            libc::fchmod(file.as_raw_fd(), PERMISSIONS as libc::mode_t) == 0
                && libc::fcntl(file.as_raw_fd(), libc::F_SETFD, 0) == 0
        };
        done.then(|| Token(file.into()))
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Whether the descriptor is the token of that process, made by our user or by root. A token is
/// closed, anything else stays as it is.
pub(crate) fn take(descriptor: RawFd, process: u32) -> bool {
    // SAFETY: asks whether there is such a descriptor.
    if descriptor < 0 || unsafe { libc::fcntl(descriptor, libc::F_GETFD) } < 0 {
        return false;
    }
    // SAFETY: it is open, and this is the start of the process, where nobody else closes it.
    let file = unsafe { File::from_raw_fd(descriptor) };
    // SAFETY: plain questions.
    let users = unsafe { [libc::getuid(), libc::geteuid()] };
    let is_token = file.metadata().is_ok_and(|found| {
        found.is_file()
            && found.nlink() == 0
            && found.mode() & 0o7777 == PERMISSIONS
            && (found.uid() == 0 || users.iter().all(|user| *user == found.uid()))
            && found.len() == text(process).len() as u64
    });
    let mut bytes = [0; LONGEST];
    let told = if is_token {
        file.read_at(&mut bytes, 0).unwrap_or(0)
    } else {
        0
    };
    if is_token && bytes.get(..told) == Some(text(process).as_bytes()) {
        return true;
    }
    let _ = file.into_raw_fd();
    false
}

fn text(process: u32) -> String {
    format!("oxidize {process}\n")
}

#[cfg(target_os = "linux")]
fn nameless() -> Option<File> {
    let file = crate::ffi::memory::create_file(c"oxidize", libc::MFD_CLOEXEC);
    if file < 0 {
        return unlinked();
    }
    // SAFETY: a new descriptor.
    Some(unsafe { File::from_raw_fd(file) })
}

#[cfg(target_os = "macos")]
fn nameless() -> Option<File> {
    unlinked()
}

/// One whose name is gone at once.
fn unlinked() -> Option<File> {
    let path = std::env::temp_dir().join("oxidize-XXXXXX");
    let path = CString::new(path.into_os_string().into_encoded_bytes()).ok()?;
    let path = path.into_raw();
    // SAFETY: a string of ours whose end is replaced, and a descriptor that is new.
    unsafe {
        let file = libc::mkstemp(path);
        if file >= 0 {
            libc::unlink(path);
        }
        drop(CString::from_raw(path));
        (file >= 0).then(|| {
            libc::fcntl(file, libc::F_SETFD, libc::FD_CLOEXEC);
            File::from_raw_fd(file)
        })
    }
}
