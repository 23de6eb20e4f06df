//! Notarization against a server on loopback that plays Apple and Amazon (`notary_server.py`) and
//! checks tokens with openssl, signatures of uploads by Amazon's description, and archives with
//! Python's own reader.
//!
//! What is not there is reported as skipped on standard error; `OXIDIZE_FORBID_SKIPS=1` turns that
//! into a failure.

#![cfg(all(unix, feature = "notarize"))]

mod identities;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use identities::{mac_program, openssl, responder, run, sign, workshop};
use oxidize_inject::internal::image::macho::fat;
use serde_json::Value;
use sha2::{Digest, Sha256};

const ISSUER: &str = "57246542-96fe-1a63-e053-0824d011072a";
const KEY: &str = "AuthKey_2X9R4HXF34.p8";

/// A service with a directory of its own: keys, programs, and what happened.
struct Service {
    server: Child,
    url: String,
    dir: PathBuf,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn service() -> Option<Service> {
    let shop = workshop()?;
    let dir = tempfile::tempdir_in(shop).unwrap().keep();
    for step in [
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem",
        "ec -in key.pem -pubout -out public.pem",
        "pkcs8 -topk8 -nocrypt -in key.pem -out AuthKey_2X9R4HXF34.p8",
        "pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out key.der",
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out AuthKey_OTHER.p8",
    ] {
        openssl(step, &dir).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notary_server.py");
    let mut python = Command::new("python3");
    python.arg(script).arg(&dir).stdout(Stdio::piped());
    let mut server = python.spawn().unwrap();
    let mut port = String::new();
    let out = server.stdout.take().unwrap();
    BufReader::new(out).read_line(&mut port).unwrap();
    Some(Service {
        server,
        url: format!("http://127.0.0.1:{}", port.trim()),
        dir,
    })
}

/// A signed program that Apple would take.
fn ready_program(universal: bool) -> Vec<u8> {
    let shop = workshop().unwrap();
    let mut program = mac_program(true);
    if universal {
        program = fat::assemble(&[&mac_program(false), &program]).unwrap();
    }
    let url = responder(shop, 2);
    let arguments = format!(
        "--sign-p12 new.p12 --sign-password-file password --hardened-runtime --timestamp-url {url}"
    );
    sign(shop, &program, &arguments).unwrap()
}

impl Service {
    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
        command.args(arguments.split_whitespace());
        command.args(["--notary-server", &self.url]);
        command
            .current_dir(&self.dir)
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::null());
        command
    }

    /// What `oxidize-inject notarize` says.
    fn notarize(&self, arguments: &str) -> Result<String, String> {
        let key = format!("notarize {arguments} --notary-key {KEY} --notary-issuer {ISSUER}");
        run(&mut self.command(&key))
    }

    fn write(&self, name: &str, program: &[u8]) {
        fs::write(self.dir.join(name), program).unwrap();
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.dir.join(name), executable).unwrap();
    }

    /// The values of this kind among what happened.
    fn happened(&self, kind: &str) -> Vec<Value> {
        let log = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        let events = log
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        events
            .filter_map(|mut event| event.get_mut(kind).map(Value::take))
            .collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Nothing that opens anything may be shown.
fn no_secrets(told: &str) {
    for secret in [
        "wJalr", "AQoD", "ASIAI", "hidden", "Bearer", "eyJ", "PRIVATE",
    ] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
}

#[test]
fn a_program_goes_to_apple_in_an_archive() {
    let Some(service) = service() else { return };
    let program = ready_program(false);
    service.write("app", &program);
    let told = service.notarize("app").unwrap();
    assert!(told.starts_with("note: submission "), "{told}");
    let expected = "warning: Apple says: app.zip/app: It is \"old\". (arm64)\napp  notarized\n";
    assert!(told.ends_with(expected), "{told}");
    no_secrets(&told);
    let digest = hex(&Sha256::digest(&program));
    let entry = serde_json::json!([["app", "0o100755", digest]]);
    assert_eq!(service.happened("stored"), [entry]);
    assert_eq!(service.happened("submitted"), ["app.zip"]);
    assert_eq!(service.happened("polled").len(), 4);
    assert!(fs::read(service.dir.join("app")).unwrap() == program);

    // The same program makes the same archive.
    let told = service
        .notarize("app --output-format json --quiet")
        .unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (&told["output"], &told["stapled"]),
        (&"app".into(), &false.into())
    );
    assert_eq!(told["notarized"].as_str().unwrap().len(), 36);
    let digests = service.happened("sha256");
    assert_eq!(digests[0], digests[1]);

    let refused = run(&mut service.command("staple app")).unwrap_err();
    assert!(
        refused.contains("a single file, which has no place for a ticket"),
        "{refused}"
    );
}

#[test]
fn signing_and_notarizing_in_one_step() {
    let Some(service) = service() else { return };
    let shop = workshop().unwrap();
    service.write("app", &mac_program(true));
    let stamps = responder(shop, 1);
    let who = format!(
        "--sign-p12 {0}/new.p12 --sign-password-file {0}/password --timestamp-url {stamps}",
        shop.display()
    );
    let how = format!("--notarize --notary-key {KEY} --notary-issuer {ISSUER}");
    let told = run(&mut service.command(&format!("sign app {who} {how}"))).unwrap_err();
    assert!(told.contains("--hardened-runtime"), "{told}");
    let told = run(&mut service.command(&format!(
        "sign app {who} --hardened-runtime {how} --output-format json --quiet"
    )));
    let told: Value = serde_json::from_str(&told.unwrap()).unwrap();
    assert_eq!(told["signature"]["state"], "good");
    assert_eq!(told["notarized"].as_str().unwrap().len(), 36);
    let stored = service.happened("stored");
    let program = fs::read(service.dir.join("app")).unwrap();
    assert_eq!(stored[0][0][2], hex(&Sha256::digest(program)));
}

#[test]
fn what_apple_does_not_like_is_told() {
    let Some(service) = service() else { return };
    service.write("rejected", &ready_program(false));
    let told = service.notarize("rejected").unwrap_err();
    let (first, rest) = told.split_once('\n').unwrap();
    assert!(first.starts_with("note: submission "), "{told}");
    let id = first.trim_start_matches("note: submission ");
    let expected = format!(
        "error: cannot notarize `rejected`\n  Caused by: Apple did not notarize it: Invalid, submission {id}\n  \
         Caused by: error: app.zip/app: The binary is not signed. (x86_64)\n"
    );
    assert_eq!(rest, expected);
    no_secrets(&told);

    service.write("unwanted", &ready_program(false));
    let told = service.notarize("unwanted").unwrap_err();
    let expected = "the upload was refused with status 403: It cannot be stored. (ExpiredToken)";
    assert!(told.contains(expected), "{told}");
    no_secrets(&told);
}

#[test]
fn bad_moments_are_survived() {
    let Some(service) = service() else { return };
    service.write("stumbles", &ready_program(false));
    let told = service.notarize("stumbles").unwrap();
    assert!(told.ends_with("stumbles  notarized\n"), "{told}");
    let away = Service {
        server: Command::new("true").spawn().unwrap(),
        // Nobody listens on the port of discarded data.
        url: "http://127.0.0.1:9".to_owned(),
        dir: service.dir.clone(),
    };
    let told = away.notarize("stumbles").unwrap_err();
    assert!(
        told.contains("cannot reach http://127.0.0.1:9/notary/v2/submissions"),
        "{told}"
    );
    no_secrets(&told);
}

#[test]
fn an_interrupted_wait_can_be_taken_up_again() {
    let Some(service) = service() else { return };
    let program = ready_program(false);
    service.write("slow", &program);
    let key = format!("notarize slow --notary-key {KEY} --notary-issuer {ISSUER}");
    let mut waiting = service
        .command(&key)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = String::new();
    BufReader::new(waiting.stderr.take().unwrap())
        .read_line(&mut told)
        .unwrap();
    let id = told
        .trim()
        .trim_start_matches("note: submission ")
        .to_owned();
    let limit = Instant::now() + Duration::from_secs(20);
    while service.happened("polled").is_empty() {
        assert!(Instant::now() < limit);
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut kill = Command::new("sh");
    run(kill.args(["-c", &format!("kill -INT {}", waiting.id())])).unwrap();
    assert!(!waiting.wait().unwrap().success());
    assert!(fs::read(service.dir.join("slow")).unwrap() == program);

    // Patience has an end, too.
    let told = service
        .notarize(&format!("slow --submission {id} --notary-timeout 0"))
        .unwrap_err();
    let hint = format!("hint: ask again later: `oxidize-inject notarize FILE --submission {id}`");
    assert!(
        told.contains("has not finished") && told.contains(&hint),
        "{told}"
    );
    fs::write(service.dir.join("release"), "").unwrap();
    let told = service
        .notarize(&format!("slow --submission {id}"))
        .unwrap();
    assert!(told.ends_with("slow  notarized\n"), "{told}");
    assert_eq!(service.happened("submitted").len(), 1);
    let told = service.notarize("slow --submission 0-0-0").unwrap_err();
    assert!(
        told.contains("refused with status 404: There is no resource"),
        "{told}"
    );
}

/// A bundle around a program for both processors.
fn bundle(service: &Service) -> (PathBuf, Vec<u8>) {
    let app = service.dir.join("Hello.app");
    let program = ready_program(true);
    fs::create_dir_all(app.join("Contents/MacOS")).unwrap();
    fs::create_dir_all(app.join("Contents/Resources")).unwrap();
    service.write("Hello.app/Contents/MacOS/hello", &program);
    fs::write(app.join("Contents/Resources/text"), "text").unwrap();
    symlink("text", app.join("Contents/Resources/link")).unwrap();
    let list = "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>CFBundleExecutable</key>\
                <string>hello</string></dict></plist>";
    fs::write(app.join("Contents/Info.plist"), list).unwrap();
    (app, program)
}

#[test]
fn bundles_are_notarized_and_stapled() {
    let Some(service) = service() else { return };
    let (app, program) = bundle(&service);
    let place = app.join("Contents/CodeResources");
    let told = service.notarize("Hello.app").unwrap_err();
    let expected = "error: `Hello.app` is notarized, but not stapled\n  Caused by: Apple has no ticket for `Hello.app`\n";
    assert!(told.contains(expected), "{told}");
    assert!(!place.exists());
    let list = fs::read(app.join("Contents/Info.plist")).unwrap();
    let entries = [
        (
            "Contents/Info.plist",
            "0o100644",
            hex(&Sha256::digest(list)),
        ),
        (
            "Contents/MacOS/hello",
            "0o100755",
            hex(&Sha256::digest(&program)),
        ),
        (
            "Contents/Resources/link",
            "0o120777",
            hex(&Sha256::digest("text")),
        ),
        (
            "Contents/Resources/text",
            "0o100644",
            hex(&Sha256::digest("text")),
        ),
    ];
    let entries =
        entries.map(|(name, mode, digest)| [format!("Hello.app/{name}"), mode.to_owned(), digest]);
    assert_eq!(service.happened("stored"), [serde_json::json!(entries)]);
    assert_eq!(service.happened("submitted"), ["Hello.app.zip"]);

    // The hashes of the code directories, found by their magic: the last in each processor's part.
    let parts = fat::parts(&program).unwrap().unwrap();
    let names: Vec<String> = parts
        .into_iter()
        .map(|part| {
            let part = &program[part];
            let magic = [0xfa, 0xde, 0x0c, 0x02];
            let at = part.windows(4).rposition(|word| word == magic).unwrap();
            let len = u32::from_be_bytes(part[at + 4..at + 8].try_into().unwrap()) as usize;
            format!("2/2/{}", hex(&Sha256::digest(&part[at..at + len])[..20]))
        })
        .collect();
    assert_eq!(names.len(), 2);
    assert_eq!(service.happened("tickets"), [serde_json::json!(names)]);

    fs::write(service.dir.join("tickets"), "").unwrap();
    let told = run(&mut service.command("staple Hello.app")).unwrap();
    assert_eq!(told, "Hello.app  stapled\n");
    let ticket = format!("s8ch{}", names[1]);
    assert_eq!(fs::read_to_string(&place).unwrap(), ticket);
    fs::remove_file(&place).unwrap();
    let told = service.notarize("Hello.app").unwrap();
    assert!(told.ends_with("Hello.app  notarized, stapled\n"), "{told}");
    assert_eq!(fs::read_to_string(&place).unwrap(), ticket);
}

#[test]
fn what_is_no_bundle_is_told() {
    let Some(service) = service() else { return };
    let (app, _) = bundle(&service);
    let cases = [
        ("<plist><dict/></plist>", "names no CFBundleExecutable"),
        (
            "<plist><dict><key>CFBundleExecutable</key><string>../x</string></dict></plist>",
            "not a file name",
        ),
        (
            "<plist><dict><key>CFBundleExecutable</key><string>x</string></dict></plist>",
            "is not there",
        ),
        ("{", "cannot be read"),
    ];
    for (list, expected) in cases {
        fs::write(app.join("Contents/Info.plist"), list).unwrap();
        let told = run(&mut service.command("staple Hello.app")).unwrap_err();
        assert!(told.contains(expected), "{told}");
    }
    assert!(service.happened("tickets").is_empty());
}

#[test]
fn what_apple_would_not_take_is_not_sent() {
    let Some(service) = service() else { return };
    let shop = workshop().unwrap();
    let identity = "--sign-p12 new.p12 --sign-password-file password";
    let url = responder(shop, 1);
    let cases = [
        (mac_program(true), "it is signed without an identity"),
        (
            sign(
                shop,
                &mac_program(true),
                &format!("{identity} --hardened-runtime"),
            )
            .unwrap(),
            "its signature has no time stamp",
        ),
        (
            sign(
                shop,
                &mac_program(true),
                &format!("{identity} --timestamp-url {url}"),
            )
            .unwrap(),
            "it is not signed for the hardened runtime",
        ),
        (b"#!/bin/sh\n".to_vec(), "it is not a macOS program"),
    ];
    for (program, expected) in cases {
        service.write("app", &program);
        let told = service.notarize("app").unwrap_err();
        assert!(told.contains(expected), "{told}");
    }
    assert!(service.happened("submitted").is_empty());
    // Before anything is signed, too.
    service.write("app.exe", b"MZ");
    let key = format!("--notarize --notary-key {KEY} --notary-issuer {ISSUER}");
    let who = format!(
        "--sign-key {0}/rsa.key --sign-certificates {0}/rsa.pem",
        shop.display()
    );
    let told = run(&mut service.command(&format!(
        "app.exe --resources . {who} --hardened-runtime --timestamp-url http://127.0.0.1:9 {key}"
    )));
    let told = told.unwrap_err();
    assert!(
        told.contains("`--notarize` is for macOS programs"),
        "{told}"
    );
}

#[test]
fn keys_come_in_several_forms() {
    let Some(service) = service() else { return };
    service.write("app", &ready_program(false));
    let pem = fs::read_to_string(service.dir.join(KEY)).unwrap();
    let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let write =
        |name: &str, json: Value| fs::write(service.dir.join(name), json.to_string()).unwrap();
    write(
        "rcodesign.json",
        serde_json::json!({ "issuer_id": ISSUER, "key_id": "2X9R4HXF34", "private_key": der }),
    );
    write(
        "fastlane.json",
        serde_json::json!({ "key_id": "2X9R4HXF34", "issuer_id": ISSUER, "key": pem, "in_house": false }),
    );
    write(
        "empty.json",
        serde_json::json!({ "key_id": "2X9R4HXF34", "issuer_id": ISSUER }),
    );
    fs::write(service.dir.join("key.p8"), &pem).unwrap();
    fs::write(service.dir.join("broken.json"), "{").unwrap();
    let good = [
        "rcodesign.json".to_owned(),
        "fastlane.json".to_owned(),
        format!("key.p8 --notary-key-id 2X9R4HXF34 --notary-issuer {ISSUER}"),
    ];
    for key in good {
        let told = run(&mut service.command(&format!("notarize app --notary-key {key}")));
        assert!(told.unwrap().ends_with("app  notarized\n"), "{key}");
    }
    let submitted = service.happened("submitted").len();
    let shop = workshop().unwrap().display();
    let bad = [
        (
            format!("key.p8 --notary-issuer {ISSUER}"),
            "the id of the key `key.p8` is not known",
        ),
        (KEY.to_owned(), "the issuer of the key"),
        ("empty.json".to_owned(), "there is no key in it"),
        (
            "broken.json".to_owned(),
            "it looks like JSON, but is not valid JSON",
        ),
        ("app".to_owned(), "there is no private key in it"),
        ("public.pem".to_owned(), "there is no private key in it"),
        (
            format!("{shop}/rsa.key"),
            "its key is not one of ECDSA with P-256",
        ),
        ("missing.p8".to_owned(), "cannot read `missing.p8`"),
        (
            format!("AuthKey_OTHER.p8 --notary-issuer {ISSUER}"),
            "refused with status 401: Authentication credentials",
        ),
        (
            format!("{KEY} --notary-issuer 0"),
            "refused with status 401",
        ),
    ];
    for (key, expected) in bad {
        let told = run(&mut service.command(&format!("notarize app --notary-key {key}")));
        let told = told.unwrap_err();
        assert!(told.contains(expected), "{key}: {told}");
        no_secrets(&told);
    }
    let told = run(&mut service.command("notarize app")).unwrap_err();
    assert!(told.contains("`--notary-key FILE`"), "{told}");
    assert_eq!(service.happened("submitted").len(), submitted);
}
