//! What `verify` says of signatures by other tools: of kinds that are not checked here, several in
//! one file, with something behind them, or with certificates that were changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::identities::{mac_library, of_others, openssl, run, skip, windows_program, workshop};

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
    // A code directory with hashes that nobody knows.
    let mut library = mac_library(true);
    let magic = 0xfade_0c02u32.to_be_bytes();
    let directory = library.windows(4).rposition(|word| word == magic).unwrap();
    library[directory + 37] = 9;
    let (done, told) = place.verify(&library);
    assert!(!done && told.contains("hash of kind 9"), "{told}");
}
