//! The seal of a bundle: `_CodeSignature/CodeResources`.

use plist::{Dictionary, Value};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::BundleError;
use super::rules::{Rule, Rules};

/// The place of the seal in a bundle.
pub(super) const PLACE: &str = "_CodeSignature/CodeResources";

/// Hashes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hashes {
    pub(super) sha1: [u8; 20],
    pub(super) sha256: [u8; 32],
}

impl Hashes {
    pub(super) fn of(bytes: &[u8]) -> Hashes {
        Hashes {
            sha1: Sha1::digest(bytes).into(),
            sha256: Sha256::digest(bytes).into(),
        }
    }
}

/// A seal in the making.
pub(super) struct Seal {
    rules: Rules,
    /// For systems before 10.9, and what counts.
    files: [Dictionary; 2],
}

impl Seal {
    pub(super) fn new(rules: Rules) -> Seal {
        Seal {
            rules,
            files: Default::default(),
        }
    }

    /// Seals a resource, if the rules want that.
    pub(super) fn file(&mut self, path: &str, hashes: &Hashes) {
        let (old, new) = (self.rules.old(path), self.rules.of(path));
        let hash = || Value::Data(hashes.sha1.to_vec());
        match old {
            Rule::Omitted | Rule::Nested => {}
            Rule::Sealed => drop(self.files[0].insert(path.to_owned(), hash())),
            Rule::Optional => {
                let entry = [
                    ("hash".to_owned(), hash()),
                    ("optional".to_owned(), true.into()),
                ];
                self.files[0].insert(path.to_owned(), Dictionary::from_iter(entry).into());
            }
        }
        if new == Rule::Omitted {
            return;
        }
        let mut entry = Dictionary::new();
        entry.insert("hash".to_owned(), hash());
        entry.insert("hash2".to_owned(), Value::Data(hashes.sha256.to_vec()));
        if new == Rule::Optional {
            entry.insert("optional".to_owned(), true.into());
        }
        self.files[1].insert(path.to_owned(), entry.into());
    }

    /// Seals a symbolic link.
    pub(super) fn link(&mut self, path: &str, target: &str) {
        let rule = self.rules.of(path);
        if rule == Rule::Omitted {
            return;
        }
        let mut entry = Dictionary::new();
        if rule == Rule::Optional {
            entry.insert("optional".to_owned(), true.into());
        }
        entry.insert("symlink".to_owned(), target.into());
        self.files[1].insert(path.to_owned(), entry.into());
    }

    /// Seals signed code.
    pub(super) fn code(&mut self, path: &str, hash: [u8; 20], requirement: &str) {
        let mut entry = Dictionary::new();
        entry.insert("cdhash".to_owned(), Value::Data(hash.to_vec()));
        entry.insert("requirement".to_owned(), requirement.into());
        self.files[1].insert(path.to_owned(), entry.into());
    }

    /// The seal as a property list.
    pub(super) fn write(self) -> Result<Vec<u8>, BundleError> {
        let mut list = Dictionary::new();
        for (name, files) in ["files", "files2"].into_iter().zip(self.files) {
            list.insert(name.to_owned(), files.into());
        }
        for (name, rules) in self.rules.lists() {
            list.insert(name.to_owned(), rules.into());
        }
        let mut xml = Vec::new();
        Value::from(list).to_writer_xml(&mut xml)?;
        xml.push(b'\n'); // as Apple's writer ends
        Ok(xml)
    }
}
