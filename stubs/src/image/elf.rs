//! The slot in an ELF image (the layout is specified in docs/format.md, "The slot").
//!
//! Three sections are reserved. `.note.oxidize` carries the descriptor. `.note.oxispare` is aligned differently, so that
//! lld gives it a program header of its own, which the injector turns into the `PT_LOAD` of the blob; program headers
//! never have to move. `.oxi.blob` is the section header that the injector points at the blob, so that tools which
//! rewrite files by section (strip, objcopy) carry it along; `R` (`SHF_GNU_RETAIN`) keeps the linker from dropping it.
//!
//! `.oxi.licenses` holds the licence texts of everything that is linked in, as a zstd frame; at run time nothing touches it.
//! `objcopy -O binary --only-section=.oxi.licenses FILE /dev/stdout | zstd -d` shows them.
#![allow(unsafe_code)]

#[cfg(target_env = "musl")]
use oxidize_format::descriptor::MAKES_SNAPSHOT;
use oxidize_format::descriptor::{DESCRIPTOR_SIZE, Descriptor};

core::arch::global_asm!(
    r#"
    .section .note.oxidize,"a",%note
    .balign 4
    .long 8, 64, 1
    .ascii "OXIDIZE\0"
    .hidden oxidize_descriptor
    .globl oxidize_descriptor
oxidize_descriptor:
    .ascii "OXIDESC1"
    .long {id0}, {id1}, {id2}, {id3}
    .quad 0
    .quad 0
    .long 0
    .long {abi}
    .zero 16
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
    /// Defined by the linker: the first byte of the image, from which the descriptor's address counts.
    static __ehdr_start: u8;
}

fn read() -> [u8; DESCRIPTOR_SIZE] {
    // SAFETY: the symbol is 64 bytes of this image. The read is volatile because the bytes are written by the injector
    // after compilation, so the compiler must not take the initial ones for granted.
    unsafe { (&raw const oxidize_descriptor).read_volatile() }
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
    // SAFETY: the injector wrote address and size together with the PT_LOAD that maps exactly these bytes, readable and
    // never written, for the life of the process. If a tool has damaged the file since, the kernel refuses to map it, or
    // maps other bytes, which the format's reader does not trust.
    Some(unsafe {
        std::slice::from_raw_parts(
            (&raw const __ehdr_start).add(address as usize),
            size as usize,
        )
    })
}
