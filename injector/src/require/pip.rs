//! Running pip.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use oxidize_format::Target;
use oxidize_format::target::{OperatingSystem, Processor};
use serde::Deserialize;
use serde_json::json;

use super::error::{self, Problem};
use super::tags::Tags;
use super::{Host, RequireError, Requirements, Resolved, unreadable, wheel};
use crate::progress::Progress;
use crate::python::{Layout, Python};
use crate::spawn::spawn;

/// The worker's modules that run pip, by name, and their sources.
pub(crate) const MODULES: [(&str, &str); 2] = [
    ("_oxidize_locks", include_str!("locks.py")),
    ("_oxidize_pip", include_str!("pip.py")),
];

/// What `pip.py` answers.
#[derive(Deserialize)]
struct Answer {
    wheels: Vec<Wheel>,
    problem: Option<Problem>,
}

#[derive(Deserialize)]
struct Wheel {
    file: String,
    local: Option<PathBuf>,
    requested: bool,
    built: bool,
}

impl Requirements {
    /// The command line of `pip wheel`.
    fn arguments(&self, wheels: &Path, cache: &Path) -> Vec<String> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut arguments: Vec<String> = [
            "wheel",
            "--disable-pip-version-check",
            "--no-input",
            "--progress-bar=off",
            "--quiet",
            "--wheel-dir",
        ]
        .map(str::to_owned)
        .into();
        arguments.push(text(wheels));
        arguments.push(format!("--cache-dir={}", text(&cache.join("pip"))));
        if self.offline {
            arguments.push("--no-index".to_owned());
        } else {
            let urls = self.index_url.iter();
            arguments.extend(urls.map(|url| format!("--index-url={url}")));
            let urls = self.extra_index_urls.iter();
            arguments.extend(urls.map(|url| format!("--extra-index-url={url}")));
        }
        let links = self.find_links.iter();
        arguments.extend(links.map(|path| format!("--find-links={}", text(path))));
        let files = self.files.iter();
        arguments.extend(files.map(|path| format!("--requirement={}", text(path))));
        let files = self.constraints.iter();
        arguments.extend(files.map(|path| format!("--constraint={}", text(path))));
        let script = self.script.iter();
        arguments.extend(script.map(|path| format!("--requirements-from-script={}", text(path))));
        arguments.push("--".to_owned());
        arguments.extend(self.specifiers.iter().cloned());
        arguments.extend(self.wheels.iter().map(|path| text(path)));
        arguments
    }

    /// Resolves and fetches; the answer is in the order of installation.
    pub(super) fn run_pip(
        &self,
        host: &Host<'_>,
        target: Target,
        progress: &dyn Progress,
    ) -> Result<Vec<Resolved>, RequireError> {
        let place = tempfile::tempdir()?;
        let [wheels, result, bundled] =
            ["wheels", "result", "pip"].map(|name| place.path().join(name));
        unpack_pip(host, &bundled)?;
        let settings = json!({
            "pip": bundled,
            "arguments": self.arguments(&wheels, host.cache.root()),
            "tags": tags(target, host.python),
            "environment": environment(target),
            "result": result,
        });
        let start = |source| RequireError::Start {
            program: host.program.to_owned(),
            source,
        };
        let mut command = Command::new(host.program);
        command
            .arg("pip")
            // pip would refuse to do anything outside a virtual environment.
            .env_remove("PIP_REQUIRE_VIRTUALENV")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut pip = spawn(&mut command).map_err(start)?;
        let text = serde_json::to_vec(&settings).expect("strings are JSON");
        // Should it end before it has read them, what it says is the better error.
        let _ = pip.stdin.take().expect("it was asked for").write_all(&text);
        let mut errors = pip.stderr.take().expect("it was asked for");
        let said = thread::spawn(move || {
            let mut said = Vec::new();
            let _ = errors.read_to_end(&mut said);
            said
        });
        let reports = BufReader::new(pip.stdout.take().expect("it was asked for"));
        for line in reports.lines().map_while(Result::ok) {
            progress.start(&format!("Getting {line}"), 0);
        }
        let status = pip.wait().map_err(start)?;
        let said = said.join().unwrap_or_default();
        let answer = fs::read(&result).ok();
        let answer: Option<Answer> = answer.and_then(|text| serde_json::from_slice(&text).ok());
        let said = String::from_utf8_lossy(&said);
        let answer = match answer {
            Some(answer) if status.success() => answer,
            other => {
                let problem = other.and_then(|answer| answer.problem);
                return Err(error::explain(
                    problem,
                    &said,
                    (target, host.python),
                    self.offline,
                ));
            }
        };
        let mut resolved = Vec::new();
        let layout = Layout::of(target, host.python);
        for Wheel {
            file,
            local,
            requested,
            built,
        } in answer.wheels
        {
            let tags = wheel::tags_of(&file).unwrap_or_default();
            if built && !tags.ends_with("-none-any") {
                return Err(RequireError::BuiltForHost { file });
            }
            let digest = wheel::unpack(host.cache, &wheels.join(&file), &layout)?;
            resolved.push(Resolved {
                file,
                local,
                digest,
                requested,
            });
        }
        Ok(resolved)
    }
}

/// Unpacks the pip that the standard library brings.
fn unpack_pip(host: &Host<'_>, place: &Path) -> Result<(), RequireError> {
    let is_pip = |path: &str| path.starts_with("ensurepip/_bundled/pip-") && path.ends_with(".whl");
    let found = host.archives.iter().find_map(|archive| {
        let member = archive.library().find(|member| is_pip(&member.path))?;
        Some((archive, member))
    });
    let (archive, member) = found.ok_or(RequireError::NoPip)?;
    let failed = |error| unreadable(Path::new(&member.path), io::Error::other(error));
    let bytes = io::Cursor::new(archive.bytes(&member));
    let mut zip = zip::ZipArchive::new(bytes).map_err(failed)?;
    zip.extract(place).map_err(failed)
}

/// The tags of wheels to take. A static program loads no extension modules, so for it a version
/// without them is wanted.
fn tags(target: Target, python: Python) -> Vec<String> {
    let mut tags = Tags::of(target, python).ordered().to_vec();
    if target.is_static() {
        tags.retain(|tag| tag.split('-').nth(1) == Some("none"));
    }
    tags
}

/// What differs from the host's `packaging.markers.default_environment`.
fn environment(target: Target) -> BTreeMap<&'static str, &'static str> {
    let arm = target.processor() == Processor::Aarch64;
    let (os_name, sys_platform, system, machine) = match target.os() {
        OperatingSystem::Windows => ("nt", "win32", "Windows", ["AMD64", "ARM64"]),
        OperatingSystem::MacOs => ("posix", "darwin", "Darwin", ["x86_64", "arm64"]),
        OperatingSystem::Linux => ("posix", "linux", "Linux", ["x86_64", "aarch64"]),
    };
    BTreeMap::from([
        ("os_name", os_name),
        ("platform_machine", machine[usize::from(arm)]),
        // Of the machine where it will run nothing more is known.
        ("platform_release", ""),
        ("platform_system", system),
        ("platform_version", ""),
        ("sys_platform", sys_platform),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_the_targets() {
        let windows = environment(Target::X86_64_WINDOWS);
        assert_eq!(windows["os_name"], "nt");
        assert_eq!(windows["platform_machine"], "AMD64");
        let mac = environment(Target::AARCH64_MACOS);
        assert_eq!(mac["sys_platform"], "darwin");
        assert_eq!(mac["platform_machine"], "arm64");
        let musl = environment(Target::AARCH64_LINUX_MUSL);
        assert_eq!(musl["sys_platform"], "linux");
        assert_eq!(musl["platform_machine"], "aarch64");
    }
}
