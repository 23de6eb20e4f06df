//! What only some targets have.

use std::fmt;

use oxidize_format::Target;
use oxidize_format::target::OperatingSystem;

use super::{PackageError, Request, Signing};
use crate::snapshot;
use crate::snapshot::SnapshotError;

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

/// Refuses what the target does not have.
pub(super) fn check(request: &Request, target: Target) -> Result<(), PackageError> {
    if let Some(signing) = &request.signing {
        signing.check_fit(target, Some(target.os()))?;
    }
    let misfit = |feature, system| {
        Err(PackageError::Misfit {
            feature,
            system,
            target: target.triple(),
        })
    };
    if let Some(windows) = &request.windows
        && !target.is_windows()
    {
        let asked = [
            (Feature::Gui, windows.gui),
            (Feature::Icon, windows.icon.is_some()),
            (Feature::VersionInfo, windows.version_info.is_some()),
            (Feature::Manifest, windows.manifest.is_some()),
        ];
        let first = asked.into_iter().find(|(_, asked)| *asked);
        let first = first.map_or(Feature::ExecutionLevel, |(feature, _)| feature);
        return misfit(first, "Windows");
    }
    if request.identifier.is_some() && !target.is_macos() {
        return misfit(Feature::Identifier, "macOS");
    }
    if request.snapshot.is_some() && !snapshot::is_possible(target) {
        return Err(SnapshotError::Target(target).into());
    }
    Ok(())
}

impl Signing {
    /// Whether a program for this target can be signed so.
    ///
    /// # Errors
    /// Something is asked for that signatures of this system do not have, or it has none.
    pub fn check_fit(
        &self,
        target: impl fmt::Display,
        os: Option<OperatingSystem>,
    ) -> Result<(), PackageError> {
        let (macos, windows) = (&self.options.macos, &self.options.windows);
        let for_macos = [
            (Feature::HardenedRuntime, macos.hardened_runtime),
            (Feature::Entitlements, macos.entitlements.is_some()),
            (Feature::Team, macos.team.is_some()),
        ];
        let for_windows = [
            (Feature::ProgramName, windows.program_name.is_some()),
            (Feature::ProgramUrl, windows.program_url.is_some()),
            (Feature::PageHashes, windows.page_hashes),
        ];
        let is_windows = os == Some(OperatingSystem::Windows);
        let is_macos = os == Some(OperatingSystem::MacOs);
        let misfit = |feature, system| {
            Err(PackageError::Misfit {
                feature,
                system,
                target: target.to_string(),
            })
        };
        for (asked, system, fits) in [
            (&for_macos, "macOS", is_macos),
            (&for_windows, "Windows", is_windows),
        ] {
            if let Some((feature, _)) = asked.iter().find(|(_, asked)| *asked && !fits) {
                return misfit(*feature, system);
            }
        }
        if !(is_windows || is_macos) {
            return misfit(Feature::Signature, "Windows and macOS");
        }
        Ok(())
    }
}
