//! Small ELF files with a slot, for tests and fuzzing. They have the shape of a stub and no code.

use oxidize_format::Descriptor;

/// What the file looks like.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Address of the first segment.
    pub base: u64,
    /// Bytes of code behind the headers.
    pub code: usize,
    /// Size of `.bss`.
    pub bss: u64,
    /// Whether there are section headers.
    pub sections: bool,
    /// Bytes behind everything the headers speak of.
    pub tail: usize,
    /// Whether another note stands before ours in the same segment.
    pub other_note: bool,
    /// Version and bytecode of the Python that the descriptor names.
    pub python: (u32, u32),
}

impl Default for Shape {
    fn default() -> Shape {
        Shape {
            base: 0x20_0000,
            code: 100,
            bss: 300_000,
            sections: true,
            tail: 0,
            other_note: true,
            python: (0, 0),
        }
    }
}

/// Builds the file.
#[must_use]
pub fn build(shape: &Shape) -> Vec<u8> {
    const PROGRAMS: usize = 5;
    let mut notes = Vec::new();
    if shape.other_note {
        notes.extend_from_slice(&note(b"GNU\0", 3, &[7; 20]));
    }
    let descriptor = Descriptor {
        stub_id: [0x5a; 16],
        stub_abi: crate::python::STUB_ABI,
        py_version_hex: shape.python.0,
        bytecode_magic: shape.python.1,
        ..Descriptor::default()
    }
    .to_bytes();
    notes.extend_from_slice(&note(b"OXIDIZE\0", 1, &descriptor));
    notes.resize(notes.len().next_multiple_of(8), 0);
    let notes_at = (64 + PROGRAMS * 56) as u64;
    let spare = note(b"OXI\0", 2, &[0; 16]);
    let spare_at = notes_at + notes.len() as u64;

    let mut out = vec![0; 64];
    let text_len = spare_at + spare.len() as u64 + 16 + shape.code as u64;
    let data_at = text_len.next_multiple_of(0x1000);
    let base = shape.base;
    let loaded = [
        (1u32, 5u32, 0, text_len, text_len, 0x1000),
        (1, 6, data_at, 64, 64 + shape.bss, 0x1000),
        (0x6474_e551, 6, 0, 0, 0, 0),
        (4, 4, notes_at, notes.len() as u64, notes.len() as u64, 4),
        (4, 4, spare_at, spare.len() as u64, spare.len() as u64, 8),
    ];
    for (kind, flags, offset, file, memory, align) in loaded {
        out.extend_from_slice(&kind.to_le_bytes());
        out.extend_from_slice(&flags.to_le_bytes());
        for value in [offset, base + offset, base + offset, file, memory, align] {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
    out.extend_from_slice(&notes);
    out.extend_from_slice(&spare);
    let slot_at = out.len() as u64;
    out.extend_from_slice(b"OXIBLOBSLOT\0\0\0\0\0");
    out.extend((0..shape.code).map(|i| i as u8));
    out.resize(data_at as usize, 0);
    out.extend((0..64).map(|i| 0xda ^ i));

    let (sections_at, count) = if shape.sections {
        section_headers(&mut out, base, slot_at, data_at)
    } else {
        (0, 0u16)
    };
    out.extend((0..shape.tail).map(|i| 0xff - i as u8));

    out[..16].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    let halves = |values: &[u16]| {
        values
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    out[16..20].copy_from_slice(&halves(&[2, 62]));
    out[20..24].copy_from_slice(&1u32.to_le_bytes());
    out[32..40].copy_from_slice(&64u64.to_le_bytes());
    out[40..48].copy_from_slice(&sections_at.to_le_bytes());
    out[52..64].copy_from_slice(&halves(&[
        64,
        56,
        PROGRAMS as u16,
        64,
        count,
        count.saturating_sub(1),
    ]));
    out
}

fn note(name: &[u8], kind: u32, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in [name.len() as u32, content.len() as u32, kind] {
        out.extend_from_slice(&value.to_le_bytes());
    }
    out.extend_from_slice(name);
    out.extend_from_slice(content);
    out
}

fn section_headers(out: &mut Vec<u8>, base: u64, slot_at: u64, data_at: u64) -> (u64, u16) {
    let names_at = out.len() as u64;
    let names = b"\0.oxi.blob\0.data\0.shstrtab\0";
    out.extend_from_slice(names);
    out.resize(out.len().next_multiple_of(8), 0);
    let sections_at = out.len() as u64;
    out.extend_from_slice(&[0; 64]);
    let blob: (u32, u32, [u64; 4], u64) = (1, 1, [2 | 1 << 21, base + slot_at, slot_at, 16], 16);
    let data = (11, 1, [3, base + data_at, data_at, 64], 8);
    let strings = (17, 3, [0, 0, names_at, names.len() as u64], 1);
    for (name, kind, range, align) in [blob, data, strings] {
        out.extend_from_slice(&name.to_le_bytes());
        out.extend_from_slice(&kind.to_le_bytes());
        for value in range {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&align.to_le_bytes());
        out.extend_from_slice(&[0; 8]);
    }
    (sections_at, 4)
}
