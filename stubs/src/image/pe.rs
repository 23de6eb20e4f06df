//! The slot in a PE image (the layout is specified in docs/format.md, section 16).
//!
//! One section is reserved, `.oxidesc` with the descriptor. The blob is a resource in a section
//! that the injector appends, and the descriptor says where in memory it is, counted from
//! `__ImageBase`: the system has mapped it with the program, so there is nothing to look for. Tools
//! that edit resources (`rcedit`, `UpdateResource`) write that section anew. Then the descriptor
//! leads to something else, the blob is looked up as the resource that it still is, and is copied
//! if the tool has not kept its alignment.
//!
//! `.oxilic` holds the licence texts of everything that is linked in, as a zstd frame; at run time
//! nothing touches it.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc};
use std::ffi::c_void;

use oxidize_format::Descriptor;

use super::read;

slot! {
    r#"
    .section .oxidesc,"dr"
    .balign 16
    .globl oxidize_descriptor
oxidize_descriptor:
"#,
    r#"
    .text
"#,
    ".section .oxilic,\"dr\"",
    concat!(".incbin \"", env!("OXIDIZE_LICENSES"), "\""),
    ".text",
}

unsafe extern "C" {
    /// Defined by the linker: the first byte of the image, from which the descriptor's address
    /// counts.
    static __ImageBase: u8;
}

unsafe extern "system" {
    fn FindResourceW(module: *const c_void, name: *const u16, kind: *const u16) -> *mut c_void;
    fn LoadResource(module: *const c_void, resource: *mut c_void) -> *mut c_void;
    fn LockResource(loaded: *mut c_void) -> *const u8;
    fn SizeofResource(module: *const c_void, resource: *mut c_void) -> u32;
}

/// `RT_RCDATA`, as `MAKEINTRESOURCE` makes it (winuser.h).
const RCDATA: *const u16 = std::ptr::without_provenance(10);
/// The resource's name.
const NAME: [u16; 8] = [0x4f, 0x58, 0x49, 0x44, 0x49, 0x5a, 0x45, 0];
/// What a blob begins with.
const MAGIC: &[u8; 8] = b"\x89OXIBLOB";
/// Alignment of the blob in memory: what the injector gives it.
const PAGE: usize = 4096;

/// The mapped blob, or `None` in a stub that nothing was injected into.
pub(crate) fn blob() -> Option<&'static [u8]> {
    let descriptor = Descriptor::read(&read()).ok()?;
    if descriptor.size == 0 {
        return None;
    }
    described(&descriptor).or_else(resource)
}

fn base() -> *const u8 {
    &raw const __ImageBase
}

/// What the descriptor names, if that is a blob.
fn described(descriptor: &Descriptor) -> Option<&'static [u8]> {
    let (address, size) = (
        usize::try_from(descriptor.address).ok()?,
        usize::try_from(descriptor.size).ok()?,
    );
    let inside = sections().any(|(start, length)| {
        let end = start + length;
        (start..end).contains(&address) && size <= end - address && size >= MAGIC.len()
    });
    if !inside || !address.is_multiple_of(PAGE) {
        return None;
    }
    // SAFETY: the range lies in a section of this image, so the system has mapped it, readable, for
    // the life of the process. The injector makes that section read-only; what else it may hold,
    // the format's reader does not trust.
    let bytes = unsafe { std::slice::from_raw_parts(base().add(address), size) };
    bytes.starts_with(MAGIC).then_some(bytes)
}

/// Address and length in memory of the sections of this image that are readable and not writable.
fn sections() -> impl Iterator<Item = (usize, usize)> {
    const HEADER: usize = 40;
    // SAFETY: the headers of a running program are mapped and the system has checked them:
    // `e_lfanew` at 0x3c leads to the signature, the file header (20 bytes, with the number of
    // sections at 2 and the length of the optional header at 16) and the optional header, behind
    // which the section headers lie (PE format, "Section Table").
    let (first, count) = unsafe {
        let header = base().add(base().add(0x3c).cast::<u32>().read_unaligned() as usize + 4);
        let count = header.add(2).cast::<u16>().read_unaligned();
        let optional = header.add(16).cast::<u16>().read_unaligned();
        (header.add(20 + usize::from(optional)), usize::from(count))
    };
    (0..count).filter_map(move |index| {
        // SAFETY: as above.
        let word = |offset: usize| unsafe {
            let at = first.add(index * HEADER + offset);
            at.cast::<u32>().read_unaligned()
        };
        let readable = word(36) & 0xc000_0000 == 0x4000_0000;
        readable.then(|| (word(12) as usize, word(8) as usize))
    })
}

/// The blob as a resource, wherever a tool has put it.
fn resource() -> Option<&'static [u8]> {
    let module = base().cast();
    // SAFETY: this module, a NUL-terminated name and a type by number. What the functions return
    // lies in the image.
    let bytes = unsafe {
        let found = FindResourceW(module, NAME.as_ptr(), RCDATA);
        if found.is_null() {
            return None;
        }
        let start = LockResource(LoadResource(module, found));
        if start.is_null() {
            return None;
        }
        std::slice::from_raw_parts(start, SizeofResource(module, found) as usize)
    };
    if bytes.as_ptr().addr().is_multiple_of(PAGE) {
        Some(bytes)
    } else {
        aligned_copy(bytes)
    }
}

fn aligned_copy(bytes: &[u8]) -> Option<&'static [u8]> {
    let layout = Layout::from_size_align(bytes.len().max(1), PAGE).ok()?;
    // SAFETY: the layout is not of size zero; the memory is filled before it is read, and never
    // freed.
    unsafe {
        let copy = alloc(layout);
        if copy.is_null() {
            return None;
        }
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len());
        Some(std::slice::from_raw_parts(copy, bytes.len()))
    }
}
