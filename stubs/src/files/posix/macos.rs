//! Calls that take a path and are macOS's alone, or of another form elsewhere.

use std::ffi::{c_char, c_int, c_uint};

use libc::{AT_FDCWD, mode_t};

use super::calls::space;
use super::{attributes, existing, serve, streams, unchangeable};

refused! {
    unchangeable lchmod(mode: mode_t);
    unchangeable chflags(flags: c_uint);
    unchangeable lchflags(flags: c_uint);
}

define! {
    // `fopen` with more descriptors than a short number counts.
    fn fopen_extsn(path: *const c_char, mode: *const c_char) -> *mut libc::FILE {
        let real = real!(fopen_extsn: fn(*const c_char, *const c_char) -> *mut libc::FILE);
        streams::open(path, mode, real)
    }
    // SQLite asks whether it has to lock.
    fn statfs(path: *const c_char, target: *mut libc::statfs) -> c_int {
        serve(
            AT_FDCWD,
            path,
            |_, path| real!(statfs: fn(*const c_char, *mut libc::statfs) -> c_int)(path, target).into(),
            |place| {
                existing(place)?;
                let (blocks, files) = space();
                let mut own: libc::statfs = std::mem::zeroed();
                own.f_bsize = attributes::BLOCK as u32;
                own.f_iosize = attributes::BLOCK as i32;
                own.f_blocks = blocks;
                own.f_files = files;
                own.f_flags = libc::MNT_RDONLY as u32;
                for (target, name) in [
                    (own.f_fstypename.as_mut_slice(), "oxidize"),
                    (own.f_mntonname.as_mut_slice(), crate::paths::ROOT),
                ] {
                    for (target, byte) in target.iter_mut().zip(name.bytes()) {
                        *target = byte as c_char;
                    }
                }
                *target = own;
                Ok(0)
            },
        ) as c_int
    }
}
