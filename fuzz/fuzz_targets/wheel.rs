//! Claim: whatever the bytes of a wheel, taking the stub in it does not panic and does not allocate
//! out of proportion; what was taken is whole, and of what was refused nothing is left.

#![no_main]

#[path = "capped.rs"]
mod capped;

use std::fs;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use oxidize_inject::internal::progress::Silent;
use oxidize_inject::internal::stubs::manifest::Sha256Sum;
use oxidize_inject::internal::stubs::store::{Source, Store};
use oxidize_inject::internal::stubs::wheel::Wheel;

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    /// Any bytes at all.
    Raw(&'a [u8]),
    /// Something close to a wheel: a member more, and single bytes changed.
    Near {
        name: &'a str,
        content: &'a [u8],
        size: Option<u16>,
        edits: Vec<(u16, u8)>,
    },
}

/// The decoder's window and the copy buffer.
const BASE: usize = 4 << 20;

thread_local! {
    static DIR: tempfile::TempDir = tempfile::tempdir().expect("a directory for the store");
}

fuzz_target!(|input: Input<'_>| {
    let wheel = match input {
        Input::Raw(bytes) => bytes.to_vec(),
        Input::Near {
            name,
            content,
            size,
            edits,
        } => {
            let mut wheel = near(name, content, size);
            for (at, value) in edits.into_iter().take(16) {
                let at = usize::from(at) % wheel.len();
                wheel[at] = value;
            }
            wheel
        }
    };
    DIR.with(|dir| check(dir.path(), &wheel));
});

fn check(dir: &std::path::Path, bytes: &[u8]) {
    let path = dir.join("w.whl");
    fs::write(&path, bytes).expect("there is room");
    let cache = dir.join("cache");
    let store = Store::at(&cache);
    capped::limit(bytes.len() * 64 + BASE);
    let opened = Wheel::open(fs::File::open(&path).expect("just written"));
    let added = opened
        .ok()
        .map(|wheel| store.add(&mut Source::Wheel(wheel), "w", |_, _| Ok(()), &Silent));
    capped::limit(usize::MAX);
    let left = store.entries().expect("the store can be read");
    match added {
        Some(Ok(bundle)) => {
            bundle.verify().expect("what was taken is whole");
            assert_eq!(left.len(), 1);
            fs::remove_dir_all(&cache).expect("the store can be removed");
        }
        _ => {
            assert!(left.is_empty(), "{left:?}");
            let unfinished = fs::read_dir(cache.join("stubs"))
                .into_iter()
                .flatten()
                .count();
            assert_eq!(unfinished, 0, "something is left");
        }
    }
}

/// A wheel with a stub of two small files, stored.
fn near(name: &str, content: &[u8], size: Option<u16>) -> Vec<u8> {
    let files = [("oxidize-stub", &b"program"[..]), ("library", content)];
    let list: Vec<String> = files
        .iter()
        .map(|(name, bytes)| {
            let size = size.map_or(bytes.len(), usize::from);
            format!(
                "{{\"name\": \"{name}\", \"sha256\": \"{}\", \"size\": {size}}}",
                Sha256Sum::of(bytes)
            )
        })
        .collect();
    let manifest = format!(
        "{{\"version\": \"1\", \"target\": \"t\", \"python_version\": \"3\", \"stub_id\": \"5a\", \"abi\": 1, \"files\": [{}]}}",
        list.join(",")
    );
    let below = |name: &str| format!("oxidize_stub_cp313/t/{name}");
    let mut members = vec![(below("manifest.json"), manifest.as_bytes())];
    members.extend(files.iter().map(|(name, bytes)| (below(name), *bytes)));
    members.push((name.chars().take(100).collect(), content));
    zip(&members)
}

/// PKWARE's APPNOTE, 4.3: local headers with their members, the central directory, its end.
fn zip(members: &[(String, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in members {
        let offset = out.len() as u32;
        let mut common = Vec::new();
        common.extend([20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0]); // version, UTF-8, stored, the first date
        common.extend(crc32(bytes).to_le_bytes());
        common.extend((bytes.len() as u32).to_le_bytes());
        common.extend((bytes.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(*bytes);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, count) = (out.len() as u32, members.len() as u16);
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                crc >> 1 ^ 0xedb8_8320
            } else {
                crc >> 1
            }
        })
    };
    !bytes.iter().fold(!0, step)
}
