//! The slot in a Mach-O image (the layout is specified in docs/format.md, "The slot").
//!
//! `__TEXT,__oxidesc` carries the descriptor; in `__TEXT` it is read-only, and nothing the dynamic
//! loader fixes up is near. The blob's own segment, `__OXI`, is made by the linker (`-sectcreate`,
//! in the link kit's arguments) and grows when something is injected. `no_dead_strip` keeps the
//! linker from dropping what no code refers to.
//!
//! `__TEXT,__oxilicenses` holds the licence texts of everything that is linked in, as a zstd frame;
//! at run time nothing touches it.
#![allow(unsafe_code)]

use oxidize_format::Descriptor;

use super::read;

slot! {
    r#"
    .pushsection __TEXT,__oxidesc,regular,no_dead_strip
    .p2align 4
    .globl _oxidize_descriptor
    .private_extern _oxidize_descriptor
_oxidize_descriptor:
"#,
    r#"
    .popsection
"#,
    ".pushsection __TEXT,__oxilicenses,regular,no_dead_strip",
    concat!(".incbin \"", env!("OXIDIZE_LICENSES"), "\""),
    ".popsection",
}

unsafe extern "C" {
    /// Defined by the linker: the Mach-O header, from which the descriptor's address counts.
    static _mh_execute_header: u8;
}

/// The mapped blob, or `None` in a stub that nothing was injected into.
pub(crate) fn blob() -> Option<&'static [u8]> {
    let descriptor = Descriptor::read(&read()).ok()?;
    let (address, size) = (descriptor.address, descriptor.size);
    if size == 0 {
        return None;
    }
    // SAFETY: the injector wrote address and size together with the segment that maps exactly these
    // bytes, readable and never written, for the life of the process. The kernel checks each page
    // against the file's signature before it is read.
    Some(unsafe {
        std::slice::from_raw_parts(
            (&raw const _mh_execute_header).add(address as usize),
            size as usize,
        )
    })
}
