//! Signers outside, in this file; what is refused, time stamps and signatures of others beside it.

#![cfg(unix)]

mod chains;
mod doubts;
mod forms;
#[path = "../identities/mod.rs"]
mod identities;
mod judged;
mod kept;
mod others;
mod spoilt;
mod time_stamps;
mod told;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use oxidize_inject::internal::image::macho::fat;
use oxidize_inject::internal::sign::state::{self, State};

use identities::{mac_program, openssl, responder, run, sign, skip, windows_program, workshop};

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
        ("exec sleep 60", "did not answer within 1 s"),
        (
            "sleep 60 2> /dev/null & exit 0",
            "did not answer within 1 s",
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

/// Whether a process with these words on its command line is alive.
#[cfg(target_os = "linux")]
fn is_running(words: &str) -> bool {
    let words = words.replace(' ', "\0").into_bytes();
    fs::read_dir("/proc").unwrap().any(|entry| {
        let line = fs::read(entry.unwrap().path().join("cmdline")).unwrap_or_default();
        line.starts_with(&words)
    })
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_that_takes_too_long_ends_with_all_that_it_started() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let cleaned = place.path().join("cleaned");
    let id = std::process::id();
    let lines = [
        // Below the shell; deeper; without a parent; not even in the process group.
        "sleep DURATION; true".to_owned(),
        "sh -c 'sh -c \"sleep DURATION; true\"; true' | cat".to_owned(),
        "(sleep DURATION &) ; sleep 50".to_owned(),
        "(setsid sleep DURATION > /dev/null 2>&1 &) ; sleep 50".to_owned(),
        "sleep DURATION & exit 0".to_owned(),
        // Deaf to a request; and one that puts things in order before it ends.
        "trap '' TERM; sleep DURATION; sleep 50".to_owned(),
        format!(
            "trap 'touch {}; exit' TERM; sleep DURATION & wait",
            cleaned.display()
        ),
    ];
    for (number, line) in lines.iter().enumerate() {
        let sleeps = format!("sleep {}.{id}", 40 + number);
        let line = line.replace("sleep DURATION", &sleeps);
        let file = place.path().join("app.exe");
        fs::write(&file, windows_program()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
        command
            .arg("sign")
            .arg(&file)
            .args(["--sign-command", &line]);
        command.args("--sign-command-timeout 1 --sign-certificates rsa.pem".split(' '));
        let told = run(command.current_dir(dir)).unwrap_err();
        let expected = "did not answer within 1 s";
        assert!(told.contains(expected), "{line}: {told}");
        assert!(!is_running(&sleeps), "{line}");
    }
    assert!(cleaned.exists());
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
fn a_command_of_the_configuration_runs_beside_it() {
    let Some(dir) = workshop() else { return };
    let project = tempfile::tempdir_in(dir).unwrap();
    let at = project.path();
    for name in ["ec.key", "ec.pem"] {
        fs::copy(dir.join(name), at.join(name)).unwrap();
    }
    script(at, "sign.sh", "exec openssl pkeyutl -sign -inkey ec.key");
    let settings = "sign-command = \"./sign.sh\"\nsign-certificates = [\"ec.pem\"]\n";
    fs::write(at.join("oxidize.toml"), settings).unwrap();
    let below = at.join("below");
    fs::create_dir(&below).unwrap();
    let sign_in = |place: &Path, options: &[&str]| {
        let file = at.join("app.exe");
        fs::write(&file, windows_program()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
        command.arg("sign").arg(&file).args(options);
        run(command.current_dir(place)).map(|_| state_of(&fs::read(&file).unwrap()))
    };
    let elsewhere = at.join("oxidize.toml").display().to_string();
    for (place, options) in [
        (at, &[][..]),
        (&below, &[]),
        (dir, &["--config", &elsewhere]),
    ] {
        let state = sign_in(place, options).unwrap_or_else(|told| panic!("{place:?}: {told}"));
        assert!(matches!(state, State::Good(_)), "{state:?}");
    }
    // What the command line says is relative to where it was typed.
    let told = sign_in(&below, &["--sign-command", "./sign.sh"]).unwrap_err();
    assert!(told.contains("failed (exit status: 127)"), "{told}");
    let state = sign_in(&below, &["--sign-command", "cd .. && ./sign.sh"]).unwrap();
    assert!(matches!(state, State::Good(_)), "{state:?}");
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
        if !has_certificates {
            let mut command = Command::new(example(name));
            command.env("OXIDIZE_SIGN_REQUEST", "certificates");
            let told = run(&mut command).unwrap_err();
            assert!(
                told.contains("give them with --sign-certificates FILE"),
                "{name}: {told}"
            );
        }
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
