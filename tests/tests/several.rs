//! Several targets in one run, and what they share.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use oxidize_tests::index::Wheel;
use oxidize_tests::run::Run;
use oxidize_tests::targets::{ARM_GNU, WINDOWS};
use oxidize_tests::tools::{self, GNU, MUSL};
use oxidize_tests::{Result, check, fail, trial};
use serde_json::Value;

fn main() -> std::process::ExitCode {
    oxidize_tests::main(vec![
        trial("each_target_has_its_wheels", wheels),
        trial("settings_of_the_file_and_a_place_in_the_name", from_a_file),
        trial("one_that_fails_leaves_none", failing),
        trial("what_is_in_the_way_of_one_leaves_none", in_the_way),
    ])
}

/// A project with a package that has a wheel for each of these tags.
struct Project(tempfile::TempDir);

impl Project {
    fn new(tags: &[&str]) -> Result<Self> {
        for target in [MUSL, ARM_GNU, WINDOWS] {
            tools::stub(target)?;
        }
        let place = tools::scratch()?;
        fs::create_dir(place.path().join("src"))?;
        fs::create_dir(place.path().join("wheels"))?;
        fs::write(
            place.path().join("src/__main__.py"),
            "import where, sys\nprint(where.TAG, sys.platform)\n",
        )?;
        for tag in tags {
            Wheel::new("where", "1.0")
                .tag(tag)
                .file("where.py", format!("TAG = {tag:?}\n"))
                .write(&place.path().join("wheels"))?;
        }
        Ok(Project(place))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn package(&self, output: &str, targets: &[&str], more: &[&str]) -> Result<Told> {
        let mut command = Command::new(tools::program("oxidize-inject")?);
        command.current_dir(self.0.path()).arg(output).args(more);
        command.args(["--find-links", "wheels", "--offline"]);
        for target in targets {
            command.args(["--target", target]);
        }
        let done = command.output()?;
        Ok(Told {
            success: done.status.success(),
            stdout: String::from_utf8_lossy(&done.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&done.stderr).into_owned(),
        })
    }

    /// Everything but the sources and wheels.
    fn made(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.0.path())? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if !matches!(name.as_str(), "src" | "wheels") {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }
}

struct Told {
    success: bool,
    stdout: String,
    stderr: String,
}

const SOURCES: [&str; 4] = ["--resources", "src", "--require", "where"];
const LINUX_TAG: &str = "py3-none-manylinux_2_17_x86_64";
const ARM_TAG: &str = "py3-none-manylinux_2_17_aarch64";
const WINDOWS_TAG: &str = "py3-none-win_amd64";

fn prints(program: &Path, expected: &str) -> Result {
    let outcome = Run::new(program).outcome()?.success()?;
    check(outcome.stdout.trim_end() == expected, || {
        outcome.to_string()
    })
}

fn wheels() -> Result {
    let project = Project::new(&[LINUX_TAG, ARM_TAG, WINDOWS_TAG])?;
    let told = project.package("app", &[GNU, ARM_GNU, WINDOWS], &SOURCES)?;
    check(told.success, || told.stderr.clone())?;
    let windows = format!("app-{WINDOWS}.exe");
    let names = [
        format!("app-{ARM_GNU}"),
        windows.clone(),
        format!("app-{GNU}"),
    ];
    check(project.made()? == names, || told.stderr.clone())?;
    for name in &names {
        check(told.stderr.contains(name.as_str()), || told.stderr.clone())?;
    }
    prints(
        &project.path(&format!("app-{GNU}")),
        &format!("{LINUX_TAG} linux"),
    )?;
    prints(
        &project.path(&format!("app-{ARM_GNU}")),
        &format!("{ARM_TAG} linux"),
    )?;
    prints(&project.path(&windows), &format!("{WINDOWS_TAG} win32"))
}

fn from_a_file() -> Result {
    let project = Project::new(&["py3-none-any"])?;
    fs::write(
        project.path("src/oxidize.toml"),
        format!(
            "output = '../out/{{target}}/app'\nresources = '.'\nrequire = ['where']\n\
             target = ['{GNU}', '{MUSL}']\n"
        ),
    )?;
    let more = ["--config", "src/oxidize.toml", "--output-format", "json"];
    let mut command = Command::new(tools::program("oxidize-inject")?);
    command.current_dir(project.0.path()).args(more);
    let done = command
        .args(["--find-links", "wheels", "--offline"])
        .output()?;
    let Ok(told) = serde_json::from_slice::<Value>(&done.stdout) else {
        return fail(String::from_utf8_lossy(&done.stderr));
    };
    let outputs = told["outputs"].as_array().cloned().unwrap_or_default();
    let targets: Vec<_> = outputs.iter().map(|one| one["target"].clone()).collect();
    check(
        targets == [GNU, MUSL] && told["seconds"].is_number(),
        || told.to_string(),
    )?;
    for target in [GNU, MUSL] {
        let program = project.path("out").join(target).join("app");
        prints(&program, "py3-none-any linux")?;
    }
    // The command line's targets take the place of the file's.
    let told = project.package("other", &[MUSL], &["--config", "src/oxidize.toml"])?;
    check(told.success && project.path("other").is_file(), || {
        told.stderr
    })
}

fn failing() -> Result {
    let project = Project::new(&[LINUX_TAG])?;
    let told = project.package("{target}/app", &[GNU, WINDOWS], &SOURCES)?;
    let expected = format!("cannot package `src` for {WINDOWS}; nothing was written");
    check(!told.success && told.stderr.contains(&expected), || {
        format!("{}{}", told.stdout, told.stderr)
    })?;
    check(project.made()?.is_empty(), || {
        format!("{:?}", project.made())
    })?;
    for (targets, expected) in [
        (&[GNU, GNU][..], "is named twice"),
        (&[][..], "has a place for the target"),
    ] {
        let told = project.package("{target}", targets, &SOURCES)?;
        check(!told.success && told.stderr.contains(expected), || {
            told.stderr
        })?;
    }
    check(project.made()?.is_empty(), || {
        format!("{:?}", project.made())
    })
}

fn in_the_way() -> Result {
    let project = Project::new(&["py3-none-any"])?;
    // Files beside a program take their place before programs do. This one is a stranger's.
    fs::create_dir_all(project.path(&format!("app-{MUSL}.files")))?;
    let more = [&SOURCES[..], &["--place", "where=files"]].concat();
    let told = project.package("app", &[GNU, MUSL], &more)?;
    check(
        !told.success && told.stderr.contains("oxidize-inject did not make it"),
        || told.stderr,
    )?;
    let made = project.made()?;
    check(made == [format!("app-{MUSL}.files")], || {
        format!("{made:?}")
    })
}
