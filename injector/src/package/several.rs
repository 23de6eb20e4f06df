//! Several programs of one application in one run, one for each target.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use oxidize_format::Target;

use super::staged::Staged;
use super::{PackageError, Report, Request, Signing, stage};
use crate::cache::Cache;
use crate::output;
use crate::progress::Progress;
use crate::same_file::same_file;
use crate::snapshot;
use crate::stubs::Finder;

/// Why several programs were not packaged, and for which target.
#[derive(Debug)]
pub struct SeveralError {
    /// The target, if it was one target's fault.
    pub target: Option<Target>,
    /// What is wrong.
    pub error: PackageError,
}

impl From<PackageError> for SeveralError {
    fn from(error: PackageError) -> Self {
        Self {
            target: None,
            error,
        }
    }
}

/// Packages the request for each of these targets. All programs take their places at the end, or
/// none does. What only some systems have (an icon, an identifier, a snapshot) is for the targets
/// that have it; `name` is what the programs are called in signatures.
///
/// # Errors
///
/// Something is wrong for one target, or an output cannot be written.
pub fn package_each(
    request: &Request,
    outputs: &[(Target, PathBuf)],
    name: &str,
    progress: &dyn Progress,
) -> Result<Vec<Report>, SeveralError> {
    check(outputs)?;
    let targets: Vec<Target> = outputs.iter().map(|(target, _)| *target).collect();
    let cache = Cache::open().map_err(PackageError::Cache)?;
    let finder = Finder::new(&cache, &request.sources, progress);
    let given = given_stubs(request, &targets, &finder)?;
    let mut staged = Staged::default();
    let mut reports = Vec::new();
    for (at, (target, output)) in outputs.iter().enumerate() {
        let mut request = part(request, *target, &targets, name);
        request.output.clone_from(output);
        let parts = target.parts();
        let fits = given.iter().filter(|(target, _)| parts.contains(target));
        request.stubs = fits.map(|(_, path)| path.clone()).collect();
        let progress = Numbered {
            progress,
            number: format!("{}/{}", at + 1, outputs.len()),
        };
        let done = stage(&request, &cache, &finder, &progress);
        let (files, report) = done.map_err(|error| SeveralError {
            target: Some(*target),
            error,
        })?;
        staged.extend(files);
        reports.push(report);
    }
    staged.publish(progress)?;
    Ok(reports)
}

/// Looks for what is better known before the first program is made.
fn check(outputs: &[(Target, PathBuf)]) -> Result<(), SeveralError> {
    for (at, (target, path)) in outputs.iter().enumerate() {
        let before = &outputs[..at];
        if before.iter().any(|(earlier, _)| earlier == target) {
            return Err(PackageError::SameTarget(*target).into());
        }
        let is_same =
            |(_, earlier): &(Target, PathBuf)| earlier == path || same_file(earlier, path);
        if before.iter().any(is_same) {
            return Err(PackageError::SameOutput(path.clone()).into());
        }
        output::check(path, None).map_err(|error| SeveralError {
            target: Some(*target),
            error: error.into(),
        })?;
    }
    Ok(())
}

/// The stubs that were given by hand, each for one of the targets.
fn given_stubs(
    request: &Request,
    targets: &[Target],
    finder: &Finder<'_>,
) -> Result<Vec<(Target, PathBuf)>, PackageError> {
    let mut given = Vec::new();
    for path in &request.stubs {
        let stub = finder.find(Some(path), None)?;
        if !targets
            .iter()
            .any(|target| target.parts().contains(&stub.target))
        {
            return Err(PackageError::StrayStub {
                path: path.clone(),
                target: stub.target,
            });
        }
        given.push((stub.target, path.clone()));
    }
    // A missing stub is told before the first program is made.
    for part in targets.iter().flat_map(|target| target.parts()) {
        if given.iter().all(|(target, _)| *target != part) {
            finder.find(None, Some(part))?;
        }
    }
    Ok(given)
}

/// The request for one of several targets, without what only others of them have.
fn part(request: &Request, target: Target, targets: &[Target], name: &str) -> Request {
    let mut part = request.clone();
    part.target = Some(target);
    let others_have =
        |has: &dyn Fn(Target) -> bool| !has(target) && targets.iter().any(|t| has(*t));
    if others_have(&Target::is_windows) {
        part.windows = None;
    }
    if target.is_macos() {
        part.identifier.get_or_insert_with(|| name.to_owned());
    } else if others_have(&Target::is_macos) {
        part.identifier = None;
    }
    if others_have(&snapshot::is_possible) {
        part.snapshot = None;
    }
    let is_signed = |target: Target| target.is_windows() || target.is_macos();
    part.signing = match &request.signing {
        Some(_) if others_have(&is_signed) => None,
        Some(signing) => {
            let mut signing = Signing::clone(signing);
            if others_have(&Target::is_windows) {
                signing.options.windows = Default::default();
            }
            let macos = &mut signing.options.macos;
            if target.is_macos() {
                name.clone_into(&mut macos.fallback);
            } else if others_have(&Target::is_macos) {
                *macos = Default::default();
                // Without an identity, options for macOS were all there was to it.
                if signing.identity.is_none() {
                    return Request {
                        signing: None,
                        ..part
                    };
                }
            }
            Some(Arc::new(signing))
        }
        None => None,
    };
    part
}

/// Says which program of how many a step belongs to.
struct Numbered<'p> {
    progress: &'p dyn Progress,
    number: String,
}

impl Progress for Numbered<'_> {
    fn start(&self, step: &str, units: u64) {
        self.progress
            .start(&format!("{} {step}", self.number), units);
    }

    fn advance(&self, units: u64) {
        self.progress.advance(units);
    }

    fn wait(&self, reason: &str) {
        self.progress.wait(reason);
    }
}

impl fmt::Display for SeveralError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for SeveralError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::appearance::Appearance;
    use crate::sign::SignOptions;

    const LINUX: Target = Target::X86_64_LINUX_GNU;

    fn all() -> Request {
        let mut options = SignOptions::default();
        options.macos.hardened_runtime = true;
        options.windows.page_hashes = true;
        Request {
            windows: Some(Appearance::default()),
            signing: Some(Arc::new(Signing {
                identity: None,
                options,
                doubts: Vec::new(),
            })),
            ..Request::default()
        }
    }

    #[test]
    fn what_only_others_have_is_left_out() {
        let targets = [LINUX, Target::X86_64_WINDOWS, Target::AARCH64_MACOS];
        let [linux, windows, macos] = targets.map(|target| part(&all(), target, &targets, "app"));
        assert!(linux.windows.is_none() && linux.signing.is_none() && linux.identifier.is_none());
        assert!(windows.windows.is_some() && windows.identifier.is_none());
        // There is nothing but macOS options to sign with.
        assert!(windows.signing.is_none());
        assert!(macos.windows.is_none());
        assert_eq!(macos.identifier.as_deref(), Some("app"));
        let signing = macos.signing.unwrap();
        assert!(signing.options.macos.hardened_runtime && !signing.options.windows.page_hashes);
        assert_eq!(signing.options.macos.fallback, "app");
    }

    #[test]
    fn what_no_target_has_stays_to_be_refused() {
        let targets = [LINUX, Target::X86_64_LINUX_MUSL];
        let linux = part(&all(), LINUX, &targets, "app");
        assert!(linux.windows.is_some() && linux.signing.is_some());
    }
}
