//! Chains of certificates that others may not follow, told by `sign` and by `verify`; certificates
//! whose key may not sign.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::identities::{of_others, openssl, run, sign, windows_program, workshop};

const EXTENSIONS: &str = "
[authority]
basicConstraints = critical,CA:true
[no-authority]
basicConstraints = critical,CA:false
[short]
basicConstraints = critical,CA:true,pathlen:0
[for-mail]
basicConstraints = critical,CA:true
extendedKeyUsage = emailProtection
[for-any]
basicConstraints = critical,CA:true
extendedKeyUsage = anyExtendedKeyUsage
[signs-no-certificates]
basicConstraints = critical,CA:true
keyUsage = digitalSignature
[code]
extendedKeyUsage = codeSigning
[code-usage]
extendedKeyUsage = codeSigning
keyUsage = digitalSignature
[no-signature]
extendedKeyUsage = codeSigning
keyUsage = keyEncipherment
[authority-for-code]
extendedKeyUsage = codeSigning
basicConstraints = critical,CA:true
";

/// A certificate called `name`, issued by another one, in `name.pem`.
fn issue(at: &Path, name: &str, issuer: &str, extensions: &str, more: &str) {
    for line in [
        format!("req -newkey rsa:2048 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"),
        format!(
            "x509 -req -in {name}.csr -CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial \
             -extfile extensions -extensions {extensions} {more} -out {name}.pem"
        ),
    ] {
        openssl(&line, at).unwrap();
    }
}

/// What `sign` says of an identity with this chain, and what `verify` says then.
fn told(at: &Path, chain: &[&str]) -> Result<[String; 2], String> {
    let tool = |words: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
        run(command.args(words.split_whitespace()).current_dir(at))
    };
    fs::write(at.join("app.exe"), of_others(windows_program())).unwrap();
    let mut words = format!("sign app.exe --sign-key {}.key", chain[0]);
    for name in chain {
        words.push_str(&format!(" --sign-certificates {name}.pem"));
    }
    Ok([tool(&words)?, tool("verify app.exe").unwrap()])
}

#[test]
fn what_is_wrong_with_a_chain_is_told() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let at = place.path();
    fs::write(at.join("extensions"), EXTENSIONS).unwrap();
    for name in ["root", "impostor"] {
        let root = format!(
            "req -x509 -newkey rsa:2048 -nodes -days 99 -subj /CN=root -keyout {name}.key \
             -out {name}.pem"
        );
        openssl(&root, at).unwrap();
    }
    for (extensions, more, problem) in [
        ("authority", "-days 9", None),
        ("for-any", "-days 9", None),
        ("authority", "-days -1", Some("`middle` was valid until 20")),
        (
            "no-authority",
            "-days 9",
            Some("`middle` is not an authority"),
        ),
        (
            "for-mail",
            "-days 9",
            Some("`middle` is an authority for other purposes than signing code"),
        ),
        (
            "signs-no-certificates",
            "-days 9",
            Some("`middle` has no keyCertSign in its key usage"),
        ),
    ] {
        issue(at, "middle", "root", extensions, more);
        issue(at, "leaf", "middle", "code-usage", "-days 9");
        let [signed, verified] = told(at, &["leaf", "middle", "root"]).unwrap();
        let doubts = signed.matches("warning: ").count();
        // There is no time stamp.
        assert_eq!(doubts, 1 + usize::from(problem.is_some()), "{signed}");
        if let Some(problem) = problem {
            let warned = |line: &str| line.starts_with("warning: ") && line.contains(problem);
            assert!(signed.lines().any(warned), "{extensions}: {signed}");
            assert!(verified.contains(problem), "{extensions}: {verified}");
        } else {
            assert!(verified.contains("signed by leaf\n"), "{verified}");
        }
    }
    // The system has the root, so `sign` does not ask for it; `verify` could not check it.
    issue(at, "middle", "root", "authority", "-days 9");
    issue(at, "leaf", "middle", "code-usage", "-days 9");
    let [signed, verified] = told(at, &["leaf", "middle"]).unwrap();
    let missing = "the certificate of `root`, which issued that of `middle`, is missing";
    assert!(!signed.contains("is missing"), "{signed}");
    assert!(verified.contains(missing), "{verified}");
    let [signed, verified] = told(at, &["leaf"]).unwrap();
    let missing = "the certificate of `middle`, which issued that of `leaf`, is missing";
    assert!(signed.contains(missing), "{signed}");
    assert!(verified.contains(missing), "{verified}");
    // Microsoft's services have two intermediates, and the upper one is known by its name.
    let mut upper = Command::new("openssl");
    upper.args(
        "req -x509 -newkey rsa:2048 -nodes -keyout upper.key -out upper.pem -subj".split(' '),
    );
    upper.arg("/CN=Microsoft ID Verified Code Signing PCA 2021");
    run(upper.current_dir(at)).unwrap();
    issue(at, "middle", "upper", "authority", "-days 9");
    issue(at, "leaf", "middle", "code-usage", "-days 9");
    let [signed, _] = told(at, &["leaf", "middle"]).unwrap();
    let missing =
        "`Microsoft ID Verified Code Signing PCA 2021`, which issued that of `middle`, is missing";
    assert!(signed.contains(missing), "{signed}");
    issue(at, "middle", "root", "short", "-days 9");
    issue(at, "lower", "middle", "authority", "-days 9");
    issue(at, "leaf", "lower", "code", "-days 9");
    let problem = "`middle` allows no authority this far below it";
    for told in told(at, &["leaf", "lower", "middle", "root"]).unwrap() {
        assert!(told.contains(problem), "{told}");
    }
    // Another of the same name did not sign it; of two, the one that did counts.
    issue(at, "leaf", "root", "code", "-days 9");
    let problem = "`root` did not sign the certificate of `leaf`";
    for told in told(at, &["leaf", "impostor"]).unwrap() {
        assert!(told.contains(problem), "{told}");
    }
    for told in told(at, &["leaf", "impostor", "root"]).unwrap() {
        assert!(!told.contains(problem), "{told}");
    }
    issue(at, "leaf", "root", "authority-for-code", "-days 9");
    for told in told(at, &["leaf", "root"]).unwrap() {
        let problem = "`leaf` is an authority's (CA:TRUE)";
        assert!(told.contains(problem), "{told}");
    }
}

#[test]
fn a_key_that_may_not_sign_is_refused() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let at = place.path();
    fs::write(at.join("extensions"), EXTENSIONS).unwrap();
    for name in ["ca.pem", "ca.key"] {
        fs::copy(dir.join(name), at.join(name)).unwrap();
    }
    issue(at, "leaf", "ca", "no-signature", "-days 9");
    for key in ["--sign-key leaf.key", "--sign-command false"] {
        let arguments = format!("{key} --sign-certificates leaf.pem");
        let told = sign(at, &windows_program(), &arguments).unwrap_err();
        let expected = "`leaf` does not let its key sign: no digitalSignature in its key usage";
        assert!(told.contains(expected), "{told}");
    }
}
