//! Signers outside, what is refused before a release is spoilt, and signatures that others wrote.

#![cfg(unix)]

mod identities;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use oxidize_inject::internal::image::macho::fat;
use oxidize_inject::internal::sign::state::{self, State};

use identities::{
    mac_library, mac_program, openssl, responder, responder_with, run, sign, skip, windows_program,
    workshop,
};

/// A script beside the identities.
fn script(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

fn state_of(program: &[u8]) -> State {
    state::of(program).unwrap()
}

#[test]
fn a_command_signs_once_for_each_signature() {
    let Some(dir) = workshop() else { return };
    let programs = [
        (windows_program(), 1),
        (mac_program(true), 1),
        (
            fat::assemble(&[&mac_program(false), &mac_program(true)]).unwrap(),
            2,
        ),
    ];
    for (key, algorithm, hash) in [
        ("rsa", "rsa-pkcs1-sha256", "sha256"),
        ("ec", "ecdsa-p256-sha256", "sha256"),
        ("ec384", "ecdsa-p384-sha384", "sha384"),
    ] {
        let calls = dir.join(format!("{key}.calls"));
        let command = script(
            dir,
            &format!("{key}.sh"),
            &format!(
                "echo $OXIDIZE_SIGN_REQUEST $OXIDIZE_SIGN_ALGORITHM $OXIDIZE_SIGN_HASH >> {}\n\
                 exec openssl pkeyutl -sign -inkey {key}.key -pkeyopt digest:$OXIDIZE_SIGN_HASH",
                calls.display()
            ),
        );
        for (program, count) in &programs {
            let _ = fs::remove_file(&calls);
            let arguments = format!(
                "--sign-command {command} --sign-certificates {key}.pem --sign-certificates ca.pem"
            );
            let signed = sign(dir, program, &arguments).unwrap();
            let told = fs::read_to_string(&calls).unwrap();
            assert_eq!(told, format!("sign {algorithm} {hash}\n").repeat(*count));
            let State::Good(signer) = state_of(&signed) else {
                panic!("{key}: {:?}", state_of(&signed));
            };
            assert_eq!(
                signer.chain,
                [format!("Test-{key}"), "Authority".to_owned()]
            );
            assert_eq!(signer.problems, [""; 0]);
            // The key itself signs the same: PKCS#1 1.5 leaves nothing to chance.
            if key == "rsa" {
                let own =
                    "--sign-key rsa.key --sign-certificates rsa.pem --sign-certificates ca.pem";
                assert!(sign(dir, program, own).unwrap() == signed);
            }
        }
    }
    // A time stamp takes no second signature.
    let calls = dir.join("rsa.calls");
    fs::remove_file(&calls).unwrap();
    let arguments = format!(
        "--sign-command {}/rsa.sh --sign-certificates rsa.pem --timestamp-url {}",
        dir.display(),
        responder(dir, 2)
    );
    let signed = sign(dir, &mac_program(true), &arguments).unwrap();
    assert!(matches!(state_of(&signed), State::Good(signer) if signer.time.is_some()));
    assert_eq!(fs::read_to_string(&calls).unwrap().lines().count(), 1);
}

#[test]
fn a_command_that_does_not_sign_writes_nothing() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let program = windows_program();
    let file = place.path().join("app.exe");
    fs::write(&file, &program).unwrap();
    for (line, expected) in [
        (
            "openssl pkeyutl -sign -inkey other.key -pkeyopt digest:sha256",
            "wrote 256 bytes, which are not the signature of `Test-rsa`",
        ),
        ("cat > /dev/null; exit 3", "failed (exit status: 3)"),
        ("exec sleep 60", "did not answer within 1 seconds"),
        (
            "sleep 60 2> /dev/null & exit 0",
            "did not answer within 1 seconds",
        ),
        ("echo garbage", "wrote 8 bytes, which are not the signature"),
        (
            "head -c 9999999 /dev/zero",
            "wrote more than a signature or certificates",
        ),
        ("true", "wrote nothing"),
        ("no-such-command-anywhere", "failed (exit status: 127)"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
        command
            .arg("sign")
            .arg(&file)
            .args(["--sign-command", line]);
        command.args([
            "--sign-command-timeout",
            "1",
            "--sign-certificates",
            "rsa.pem",
        ]);
        let told = run(command.current_dir(dir)).unwrap_err();
        assert!(told.contains(expected), "{line}: {told}");
        assert!(fs::read(&file).unwrap() == program, "{line}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "{line}");
    }
}

#[test]
fn certificates_come_from_the_command_too() {
    let Some(dir) = workshop() else { return };
    let command = script(
        dir,
        "both.sh",
        "if [ $OXIDIZE_SIGN_REQUEST = certificates ]; then cat ca.pem ec.pem; exit; fi\n\
         exec openssl pkeyutl -sign -inkey ec.key",
    );
    let signed = sign(
        dir,
        &windows_program(),
        &format!("--sign-command {command}"),
    )
    .unwrap();
    let State::Good(signer) = state_of(&signed) else {
        panic!("{:?}", state_of(&signed));
    };
    assert_eq!(signer.chain, ["Test-ec", "Authority"]);
    let refused = sign(dir, &windows_program(), "--sign-command /bin/false").unwrap_err();
    assert!(refused.contains("failed (exit status: 1)"), "{refused}");
}

#[test]
fn a_signature_may_come_later_and_from_elsewhere() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let at = place.path().display();
    for program in [windows_program(), mac_program(true)] {
        let out = script(dir, "out.sh", &format!("cat > {at}/digest; exit 1"));
        let arguments = |command: &str| {
            format!(
                "--sign-command {command} --sign-certificates ec.pem --sign-certificates ca.pem"
            )
        };
        sign(dir, &program, &arguments(&out)).unwrap_err();
        openssl(
            &format!("pkeyutl -sign -inkey ec.key -in {at}/digest -out {at}/signature"),
            dir,
        )
        .unwrap();
        let into = script(dir, "into.sh", &format!("cat {at}/signature"));
        let signed = sign(dir, &program, &arguments(&into)).unwrap();
        assert!(matches!(state_of(&signed), State::Good(_)));
    }
}

#[test]
fn a_token_signs_through_pkcs11() {
    let Some(dir) = workshop() else { return };
    let module = [
        "x86_64-linux-gnu/softhsm",
        "aarch64-linux-gnu/softhsm",
        "softhsm",
    ]
    .map(|place| format!("/usr/lib/{place}/libsofthsm2.so"));
    let Some(module) = module.iter().find(|path| Path::new(path).exists()) else {
        return skip("signing with SoftHSM", "softhsm2 is not installed");
    };
    if let Err(reason) = run(Command::new("pkcs11-tool").args(["--module", module, "-L"])) {
        return skip("signing with SoftHSM", &reason);
    }
    let place = tempfile::tempdir_in(dir).unwrap();
    let config = place.path().join("softhsm2.conf");
    fs::write(
        &config,
        format!("directories.tokendir = {}\n", place.path().display()),
    )
    .unwrap();
    let tool = |arguments: &str| {
        let mut command = Command::new("pkcs11-tool");
        command
            .args(["--module", module])
            .args(arguments.split_whitespace());
        run(command.env("SOFTHSM2_CONF", &config).current_dir(dir)).unwrap();
    };
    tool("--init-token --slot 0 --label test --so-pin 12345678");
    tool("--token-label test --init-pin --login --so-pin 12345678 --new-pin 1234");
    let keys = [("rsa", "01"), ("ec", "02"), ("ec384", "03")];
    for (key, id) in keys {
        openssl(
            &format!("pkey -in {key}.key -outform DER -out {key}.der"),
            dir,
        )
        .unwrap();
        tool(&format!(
            "--token-label test --login --pin 1234 --write-object {key}.der --type privkey --id {id} --usage-sign"
        ));
        let command = script(
            dir,
            &format!("token-{key}.sh"),
            &format!(
                "SOFTHSM2_CONF={} MODULE={module} PIN=1234 ID={id} exec {}",
                config.display(),
                example("pkcs11.sh")
            ),
        );
        for program in [windows_program(), mac_program(false)] {
            let arguments = format!("--sign-command {command} --sign-certificates {key}.pem");
            let signed = sign(dir, &program, &arguments).unwrap();
            assert!(matches!(state_of(&signed), State::Good(_)), "{key}");
        }
    }
}

/// A script for users.
fn example(name: &str) -> String {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/signers");
    place.join(name).display().to_string()
}

/// The scripts against commands and services that are played, each with every key that it knows.
#[test]
fn scripts_for_services_ask_as_these_document() {
    let Some(dir) = workshop() else { return };
    if let Err(reason) = run(Command::new("jq").arg("--version")) {
        return skip("scripts for services", &reason);
    }
    let place = tempfile::tempdir_in(dir).unwrap();
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/services/services.py");
    for name in ["aws", "az", "gcloud", "curl"] {
        let line = format!("exec python3 {} {name} \"$@\"", services.display());
        script(place.path(), name, &line);
    }
    let all = &["rsa", "ec", "ec384"][..];
    for (name, variables, keys, has_certificates) in [
        ("aws-kms.sh", "KEY=alias/demo", all, false),
        (
            "azure-key-vault.sh",
            "KEY=https://v.vault.azure.net/keys/k/1",
            all,
            false,
        ),
        (
            "google-kms.sh",
            "KEY=projects/p/cryptoKeyVersions/1",
            all,
            false,
        ),
        (
            "esigner.sh",
            "KEY=none TOKEN=a-token CREDENTIAL=demo OTP=123456",
            all,
            true,
        ),
        (
            "azure-artifact-signing.sh",
            "KEY=none ENDPOINT=https://eus.codesigning.azure.net ACCOUNT=a PROFILE=p",
            &all[..1],
            true,
        ),
    ] {
        for key in keys {
            let at = place.path().display();
            let command = script(
                place.path(),
                "sign",
                &format!(
                    "export PATH={at}:$PATH STATE={at}/state KEYFILE={key}.key \
                     CERTIFICATES={key}.pem,ca.pem {variables}\nexec {}",
                    example(name)
                ),
            );
            let arguments = if has_certificates {
                format!("--sign-command {command}")
            } else {
                format!(
                    "--sign-command {command} --sign-certificates {key}.pem \
                     --sign-certificates ca.pem"
                )
            };
            let signed = sign(dir, &windows_program(), &arguments);
            let signed = signed.unwrap_or_else(|told| panic!("{name} {key}: {told}"));
            let State::Good(signer) = state_of(&signed) else {
                panic!("{name} {key}: {:?}", state_of(&signed));
            };
            assert_eq!(
                signer.chain,
                [format!("Test-{key}"), "Authority".to_owned()]
            );
        }
    }
}

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
            "the team id is `OTHER12345`, but the certificate is of the team `TEAM123456`",
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
        all.contains("`Authority` above that of `Test-rsa` is missing"),
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
            "nobody trusts RSA keys of less than 2048 bits any more",
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
        assert!(told.ends_with("  time stamp: none\n"), "{told}");
        assert_eq!(told.matches("\n  time stamp").count(), 1, "{told}");
    }
}

#[test]
fn a_universal_file_names_all_who_signed_it() {
    let Some(dir) = workshop() else { return };
    let by = |key: &str, arm| {
        let arguments = format!("--sign-key {key}.key --sign-certificates {key}.pem");
        sign(dir, &mac_program(arm), &arguments).unwrap()
    };
    let both = |first: &str, second: &str| {
        let programs = [by(first, true), by(second, false)];
        match state_of(&fat::assemble(&[&programs[0], &programs[1]]).unwrap()) {
            State::Good(signer) => signer.problems,
            state => panic!("{state:?}"),
        }
    };
    let told = "the program for another processor is signed by `Test-ec`";
    assert!(both("rsa", "ec").contains(&told.to_owned()));
    let problems = both("rsa", "rsa");
    assert!(
        !problems.iter().any(|problem| problem.contains("another")),
        "{problems:?}"
    );
}

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
    assert!(told.contains("its time cannot be"), "{told}");
    let told = sign_with(|reply| forge(reply, "tsa", "20010101000000")).unwrap_err();
    assert!(
        told.contains("it says 2001-01-01, but the certificate of `Test-tsa` is valid from"),
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

#[test]
fn signatures_in_ber_are_read_as_apple_writes_them() {
    let Some(dir) = workshop() else { return };
    // A time stamp leaves room for what openssl writes in its place.
    let arguments = format!(
        "--sign-p12 new.p12 --sign-password-file password --timestamp-url {}",
        responder(dir, 1)
    );
    let mut program = sign(dir, &mac_program(true), &arguments).unwrap();
    let magic = [0xfa, 0xde, 0x0c, 0xc0];
    let start = program
        .windows(4)
        .rposition(|bytes| bytes == magic)
        .unwrap();
    let word = |at: usize| {
        u32::from_be_bytes(program[start + at..start + at + 4].try_into().unwrap()) as usize
    };
    let count = word(8);
    let (directory, cms) = (word(16), word(12 + 8 * (count - 1) + 4));
    let directory = &program[start + directory..start + directory + word(directory + 4)];
    fs::write(dir.join("directory"), directory).unwrap();
    openssl(
        "cms -sign -binary -stream -in directory -signer rsa.pem -inkey rsa.key -certfile ca.pem \
         -md sha256 -outform DER -out signature.ber",
        dir,
    )
    .unwrap();
    let ber = fs::read(dir.join("signature.ber")).unwrap();
    assert_eq!(ber[..2], [0x30, 0x80]);
    let end = cms + 8 + ber.len();
    assert!(start + end <= program.len());
    program[start + cms..].fill(0);
    program[start + cms..start + cms + 4].copy_from_slice(&[0xfa, 0xde, 0x0b, 0x01]);
    let len = (8 + ber.len() as u32).to_be_bytes();
    program[start + cms + 4..start + cms + 8].copy_from_slice(&len);
    program[start + cms + 8..start + end].copy_from_slice(&ber);
    program[start + 4..start + 8].copy_from_slice(&(end as u32).to_be_bytes());
    let State::Good(signer) = state_of(&program) else {
        panic!("{:?}", state_of(&program));
    };
    assert_eq!(signer.name, "Test-rsa");
    program[start + end - 1 - 300] ^= 1;
    assert!(!matches!(state_of(&program), State::Good(_)));
}

/// A program whose signature is this superblob. The file's length stays.
fn with_superblob(program: &[u8], parts: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let magic = [0xfa, 0xde, 0x0c, 0xc0];
    let start = program
        .windows(4)
        .rposition(|bytes| bytes == magic)
        .unwrap();
    let header = 12 + 8 * parts.len();
    let total = header + parts.iter().map(|part| part.1.len()).sum::<usize>();
    let mut words = vec![0xfade_0cc0, total as u32, parts.len() as u32];
    let mut at = header;
    for (slot, part) in parts {
        words.extend([*slot, at as u32]);
        at += part.len();
    }
    let mut out = program.to_vec();
    out[start..].fill(0);
    let head = words.into_iter().flat_map(u32::to_be_bytes);
    let bytes: Vec<u8> = head
        .chain(parts.iter().flat_map(|part| part.1.clone()))
        .collect();
    out[start..start + bytes.len()].copy_from_slice(&bytes);
    out
}

/// The same code directory with SHA-1 instead of SHA-256.
fn with_sha1(program: &[u8], directory: &[u8], others: &[(u32, Vec<u8>)]) -> Vec<u8> {
    use sha1::{Digest, Sha1};
    let word = |at: usize| u32::from_be_bytes(directory[at..at + 4].try_into().unwrap()) as usize;
    let (hashes, special, limit) = (word(16), word(24), word(32));
    let mut out = directory[..hashes - 32 * special].to_vec();
    let start = out.len() + 20 * special;
    for slot in (1..=special as u32).rev() {
        match others.iter().find(|other| other.0 == slot) {
            Some((_, blob)) => out.extend(Sha1::digest(blob)),
            None => out.extend([0; 20]),
        }
    }
    program[..limit]
        .chunks(4096)
        .for_each(|page| out.extend(Sha1::digest(page)));
    out[36..38].copy_from_slice(&[20, 1]);
    out[16..20].copy_from_slice(&(start as u32).to_be_bytes());
    let len = out.len() as u32;
    out[4..8].copy_from_slice(&len.to_be_bytes());
    out
}

#[test]
fn both_directories_of_a_program_for_old_systems_are_checked() {
    let Some(dir) = workshop() else { return };
    let arguments = format!(
        "--sign-p12 new.p12 --sign-password-file password --timestamp-url {}",
        responder(dir, 1)
    );
    let program = sign(dir, &mac_program(true), &arguments).unwrap();
    let magic = [0xfa, 0xde, 0x0c, 0xc0];
    let start = program
        .windows(4)
        .rposition(|bytes| bytes == magic)
        .unwrap();
    let word = |at: usize| {
        u32::from_be_bytes(program[start + at..start + at + 4].try_into().unwrap()) as usize
    };
    let blob = |index: usize| {
        let at = word(16 + 8 * index);
        program[start + at..start + at + word(at + 4)].to_vec()
    };
    let (modern, requirements) = (blob(0), blob(1));
    let old = with_sha1(&program, &modern, &[(2, requirements.clone())]);
    let cms = |content: &[u8]| {
        let len = 8 + content.len() as u32;
        [&[0xfa, 0xde, 0x0b, 0x01][..], &len.to_be_bytes(), content].concat()
    };
    let parts = |content: &[u8]| {
        vec![
            (0, old.clone()),
            (2, requirements.clone()),
            (0x1000, modern.clone()),
            (0x1_0000, cms(content)),
        ]
    };
    let both = with_superblob(&program, &parts(&[]));
    assert_eq!(state_of(&both).word(), "ad hoc");
    let mut broken = both.clone();
    broken[0x4100] ^= 1;
    assert_eq!(state_of(&broken).word(), "broken");
    // The last hash of each directory.
    for directory in [&old, &modern] {
        let at = both
            .windows(directory.len())
            .position(|bytes| bytes == &directory[..]);
        let mut broken = both.clone();
        broken[at.unwrap() + directory.len() - 1] ^= 1;
        assert_eq!(state_of(&broken).word(), "broken");
    }
    // Signed is the old one. Nobody vouches for the other.
    fs::write(dir.join("old"), &old).unwrap();
    let signing = "cms -sign -binary -in old -signer rsa.pem -inkey rsa.key -md sha1 -outform DER -out old.cms";
    openssl(signing, dir).unwrap();
    let signature = fs::read(dir.join("old.cms")).unwrap();
    let alone = with_superblob(
        &program,
        &[
            (0, old.clone()),
            (2, requirements.clone()),
            (0x1_0000, cms(&signature)),
        ],
    );
    assert!(
        matches!(state_of(&alone), State::Good(_)),
        "{:?}",
        state_of(&alone)
    );
    let State::Broken(problem) = state_of(&with_superblob(&program, &parts(&signature))) else {
        panic!("a directory that nobody signed");
    };
    assert_eq!(problem, "one of its code directories is not the signer's");
}
