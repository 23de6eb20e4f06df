//! What is refused or told before a release is spoilt.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::identities::{mac_library, mac_program, openssl, run, sign, windows_program, workshop};

/// A certificate for code called `name`, of the team TEAM123456, from an authority of this name.
fn issue(at: &Path, name: &str, authority: &str) {
    fs::write(at.join("code"), "extendedKeyUsage=codeSigning\n").unwrap();
    let mut command = Command::new("openssl");
    command.args("req -x509 -newkey rsa:2048 -nodes -days 9 -subj".split(' '));
    command
        .arg(authority)
        .args(["-keyout", "above.key", "-out", "above.pem"]);
    run(command.current_dir(at)).unwrap();
    for line in [
        format!("req -new -key ../rsa.key -subj /OU=TEAM123456/CN={name} -out {name}.csr"),
        format!(
            "x509 -req -in {name}.csr -CA above.pem -CAkey above.key -CAcreateserial -days 8 \
             -extfile code -out {name}.pem"
        ),
    ] {
        openssl(&line, at).unwrap();
    }
}

#[test]
fn a_release_is_not_spoilt_silently() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let at = place.path();
    let config = "[ca]\ndefault_ca=c\n[c]\ndatabase=index\nnew_certs_dir=.\nserial=number\n\
                  default_md=sha256\npolicy=p\n[p]\norganizationName=optional\ncommonName=supplied\n";
    for (name, text) in [("config", config), ("index", ""), ("number", "01\n")] {
        fs::write(at.join(name), text).unwrap();
    }
    for (name, from, to) in [
        ("past", "20200101000000Z", "20210101000000Z"),
        ("future", "21200101000000Z", "21210101000000Z"),
    ] {
        let request = format!("req -new -key ../rsa.key -subj /CN={name} -out {name}.csr");
        openssl(&request, at).unwrap();
        openssl(
            &format!(
                "ca -batch -config config -cert ../ca.pem -keyfile ../ca.key -in {name}.csr \
                 -startdate {from} -enddate {to} -out {name}.pem -notext"
            ),
            at,
        )
        .unwrap();
    }
    issue(
        at,
        "apple",
        "/O=Apple Inc./OU=G2/CN=Developer ID Certification Authority",
    );
    let at = at.display();
    for (program, arguments, expected) in [
        (
            windows_program(),
            format!("--sign-key rsa.key --sign-certificates {at}/past.pem"),
            "`past` was valid until 2021-01-01",
        ),
        (
            windows_program(),
            format!("--sign-key rsa.key --sign-certificates {at}/future.pem"),
            "`future` is not valid before 2120-01-01",
        ),
        (
            windows_program(),
            "--sign-key tsa.key --sign-certificates tsa.pem".to_owned(),
            "`Test-tsa` is not for signing code",
        ),
        (
            mac_program(true),
            "--sign-key rsa.key --sign-certificates rsa.pem --identifier=".to_owned(),
            "the identifier is empty",
        ),
        (
            mac_program(true),
            format!("--sign-key rsa.key --sign-certificates {at}/apple.pem --team-id OTHER12345"),
            "the team id is `OTHER12345`, but the certificate belongs to the team `TEAM123456`",
        ),
    ] {
        let told = sign(dir, &program, &arguments).unwrap_err();
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn doubts_are_told_and_bags_of_certificates_are_read() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let file = place.path().join("app.exe");
    let told = |arguments: &str| {
        fs::write(&file, windows_program()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
        command
            .arg("sign")
            .arg(&file)
            .args(arguments.split_whitespace());
        run(command.current_dir(dir)).unwrap()
    };
    let all = told("--sign-key rsa.key --sign-certificates rsa.pem");
    assert!(
        all.contains("`Authority`, which issued that of `Test-rsa`, is missing"),
        "{all}"
    );
    assert!(all.contains("without a time stamp"), "{all}");
    // Where well-known authorities publish theirs.
    for (name, authority, published) in [
        (
            "apple",
            "/O=Apple Inc./OU=G2/CN=Developer ID Certification Authority",
            "https://www.apple.com/certificateauthority/DeveloperIDG2CA.cer",
        ),
        (
            "microsoft",
            "/O=Microsoft Corporation/CN=Microsoft ID Verified CS EOC CA 02",
            "https://www.microsoft.com/pkiops/docs/repository.htm",
        ),
    ] {
        issue(place.path(), name, authority);
        let certificate = place.path().join(name).with_extension("pem");
        let all = told(&format!(
            "--sign-key rsa.key --sign-certificates {}",
            certificate.display()
        ));
        let expected = format!("is missing (published at {published})");
        assert!(all.contains(&expected), "{all}");
    }
    for form in ["PEM", "DER"] {
        let bag = format!(
            "crl2pkcs7 -nocrl -certfile rsa.pem -certfile ca.pem -outform {form} -out bag.p7b"
        );
        openssl(&bag, dir).unwrap();
        let all = told("--sign-key rsa.key --sign-certificates bag.p7b");
        assert!(!all.contains("is missing"), "{form}: {all}");
    }
}

#[test]
fn signers_with_odd_keys_and_names() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let at = place.path().display();
    let own = |name: &str, key: &str, subject: &str| {
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-nodes", "-days", "9", "-newkey", key]);
        command.args(["-addext", "extendedKeyUsage=codeSigning", "-subj", subject]);
        command.args(["-keyout", &format!("{name}.key")]);
        command.args(["-out", &format!("{name}.pem")]);
        run(command.current_dir(place.path())).unwrap();
    };
    own("short", "rsa:1024", "/CN=short");
    own("edwards", "ed25519", "/CN=edwards");
    own(
        "lines",
        "rsa:2048",
        "/CN=A\n  time stamp: now by B\u{1b}[31m",
    );
    own("nobody", "rsa:2048", "/");
    let command = "--sign-command ./no-such-command-anywhere";
    for (name, expected) in [
        (
            "short",
            "RSA keys of less than 2048 bits are not trusted any more",
        ),
        ("edwards", "neither RSA nor ECDSA"),
    ] {
        for key in [format!("--sign-key {at}/{name}.key"), command.to_owned()] {
            let arguments = format!("{key} --sign-certificates {at}/{name}.pem");
            let told = sign(dir, &windows_program(), &arguments).unwrap_err();
            assert!(told.contains(expected), "{told}");
        }
    }
    for (name, expected) in [
        (
            "lines",
            r"signed by A\u000a  time stamp: now by B\u001b[31m",
        ),
        ("nobody", "signed by a certificate without a name"),
    ] {
        let arguments = format!("--sign-key {at}/{name}.key --sign-certificates {at}/{name}.pem");
        let file = place.path().join("signed");
        fs::write(&file, sign(dir, &mac_library(true), &arguments).unwrap()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
        let told = run(command.arg("verify").arg(&file)).unwrap();
        assert!(told.contains(expected), "{told}");
        // Openssl makes an authority of it.
        assert!(told.contains("\n  time stamp: none\n  problem: "), "{told}");
        assert_eq!(told.matches("\n  time stamp").count(), 1, "{told}");
    }
}
