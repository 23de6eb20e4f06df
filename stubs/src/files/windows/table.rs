//! Giving our functions to libraries of wheels, whose calls no linker of ours diverts: in their
//! import tables, and by `GetProcAddress`.

use std::ffi::{CStr, c_char};
use std::ptr;

use super::system::{GetModuleHandleW, VirtualProtect, wide};
use super::{Handle, calls};

type Function = unsafe extern "system" fn();

// `FUNCTIONS`: the names of `names.txt` with our definitions.
include!(concat!(env!("OUT_DIR"), "/file-functions.rs"));

fn ours(name: &[u8]) -> Option<*mut std::ffi::c_void> {
    let found = FUNCTIONS
        .iter()
        .find(|(known, _)| known.as_bytes() == name)?;
    Some(found.1 as *mut std::ffi::c_void)
}

/// Whether a library has the functions that ours stand for. (`msvcrt.dll` has descriptors of its
/// own.)
fn is_system(library: &[u8]) -> bool {
    const FAMILIES: [&[u8]; 5] = [
        b"kernel32.",
        b"kernelbase.",
        b"ucrtbase.",
        b"api-ms-win-core-",
        b"api-ms-win-crt-",
    ];
    let begins = |family: &&[u8]| {
        library
            .get(..family.len())
            .is_some_and(|front| front.eq_ignore_ascii_case(family))
    };
    FAMILIES.iter().any(begins)
}

define! {
    fn GetProcAddress(module: Handle, name: *const c_char) -> Handle {
        let found = real!(GetProcAddress(module, name): fn(Handle, *const c_char) -> Handle);
        // A small number is no name.
        if found.is_null() || name.addr() >> 16 == 0 {
            return found;
        }
        let name = CStr::from_ptr(name).to_bytes();
        if name == b"GetFileInformationByName" {
            return calls::divert_by_name(found);
        }
        let Some(function) = ours(name) else {
            return found;
        };
        let is = |library: &str| GetModuleHandleW(wide(library).as_ptr()) == module;
        if is("kernel32.dll") || is("kernelbase.dll") || is("ucrtbase.dll") {
            return function;
        }
        found
    }
}

/// An import descriptor (PE format, "Import Directory Table").
#[repr(C)]
#[derive(Clone, Copy)]
struct Descriptor {
    names: u32,
    stamp: u32,
    forwarder: u32,
    library: u32,
    addresses: u32,
}

/// Puts our functions into the import table of a loaded library.
///
/// # Safety
/// `library` must be what loading one has returned.
pub(crate) unsafe fn serve_library(library: Handle) {
    /// `PAGE_READWRITE`
    const WRITABLE: u32 = 4;
    let base = library.cast::<u8>();
    // SAFETY: the system has mapped a 64-bit image there and has gone through the same tables.
    unsafe {
        let word = |offset: usize| ptr::read_unaligned(base.add(offset).cast::<u32>()) as usize;
        let imports = word(word(0x3c) + 24 + 120);
        if imports == 0 {
            return;
        }
        let mut at = base.add(imports).cast::<Descriptor>();
        loop {
            let descriptor = ptr::read_unaligned(at);
            if descriptor.library == 0 {
                break;
            }
            at = at.add(1);
            let name = CStr::from_ptr(base.add(descriptor.library as usize).cast());
            if descriptor.names == 0 || !is_system(name.to_bytes()) {
                continue;
            }
            let names = base.add(descriptor.names as usize).cast::<usize>();
            let addresses = base
                .add(descriptor.addresses as usize)
                .cast::<*mut std::ffi::c_void>();
            for index in 0.. {
                let name = ptr::read_unaligned(names.add(index));
                if name == 0 {
                    break;
                }
                // By ordinal.
                if name >> 63 == 1 {
                    continue;
                }
                // Two bytes of hint come before a name.
                let name = CStr::from_ptr(base.add(name + 2).cast());
                let Some(function) = ours(name.to_bytes()) else {
                    continue;
                };
                let slot = addresses.add(index);
                let mut old = 0;
                let size = size_of::<usize>();
                if VirtualProtect(slot.cast(), size, WRITABLE, &raw mut old) != 0 {
                    slot.write_unaligned(function);
                    VirtualProtect(slot.cast(), size, old, &raw mut old);
                }
            }
        }
    }
}
