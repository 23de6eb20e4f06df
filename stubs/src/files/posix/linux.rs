//! Calls that take a path and are Linux's alone, or of another form elsewhere.

use std::ffi::{c_char, c_int, c_uint, c_void};

use libc::{AT_FDCWD, dev_t, mode_t, size_t, ssize_t};

use super::calls::{access_place, space};
use super::{attributes, existing, serve, unchangeable, uncreatable};

define! {
    fn statx(directory: c_int, path: *const c_char, flags: c_int, mask: c_uint, statx: *mut libc::statx) -> c_int {
        serve(
            directory,
            path,
            |directory, path| {
                let done = libc::syscall(libc::SYS_statx, directory, path, flags, mask, statx);
                if done == 0
                    && flags & libc::AT_EMPTY_PATH != 0
                    && let found = &*statx
                    && let Some(node) = attributes::identify(
                        found.stx_nlink.into(),
                        found.stx_mode.into(),
                        found.stx_mtime.tv_sec,
                        found.stx_mtime.tv_nsec.into(),
                        found.stx_size,
                    )
                    && let Ok(own) = attributes::statx(node)
                {
                    *statx = own;
                }
                done
            },
            |place| {
                *statx = attributes::statx(existing(place)?)?;
                Ok(0)
            },
        ) as c_int
    }
    fn eaccess(path: *const c_char, mode: c_int) -> c_int {
        serve(
            AT_FDCWD,
            path,
            |_, path| real!(eaccess: fn(*const c_char, c_int) -> c_int)(path, mode).into(),
            |place| access_place(place, mode),
        ) as c_int
    }
    fn euidaccess(path: *const c_char, mode: c_int) -> c_int {
        serve(
            AT_FDCWD,
            path,
            |_, path| real!(euidaccess: fn(*const c_char, c_int) -> c_int)(path, mode).into(),
            |place| access_place(place, mode),
        ) as c_int
    }
}

/// A call of the kernel's that begins with a path.
macro_rules! plain {
    ($path:ident, $number:ident($($rest:expr),*), $tree:expr) => {
        serve(
            AT_FDCWD,
            $path,
            |_, path| libc::syscall(libc::$number, path $(, $rest)*),
            $tree,
        )
    };
}

// Extended attributes: there are none.
define! {
    fn getxattr(path: *const c_char, name: *const c_char, value: *mut c_void, size: size_t) -> ssize_t {
        plain!(path, SYS_getxattr(name, value, size), |place| existing(place).and(Err(libc::ENODATA))) as ssize_t
    }
    fn lgetxattr(path: *const c_char, name: *const c_char, value: *mut c_void, size: size_t) -> ssize_t {
        plain!(path, SYS_lgetxattr(name, value, size), |place| existing(place).and(Err(libc::ENODATA))) as ssize_t
    }
    fn listxattr(path: *const c_char, list: *mut c_char, size: size_t) -> ssize_t {
        plain!(path, SYS_listxattr(list, size), |place| existing(place).map(|_| 0)) as ssize_t
    }
    fn llistxattr(path: *const c_char, list: *mut c_char, size: size_t) -> ssize_t {
        plain!(path, SYS_llistxattr(list, size), |place| existing(place).map(|_| 0)) as ssize_t
    }
    fn setxattr(path: *const c_char, name: *const c_char, value: *const c_void, size: size_t, flags: c_int) -> c_int {
        plain!(path, SYS_setxattr(name, value, size, flags), |place| Err(unchangeable(place))) as c_int
    }
    fn lsetxattr(path: *const c_char, name: *const c_char, value: *const c_void, size: size_t, flags: c_int) -> c_int {
        plain!(path, SYS_lsetxattr(name, value, size, flags), |place| Err(unchangeable(place))) as c_int
    }
    fn removexattr(path: *const c_char, name: *const c_char) -> c_int {
        plain!(path, SYS_removexattr(name), |place| Err(unchangeable(place))) as c_int
    }
    fn lremovexattr(path: *const c_char, name: *const c_char) -> c_int {
        plain!(path, SYS_lremovexattr(name), |place| Err(unchangeable(place))) as c_int
    }
}

define! {
    pub(super) fn statvfs(path: *const c_char, target: *mut libc::statvfs) -> c_int {
        serve(
            AT_FDCWD,
            path,
            |_, path| real!(statvfs: fn(*const c_char, *mut libc::statvfs) -> c_int)(path, target).into(),
            |place| {
                existing(place)?;
                let (blocks, files) = space();
                let mut own: libc::statvfs = std::mem::zeroed();
                own.f_bsize = attributes::BLOCK;
                own.f_frsize = attributes::BLOCK;
                own.f_blocks = blocks;
                own.f_files = files;
                own.f_flag = libc::ST_RDONLY;
                own.f_namemax = oxidize_format::MAX_NAME as u64;
                *target = own;
                Ok(0)
            },
        ) as c_int
    }
    pub(super) fn statfs(path: *const c_char, target: *mut libc::statfs) -> c_int {
        serve(
            AT_FDCWD,
            path,
            |_, path| real!(statfs: fn(*const c_char, *mut libc::statfs) -> c_int)(path, target).into(),
            |place| {
                existing(place)?;
                let (blocks, files) = space();
                let mut own: libc::statfs = std::mem::zeroed();
                // SquashFS's, the nearest relative: read-only, compressed, packed.
                own.f_type = 0x7371_7368;
                own.f_bsize = attributes::BLOCK as _;
                own.f_blocks = blocks;
                own.f_files = files;
                own.f_namelen = oxidize_format::MAX_NAME as _;
                *target = own;
                Ok(0)
            },
        ) as c_int
    }
}

refused_at! {
    uncreatable mkfifoat(mode: mode_t);
    uncreatable mknodat(mode: mode_t, device: dev_t);
}
