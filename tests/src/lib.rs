//! End-to-end tests: package an application with the real command, look at the bytes with other
//! people's tools, run the result.
//!
//! What is tested is what a user gets: `oxidize-inject` and the stub beside it, found by [`tools`],
//! which asks cargo to bring them up to date first. The interpreter to compare with is
//! `oxidize-plain-python`, the same CPython without an importer of ours ([`plain`]).
//!
//! * `tests/apps.rs` runs every program under `apps/`; what is expected stands at the head of each
//!   file ([`expect`] is the manual of these directives).
//! * `tests/children.rs` starts a packaged program from itself in every way, and asks what it is
//!   then.
//! * `tests/require.rs` packages what a loopback index has: markers, tags, hashes, bad wheels,
//!   builds.
//! * `tests/used.rs` compares `--stdlib used` with the whole standard library, a program a package.
//! * `tests/process.rs` compares a packaged program with the plain interpreter: exit status,
//!   signals, streams, locale.
//! * `tests/run_configuration.rs` changes every key of the blob's run configuration and looks at
//!   the interpreter.
//! * `tests/end_to_end.rs` holds what needs more than a program and its output: packages from PyPI,
//!   other people's tools, an empty chroot.
//! * `tests/differential.rs` compares small programs, packaged and on disk under the plain
//!   interpreter.
//! * `tests/exits.rs` compares how programs end, with the files they leave behind.
//! * `tests/files.rs` counts instructions and system calls of file functions.
//! * `tests/libraries.rs` compiles shared libraries that need each other, and loads them from
//!   memory.
//! * `tests/windows.rs` asks wine for a program's resources, `tests/windows_runtime.rs` for what
//!   else only Windows has.
//! * `tests/macos.rs` reads programs that nothing here can start.
//! * `tests/cpython.rs` runs CPython's own tests in a packaged interpreter and in the plain one.
//!
//! `cargo run --release -p oxidize-tests --bin oxidize-trial` packages and uses real programs from
//! PyPI and reports ([`mod@trial`]).
//!
//! A test that lacks something (a tool, the network, another target's stub) is reported as ignored
//! with the reason. With `OXIDIZE_FORBID_SKIPS=1`, as in CI, it fails instead.

pub mod expect;
pub mod identity;
pub mod index;
pub mod package;
pub mod plain;
pub mod python;
pub mod run;
pub mod targets;
pub mod tools;
pub mod trial;
pub mod wheels;

use std::collections::HashSet;
use std::fmt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Trial};
use rustix::process::Signal;

/// Why a test did not pass.
#[derive(Clone, Debug)]
pub enum Stop {
    /// Something is missing here; what.
    Missing(String),
    /// It does not do what it should.
    Failed(String),
}

/// What a test returns.
pub type Result<T = ()> = std::result::Result<T, Stop>;

impl fmt::Display for Stop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Missing(what) => write!(formatter, "missing: {what}"),
            Stop::Failed(what) => formatter.write_str(what),
        }
    }
}

impl<E: std::error::Error> From<E> for Stop {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        Stop::Failed(text)
    }
}

/// Ends a test with a failure.
pub fn fail<T>(what: impl Into<String>) -> Result<T> {
    Err(Stop::Failed(what.into()))
}

/// Ends a test because something is missing.
pub fn missing<T>(what: impl Into<String>) -> Result<T> {
    Err(Stop::Missing(what.into()))
}

/// Fails unless `condition` holds.
pub fn check(condition: bool, what: impl FnOnce() -> String) -> Result {
    if condition { Ok(()) } else { fail(what()) }
}

/// A named test.
pub fn trial(name: impl Into<String>, body: impl FnOnce() -> Result + Send + 'static) -> Trial {
    let name = name.into();
    Trial::ignorable_test(name.clone(), move || {
        let start = Instant::now();
        let result = body();
        durations().push((start.elapsed(), name));
        match result {
            Ok(()) => Ok(Completion::Completed),
            Err(Stop::Missing(what)) if !skips_forbidden() => Ok(Completion::ignored_with(what)),
            Err(stop) => Err(stop.to_string().into()),
        }
    })
}

/// Programs inherit which signals are ignored, and a shell lets those in the background ignore
/// SIGINT, `nohup` SIGHUP. Starts this process anew without that.
fn heed_signals() {
    // Signal 1 is bit 0 (proc_pid_status(5)).
    let usual = [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM];
    let usual = usual.map(|signal| 1 << (signal.as_raw() - 1));
    let usual: u64 = usual.into_iter().sum();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:\t"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask, 16).ok());
    if ignored.unwrap_or(0) & usual != 0
        && let Ok(program) = std::env::current_exe()
    {
        let error = Command::new("env")
            .arg("--default-signal=HUP,INT,QUIT,TERM")
            .arg(program)
            .args(std::env::args_os().skip(1))
            .exec();
        eprintln!("signals stay ignored: {error}");
    }
}

/// Names of tests of this suite that passed in an earlier run of the same files: `.ci/run` runs the
/// README's commands on a bare machine first, and then only what that could not. Lines of
/// `SUITE TEST` in the file that `OXIDIZE_PASSED` names.
fn passed_before() -> HashSet<String> {
    let program = std::env::args_os().next().unwrap_or_default();
    let program = Path::new(&program).file_stem().unwrap_or_default();
    let program = program.to_string_lossy();
    // cargo adds a hash to the suite's name.
    let suite = program
        .rsplit_once('-')
        .map_or(&*program, |(suite, _)| suite);
    let list = std::env::var_os("OXIDIZE_PASSED").map(std::fs::read_to_string);
    let list = list
        .map(|text| text.expect("the file in OXIDIZE_PASSED"))
        .unwrap_or_default();
    list.lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(of, _)| *of == suite)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// How long each test took, from its start to its end.
fn durations() -> MutexGuard<'static, Vec<(Duration, String)>> {
    static DURATIONS: Mutex<Vec<(Duration, String)>> = Mutex::new(Vec::new());
    DURATIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The tests that took longest: a line for those who wait for them.
fn tell_slowest() {
    let mut all = std::mem::take(&mut *durations());
    all.sort_by(|a, b| b.cmp(a));
    let slowest = all.iter().take(8).filter(|(took, _)| took.as_secs() >= 5);
    let list: Vec<String> = slowest
        .map(|(took, name)| format!("{name} {} s", took.as_secs()))
        .collect();
    if !list.is_empty() {
        eprintln!("slowest: {}", list.join(", "));
    }
}

/// Whether a missing tool is a failure (`OXIDIZE_FORBID_SKIPS=1`).
pub fn skips_forbidden() -> bool {
    std::env::var_os("OXIDIZE_FORBID_SKIPS").is_some_and(|value| !value.is_empty() && value != "0")
}

/// Runs the tests of one file: its `main`.
///
/// Two at a time for each processor, because most wait for a program or for an emulator to start.
pub fn main(mut trials: Vec<Trial>) -> std::process::ExitCode {
    heed_signals();
    let mut arguments = libtest_mimic::Arguments::from_args();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    arguments.test_threads.get_or_insert(2 * processors);
    let passed = passed_before();
    trials.retain(|trial| !passed.contains(trial.name()));
    if !passed.is_empty() {
        println!("{} tests passed before and are left out", passed.len());
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    package::forget_shared();
    tell_slowest();
    conclusion.exit_code()
}
