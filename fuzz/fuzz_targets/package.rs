//! Claim: whatever the bytes of a wheel that is to be installed, unpacking it does not panic, does
//! not allocate out of proportion, and writes nothing outside of its directory.

#![no_main]

#[path = "capped.rs"]
mod capped;

use std::fs;
use std::io::{Cursor, Write as _};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use oxidize_format::Target;
use oxidize_inject::internal::python::{Layout, Python};
use oxidize_inject::internal::require::unpack_into;
use sha2::{Digest as _, Sha256};

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    /// Any bytes at all.
    Raw(&'a [u8]),
    /// A wheel with these members, a RECORD that is right, and single bytes changed.
    Near {
        members: Vec<(&'a str, &'a [u8])>,
        edits: Vec<(u16, u8)>,
    },
}

/// Buffers of the decoder and of the copying.
const BASE: usize = 4 << 20;

thread_local! {
    static DIR: tempfile::TempDir = tempfile::tempdir().expect("a directory");
}

fuzz_target!(|input: Input<'_>| {
    let bytes = match input {
        Input::Raw(bytes) => bytes.to_vec(),
        Input::Near { members, edits } => {
            let mut wheel = near(&members);
            for (at, value) in edits.into_iter().take(16) {
                let at = usize::from(at) % wheel.len();
                wheel[at] = value;
            }
            wheel
        }
    };
    DIR.with(|outer| {
        let place = outer.path().join("place");
        fs::create_dir(&place).expect("it was removed");
        let layout = Layout::of(Target::X86_64_LINUX_GNU, Python::OWN);
        capped::limit(bytes.len() * 64 + BASE);
        let _ = unpack_into(&bytes, &place, &layout);
        capped::limit(usize::MAX);
        fs::remove_dir_all(&place).expect("it can be removed");
        let left = fs::read_dir(outer.path()).expect("it is there").count();
        assert_eq!(left, 0, "something got out");
    });
});

fn near(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut record = String::from("ham-1.dist-info/RECORD,,\n");
    let about = ("ham-1.dist-info/WHEEL", &b"Wheel-Version: 1.0\n"[..]);
    let members: Vec<_> = members.iter().copied().take(20).chain([about]).collect();
    for (name, content) in &members {
        let hash = Base64UrlUnpadded::encode_string(&Sha256::digest(content));
        let name = name.replace('"', "\"\"");
        record.push_str(&format!("\"{name}\",sha256={hash},{}\n", content.len()));
    }
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let record = ("ham-1.dist-info/RECORD", record.as_bytes());
    for (name, content) in members.iter().copied().chain([record]) {
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated);
        if zip.start_file(name, options).is_ok() {
            zip.write_all(content).expect("it goes into memory");
        }
    }
    zip.finish().expect("it is finished").into_inner()
}
