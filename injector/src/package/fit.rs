//! Whether a target has what is asked for.

use std::fmt;

use oxidize_format::Target;
use oxidize_format::target::OperatingSystem;

use super::{Feature, PackageError, Request, Signing};
use crate::sign::SignError;
use crate::sign::macho::requirements;
use crate::sign::timestamp;
use crate::snapshot;
use crate::snapshot::SnapshotError;

/// Refuses what the target does not have.
pub(super) fn check(request: &Request, target: Target) -> Result<(), PackageError> {
    if let Some(signing) = &request.signing {
        signing.check_fit(target, Some(target.os()))?;
    }
    let misfit = |feature, system| {
        Err(PackageError::Misfit {
            feature,
            system,
            target: target.triple().to_owned(),
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
    let identifier = request.identifier.as_deref();
    if identifier.is_some_and(|identifier| identifier.trim().is_empty()) {
        return Err(SignError::NoIdentifier.into());
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
        if let Some(team) = &macos.team {
            requirements::check_team(team)?;
        }
        timestamp::check_urls(&self.options.timestamp_urls)?;
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
        if macos.team.is_some() && self.identity.is_none() {
            return Err(SignError::AdHocTeam.into());
        }
        Ok(())
    }
}
