//! What people and programs are told by `sign` and `verify`.

use std::fs;
use std::process::Command;

use oxidize_inject::internal::image::macho::fat;
use serde_json::Value;

use super::identities::{
    RSA, mac_library, mac_program, of_others, responder, run, windows_program, workshop,
};

#[test]
fn programs_are_told_why_and_warned() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    fs::write(path("plain.exe"), of_others(windows_program())).unwrap();
    fs::write(path("text"), "text").unwrap();
    fs::write(path("app.exe"), of_others(windows_program())).unwrap();
    let json = |words: &str| -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
        command.args(words.split_whitespace()).current_dir(dir);
        command.env("NO_PROXY", "127.0.0.1");
        let output = command.args(["--output-format", "json"]).output().unwrap();
        let told: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{words}: {error}: {output:?}"));
        let done = output.status.success();
        assert_eq!(told["ok"] == true, done, "{words}: {told}");
        told
    };
    let (text, app, none) = (path("text"), path("app.exe"), path("none"));
    let here = place.path().display();
    for (words, problem) in [
        (format!("sign {app}"), "a Windows program needs an identity"),
        (format!("sign {text} {RSA}"), "cannot sign"),
        (
            format!("sign {app} --sign-key none.key"),
            "cannot read `none.key`",
        ),
        (format!("sign {none} {RSA}"), "No such file"),
        (format!("sign {here} {RSA}"), "is not a bundle"),
        (format!("sign {app} {RSA} --config {none}"), "cannot read"),
        (format!("verify {text}"), "was not made by oxidize-inject"),
        (format!("verify {none}"), "No such file"),
        (format!("verify {here}"), "is not a bundle"),
        (format!("inspect {text}"), "was not made by oxidize-inject"),
        (format!("remove {text}"), "was not made by oxidize-inject"),
        (format!("new --resources {none}"), "cannot package"),
    ] {
        let told = json(&words);
        let found = told["problem"].as_str().unwrap();
        assert!(found.contains(problem), "{words}: {told}");
    }
    let told = json(&format!(
        "sign {app} --sign-key rsa.key --sign-certificates rsa.pem"
    ));
    let warnings = told["warnings"].to_string();
    for warning in ["is missing", "without a time stamp"] {
        assert!(warnings.contains(warning), "{told}");
    }
    let url = responder(dir, 1);
    let told = json(&format!("sign {app} {RSA} --timestamp-url {url}"));
    assert_eq!(told["warnings"], Value::Array(Vec::new()));
    // Every date has one form: RFC 3339, in UTC.
    let mac = path("mac");
    fs::write(&mac, of_others(mac_program(true))).unwrap();
    let url = responder(dir, 2);
    json(&format!("sign {mac} {RSA} --timestamp-url {url}"));
    let told = json(&format!("verify {mac}"));
    for name in ["valid_from", "valid_until", "claimed_time", "time_stamp"] {
        let date = told["signature"][name].as_str().unwrap();
        let form = date.replace(|c: char| c.is_ascii_digit(), "0");
        assert_eq!(form, "0000-00-00T00:00:00Z", "{name}: {date}");
    }
    let mut broken = fs::read(&app).unwrap();
    broken[0x210] ^= 1;
    fs::write(&app, broken).unwrap();
    let told = json(&format!("verify {app}"));
    assert!(!told["problem"].as_str().unwrap().is_empty(), "{told}");
}

#[test]
fn a_file_name_begins_no_line() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let file = place.path().join("a\nb: ok\u{1b}[31m.exe");
    for (bytes, identity) in [(of_others(windows_program()), RSA), (mac_library(true), "")] {
        fs::write(&file, bytes).unwrap();
        for words in [
            format!("sign {identity}"),
            "verify".to_owned(),
            "sign --sign-key none".to_owned(),
        ] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
            let mut words = words.split_whitespace();
            command.args(words.next()).arg(&file).args(words);
            let told = run(command.current_dir(dir)).unwrap_or_else(|told| told);
            assert!(!told.contains('\u{1b}'), "{told:?}");
            assert!(!told.contains("\nb: ok"), "{told:?}");
        }
    }
}

#[test]
fn what_is_put_behind_a_signature_is_told() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let (arm, intel) = (mac_library(true), mac_library(false));
    let universal = fat::assemble(&[&arm, &intel]).unwrap();
    let tool = |words: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
        run(command.args(words.split_whitespace()).current_dir(dir))
    };
    for identity in [RSA, ""] {
        for (name, bytes) in [
            ("library", &arm),
            ("program", &of_others(mac_program(true))),
            ("universal", &universal),
            ("windows", &of_others(windows_program())),
        ] {
            if identity.is_empty() && name == "windows" {
                continue;
            }
            let path = place.path().join(name);
            let verify = || tool(&format!("verify {}", path.display()));
            fs::write(&path, bytes).unwrap();
            tool(&format!("sign {} {identity}", path.display())).unwrap();
            verify().unwrap();
            let signed = fs::read(&path).unwrap();
            for tail in [&b"x"[..], &[0; 16], &[7; 5000]] {
                fs::write(&path, [&signed[..], tail].concat()).unwrap();
                assert!(verify().is_err(), "{name}: {:?}", verify());
            }
            if name == "universal" {
                let mut between = signed.clone();
                // Behind the header and the two entries.
                between[60] = 1;
                fs::write(&path, between).unwrap();
                let told = verify().unwrap_err();
                assert!(told.contains("between or behind"), "{told}");
            }
        }
    }
}
