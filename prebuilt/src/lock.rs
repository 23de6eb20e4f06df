//! `prebuilt/distributions/lock.toml`: what the archives in that folder are, what they were made
//! from, where to get them. Written by `lock` only.

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The file.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Version of this file's layout.
    pub version: u32,
    /// CPython's version.
    pub cpython: String,
    /// Name and version of what compiled the archives.
    pub tools: BTreeMap<String, String>,
    /// sha256 of every fetched source archive, of the carriers' Cargo.lock and of the interpreter's
    /// profile.
    pub inputs: BTreeMap<String, String>,
    /// The archives, targets first.
    pub archive: Vec<Archive>,
}

/// One archive.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// Target triple, `stdlib` or `tests`.
    pub name: String,
    /// In the folder of the lock.
    pub file: String,
    /// Of the file, lower-case hex.
    pub sha256: String,
    /// In bytes.
    pub size: u64,
    /// Where to get it, tried in this order: `tree:` a path in this repository, `dir:` a folder,
    /// `index:` a package index.
    pub sources: Vec<String>,
}

/// Head of the file.
const HEADER: &str = "# Written by `oxidize-prebuilt lock`; do not edit. prebuilt/README.md explains the fields.\n\n";

impl Lock {
    /// Reads the file.
    ///
    /// # Errors
    /// A file that cannot be read, is malformed, or has another layout than 1.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let lock: Self = toml::from_str(&text)
            .with_context(|| format!("cannot understand {}", path.display()))?;
        if lock.version != 1 {
            bail!(
                "{} has layout {}, this program knows 1",
                path.display(),
                lock.version
            );
        }
        Ok(lock)
    }

    /// The file's text.
    ///
    /// # Errors
    /// A value that TOML cannot express.
    pub fn text(&self) -> Result<String> {
        Ok(format!("{HEADER}{}", toml::to_string(self)?))
    }

    /// The entry with that name.
    ///
    /// # Errors
    /// If there is none; the message lists those that there are.
    pub fn archive(&self, name: &str) -> Result<&Archive> {
        self.archive
            .iter()
            .find(|a| a.name == name)
            .with_context(|| {
                let known: Vec<&str> = self.archive.iter().map(|a| a.name.as_str()).collect();
                format!("lock.toml has no archive {name}, only {}", known.join(", "))
            })
    }
}

/// `cpython-VERSION-x86_64-unknown-linux-gnu.tar.zst`; also for `stdlib` and `tests`.
pub fn archive_name(version: &str, part: &str) -> String {
    format!("cpython-{version}-{part}.tar.zst")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_reads_back() -> Result<()> {
        let lock = Lock {
            version: 1,
            cpython: "3.13.15".to_owned(),
            tools: BTreeMap::from([("zig".to_owned(), "0.15.2".to_owned())]),
            inputs: BTreeMap::new(),
            archive: vec![Archive {
                name: "stdlib".to_owned(),
                file: "f".to_owned(),
                sha256: "00".to_owned(),
                size: 3,
                sources: vec!["tree:f".to_owned()],
            }],
        };
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("lock.toml");
        std::fs::write(&path, lock.text()?)?;
        assert_eq!(Lock::read(&path)?, lock);
        assert!(lock.archive("x").is_err());
        Ok(())
    }
}
