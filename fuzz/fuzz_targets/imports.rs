//! Claim: whatever the bytes of a Windows extension module, listing and renaming what it imports
//! from does not panic; a renamed module is no longer than before, holds the name of the
//! executable, and stays as it is when renamed again, but for another name.

#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use oxidize_format::imports;

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    Raw(&'a [u8], &'a [u8]),
    /// Something close to a module: imports, room between the headers and the first section, and
    /// single bytes changed.
    Near {
        libraries: Vec<u8>,
        room: u8,
        executable: u8,
        edits: Vec<(u16, u8)>,
    },
}

/// What is replaced.
const CPYTHON: [&str; 2] = ["python313.dll", "python3.dll"];

fn names(bytes: &[u8]) -> Vec<String> {
    imports::names(bytes, &CPYTHON)
}

fn renamed(bytes: &[u8], by: &[u8]) -> Result<Option<Vec<u8>>, imports::NoRoom> {
    imports::renamed(bytes, &CPYTHON, by)
}

const LIBRARIES: [&str; 4] = [
    "python313.dll",
    "KERNEL32.dll",
    "Python3.DLL",
    "api-ms-win-crt-heap-l1-1-0.dll",
];

fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Raw(bytes, executable) => drop((names(bytes), renamed(bytes, executable))),
        Input::Near {
            libraries,
            room,
            executable,
            edits,
        } => {
            let libraries: Vec<&str> = libraries
                .iter()
                .take(64)
                .map(|at| LIBRARIES[usize::from(at % 4)])
                .collect();
            let mut image = module(&libraries, room.into());
            let executable =
                "an-executable.exe".repeat(4)[..usize::from(executable % 68)].to_owned();
            if edits.is_empty() {
                valid(&image, &libraries, &executable);
            }
            for (at, value) in edits.into_iter().take(16) {
                let at = usize::from(at) % image.len();
                image[at] = value;
            }
            if let Ok(Some(out)) = renamed(&image, executable.as_bytes()) {
                assert!(out.len() <= image.len());
            }
            let _ = names(&image);
        }
    }
});

fn valid(image: &[u8], libraries: &[&str], executable: &str) {
    let ours = |name: &str| name.to_lowercase().starts_with("python3");
    let others: Vec<&str> = libraries
        .iter()
        .copied()
        .filter(|name| !ours(name))
        .collect();
    assert_eq!(names(image), others);
    match renamed(image, executable.as_bytes()) {
        Ok(None) => assert!(!libraries.iter().any(|name| ours(name))),
        Ok(Some(out)) => {
            // Among the headers, where only the system looks for names.
            let name = [executable.as_bytes(), b"\0"].concat();
            assert!(out.windows(name.len()).any(|window| window == name));
            assert_eq!(out.len(), image.len());
            assert_eq!(renamed(&out, executable.as_bytes()), Ok(None));
            // Another name leaves nothing of this one.
            let other = b"another.exe";
            assert!(executable == "another.exe" || renamed(&out, other) == renamed(image, other));
        }
        Err(_) => assert!(libraries.iter().any(|name| ours(name))),
    }
}

/// A PE image (PE format, "File headers") with one section, at address 0x1000, that holds the
/// import directory.
fn module(libraries: &[&str], room: usize) -> Vec<u8> {
    const OPTIONAL: usize = 240;
    let headers = 0x40 + 24 + OPTIONAL + 40;
    let start = headers + room;
    let mut section = vec![0; (libraries.len() + 1) * 20];
    for (index, library) in libraries.iter().enumerate() {
        let address = (0x1000 + section.len()) as u32;
        section[index * 20 + 12..index * 20 + 16].copy_from_slice(&address.to_le_bytes());
        section.extend(library.as_bytes());
        section.push(0);
    }
    let mut out = vec![0; start];
    let mut put = |at: usize, value: &[u8]| out[at..at + value.len()].copy_from_slice(value);
    put(0, b"MZ");
    put(0x3c, &0x40_u32.to_le_bytes());
    put(0x40, b"PE\0\0\x64\x86\x01\0");
    put(0x40 + 20, &(OPTIONAL as u16).to_le_bytes());
    let optional = 0x40 + 24;
    put(optional, &0x20b_u16.to_le_bytes());
    put(optional + 60, &(start as u32).to_le_bytes());
    put(optional + 120, &0x1000_u32.to_le_bytes());
    let size = section.len() as u32;
    for (at, value) in [(8, size), (12, 0x1000), (16, size), (20, start as u32)] {
        put(optional + OPTIONAL + at, &value.to_le_bytes());
    }
    out.extend(section);
    out
}
