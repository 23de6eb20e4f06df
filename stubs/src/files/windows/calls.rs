//! Calls that take a path.

use std::ffi::{c_int, c_void};
use std::ptr;

use oxidize_format::Node;

use super::handles::{finish, give};
use super::system::{
    ACCESS_READS, ACCESS_WRITES, ATTRIBUTE_ARCHIVE, AttributeData, CREATE_ALWAYS, CREATE_NEW,
    ERROR_ACCESS_DENIED, ERROR_ALREADY_EXISTS, ERROR_DIRECTORY, ERROR_FILE_EXISTS,
    ERROR_NOT_SAME_DEVICE, ERROR_SUCCESS, ERROR_WRITE_PROTECT, FLAG_BACKUP_SEMANTICS,
    FLAG_DELETE_ON_CLOSE, FileTime, GENERIC_WRITE, INHERIT, INVALID_ATTRIBUTES, INVALID_HANDLE,
    OPEN_ALWAYS, Security, SetFileTime, SetHandleInformation, TRUNCATE_EXISTING, last_error,
    set_error,
};
use super::{Handle, Place, answers, begins, copies, locate, outward};

/// `CreateFileW` on a place in the tree.
pub(super) fn open(
    place: Place,
    access: u32,
    inherits: bool,
    disposition: u32,
    flags: u32,
) -> Result<Handle, u32> {
    let creates = matches!(disposition, CREATE_NEW | CREATE_ALWAYS | OPEN_ALWAYS);
    if creates && matches!(place, Place::Absent) {
        return Err(ERROR_WRITE_PROTECT);
    }
    let node = place.existing()?;
    if disposition == CREATE_NEW {
        return Err(ERROR_FILE_EXISTS);
    }
    if node.is_dir() && (creates || flags & FLAG_BACKUP_SEMANTICS == 0) {
        return Err(ERROR_ACCESS_DENIED);
    }
    let replaces = matches!(disposition, CREATE_ALWAYS | TRUNCATE_EXISTING);
    if replaces || access & ACCESS_WRITES != 0 || flags & FLAG_DELETE_ON_CLOSE != 0 {
        return Err(ERROR_WRITE_PROTECT);
    }
    if node.is_dir() || access & ACCESS_READS == 0 {
        return Ok(answers::number_handle(node));
    }
    let handle = copies::open(node, access, flags)?;
    if inherits {
        // SAFETY: a handle of ours.
        unsafe { SetHandleInformation(handle, INHERIT, INHERIT) };
    }
    set_error(match disposition {
        OPEN_ALWAYS => ERROR_ALREADY_EXISTS,
        _ => ERROR_SUCCESS,
    });
    Ok(handle)
}

/// Why a place cannot be changed.
fn unchangeable(place: Place) -> u32 {
    place
        .existing()
        .map_or_else(|error| error, |_| ERROR_WRITE_PROTECT)
}

/// Why nothing can be created at a place.
fn uncreatable(place: Place) -> u32 {
    match place {
        Place::Absent => ERROR_WRITE_PROTECT,
        Place::Node(_) => ERROR_ALREADY_EXISTS,
        Place::Nowhere(error) => error,
    }
}

/// Why one place cannot be moved to another or be linked there, one of them in the tree.
fn immovable(from: Option<Place>, to: Option<Place>) -> u32 {
    match (from.map(Place::existing), to) {
        (Some(Err(error)), _) | (_, Some(Place::Nowhere(error))) => error,
        (Some(_), Some(_)) => ERROR_WRITE_PROTECT,
        _ => ERROR_NOT_SAME_DEVICE,
    }
}

/// A virtual file, copied to a path of the system's.
///
/// # Safety
/// `target` must end with NUL.
unsafe fn copy(node: Node<'static>, target: *const u16, new: bool) -> Result<(), u32> {
    if node.is_dir() {
        return Err(ERROR_ACCESS_DENIED);
    }
    let bytes = copies::content(node)?;
    let disposition = if new { CREATE_NEW } else { CREATE_ALWAYS };
    let null = ptr::null::<Security>();
    // SAFETY: the caller's; the file's handle is ours.
    unsafe {
        let file = real!(
            CreateFileW(target, GENERIC_WRITE, 0, null, disposition, ATTRIBUTE_ARCHIVE, ptr::null_mut()):
            fn(*const u16, u32, u32, *const Security, u32, u32, Handle) -> Handle
        );
        if file == INVALID_HANDLE {
            return Err(last_error());
        }
        let written = copies::write_all(file, &bytes);
        let time = FileTime::new(answers::MODIFIED);
        SetFileTime(file, ptr::null(), ptr::null(), &raw const time);
        real!(CloseHandle(file): fn(Handle) -> c_int);
        if written.is_err() {
            real!(DeleteFileW(target): fn(*const u16) -> c_int);
        }
        written
    }
}

/// `COPYFILE2_EXTENDED_PARAMETERS`, as far as it matters.
#[repr(C)]
struct CopyParameters {
    size: u32,
    flags: u32,
}

define! {
    pub(super) fn CreateFileW(
        path: *const u16,
        access: u32,
        share: u32,
        security: *const Security,
        disposition: u32,
        flags: u32,
        template: Handle,
    ) -> Handle {
        let Some(place) = locate(path) else {
            return real!(
                CreateFileW(path, access, share, security, disposition, flags, template):
                fn(*const u16, u32, u32, *const Security, u32, u32, Handle) -> Handle
            );
        };
        let inherits = !security.is_null() && (*security).inherits != 0;
        open(place, access, inherits, disposition, flags).unwrap_or_else(|error| {
            set_error(error);
            INVALID_HANDLE
        })
    }
    pub(super) fn GetFileAttributesW(path: *const u16) -> u32 {
        match locate(path).map(Place::existing) {
            None => real!(GetFileAttributesW(path): fn(*const u16) -> u32),
            Some(Ok(node)) => answers::attributes(node),
            Some(Err(error)) => {
                set_error(error);
                INVALID_ATTRIBUTES
            }
        }
    }
    pub(super) fn GetFileAttributesExW(path: *const u16, level: i32, result: *mut c_void) -> c_int {
        let Some(place) = locate(path) else {
            return real!(GetFileAttributesExW(path, level, result): fn(*const u16, i32, *mut c_void) -> c_int);
        };
        finish(place.existing().and_then(answers::attribute_data).map(|data| *result.cast::<AttributeData>() = data))
    }
    fn SetFileAttributesW(path: *const u16, attributes: u32) -> c_int {
        match locate(path) {
            None => real!(SetFileAttributesW(path, attributes): fn(*const u16, u32) -> c_int),
            Some(place) => finish(Err(unchangeable(place))),
        }
    }
    fn DeleteFileW(path: *const u16) -> c_int {
        match locate(path) {
            None => real!(DeleteFileW(path): fn(*const u16) -> c_int),
            Some(Place::Node(node)) if node.is_dir() => finish(Err(ERROR_ACCESS_DENIED)),
            Some(place) => finish(Err(unchangeable(place))),
        }
    }
    fn CreateDirectoryW(path: *const u16, security: *const Security) -> c_int {
        match locate(path) {
            None => real!(CreateDirectoryW(path, security): fn(*const u16, *const Security) -> c_int),
            Some(place) => finish(Err(uncreatable(place))),
        }
    }
    fn RemoveDirectoryW(path: *const u16) -> c_int {
        match locate(path) {
            None => real!(RemoveDirectoryW(path): fn(*const u16) -> c_int),
            Some(Place::Node(node)) if !node.is_dir() => finish(Err(ERROR_DIRECTORY)),
            Some(place) => finish(Err(unchangeable(place))),
        }
    }
    fn SetCurrentDirectoryW(path: *const u16) -> c_int {
        match locate(path).map(Place::existing) {
            None => real!(SetCurrentDirectoryW(path): fn(*const u16) -> c_int),
            Some(Ok(node)) if node.is_dir() => finish(Err(ERROR_ACCESS_DENIED)),
            Some(Ok(_)) => finish(Err(ERROR_DIRECTORY)),
            Some(Err(error)) => finish(Err(error)),
        }
    }
    fn MoveFileExW(from: *const u16, to: *const u16, flags: u32) -> c_int {
        match (locate(from), locate(to)) {
            (None, None) => real!(MoveFileExW(from, to, flags): fn(*const u16, *const u16, u32) -> c_int),
            (from, to) => finish(Err(immovable(from, to))),
        }
    }
    fn CreateHardLinkW(new: *const u16, existing: *const u16, security: *const Security) -> c_int {
        match (locate(existing), locate(new)) {
            (None, None) => real!(
                CreateHardLinkW(new, existing, security): fn(*const u16, *const u16, *const Security) -> c_int
            ),
            (existing, Some(Place::Node(_))) => finish(Err(
                existing.and_then(|place| place.existing().err()).unwrap_or(ERROR_ALREADY_EXISTS)
            )),
            (existing, new) => finish(Err(immovable(existing, new))),
        }
    }
    fn CreateSymbolicLinkW(link: *const u16, target: *const u16, flags: u32) -> u8 {
        match locate(link) {
            None => real!(CreateSymbolicLinkW(link, target, flags): fn(*const u16, *const u16, u32) -> u8),
            Some(place) => {
                set_error(uncreatable(place));
                0
            }
        }
    }
    fn CopyFile2(from: *const u16, to: *const u16, parameters: *const CopyParameters) -> u32 {
        /// `COPY_FILE_FAIL_IF_EXISTS`
        const FAIL_IF_EXISTS: u32 = 1;
        /// An error of the system as an `HRESULT`.
        const FACILITY: u32 = 0x8007_0000;
        let result = match (locate(from), locate(to)) {
            (None, None) => return real!(
                CopyFile2(from, to, parameters): fn(*const u16, *const u16, *const CopyParameters) -> u32
            ),
            (_, Some(place)) => Err(match place {
                Place::Absent => ERROR_WRITE_PROTECT,
                place => unchangeable(place),
            }),
            (Some(place), None) => {
                let new = !parameters.is_null() && (*parameters).flags & FAIL_IF_EXISTS != 0;
                place.existing().and_then(|node| copy(node, to, new))
            }
        };
        result.err().map_or(0, |error| FACILITY | error)
    }
    fn GetDiskFreeSpaceExW(path: *const u16, available: *mut u64, total: *mut u64, free: *mut u64) -> c_int {
        let Some(place) = locate(path) else {
            return real!(
                GetDiskFreeSpaceExW(path, available, total, free): fn(*const u16, *mut u64, *mut u64, *mut u64) -> c_int
            );
        };
        finish(place.existing().map(|_| {
            let size = super::BLOB.get().map_or(0, |blob| blob.bytes().len() as u64);
            for (target, value) in [(available, 0), (total, size), (free, 0)] {
                if !target.is_null() {
                    *target = value;
                }
            }
        }))
    }
    fn GetLongPathNameW(path: *const u16, buffer: *mut u16, length: u32) -> u32 {
        match named(path) {
            None => real!(GetLongPathNameW(path, buffer, length): fn(*const u16, *mut u16, u32) -> u32),
            Some(Ok(name)) => give(&name, buffer, length),
            Some(Err(error)) => {
                set_error(error);
                0
            }
        }
    }
    fn GetShortPathNameW(path: *const u16, buffer: *mut u16, length: u32) -> u32 {
        match named(path) {
            None => real!(GetShortPathNameW(path, buffer, length): fn(*const u16, *mut u16, u32) -> u32),
            Some(Ok(name)) => give(&name, buffer, length),
            Some(Err(error)) => {
                set_error(error);
                0
            }
        }
    }
}

/// The one name of a virtual file: it has no short one.
///
/// # Safety
/// `path` must be null or end with NUL.
unsafe fn named(path: *const u16) -> Option<Result<String, u32>> {
    // SAFETY: the caller's.
    unsafe {
        if !begins(path) {
            return None;
        }
        Some(locate(path)?.existing().and_then(outward))
    }
}

/// `GetFileInformationByName`, which programs look up (Windows 11): its type.
type ByName = unsafe extern "system" fn(*const u16, i32, *mut c_void, u32) -> c_int;

/// The system's, once somebody has asked for it.
static BY_NAME: std::sync::OnceLock<ByName> = std::sync::OnceLock::new();

/// Puts ours in front of the system's `GetFileInformationByName`.
pub(super) fn divert_by_name(system: Handle) -> Handle {
    // SAFETY: the function's type in winbase.h.
    BY_NAME.get_or_init(|| unsafe { std::mem::transmute::<Handle, ByName>(system) });
    by_name as ByName as *mut c_void
}

/// # Safety
/// As the system's function.
unsafe extern "system" fn by_name(
    path: *const u16,
    class: i32,
    result: *mut c_void,
    length: u32,
) -> c_int {
    /// `FileStatBasicByNameInfo`
    const BASIC: i32 = 3;
    // SAFETY: the caller's.
    unsafe {
        let Some(place) = locate(path) else {
            return match BY_NAME.get() {
                Some(system) => system(path, class, result, length),
                None => finish(Err(super::system::ERROR_NOT_SUPPORTED)),
            };
        };
        finish(place.existing().and_then(|node| {
            let bytes = answers::by_name(node)?;
            if class != BASIC || bytes.len() > length as usize {
                return Err(super::system::ERROR_NOT_SUPPORTED);
            }
            ptr::copy_nonoverlapping(bytes.as_ptr(), result.cast(), bytes.len());
            Ok(())
        }))
    }
}
