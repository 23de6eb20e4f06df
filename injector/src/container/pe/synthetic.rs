//! Small PE files with a slot, for tests and fuzzing. They have the shape of a stub and no code.

use oxidize_format::Descriptor;

use crate::image::pe::checksum::Checksum;

/// What the file looks like.
#[derive(Debug, Clone)]
pub struct Shape {
    /// File alignment.
    pub alignment: u32,
    /// Bytes of code.
    pub code: usize,
    /// Bytes of memory that the file does not hold.
    pub bss: u32,
    /// Section headers for which there is room behind those in use.
    pub free_headers: usize,
    /// Bytes behind everything the headers speak of, as a symbol table is.
    pub tail: usize,
    /// Whether the checksum is filled in.
    pub checksum: bool,
}

impl Default for Shape {
    fn default() -> Shape {
        Shape {
            alignment: 0x200,
            code: 100,
            bss: 300_000,
            free_headers: 1,
            tail: 0,
            checksum: true,
        }
    }
}

const SIGNATURE_AT: usize = 0x80;
const CHECKSUM_AT: usize = SIGNATURE_AT + 24 + 64;

/// Builds the file.
#[must_use]
pub fn build(shape: &Shape) -> Vec<u8> {
    let align = |value: usize| value.next_multiple_of(shape.alignment as usize);
    let headers = align(SIGNATURE_AT + 24 + 240 + 40 * (3 + shape.free_headers));
    let mut descriptor = Descriptor {
        stub_id: [0x5a; 16],
        stub_abi: crate::python::STUB_ABI,
        ..Descriptor::default()
    }
    .to_bytes()
    .to_vec();
    descriptor.resize(align(64), 0);
    let mut code: Vec<u8> = (0..shape.code).map(|i| i as u8).collect();
    code.resize(align(code.len().max(1)), 0xcc);
    let memory = |value: usize| (value as u32).next_multiple_of(0x1000);
    let descriptor_at = 0x1000 + memory(code.len());
    let bss_at = descriptor_at + 0x1000;
    let image_size = (bss_at + shape.bss).next_multiple_of(0x1000);

    let mut out = vec![0; SIGNATURE_AT];
    out[..2].copy_from_slice(b"MZ");
    out[0x3c] = SIGNATURE_AT as u8;
    out.extend_from_slice(b"PE\0\0");
    halves(&mut out, &[0x8664, 3]);
    words(&mut out, &[0, 0, 0]);
    halves(&mut out, &[240, 0x22]);
    // The optional header.
    halves(&mut out, &[0x20b, 14]);
    let initialized = descriptor.len() as u32;
    words(&mut out, &[code.len() as u32, initialized, shape.bss]);
    words(&mut out, &[0x1000, 0x1000, 0x4000_0000, 1]);
    words(&mut out, &[0x1000, shape.alignment]);
    halves(&mut out, &[6, 0, 0, 0, 6, 0]);
    words(&mut out, &[0, image_size, headers as u32, 0]);
    halves(&mut out, &[3, 0x8160]);
    for size in [0x10_0000u64, 0x1000, 0x10_0000, 0x1000] {
        out.extend_from_slice(&size.to_le_bytes());
    }
    words(&mut out, &[0, 16]);
    out.resize(out.len() + 16 * 8, 0);

    let code_at = headers as u32;
    let file_at = code_at + code.len() as u32;
    let sections: [(&[u8; 8], [u32; 4], u32); 3] = [
        (
            b".text\0\0\0",
            [shape.code.max(1) as u32, 0x1000, code.len() as u32, code_at],
            0x6000_0020,
        ),
        (
            b".oxidesc",
            [64, descriptor_at, descriptor.len() as u32, file_at],
            0x4000_0040,
        ),
        (b".bss\0\0\0\0", [shape.bss, bss_at, 0, 0], 0xc000_0080),
    ];
    for (name, range, flags) in sections {
        out.extend_from_slice(name);
        words(&mut out, &range);
        words(&mut out, &[0, 0, 0, flags]);
    }
    out.resize(headers, 0);
    out.extend_from_slice(&code);
    out.extend_from_slice(&descriptor);
    out.extend((0..shape.tail).map(|i| 0xff - i as u8));
    if shape.checksum {
        set_checksum(&mut out);
    }
    out
}

/// The file with something in the place of an Authenticode signature, as tools that sign append it.
#[must_use]
pub fn sign(image: &[u8]) -> Vec<u8> {
    let mut out = image.to_vec();
    out.resize(out.len().next_multiple_of(8), 0);
    let at = out.len() as u32;
    let certificate = [72u32, 0x0002_0200]; // length, revision 2, PKCS #7
    words(&mut out, &certificate);
    out.resize(out.len() + 64, 0x30);
    let mut directory = Vec::new();
    words(&mut directory, &[at, 72]);
    let directory_at = SIGNATURE_AT + 24 + 112 + 4 * 8;
    out[directory_at..directory_at + 8].copy_from_slice(&directory);
    set_checksum(&mut out);
    out
}

fn set_checksum(out: &mut [u8]) {
    out[CHECKSUM_AT..CHECKSUM_AT + 4].fill(0);
    let mut checksum = Checksum::default();
    checksum.update(out);
    out[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&checksum.finish().to_le_bytes());
}

fn halves(out: &mut Vec<u8>, values: &[u16]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn words(out: &mut Vec<u8>, values: &[u32]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}
