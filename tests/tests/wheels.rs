//! The wheel of a real stub: made twice, read by other people's tools, and packaged with by a command that has nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use oxidize_tests::run::Run;
use oxidize_tests::tools::{self, MUSL};
use oxidize_tests::{Result, check, fail, missing, trial};

const TOOLS: [&str; 2] = ["wheel==0.45.1", "check-wheel-contents==0.6.1"];

fn main() -> std::process::ExitCode {
    oxidize_tests::main(vec![trial(
        "the_wheel_of_a_stub_is_whole_and_enough",
        whole,
    )])
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Makes the wheel of the static target.
fn wheel(out: &Path) -> Result<PathBuf> {
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.current_dir(tools::checkout());
    build.args([
        "run",
        "--quiet",
        "--release",
        "-p",
        "oxidize-prebuilt",
        "--",
        "wheels",
    ]);
    let output = build.args(["--target", MUSL, "--out"]).arg(out).output()?;
    // The list of published stubs may be older than these sources; the wheel is made all the same.
    check(
        output.status.success() || told(&output).contains("does not list the stubs"),
        || told(&output),
    )?;
    let mut wheels = fs::read_dir(out)?.flatten().map(|entry| entry.path());
    match (wheels.next(), wheels.next()) {
        (Some(wheel), None) => Ok(wheel),
        _ => fail("there is one wheel"),
    }
}

fn python_tools() -> Result<PathBuf> {
    let place = tools::cache("wheels")?.join("wheel-tools");
    if place.join("wheel").is_dir() {
        return Ok(place);
    }
    let fresh = tempfile::tempdir_in(tools::cache("wheels")?)?;
    let mut install = Command::new(tools::host_tool("python3")?);
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--target",
    ]);
    let output = install.arg(fresh.path()).args(TOOLS).output()?;
    if !output.status.success() {
        return missing(format!("packages from PyPI: {}", told(&output)));
    }
    fs::rename(fresh.keep(), &place)?;
    Ok(place)
}

fn whole() -> Result {
    tools::stub(MUSL)?;
    let scratch = tools::scratch()?;
    let dir = scratch.path();
    let first = wheel(&dir.join("first"))?;
    let again = wheel(&dir.join("again"))?;
    check(fs::read(&first)? == fs::read(&again)?, || {
        "two runs give two wheels".to_owned()
    })?;

    // `unpack` compares every file with RECORD.
    let place = python_tools()?;
    let python = |arguments: &[&str]| -> Result {
        let mut command = Command::new(tools::host_tool("python3")?);
        let output = command
            .args(arguments)
            .arg(&first)
            .env("PYTHONPATH", &place)
            .current_dir(dir)
            .output()?;
        check(output.status.success(), || {
            format!(
                "{arguments:?}: {}{}",
                String::from_utf8_lossy(&output.stdout),
                told(&output)
            )
        })
    };
    python(&["-m", "wheel", "unpack", "--dest", "unpacked"])?;
    python(&["-m", "check_wheel_contents", "--no-config"])?;
    python(&[
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-index",
        "--target",
        "installed",
        "--platform",
        "musllinux_1_2_x86_64",
        "--only-binary=:all:",
    ])?;
    let installed = dir
        .join("installed/oxidize_stub_cp313")
        .join(MUSL)
        .join("oxidize-stub");
    let stub = tools::checkout()
        .join("target/stubs")
        .join(MUSL)
        .join("oxidize-stub");
    check(fs::read(installed)? == fs::read(stub)?, || {
        "pip installs the stub".to_owned()
    })?;

    // A command that is alone: no checkout, no cache, no network.
    let program = dir.join("oxidize-inject");
    fs::copy(tools::program("oxidize-inject")?, &program)?;
    let app = dir.join("hello");
    let output = Command::new(&program)
        .arg(&app)
        .arg("--resources")
        .arg(tools::checkout().join("examples/hello"))
        .args([
            "--target",
            MUSL,
            "--offline",
            "--allow-unlisted-stub",
            "--find-links",
        ])
        .arg(dir.join("first"))
        .env("OXIDIZE_CACHE_DIR", dir.join("cache"))
        .output()?;
    check(output.status.success(), || told(&output))?;
    Run::new(&app).outcome()?.success()?;
    Ok(())
}
