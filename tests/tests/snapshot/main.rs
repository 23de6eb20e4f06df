//! Start snapshots of static Linux programs: the same program with and without, what differs in
//! each process, what cannot be in one, and what other tools do to the file.

mod facts;
mod programs;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use oxidize_tests::package::{App, Package};
use oxidize_tests::run::{Outcome, Run};
use oxidize_tests::targets::ARM_MUSL;
use oxidize_tests::tools::{self, GNU, MUSL};
use oxidize_tests::{Result, Stop, check, fail, missing, trial};
use programs::{ON_ARM, SAME, UNFIT};

type Body = fn() -> Result;

fn main() -> std::process::ExitCode {
    let mut trials = Vec::new();
    for (name, source) in SAME {
        trials.push(trial(format!("same::{name}"), || same(MUSL, source)));
        if ON_ARM.contains(name) {
            trials.push(trial(format!("arm::same::{name}"), || {
                same(ARM_MUSL, source)
            }));
        }
    }
    for (name, source, expected) in UNFIT {
        trials.push(trial(format!("unfit::{name}"), || unfit(source, expected)));
    }
    let others: [(&str, Body); 24] = [
        ("random_numbers_differ", || random_numbers_differ(MUSL)),
        ("arm::random_numbers_differ", || {
            random_numbers_differ(ARM_MUSL)
        }),
        (
            "random_numbers_differ_as_process_1",
            random_numbers_differ_as_process_1,
        ),
        (
            "a_variable_that_was_read_decides",
            a_variable_that_was_read_decides,
        ),
        (
            "what_the_library_reads_again_does_not_decide",
            what_the_library_reads_again_does_not_decide,
        ),
        ("what_was_asked_decides", facts::what_was_asked_decides),
        (
            "every_way_to_the_command_line_counts",
            facts::every_way_to_the_command_line_counts,
        ),
        ("the_name_decides", facts::the_name_decides),
        (
            "the_directory_of_children_is_the_processs",
            facts::the_directory_of_children_is_the_processs,
        ),
        (
            "a_module_to_reload_must_be_there",
            facts::a_module_to_reload_must_be_there,
        ),
        ("the_list_of_users_decides", the_list_of_users_decides),
        ("two_are_equal_bytes", || two_are_equal_bytes(MUSL)),
        ("arm::two_are_equal_bytes", || two_are_equal_bytes(ARM_MUSL)),
        (
            "two_are_equal_bytes_with_chance_in_addresses",
            two_are_equal_bytes_with_chance_in_addresses,
        ),
        (
            "the_plain_locale_starts_from_it",
            the_plain_locale_starts_from_it,
        ),
        (
            "a_locale_that_python_replaces_starts_as_usual",
            a_locale_that_python_replaces_starts_as_usual,
        ),
        (
            "an_older_processor_starts_as_usual",
            an_older_processor_starts_as_usual,
        ),
        (
            "arm::every_processor_starts_from_it",
            every_arm_processor_starts_from_it,
        ),
        ("a_thousand_starts_at_once", a_thousand_starts_at_once),
        (
            "start_and_end_leave_the_snapshot_alone",
            start_and_end_leave_the_snapshot_alone,
        ),
        (
            "strip_leaves_a_program_that_runs",
            strip_leaves_a_program_that_runs,
        ),
        ("the_file_is_known", the_file_is_known),
        (
            "secrets_that_were_read_are_gone",
            secrets_that_were_read_are_gone,
        ),
        ("other_targets_are_refused", other_targets_are_refused),
    ];
    for (name, body) in others {
        trials.push(trial(name, body));
    }
    oxidize_tests::main(trials)
}

/// Writes the package `app` with this source.
fn resources(source: &str) -> Result<tempfile::TempDir> {
    let directory = tools::scratch()?;
    let package = directory.path().join("app");
    std::fs::create_dir(&package)?;
    std::fs::write(package.join("__init__.py"), source)?;
    std::fs::write(package.join("data.txt"), "data")?;
    Ok(directory)
}

fn packaged(source: &str, more: &[&str]) -> Result<App> {
    packaged_for(MUSL, source, more)
}

fn packaged_for(target: &str, source: &str, more: &[&str]) -> Result<App> {
    let directory = resources(source)?;
    Package::new(directory.path())
        .target(target)
        .options(["--entry", "app:main", "--snapshot"])
        .options(more.iter().copied())
        .build()
}

fn run(app: &Path) -> Run {
    Run::new(app)
        .arguments(["one", "two"])
        .stdin("typed")
        .variable("GIVEN", "x")
}

/// Runs it both ways; the answer is the outcome from the snapshot.
fn both(app: &Path, change: impl Fn(Run) -> Run) -> Result<Outcome> {
    let usual = change(run(app))
        .variable("OXIDIZE_SNAPSHOT", "off")
        .outcome()?;
    // Without effect, but the same variables are set.
    let restored = change(run(app))
        .variable("OXIDIZE_SNAPSHOT", "on")
        .outcome()?;
    check(usual == restored, || {
        format!("usual\n{usual}\nrestored\n{restored}")
    })?;
    Ok(restored)
}

fn is_restored(app: &Path, change: impl Fn(Run) -> Run) -> Result<bool> {
    let outcome = change(run(app))
        .variable("OXIDIZE_TRACE_START", "1")
        .outcome()?;
    Ok(outcome.stderr.contains("start from the snapshot\n"))
}

fn same(target: &str, source: &str) -> Result {
    let app = packaged_for(target, source, &[])?;
    both(app.path(), |run| run)?;
    check(is_restored(app.path(), |run| run)?, || {
        "it made no use of the snapshot".to_owned()
    })?;
    both(app.path(), |run| {
        run.variable("LANG", "en_US.UTF-8").variable("TZ", "XYZ-3")
    })?;
    Ok(())
}

fn unfit(source: &str, expected: &str) -> Result {
    match packaged(&format!("{source}\ndef main(): pass"), &[]) {
        Ok(_) => fail("it was packaged"),
        Err(oxidize_tests::Stop::Failed(text)) => check(text.contains(expected), || {
            format!("expected {expected:?}\n{text}")
        }),
        Err(stop) => Err(stop),
    }
}

/// Prints what must be another in each process.
const RANDOM: &str = "import random, uuid, secrets, ssl, sqlite3, tempfile, os
import multiprocessing as m
own = random.Random(); random.random(); uuid.uuid4(); ssl.RAND_bytes(8); next(tempfile._get_candidate_names()); m.current_process()
sqlite3.connect(':memory:').execute('select randomblob(4)').fetchone()
def main():
    print(random.random(), own.random(), uuid.uuid4(), uuid.uuid1(), secrets.token_hex(8), ssl.RAND_bytes(8).hex(),
          sqlite3.connect(':memory:').execute('select hex(randomblob(8))').fetchone()[0], next(tempfile._get_candidate_names()),
          m.current_process().authkey.hex(), sep='\\n')
";

fn all_differ(outputs: &[String]) -> Result {
    let mut seen = BTreeSet::new();
    for line in outputs.iter().flat_map(|output| output.lines()) {
        check(seen.insert(line), || {
            format!("{line} came twice\n{outputs:?}")
        })?;
    }
    check(seen.len() == outputs.len() * 9, || format!("{outputs:?}"))
}

fn random_numbers_differ(target: &str) -> Result {
    let app = packaged_for(target, RANDOM, &[])?;
    let outputs = (0..3).map(|_| Ok(run(app.path()).outcome()?.success()?.stdout));
    all_differ(&outputs.collect::<Result<Vec<_>>>()?)
}

fn random_numbers_differ_as_process_1() -> Result {
    let app = packaged(RANDOM, &[])?;
    let alone = ["--pid", "--fork", "--kill-child", "--mount-proc"];
    let mut outputs = Vec::new();
    for _ in 0..3 {
        let output = Command::new("unshare").args(alone).arg(app.path()).output();
        match output {
            Ok(output) if output.status.success() => {
                outputs.push(String::from_utf8_lossy(&output.stdout).into_owned());
            }
            _ => return missing("the right to make a PID namespace"),
        }
    }
    all_differ(&outputs)
}

fn a_variable_that_was_read_decides() -> Result {
    let source = "import os\nmode = os.environ.get('MODE', 'none')\ndef main(): print(mode)";
    let app = packaged(source, &[])?;
    both(app.path(), |run| run)?.prints("none\n")?;
    both(app.path(), |run| run.variable("MODE", "some"))?.prints("some\n")?;
    check(is_restored(app.path(), |run| run)?, || {
        "no use without MODE".to_owned()
    })?;
    let with_mode = is_restored(app.path(), |run| run.variable("MODE", "some"))?;
    check(!with_mode, || "the snapshot was used with MODE".to_owned())?;
    let shown = tool(&["inspect"], app.path())?;
    check(
        shown.contains("MODE (/~oxidize/app/app/__init__.py:2)"),
        || shown.clone(),
    )
}

/// Imports that have to do with time, chance, processes, threads and terminals.
const OWN: &str = "import argparse, asyncio, concurrent.futures.process, http.server, logging.config, multiprocessing.pool, platform
import random, readline, secrets, sqlite3, ssl, tempfile, threading, urllib.request, uuid, zoneinfo
own = random.Random(); lock = threading.RLock(); platform.uname(); uuid.uuid1(); random.random(); next(tempfile._RandomNameSequence())
def main(): print('ran')
";

fn two_are_equal_bytes(target: &str) -> Result {
    let first = packaged_for(target, OWN, &[])?;
    let second = packaged_for(target, OWN, &[])?;
    check(is_restored(first.path(), Run::empty_environment)?, || {
        "it made no use of the snapshot".to_owned()
    })?;
    equal(
        &std::fs::read(first.path())?,
        &std::fs::read(second.path())?,
    )
}

fn equal(first: &[u8], second: &[u8]) -> Result {
    let differ = || first.iter().zip(second).filter(|(one, other)| one != other);
    check(first == second, || {
        format!(
            "{} and {} bytes, of which {} differ",
            first.len(),
            second.len(),
            differ().count()
        )
    })
}

/// Where the system does not let a program have its addresses without chance, as in a container.
fn two_are_equal_bytes_with_chance_in_addresses() -> Result {
    let strace = tools::host_tool("strace")?;
    let directory = resources(OWN)?;
    let output = tools::scratch()?;
    let mut files = Vec::new();
    for name in ["first", "second"] {
        let place = output.path().join(name).join("app");
        std::fs::create_dir(output.path().join(name))?;
        let status = Command::new(&strace)
            .args([
                "-f",
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                "inject=personality:error=EPERM",
            ])
            .arg(tools::program("oxidize-inject")?)
            .arg(&place)
            .arg("--resources")
            .arg(directory.path())
            .args(["--entry", "app:main", "--snapshot", "--target", MUSL, "-q"])
            .arg("--stub")
            .arg(tools::stub(MUSL)?)
            .output()?;
        check(status.status.success(), || format!("{status:?}"))?;
        files.push(std::fs::read(place)?);
    }
    equal(&files[0], &files[1])
}

/// Modules of the standard library that read variables while they are imported, and a parser of
/// arguments, which asks for translations.
fn what_the_library_reads_again_does_not_decide() -> Result {
    let source = "import argparse, optparse, pydoc, subprocess, sysconfig, zoneinfo, wsgiref.handlers, ctypes.macholib.dyld as dyld
parser = argparse.ArgumentParser('x')
group = parser.add_argument_group()
def main(): print(dyld.DEFAULT_LIBRARY_FALLBACK, dyld.DEFAULT_FRAMEWORK_FALLBACK, pydoc.Doc.PYTHONDOCS, zoneinfo.TZPATH,
    subprocess._USE_POSIX_SPAWN, sysconfig.get_config_var('userbase'), wsgiref.handlers.BaseHandler.os_environ['GIVEN'])";
    let app = packaged(source, &[])?;
    for (name, value) in [
        ("HOME", "/somewhere"),
        ("LANG", "de_DE.UTF-8"),
        ("LANGUAGE", "fr:de"),
        ("_PYTHON_SUBPROCESS_USE_POSIX_SPAWN", "1"),
    ] {
        both(app.path(), |run| run.variable(name, value))?.success()?;
        let restored = is_restored(app.path(), |run| run.variable(name, value))?;
        check(restored, || format!("{name} decides"))?;
    }
    Ok(())
}

fn the_list_of_users_decides() -> Result {
    let app = packaged(
        "import os\nhome = os.path.expanduser('~')\ndef main(): print(home)",
        &[],
    )?;
    both(app.path(), |run| run.variable("HOME", "/somewhere"))?.prints("/somewhere\n")?;
    let without = |run: Run| run.empty_environment();
    both(app.path(), without)?.success()?;
    let restored = is_restored(app.path(), without)?;
    check(!restored, || "the packager's home was used".to_owned())
}

/// What Python says of encodings, and a file name that is none in UTF-8.
const ENCODINGS: &str = "import io, locale, os, sys, subprocess
def main():
    print(sys.flags.utf8_mode, sys.flags, sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
    print(sys.stdin.encoding, sys.stdin.errors, sys.stdout.encoding, sys.stdout.errors, sys.stderr.errors)
    print(locale.setlocale(locale.LC_CTYPE), locale.getencoding(), locale.getpreferredencoding())
    print(io.TextIOWrapper(io.BytesIO()).encoding, open(os.devnull).encoding, os.fsencode('\\xe4\\udcff'))
    print(subprocess.run(['printf', '\\303\\244'], capture_output=True, text=True).stdout.encode())
";

fn the_plain_locale_starts_from_it() -> Result {
    let app = packaged(ENCODINGS, &[])?;
    let other = packaged(ENCODINGS, &["--interpreter", "utf8=true"])?;
    for app in [app.path(), other.path()] {
        for value in ["C", "POSIX"] {
            let change = |run: Run| run.variable("LC_ALL", value);
            let outcome = both(app, change)?.success()?;
            check(outcome.stdout.starts_with("1 "), || outcome.stdout.clone())?;
            check(is_restored(app, change)?, || {
                format!("it made no use of the snapshot in {value}")
            })?;
        }
    }
    // In that mode already when the snapshot is taken.
    let plain = packaged(ENCODINGS, &["--environment", "LC_ALL=C"])?;
    for value in [None, Some("C")] {
        let change = |run: Run| match value {
            Some(value) => run.variable("LC_ALL", value),
            None => run,
        };
        let outcome = both(plain.path(), change)?.success()?;
        check(outcome.stdout.starts_with("1 "), || outcome.stdout.clone())?;
        check(is_restored(plain.path(), change)?, || {
            "it made no use of the snapshot of that mode".to_owned()
        })?;
    }
    Ok(())
}

/// Python replaces the locale then, or has ASCII.
fn a_locale_that_python_replaces_starts_as_usual() -> Result {
    let app = packaged(ENCODINGS, &[])?;
    let ascii = packaged(ENCODINGS, &["--interpreter", "utf8=false"])?;
    for (app, name) in [(app.path(), "LANG"), (ascii.path(), "LC_ALL")] {
        let change = |run: Run| run.variable(name, "C");
        both(app, change)?;
        check(!is_restored(app, change)?, || {
            format!("the snapshot was used in another encoding, by {name}")
        })?;
    }
    Ok(())
}

/// What OpenSSL computes, with objects that imports have made, by what the processor can.
const CIPHERS: &str = "import hashlib, ssl, zlib, lzma, hmac
begun = hashlib.sha512(b'x'); keyed = hmac.new(b'key', b'x', 'sha256'); context = ssl.create_default_context()
packed = lzma.compress(b'text', check=lzma.CHECK_CRC64)
def main():
    begun.update(b'y'); keyed.update(b'y')
    print(begun.hexdigest() == hashlib.sha512(b'xy').hexdigest(), keyed.digest() == hmac.digest(b'key', b'xy', 'sha256'),
          lzma.decompress(packed), zlib.crc32(b'x'), hashlib.scrypt(b'p', salt=b's', n=2, r=1, p=1).hex()[:8])
";

/// Runs it on an emulated processor: what it prints, and whether it started from the snapshot or
/// why not.
fn on_processor(app: &Path, emulator: &str, processor: &str) -> Result<(String, String)> {
    let output = Command::new(emulator)
        .args(["-cpu", processor])
        .arg(app)
        .env_clear()
        .env("OXIDIZE_TRACE_START", "1")
        .output();
    let Ok(output) = output else {
        return missing(emulator);
    };
    check(output.status.success(), || format!("{output:?}"))?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok((text(output.stdout), text(output.stderr)))
}

fn an_older_processor_starts_as_usual() -> Result {
    let app = packaged(CIPHERS, &[])?;
    let here = run(app.path()).outcome()?.success()?.stdout;
    let (printed, way) = on_processor(app.path(), "qemu-x86_64", "Nehalem")?;
    check(printed == here, || format!("{printed}{here}"))?;
    check(way.contains("this processor lacks features"), || way)
}

/// Made under QEMU, whose usual processor has every feature there is.
fn every_arm_processor_starts_from_it() -> Result {
    let app = packaged_for(ARM_MUSL, CIPHERS, &[])?;
    let mut printed = BTreeSet::new();
    for processor in ["cortex-a53", "cortex-a72", "neoverse-n1", "max"] {
        let (line, way) = on_processor(app.path(), "qemu-aarch64", processor)?;
        printed.insert(line);
        check(way.contains("start from the snapshot"), || {
            format!("{processor}: {way}")
        })?;
    }
    check(printed.len() == 1, || format!("{printed:?}"))
}

fn a_thousand_starts_at_once() -> Result {
    let app = packaged(
        "import json, sys, argparse\ndef main(): print(json.dumps(sys.argv[1:]))",
        &[],
    )?;
    let failures = std::thread::scope(|scope| {
        let workers = (0..20).map(|worker| {
            let app = app.path();
            scope.spawn(move || {
                let starts = (0..50).map(|number| format!("{worker}.{number}"));
                starts
                    .filter(|word| {
                        let output = Command::new(app).arg(word).output();
                        output.map_or(true, |output| {
                            output.stdout != format!("[\"{word}\"]\n").into_bytes()
                        })
                    })
                    .count()
            })
        });
        let workers: Vec<_> = workers.collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or(50))
            .sum::<usize>()
    });
    check(failures == 0, || {
        format!("{failures} of 1000 starts went wrong")
    })
}

/// Neither looks at what the imports have made, nor sets libraries up that nobody has used:
/// instructions by valgrind.
fn start_and_end_leave_the_snapshot_alone() -> Result {
    // More than valgrind's processor has, so that it suits.
    let every_feature = ["0xffffffffffffffff"; 3].join(":");
    let variables = [
        ("OPENSSL_ia32cap", every_feature.as_str()),
        ("OXIDIZE_TRACE_START", "1"),
    ];
    let count = |source: &str| -> Result<u64> {
        let app = packaged(&format!("{source}\ndef main(): pass"), &[])?;
        let (count, said) = tools::instructions(&[app.path().as_os_str()], &variables)?;
        check(said.contains("start from the snapshot"), || said)?;
        Ok(count)
    };
    let bare = count("")?;
    let many = count("lists = [[number] for number in range(50_000)]")?;
    let finalizer = count(
        "lists = [[number] for number in range(50_000)]\nimport subprocess\nchild = subprocess.Popen(['true'])\nchild.wait()",
    )?;
    let tls = count("import ssl, sqlite3")?;
    println!(
        "{bare} instructions, {many} with many objects, {finalizer} with one that has a finalizer, {tls} with libraries"
    );
    // Setting OpenSSL up takes 7 million, looking at the lists 2 million.
    check(bare < 1_500_000, || format!("{bare} instructions"))?;
    for other in [many, finalizer, tls] {
        check(other < bare + 500_000, || {
            format!("{other} instructions, {bare} without imports")
        })?;
    }
    Ok(())
}

/// What a command of ours prints about an application.
fn tool(words: &[&str], app: &Path) -> Result<String> {
    let output = Command::new(tools::program("oxidize-inject")?)
        .args(words)
        .arg(app)
        .output()?;
    let text = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn strip_leaves_a_program_that_runs() -> Result {
    let app = packaged("import json\ndef main(): print(json.dumps([1]))", &[])?;
    let mut tried = 0;
    for strip in ["strip", "llvm-strip"] {
        let directory = tools::scratch()?;
        let copy = directory.path().join("copy");
        std::fs::copy(app.path(), &copy)?;
        let Ok(status) = Command::new(strip).arg(&copy).status() else {
            continue;
        };
        tried += 1;
        check(status.success(), || format!("{strip}: {status}"))?;
        both(&copy, |run| run)?.prints("[1]\n")?;
        check(is_restored(&copy, |run| run)?, || {
            format!("{strip} lost the snapshot")
        })?;
        judged_by_what_is_loaded(&copy)?;
    }
    if tried == 0 {
        missing("strip or llvm-strip")
    } else {
        Ok(())
    }
}

/// A tool's work is told from damage, wherever that is.
fn judged_by_what_is_loaded(rewritten: &Path) -> Result {
    let verify = || -> Result<(Option<i32>, String)> {
        let output = Command::new(tools::program("oxidize-inject")?)
            .arg("verify")
            .arg(rewritten)
            .output()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok((output.status.code(), text))
    };
    let whole = verify()?;
    check(whole.0 == Some(3), || format!("{whole:?}"))?;
    let bytes = std::fs::read(rewritten)?;
    let image = goblin::elf::Elf::parse(&bytes)?;
    let loads = image.program_headers.iter();
    let loads = loads.filter(|load| load.p_type == goblin::elf::program_header::PT_LOAD);
    for load in loads {
        let middle = usize::try_from(load.p_offset + load.p_filesz / 2)?;
        let mut damaged = bytes.clone();
        for byte in &mut damaged[middle..middle + 64] {
            *byte ^= 0xff;
        }
        std::fs::write(rewritten, &damaged)?;
        let told = verify()?;
        check(told.0 == Some(1) && told.1.contains("is damaged"), || {
            format!("{load:?}: {told:?}")
        })?;
    }
    std::fs::write(rewritten, &bytes)?;
    Ok(())
}

fn the_file_is_known() -> Result {
    let app = packaged("import json\ndef main(): pass", &[])?;
    let verified = tool(&["verify"], app.path())?;
    check(verified.contains(": ok"), || verified.clone())?;
    let shown = tool(&["inspect", "--output-format", "json"], app.path())?;
    let shown: serde_json::Value =
        serde_json::from_str(&shown).or_else(|error| fail(format!("{error}: {shown}")))?;
    let modules = shown["snapshot"]["modules"].as_array();
    let has_json = modules.is_some_and(|modules| modules.iter().any(|module| module == "json"));
    check(has_json, || shown.to_string())?;

    // A byte of the heap, which lies before the record.
    let mut bytes = std::fs::read(app.path())?;
    let magic = bytes.windows(8).rposition(|window| window == b"OXISNAP1");
    let Some(record) = magic else {
        return fail("there is no record");
    };
    bytes[record - 64] ^= 1;
    let directory = tools::scratch()?;
    let altered: PathBuf = directory.path().join("altered");
    std::fs::write(&altered, bytes)?;
    let verified = tool(&["verify"], &altered)?;
    check(
        verified.contains("the start snapshot is not what was written"),
        || verified.clone(),
    )?;

    every_part_counts(app.path(), record)?;

    let stub = directory.path().join("stub");
    tool(&["remove", "--output", &stub.to_string_lossy()], app.path())?;
    let original = std::fs::read(tools::stub(MUSL)?)?;
    check(std::fs::read(stub)? == original, || {
        "remove gives another stub".to_owned()
    })
}

/// Flips a byte of each thing that a snapshot adds: `record` is where the file has its record
/// (docs/format.md, "Start snapshots").
fn every_part_counts(app: &Path, record: usize) -> Result {
    let bytes = std::fs::read(app)?;
    let number = |at: usize| -> Result<usize> {
        let word = bytes[record + at..].first_chunk::<8>();
        Ok(usize::try_from(u64::from_le_bytes(
            *word.expect("the record has 112 bytes"),
        ))?)
    };
    let image = goblin::elf::Elf::parse(&bytes)?;
    let section = |name: &str| -> Result<usize> {
        let mut sections = image.section_headers.iter();
        let found =
            sections.find(|section| image.shdr_strtab.get_at(section.sh_name) == Some(name));
        match found {
            Some(section) => Ok(usize::try_from(section.sh_offset)?),
            None => fail(format!("there is no section {name}")),
        }
    };
    let heap = section(".oxi.heap")?;
    let header = {
        let mut loads = image.program_headers.iter();
        let index = loads.position(|load| load.p_offset == heap as u64);
        64 + 56 * index.ok_or_else(|| Stop::Failed("no segment has the heap".to_owned()))?
    };
    let pristine = record + number(24)?;
    let undo = record + number(64)?;
    let places = [
        ("record", record + 8, 1),
        ("a constructor that has run", record + 112, 1),
        ("report", record + number(48)?, 1),
        ("undo record", undo + 40, 1),
        ("padding of the undo record", undo + number(72)?, 1),
        ("original data", pristine + number(32)? / 2, 1),
        ("last byte", bytes.len() - 1, 1),
        ("second constructor", section(".init_array")? + 8, 1),
        ("rights of the heap's segment", header + 4, 1),
        ("gap before the heap", heap - 16, 3),
        ("behind the end", bytes.len(), 3),
    ];
    let directory = tools::scratch()?;
    let changed = directory.path().join("changed");
    for (what, at, expected) in places {
        let mut copy = bytes.clone();
        copy.resize(copy.len().max(at + 1), 0);
        copy[at] ^= 1;
        std::fs::write(&changed, copy)?;
        let output = Command::new(tools::program("oxidize-inject")?)
            .arg("verify")
            .arg(&changed)
            .output()?;
        check(output.status.code() == Some(expected), || {
            format!("{what}, at {at:#x}: {output:?}")
        })?;
    }
    Ok(())
}

fn secrets_that_were_read_are_gone() -> Result {
    let directory = tools::scratch()?;
    let file = directory.path().join("secret");
    // Half of it is in the source, so that only what was read has all of it.
    std::fs::write(&file, "planted-secret-0123456789\n")?;
    let path = file.display();
    let source = format!(
        "all = [open({:?}).read().strip() for i in range(300)]\nlength = len(all[0]); del all\ndef main(): print(length)",
        path.to_string()
    );
    let app = packaged(&source, &[])?;
    both(app.path(), |run| run)?.prints("25\n")?;
    let bytes = std::fs::read(app.path())?;
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    check(!holds(b"planted-secret-0123456789"), || {
        "the secret is in the file".to_owned()
    })?;
    // What the file that takes the snapshot is called on this machine: it has no name.
    let unnamed = std::env::temp_dir().join("#");
    let unnamed = unnamed.as_os_str().as_encoded_bytes();
    check(!holds(unnamed), || {
        "the file holds a path of the machine that packaged it".to_owned()
    })
}

fn other_targets_are_refused() -> Result {
    let directory = resources("def main(): pass")?;
    let package = Package::new(directory.path()).target(GNU);
    let built = package
        .options(["--entry", "app:main", "--snapshot"])
        .build();
    match built {
        Err(oxidize_tests::Stop::Failed(text)) => check(
            text.contains(&format!("start snapshots are not available for {GNU}")),
            || text.clone(),
        ),
        Err(stop) => Err(stop),
        Ok(_) => fail("it was packaged"),
    }
}
