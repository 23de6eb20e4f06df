//! What would spoil a release and is refused or told by `sign`: damaged programs, signatures that
//! are lost, libraries that will not be loaded, options without effect.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::identities::{
    RSA, mac_library, mac_program, mac_program_with, of_others, run, sign, skip, windows_program,
    workshop,
};

/// What `sign` did.
struct Signed {
    /// Everything it said.
    told: String,
    /// Its warnings in JSON.
    warnings: Vec<String>,
    program: Vec<u8>,
}

impl std::fmt::Debug for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n{:?}", self.told, self.warnings)
    }
}

/// Runs `sign` on these bytes.
fn signed(dir: &Path, program: &[u8], options: &str) -> Signed {
    let place = tempfile::tempdir_in(dir).unwrap();
    let file = place.path().join("app.exe");
    let tool = |more: &[&str]| {
        fs::write(&file, program).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
        command.arg("sign").arg(&file);
        command.args(options.split_whitespace()).args(more);
        run(command.current_dir(dir)).unwrap()
    };
    let told = tool(&[]);
    let json: Value = serde_json::from_str(&tool(&["--quiet", "--output-format", "json"])).unwrap();
    let warnings = json["warnings"].as_array().unwrap().iter();
    let warnings = warnings.map(|warning| warning.as_str().unwrap().to_owned());
    Signed {
        told,
        warnings: warnings.collect(),
        program: fs::read(file).unwrap(),
    }
}

/// Whether a warning with these words is told to people and to programs.
fn warns(told: &Signed, words: &str) -> bool {
    let mut lines = told
        .told
        .lines()
        .filter(|line| line.starts_with("warning: "));
    let for_people = lines.any(|line| line.contains(words));
    let for_programs = told.warnings.iter().any(|warning| warning.contains(words));
    assert_eq!(for_people, for_programs, "{told:?}");
    for_people
}

#[test]
fn a_damaged_application_is_not_signed() {
    let Some(dir) = workshop() else { return };
    for (program, code) in [(windows_program(), 0x400), (mac_program(true), 0x4100)] {
        let data = program
            .windows(8)
            .rposition(|bytes| bytes == [1, 2, 3, 4, 5, 6, 7, 8]);
        for at in [code, data.unwrap()] {
            let mut damaged = program.clone();
            damaged[at] ^= 1;
            let place = tempfile::tempdir_in(dir).unwrap();
            let file = place.path().join("app.exe");
            fs::write(&file, &damaged).unwrap();
            let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
            command.arg("sign").arg(&file).args(RSA.split(' '));
            let told = run(command.current_dir(dir)).unwrap_err();
            assert!(told.contains("app.exe` is damaged"), "{at:#x}: {told}");
            assert!(told.contains("hint: package it again"), "{told}");
            assert!(fs::read(&file).unwrap() == damaged);
        }
        sign(dir, &program, RSA).unwrap();
    }
    // A signature that no longer holds is replaced.
    let mut program = mac_program(true);
    let magic = 0xfade_0c02u32.to_be_bytes();
    let directory = program.windows(4).rposition(|word| word == magic).unwrap();
    program[directory + 120] ^= 1;
    sign(dir, &program, RSA).unwrap();
}

#[test]
fn a_signature_that_is_lost_is_told() {
    let Some(dir) = workshop() else { return };
    let by_ec = "--sign-key ec.key --sign-certificates ec.pem --sign-certificates ca.pem";
    for program in [windows_program(), mac_program(true), mac_library(false)] {
        let first = signed(dir, &program, RSA);
        assert!(!warns(&first, "is replaced"), "{first:?}");
        let same = signed(dir, &first.program, RSA);
        assert!(!warns(&same, "is replaced"), "{same:?}");
        let other = signed(dir, &first.program, by_ec);
        assert!(
            warns(&other, "the signature of `Test-rsa` is replaced"),
            "{other:?}"
        );
        if !program.starts_with(b"MZ") {
            let nobody = signed(dir, &first.program, "");
            assert!(
                warns(&nobody, "the signature of `Test-rsa` is replaced"),
                "{nobody:?}"
            );
        }
    }
    // Another tool signs inside of a signature.
    if let Err(reason) = run(Command::new("osslsigncode").arg("--version")) {
        return skip("signatures inside of others", &reason);
    }
    let place = tempfile::tempdir_in(dir).unwrap();
    let (one, two) = (place.path().join("one.exe"), place.path().join("two.exe"));
    fs::write(
        &one,
        signed(dir, &of_others(windows_program()), RSA).program,
    )
    .unwrap();
    let mut command = Command::new("osslsigncode");
    command.args("sign -nest -h sha256 -key ec.key -certs ec.pem -in".split(' '));
    command.arg(&one).arg("-out").arg(&two);
    run(command.current_dir(dir)).unwrap();
    let again = signed(dir, &fs::read(&two).unwrap(), RSA);
    assert!(!warns(&again, "`Test-rsa`"), "{again:?}");
    assert!(
        warns(&again, "the further signature of `Test-ec` is dropped"),
        "{again:?}"
    );
}

#[test]
fn the_hardened_runtime_loads_libraries_of_its_own_team() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let rights = place.path().join("rights.plist");
    let list = "<plist><dict><key>com.apple.security.cs.disable-library-validation</key><true/>\
                </dict></plist>";
    fs::write(&rights, list).unwrap();
    let rights = format!("--entitlements {}", rights.display());
    let team = format!("{RSA} --team-id TEAM123456");
    let hardened = format!("{RSA} --hardened-runtime");
    let of_team = signed(dir, &mac_library(true), &team).program;
    let others = signed(
        dir,
        &mac_library(true),
        &format!("{RSA} --team-id OTHER12345"),
    )
    .program;
    let plain = mac_library(true);
    for (natives, options, expected) in [
        (&[&plain[..]][..], RSA.to_owned(), ""),
        (&[&plain], hardened.clone(), "native0.so`: "),
        (
            &[&plain, &plain],
            "--hardened-runtime".to_owned(),
            "native0.so` and another",
        ),
        (&[&plain], format!("{hardened} {rights}"), ""),
        (&[&of_team], hardened.clone(), "native0.so`: "),
        (&[&of_team], format!("{team} --hardened-runtime"), ""),
        (
            &[&of_team, &others],
            format!("{team} --hardened-runtime"),
            "native1.so`: ",
        ),
        (&[], hardened.clone(), ""),
    ] {
        let program = mac_program_with(true, natives);
        let told = signed(dir, &program, &options);
        let words = format!("will not load `/~oxidize/app/{expected}");
        let is_told = !expected.is_empty();
        assert_eq!(warns(&told, &words), is_told, "{options}: {told:?}");
        assert_eq!(
            warns(&told, "will not load"),
            is_told,
            "{options}: {told:?}"
        );
        // The hardened runtime that a program has counts, too.
        let again = signed(
            dir,
            &told.program,
            &options.replace("--hardened-runtime", ""),
        );
        assert_eq!(
            warns(&again, "will not load"),
            is_told,
            "{options}: {again:?}"
        );
    }
}

#[test]
fn options_without_effect_are_told() {
    let Some(dir) = workshop() else { return };
    for empty in ["--sign-command=", "--sign-command=\t"] {
        let told = sign(
            dir,
            &windows_program(),
            &format!("{empty} --sign-certificates rsa.pem"),
        );
        // Words are divided at white space.
        let told = told.unwrap_err();
        assert!(told.contains("the sign command is empty"), "{told}");
    }
    let command = dir.join("unprotected.sh");
    let line = "#!/bin/sh\nexec openssl pkeyutl -sign -inkey rsa.key -pkeyopt digest:sha256\n";
    fs::write(&command, line).unwrap();
    run(Command::new("chmod").arg("755").arg(&command)).unwrap();
    let outside = format!(
        "--sign-command {} --sign-certificates rsa.pem",
        command.display()
    );
    for (identity, is_used) in [
        ("--sign-p12 new.p12", true),
        ("--sign-key ec-locked.key --sign-certificates ec.pem", true),
        (RSA, false),
        (&outside, false),
    ] {
        let told = signed(
            dir,
            &windows_program(),
            &format!("{identity} --sign-password-file password"),
        );
        assert_eq!(
            !warns(&told, "the password is not used"),
            is_used,
            "{identity}: {told:?}"
        );
    }
}
