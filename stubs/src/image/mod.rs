//! Finding the blob in our own image: one read through a linker symbol. No file is opened and
//! nothing is searched.

#![allow(unsafe_code)]

use oxidize_format::descriptor::DESCRIPTOR_SIZE;

/// The assembly of a slot: what stands before the descriptor's 64 bytes, and what behind them.
macro_rules! slot {
    ($before:expr, $($behind:tt)*) => {
        core::arch::global_asm!(
            $before,
            ".ascii \"OXIDESC1\"",
            ".long {id0}, {id1}, {id2}, {id3}",
            ".quad 0, 0",
            ".long 0, {abi}",
            ".quad 0",
            ".long {version}, {magic}",
            $($behind)*
            id0 = const super::STUB_ID[0],
            id1 = const super::STUB_ID[1],
            id2 = const super::STUB_ID[2],
            id3 = const super::STUB_ID[3],
            abi = const oxidize_format::STUB_ABI,
            version = const oxidize_python::VERSION_HEX,
            magic = const oxidize_python::BYTECODE_MAGIC,
        );
    };
}

#[cfg(target_os = "linux")]
mod elf;
#[cfg(target_os = "macos")]
mod macho;
#[cfg(windows)]
mod pe;

#[cfg(target_os = "linux")]
pub(crate) use elf::blob;
#[cfg(target_env = "musl")]
pub(crate) use elf::wants_snapshot;
#[cfg(target_os = "macos")]
pub(crate) use macho::blob;
#[cfg(windows)]
pub(crate) use pe::blob;

unsafe extern "C" {
    static oxidize_descriptor: [u8; DESCRIPTOR_SIZE];
}

fn read() -> [u8; DESCRIPTOR_SIZE] {
    // SAFETY: the symbol is 64 bytes of this image. The read is volatile because the bytes are
    // written by the injector after compilation, so the compiler must not take the initial ones for
    // granted.
    unsafe { (&raw const oxidize_descriptor).read_volatile() }
}

/// The stub id as four little-endian words, from the build script.
const STUB_ID: [u32; 4] = parse_stub_id(env!("OXIDIZE_STUB_ID"));

/// The stub id in hexadecimal, as four words for the assembler.
const fn parse_stub_id(hex: &str) -> [u32; 4] {
    let digits = hex.as_bytes();
    assert!(digits.len() == 32, "the stub id is 16 bytes in hexadecimal");
    let mut words = [0u32; 4];
    let mut index = 0;
    while index < 32 {
        let value = match digits[index] {
            digit @ b'0'..=b'9' => digit - b'0',
            digit @ b'a'..=b'f' => digit - b'a' + 10,
            _ => panic!("the stub id is lower-case hexadecimal"),
        };
        // Byte order of the descriptor: the first digits are the first byte.
        let byte = index / 2;
        let shift = (byte % 4) * 8 + if index % 2 == 0 { 4 } else { 0 };
        words[byte / 4] |= (value as u32) << shift;
        index += 1;
    }
    words
}
