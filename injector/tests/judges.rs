//! What other people's signers, which are not on every machine, say of signatures made here:
//! signify and apple-codesign, both from PyPI. apple-codesign also signs the same programs; each
//! difference is in the table of `docs/signing.md`.

#![cfg(unix)]

mod identities;
mod pypi;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use identities::{
    mac_library, mac_program, of_others, openssl, responder, run, sign, skip, windows_program,
    workshop,
};
use oxidize_inject::internal::image::macho::fat;
use serde_json::Value;

const SIGNIFY: [&str; 4] = [
    "signify==0.9.3",
    "oscrypto==1.3.0",
    "asn1crypto==1.5.1",
    "certvalidator==0.11.1",
];
/// It holds apple-codesign 0.29.
const APPLE: [&str; 1] = ["apple-platform-py==0.1.0"];

/// A judge's script with its packages, in the directory with the identities.
struct Judge {
    packages: PathBuf,
    script: PathBuf,
    dir: &'static Path,
}

impl Judge {
    /// `None` where the packages cannot be had.
    fn new(name: &str, wanted: &[&str], script: &str) -> Option<Judge> {
        let dir = workshop()?;
        match pypi::packages(name, wanted) {
            Ok(packages) => Some(Judge {
                packages,
                script: Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("tests/judges")
                    .join(script),
                dir,
            }),
            Err(reason) => {
                skip(name, &reason);
                None
            }
        }
    }

    fn ask<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Result<String, String> {
        let mut command = Command::new("python3");
        command.arg(&self.script).args(arguments);
        command.env("PYTHONPATH", &self.packages);
        run(command.current_dir(self.dir))
    }

    fn facts<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Vec<Value> {
        let told = self.ask(arguments).unwrap();
        serde_json::from_str(told.lines().last().unwrap()).unwrap()
    }
}

#[test]
fn signify_verifies_windows_programs() {
    let Some(judge) = Judge::new("signify", &SIGNIFY, "signify_verify.py") else {
        return;
    };
    let dir = judge.dir;
    let place = tempfile::tempdir_in(dir).unwrap();
    let mut files = vec!["ca.pem".to_owned()];
    let mut add = |name: &str, bytes: &[u8]| {
        let path = place.path().join(name);
        fs::write(&path, bytes).unwrap();
        files.push(path.display().to_string());
    };
    let stamps = responder(dir, 3);
    for key in ["rsa", "ec", "ec384"] {
        let arguments = format!(
            "--sign-key {key}.key --sign-certificates {key}.pem --sign-certificates ca.pem"
        );
        let plain = sign(dir, &windows_program(), &arguments).unwrap();
        add(&format!("{key}-plain.exe"), &plain);
        let more = format!(
            "{arguments} --sign-name Demo --sign-url http://demo.example --sign-page-hashes \
             --timestamp-url {stamps}"
        );
        add(
            &format!("{key}-more.exe"),
            &sign(dir, &windows_program(), &more).unwrap(),
        );
        // In the program, and in the signer's signature, which is the last of a plain one but for
        // up to seven zeros.
        for (name, at) in [("program", 0x400), ("signature", plain.len() - 40)] {
            let mut changed = plain.clone();
            changed[at] ^= 1;
            add(&format!("{key}-{name}.exe"), &changed);
        }
    }
    let found = judge.facts(&files);
    for (path, told) in files[1..].iter().zip(&found) {
        let name = Path::new(path).file_stem().unwrap().to_str().unwrap();
        let (key, kind) = name.split_once('-').unwrap();
        let result = match kind {
            "program" => "INVALID_DIGEST",
            "signature" => "VERIFY_ERROR",
            _ => "OK",
        };
        assert_eq!(told["result"], result, "{name}: {told}");
        if result == "OK" {
            let signature = &told["signatures"][0];
            let hash = if key == "ec384" { "sha384" } else { "sha256" };
            assert!(signature["hash"].as_str().unwrap().contains(hash), "{told}");
            assert_eq!(signature["stamped"], kind == "more", "{told}");
            if kind == "more" {
                assert_eq!(signature["name"], "Demo", "{told}");
                assert_eq!(signature["url"], "http://demo.example", "{told}");
            }
        }
    }
}

/// A program whose load command for its version says another system, or that has none.
fn made_for(program: &[u8], version: Option<u32>) -> Vec<u8> {
    let mut out = program.to_vec();
    let word = |at: usize| u32::from_le_bytes(program[at..at + 4].try_into().unwrap());
    let mut at = 32;
    while word(at) != 0x32 {
        at += word(at + 4) as usize;
    }
    match version {
        // Oldest system and SDK.
        Some(version) => {
            for at in [at + 12, at + 16] {
                out[at..at + 4].copy_from_slice(&version.to_le_bytes());
            }
        }
        // LC_SOURCE_VERSION in its place.
        None => out[at..at + 4].copy_from_slice(&0x2a_u32.to_le_bytes()),
    }
    out
}

/// Where two descriptions differ. What follows from another difference is left out: digests of
/// blobs, lengths and places.
fn differences(ours: &Value, theirs: &Value, path: &str, found: &mut BTreeSet<String>) {
    const FOLLOW: [&str; 13] = [
        "blob_count",
        "blobs",
        "cdhash_digests",
        "cdhash_plist",
        "file_sha256",
        "file_size",
        "linkedit_bytes_after_signature",
        "linkedit_signature_end_offset",
        "macho_end_offset",
        "macho_linkedit_end_offset",
        "macho_signature_end_offset",
        "message_digest",
        "superblob_length",
    ];
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
            for name in names
                .into_iter()
                .filter(|name| !FOLLOW.contains(&&name[..]))
            {
                let one = |of: &serde_json::Map<String, Value>| of.get(name).cloned();
                let path = format!("{path}.{name}");
                let (ours, theirs) = (one(ours).unwrap_or_default(), one(theirs));
                differences(&ours, &theirs.unwrap_or_default(), &path, found);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            for (ours, theirs) in ours.iter().zip(theirs) {
                differences(ours, theirs, path, found);
            }
        }
        _ if ours == theirs || path.ends_with(".path") => {}
        _ => drop(found.insert(path.rsplit('.').next().unwrap_or(path).to_owned())),
    }
}

/// The first signature in a description.
fn signature(told: &Value) -> &Value {
    &told["described"][0]["entity"]["mach_o"]["signature"]
}

#[test]
fn apple_codesign_agrees_with_every_signature() {
    let Some(judge) = Judge::new("apple-codesign", &APPLE, "apple_codesign.py") else {
        return;
    };
    let dir = judge.dir;
    let place = tempfile::tempdir_in(dir).unwrap();
    fs::write(
        place.path().join("rights.plist"),
        "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict>\
         <key>com.apple.security.cs.allow-jit</key><true/></dict></plist>",
    )
    .unwrap();
    let rights = place.path().join("rights.plist").display().to_string();
    let stamps = responder(dir, 4);
    let (arm, intel) = (mac_program(true), mac_program(false));
    let both = fat::assemble(&[&arm, &intel]).unwrap();
    let key = |name: &str| {
        format!("--sign-key {name}.key --sign-certificates {name}.pem --sign-certificates ca.pem")
    };
    let cases = [
        ("arm", &arm, key("rsa")),
        ("intel", &intel, key("ec")),
        ("universal", &both, key("rsa")),
        ("p384", &arm, key("ec384")),
        ("library", &mac_library(true), key("rsa")),
        (
            "hardened",
            &arm,
            format!("{} --hardened-runtime --team-id TEAM123456", key("rsa")),
        ),
        (
            "rights",
            &arm,
            format!("{} --entitlements {rights}", key("rsa")),
        ),
        (
            "stamped",
            &both,
            format!("{} --timestamp-url {stamps}", key("rsa")),
        ),
        ("adhoc", &arm, String::new()),
    ];
    let mut words = vec!["verify".to_owned()];
    for (name, program, arguments) in &cases {
        let path = place.path().join(name);
        fs::write(&path, sign(dir, program, arguments).unwrap()).unwrap();
        words.push(path.display().to_string());
    }
    let found = judge.facts(&words);
    let own = place.path().join("own").display().to_string();
    for ((name, ..), told) in cases.iter().zip(&found) {
        if name == &"adhoc" {
            // An empty place for a CMS signature, as `codesign` leaves it, is no CMS signature; it
            // says so of its own.
            judge.ask(&["sign", &words[1], &own, ""]).unwrap();
            let theirs = judge.facts(&["verify", &own]);
            assert_eq!(told["problems"], theirs[0]["problems"], "{told} {theirs:?}");
        } else {
            assert_eq!(told["problems"], Value::Array(Vec::new()), "{name}: {told}");
        }
        let programs = told["described"].as_array().unwrap();
        assert_eq!(
            programs.len(),
            if name == &"universal" || name == &"stamped" {
                2
            } else {
                1
            }
        );
        for program in programs {
            let signature = &program["entity"]["mach_o"]["signature"];
            assert_eq!(
                signature["code_directory"]["identifier"], "org.example.app",
                "{name}"
            );
            let signers = &signature["cms"]["signers"];
            if name == &"adhoc" {
                assert_eq!(signature["cms"], Value::Null, "{signature}");
                continue;
            }
            assert_eq!(
                signers[0]["signature_verifies"], true,
                "{name}: {signature}"
            );
            let stamped = signers[0]["time_stamp_token"] != Value::Null;
            assert_eq!(stamped, name == &"stamped", "{name}: {signers}");
        }
    }
    let at = |name: &str| {
        let index = cases.iter().position(|case| case.0 == name).unwrap();
        signature(&found[index]).to_string()
    };
    assert!(at("hardened").contains("RUNTIME") && at("hardened").contains("TEAM123456"));
    assert!(at("rights").contains("com.apple.security.cs.allow-jit"));
    // It notices what is changed.
    for (name, offset) in [("arm", 0x300), ("arm", arm.len() - 20)] {
        let mut changed = sign(dir, &arm, &key("rsa")).unwrap();
        changed[offset] ^= 1;
        let path = place.path().join("changed");
        fs::write(&path, changed).unwrap();
        let told = judge.facts(&["verify", &path.display().to_string()]);
        assert_ne!(
            told[0]["problems"],
            Value::Array(Vec::new()),
            "{name} {offset}"
        );
    }
}

#[test]
fn apple_codesign_signs_the_same_but_for_what_is_explained() {
    let Some(judge) = Judge::new("apple-codesign", &APPLE, "apple_codesign.py") else {
        return;
    };
    let dir = judge.dir;
    let place = tempfile::tempdir_in(dir).unwrap();
    let at = |name: &str| place.path().join(name).display().to_string();
    // One of ours is not signed when its system was changed.
    let program = of_others(mac_program(true));
    let library = mac_library(false);
    // The requirement names the root by its hash, and stands in one of the slots that are hashed.
    let requirement = ["code_requirements", "slot_digests"];
    let old = ["alternative_code_directories", "digest_type"];
    let without_version = ["runtime_version", "version"];
    for (name, program, hardened, expected) in [
        ("a program", &program, true, vec![]),
        ("a program", &program, false, vec![]),
        ("a library", &library, false, vec![]),
        (
            "for 10.12",
            &made_for(&program, Some(0x000a_0c00)),
            true,
            vec![],
        ),
        (
            "for 10.11",
            &made_for(&program, Some(0x000a_0b00)),
            false,
            old.to_vec(),
        ),
        (
            "without an SDK",
            &made_for(&program, None),
            false,
            old.to_vec(),
        ),
        (
            "without an SDK",
            &made_for(&program, None),
            true,
            [old, without_version].concat(),
        ),
    ] {
        let runtime = if hardened { "--hardened-runtime" } else { "" };
        let ours = sign(
            dir,
            program,
            &format!(
                "--sign-key rsa.key --sign-certificates rsa.pem --sign-certificates ca.pem \
                 --team-id TEAM123456 {runtime}"
            ),
        );
        fs::write(at("ours"), ours.unwrap()).unwrap();
        fs::write(at("unsigned"), program).unwrap();
        let mut words = vec!["sign", "unsigned", "theirs", "rsa.key,rsa.pem,ca.pem"];
        let (from, to) = (at("unsigned"), at("theirs"));
        (words[1], words[2]) = (&from, &to);
        words.extend([
            "binary_identifier",
            "org.example.app",
            "team_name",
            "TEAM123456",
        ]);
        words.extend([
            "timestamp_url",
            "none",
            "signing_time",
            "2023-11-14T22:13:20Z",
        ]);
        if hardened {
            words.extend(["code_signature_flags", "runtime"]);
        }
        judge.ask(&words).unwrap();
        let told = judge.facts(&["verify", &at("ours"), &at("theirs")]);
        let mut found = BTreeSet::new();
        differences(&told[0]["described"], &told[1]["described"], "", &mut found);
        let expected: BTreeSet<String> = requirement
            .iter()
            .chain(&expected)
            .map(|name| (*name).to_owned())
            .collect();
        assert_eq!(found, expected, "{name}: {} {}", told[0], told[1]);

        // The requirements are the same but for whose hash they hold.
        let hash = |certificate: &str| {
            let words = format!("x509 -in {certificate} -noout -fingerprint -sha1");
            let told = openssl(&words, dir).unwrap();
            let (_, hash) = told.trim().split_once('=').unwrap();
            hash.replace(':', "").to_lowercase()
        };
        let text = |told: &Value| signature(told)["code_requirements"].to_string();
        let (root, leaf) = (hash("ca.pem"), hash("rsa.pem"));
        assert!(text(&told[0]).contains(&root), "{}", text(&told[0]));
        assert_eq!(text(&told[0]).replace(&root, &leaf), text(&told[1]));
        // The older hash is for old systems: the newer code directory is the one that is made here.
        if expected.contains("alternative_code_directories") {
            let alternative = &signature(&told[1])["alternative_code_directories"][0][1];
            assert_eq!(alternative["digest_type"], "sha256");
            assert_eq!(
                signature(&told[0])["code_directory"]["digest_type"],
                "sha256"
            );
        }
        let ours = &signature(&told[0])["code_directory"];
        assert_eq!(
            ours["runtime_version"] != Value::Null,
            hardened,
            "{name}: {ours}"
        );
    }
}

#[test]
fn bundles_are_judged_from_both_sides() {
    let Some(judge) = Judge::new("apple-codesign", &APPLE, "apple_codesign.py") else {
        return;
    };
    let dir = judge.dir;
    let place = tempfile::tempdir_in(dir).unwrap();
    let at = |name: &str| place.path().join(name).display().to_string();
    let make = |name: &str| {
        let contents = place.path().join(name).join("Contents");
        for inside in ["MacOS", "Resources"] {
            fs::create_dir_all(contents.join(inside)).unwrap();
        }
        let info = "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict>\
                    <key>CFBundleIdentifier</key><string>org.example.demo</string>\
                    <key>CFBundlePackageType</key><string>APPL</string>\
                    <key>CFBundleExecutable</key><string>Demo</string></dict></plist>";
        fs::write(contents.join("Info.plist"), info).unwrap();
        fs::write(contents.join("MacOS/Demo"), mac_program(true)).unwrap();
        fs::write(contents.join("Resources/a.txt"), "a").unwrap();
    };
    let tool = |words: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
        run(command.args(words.split_whitespace()).current_dir(dir))
    };
    let keys = "rsa.key,rsa.pem,ca.pem";
    // Theirs.
    make("Theirs.app");
    let (from, to) = (at("Theirs.app"), at("Signed.app"));
    judge
        .ask(&["sign", &from, &to, keys, "timestamp_url", "none"])
        .unwrap();
    let told = tool(&format!("verify {to}")).unwrap();
    assert!(told.contains("signed by Test-rsa"), "{told}");
    assert!(!told.contains("not checked here"), "{told}");
    fs::write(format!("{to}/Contents/Resources/a.txt"), "b").unwrap();
    tool(&format!("verify {to}")).unwrap_err();
    // Ours.
    make("Ours.app");
    let ours = at("Ours.app");
    tool(&format!("sign {ours} {}", identities::RSA)).unwrap();
    let main = format!("{ours}/Contents/MacOS/Demo");
    let told = judge.facts(&["verify", &main]);
    assert_eq!(told[0]["problems"], Value::Array(Vec::new()), "{told:?}");
    // What rules of its maker's own leave out cannot be told.
    let seal = format!("{ours}/Contents/_CodeSignature/CodeResources");
    let rules = fs::read_to_string(&seal).unwrap();
    let (before, behind) = rules.split_once("<key>rules2</key>").unwrap();
    let (start, behind) = behind.split_once("<dict>").unwrap();
    let own = "<key>^Resources/free</key><dict><key>omit</key><true/></dict>";
    let changed = format!("{before}<key>rules2</key>{start}<dict>{own}{behind}");
    fs::write(&seal, changed).unwrap();
    assert!(
        tool(&format!("verify {ours}"))
            .unwrap_err()
            .contains("the seal was changed")
    );
    let mut words = vec!["sign", &main, &main, keys, "timestamp_url", "none"];
    let info = format!("{ours}/Contents/Info.plist");
    words.extend(["binary_identifier", "org.example.demo"]);
    words.extend(["code_resources_file", &seal, "info_plist_file", &info]);
    judge.ask(&words).unwrap();
    let told = tool(&format!("verify {ours}")).unwrap_err();
    let words = "signed by Test-rsa, in a way that is not checked here";
    assert!(told.contains(words), "{told}");
    let told = tool(&format!("verify {ours} --output-format json")).unwrap_err();
    let mut told = serde_json::Deserializer::from_str(&told).into_iter::<Value>();
    let told = told.next().unwrap().unwrap();
    assert_eq!(told["signature"]["state"], "not checked", "{told}");
    assert_eq!(told["signature"]["signer"], "Test-rsa", "{told}");
}
