//! A blob larger than memory should be asked for: the writer knows payloads by length only.

mod common;

use common::fields;
use oxidize_format::{
    Blob, Content, DIGEST_OFFSET, FileEntry, ModuleEntry, ModuleKind, NativeEntry, Payload, Piece,
    Writer, digest,
};

const GIB: u64 = 1 << 30;

/// Bytes that exist only while they are written: byte `i` is `seed + i / 4096`.
#[derive(Debug)]
struct Virtual {
    seed: u8,
    len: u64,
}

impl Payload for Virtual {
    fn len(&self) -> u64 {
        self.len
    }
}

/// Counts what is written and keeps the first bytes and nothing else.
#[derive(Default)]
struct Counting {
    position: u64,
    head: Vec<u8>,
}

impl Counting {
    fn write(&mut self, bytes: &[u8]) {
        self.position += bytes.len() as u64;
        if self.head.len() < 1 << 20 {
            self.head.extend(&bytes[..bytes.len().min(1 << 16)]);
        }
    }
}

/// The most memory this process has held, in bytes, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[test]
fn three_gib_stream_in_little_memory() {
    let mut w = Writer::new(fields());
    let mut add = |path: &str, seed, len| {
        let content = Content::plain(Virtual { seed, len });
        let executable = false;
        w.add_file(
            path,
            FileEntry {
                content,
                executable,
            },
        )
        .unwrap();
    };
    add("/~oxidize/app/model.bin", 1, 3 * GIB + 12_345);
    add("/~oxidize/app/lib.so", 2, 70_000);
    for number in 0..20_000 {
        add(&format!("/~oxidize/app/d{}/f{number}", number % 97), 3, 100);
    }
    w.add_native(NativeEntry {
        name: "lib.so".into(),
        soname: Some("lib.so".into()),
        needed: Vec::new(),
        extension: false,
        content: Content::File("/~oxidize/app/lib.so".into()),
    })
    .unwrap();
    for number in 0..5_000 {
        let mut module = ModuleEntry::new(format!("m{number}"), ModuleKind::Module);
        module.bytecode[0] = Some(Content::plain(Virtual { seed: 4, len: 333 }));
        w.add_module(module).unwrap();
    }

    let layout = w.layout().unwrap();
    let mut sink = Counting::default();
    let mut positions = Vec::new();
    let buffer = vec![0xee; 1 << 20];
    for piece in layout.pieces() {
        match piece {
            Piece::Bytes(bytes) => sink.write(bytes),
            Piece::Zeros(count) => sink.write(&vec![0; usize::try_from(count).unwrap()]),
            Piece::Payload(payload) => {
                if payload.seed < 3 {
                    positions.push((payload.seed, sink.position));
                }
                let mut left = payload.len;
                while left > 0 {
                    let step = left.min(buffer.len() as u64);
                    sink.write(&buffer[..usize::try_from(step).unwrap()]);
                    left -= step;
                }
            }
        }
    }
    assert_eq!(sink.position, layout.len());
    assert!(layout.len() > 3 * GIB);
    let [(1, model), (2, library)] = positions[..] else {
        panic!("{positions:?}");
    };
    assert_eq!(library % 65_536, 0);
    assert!(library > 3 * GIB, "images come after the 3 GiB");
    assert!(model < GIB);
    if let Some(peak) = peak_memory() {
        assert!(peak < 200 << 20, "{} MiB", peak >> 20);
    }
}

/// The digest computed while bytes pass by is the digest of the whole.
#[test]
fn digests_agree_however_the_bytes_arrive() {
    let mut w = Writer::new(fields());
    for (name, len) in [("a", digest::CHUNK), ("b", 3 * digest::CHUNK / 2), ("c", 7)] {
        let bytes: Vec<u8> = (0..len).map(|i| (i * 31 % 251) as u8).collect();
        w.add_file(&format!("/~oxidize/{name}"), common::file(&bytes))
            .unwrap();
    }
    let layout = w.layout().unwrap();
    let whole = layout.to_bytes();
    let blob = Blob::open(&whole).unwrap();
    blob.verify_digest().unwrap();
    let expected = blob.header().digest;
    assert_eq!(digest::of(&whole), expected);

    let chunks: Vec<[u8; 32]> = (0..)
        .zip(whole.chunks(digest::CHUNK))
        .map(|(index, bytes)| digest::chunk(index, bytes))
        .collect();
    assert_eq!(digest::combine(&chunks), expected);

    for step in [1 << 22, digest::CHUNK, digest::CHUNK - 1, 65_537, 70] {
        let mut hasher = digest::Hasher::new();
        whole.chunks(step).for_each(|bytes| hasher.update(bytes));
        assert_eq!(hasher.finish(), expected, "in steps of {step}");
    }
    // The digest field itself does not count, every other byte does.
    let mut other = whole.clone();
    other[DIGEST_OFFSET as usize + 31] ^= 1;
    assert_eq!(digest::of(&other), expected);
    for at in [0, 63, 96, whole.len() - 1] {
        let mut other = whole.clone();
        other[at] ^= 1;
        assert_ne!(digest::of(&other), expected, "byte {at}");
    }
}

/// What an exactly full chunk, and less than a digest field, do.
#[test]
fn digests_at_the_edges() {
    for len in [0, 1, 64, 96, digest::CHUNK, digest::CHUNK + 1] {
        let bytes = vec![7; len];
        let mut hasher = digest::Hasher::new();
        bytes.chunks(13).for_each(|piece| hasher.update(piece));
        assert_eq!(hasher.finish(), digest::of(&bytes), "{len}");
    }
}
