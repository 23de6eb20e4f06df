//! For the tests of signatures and notarization: identities and time stamps from openssl, programs
//! to sign.

#![allow(dead_code, unreachable_pub)] // each test takes what it needs

#[path = "../skips/mod.rs"]
mod skips;
#[path = "stamps.rs"]
mod stamps;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use oxidize_format::{Content, FileEntry, HeaderFields, NativeEntry, Writer};
use oxidize_inject::internal::container::{self, InjectOptions, macho, pe};
pub use skips::skip;
use stamps::Authority;

/// Options: an RSA key with its chain.
pub const RSA: &str = "--sign-key rsa.key --sign-certificates rsa.pem --sign-certificates ca.pem";

pub const PASSWORD: &str = "correct horse";

/// Runs a program; `Err` is everything it said.
pub fn run(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    let told = [&output.stdout[..], &output.stderr].concat();
    let told = String::from_utf8_lossy(&told).into_owned();
    if output.status.success() {
        Ok(told)
    } else {
        Err(told)
    }
}

pub fn openssl(arguments: &str, directory: &Path) -> Result<String, String> {
    let mut command = Command::new("openssl");
    run(command
        .args(arguments.split_whitespace())
        .current_dir(directory))
}

/// Everything that openssl makes: an authority, what it signs, and a time stamp authority.
const CONFIG: &str = "
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:true
[code]
extendedKeyUsage = codeSigning
[stamps]
extendedKeyUsage = critical,timeStamping
";

/// A directory with identities; `None` without openssl.
pub fn workshop() -> Option<&'static Path> {
    static READY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let make = || {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .unwrap()
            .keep();
        fs::write(dir.join("config"), CONFIG).unwrap();
        fs::write(dir.join("password"), format!("{PASSWORD}\n")).unwrap();
        fs::write(dir.join("wrong"), "incorrect horse").unwrap();
        let mut steps = vec![
            "req -x509 -newkey rsa:2048 -nodes -days 99 -config config -extensions authority \
             -subj /O=Example/CN=Authority -keyout ca.key -out ca.pem"
                .to_owned(),
        ];
        for (name, key, extensions) in [
            ("rsa", "rsa:2048", "code"),
            ("ec", "ec -pkeyopt ec_paramgen_curve:P-256", "code"),
            ("ec384", "ec -pkeyopt ec_paramgen_curve:P-384", "code"),
            ("other", "rsa:2048", "stamps"),
            ("tsa", "rsa:2048", "stamps"),
        ] {
            steps.push(format!(
                "req -newkey {key} -nodes -config config -subj /O=Example/CN=Test-{name} \
                 -keyout {name}.key -out {name}.csr"
            ));
            steps.push(format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 98 \
                 -extfile config -extensions {extensions} -out {name}.pem"
            ));
        }
        for (out, more) in [
            ("new.p12", ""),
            ("old.p12", "-legacy"),
            ("bare.p12", ""),
            ("nomac.p12", "-nomac"),
        ] {
            let chain = if out == "bare.p12" {
                ""
            } else {
                "-certfile ca.pem"
            };
            steps.push(format!(
                "pkcs12 -export -inkey rsa.key -in rsa.pem {chain} {more} -out {out} \
                 -passout file:password"
            ));
        }
        steps.push("pkcs8 -topk8 -in ec.key -out ec-locked.key -passout file:password".to_owned());
        for step in steps {
            openssl(&step, &dir)?;
        }
        Ok(dir)
    };
    match READY.get_or_init(make) {
        Ok(dir) => Some(dir),
        Err(reason) => {
            skip("everything that openssl makes", reason);
            None
        }
    }
}

/// Resources for this target: a file, and native modules with these bytes.
pub fn blob(target: &str, natives: &[&[u8]]) -> Vec<u8> {
    let mut writer = Writer::new(HeaderFields {
        py_version_hex: 0x030d_0ff0,
        bytecode_magic: 0x0a0d_0df3,
        stub_abi: oxidize_format::STUB_ABI,
        target: target.into(),
        root: oxidize_format::VIRTUAL_ROOT.into(),
    });
    let content: Vec<u8> = (0..9_001u32).map(|i| (i % 253) as u8).collect();
    let file = FileEntry {
        content: Content::plain(content),
        executable: false,
    };
    writer.add_file("/~oxidize/app/data", file).unwrap();
    for (number, native) in natives.iter().enumerate() {
        let path = format!("/~oxidize/app/native{number}.so");
        let file = FileEntry {
            content: Content::plain(native.to_vec()),
            executable: false,
        };
        writer.add_file(&path, file).unwrap();
        let native = NativeEntry {
            name: path.clone(),
            soname: None,
            content: Content::File(path),
            extension: false,
            needed: Vec::new(),
        };
        writer.add_native(native).unwrap();
    }
    writer.layout().unwrap().to_bytes()
}

/// A program for Windows.
pub fn windows_program() -> Vec<u8> {
    let stub = pe::synthetic::build(&pe::synthetic::Shape::default());
    let blob = blob("x86_64-pc-windows-gnu", &[]);
    let plan = container::inject(&stub, blob.len() as u64).unwrap();
    plan.assemble(&blob)
}

/// The same program without what says that it is ours.
pub fn of_others(mut program: Vec<u8>) -> Vec<u8> {
    for (ours, theirs) in [("__oxidesc", "__foreign"), (".oxidesc", ".foreign")] {
        let ours = ours.as_bytes();
        while let Some(at) = program.windows(ours.len()).position(|name| name == ours) {
            program[at..at + ours.len()].copy_from_slice(theirs.as_bytes());
        }
    }
    program
}

/// A library for macOS: a program of ours that says it is one (`MH_DYLIB`).
pub fn mac_library(arm: bool) -> Vec<u8> {
    let mut library = mac_program(arm);
    library[12..16].copy_from_slice(&6u32.to_le_bytes());
    library
}

pub fn mac_program(arm: bool) -> Vec<u8> {
    mac_program_with(arm, &[])
}

/// A program for macOS with native modules.
pub fn mac_program_with(arm: bool, natives: &[&[u8]]) -> Vec<u8> {
    let target = match arm {
        true => "aarch64-apple-darwin",
        false => "x86_64-apple-darwin",
    };
    let blob = blob(target, natives);
    let shape = macho::synthetic::Shape {
        arm,
        ..Default::default()
    };
    let options = InjectOptions {
        identifier: Some("org.example.app".to_owned()),
        ..InjectOptions::default()
    };
    let stub = macho::synthetic::build(&shape);
    let plan = container::inject_with(&stub, blob.len() as u64, &options).unwrap();
    plan.assemble(&blob)
}

/// `oxidize-inject sign` on these bytes.
pub fn sign(dir: &Path, program: &[u8], arguments: &str) -> Result<Vec<u8>, String> {
    let place = tempfile::tempdir_in(dir).unwrap();
    let file = place.path().join("app.exe");
    fs::write(&file, program).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
    command
        .arg("sign")
        .arg(&file)
        .args(arguments.split_whitespace());
    command
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .current_dir(dir);
    command.env("NO_PROXY", "127.0.0.1");
    run(&mut command)?;
    Ok(fs::read(file).unwrap())
}

/// A time stamp authority on loopback that answers so many requests.
pub fn responder(dir: &Path, requests: usize) -> String {
    responder_with(dir, requests, |_| ())
}

/// [`responder`], and what becomes of its answers.
pub fn responder_with(dir: &Path, requests: usize, spoil: fn(&mut Vec<u8>)) -> String {
    let authority = Authority {
        key: dir.join("tsa.key"),
        certificate: dir.join("tsa.pem"),
        chain: Some(dir.join("ca.pem")),
    };
    authority.start(requests, spoil).unwrap()
}
