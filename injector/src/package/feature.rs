//! What only some targets have.

use std::fmt;

/// Something that can be asked for and that programs of some systems do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Feature {
    /// No console window.
    Gui,
    /// An icon.
    Icon,
    /// Version information.
    VersionInfo,
    /// A manifest.
    Manifest,
    /// The rights that the program asks for.
    ExecutionLevel,
    /// The name in a signature.
    Identifier,
    /// The hardened runtime.
    HardenedRuntime,
    /// Entitlements.
    Entitlements,
    /// The team in a signature.
    Team,
    /// The program's name, shown with a signature.
    ProgramName,
    /// A page about the program, shown with a signature.
    ProgramUrl,
    /// Hashes of every page in a signature.
    PageHashes,
    /// A signature.
    Signature,
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Feature::Gui => "a program without a console window",
            Feature::Icon => "an icon",
            Feature::VersionInfo => "version information",
            Feature::Manifest => "a manifest",
            Feature::ExecutionLevel => "an execution level",
            Feature::Identifier => "an identifier in the signature",
            Feature::HardenedRuntime => "the hardened runtime",
            Feature::Entitlements => "a list of entitlements",
            Feature::Team => "a team identifier",
            Feature::ProgramName => "a program name in the signature",
            Feature::ProgramUrl => "a page about the program in the signature",
            Feature::PageHashes => "a signature with page hashes",
            Feature::Signature => "a signature",
        })
    }
}
