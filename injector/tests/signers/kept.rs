//! What a new signature keeps of the present one, and what only programs and identities have.

use std::fs;
use std::path::Path;
use std::process::Command;

use oxidize_inject::internal::image::macho::fat;
use serde_json::Value;

use super::identities::{RSA, mac_library, mac_program, of_others, run, workshop};

fn tool(dir: &Path, words: &str) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
    run(command.args(words.split_whitespace()).current_dir(dir))
}

/// Where the flags stand in the code directory of a program's signature.
fn flags_at(program: &[u8]) -> usize {
    let magic = 0xfade_0c02u32.to_be_bytes();
    let mut words = program.windows(4);
    words.rposition(|word| word == magic).unwrap() + 12
}

fn flags(program: &[u8]) -> u32 {
    let at = flags_at(program);
    u32::from_be_bytes(program[at..at + 4].try_into().unwrap())
}

fn count(program: &[u8], text: &str) -> usize {
    let windows = program.windows(text.len());
    windows.filter(|found| *found == text.as_bytes()).count()
}

/// A program that is not ours.
fn strange(arm: bool) -> Vec<u8> {
    of_others(mac_program(arm))
}

fn rights(key: &str) -> String {
    format!("<plist><dict><key>{key}</key><true/></dict></plist>")
}

#[test]
fn a_new_signature_keeps_entitlements_and_flags() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    fs::write(path("one.plist"), rights("org.example.one")).unwrap();
    fs::write(path("two.plist"), rights("org.example.two")).unwrap();
    let universal = fat::assemble(&[&strange(true), &strange(false)]).unwrap();
    let app = path("app");
    for program in [strange(true), universal] {
        fs::write(&app, program).unwrap();
        let sign = |more: &str| {
            let told = tool(dir, &format!("sign {app} {more}")).unwrap();
            tool(dir, &format!("verify {app}")).unwrap();
            (told, fs::read(&app).unwrap())
        };
        let (told, signed) = sign(&format!(
            "--hardened-runtime --entitlements {} --identifier org.example.named",
            path("one.plist")
        ));
        assert!(!told.contains("kept"), "{told}");
        let ones = count(&signed, "org.example.one");
        assert!(ones > 0);
        for identity in [RSA, ""] {
            let (told, signed) = sign(identity);
            let expected = "note: kept from the present signature: entitlements and the hardened \
                            runtime (`--fresh` drops them)";
            assert!(told.contains(expected), "{told}");
            assert_eq!(flags(&signed) & 0x1_0000, 0x1_0000);
            assert_eq!(count(&signed, "org.example.one"), ones);
            assert!(count(&signed, "org.example.named") > 0);
        }
        let (told, signed) = sign(&format!("--entitlements {}", path("two.plist")));
        assert!(told.contains("signature: the hardened runtime ("), "{told}");
        assert_eq!(count(&signed, "org.example.one"), 0);
        assert_eq!(count(&signed, "org.example.two"), ones);
        let told = tool(dir, &format!("sign {app} --quiet --output-format json")).unwrap();
        let told: Value = serde_json::from_str(&told).unwrap();
        let expected = ["entitlements", "the hardened runtime"].map(Value::from);
        assert_eq!(told["kept"], Value::from(expected.to_vec()));
        let (told, signed) = sign("--fresh");
        assert!(!told.contains("kept"), "{told}");
        assert_eq!(flags(&signed) & 0x1_0000, 0);
        let gone = ["org.example.two", "org.example.named"].map(|text| count(&signed, text));
        assert_eq!(gone, [0, 0]);
    }
    // Further flags of the kind, as `codesign --options library,kill` sets them; and one that says
    // only who signed: the linker.
    let mut signed = strange(true);
    let at = flags_at(&signed);
    signed[at..at + 4].copy_from_slice(&0x2_2202u32.to_be_bytes());
    fs::write(&app, signed).unwrap();
    let told = tool(dir, &format!("sign {app} {RSA}")).unwrap();
    assert!(told.contains("present signature: other flags"), "{told}");
    assert_eq!(flags(&fs::read(&app).unwrap()), 0x2200);
    // Entitlements that cannot be read are not dropped.
    let words = format!("sign {app} --entitlements {}", path("one.plist"));
    tool(dir, &words).unwrap();
    let mut signed = fs::read(&app).unwrap();
    let at = signed.windows(6).position(|word| word == b"<plist");
    signed[at.unwrap()] = b'!';
    fs::write(&app, &signed).unwrap();
    let told = tool(dir, &format!("sign {app}")).unwrap_err();
    let expected = "cannot be kept: it is not a property list";
    assert!(told.contains(expected), "{told}");
    assert!(fs::read(&app).unwrap() == signed);
    tool(dir, &format!("sign {app} --fresh")).unwrap();
}

#[test]
fn a_team_has_a_form_and_an_identity() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let app = place.path().join("app");
    fs::write(&app, strange(true)).unwrap();
    let sign = |more: &str| tool(dir, &format!("sign {} {more}", app.display()));
    for team in [
        "short",
        "team123456",
        "TEAM-12345",
        "TEAM1234567",
        "ÄEAM12345",
    ] {
        let told = sign(&format!("{RSA} --team-id {team}")).unwrap_err();
        let expected = format!("the team id `{team}` is malformed");
        assert!(told.contains(&expected), "{told}");
    }
    let told = sign("--team-id TEAM123456").unwrap_err();
    assert!(told.contains("an ad hoc signature has no team"), "{told}");
    assert!(fs::read(&app).unwrap() == strange(true));
    let told = sign(&format!("{RSA} --team-id TEAM123456")).unwrap();
    assert!(told.contains("(team TEAM123456)"), "{told}");
}

#[test]
fn a_library_has_no_entitlements() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    fs::write(path("one.plist"), rights("org.example.one")).unwrap();
    let (arm, intel) = (mac_library(true), mac_library(false));
    let universal = fat::assemble(&[&arm, &intel]).unwrap();
    for library in [arm, intel, universal] {
        fs::write(path("library"), &library).unwrap();
        for identity in [RSA, ""] {
            let (library, rights) = (path("library"), path("one.plist"));
            let words = format!("sign {library} {identity} --entitlements {rights}");
            let told = tool(dir, &words).unwrap_err();
            assert!(
                told.contains("a library cannot have entitlements"),
                "{told}"
            );
        }
        assert!(fs::read(path("library")).unwrap() == library);
    }
}
