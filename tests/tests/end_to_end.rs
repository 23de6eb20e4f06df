//! What needs more than a program and its output: surroundings, other people's tools, generated
//! input.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use oxidize_tests::package::{App, Package};
use oxidize_tests::run::{Ending, Run};
use oxidize_tests::targets::{self, LINUX, Target};
use oxidize_tests::tools::{self, GNU, MUSL};
use oxidize_tests::{Result, check, fail, trial};

fn main() -> std::process::ExitCode {
    let mut trials = vec![
        trial("musl_hello_runs_in_an_empty_chroot", empty_chroot),
        trial("runs_where_it_may_not_be_read", not_readable),
        trial("runs_after_a_move_and_through_a_link", moved),
        trial("two_packagings_give_the_same_bytes", reproducible),
        trial("a_replaced_output_is_on_the_disk_first", replaced),
        trial("outputs_follow_the_umask_and_not_the_stub", modes),
        trial("no_resource_is_replaced_by_the_output", own_resources),
        trial(
            "damage_is_refused_at_the_start_where_that_is_wanted",
            checked_at_start,
        ),
        trial(
            "a_source_that_changes_is_packaged_as_it_was_compiled",
            changing,
        ),
        trial("remove_gives_the_stub_back", removed),
        trial("two_thousand_modules", two_thousand_modules),
        trial("thirty_thousand_files", thirty_thousand_files),
    ];
    for Target { label, triple } in LINUX {
        let mut add = |name: &str, test: fn(&str) -> Result| {
            trials.push(trial(format!("{label}::{name}"), move || test(triple)));
        };
        add(
            "stub_without_application_says_what_it_is",
            stub_without_application,
        );
        add("hello_runs_with_empty_environment", empty_environment);
        add(
            "hello_opens_no_python_file_and_writes_only_to_stdout",
            system_calls,
        );
        add("standard_library_is_importable", standard_library);
    }
    for tool in ["strip", "objcopy", "llvm-strip", "llvm-objcopy", "eu-strip"] {
        trials.push(trial(format!("survives_{tool}"), move || survives(tool)));
    }
    oxidize_tests::main(trials)
}

/// The example of the README.
fn hello(target: &str) -> Result<App> {
    Package::new(tools::checkout().join("examples/hello"))
        .target(target)
        .shared()
}

fn greets(program: &Path) -> Result {
    let outcome = Run::new(program).outcome()?.success()?;
    check(
        outcome.stdout.starts_with("Hello from Python 3.13") && outcome.stderr.is_empty(),
        || outcome.to_string(),
    )
}

fn stub_without_application(target: &str) -> Result {
    let outcome = Run::new(tools::stub(target)?)
        .arguments(["-c", "print(1)"])
        .outcome()?;
    check(
        outcome.ending == Ending::Status(2) && outcome.stdout.is_empty(),
        || outcome.to_string(),
    )?;
    for part in [
        "oxidize-inject",
        env!("CARGO_PKG_VERSION"),
        "3.13.15",
        target,
    ] {
        check(outcome.stderr.contains(part), || {
            format!("no {part:?} in\n{outcome}")
        })?;
    }
    Ok(())
}

fn empty_environment(target: &str) -> Result {
    let app = hello(target)?;
    let outcome = Run::new(app.path())
        .empty_environment()
        .outcome()?
        .success()?;
    check(
        outcome.stdout.starts_with("Hello from Python") && outcome.stderr.is_empty(),
        || outcome.to_string(),
    )
}

/// Many small files are packaged, and the program finds them.
fn thirty_thousand_files() -> Result {
    const EACH: usize = 300;
    let place = tools::scratch()?;
    let tree = place.path().join("tree");
    for directory in 0..100 {
        let directory = tree.join(format!("d{directory}"));
        fs::create_dir_all(&directory)?;
        for file in 0..EACH {
            fs::write(directory.join(format!("f{file}.txt")), format!("{file}"))?;
        }
    }
    fs::write(
        tree.join("__main__.py"),
        "import os\nhere = os.path.dirname(__file__)\n\
         print(sum(len(files) for _, _, files in os.walk(here)))\n\
         print(open(os.path.join(here, 'd99', 'f299.txt')).read())\n",
    )?;
    let app = place.path().join("app");
    Package::new(&tree).write(&app)?;
    Run::new(&app).outcome()?.prints("30001\n299\n")?;
    Ok(())
}

/// strace shows what is opened and written, under an emulator by that one as well.
fn system_calls(target: &str) -> Result {
    let app = hello(target)?;
    targets::launcher(app.path())?;
    let log = tools::scratch()?;
    let trace = log.path().join("trace");
    let calls = "trace=open,openat,openat2,creat,write,pwrite64,writev,mkdir,mkdirat,unlink,rename,memfd_create";
    Run::new(tools::host_tool("strace")?)
        .arguments(["-f", "-e", calls, "-o"])
        .arguments([&trace])
        .arguments([app.path()])
        .outcome()?
        .success()?;
    let trace = fs::read_to_string(trace)?;
    check(trace.contains("write(1, \"Hello"), || trace.clone())?;
    // qemu answers for files of /proc/self from memory of its own: `memfd_create("qemu-open", 0) =
    // 3`.
    let mut emulated = Vec::new();
    for line in trace.lines() {
        // `123 openat(AT_FDCWD, "/etc/ld.so.cache", O_RDONLY|O_CLOEXEC) = 3`
        let Some((call, rest)) = line
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .trim()
            .split_once('(')
        else {
            continue;
        };
        let harmless = match call {
            "open" | "openat" | "openat2" => {
                let python = [".py", ".pyc", ".zip", ".pth", ".cfg", "python", "/~oxidize"];
                !["O_WRONLY", "O_RDWR", "O_CREAT"]
                    .iter()
                    .any(|flag| rest.contains(flag))
                    && !python.iter().any(|part| rest.contains(part))
            }
            "memfd_create" if targets::emulator(target) == Some("qemu") => {
                let descriptor = rest.rsplit_once("= ").map(|(_, number)| number.trim());
                emulated.extend(descriptor.map(|number| format!("{number},")));
                rest.starts_with("\"qemu-open\"")
            }
            "write" | "writev" => {
                rest.starts_with("1,") || emulated.iter().any(|own| rest.starts_with(own))
            }
            _ => false,
        };
        check(harmless, || format!("{line}\n--- all\n{trace}"))?;
    }
    Ok(())
}

/// A program that takes another's place is synced before the rename, one that takes nobody's is
/// not.
fn replaced() -> Result {
    let directory = tools::scratch()?;
    let output = directory.path().join("hello");
    let mut synced = Vec::new();
    for round in ["new", "replaced"] {
        let trace = directory.path().join(round);
        let packaging = Package::app("hello").command(&output)?;
        let packaged = Command::new(tools::host_tool("strace")?)
            .args(["-e", "trace=fsync,fdatasync,rename,renameat,renameat2"])
            .arg("-o")
            .arg(&trace)
            .arg(packaging.get_program())
            .args(packaging.get_args())
            .envs(packaging.get_envs().filter_map(|(k, v)| Some((k, v?))))
            .output()?;
        check(packaged.status.success(), || format!("{packaged:?}"))?;
        let trace = fs::read_to_string(trace)?;
        let Some((before, _)) = trace.rsplit_once("rename") else {
            return fail(format!("nothing is renamed:\n{trace}"));
        };
        synced.push(before.contains("sync("));
        Run::new(&output).outcome()?.success()?;
    }
    check(synced == [false, true], || {
        format!("synced before the rename: {synced:?}")
    })
}

/// A file's mode bits, all of them.
fn mode(path: &Path) -> Result<u32> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o7777)
}

fn modes() -> Result {
    let directory = tools::scratch()?;
    let stub = directory.path().join("stub");
    tools::copy_program(&tools::stub(GNU)?, &stub)?;
    let output = directory.path().join("hello");
    for stub_mode in [0o6755, 0o644] {
        fs::set_permissions(&stub, PermissionsExt::from_mode(stub_mode))?;
        for (umask, expected) in [
            ("022", 0o755),
            ("077", 0o700),
            ("000", 0o777),
            ("0111", 0o766),
        ] {
            let packaging = Package::app("hello")
                .options(["--stub", &stub.to_string_lossy()])
                .command(&output)?;
            // Once new, once in the place of another file.
            for _ in 0..2 {
                let packaged = Command::new("sh")
                    .args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"])
                    .arg(packaging.get_program())
                    .args(packaging.get_args())
                    .output()?;
                check(packaged.status.success(), || format!("{packaged:?}"))?;
                let found = mode(&output)?;
                check(found == expected, || {
                    format!("{found:o} instead of {expected:o} for umask {umask}")
                })?;
                fs::set_permissions(&output, PermissionsExt::from_mode(0o4777))?;
            }
            fs::remove_file(&output)?;
        }
    }
    Ok(())
}

/// A flipped byte of data is found when it is used, unless the application looks before it runs.
fn checked_at_start() -> Result {
    let directory = tools::scratch()?;
    for (setting, status) in [("false", Ending::Status(0)), ("true", Ending::Status(1))] {
        let app = Package::app("hello")
            .options(["--interpreter", &format!("check-at-start={setting}")])
            .build()?;
        Run::new(app.path()).outcome()?.success()?;
        let mut bytes = fs::read(app.path())?;
        // pip's wheel, which nobody reads and which is stored as it is.
        let words = b"pip/_vendor/";
        let at = bytes.windows(words.len()).rposition(|found| found == words);
        let Some(at) = at else {
            return fail("there is no wheel of pip");
        };
        bytes[at] ^= 1;
        let damaged = directory.path().join(setting);
        fs::write(&damaged, bytes)?;
        fs::set_permissions(&damaged, PermissionsExt::from_mode(0o755))?;
        let outcome = Run::new(&damaged).outcome()?;
        check(outcome.ending == status, || outcome.to_string())?;
        check(
            setting == "false" || outcome.stderr.contains("its resources are damaged"),
            || outcome.to_string(),
        )?;
    }
    Ok(())
}

/// While a module is written anew all the time, with the same length, its code and its source agree
/// or packaging says that it changed.
fn changing() -> Result {
    let directory = tools::scratch()?;
    let resources = directory.path().join("res");
    fs::create_dir(&resources)?;
    fs::write(
        resources.join("__main__.py"),
        "import inspect, moving\n\
         assert inspect.getsource(moving) == moving.text(), 'they disagree'\n",
    )?;
    let source = |digit: u32| {
        let text = format!("N = {}\n", digit % 10);
        format!(
            "{text}def text():\n    return open(__file__).read() if N == {} else ''\n",
            digit % 10
        )
    };
    let moving = resources.join("moving.py");
    fs::write(&moving, source(0))?;
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| -> Result {
        scope.spawn(|| {
            let mut digit = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                digit += 1;
                let _ = fs::write(&moving, source(digit));
            }
        });
        let result = (0..12).try_for_each(|round| -> Result {
            let output = directory.path().join(format!("app{round}"));
            let done = Package::new(&resources).command(&output)?.output()?;
            if done.status.success() {
                Run::new(&output).outcome()?.success()?;
                fs::remove_file(&output)?;
            } else {
                let why = String::from_utf8_lossy(&done.stderr).into_owned();
                // Caught while the file was empty, it has another length.
                check(why.contains("changed while it was being"), || why.clone())?;
            }
            Ok(())
        });
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        result
    })?;
    let output = directory.path().join("app");
    Package::new(&resources).write(&output)?;
    Run::new(&output).outcome()?.success().map(drop)
}

/// An output may lie among the resources, but only in its own place.
fn own_resources() -> Result {
    let directory = tools::scratch()?;
    let resources = directory.path().join("res");
    copy_tree(&tools::here().join("apps/hello"), &resources)?;
    let main = resources.join("__main__.py");
    let source = fs::read(&main)?;
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&main, &link)?;
    let hard = directory.path().join("hard");
    fs::hard_link(&main, &hard)?;
    let package = Package::new(&resources);
    for output in [&main, &link, &hard] {
        let refused = package.command(output)?.output()?;
        let told = String::from_utf8_lossy(&refused.stderr);
        check(
            !refused.status.success() && told.contains("the output is one of the resources"),
            || told.to_string(),
        )?;
        check(fs::read(output)? == source, || {
            format!("{output:?} was replaced")
        })?;
    }
    let output = resources.join("app");
    let mut sizes = Vec::new();
    for _ in 0..2 {
        package.write(&output)?;
        Run::new(&output).outcome()?.success()?;
        sizes.push(fs::metadata(&output)?.len());
    }
    check(sizes[0] == sizes[1], || {
        format!("packaged into itself: {sizes:?}")
    })
}

fn empty_chroot() -> Result {
    let app = hello(MUSL)?;
    if !tools::is_root() {
        return oxidize_tests::missing("the rights of root, for chroot");
    }
    let root = tools::scratch()?;
    tools::copy_program(app.path(), &root.path().join("hello"))?;
    let outcome = Run::new(tools::host_tool("chroot")?)
        .arguments([root.path()])
        .arguments(["/hello"])
        .outcome()?;
    check(
        outcome.success()?.stdout.starts_with("Hello from Python"),
        || "no greeting".to_owned(),
    )?;
    let names: Vec<_> = fs::read_dir(root.path())?.collect();
    check(names.len() == 1, || {
        format!("something was left behind: {names:?}")
    })
}

fn not_readable() -> Result {
    let app = hello(GNU)?;
    // Not below the target directory, which others may not be able to enter.
    let place = tempfile::tempdir()?;
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755))?;
    let copy = place.path().join("hello");
    tools::copy_program(app.path(), &copy)?;
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o111))?;
    if !tools::is_root() {
        return greets(&copy);
    }
    // Nothing is unreadable for root.
    let outcome = Run::new(tools::host_tool("setpriv")?)
        .arguments(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .arguments([&copy])
        .directory(place.path())
        .outcome()?
        .success()?;
    check(outcome.stdout.starts_with("Hello from Python"), || {
        outcome.to_string()
    })
}

fn moved() -> Result {
    let app = hello(GNU)?;
    let place = tools::scratch()?;
    let moved = place.path().join("other name, ünïcödé");
    tools::copy_program(app.path(), &moved)?;
    greets(&moved)?;
    let link = place.path().join("link");
    std::os::unix::fs::symlink(&moved, &link)?;
    greets(&link)?;
    // By a relative name, and found on PATH.
    let relative = Run::new("/bin/sh")
        .arguments(["-c", "./link"])
        .directory(place.path())
        .outcome()?
        .success()?;
    check(relative.stdout.starts_with("Hello"), || {
        relative.to_string()
    })?;
    let found = Run::new("/bin/sh")
        .arguments(["-c", "link"])
        .variable("PATH", place.path())
        .outcome()?
        .success()?;
    check(found.stdout.starts_with("Hello"), || found.to_string())
}

fn reproducible() -> Result {
    let place = tools::scratch()?;
    let copy = place.path().join("resources");
    copy_tree(&tools::here().join("apps/importer"), &copy)?;
    let first = Package::app("importer").build()?;
    let second = Package::new(&copy).build()?;
    let (first, second) = (fs::read(first.path())?, fs::read(second.path())?);
    let at = first
        .iter()
        .zip(&second)
        .position(|(one, other)| one != other);
    check(first == second, || {
        format!(
            "lengths {} and {}, first difference at {at:?}",
            first.len(),
            second.len()
        )
    })
}

fn copy_tree(from: &Path, to: &Path) -> Result {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn removed() -> Result {
    let app = hello(GNU)?;
    let place = tools::scratch()?;
    let copy = place.path().join("hello");
    tools::copy_program(app.path(), &copy)?;
    let command = tools::program("oxidize-inject")?;
    let verified = Command::new(&command).arg("verify").arg(&copy).output()?;
    check(verified.status.success(), || {
        String::from_utf8_lossy(&verified.stderr).into_owned()
    })?;
    let output = place.path().join("stub");
    let done = Command::new(&command)
        .arg("remove")
        .arg(&copy)
        .arg("--output")
        .arg(&output)
        .output()?;
    check(done.status.success(), || {
        String::from_utf8_lossy(&done.stderr).into_owned()
    })?;
    check(fs::read(output)? == fs::read(tools::stub(GNU)?)?, || {
        "remove gave another file".to_owned()
    })
}

fn survives(tool: &str) -> Result {
    let app = hello(GNU)?;
    let path = tools::host_tool(tool)?;
    let place = tools::scratch()?;
    let copy = place.path().join("hello");
    tools::copy_program(app.path(), &copy)?;
    // objcopy without options copies, and in doing so lays the file out anew.
    let outcome = Run::new(path)
        .inherit_environment()
        .arguments([&copy])
        .outcome()?
        .success()?;
    check(outcome.stderr.is_empty(), || outcome.to_string())?;
    greets(&copy)
}

/// Packages in packages; each module imports the one before it.
fn two_thousand_modules() -> Result {
    let place = tools::scratch()?;
    let mut before = String::new();
    for package in 0..20 {
        let directory = place.path().join(format!("generated/part{package}"));
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("__init__.py"), "")?;
        for module in 0..100 {
            let source = format!(
                "{before}\nNUMBER = {package} * 100 + {module}\n\n\nclass Thing:\n    def number(self):\n        return NUMBER\n"
            );
            fs::write(directory.join(format!("module{module}.py")), source)?;
            before = format!("import generated.part{package}.module{module}");
        }
    }
    fs::write(place.path().join("generated/__init__.py"), "")?;
    let main = "import pkgutil, sys\nsys.setrecursionlimit(100_000)\nimport generated\n\
                names = [info.name for info in pkgutil.walk_packages(generated.__path__, 'generated.') if not info.ispkg]\n\
                total = sum(__import__(name, fromlist=['Thing']).Thing().number() for name in names)\n\
                print(len(names), total)\n";
    fs::write(place.path().join("__main__.py"), main)?;
    let app = Package::new(place.path()).build()?;
    Run::new(app.path())
        .outcome()?
        .prints("2000 1999000\n")
        .map(drop)
}

/// All names of a list that is made for every system; those that cannot be on this target are named
/// with a reason.
fn standard_library(target: &str) -> Result {
    let app = Package::app("stdlib").target(target).shared()?;
    let outcome = Run::new(app.path()).timeout(120).outcome()?.success()?;
    let failed: std::collections::BTreeMap<String, String> = serde_json::from_str(&outcome.stdout)?;
    let file: PathBuf = tools::here().join("apps/stdlib/exceptions.toml");
    let exceptions: std::collections::BTreeMap<String, std::collections::BTreeMap<String, String>> =
        toml::from_str(&fs::read_to_string(file)?)?;
    let Some(expected) = exceptions.get(target) else {
        return fail(format!("exceptions.toml lacks {target}"));
    };
    let mut wrong = Vec::new();
    for (name, error) in &failed {
        if !expected.contains_key(name) {
            wrong.push(format!("{name}: {error}"));
        }
    }
    wrong.extend(
        expected
            .keys()
            .filter(|name| !failed.contains_key(*name))
            .map(|name| format!("{name} can be imported")),
    );
    check(wrong.is_empty(), || wrong.join("\n"))
}
