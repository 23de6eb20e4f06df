//! Finding the blob in our own image: one read through a linker symbol. No file is opened and nothing is searched.

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
