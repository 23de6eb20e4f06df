//! What a published stub says about itself: `manifest.json`, which `oxidize-prebuilt wheels`
//! writes.
//!
//! The digest of the manifest is the name of the whole stub: it lists every file with size and
//! digest, so whoever knows the manifest's digest needs to know nothing else.

use std::fmt;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::StubError;

/// File name of the manifest.
pub const NAME: &str = "manifest.json";
/// No manifest is longer, in bytes.
pub const MAX: u64 = 64 << 10;
/// No file of a stub is longer, in bytes.
const MAX_FILE: u64 = 1 << 30;
/// No stub has more files.
const MAX_FILES: usize = 16;

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256Sum([u8; 32]);

impl Sha256Sum {
    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Sha256Sum {
        Sha256Sum(Sha256::digest(bytes).into())
    }

    /// What a hasher has found.
    #[must_use]
    pub fn finish(hasher: Sha256) -> Sha256Sum {
        Sha256Sum(hasher.finalize().into())
    }

    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Sha256Sum> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut sum = [0; 32];
        for (byte, digits) in sum.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Sha256Sum(sum))
    }
}

impl fmt::Display for Sha256Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        oxidize_format::Hex(&self.0).fmt(f)
    }
}

impl fmt::Debug for Sha256Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for Sha256Sum {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Sha256Sum, D::Error> {
        let text = String::deserialize(from)?;
        Sha256Sum::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("not a SHA-256 in hexadecimal"))
    }
}

/// A manifest. Fields that are not listed here are for people and for other tools.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// Release of this project it belongs to.
    pub version: String,
    /// Target triple.
    pub target: String,
    /// Python version, as `3.13.15`.
    pub python_version: String,
    /// 32 hexadecimal digits that stand for everything the stub is made of.
    pub stub_id: String,
    /// The agreement between blob and stub.
    pub abi: u32,
    /// What belongs to the stub; the first is the executable.
    pub files: Vec<File>,
}

/// A file of a stub.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct File {
    /// Its name: no directories.
    pub name: String,
    /// Its digest.
    pub sha256: Sha256Sum,
    /// Its size in bytes.
    pub size: u64,
}

impl Manifest {
    /// Reads a manifest and checks what everything else relies on: names that are plain names,
    /// sizes that are possible.
    ///
    /// # Errors
    /// The manifest is malformed, or of a version that we do not know.
    pub fn parse(bytes: &[u8]) -> Result<Manifest, StubError> {
        let bad = |problem: String| StubError::Manifest { problem };
        let manifest: Manifest =
            serde_json::from_slice(bytes).map_err(|error| bad(error.to_string()))?;
        if manifest.files.is_empty() || manifest.files.len() > MAX_FILES {
            return Err(bad(format!("it lists {} files", manifest.files.len())));
        }
        for (index, file) in manifest.files.iter().enumerate() {
            let plain = file
                .name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
            let again = manifest.files[..index]
                .iter()
                .any(|other| other.name.eq_ignore_ascii_case(&file.name));
            if !plain
                || again
                || file.name.is_empty()
                || file.name.starts_with('.')
                || file.name.eq_ignore_ascii_case(NAME)
            {
                return Err(bad(format!("it lists a file called {:?}", file.name)));
            }
            if file.size > MAX_FILE {
                return Err(bad(format!(
                    "{:?} is said to have {} bytes",
                    file.name, file.size
                )));
            }
        }
        Ok(manifest)
    }

    /// The executable.
    #[must_use]
    pub fn program(&self) -> &File {
        &self.files[0]
    }

    /// All files together, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(files: &str) -> Result<Manifest, StubError> {
        Manifest::parse(
            format!(
                r#"{{"version": "1", "target": "t", "python_version": "3", "stub_id": "0", "abi": 1, "more": {{}}, "files": [{files}]}}"#
            )
            .as_bytes(),
        )
    }

    fn file(name: &str, size: u64) -> String {
        let sha256 = "0".repeat(64);
        format!(r#"{{"name": {name:?}, "sha256": "{sha256}", "size": {size}}}"#)
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        assert_eq!(manifest(&file("oxidize-stub", 3)).unwrap().size(), 3);
        for name in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "a\\b",
            "C:x",
            ".hidden",
            "manifest.json",
            "MANIFEST.json",
            "ä",
        ] {
            assert!(manifest(&file(name, 3)).is_err(), "{name:?}");
        }
        assert!(manifest(&format!("{},{}", file("a", 1), file("A", 1))).is_err());
    }

    #[test]
    fn sizes_and_numbers_have_bounds() {
        assert!(manifest("").is_err());
        assert!(manifest(&file("a", MAX_FILE)).is_ok());
        assert!(manifest(&file("a", MAX_FILE + 1)).is_err());
        let many: Vec<_> = (0..=MAX_FILES).map(|n| file(&n.to_string(), 1)).collect();
        assert!(manifest(&many.join(",")).is_err());
        assert!(manifest(&many[1..].join(",")).is_ok());
    }

    #[test]
    fn digests_are_64_digits() {
        let sum = Sha256Sum::of(b"");
        assert_eq!(Sha256Sum::parse(&sum.to_string()), Some(sum));
        assert_eq!(Sha256Sum::parse(&sum.to_string().to_uppercase()), Some(sum));
        for text in ["", "00", &"g".repeat(64), &"+0".repeat(32), &"é".repeat(32)] {
            assert_eq!(Sha256Sum::parse(text), None, "{text}");
        }
    }
}
