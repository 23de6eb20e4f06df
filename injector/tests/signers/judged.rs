//! What `verify` says of signatures by other tools: of kinds that are not checked here, several in
//! one file, with something behind them, or with certificates that were changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use oxidize_inject::internal::sign::state::{self, State};
use serde_json::Value;
use tempfile::TempDir;

use super::identities::{
    RSA, mac_library, of_others, openssl, run, sign, skip, windows_program, workshop,
};

/// A directory with a program for Windows, `plain.exe`.
struct Place {
    dir: &'static Path,
    place: TempDir,
}

impl Place {
    /// `None` without openssl.
    fn new() -> Option<Place> {
        let dir = workshop()?;
        let place = tempfile::tempdir_in(dir).unwrap();
        fs::write(place.path().join("plain.exe"), of_others(windows_program())).unwrap();
        Some(Place { dir, place })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Options of an identity whose certificate, `Own`, nobody else has issued.
    fn self_signed(&self) -> String {
        let own = self.path("own").display().to_string();
        let make = format!(
            "req -x509 -newkey rsa:2048 -nodes -days 9 -config config -extensions code \
             -subj /CN=Own -keyout {own}.key -out {own}.pem"
        );
        openssl(&make, self.dir).unwrap();
        format!("--sign-key {own}.key --sign-certificates {own}.pem")
    }

    /// `verify` on these bytes, for people: whether it succeeds, and all that it says.
    fn verify(&self, bytes: &[u8]) -> (bool, String) {
        let file = self.path("verified");
        fs::write(&file, bytes).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
        match run(command.arg("verify").arg(file)) {
            Ok(told) => (true, told),
            Err(told) => (false, told),
        }
    }

    /// `verify` on these bytes, for programs: the exit status, and what it says.
    fn json(&self, bytes: &[u8]) -> (i32, Value) {
        let file = self.path("verified");
        fs::write(&file, bytes).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
        command
            .arg("verify")
            .arg(file)
            .args(["--output-format", "json"]);
        let output = command.output().unwrap();
        let told = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), told)
    }

    /// Another tool's signature; `None` without that tool.
    fn osslsigncode(&self, from: &str, to: &str, more: &str) -> Option<Vec<u8>> {
        if Command::new("osslsigncode")
            .arg("--version")
            .output()
            .is_err()
        {
            skip("signatures by others", "osslsigncode is not installed");
            return None;
        }
        let mut command = Command::new("osslsigncode");
        command.arg("sign").args(more.split_whitespace());
        command.arg("-in").arg(self.path(from));
        command.arg("-out").arg(self.path(to));
        run(command.current_dir(self.dir)).unwrap();
        Some(self.read(to))
    }
}

fn word(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// Where the header says where the certificate table is.
fn directory_at(program: &[u8]) -> usize {
    word(program, 0x3c) + 24 + 112 + 4 * 8
}

fn table(program: &[u8]) -> &[u8] {
    &program[word(program, directory_at(program))..]
}

/// The program with another certificate table.
fn with_table(program: &[u8], table: &[u8]) -> Vec<u8> {
    let at = directory_at(program);
    let mut out = program[..word(program, at)].to_vec();
    out[at + 4..at + 8].copy_from_slice(&(table.len() as u32).to_le_bytes());
    out.extend_from_slice(table);
    out
}

/// The program with a changed byte of its code.
fn changed(program: &[u8]) -> Vec<u8> {
    let mut out = program.to_vec();
    out[0x400] ^= 1;
    out
}

#[test]
fn what_cannot_be_checked_is_not_ok() {
    let Some(place) = Place::new() else { return };
    let p521 = place.path("p521").display().to_string();
    openssl(
        &format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-521 -nodes -days 9 -config config \
             -extensions code -subj /CN=Large -keyout {p521}.key -out {p521}.pem"
        ),
        place.dir,
    )
    .unwrap();
    let large = format!("-h sha256 -key {p521}.key -certs {p521}.pem");
    for (options, algorithm, compared) in [
        ("-h md5 -key rsa.key -certs rsa.pem", "MD5", false),
        (&large, "P-521", true),
    ] {
        let Some(signed) = place.osslsigncode("plain.exe", algorithm, options) else {
            return;
        };
        let reason = format!("cannot be checked here: {algorithm}");
        for bytes in [signed.clone(), changed(&signed)] {
            let expected = if compared && bytes != signed {
                "the program was changed after it was signed"
            } else {
                &reason
            };
            let (done, told) = place.verify(&bytes);
            assert!(!done && told.contains(expected), "{algorithm}: {told}");
            let (status, told) = place.json(&bytes);
            assert_eq!((status, &told["ok"]), (1, &false.into()), "{told}");
            let problem = told["problem"].as_str().unwrap();
            assert!(problem.contains(expected), "{told}");
            if expected == reason {
                assert_eq!(told["signature"]["state"], "not checked", "{told}");
                assert_eq!(told["signature"]["unchecked"], algorithm, "{told}");
            }
        }
    }
    // One of ours is compared with what was written; its signature is not vouched for all the same.
    fs::write(place.path("ours.exe"), windows_program()).unwrap();
    let md5 = "-h md5 -key rsa.key -certs rsa.pem";
    let ours = place.osslsigncode("ours.exe", "signed.exe", md5).unwrap();
    for (bytes, state) in [(changed(&ours), "damaged"), (ours, "not checked")] {
        let (status, told) = place.json(&bytes);
        assert_eq!((status, &told["state"]), (1, &state.into()), "{told}");
        let named = told["problem"].as_str().unwrap().contains("MD5");
        assert_eq!(named, state == "not checked", "{told}");
    }
    // A code directory with hashes that nobody knows.
    let mut library = mac_library(true);
    let magic = 0xfade_0c02u32.to_be_bytes();
    let directory = library.windows(4).rposition(|word| word == magic).unwrap();
    library[directory + 37] = 9;
    let (done, told) = place.verify(&library);
    assert!(!done && told.contains("hash of kind 9"), "{told}");
}

#[test]
fn every_signature_of_a_program_is_judged() {
    let Some(place) = Place::new() else { return };
    let by_rsa = "-h sha1 -key rsa.key -certs rsa.pem -ac ca.pem";
    let Some(one) = place.osslsigncode("plain.exe", "one.exe", by_rsa) else {
        return;
    };
    let by_ec = "-nest -h sha256 -key ec.key -certs ec.pem -ac ca.pem";
    let two = place.osslsigncode("one.exe", "two.exe", by_ec).unwrap();
    let other = sign(
        place.dir,
        &place.read("plain.exe"),
        "--sign-key ec.key --sign-certificates ec.pem --sign-certificates ca.pem",
    )
    .unwrap();
    // One inside the other, and one behind the other.
    let beside = with_table(&one, &[table(&one), table(&other)].concat());
    for bytes in [&two, &beside] {
        let (done, told) = place.verify(bytes);
        assert!(done, "{told}");
        for words in [
            "signed by Test-rsa",
            "also signed by Test-ec",
            "SHA-1, which is not",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
        let (_, told) = place.json(bytes);
        let further = told["signature"]["further"].as_array().unwrap();
        assert_eq!(further.len(), 1, "{told}");
        assert_eq!(further[0]["signer"], "Test-ec", "{told}");
        assert_eq!(further[0]["problems"], Value::Array(Vec::new()), "{told}");
        assert!(!place.verify(&changed(bytes)).0);
        // In the second signature's last bytes, which the key made.
        let mut broken = bytes.clone();
        let end = broken.iter().rposition(|byte| *byte != 0).unwrap();
        broken[end - 3] ^= 1;
        let (done, told) = place.verify(&broken);
        let expected = "in signature 2 of 2: the signature is not the signer's";
        assert!(!done && told.contains(expected), "{told}");
    }
    // The second signature is of another program.
    let theirs = sign(place.dir, &changed(&place.read("plain.exe")), RSA).unwrap();
    let foreign = with_table(&one, &[table(&one), table(&theirs)].concat());
    let (done, told) = place.verify(&foreign);
    let expected = "in signature 2 of 2: the program was changed";
    assert!(!done && told.contains(expected), "{told}");
    // An entry of another kind, and one that is cut off.
    let mut kind = table(&other).to_vec();
    kind[6] = 1;
    let (done, told) = place.verify(&with_table(&one, &[table(&one), &kind[..]].concat()));
    assert!(!done && told.contains("entry of kind 1"), "{told}");
    for cut in [4, 8, 40] {
        let cut = [table(&one), &table(&other)[..cut]].concat();
        assert!(!place.verify(&with_table(&one, &cut)).0);
    }
}

#[test]
fn what_lies_behind_a_signature_in_its_table_is_told() {
    let Some(place) = Place::new() else { return };
    let signed = sign(place.dir, &place.read("plain.exe"), RSA).unwrap();
    assert!(place.verify(&signed).0);
    let table = table(&signed);
    let end = table.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    for (tail, len, good) in [
        // Padding with zeros, inside of the entry or outside.
        (vec![], end, true),
        (vec![], table.len(), true),
        (vec![0; 8], table.len() + 8, false),
        (b"payload!".to_vec(), table.len() + 8, false),
        (b"payload!".repeat(500), table.len() + 4000, false),
    ] {
        let mut table = [table, &tail[..]].concat();
        table[..4].copy_from_slice(&(len as u32).to_le_bytes());
        let (done, told) = place.verify(&with_table(&signed, &table));
        assert_eq!(done, good, "{len}: {told}");
        assert!(done || told.contains("something behind it"), "{told}");
    }
    // In the padding itself.
    if end < table.len() {
        let mut filled = table.to_vec();
        *filled.last_mut().unwrap() = 1;
        for len in [end, table.len()] {
            filled[..4].copy_from_slice(&(len as u32).to_le_bytes());
            let (done, told) = place.verify(&with_table(&signed, &filled));
            assert!(!done && told.contains("something behind it"), "{told}");
        }
    }
}

#[test]
fn verify_tells_of_certificates_what_sign_warns_of() {
    let Some(place) = Place::new() else { return };
    let at = place.place.path();
    fs::write(at.join("none"), "subjectKeyIdentifier=hash\n").unwrap();
    let request = "req -new -key ../rsa.key -subj /CN=Any -out any.csr";
    openssl(request, at).unwrap();
    let issue = "x509 -req -in any.csr -CA ../ca.pem -CAkey ../ca.key -CAcreateserial -days 8 \
                 -extfile none -out any.pem";
    openssl(issue, at).unwrap();
    let any = at.join("any.pem").display().to_string();
    for (certificates, missing, purpose) in [
        (
            "rsa.pem --sign-certificates ca.pem".to_owned(),
            false,
            false,
        ),
        ("rsa.pem".to_owned(), true, false),
        (format!("{any} --sign-certificates ca.pem"), false, true),
        (any.clone(), true, true),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
        let file = at.join("app.exe");
        fs::copy(at.join("plain.exe"), &file).unwrap();
        command
            .arg("sign")
            .arg(&file)
            .args(["--sign-key", "rsa.key", "--sign-certificates"]);
        command.args(certificates.split_whitespace());
        let warned = run(command.current_dir(place.dir)).unwrap();
        let (_, told) = place.verify(&place.read("app.exe"));
        for told in [warned, told] {
            let is_told = |words: &str| told.contains(words);
            assert_eq!(
                is_told("certificate of `Authority`, which issued that of"),
                missing,
                "{told}"
            );
            assert_eq!(
                is_told("does not say that it is for signing code"),
                purpose,
                "{told}"
            );
        }
    }
}

#[test]
fn certificates_that_were_changed_are_told() {
    let Some(place) = Place::new() else { return };
    let plain = place.read("plain.exe");
    let alone = place.self_signed();
    for (identity, problems) in [
        (&alone[..], &["`Own` did not sign its own certificate"][..]),
        (
            RSA,
            &[
                "`Authority` did not sign the certificate of `Test-rsa`",
                "`Authority` did not sign its own certificate",
            ],
        ),
    ] {
        let signed = sign(place.dir, &plain, identity).unwrap();
        let (_, told) = place.json(&signed);
        assert_eq!(
            told["signature"]["problems"],
            Value::Array(Vec::new()),
            "{told}"
        );
        // Every certificate lasts twenty years longer: two dates, one after the other, twelve
        // digits and a letter each; the year comes first.
        let dates = |part: &[u8]| part[..2] == [0x17, 13] && part[15..17] == [0x17, 13];
        let mut at: Vec<usize> = signed
            .windows(17)
            .enumerate()
            .filter(|(_, part)| dates(part))
            .map(|(at, _)| at + 17)
            .collect();
        assert_eq!(at.len(), problems.len());
        for at in at.drain(..) {
            let mut edited = signed.clone();
            edited[at] += 2;
            let (status, told) = place.json(&edited);
            let found = told["signature"]["problems"].as_array().unwrap();
            let is_expected = |found: &Value| problems.iter().any(|known| found == known);
            assert_eq!((status, found.len()), (0, 1), "{told}");
            assert!(is_expected(&found[0]), "{told}");
        }
    }
}

#[test]
fn every_byte_of_a_certificate_table_counts() {
    let Some(place) = Place::new() else { return };
    let alone = place.self_signed();
    for identity in [&alone[..], RSA] {
        let signed = sign(place.dir, &place.read("plain.exe"), identity).unwrap();
        let start = signed.len() - table(&signed).len();
        // Versions of signed data and its signer, and that algorithms have no parameters, say
        // nothing and are not signed.
        let says_nothing =
            |at: usize| signed[at - 2..=at] == [2, 1, 1] || signed[at..at + 2] == [5, 0];
        let mut unnoticed = Vec::new();
        for at in start..signed.len() {
            for bit in [0x01, 0x20] {
                let mut changed = signed.clone();
                changed[at] ^= bit;
                if let Ok(State::Good(signer)) = state::of(&changed)
                    && signer.problems.is_empty()
                    && !says_nothing(at)
                {
                    unnoticed.push(at - start);
                }
            }
        }
        assert_eq!(unnoticed, [0; 0], "{identity}");
    }
}
