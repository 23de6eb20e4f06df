//! The stubs that this version of the tool trusts: `injector/stubs.toml`, compiled in.
//!
//! `oxidize-prebuilt wheels --write-list` writes the file. It names the manifest's digest for each
//! target, and with it every byte of the stub; where the bytes come from does not matter.

use oxidize_format::Target;
use serde::Deserialize;

use super::manifest::Sha256Sum;

/// A list of trusted stubs.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Listed {
    /// The release that they belong to.
    pub version: String,
    /// The stubs.
    #[serde(default, rename = "stub")]
    pub stubs: Vec<Trusted>,
}

/// A trusted stub.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Trusted {
    /// Target triple.
    pub target: String,
    /// File name of its wheel.
    pub wheel: String,
    /// Digest of its manifest.
    pub manifest: Sha256Sum,
    /// Digest of the executable.
    pub sha256: Sha256Sum,
    /// What the executable says it is.
    pub stub_id: String,
    /// All files together, in bytes.
    pub size: u64,
}

impl Listed {
    /// The list of this version.
    #[must_use]
    pub fn compiled_in() -> Listed {
        Listed::parse(include_str!("../../stubs.toml")).expect("a test reads the same text")
    }

    /// Reads a list.
    ///
    /// # Errors
    /// The text is not such a list.
    pub fn parse(text: &str) -> Result<Listed, toml::de::Error> {
        toml::from_str(text)
    }

    /// The stub for this target.
    #[must_use]
    pub fn find(&self, target: Target) -> Option<&Trusted> {
        self.stubs
            .iter()
            .find(|stub| stub.target == target.triple())
    }

    /// Whether this manifest belongs to one of them.
    #[must_use]
    pub fn trusts(&self, manifest: Sha256Sum) -> bool {
        self.stubs.iter().any(|stub| stub.manifest == manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::super::wheel;
    use super::*;

    #[test]
    fn the_list_is_of_this_version_and_names_wheels_of_its_targets() {
        let listed = Listed::compiled_in();
        assert_eq!(listed.version, env!("CARGO_PKG_VERSION"));
        for stub in &listed.stubs {
            let target: Target = stub.target.parse().unwrap();
            assert_eq!(stub.wheel, wheel::file_name(&listed.version, target));
        }
    }
}
