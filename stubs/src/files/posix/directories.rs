//! Directory streams.
//!
//! A `DIR` of ours is told from the C library's by its first two words. The C library's begin with
//! a descriptor and a lock (glibc), a position, a descriptor and a buffer's length (musl), a
//! descriptor and a place in the buffer (macOS), so none can hold an address of ours twice over.

use std::ffi::{c_char, c_int, c_long};
use std::ptr;

use libc::{DIR, dirent};
use oxidize_format::Node;

use super::{BLOB, Lead, attributes, descriptors, existing, locate, set_errno};

/// Its address marks our streams.
static MARK: u8 = 0;

fn mark() -> [usize; 2] {
    let address = (&raw const MARK).addr();
    [address, !address]
}

#[repr(C)]
struct Stream {
    mark: [usize; 2],
    directory: u32,
    /// -1 until somebody asks for it.
    descriptor: c_int,
    /// Next entry: `.`, `..`, then the children.
    position: u64,
    entry: dirent,
}

/// The stream behind a pointer, if it is ours.
///
/// # Safety
/// `stream` must be what some `opendir` returned.
#[inline(always)]
unsafe fn own<'a>(stream: *mut DIR) -> Option<&'a mut Stream> {
    // SAFETY: every C library's streams have more than two words at their beginning.
    unsafe { (*stream.cast::<[usize; 2]>() == mark()).then(|| &mut *stream.cast::<Stream>()) }
}

fn node(stream: &Stream) -> Option<Node<'static>> {
    BLOB.get()?.tree().get(stream.directory).ok()
}

fn new(node: Node<'static>, descriptor: c_int) -> *mut DIR {
    let stream = Stream {
        mark: mark(),
        directory: node.index(),
        descriptor,
        position: 0,
        // SAFETY: a structure of numbers.
        entry: unsafe { std::mem::zeroed() },
    };
    Box::into_raw(Box::new(stream)).cast()
}

/// Writes the next entry; false at the end.
fn next(stream: &mut Stream) -> bool {
    let Some(directory) = node(stream) else {
        return false;
    };
    loop {
        let position = stream.position;
        let (node, name) = match position {
            0 => (directory, "."),
            1 => (directory.parent().ok().flatten().unwrap_or(directory), ".."),
            _ => {
                let child = u32::try_from(position - 2).ok();
                let children = directory.children();
                let Some(child) = child.filter(|child| *child < children.len()) else {
                    return false;
                };
                match children.get(child) {
                    Ok(node) => (node, node.name()),
                    Err(_) => return false,
                }
            }
        };
        stream.position += 1;
        let entry = &mut stream.entry;
        // No system has longer names.
        if name.len() >= entry.d_name.len() {
            continue;
        }
        entry.d_ino = attributes::inode(node);
        #[cfg(target_os = "linux")]
        {
            entry.d_off = stream.position.cast_signed();
        }
        #[cfg(target_os = "macos")]
        {
            entry.d_seekoff = stream.position;
            entry.d_namlen = name.len() as u16;
        }
        entry.d_reclen = size_of::<dirent>() as u16;
        entry.d_type = if node.is_dir() {
            libc::DT_DIR
        } else {
            libc::DT_REG
        };
        for (target, byte) in entry.d_name.iter_mut().zip(name.bytes().chain([0])) {
            *target = byte as c_char;
        }
        return true;
    }
}

define! {
    fn opendir(path: *const c_char) -> *mut DIR {
        let place = match locate(path) {
            Lead::System(path) => return real!(opendir: fn(*const c_char) -> *mut DIR)(path),
            Lead::Tree(place) => place,
        };
        match existing(place) {
            Ok(node) if node.is_dir() => new(node, -1),
            Ok(_) => {
                set_errno(libc::ENOTDIR);
                ptr::null_mut()
            }
            Err(error) => {
                set_errno(error);
                ptr::null_mut()
            }
        }
    }
    fn fdopendir(descriptor: c_int) -> *mut DIR {
        match descriptors::identify(descriptor).filter(Node::is_dir) {
            Some(node) => new(node, descriptor),
            None => real!(fdopendir: fn(c_int) -> *mut DIR)(descriptor),
        }
    }
    fn closedir(stream: *mut DIR) -> c_int {
        match own(stream) {
            None => real!(closedir: fn(*mut DIR) -> c_int)(stream),
            Some(own) => {
                let own = Box::from_raw(own);
                if own.descriptor < 0 { 0 } else { libc::close(own.descriptor) }
            }
        }
    }
    fn dirfd(stream: *mut DIR) -> c_int {
        match own(stream) {
            None => real!(dirfd: fn(*mut DIR) -> c_int)(stream),
            Some(own) => {
                if own.descriptor < 0 {
                    let opened = node(own).ok_or(libc::EIO).and_then(|node| descriptors::open(node, libc::O_CLOEXEC));
                    match opened {
                        Ok(descriptor) => own.descriptor = descriptor,
                        Err(error) => set_errno(error),
                    }
                }
                own.descriptor
            }
        }
    }
    pub(super) fn readdir(stream: *mut DIR) -> *mut dirent {
        match own(stream) {
            None => real!(readdir: fn(*mut DIR) -> *mut dirent)(stream),
            Some(own) => match next(own) {
                true => &raw mut own.entry,
                false => ptr::null_mut(),
            },
        }
    }
    pub(super) fn readdir_r(stream: *mut DIR, entry: *mut dirent, result: *mut *mut dirent) -> c_int {
        match own(stream) {
            None => {
                real!(readdir_r: fn(*mut DIR, *mut dirent, *mut *mut dirent) -> c_int)(stream, entry, result)
            }
            Some(own) => {
                *result = match next(own) {
                    true => {
                        *entry = own.entry;
                        entry
                    }
                    false => ptr::null_mut(),
                };
                0
            }
        }
    }
    fn rewinddir(stream: *mut DIR) -> () {
        match own(stream) {
            None => real!(rewinddir: fn(*mut DIR) -> ())(stream),
            Some(own) => own.position = 0,
        }
    }
    fn telldir(stream: *mut DIR) -> c_long {
        match own(stream) {
            None => real!(telldir: fn(*mut DIR) -> c_long)(stream),
            Some(own) => own.position as c_long,
        }
    }
    fn seekdir(stream: *mut DIR, position: c_long) -> () {
        match own(stream) {
            None => real!(seekdir: fn(*mut DIR, c_long) -> ())(stream, position),
            Some(own) => own.position = position as u64,
        }
    }
}
