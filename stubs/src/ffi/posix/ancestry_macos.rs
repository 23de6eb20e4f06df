//! The processes that ours descends from, on macOS: asked of `libproc`.

use std::ffi::{OsString, c_int};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
pub(crate) use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};

use crate::identity::{Ancestor, Trust};

/// A process has no more ancestors than this that we look at.
const MOST: usize = 512;

/// Parent first. Command lines are not asked for. `ask` whose word counts.
pub(crate) fn ancestors(own: &Path, ask: bool) -> Option<Vec<Ancestor>> {
    let file = |path: &Path| {
        fs::metadata(path)
            .ok()
            .map(|found| (found.dev(), found.ino()))
    };
    let us = file(own)?;
    let mut ancestors = Vec::new();
    let mut process = parent_id().cast_signed();
    let users = |info: &libc::proc_bsdinfo| [info.pbi_ruid, info.pbi_uid, info.pbi_svuid];
    let me = info(std::process::id().cast_signed()).filter(|_| ask);
    let mut trust = Trust::new(me.as_ref().map(users));
    while process > 0 && ancestors.len() < MOST {
        let path = path(process);
        let info = info(process);
        ancestors.push(Ancestor {
            process: process.cast_unsigned(),
            is_us: path.is_some_and(|path| path == own || file(&path) == Some(us)),
            is_trusted: trust.reaches(info.as_ref().map(users)),
            command: None,
            same_directory: None,
        });
        match info.and_then(|info| c_int::try_from(info.pbi_ppid).ok()) {
            Some(next) => process = next,
            None => break,
        }
    }
    Some(ancestors)
}

fn path(process: c_int) -> Option<PathBuf> {
    let mut path = vec![0_u8; libc::PROC_PIDPATHINFO_MAXSIZE as usize];
    // SAFETY: the buffer has the length that is passed.
    let length =
        unsafe { libc::proc_pidpath(process, path.as_mut_ptr().cast(), path.len() as u32) };
    path.truncate(usize::try_from(length).ok().filter(|length| *length > 0)?);
    Some(OsString::from_vec(path).into())
}

fn info(process: c_int) -> Option<libc::proc_bsdinfo> {
    let size = size_of::<libc::proc_bsdinfo>() as c_int;
    // SAFETY: plain numbers and characters, for which zeros are values; the call fills what it
    // says.
    unsafe {
        let mut info: libc::proc_bsdinfo = std::mem::zeroed();
        let filled = libc::proc_pidinfo(
            process,
            libc::PROC_PIDTBSDINFO,
            0,
            (&raw mut info).cast(),
            size,
        );
        (filled == size).then_some(info)
    }
}
