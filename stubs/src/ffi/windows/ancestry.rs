//! The processes that ours descends from, on Windows: from a snapshot of all.

use std::collections::HashMap;
use std::ffi::{OsString, c_int, c_void};
use std::os::windows::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::identity::Ancestor;

/// `PROCESSENTRY32W` (tlhelp32.h).
#[repr(C)]
struct Entry {
    size: u32,
    usage: u32,
    process: u32,
    heap: usize,
    module: u32,
    threads: u32,
    parent: u32,
    priority: i32,
    flags: u32,
    file: [u16; 260],
}

unsafe extern "system" {
    fn CreateToolhelp32Snapshot(flags: u32, process: u32) -> *mut c_void;
    fn Process32FirstW(snapshot: *mut c_void, entry: *mut Entry) -> c_int;
    fn Process32NextW(snapshot: *mut c_void, entry: *mut Entry) -> c_int;
    fn OpenProcess(access: u32, inherit: c_int, process: u32) -> *mut c_void;
    fn QueryFullProcessImageNameW(
        process: *mut c_void,
        flags: u32,
        name: *mut u16,
        length: *mut u32,
    ) -> c_int;
    fn GetProcessTimes(
        process: *mut c_void,
        created: *mut u64,
        ended: *mut u64,
        kernel: *mut u64,
        user: *mut u64,
    ) -> c_int;
    fn GetCurrentProcess() -> *mut c_void;
    fn CloseHandle(handle: *mut c_void) -> c_int;
}

/// `TH32CS_SNAPPROCESS`
const PROCESSES: u32 = 2;
/// `PROCESS_QUERY_LIMITED_INFORMATION`
const QUERY: u32 = 0x1000;
/// `INVALID_HANDLE_VALUE`
const INVALID: usize = usize::MAX;

/// Parent first. A number may have been given to another process after the parent ended: one that
/// is younger than its child ends the line.
pub(crate) fn ancestors(own: &Path, _ask: bool) -> Option<Vec<Ancestor>> {
    let parents = parents()?;
    // SAFETY: a handle for this process that needs no closing.
    let mut child = created(unsafe { GetCurrentProcess() })?;
    let mut process = std::process::id();
    let mut ancestors = Vec::new();
    while let Some(&parent) = parents.get(&process).filter(|&&parent| parent != 0) {
        if ancestors.len() >= parents.len() {
            break;
        }
        let Some((path, time)) = about(parent) else {
            break;
        };
        if time > child {
            break;
        }
        ancestors.push(Ancestor {
            process: parent,
            is_us: same(&path, own),
            // Windows starts programs as other users through services, which are nobody's parents
            // but their own.
            is_trusted: true,
            command: None,
            same_directory: None,
        });
        (process, child) = (parent, time);
    }
    Some(ancestors)
}

/// The parent's number, whether it still runs or not.
pub(crate) fn parent_id() -> Option<u32> {
    parents()?.get(&std::process::id()).copied()
}

fn same(one: &Path, other: &Path) -> bool {
    one.as_os_str().eq_ignore_ascii_case(other.as_os_str())
        || std::fs::canonicalize(one)
            .is_ok_and(|one| std::fs::canonicalize(other).is_ok_and(|other| one == other))
}

/// Each process's parent.
fn parents() -> Option<HashMap<u32, u32>> {
    let mut parents = HashMap::new();
    // SAFETY: the structure says its size, and the handle is closed once.
    unsafe {
        let snapshot = CreateToolhelp32Snapshot(PROCESSES, 0);
        if snapshot.addr() == INVALID {
            return None;
        }
        let mut entry: Entry = std::mem::zeroed();
        entry.size = size_of::<Entry>() as u32;
        let mut more = Process32FirstW(snapshot, &raw mut entry);
        while more != 0 {
            parents.insert(entry.process, entry.parent);
            more = Process32NextW(snapshot, &raw mut entry);
        }
        CloseHandle(snapshot);
    }
    Some(parents)
}

/// The file that a process runs, and when it began.
fn about(process: u32) -> Option<(PathBuf, u64)> {
    let mut name = vec![0_u16; 1 << 15];
    let mut length = name.len() as u32;
    // SAFETY: the buffer has the length that is passed; the handle is closed once.
    let (named, time) = unsafe {
        let handle = OpenProcess(QUERY, 0, process);
        if handle.is_null() {
            return None;
        }
        let named = QueryFullProcessImageNameW(handle, 0, name.as_mut_ptr(), &raw mut length) != 0;
        let time = created(handle);
        CloseHandle(handle);
        (named, time)
    };
    name.truncate(length as usize);
    named.then_some((OsString::from_wide(&name).into(), time?))
}

fn created(process: *mut c_void) -> Option<u64> {
    let mut times = [0; 4];
    let [created, ended, kernel, user] = &mut times;
    // SAFETY: the caller's handle; four places of eight bytes (`FILETIME`).
    let done = unsafe { GetProcessTimes(process, created, ended, kernel, user) };
    (done != 0).then_some(times[0])
}
