//! Claim: whatever the bytes of a shared object among the resources, reading what it needs and
//! exports does not panic and does not allocate out of proportion, for each container.

#![no_main]

#[path = "capped.rs"]
mod capped;

use std::collections::BTreeMap;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use oxidize_format::Target;
use oxidize_inject::internal::collect::dylib::{self, Dylib, Read};
use oxidize_inject::internal::collect::native::SharedObject;
use oxidize_inject::internal::container::pe;

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    Raw(&'a [u8]),
    /// An ELF shared object with these words in its dynamic section, and strings.
    Elf {
        entries: Vec<(u8, u16)>,
        strings: &'a [u8],
        edits: Vec<(u16, u8)>,
    },
    /// A DLL in most of its fields.
    Pe {
        edits: Vec<(u16, u8)>,
    },
    /// A dynamic library with these load commands.
    MachO {
        arm: bool,
        commands: Vec<(u8, &'a [u8])>,
        edits: Vec<(u16, u8)>,
    },
    /// Names that are followed within the tree.
    Tree(Vec<(&'a str, &'a [u8])>),
}

const PER_BYTE: usize = 512;
const BASE: usize = 1 << 20;

fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Raw(bytes) => read(bytes),
        Input::Elf {
            entries,
            strings,
            edits,
        } => read(&edited(elf(&entries, strings), edits)),
        Input::Pe { edits } => {
            let mut image = pe::synthetic::build(&pe::synthetic::Shape::default());
            let header =
                u32::from_le_bytes(image[0x3c..0x40].try_into().expect("four bytes")) as usize;
            image[header + 23] |= 0x20; // IMAGE_FILE_DLL
            read(&edited(image, edits));
        }
        Input::MachO {
            arm,
            commands,
            edits,
        } => read(&edited(library(arm, &commands), edits)),
        Input::Tree(files) => {
            let size: usize = files
                .iter()
                .map(|(path, name)| path.len() + name.len())
                .sum();
            let dylibs: BTreeMap<String, Dylib> = files
                .iter()
                .filter_map(|(path, name)| {
                    match dylib::read(&library(true, &[(0, name)]), Target::AARCH64_MACOS) {
                        Read::Dylib(dylib) => Some(((*path).to_owned(), dylib)),
                        _ => None,
                    }
                })
                .collect();
            capped::limit(size * PER_BYTE + BASE);
            for (path, object) in dylib::linked(&dylibs, Target::AARCH64_MACOS) {
                assert!(
                    object
                        .needed
                        .iter()
                        .all(|needed| *needed != path && dylibs.contains_key(needed))
                );
            }
        }
    }
    capped::limit(usize::MAX);
});

fn edited(mut bytes: Vec<u8>, edits: Vec<(u16, u8)>) -> Vec<u8> {
    for (at, value) in edits.into_iter().take(32) {
        let at = usize::from(at) % bytes.len();
        bytes[at] = value;
    }
    bytes
}

fn read(bytes: &[u8]) {
    capped::limit(bytes.len() * PER_BYTE + BASE);
    let _ = SharedObject::read("some.so", bytes);
    for target in [Target::AARCH64_MACOS, Target::X86_64_MACOS] {
        let _ = dylib::read(bytes, target);
    }
}

/// elf.h: a header, a segment with everything, and PT_DYNAMIC. Address 0 is offset 0.
fn elf(entries: &[(u8, u16)], strings: &[u8]) -> Vec<u8> {
    let at = 64 + 2 * 56;
    let dynamic = (entries.len() + 3) * 16;
    let len = (at + dynamic + strings.len()) as u64;
    let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0".to_vec();
    out.extend(0u64.to_le_bytes());
    out.extend(64u64.to_le_bytes());
    out.extend([0; 12]);
    out.extend([64, 0, 56, 0, 2, 0, 64, 0, 0, 0, 0, 0]);
    for (kind, offset, size) in [(1u32, 0, len), (2, at as u64, dynamic as u64)] {
        out.extend(kind.to_le_bytes());
        out.extend(4u32.to_le_bytes());
        for word in [offset, offset, offset, size, size, 8] {
            out.extend(word.to_le_bytes());
        }
    }
    let mut entry = |tag: u64, value: u64| {
        out.extend(tag.to_le_bytes());
        out.extend(value.to_le_bytes());
    };
    entry(5, (at + dynamic) as u64); // DT_STRTAB
    entry(10, strings.len() as u64); // DT_STRSZ
    for (tag, value) in entries {
        // DT_NEEDED and DT_SONAME mostly.
        entry(
            [1, 14, 1, u64::from(*tag)][usize::from(tag % 4)],
            u64::from(*value),
        );
    }
    entry(0, 0);
    out.extend(strings);
    out
}

/// mach-o/loader.h: a header and load commands with a path in each.
fn library(arm: bool, commands: &[(u8, &[u8])]) -> Vec<u8> {
    let mut all = Vec::new();
    for (kind, path) in commands.iter().take(1000) {
        let path = &path[..path.len().min(1000)];
        // LC_LOAD_DYLIB, LC_ID_DYLIB, LC_LOAD_WEAK_DYLIB, LC_RPATH
        let (command, head) = [
            (0xc_u32, 24_u32),
            (0xd, 24),
            (0x8000_0018, 24),
            (0x8000_001c, 12),
        ][usize::from(kind % 4)];
        let size = (head + path.len() as u32 + 8) & !7;
        let start = all.len();
        all.extend(command.to_le_bytes());
        all.extend(size.to_le_bytes());
        all.extend(head.to_le_bytes());
        all.resize(start + head as usize, 0);
        all.extend(path);
        all.resize(start + size as usize, 0);
    }
    let (processor, filetype) = (if arm { 0x0100_000c_u32 } else { 0x0100_0007 }, 6_u32);
    let mut out = macho_header(
        processor,
        filetype,
        commands.len().min(1000) as u32,
        all.len() as u32,
    );
    out.extend(all);
    out
}

fn macho_header(processor: u32, filetype: u32, commands: u32, size: u32) -> Vec<u8> {
    [0xfeed_facf, processor, 0, filetype, commands, size, 0, 0]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect()
}
