//! Small Mach-O files with a slot, for tests and fuzzing. They have the shape of a stub and no
//! code.

use oxidize_format::Descriptor;

use crate::image::macho::adhoc::{ADHOC, LINKER_SIGNED, Signature};

/// What the file looks like.
#[derive(Debug, Clone)]
pub struct Shape {
    /// For Apple silicon, or else for Intel.
    pub arm: bool,
    /// Bytes of code.
    pub code: usize,
    /// Bytes in the slot that are not zero.
    pub placeholder: u16,
    /// Pages in the slot.
    pub pages: u8,
    /// Bytes of symbol names.
    pub strings: u16,
    /// Chained fixups and an exports trie, or else the older dynamic loader information.
    pub chained: bool,
    /// Whether the linker's own signature stands there, or else one made later.
    pub linker_signed: bool,
}

impl Default for Shape {
    fn default() -> Shape {
        Shape {
            arm: true,
            code: 100,
            placeholder: 12,
            pages: 1,
            strings: 40,
            chained: true,
            linker_signed: true,
        }
    }
}

const BASE: u64 = 0x1_0000_0000;

/// Load commands, one after the other.
struct Commands {
    bytes: Vec<u8>,
    count: u32,
}

impl Commands {
    fn add(&mut self, kind: u32, words: &[u32], tail: &[u8]) {
        let size = (8 + 4 * words.len() + tail.len()).next_multiple_of(8);
        let end = self.bytes.len() + size;
        put(&mut self.bytes, &[kind, size as u32]);
        put(&mut self.bytes, words);
        self.bytes.extend_from_slice(tail);
        self.bytes.resize(end, 0);
        self.count += 1;
    }

    /// A segment: address, size, file offset, size there; protections; sections as name, address,
    /// size, file offset.
    fn segment(
        &mut self,
        name: &str,
        range: [u64; 4],
        protection: u32,
        sections: &[(&str, u64, u64, u64)],
    ) {
        let mut body = padded(name);
        body.extend(range.iter().flat_map(|value| value.to_le_bytes()));
        put(
            &mut body,
            &[protection, protection, sections.len() as u32, 0],
        );
        for (section, address, size, offset) in sections {
            body.extend_from_slice(&padded(section));
            body.extend_from_slice(&padded(name));
            body.extend_from_slice(&address.to_le_bytes());
            body.extend_from_slice(&size.to_le_bytes());
            put(&mut body, &[*offset as u32, 0, 0, 0, 0, 0, 0, 0]);
        }
        self.add(0x19, &[], &body);
    }
}

/// Builds the file.
#[must_use]
pub fn build(shape: &Shape) -> Vec<u8> {
    let page = if shape.arm { 0x4000 } else { 0x1000 };
    // The headers take less than a page of 4 KiB; code and descriptor follow.
    let descriptor_at = 0x1000 + shape.code.next_multiple_of(16) as u64;
    let text = (descriptor_at + 64).next_multiple_of(page);
    let slot = u64::from(shape.pages.max(1)) * page;
    let linkedit = text + page + slot;

    let mut tail = Vec::new();
    let mut place = |len: usize| {
        let at = linkedit + tail.len() as u64;
        tail.extend((0..len.next_multiple_of(8)).map(|i| i as u8));
        [at as u32, len as u32]
    };
    let (loader, exports) = (place(56), place(48));
    let (starts, data) = (place(8), place(0));
    let [symbols, _] = place(2 * 16);
    let [strings, strings_len] = place(usize::from(shape.strings).max(8));
    tail.resize(tail.len().next_multiple_of(16), 0);
    let signature_at = linkedit + tail.len() as u64;
    let signature = Signature {
        identifier: "stub".to_owned(),
        flags: if shape.linker_signed {
            ADHOC | LINKER_SIGNED
        } else {
            ADHOC
        },
        code_limit: signature_at as u32,
        executable: (0, text),
    };
    let linkedit_size = tail.len() as u64 + signature.len();

    let mut commands = Commands {
        bytes: Vec::new(),
        count: 0,
    };
    commands.segment("__PAGEZERO", [0, BASE, 0, 0], 0, &[]);
    let code = ("__text", BASE + 0x1000, shape.code as u64, 0x1000);
    let descriptor = ("__oxidesc", BASE + descriptor_at, 64, descriptor_at);
    commands.segment("__TEXT", [BASE, text, 0, text], 5, &[code, descriptor]);
    let variables = ("__data", BASE + text, 64, text);
    commands.segment("__DATA", [BASE + text, page, text, page], 3, &[variables]);
    let (address, offset) = (BASE + text + page, text + page);
    let blob = ("__blob", address, slot, offset);
    commands.segment("__OXI", [address, slot, offset, slot], 3, &[blob]);
    let memory = linkedit_size.next_multiple_of(page);
    let range = [BASE + linkedit, memory, linkedit, linkedit_size];
    commands.segment("__LINKEDIT", range, 1, &[]);
    if shape.chained {
        commands.add(0x8000_0034, &loader, &[]);
        commands.add(0x8000_0033, &exports, &[]);
    } else {
        let [at, len] = loader;
        let [exports_at, exports_len] = exports;
        let information = [at, 8, at + 8, len - 8, 0, 0, 0, 0, exports_at, exports_len];
        commands.add(0x8000_0022, &information, &[]);
    }
    commands.add(0x2, &[symbols, 2, strings, strings_len], &[]);
    let mut dynamic = [0; 18];
    dynamic[..6].copy_from_slice(&[0, 0, 0, 1, 1, 1]);
    commands.add(0xb, &dynamic, &[]);
    commands.add(0xe, &[12], b"/usr/lib/dyld\0");
    commands.add(0x1b, &[1, 2, 3, 4], &[]);
    commands.add(0x32, &[1, 0x000b_0000, 0x000b_0000, 0], &[]);
    commands.add(0x8000_0028, &[0x1000, 0, 0, 0], &[]);
    let library = b"/usr/lib/libSystem.B.dylib\0";
    commands.add(0xc, &[24, 2, 0x0001_0000, 0x0001_0000], library);
    commands.add(0x26, &starts, &[]);
    commands.add(0x29, &data, &[]);
    commands.add(0x1d, &[signature_at as u32, signature.len() as u32], &[]);

    let mut out = Vec::new();
    let processor = if shape.arm { 0x0100_000c } else { 0x0100_0007 };
    let subtype = if shape.arm { 0 } else { 3 };
    put(
        &mut out,
        &[0xfeed_facf, processor, subtype, 2, commands.count],
    );
    put(&mut out, &[commands.bytes.len() as u32, 0x0020_0085, 0]);
    out.extend_from_slice(&commands.bytes);
    assert!(out.len() < 0x1000, "the headers fit");
    out.resize(0x1000, 0);
    out.extend((0..shape.code).map(|i| i as u8));
    out.resize(descriptor_at as usize, 0);
    let descriptor = Descriptor {
        stub_id: [0x5a; 16],
        stub_abi: crate::python::STUB_ABI,
        ..Descriptor::default()
    };
    out.extend_from_slice(&descriptor.to_bytes());
    out.resize(text as usize, 0);
    out.resize((text + page) as usize, 0xda);
    out.extend((0..shape.placeholder.min(0x1000)).map(|i| i as u8 | 1));
    out.resize(linkedit as usize, 0);
    out.extend_from_slice(&tail);
    let signature = signature.of(&out);
    out.extend_from_slice(&signature);
    out
}

fn padded(name: &str) -> Vec<u8> {
    let mut out = name.as_bytes().to_vec();
    out.resize(16, 0);
    out
}

fn put(out: &mut Vec<u8>, words: &[u32]) {
    out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}
