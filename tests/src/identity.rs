//! Identities that openssl makes, for tests that sign, and a time stamp authority on the loopback
//! device.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::{Result, check, fail, tools};

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

    /// Starts the time stamp authority.
    pub fn stamps(&self) -> Result<Stamps> {
        let mut command = Command::new(tools::host_tool("python3")?);
        command.arg(tools::here().join("wine/stamps.py"));
        let mut server = command
            .current_dir(self.place())
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()?;
        let mut port = String::new();
        if let Some(told) = server.stdout.take() {
            BufReader::new(told).read_line(&mut port)?;
        }
        let stamps = Stamps {
            server,
            url: format!("http://127.0.0.1:{}/", port.trim()),
        };
        if port.trim().is_empty() {
            return fail("the time stamp authority did not start");
        }
        Ok(stamps)
    }
}

/// A running time stamp authority.
#[derive(Debug)]
pub struct Stamps {
    server: Child,
    url: String,
}

impl Stamps {
    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Stamps {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
