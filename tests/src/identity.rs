//! Identities that openssl makes, for tests that sign, and a time stamp authority on the loopback
//! device.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::{Result, check, tools};
use stamps::Authority;

#[path = "../../injector/tests/identities/stamps.rs"]
mod stamps;

/// A key with a certificate for signing code (`key.pem`, `cert.pem`), and one for time stamps
/// (`tsa-key.pem`, `tsa-cert.pem`), in a directory of their own.
#[derive(Debug)]
pub struct Identity {
    place: TempDir,
}

impl Identity {
    /// Makes them. The signer is called Tester.
    pub fn new() -> Result<Identity> {
        let place = tools::scratch()?;
        for (name, prefix, usage) in [
            ("Tester", "", "codeSigning"),
            ("Clock", "tsa-", "critical,timeStamping"),
        ] {
            let words = format!(
                "req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN={name} \
                 -keyout {prefix}key.pem -addext extendedKeyUsage={usage} -out {prefix}cert.pem"
            );
            let mut command = Command::new(tools::host_tool("openssl")?);
            let command = command.args(words.split_whitespace());
            let made = command.current_dir(place.path()).output()?;
            check(made.status.success(), || {
                String::from_utf8_lossy(&made.stderr).into_owned()
            })?;
        }
        Ok(Identity { place })
    }

    /// Where the files are.
    #[must_use]
    pub fn place(&self) -> &Path {
        self.place.path()
    }

    /// A file of these.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// The command's options for signing with the key.
    #[must_use]
    pub fn options(&self) -> [String; 4] {
        let file = |name| self.file(name).display().to_string();
        [
            "--sign-key".to_owned(),
            file("key.pem"),
            "--sign-certificates".to_owned(),
            file("cert.pem"),
        ]
    }

    /// Starts the time stamp authority; its address.
    pub fn stamps(&self) -> Result<String> {
        let authority = Authority {
            key: self.file("tsa-key.pem"),
            certificate: self.file("tsa-cert.pem"),
            chain: None,
        };
        Ok(authority.start(usize::MAX, |_| ())?)
    }
}
