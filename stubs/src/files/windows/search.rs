//! Listing directories: `FindFirstFileW` and its relatives.
//!
//! A search of ours is a pointer with its lowest bit set. The system's are even: they are pointers
//! of its heap.

use std::ffi::{c_int, c_void};

use oxidize_format::Node;

use super::handles::finish;
use super::system::{
    ERROR_FILE_CORRUPT, ERROR_FILE_NOT_FOUND, ERROR_NO_MORE_FILES, ERROR_PATH_NOT_FOUND, FindData,
    INVALID_HANDLE, set_error, text,
};
use super::{Handle, Place, answers, begins, locate};

/// What is left of a listing.
pub(super) struct Search {
    left: std::vec::IntoIter<FindData>,
}

/// Whether two names are the same where case does not count.
pub(super) fn same(one: &str, other: &str) -> bool {
    let upper = |text| str::chars(text).flat_map(char::to_uppercase);
    one.eq_ignore_ascii_case(other) || upper(one).eq(upper(other))
}

/// Whether a name fits a pattern of `*` and `?`.
fn fits(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut position) = (0, 0);
    // Where the last `*` was, and how much of the name it has taken.
    let mut star: Option<(usize, usize)> = None;
    while position < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, position));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == name[position] => {
                at += 1;
                position += 1;
            }
            _ => match &mut star {
                Some((after, taken)) => {
                    *taken += 1;
                    (at, position) = (*after + 1, *taken);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|wanted| *wanted == '*')
}

fn upper(text: &str) -> Vec<char> {
    text.chars().flat_map(char::to_uppercase).collect()
}

fn entry(node: Node<'static>, name: &str) -> Result<Option<FindData>, u32> {
    let mut data = FindData {
        about: answers::attribute_data(node)?,
        reserved: [0; 2],
        name: [0; 260],
        short_name: [0; 14],
    };
    let units: Vec<u16> = name.encode_utf16().collect();
    // No system has longer names.
    if units.len() >= data.name.len() {
        return Ok(None);
    }
    data.name[..units.len()].copy_from_slice(&units);
    Ok(Some(data))
}

/// The entries of a directory that fit a pattern, sorted; those of a file's own name are that file.
fn entries(path: &str) -> Option<Result<Vec<FindData>, u32>> {
    let (directory, pattern) = match path.rfind(['\\', '/']) {
        Some(at) => (&path[..=at], &path[at + 1..]),
        None => return None,
    };
    let wild = pattern.contains(['*', '?']);
    let asked = if wild {
        directory.trim_end_matches(['\\', '/'])
    } else {
        path
    };
    let asked = super::system::wide(asked);
    // SAFETY: it ends with NUL.
    let place = unsafe { locate(asked.as_ptr())? };
    Some(list(place, pattern, wild))
}

fn list(place: Place, pattern: &str, wild: bool) -> Result<Vec<FindData>, u32> {
    let node = match place {
        Place::Absent if wild => return Err(ERROR_PATH_NOT_FOUND),
        place => place.existing()?,
    };
    let damaged = |_| ERROR_FILE_CORRUPT;
    if !wild {
        return Ok(entry(node, node.name())?.into_iter().collect());
    }
    if !node.is_dir() {
        return Err(super::system::ERROR_DIRECTORY);
    }
    // As it was in DOS, `*.*` is every name.
    let pattern = upper(if pattern == "*.*" { "*" } else { pattern });
    let mut found = Vec::new();
    let parent = node.parent().map_err(damaged)?.unwrap_or(node);
    for (node, name) in [(node, "."), (parent, "..")] {
        if fits(&pattern, &upper(name)) {
            found.extend(entry(node, name)?);
        }
    }
    for child in node.children() {
        let child = child.map_err(damaged)?;
        if fits(&pattern, &upper(child.name())) {
            found.extend(entry(child, child.name())?);
        }
    }
    Ok(found)
}

/// Begins a search.
///
/// # Safety
/// `path` must end with NUL, `result` be writable.
pub(super) unsafe fn begin(path: *const u16, result: *mut FindData) -> Option<Handle> {
    // SAFETY: the caller's.
    let path = unsafe { String::from_utf16_lossy(text(path)) };
    let mut left = match entries(&path)? {
        Ok(found) => found.into_iter(),
        Err(error) => {
            set_error(error);
            return Some(INVALID_HANDLE);
        }
    };
    let Some(first) = left.next() else {
        set_error(ERROR_FILE_NOT_FOUND);
        return Some(INVALID_HANDLE);
    };
    // SAFETY: the caller's.
    unsafe { *result = first };
    let search = Box::into_raw(Box::new(Search { left }));
    Some(search.map_addr(|address| address | 1).cast())
}

pub(super) fn own(handle: Handle) -> Option<*mut Search> {
    (handle.addr() & 1 == 1 && handle != INVALID_HANDLE)
        .then(|| handle.map_addr(|address| address & !1).cast())
}

define! {
    pub(super) fn FindFirstFileW(path: *const u16, result: *mut FindData) -> Handle {
        if begins(path) && let Some(handle) = begin(path, result) {
            return handle;
        }
        real!(FindFirstFileW(path, result): fn(*const u16, *mut FindData) -> Handle)
    }
    fn FindFirstFileExW(
        path: *const u16,
        level: i32,
        result: *mut FindData,
        operation: i32,
        filter: *const c_void,
        flags: u32,
    ) -> Handle {
        if begins(path) && let Some(handle) = begin(path, result) {
            return handle;
        }
        real!(
            FindFirstFileExW(path, level, result, operation, filter, flags):
            fn(*const u16, i32, *mut FindData, i32, *const c_void, u32) -> Handle
        )
    }
    pub(super) fn FindNextFileW(handle: Handle, result: *mut FindData) -> c_int {
        let Some(search) = own(handle) else {
            return real!(FindNextFileW(handle, result): fn(Handle, *mut FindData) -> c_int);
        };
        finish((*search).left.next().ok_or(ERROR_NO_MORE_FILES).map(|next| *result = next))
    }
    fn FindClose(handle: Handle) -> c_int {
        let Some(search) = own(handle) else {
            return real!(FindClose(handle): fn(Handle) -> c_int);
        };
        drop(Box::from_raw(search));
        1
    }
}
