//! Virtual files as macOS has them, on Linux: a stub with the feature `private-files` opens files
//! without a name and runs programs from the cache. What is left for a Mac are the system's own
//! functions (`tests/smoke/macos.sh`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use oxidize_tests::expect::Expectations;
use oxidize_tests::package::{App, Package};
use oxidize_tests::run::Run;
use oxidize_tests::{Result, Stop, check, fail, missing, tools, trial};

fn main() -> std::process::ExitCode {
    let mut trials = vec![
        trial("a_file_loses_its_name_before_it_is_written", nameless),
        trial("nothing_stays_when_a_process_is_killed", killed),
        trial("a_program_is_run_from_the_cache", cached),
        trial("what_a_mac_is_asked_passes_here", smoke),
    ];
    match cases() {
        Ok(cases) => {
            for case in cases {
                trials.push(trial(format!("files::{case}"), move || run(&case)));
            }
        }
        Err(stop) => trials.push(trial("files", move || Err(stop))),
    }
    oxidize_tests::main(trials)
}

/// The cases of `apps/files` that every POSIX system has to pass.
fn cases() -> Result<Vec<String>> {
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(tools::here().join("apps/files/cases"))? {
        let path = entry?.path();
        let Some(expected) = Expectations::read(&path)? else {
            continue;
        };
        if expected.needs.iter().all(|need| need == "posix") {
            let stem = path.file_stem().unwrap_or_default();
            cases.push(stem.to_string_lossy().into_owned());
        }
    }
    cases.sort();
    Ok(cases)
}

/// The stub, built once. It lies in a folder of its own, as it is no stub for anybody else.
fn stub() -> Result<PathBuf> {
    static STUB: OnceLock<Result<PathBuf>> = OnceLock::new();
    let build = || {
        let folder = tools::checkout().join("target/private-files");
        let stub = folder.join("release/oxidize-stub");
        if std::env::var_os("OXIDIZE_TEST_PROGRAMS").is_some() {
            // Nothing is built then.
            return match stub.is_file() {
                true => Ok(stub),
                false => missing(format!("{}", stub.display())),
            };
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .current_dir(tools::checkout())
            .args(["build", "--quiet", "--release", "-p", "oxidize-stub"])
            .args(["--features", "private-files", "--target-dir"])
            .arg(&folder)
            .output()?;
        if !output.status.success() {
            return fail(String::from_utf8_lossy(&output.stderr));
        }
        Ok(stub)
    };
    STUB.get_or_init(build).clone()
}

fn package(resources: &Path) -> Result<Package> {
    let stub = stub()?.to_string_lossy().into_owned();
    Ok(Package::new(resources).options(["--stub", &stub]))
}

fn files() -> Result<App> {
    package(&tools::here().join("apps/files"))?.shared()
}

fn run(case: &str) -> Result {
    let home = tools::scratch()?;
    let run = Run::new(files()?.path()).arguments([case]);
    run.variable("HOME", home.path())
        .outcome()?
        .prints("ok\n")?;
    Ok(())
}

/// The program for a Mac, so that what fails there is the Mac's doing.
fn smoke() -> Result {
    let home = tools::scratch()?;
    let app = package(&tools::here().join("smoke/macos/files"))?.build()?;
    let run = Run::new(app.path()).variable("HOME", home.path());
    let outcome = run.outcome()?.success()?;
    check(
        outcome.stdout.lines().count() > 10
            && outcome.stdout.lines().all(|line| line.starts_with("ok ")),
        || format!("{outcome}"),
    )
}

/// A program that consists of `source` and a file of 100,000 bytes.
fn program(source: &str) -> Result<(tempfile::TempDir, App)> {
    let tree = tools::scratch()?;
    std::fs::write(tree.path().join("one.bin"), vec![7; 100_000])?;
    std::fs::write(tree.path().join("__main__.py"), source)?;
    let app = package(tree.path())?.build()?;
    Ok((tree, app))
}

/// Made, opened a second time, its name removed, then written: at no moment is there a file that
/// holds something and has a name.
fn nameless() -> Result {
    let source = "import os\n\
        here = os.path.dirname(__file__)\n\
        for _ in range(2):\n    with open(f'{here}/one.bin', 'rb') as stream: stream.read(1)\n";
    let (tree, app) = program(source)?;
    let trace = tree.path().join("trace");
    let output = Command::new(tools::host_tool("strace")?)
        .arg("-o")
        .arg(&trace)
        .arg(app.path())
        .output()?;
    check(output.status.success(), || {
        String::from_utf8_lossy(&output.stderr).into_owned()
    })?;
    let trace = std::fs::read_to_string(trace)?;
    let calls: Vec<&str> = trace
        .lines()
        .skip_while(|line| !line.contains("/.oxidize-"))
        .filter_map(|line| line.split('(').next())
        .collect();
    let named = trace.matches("/.oxidize-").count();
    // Each with a name: opened for writing, opened for reading, removed.
    check(named == 6 && !trace.contains("memfd_create"), || {
        format!("{named} uses of a name:\n{trace}")
    })?;
    let expected = ["openat", "openat", "unlinkat"];
    let written = calls.iter().position(|call| *call == "pwrite64");
    check(
        calls.starts_with(&expected) && written.is_some_and(|at| at >= 3),
        || format!("{calls:?}"),
    )
}

/// What a killed process had open is gone.
fn killed() -> Result {
    let source = "import os, signal\n\
        here = os.path.dirname(__file__)\n\
        kept = [open(f'{here}/one.bin', 'rb') for _ in range(20)]\n\
        assert all(stream.read(2) == b'\\7\\7' for stream in kept)\n\
        print(os.getpid(), flush=True)\n\
        os.kill(os.getpid(), signal.SIGKILL)\n";
    let (_tree, app) = program(source)?;
    let outcome = Run::new(app.path()).outcome()?;
    let process: u32 = outcome
        .stdout
        .trim()
        .parse()
        .map_err(|_| Stop::Failed(format!("{outcome}")))?;
    let mine = format!(".oxidize-{process}-");
    for entry in std::fs::read_dir("/tmp")? {
        let name = entry?.file_name();
        check(!name.to_string_lossy().starts_with(&mine), || {
            format!("{} stays behind", name.to_string_lossy())
        })?;
    }
    Ok(())
}

/// The cache holds the program, for this user alone; one that was changed there is not run.
fn cached() -> Result {
    use std::os::unix::fs::PermissionsExt as _;

    let home = tools::scratch()?;
    let source = "import os, subprocess\n\
        os.chdir('/')\n\
        tool = os.path.dirname(__file__) + '/tool.sh'\n\
        print(subprocess.check_output([tool, 'a'], text=True), end='')\n";
    let tree = tools::scratch()?;
    let tool = tree.path().join("tool.sh");
    std::fs::write(&tool, "#!/bin/sh\necho \"$0 $1\"\n")?;
    std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755))?;
    std::fs::write(tree.path().join("__main__.py"), source)?;
    let app = package(tree.path())?.build()?;
    let start = || {
        let outcome = Run::new(app.path())
            .variable("HOME", home.path())
            .outcome()?
            .success()?;
        match outcome.stdout.trim().strip_suffix(" a") {
            Some(path) => Ok(PathBuf::from(path)),
            None => fail(format!("{outcome}")),
        }
    };
    let place = start()?;
    check(
        place.starts_with(home.path().join("Library/Caches/oxidize-inject")),
        || format!("{}", place.display()),
    )?;
    let mode = std::fs::metadata(&place)?.permissions().mode();
    check(mode & 0o777 == 0o700, || format!("mode {mode:o}"))?;
    std::fs::write(&place, "#!/bin/sh\necho changed\n")?;
    check(start()? == place, || "another place".to_owned())?;
    check(std::fs::read(&place)? == std::fs::read(&tool)?, || {
        "the changed file stays".to_owned()
    })
}
