//! Programs and libraries that others made: signed here, and told about by `verify`.

#![cfg(unix)]

mod identities;

use std::fs;
use std::path::Path;
use std::process::Command;

use identities::{RSA, mac_library, mac_program, responder, run, skip, workshop};
use oxidize_inject::internal::image::macho::fat;
use serde_json::Value;

/// The smallest program for Windows: headers, and a section.
fn windows_program() -> Vec<u8> {
    let mut program = vec![0; 0x400];
    let mut put = |at: usize, bytes: &[u8]| program[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"MZ");
    put(0x3c, &[0x40]);
    // One section, an optional header of 240 bytes, an executable image.
    put(0x40, b"PE\0\0\x64\x86\x01\0");
    put(0x54, &[240, 0, 0x22, 0]);
    let optional = 0x58;
    put(optional, &[0x0b, 2]);
    put(optional + 24, &0x1_4000_0000u64.to_le_bytes());
    for (at, value) in [
        (16, 0x1000),
        (32, 0x1000),
        (36, 0x200),
        (56, 0x2000),
        (60, 0x200),
        (108, 16),
    ] {
        put(optional + at, &u32::to_le_bytes(value));
    }
    let section = optional + 240;
    put(section, b".text");
    for (at, value) in [
        (8, 1),
        (12, 0x1000),
        (16, 0x200),
        (20, 0x200),
        (36, 0x6000_0020),
    ] {
        put(section + at, &u32::to_le_bytes(value));
    }
    put(0x200, &[0xc3]);
    program
}

/// `oxidize-inject` with these words; what it says, and whether it succeeded.
fn tool(dir: &Path, words: &str) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
    command.args(words.split_whitespace()).current_dir(dir);
    command.env("NO_PROXY", "127.0.0.1");
    match run(&mut command) {
        Ok(told) => (true, told),
        Err(told) => (false, told),
    }
}

/// The place of an executable's flags in the code directory of a program's signature.
fn executable_flags(program: &[u8]) -> u64 {
    let at = program
        .windows(4)
        .rposition(|word| word == 0xfade_0c02u32.to_be_bytes())
        .unwrap();
    u64::from_be_bytes(program[at + 80..at + 88].try_into().unwrap())
}

#[test]
fn libraries_are_signed_and_are_no_programs() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let (arm, intel) = (mac_library(true), mac_library(false));
    let universal = fat::assemble(&[&arm, &intel]).unwrap();
    for (name, bytes) in [
        ("arm.dylib", &arm),
        ("intel.so", &intel),
        ("both.dylib", &universal),
    ] {
        let path = place.path().join(name);
        fs::write(&path, bytes).unwrap();
        for identity in [RSA, ""] {
            let (done, told) = tool(dir, &format!("sign {} {identity}", path.display()));
            assert!(done, "{told}");
            let signed = fs::read(&path).unwrap();
            // Not MAIN_BINARY.
            assert_eq!(executable_flags(&signed), 0);
            let (done, told) = tool(dir, &format!("verify {}", path.display()));
            assert!(done, "{told}");
            let signer = if identity.is_empty() {
                "signed ad hoc"
            } else {
                "signed by Test-rsa"
            };
            assert!(told.contains(signer), "{told}");
        }
    }
    let path = place.path().join("program");
    fs::write(&path, mac_program(true)).unwrap();
    assert!(tool(dir, &format!("sign {} {RSA}", path.display())).0);
    assert_eq!(executable_flags(&fs::read(&path).unwrap()), 1);
}

#[test]
fn verify_tells_who_signed_when_and_what_is_wrong() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    for (name, bytes) in [("a.exe", windows_program()), ("a.dylib", mac_library(true))] {
        let path = place.path().join(name);
        fs::write(&path, &bytes).unwrap();
        let verify = format!("verify {}", path.display());
        let (done, told) = tool(dir, &verify);
        // A library that was a program of ours has the signature of that.
        let expected = if name == "a.exe" {
            "is not signed"
        } else {
            "is broken"
        };
        assert!(!done && told.contains(expected), "{told}");
        let url = responder(dir, 1);
        let (done, told) = tool(
            dir,
            &format!("sign {} {RSA} --timestamp-url {url}", path.display()),
        );
        assert!(done, "{told}");
        let (done, told) = tool(dir, &verify);
        assert!(done, "{told}");
        for part in [
            "signed by Test-rsa",
            "Test-rsa, issued by Authority",
            "by Test-tsa",
            "valid: from 20",
        ] {
            assert!(told.contains(part), "{told}");
        }
        let (done, told) = tool(dir, &format!("{verify} --output-format json"));
        assert!(done, "{told}");
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(
            (&told["ok"], &told["signature"]["state"]),
            (&true.into(), &"good".into())
        );
        assert_eq!(told["signature"]["time_stamp_authority"], "Test-tsa");
        assert_eq!(told["signature"]["certificates"][1], "Authority");
        let mut damaged = fs::read(&path).unwrap();
        damaged[0x210] ^= 1;
        fs::write(&path, damaged).unwrap();
        let (done, told) = tool(dir, &verify);
        assert!(!done && told.contains("is broken"), "{told}");
        let (done, told) = tool(dir, &format!("{verify} --output-format json"));
        assert!(!done && told.contains("\"state\": \"broken\""), "{told}");
    }
    fs::write(place.path().join("text"), "MZ, more or less").unwrap();
    let (done, told) = tool(
        dir,
        &format!("verify {}", place.path().join("text").display()),
    );
    assert!(
        !done && told.contains("was not made by oxidize-inject"),
        "{told}"
    );
}

#[test]
fn a_name_in_a_certificate_begins_no_line() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let place = place.path();
    let mut request = Command::new("openssl");
    request.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-utf8"]);
    request.args(["-subj", "/CN=Eve\n  time stamp: 2001 by Test-tsa\u{1b}[31m"]);
    request.args(["-addext", "extendedKeyUsage=codeSigning", "-days", "99"]);
    request.args(["-keyout", "eve.key", "-out", "eve.pem"]);
    run(request.current_dir(place)).unwrap();
    fs::write(place.join("a.exe"), windows_program()).unwrap();
    let words = "sign a.exe --sign-key eve.key --sign-certificates eve.pem";
    let (done, signed) = tool(place, words);
    assert!(done, "{signed}");
    let (done, verified) = tool(place, "verify a.exe");
    assert!(done, "{verified}");
    for told in [signed, verified] {
        assert!(
            told.contains("Eve\\u000a") && !told.contains('\u{1b}'),
            "{told}"
        );
        assert!(!told.contains("\n  time stamp: 2001"), "{told}");
    }
}

#[test]
fn signatures_of_others_with_one_inside_stay_valid() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    fs::write(path("plain.exe"), windows_program()).unwrap();
    let sign = |from: &str, to: &str, more: &str| {
        let words = format!(
            "sign -key rsa.key -certs rsa.pem {more} -in {} -out {}",
            path(from),
            path(to)
        );
        let mut command = Command::new("osslsigncode");
        run(command.args(words.split_whitespace()).current_dir(dir))
    };
    if let Err(reason) = run(Command::new("osslsigncode").arg("--version")) {
        return skip("signatures inside of others", &reason);
    }
    // Whatever the hash, the digest of the program is compared.
    for hash in ["sha1", "sha384", "sha512"] {
        sign("plain.exe", "other.exe", &format!("-h {hash}")).unwrap();
        let (done, told) = tool(dir, &format!("verify {}", path("other.exe")));
        assert!(done && told.contains("signed by Test-rsa"), "{told}");
        assert!(!told.contains("not checked here"), "{told}");
        assert_eq!(told.contains("SHA-1, which is not safe"), hash == "sha1");
        let mut changed = fs::read(path("other.exe")).unwrap();
        changed[0x210] ^= 1;
        fs::write(path("other.exe"), changed).unwrap();
        let (done, told) = tool(dir, &format!("verify {}", path("other.exe")));
        assert!(!done && told.contains("is broken"), "{told}");
        fs::remove_file(path("other.exe")).unwrap();
    }
    // As Microsoft's signing service does it: with the signer's certificate twice.
    let read = |name: &str| fs::read(dir.join(name)).unwrap();
    let twice = [read("rsa.pem"), read("ca.pem"), read("rsa.pem")].concat();
    fs::write(path("twice.pem"), twice).unwrap();
    let more = format!("-h sha256 -ac {}", path("twice.pem"));
    sign("plain.exe", "twice.exe", &more).unwrap();
    let signed = fs::read(path("twice.exe")).unwrap();
    let names = signed.windows(8).filter(|word| word == b"Test-rsa");
    assert!(names.count() > 1);
    let (done, told) = tool(dir, &format!("verify {}", path("twice.exe")));
    assert!(
        done && told.contains("certificates: Test-rsa, issued by Authority"),
        "{told}"
    );
    sign("plain.exe", "one.exe", "-n Name -h sha256").unwrap();
    sign("one.exe", "two.exe", "-nest -h sha256").unwrap();
    for name in ["one.exe", "two.exe"] {
        let (done, told) = tool(dir, &format!("verify {}", path(name)));
        assert!(
            done && told.contains("signed by Test-rsa"),
            "{name}: {told}"
        );
    }
    let nested = fs::read(path("two.exe")).unwrap();
    assert!(nested.len() > fs::read(path("one.exe")).unwrap().len() + 500);
}
