//! The slot in an ELF image (the layout is specified in docs/format.md, "The slot").
//!
//! Three sections are reserved. `.note.oxidize` carries the descriptor. `.note.oxispare` is aligned
//! differently, so that lld gives it a program header of its own, which the injector turns into the
//! `PT_LOAD` of the blob; program headers never have to move. `.oxi.blob` is the section header
//! that the injector points at the blob, so that tools which rewrite files by section (strip,
//! objcopy) carry it along; `R` (`SHF_GNU_RETAIN`) keeps the linker from dropping it.
//!
//! `.oxi.licenses` holds the licence texts of everything that is linked in, as a zstd frame; at run
//! time nothing touches it. `objcopy -O binary --only-section=.oxi.licenses FILE /dev/stdout | zstd
//! -d` shows them.
#![allow(unsafe_code)]

use oxidize_format::Descriptor;
#[cfg(target_env = "musl")]
use oxidize_format::descriptor::MAKES_SNAPSHOT;

use super::read;

slot! {
    r#"
    .section .note.oxidize,"a",%note
    .balign 4
    .long 8, 64, 1
    .ascii "OXIDIZE\0"
    .hidden oxidize_descriptor
    .globl oxidize_descriptor
oxidize_descriptor:
"#,
    r#"
    .previous

    .section .note.oxispare,"a",%note
    .balign 8
    .long 4, 16, 2
    .ascii "OXI\0"
    .zero 16
    .previous

    .section .oxi.blob,"aR",%progbits
    .balign 16
    .ascii "OXIBLOBSLOT\0"
    .zero 4
    .previous
"#,
    // The same for a snapshot's heap: a program header and a section header.
    #[cfg(target_env = "musl")]
    r#"
    .section .note.oxiheap,"a",%note
    .balign 4
    .long 4, 16, 3
    .ascii "OXI\0"
    .zero 16
    .previous

    .section .oxi.heap,"aR",%progbits
    .balign 16
    .ascii "OXIHEAPSLOT\0"
    .zero 4
    .previous
"#,
    ".section .oxi.licenses,\"aR\",%progbits",
    concat!(".incbin \"", env!("OXIDIZE_LICENSES"), "\""),
    ".previous",
}

unsafe extern "C" {
    /// Defined by the linker: the first byte of the image, from which the descriptor's address
    /// counts.
    static __ehdr_start: u8;
}

/// Whether the injector has marked this file as one to take a snapshot of.
#[cfg(target_env = "musl")]
pub(crate) fn wants_snapshot() -> bool {
    Descriptor::read(&read()).is_ok_and(|descriptor| descriptor.flags & MAKES_SNAPSHOT != 0)
}

/// The mapped blob, or `None` in a stub that nothing was injected into.
pub(crate) fn blob() -> Option<&'static [u8]> {
    let descriptor = Descriptor::read(&read()).ok()?;
    let (address, size) = (descriptor.address, descriptor.size);
    if size == 0 {
        return None;
    }
    // SAFETY: the injector wrote address and size together with the PT_LOAD that maps exactly these
    // bytes, readable and never written, for the life of the process. If a tool has damaged the
    // file since, the kernel refuses to map it, or maps other bytes, which the format's reader does
    // not trust.
    Some(unsafe {
        std::slice::from_raw_parts(
            (&raw const __ehdr_start).add(address as usize),
            size as usize,
        )
    })
}
