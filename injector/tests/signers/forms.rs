//! Files of another form than the option takes: named, with the way out.

use std::fs;
use std::process::Command;

use super::identities::{openssl, run, sign, windows_program, workshop};

const CASES: [(&str, &str, &str, &str); 25] = [
    (
        "key",
        "old.pem",
        "encrypted in the old way (`Proc-Type: 4,ENCRYPTED`)",
        "openssl pkcs8 -topk8 -in old.pem",
    ),
    (
        "key",
        "old-ec.pem",
        "in the old way",
        "-topk8 -in old-ec.pem",
    ),
    (
        "key",
        "key.der",
        "is a private key in DER, not a PEM file",
        "-inform DER",
    ),
    ("key", "rsa.der", "is a private key in DER", "-inform DER"),
    ("key", "ec.der", "is a private key in DER", "-inform DER"),
    (
        "key",
        "locked.der",
        "is a private key in DER",
        "-inform DER",
    ),
    (
        "key",
        "../new.p12",
        "is a PKCS#12 file, not a PEM file",
        "`--sign-p12 ../new.p12`",
    ),
    (
        "key",
        "one.der",
        "is a certificate in DER",
        "`--sign-certificates one.der`",
    ),
    (
        "key",
        "some.p7b",
        "is a PKCS#7 file with certificates",
        "--sign-certificates some.p7b",
    ),
    ("key", "ssh.pem", "is a key in OpenSSH's form", "ssh-keygen"),
    ("key", "empty", "is empty", ""),
    ("key", "cut.pem", "is a PEM file with a damaged block", ""),
    ("key", "public.pem", "there is no private key in it", ""),
    (
        "p12",
        "../rsa.pem",
        "is a PEM file, not a PKCS#12 file",
        "`--sign-key ../rsa.pem`",
    ),
    (
        "p12",
        "old.pem",
        "encrypted in the old way",
        "openssl pkcs8",
    ),
    (
        "p12",
        "key.der",
        "is a private key in DER, not a PKCS#12 file",
        "-inform DER",
    ),
    (
        "p12",
        "one.der",
        "is a certificate in DER",
        "--sign-certificates",
    ),
    (
        "p12",
        "java.jks",
        "is a Java key store",
        "keytool -importkeystore",
    ),
    ("p12", "empty", "is empty", ""),
    (
        "certificates",
        "none.p7b",
        "is a PKCS#7 file without certificates",
        "",
    ),
    (
        "certificates",
        "none-pem.p7b",
        "no certificate is in it",
        "",
    ),
    (
        "certificates",
        "../new.p12",
        "not certificates",
        "openssl pkcs12 -in ../new.p12 -nokeys",
    ),
    ("certificates", "wide.pem", "is a text in UTF-16", "iconv"),
    ("certificates", "key.der", "is a private key in DER", ""),
    ("certificates", "../rsa.key", "no certificate is in it", ""),
];

#[test]
fn files_of_another_form_are_named() {
    let Some(dir) = workshop() else { return };
    let place = tempfile::tempdir_in(dir).unwrap();
    let at = place.path();
    let make = |line: &str| openssl(line, at).unwrap();
    make("rsa -in ../rsa.key -traditional -aes128 -passout pass:x -out old.pem");
    make("ec -in ../ec.key -aes128 -passout pass:x -out old-ec.pem");
    make("pkey -in ../rsa.key -outform DER -out key.der");
    make("rsa -in ../rsa.key -traditional -outform DER -out rsa.der");
    make("ec -in ../ec.key -outform DER -out ec.der");
    make("pkcs8 -topk8 -in ../ec.key -outform DER -passout pass:x -out locked.der");
    make("x509 -in ../rsa.pem -outform DER -out one.der");
    make("crl2pkcs7 -nocrl -certfile ../rsa.pem -outform DER -out some.p7b");
    make("crl2pkcs7 -nocrl -outform DER -out none.p7b");
    make("crl2pkcs7 -nocrl -out none-pem.p7b");
    make("pkey -in ../rsa.key -pubout -out public.pem");
    let text = fs::read_to_string(dir.join("rsa.pem")).unwrap();
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, bytes) in [
        ("empty", b"\n".to_vec()),
        (
            "ssh.pem",
            b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"
                .to_vec(),
        ),
        ("java.jks", vec![0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2]),
        ("wide.pem", [vec![0xff, 0xfe], wide].concat()),
        (
            "cut.pem",
            fs::read(dir.join("rsa.key")).unwrap()[..200].to_vec(),
        ),
    ] {
        fs::write(at.join(name), bytes).unwrap();
    }
    let sign_here = |arguments: &str| {
        let file = at.join("app.exe");
        fs::write(&file, windows_program()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
        command.args(["sign", "app.exe"]);
        run(command.args(arguments.split_whitespace()).current_dir(at))
    };
    for (option, file, found, hint) in CASES {
        let arguments = match option {
            "certificates" => format!("--sign-key ../rsa.key --sign-certificates {file}"),
            option => format!("--sign-{option} {file}"),
        };
        let told = sign_here(&arguments).unwrap_err();
        assert!(told.contains(found), "{option} {file}: {told}");
        let is_hint = |line: &str| line.starts_with("hint: ") && line.contains(hint);
        assert!(
            hint.is_empty() || told.lines().any(is_hint),
            "{option} {file}: {told}"
        );
    }
    // What the hints say makes files that are taken.
    let to_pem = "-passin pass:x -passout file:../password";
    for (line, key) in [
        (format!("-in old.pem -out new.pem {to_pem}"), "rsa"),
        (
            format!("-inform DER -in ec.der -out new.pem {to_pem}"),
            "ec",
        ),
        (
            format!("-inform DER -in locked.der -out new.pem {to_pem}"),
            "ec",
        ),
    ] {
        make(&format!("pkcs8 -topk8 {line}"));
        let arguments = format!(
            "--sign-key new.pem --sign-password-file ../password --sign-certificates ../{key}.pem"
        );
        sign_here(&arguments).unwrap();
    }
}

#[test]
fn a_command_that_answers_with_no_certificates_is_told() {
    let Some(dir) = workshop() else { return };
    let told = sign(dir, &windows_program(), "--sign-command echo").unwrap_err();
    let expected = "answered `certificates` with something else";
    assert!(told.contains(expected), "{told}");
}
