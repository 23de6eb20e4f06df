//! Signatures as others judge them: openssl makes identities and answers time stamp requests,
//! osslsigncode and `openssl cms` verify what was signed.
//!
//! What is not there is reported as skipped on standard error; `OXIDIZE_FORBID_SKIPS=1` turns that
//! into a failure.

#![cfg(unix)]

mod identities;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use authenticode::AuthenticodeSignature;
use oxidize_inject::internal::container;
use oxidize_inject::internal::image::macho::fat;
use oxidize_inject::internal::sign::state::{self, State};

use identities::{
    PASSWORD, mac_program, openssl, responder, run, sign, skip, windows_program, workshop,
};

/// What osslsigncode thinks of these bytes.
fn osslsigncode(dir: &Path, program: &[u8]) -> Result<String, String> {
    let mut file = tempfile::NamedTempFile::new_in(dir).unwrap();
    file.write_all(program).unwrap();
    let mut command = Command::new("osslsigncode");
    command.args([
        "verify",
        "-CAfile",
        "ca.pem",
        "-TSA-CAfile",
        "ca.pem",
        "-in",
    ]);
    run(command.arg(file.path()).current_dir(dir))
}

fn has_osslsigncode() -> bool {
    let found = run(Command::new("osslsigncode").arg("--version"));
    if let Err(reason) = &found {
        skip("osslsigncode", reason);
    }
    found.is_ok()
}

/// Where the certificate table begins.
fn table(program: &[u8]) -> usize {
    let word = |at: usize| u32::from_le_bytes(program[at..at + 4].try_into().unwrap()) as usize;
    word(word(60) + 24 + 112 + 32)
}

/// The judgement of `oxidize-inject verify`, but for the blob.
fn is_whole(program: &[u8]) -> bool {
    container::verify(program).is_ok_and(|verified| !verified.altered)
        && matches!(state::of(program), Ok(State::Good(_)))
}

#[test]
fn windows_programs_are_signed_and_verified_by_others() {
    let Some(dir) = workshop() else { return };
    let program = windows_program();
    let cases = [
        (
            "--sign-p12 new.p12 --sign-password-file password",
            "Test-rsa",
        ),
        (
            "--sign-pfx old.p12 --sign-pfx-password-file password",
            "Test-rsa",
        ),
        (
            "--sign-p12 nomac.p12 --sign-password-file password",
            "Test-rsa",
        ),
        (
            "--sign-key rsa.key --sign-certificates rsa.pem --sign-certificates ca.pem",
            "Test-rsa",
        ),
        (
            "--sign-key ec.key --sign-certificates ec.pem --sign-name Größe --sign-url https://example.org",
            "Test-ec",
        ),
        (
            "--sign-key ec-locked.key --sign-certificates ec.pem --sign-password-file password",
            "Test-ec",
        ),
        (
            "--sign-key rsa.key --sign-certificates rsa.pem --sign-page-hashes",
            "Test-rsa",
        ),
    ];
    for (arguments, name) in cases {
        let signed = sign(dir, &program, arguments).unwrap();
        // RSA by PKCS#1 1.5 and ECDSA by RFC 6979 leave nothing to chance.
        assert!(
            sign(dir, &program, arguments).unwrap() == signed,
            "{arguments}"
        );
        assert!(
            sign(dir, &signed, arguments).unwrap() == signed,
            "signed anew: {arguments}"
        );
        let State::Good(signer) = state::of(&signed).unwrap() else {
            panic!("{arguments}");
        };
        assert_eq!((&signer.name[..], &signer.issuer[..]), (name, "Authority"));
        assert!(!container::verify(&signed).unwrap().altered);
        assert!(container::remove(&signed).unwrap() == container::remove(&program).unwrap());
        let parsed = AuthenticodeSignature::from_bytes(&signed[table(&signed) + 8..]).unwrap();
        assert_eq!(parsed.digest().len(), 32, "{arguments}");
        if has_osslsigncode() {
            let told = osslsigncode(dir, &signed).unwrap();
            assert!(told.contains("Signature verification: ok"), "{told}");
            // It computes them itself, and does not verify a program whose own are others.
            let pages = told.contains("Page hash algorithm  : SHA256");
            assert_eq!(pages, arguments.contains("page-hashes"), "{told}");
            if arguments.contains("Größe") {
                assert!(
                    told.contains("Größe") && told.contains("https://example.org"),
                    "{told}"
                );
            }
            fs::write(dir.join("signed.exe"), &signed).unwrap();
            let mut remove = Command::new("osslsigncode");
            let _ = fs::remove_file(dir.join("unsigned.exe"));
            remove.args([
                "remove-signature",
                "-in",
                "signed.exe",
                "-out",
                "unsigned.exe",
            ]);
            run(remove.current_dir(dir)).unwrap();
            assert!(
                fs::read(dir.join("unsigned.exe")).unwrap() == program,
                "{arguments}"
            );
        }
    }
}

#[test]
fn a_flipped_byte_anywhere_is_noticed() {
    let Some(dir) = workshop() else { return };
    let arguments = "--sign-p12 bare.p12 --sign-password-file password";
    let signed = sign(dir, &windows_program(), arguments).unwrap();
    assert!(is_whole(&signed));
    let table = table(&signed);
    let flipped = |at: usize| {
        let mut broken = signed.clone();
        broken[at] ^= 0x55;
        broken
    };
    // The headers byte by byte, checksum and certificate directory included, then all over the
    // program.
    for at in (0..0x400).chain((0x400..table).step_by(97)) {
        assert!(!is_whole(&flipped(at)), "byte {at:#x}");
    }
    if has_osslsigncode() {
        osslsigncode(dir, &signed).unwrap();
        let inside = (table + 8..signed.len() - 8).step_by(61);
        for at in [0x84, 0x400, table - 1].into_iter().chain(inside) {
            let told = osslsigncode(dir, &flipped(at));
            assert!(
                told.is_err(),
                "byte {at:#x} of {:#x}: {told:?}",
                signed.len()
            );
        }
    }
}

#[test]
fn mac_programs_carry_a_signature_that_openssl_verifies() {
    let Some(dir) = workshop() else { return };
    let list = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>\
                <key>com.apple.security.cs.disable-library-validation</key><true/></dict></plist>";
    fs::write(dir.join("allowed.plist"), list).unwrap();
    let more = "--hardened-runtime --entitlements allowed.plist --team-id TEAM123456";
    for (arm, identity) in [
        (true, "--sign-p12 new.p12 --sign-p12-password-file password"),
        (
            false,
            "--sign-p12 new.p12 --sign-p12-password-file password",
        ),
        (
            true,
            "--sign-key ec.key --sign-certificates ec.pem --sign-certificates ca.pem",
        ),
    ] {
        let program = mac_program(arm);
        let arguments = format!("{identity} {more}");
        let signed = sign(dir, &program, &arguments).unwrap();
        assert!(
            sign(dir, &program, &arguments).unwrap() == signed,
            "{arguments}"
        );
        assert!(
            is_whole(&signed),
            "{arguments}: {:?}",
            container::verify(&signed)
        );
        assert!(container::remove(&signed).unwrap() == container::remove(&program).unwrap());
        let State::Good(signer) = state::of(&signed).unwrap() else {
            panic!("{arguments}");
        };
        assert_eq!(signer.team.as_deref(), Some("TEAM123456"));
        assert_eq!(signer.identifier.as_deref(), Some("org.example.app"));

        let start = signed
            .windows(4)
            .rposition(|bytes| bytes == [0xfa, 0xde, 0x0c, 0xc0]);
        let superblob = &signed[start.unwrap()..];
        let blobs = blobs(superblob);
        let slots: Vec<u32> = blobs.iter().map(|(slot, _)| *slot).collect();
        assert_eq!(slots, [0, 2, 5, 7, 0x1_0000]);
        let directory = blobs[0].1;
        assert_eq!(
            directory[8..16],
            [0, 2, 5, 0, 0, 1, 0, 0],
            "version and flags"
        );
        assert_eq!(blobs[2].1[8..], *list.as_bytes());
        fs::write(dir.join("directory"), directory).unwrap();
        fs::write(dir.join("cms"), &blobs[4].1[8..]).unwrap();
        let verify = "cms -verify -inform DER -in cms -content directory -binary -purpose any \
                      -CAfile ca.pem -out content";
        openssl(verify, dir).unwrap();
        assert!(fs::read(dir.join("content")).unwrap() == directory);
        let told = openssl("cms -cmsout -print -inform DER -in cms", dir).unwrap();
        for wanted in [
            "1.2.840.113635.100.9.1",
            "1.2.840.113635.100.9.2",
            "Nov 14 22:13:20 2023",
        ] {
            assert!(told.contains(wanted), "{wanted}: {told}");
        }
        // Ad hoc again: nothing of the identity is left.
        let adhoc = sign(dir, &signed, "").unwrap();
        assert_eq!(state::of(&adhoc).unwrap().word(), "ad hoc");
        assert!(container::verify(&adhoc).is_ok());
        for at in (0..start.unwrap())
            .step_by(211)
            .chain(start.unwrap()..start.unwrap() + 80)
        {
            let mut broken = signed.clone();
            broken[at] ^= 0x55;
            assert!(!is_whole(&broken), "byte {at:#x}");
        }
    }
    let both = [mac_program(false), mac_program(true)];
    let both = fat::assemble(&[&both[0], &both[1]]).unwrap();
    let arguments = "--sign-p12 new.p12 --sign-password-file password";
    assert!(is_whole(&sign(dir, &both, arguments).unwrap()));
}

/// Slots and blobs of a superblob.
/// Load commands that somebody changed are damage, and signing does not make them whole.
#[test]
fn a_mac_program_that_was_changed_is_not_signed_again() {
    let dir = tempfile::tempdir().unwrap();
    for arm in [false, true] {
        let program = mac_program(arm);
        let signed = sign(dir.path(), &program, "").unwrap();
        assert!(!container::verify(&signed).unwrap().altered);
        let mut changes = vec![("the header's flags", 24)];
        let mut at = 32;
        let word = |at: usize| u32::from_le_bytes(program[at..at + 4].try_into().unwrap());
        for _ in 0..word(16) {
            let (kind, size) = (word(at), word(at + 4) as usize);
            match kind & 0x7fff_ffff {
                0x19 if program[at + 8..].starts_with(b"__TEXT\0") => {
                    changes.push(("a segment's greatest rights", at + 56));
                    changes.push(("a section's kind", at + 72 + 64));
                }
                0x28 => changes.push(("the entry", at + 8)),
                0xc => changes.push(("a library's name", at + 25)),
                0xe => changes.push(("the loader's name", at + 13)),
                0x32 => changes.push(("the system", at + 8)),
                _ => {}
            }
            at += size;
        }
        assert!(changes.len() > 3, "{changes:?}");
        for (what, at) in changes {
            let mut changed = program.clone();
            changed[at] ^= 2;
            let told = sign(dir.path(), &changed, "").unwrap_err();
            let is_told = told.contains("is damaged") || told.contains("cannot be signed");
            assert!(is_told, "arm {arm}: {what} at {at:#x}: {told}");
        }
    }
}

fn blobs(superblob: &[u8]) -> Vec<(u32, &[u8])> {
    let word = |at: usize| u32::from_be_bytes(superblob[at..at + 4].try_into().unwrap());
    let entries = (0..word(8) as usize).map(|index| 12 + 8 * index);
    entries
        .map(|at| {
            let start = word(at + 4) as usize;
            (
                word(at),
                &superblob[start..start + word(start + 4) as usize],
            )
        })
        .collect()
}

#[test]
fn time_stamps_come_from_a_server() {
    let Some(dir) = workshop() else { return };
    let url = responder(dir, 2);
    let arguments =
        format!("--sign-p12 new.p12 --sign-password-file password --timestamp-url {url}");
    let signed = sign(dir, &windows_program(), &arguments).unwrap();
    let state = state::of(&signed).unwrap();
    assert!(
        state.signer().is_some_and(|signer| signer.time.is_some()),
        "{state:?}"
    );
    if has_osslsigncode() {
        let told = osslsigncode(dir, &signed).unwrap();
        assert!(
            told.contains("Timestamp Server Signature verification: ok"),
            "{told}"
        );
    }
    let signed = sign(dir, &mac_program(true), &arguments).unwrap();
    assert!(is_whole(&signed));
    let state = state::of(&signed).unwrap();
    assert!(
        state.signer().is_some_and(|signer| signer.time.is_some()),
        "{state:?}"
    );
    // Nobody answers any more.
    let refused = sign(dir, &windows_program(), &arguments).unwrap_err();
    assert!(refused.contains("no time stamp from"), "{refused}");
}

#[test]
fn what_cannot_be_signed_is_told_in_a_line() {
    let Some(dir) = workshop() else { return };
    let program = windows_program();
    let cases = [
        (
            "--sign-p12 new.p12 --sign-password-file wrong",
            "the password for `new.p12` is wrong",
        ),
        (
            "--sign-p12 old.p12 --sign-password-file wrong",
            "the password for `old.p12` is wrong",
        ),
        (
            "--sign-p12 nomac.p12 --sign-password-file wrong",
            "the password is wrong or the file is damaged",
        ),
        (
            "--sign-p12 nomac.p12",
            "`nomac.p12` is protected by a password",
        ),
        (
            "--sign-key ec-locked.key --sign-certificates ec.pem --sign-password-file wrong",
            "the password for `ec-locked.key` is wrong",
        ),
        ("--sign-p12 new.p12", "`new.p12` is protected by a password"),
        (
            "--sign-p12 new.p12 --sign-password-env OXIDIZE_NO_SUCH",
            "`OXIDIZE_NO_SUCH` is not set",
        ),
        (
            "--sign-p12 rsa.pem",
            "`rsa.pem` is a PEM file, not a PKCS#12",
        ),
        (
            "--sign-key rsa.key --sign-certificates ec.pem",
            "none of the certificates belongs to the key",
        ),
        ("", "none was given"),
        (
            "--sign-p12 new.p12 --sign-password-file password --hardened-runtime",
            "the hardened runtime is for macOS",
        ),
    ];
    for (arguments, expected) in cases {
        let told = sign(dir, &program, arguments).unwrap_err();
        assert!(told.contains(expected), "{arguments}: {told}");
        let causes = told.lines().filter(|line| line.starts_with("  Caused by"));
        assert!(
            told.starts_with("error: cannot sign") && causes.count() == 1,
            "{told}"
        );
        assert!(!told.contains("horse"), "{told}");
    }
}

/// What a person sees who is asked for a password: everything that appeared on the terminal, and
/// the exit status.
fn at_a_terminal(dir: &Path, arguments: &str, typed: &str) -> (String, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/terminal.py");
    let mut command = Command::new("python3");
    command.arg(script).arg("Password for").arg(typed);
    command.arg(env!("CARGO_BIN_EXE_oxidize-inject"));
    command.args(arguments.split_whitespace()).current_dir(dir);
    let seen = run(&mut command).unwrap();
    let (status, seen) = seen.split_once('\n').unwrap();
    (status.to_owned(), seen.replace('\r', ""))
}

#[test]
fn a_command_that_is_ended_at_its_question_leaves_the_terminal_in_order() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let file = place.path().join("app.exe");
    fs::write(&file, windows_program()).unwrap();
    let line = format!(
        "{} sign {} --sign-certificates rsa.pem --sign-command-timeout 1 --sign-command \
         'stty -echo < /dev/tty; sleep 50'; stty -a",
        env!("CARGO_BIN_EXE_oxidize-inject"),
        file.display()
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/terminal.py");
    let mut command = Command::new("python3");
    command.arg(script).args(["(nobody asks)", ""]);
    command.args(["/bin/sh", "-c", &line]).current_dir(dir);
    let seen = run(&mut command).unwrap();
    assert!(seen.contains("did not answer within 1 s"), "{seen}");
    assert!(
        seen.contains(" echo ") && !seen.contains("-echo "),
        "{seen}"
    );
}

#[test]
fn passwords_are_asked_for_at_a_terminal_and_do_not_show() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let file = place.path().join("asked.exe");
    let arguments = format!("sign {} --sign-p12 new.p12", file.display());
    fs::write(&file, windows_program()).unwrap();
    let (status, seen) = at_a_terminal(dir, &arguments, PASSWORD);
    assert_eq!(status, "0", "{seen}");
    assert!(seen.starts_with("Password for `new.p12`: \n"), "{seen}");
    assert!(seen.ends_with("signed by Test-rsa\n"), "{seen}");
    assert!(!seen.contains("horse"), "{seen}");
    assert!(is_whole(&fs::read(&file).unwrap()));

    fs::write(&file, windows_program()).unwrap();
    let (status, seen) = at_a_terminal(dir, &arguments, "incorrect horse");
    assert_eq!(status, "1", "{seen}");
    let expected = "Password for `new.p12`: \nerror: cannot sign\n  Caused by: the password for `new.p12` is wrong\n";
    assert_eq!(seen, expected);
    assert!(fs::read(&file).unwrap() == windows_program());

    // Nothing to decrypt, nobody to ask.
    let arguments = format!(
        "sign {} --sign-key rsa.key --sign-certificates rsa.pem",
        file.display()
    );
    let (status, seen) = at_a_terminal(dir, &arguments, "");
    assert_eq!(status, "0", "{seen}");
    assert!(!seen.contains("Password"), "{seen}");
}
