//! Wheels of a stub that has a slot and no code.

#![allow(dead_code)] // each test uses its part

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use oxidize_format::STUB_ABI;
use oxidize_inject::internal::container::elf::synthetic;
use oxidize_inject::internal::stubs::listed::Listed;
use oxidize_inject::internal::stubs::manifest::Sha256Sum;
use oxidize_inject::internal::stubs::wheel;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The target of [`synthetic`] stubs.
pub(crate) const TARGET: &str = oxidize_format::Target::X86_64_LINUX_MUSL.triple();
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A stub to be wrapped.
pub(crate) struct Made {
    /// Names and contents of its files.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) manifest: Vec<u8>,
}

impl Made {
    pub(crate) fn new() -> Made {
        let library = zstd::encode_all(&tar()[..], 1).unwrap();
        let files = vec![
            (
                "oxidize-stub".to_owned(),
                synthetic::build(&synthetic::Shape::default()),
            ),
            ("cpython-3.13.15-stdlib.tar.zst".to_owned(), library),
        ];
        let list: Vec<String> = files
            .iter()
            .map(|(name, bytes)| {
                let sum = Sha256Sum::of(bytes);
                format!(
                    r#"{{"name": "{name}", "sha256": "{sum}", "size": {}}}"#,
                    bytes.len()
                )
            })
            .collect();
        let manifest = format!(
            r#"{{"version": "{VERSION}", "target": "{TARGET}", "python_version": "3.13.15", "stub_id": "5a", "abi": {STUB_ABI}, "files": [{}]}}"#,
            list.join(", ")
        );
        Made {
            files,
            manifest: manifest.into_bytes(),
        }
    }

    /// A list with this stub.
    pub(crate) fn listed(&self) -> Listed {
        let size: usize = self.files.iter().map(|(_, bytes)| bytes.len()).sum();
        let text = format!(
            "version = \"{VERSION}\"\n[[stub]]\ntarget = \"{TARGET}\"\nwheel = \"{}\"\nmanifest = \"{}\"\nsha256 = \"{}\"\nstub_id = \"5a\"\nsize = {size}\n",
            name(),
            Sha256Sum::of(&self.manifest),
            Sha256Sum::of(&self.files[0].1),
        );
        Listed::parse(&text).unwrap()
    }

    /// Writes the wheel.
    pub(crate) fn write(&self, directory: &Path) -> PathBuf {
        self.write_as(directory, &name())
    }

    /// Writes the wheel under this name.
    pub(crate) fn write_as(&self, directory: &Path, name: &str) -> PathBuf {
        fs::create_dir_all(directory).unwrap();
        let path = directory.join(name);
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        let info = format!("oxidize_stub_cp313-{VERSION}.dist-info");
        let mut add = |name: String, bytes: &[u8]| {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        };
        add(
            format!("oxidize_stub_cp313/{TARGET}/manifest.json"),
            &self.manifest,
        );
        for (name, bytes) in &self.files {
            add(format!("oxidize_stub_cp313/{TARGET}/{name}"), bytes);
        }
        add(
            format!("{info}/METADATA"),
            format!("Metadata-Version: 2.1\nName: oxidize-stub-cp313\nVersion: {VERSION}\n")
                .as_bytes(),
        );
        add(
            format!("{info}/WHEEL"),
            b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: py3-none-musllinux_1_2_x86_64\n",
        );
        add(format!("{info}/RECORD"), b"");
        zip.finish().unwrap();
        path
    }
}

/// The wheel's file name.
pub(crate) fn name() -> String {
    wheel::file_name(VERSION, TARGET.parse().unwrap())
}

fn tar() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(0);
    tar.append_data(&mut header, "python/install/lib/python3.13/os.py", &b""[..])
        .unwrap();
    tar.into_inner().unwrap()
}

/// What the directory of a cache holds.
pub(crate) fn left_in(cache: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(cache.join("stubs")) else {
        return Vec::new();
    };
    entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}
