//! The slot in a Mach-O image (the layout is specified in docs/format.md, "The slot").
//!
//! `__TEXT,__oxidesc` carries the descriptor; in `__TEXT` it is read-only, and nothing the dynamic loader fixes up is near. The
//! blob's own segment, `__OXI`, is made by the linker (`-sectcreate`, in the link kit's arguments) and grows when something is
//! injected. `no_dead_strip` keeps the linker from dropping what no code refers to.
//!
//! `__TEXT,__oxilicenses` holds the licence texts of everything that is linked in, for anyone with `otool -s`; at run
//! time nothing touches it.
#![allow(unsafe_code)]

use oxidize_format::descriptor::{DESCRIPTOR_SIZE, Descriptor};

core::arch::global_asm!(
    r#"
    .pushsection __TEXT,__oxidesc,regular,no_dead_strip
    .p2align 4
    .globl _oxidize_descriptor
    .private_extern _oxidize_descriptor
_oxidize_descriptor:
    .ascii "OXIDESC1"
    .long {id0}, {id1}, {id2}, {id3}
    .quad 0
    .quad 0
    .long 0
    .long {abi}
    .zero 16
    .popsection
"#,
    ".pushsection __TEXT,__oxilicenses,regular,no_dead_strip",
    concat!(".incbin \"", env!("OXIDIZE_LICENSES"), "\""),
    ".popsection",
    id0 = const STUB_ID[0],
    id1 = const STUB_ID[1],
    id2 = const STUB_ID[2],
    id3 = const STUB_ID[3],
    abi = const oxidize_format::STUB_ABI,
);

/// The stub id as four little-endian words, from the build script.
const STUB_ID: [u32; 4] = super::parse_stub_id(env!("OXIDIZE_STUB_ID"));

unsafe extern "C" {
    static oxidize_descriptor: [u8; DESCRIPTOR_SIZE];
    /// Defined by the linker: the Mach-O header, from which the descriptor's address counts.
    static _mh_execute_header: u8;
}

fn read() -> [u8; DESCRIPTOR_SIZE] {
    // SAFETY: the symbol is 64 bytes of this image. The read is volatile because the bytes are written by the injector
    // after compilation, so the compiler must not take the initial ones for granted.
    unsafe { (&raw const oxidize_descriptor).read_volatile() }
}

/// The mapped blob, or `None` in a stub that nothing was injected into.
pub(crate) fn blob() -> Option<&'static [u8]> {
    let descriptor = Descriptor::read(&read()).ok()?;
    let (address, size) = (descriptor.address, descriptor.size);
    if size == 0 {
        return None;
    }
    // SAFETY: the injector wrote address and size together with the segment that maps exactly these bytes, readable and
    // never written, for the life of the process. The kernel checks each page against the file's signature before it is read.
    Some(unsafe {
        std::slice::from_raw_parts(
            (&raw const _mh_execute_header).add(address as usize),
            size as usize,
        )
    })
}
