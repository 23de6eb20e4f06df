//! Time stamps: whose are taken, and what is told about a server that gives none.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use oxidize_inject::internal::sign::state::State;

use super::identities::{openssl, responder, responder_with, run, sign, windows_program, workshop};
use super::state_of;

#[test]
fn time_stamps_are_checked() {
    let Some(dir) = workshop() else { return };
    let sign_with = |urls: &str| {
        let arguments = format!("--sign-p12 new.p12 --sign-password-file password {urls}");
        sign(dir, &windows_program(), &arguments)
    };
    // The token ends with its signature.
    let spoilt = responder_with(dir, 1, |reply| *reply.last_mut().unwrap() ^= 1);
    let told = sign_with(&format!("--timestamp-url {spoilt}")).unwrap_err();
    assert!(told.contains("the signature is not the signer's"), "{told}");
    // The first server is out of order, and its address holds a secret.
    let good = responder(dir, 1);
    let closed = "--timestamp-url http://user:hunter2@127.0.0.1:9/stamp?key=hunter2";
    let signed = sign_with(&format!("{closed} --timestamp-url {good}")).unwrap();
    let State::Good(signer) = state_of(&signed) else {
        panic!("{:?}", state_of(&signed));
    };
    assert_eq!(signer.time_authority.as_deref(), Some("Test-tsa"));
    let told = sign_with(closed).unwrap_err();
    assert!(
        told.contains("127.0.0.1:9") && !told.contains("hunter2"),
        "{told}"
    );
    for secret in [
        "http://127.0.0.1:9/stamp#hunter2",
        "http://127.0.0.1:9/stamp?a=hunter2#hunter2",
        "user:hunter2@127.0.0.1:9/stamp",
    ] {
        let told = sign_with(&format!("--timestamp-url {secret}")).unwrap_err();
        assert!(!told.contains("hunter2"), "{secret}: {told}");
    }
    // What was spoilt later is noticed too: every byte of the token's end is its signature.
    let token = signed
        .windows(9)
        .rposition(|bytes| bytes == b"Authority")
        .unwrap();
    let mut broken = signed.clone();
    let at = (token + 9..signed.len() - 16).next_back().unwrap();
    broken[at] ^= 1;
    assert!(
        matches!(state_of(&broken), State::Broken(_)),
        "{:?}",
        state_of(&broken)
    );
}

#[test]
fn every_server_that_gives_none_is_told() {
    let Some(dir) = workshop() else { return };
    let spoilt = responder_with(dir, 9, |reply| *reply.last_mut().unwrap() ^= 1);
    let arguments = format!(
        "--sign-key rsa.key --sign-certificates rsa.pem --timestamp-url http://127.0.0.1:9/one \
         --timestamp-url {spoilt} --timestamp-url http://127.0.0.1:9/three?key=hunter2"
    );
    let told = sign(dir, &windows_program(), &arguments).unwrap_err();
    for expected in [
        "no time stamp from `http://127.0.0.1:9/one`: cannot reach",
        &format!("nor from `{spoilt}`: the time stamp is not valid"),
        "nor from `http://127.0.0.1:9/three?...`: cannot reach",
        "hint: try again",
    ] {
        assert!(told.contains(expected), "{told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn a_terminal_shows_which_server_is_waited_for() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let file = place.path().join("app.exe");
    fs::write(&file, windows_program()).unwrap();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/stamp", server.local_addr().unwrap());
    // Takes four seconds for an answer that is no time stamp.
    thread::spawn(move || {
        let (mut peer, _) = server.accept().unwrap();
        let _ = peer.read(&mut [0; 4096]);
        thread::sleep(Duration::from_secs(4));
        let _ = peer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n.");
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/terminal.py");
    let mut command = Command::new("python3");
    command.arg(script).args(["no question", ""]);
    command
        .args([env!("CARGO_BIN_EXE_oxidize-inject"), "sign"])
        .arg(&file);
    command.args(["--sign-key", "rsa.key", "--sign-certificates", "rsa.pem"]);
    let told = run(command.args(["--timestamp-url", &url]).current_dir(dir)).unwrap();
    let waiting = format!("waiting for the time stamp server {url}");
    assert!(told.contains(&waiting), "{told}");
    assert!(
        told.contains("the answer is not a time stamp response"),
        "{told}"
    );
}

#[test]
fn addresses_are_looked_at_before_anybody_signs() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let called = place.path().join("called");
    let file = place.path().join("app.exe");
    fs::write(&file, windows_program()).unwrap();
    for url in [
        "timestamp.example",
        "ftp://timestamp.example",
        "http://",
        "file:///x",
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
        // Nobody is asked for the certificates either.
        command.arg("sign").arg(&file);
        command.args(["--sign-command", &format!("touch {}", called.display())]);
        command.args(["--timestamp-url", "http://127.0.0.1:9"]);
        let told = run(command.args(["--timestamp-url", url])).unwrap_err();
        let expected = "is not the http or https URL of a time stamp server";
        assert!(told.contains(expected), "{url}: {told}");
        assert!(!called.exists(), "{url}");
    }
}

/// Makes a time stamp server's answer one that says `time` (`YYYYMMDDhhmmss`, UTC) and is signed by
/// this holder of a certificate.
fn forge(reply: &mut Vec<u8>, signer: &str, time: &str) {
    let workshop = workshop().unwrap();
    let place = tempfile::tempdir_in(workshop).unwrap();
    let dir = place.path();
    for file in [&format!("{signer}.pem"), &format!("{signer}.key"), "ca.pem"] {
        fs::copy(workshop.join(file), dir.join(file)).unwrap();
    }
    fs::write(dir.join("reply"), &reply).unwrap();
    openssl("ts -reply -in reply -token_out -out token", dir).unwrap();
    let verify = "cms -verify -noverify -binary -inform DER -in token -out info";
    openssl(verify, dir).unwrap();
    let mut info = fs::read(dir.join("info")).unwrap();
    // GeneralizedTime of 15 characters.
    let at = info.windows(2).position(|bytes| bytes == [0x18, 15]);
    let at = at.unwrap() + 2;
    info[at..at + 14].copy_from_slice(time.as_bytes());
    fs::write(dir.join("info"), info).unwrap();
    let sign = format!(
        "cms -sign -binary -nodetach -econtent_type 1.2.840.113549.1.9.16.1.4 -in info \
         -signer {signer}.pem -inkey {signer}.key -certfile ca.pem -md sha256 -outform DER \
         -out forged"
    );
    openssl(&sign, dir).unwrap();
    // Status 0: granted.
    let answer = [
        vec![0x30, 3, 2, 1, 0],
        fs::read(dir.join("forged")).unwrap(),
    ]
    .concat();
    let len = u16::try_from(answer.len()).unwrap().to_be_bytes();
    *reply = [vec![0x30, 0x82], len.to_vec(), answer].concat();
}

#[test]
fn time_stamps_of_another_time_or_of_strangers_are_refused() {
    let Some(dir) = workshop() else { return };
    let sign_with = |spoil| {
        let url = responder_with(dir, 1, spoil);
        let arguments =
            format!("--sign-p12 new.p12 --sign-password-file password --timestamp-url {url}");
        sign(dir, &windows_program(), &arguments).map(drop)
    };
    let told = sign_with(|reply| forge(reply, "tsa", "10260101000000")).unwrap_err();
    assert!(told.contains("its time is malformed"), "{told}");
    let told = sign_with(|reply| forge(reply, "tsa", "20010101000000")).unwrap_err();
    assert!(
        told.contains(
            "it says 2001-01-01T00:00:00Z, but the certificate of `Test-tsa` is valid from"
        ),
        "{told}"
    );
    let told = sign_with(|reply| forge(reply, "rsa", "20010101000000")).unwrap_err();
    let expected = "the certificate of `Test-rsa` is not for time stamps";
    assert!(told.contains(expected), "{told}");
    // Nor is what `forge` makes refused for another reason.
    sign_with(|reply| {
        let now = Command::new("date").args(["-u", "+%Y%m%d%H%M%S"]).output();
        let now = String::from_utf8(now.unwrap().stdout).unwrap();
        forge(reply, "tsa", now.trim());
    })
    .unwrap();
}
