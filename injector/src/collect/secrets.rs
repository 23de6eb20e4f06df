//! Files that hold credentials. Whoever packages a directory rarely means to hand them out, so they
//! are left out unless they are asked for by name.

use std::io::{self, Read};
use std::path::Path;

use crate::regular;

/// Private keys are short. Larger files are not read.
const LARGEST_KEY: u64 = 64 * 1024;

const KEY_NAMES: [&str; 5] = ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".netrc"];
const KEY_SUFFIXES: [&str; 3] = [".p12", ".pfx", ".ppk"];
/// `.env.example` and its like are written to be shared.
const SHARED_ENV: [&str; 5] = ["example", "sample", "template", "dist", "defaults"];

/// Whether the file looks like one.
pub(super) fn is_secret(path: &Path, name: &str, len: u64) -> io::Result<bool> {
    if name == ".env"
        || KEY_NAMES.contains(&name)
        || KEY_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
    {
        return Ok(true);
    }
    if let Some(kind) = name.strip_prefix(".env.") {
        return Ok(!SHARED_ENV.iter().any(|shared| kind.ends_with(shared)));
    }
    // Code that quotes a key's first line is not a key; and most files are code, which this saves
    // opening.
    let code = [
        ".py", ".pyi", ".pyc", ".so", ".md", ".rst", ".html", ".js", ".css", ".json",
    ];
    if len == 0 || len > LARGEST_KEY || code.iter().any(|suffix| name.ends_with(suffix)) {
        return Ok(false);
    }
    let mut content = Vec::new();
    regular::open(path)?
        .take(LARGEST_KEY)
        .read_to_end(&mut content)?;
    Ok(holds_private_key(&content))
}

fn holds_private_key(content: &[u8]) -> bool {
    content.split(|byte| *byte == b'\n').any(|line| {
        let line = line.trim_ascii();
        line.starts_with(b"-----BEGIN ") && line.ends_with(b"PRIVATE KEY-----")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_certificates_and_from_talk_about_keys() {
        assert!(holds_private_key(b"-----BEGIN PRIVATE KEY-----\nMIIE"));
        assert!(holds_private_key(
            b"Bag Attributes\r\n-----BEGIN RSA PRIVATE KEY-----\r\n"
        ));
        assert!(holds_private_key(b"-----BEGIN ENCRYPTED PRIVATE KEY-----"));
        assert!(!holds_private_key(b"-----BEGIN CERTIFICATE-----\nMIIE"));
        assert!(!holds_private_key(b"-----BEGIN PUBLIC KEY-----\n"));
        assert!(!holds_private_key(
            b"a file that starts with -----BEGIN PRIVATE KEY-----"
        ));
    }

    #[test]
    fn names_decide_first() {
        let nowhere = Path::new("/nonexistent");
        for name in [
            ".env",
            ".env.local",
            ".env.production",
            "id_ed25519",
            "cert.p12",
        ] {
            assert!(is_secret(nowhere, name, 1).unwrap(), "{name}");
        }
        for name in [".env.example", ".env.prod.sample", "key.py", "environment"] {
            assert!(!is_secret(nowhere, name, 0).unwrap(), "{name}");
        }
    }
}
