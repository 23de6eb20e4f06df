//! The wheels of a real stub and of the command: made twice, read by other people's tools,
//! installed by pip from an index server, and packaged with, with nothing else at hand.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use oxidize_tests::run::Run;
use oxidize_tests::tools::{self, GNU, MUSL};
use oxidize_tests::{Result, check, fail, python, trial};

const TOOLS: [&str; 5] = [
    "wheel==0.45.1",
    "check-wheel-contents==0.6.1",
    "packaging==26.0",
    "pypiserver==2.3.2",
    "setuptools<80",
];

fn main() -> std::process::ExitCode {
    oxidize_tests::main(vec![trial(
        "wheels_of_command_and_stub_are_whole_and_enough",
        whole,
    )])
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Makes a wheel in `out`, where there is none yet.
fn wheel(out: &Path, arguments: &[&str]) -> Result<PathBuf> {
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
    let output = build.args(arguments).arg("--out").arg(out).output()?;
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

/// The wheel of the static target's stub.
fn stub_wheel(out: &Path) -> Result<PathBuf> {
    wheel(out, &["--target", MUSL])
}

/// The wheel of the command as it was built for this machine; published ones are static, which
/// takes minutes.
fn tool_wheel(out: &Path) -> Result<PathBuf> {
    let program = tools::program("oxidize-inject")?;
    let program = program.to_string_lossy();
    wheel(out, &["--tool", "--target", GNU, "--program", &program])
}

/// An index server with these files.
struct Index {
    server: Child,
    url: String,
}

impl Drop for Index {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn index(packages: &Path, place: &Path) -> Result<Index> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let server = Command::new(tools::host_tool("python3")?)
        .args(["-m", "pypiserver", "run", "--disable-fallback"])
        .args(["-i", "127.0.0.1", "-p", &port.to_string()])
        .arg(packages)
        .env("PYTHONPATH", place)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let url = format!("http://127.0.0.1:{port}/simple/");
    let index = Index { server, url };
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        check(start.elapsed() < Duration::from_secs(120), || {
            "the index server starts".to_owned()
        })?;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(index)
}

/// The metadata of a wheel is what its specifications want.
const METADATA: &str = "
import sys, zipfile
from packaging.licenses import canonicalize_license_expression
from packaging.metadata import Metadata
from packaging.tags import parse_tag
from packaging.utils import parse_wheel_filename
path = sys.argv[1]
name, version, _, tags = parse_wheel_filename(path.rsplit('/', 1)[1])
wheel = zipfile.ZipFile(path)
info = [n.split('/')[0] for n in wheel.namelist() if n.endswith('.dist-info/RECORD')][0]
metadata = Metadata.from_email(wheel.read(info + '/METADATA'))
assert (metadata.name, str(metadata.version)) == (name, str(version)), metadata.name
canonicalize_license_expression(metadata.license_expression)
for file in metadata.license_files:
    wheel.getinfo(f'{info}/licenses/{file}')
lines = wheel.read(info + '/WHEEL').decode().splitlines()
told = frozenset().union(*(parse_tag(line[5:]) for line in lines if line.startswith('Tag: ')))
assert told == tags, (told, tags)
";

fn whole() -> Result {
    tools::stub(MUSL)?;
    let scratch = tools::scratch()?;
    let dir = scratch.path();
    let stub = stub_wheel(&dir.join("stub"))?;
    let again = stub_wheel(&dir.join("stub-again"))?;
    let tool = tool_wheel(&dir.join("tool"))?;
    let tool_again = tool_wheel(&dir.join("tool-again"))?;
    check(
        fs::read(&stub)? == fs::read(&again)? && fs::read(&tool)? == fs::read(&tool_again)?,
        || "two runs give two wheels".to_owned(),
    )?;

    let place = python::packages("wheel-tools", &TOOLS)?;
    let judge = |arguments: &[&str], wheel: &Path| -> Result {
        let mut command = Command::new(tools::host_tool("python3")?);
        let output = command
            .args(arguments)
            .arg(wheel)
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
    for wheel in [&stub, &tool] {
        // This compares every file with RECORD.
        judge(&["-m", "wheel", "unpack", "--dest", "unpacked"], wheel)?;
        judge(&["-c", METADATA], wheel)?;
    }
    judge(&["-m", "check_wheel_contents", "--no-config"], &stub)?;
    let install = [
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
    ];
    judge(&install, &stub)?;
    let installed = format!("installed/oxidize_stub_cp313/{MUSL}/oxidize-stub");
    let linked = tools::checkout().join(format!("target/stubs/{MUSL}/oxidize-stub"));
    check(fs::read(dir.join(installed))? == fs::read(linked)?, || {
        "pip installs the stub".to_owned()
    })?;
    // It looks for modules, and there are none; everything else is right.
    judge(
        &[
            "-m",
            "check_wheel_contents",
            "--no-config",
            "--ignore",
            "W007",
        ],
        &tool,
    )?;

    // From an index, as everybody else: first the command by pip, then a stub by the command.
    let packages = dir.join("packages");
    fs::create_dir(&packages)?;
    for wheel in [&stub, &tool] {
        fs::copy(wheel, packages.join(wheel.file_name().unwrap_or_default()))?;
    }
    let index = index(&packages, &place)?;
    let venv = dir.join("venv");
    let run = |program: &Path, arguments: &[&str]| -> Result {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(dir)
            .env("OXIDIZE_CACHE_DIR", dir.join("cache"))
            .env("PIP_INDEX_URL", &index.url)
            .env("PIP_CONFIG_FILE", "/dev/null")
            .env_remove("OXIDIZE_INDEX_URL")
            .output()?;
        check(output.status.success(), || {
            format!("{arguments:?}: {}", told(&output))
        })
    };
    run(&tools::host_tool("python3")?, &["-m", "venv", "venv"])?;
    let pip = ["install", "--disable-pip-version-check", "oxidize-inject"];
    run(&venv.join("bin/pip"), &pip)?;
    let hello = tools::checkout().join("examples/hello");
    let hello = hello.to_string_lossy();
    let command = venv.join("bin/oxidize-inject");
    let package = ["hello", "--resources", &hello, "--target", MUSL];
    let package = [&package[..], &["--allow-unlisted-stub"]].concat();
    run(&command, &package)?;
    Run::new(dir.join("hello")).outcome()?.success()?;

    // What it makes is what the command of the checkout makes.
    let made = fs::read(dir.join("hello"))?;
    run(&tools::program("oxidize-inject")?, &package)?;
    check(fs::read(dir.join("hello"))? == made, || {
        "the same application".to_owned()
    })
}
