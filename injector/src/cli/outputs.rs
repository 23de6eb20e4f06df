//! The files that a run writes: one, or one for each target.

use std::fs;
use std::path::{Path, PathBuf};

use super::common::Common;
use super::{Failure, hint, note};
use oxidize_inject::Target;
use oxidize_inject::internal::package::Report;

/// Stands for the target in the name of the output.
const PLACEHOLDER: &str = "{target}";

/// What is written.
#[derive(Debug)]
pub(super) struct Outputs<'a> {
    app: &'a Path,
    paths: Vec<PathBuf>,
}

impl<'a> Outputs<'a> {
    /// The names that `app` stands for.
    ///
    /// # Errors
    ///
    /// It has a place for the target, and none is named.
    pub(super) fn new(app: &'a Path, targets: &[Target]) -> Result<Self, Failure> {
        let has_place = app.to_str().is_some_and(|text| text.contains(PLACEHOLDER));
        let paths = match targets {
            [] if has_place => {
                let message = format!("`{}` has a place for the target", app.display());
                return Err(Failure::new(message).hint(Some("name one with `--target TRIPLE`")));
            }
            [] => vec![app.to_owned()],
            [_] if !has_place => vec![app.to_owned()],
            targets => targets.iter().map(|target| named(app, *target)).collect(),
        };
        Ok(Self { app, paths })
    }

    /// The only one, or that of the first target.
    pub(super) fn first(&self) -> &Path {
        self.paths.first().map_or(self.app, PathBuf::as_path)
    }

    /// All of them, in the order of the targets.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter().map(PathBuf::as_path)
    }

    /// Each with its target.
    pub(super) fn list(&self, targets: &[Target]) -> Vec<(Target, PathBuf)> {
        targets.iter().copied().zip(self.paths.clone()).collect()
    }

    /// What all the programs are called.
    pub(super) fn name(&self) -> String {
        let name = self.app.file_name().unwrap_or_default().to_string_lossy();
        let name = without_exe(&name).replace(PLACEHOLDER, "");
        let name = name.trim_matches(['-', '_', '.', ' ']);
        if name.is_empty() { "app" } else { name }.to_owned()
    }

    /// Makes the directories that are named after targets. Those made go again with the answer,
    /// unless it is kept.
    ///
    /// # Errors
    ///
    /// One cannot be made.
    pub(super) fn make_directories(&self) -> Result<Made, Failure> {
        let mut made = Made::default();
        let named = |path: &Path| path.to_str().is_some_and(|text| text.contains(PLACEHOLDER));
        if !self.app.parent().is_some_and(named) {
            return Ok(made);
        }
        for directory in self.paths().filter_map(Path::parent) {
            let missing: Vec<_> = directory
                .ancestors()
                .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
                .collect();
            for path in missing.into_iter().rev() {
                fs::create_dir(path).map_err(|error| {
                    Failure::because(format!("cannot create `{}`", path.display()), &error)
                })?;
                made.0.push(path.to_owned());
            }
        }
        Ok(made)
    }
}

/// Directories that go again when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Made(Vec<PathBuf>);

impl Made {
    /// They stay.
    pub(super) fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for path in self.0.iter().rev() {
            // One in which something is by now stays.
            let _ = fs::remove_dir(path);
        }
    }
}

/// The name of one target's program.
fn named(app: &Path, target: Target) -> PathBuf {
    let triple = target.triple();
    let mut path = match app.to_str() {
        Some(text) if text.contains(PLACEHOLDER) => {
            PathBuf::from(text.replace(PLACEHOLDER, triple))
        }
        _ => {
            let name = app.file_name().unwrap_or_default();
            let mut name = match name.to_str() {
                Some(name) => without_exe(name).into(),
                None => name.to_owned(),
            };
            name.push(format!("-{triple}"));
            app.with_file_name(name)
        }
    };
    let is_exe = path
        .extension()
        .is_some_and(|suffix| suffix.eq_ignore_ascii_case("exe"));
    match (target.is_windows(), is_exe) {
        (true, false) => path.as_mut_os_string().push(".exe"),
        (false, true) => drop(path.set_extension("")),
        _ => {}
    }
    path
}

fn without_exe(name: &str) -> &str {
    match name
        .len()
        .checked_sub(4)
        .and_then(|at| name.split_at_checked(at))
    {
        Some((stem, suffix)) if suffix.eq_ignore_ascii_case(".exe") && !stem.is_empty() => stem,
        _ => name,
    }
}

/// Tells what the reports have for the user. What is true of all programs is told once.
pub(super) fn tell(reports: &[Report], common: &Common) {
    let has_all = |has: &dyn Fn(&Report) -> bool| reports.iter().all(has);
    let of = |report: &Report, text: &str, everywhere: bool| -> Option<String> {
        match reports {
            [_] => Some(text.to_owned()),
            [first, ..] if everywhere => std::ptr::eq(first, report).then(|| text.to_owned()),
            _ => Some(format!("{}: {text}", report.target)),
        }
    };
    for report in reports {
        if !common.quiet {
            for fetch in &report.fetched {
                let text = format!(
                    "fetched the stub for {} from {}",
                    fetch.target, fetch.origin
                );
                note("note", &text);
            }
            for warning in &report.warnings {
                let everywhere = has_all(&|report| report.warnings.contains(warning));
                let told = of(report, &hint::warning(warning), everywhere);
                told.iter().for_each(|text| note("warning", text));
            }
        }
        if common.verbose {
            for path in &report.left_out {
                let everywhere = has_all(&|report| report.left_out.contains(path));
                let told = of(report, &format!("`{path}` was left out"), everywhere);
                told.iter().for_each(|text| note("note", text));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(app: &str, triples: &[&str]) -> Vec<String> {
        let targets: Vec<Target> = triples
            .iter()
            .map(|triple| triple.parse().unwrap())
            .collect();
        let outputs = Outputs::new(Path::new(app), &targets).unwrap();
        outputs
            .paths()
            .map(|path| path.display().to_string())
            .collect()
    }

    const LINUX: &str = Target::X86_64_LINUX_GNU.triple();
    const WINDOWS: &str = Target::X86_64_WINDOWS.triple();

    #[test]
    fn one_target_takes_the_name_as_it_is() {
        assert_eq!(names("dist/app", &[]), ["dist/app"]);
        assert_eq!(names("dist/app", &[WINDOWS]), ["dist/app"]);
        assert_eq!(
            names("{target}/app", &[WINDOWS]),
            [format!("{WINDOWS}/app.exe")]
        );
        assert!(Outputs::new(Path::new("app-{target}"), &[]).is_err());
    }

    #[test]
    fn several_targets_are_in_the_names() {
        let expected = [
            format!("dist/app-{LINUX}"),
            format!("dist/app-{WINDOWS}.exe"),
        ];
        assert_eq!(names("dist/app", &[LINUX, WINDOWS]), expected);
        assert_eq!(names("dist/app.EXE", &[LINUX, WINDOWS]), expected);
        let expected = [format!("{LINUX}/app"), format!("{WINDOWS}/app.exe")];
        assert_eq!(names("{target}/app.exe", &[LINUX, WINDOWS]), expected);
        let expected = [format!("app1.2-{LINUX}"), format!("app1.2-{WINDOWS}.exe")];
        assert_eq!(names("app1.2", &[LINUX, WINDOWS]), expected);
    }

    #[test]
    fn what_signatures_call_them_has_no_target() {
        for (app, name) in [
            ("dist/app.exe", "app"),
            ("a/{target}-tool", "tool"),
            ("{target}", "app"),
        ] {
            assert_eq!(
                Outputs::new(Path::new(app), &[Target::X86_64_WINDOWS])
                    .unwrap()
                    .name(),
                name
            );
        }
    }

    #[test]
    fn directories_go_again_unless_they_are_kept() {
        let place = tempfile::tempdir().unwrap();
        let app = place.path().join("dist/{target}/app");
        let targets = [LINUX, WINDOWS].map(|triple| triple.parse().unwrap());
        let outputs = Outputs::new(&app, &targets).unwrap();
        drop(outputs.make_directories().unwrap());
        assert!(!place.path().join("dist").exists());
        outputs.make_directories().unwrap().keep();
        assert!(place.path().join("dist").join(LINUX).is_dir());
    }
}
