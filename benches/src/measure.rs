//! Running programs in turns and taking medians.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// A program with arguments.
#[derive(Clone)]
pub(crate) struct Program {
    /// What the table calls it.
    pub(crate) name: String,
    /// Path and arguments.
    pub(crate) command: Vec<OsString>,
    /// What it must print; a run that printed something else measured something else.
    pub(crate) output: Option<String>,
    /// Whether valgrind runs the same start: its processor lacks features that a snapshot needs.
    pub(crate) countable: bool,
}

/// Medians of several runs.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    /// User plus system time, with that of children it waited for.
    pub(crate) cpu: Duration,
    /// From start to end.
    pub(crate) wall: Duration,
    /// Instructions in user mode by callgrind.
    pub(crate) instructions: Option<u64>,
}

fn cpu_of_children() -> Result<Duration, String> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|error| error.to_string())?;
    let time = |value: TimeVal| {
        Duration::from_secs(value.tv_sec().unsigned_abs())
            + Duration::from_micros(value.tv_usec().unsigned_abs())
    };
    Ok(time(usage.user_time()) + time(usage.system_time()))
}

impl Program {
    /// CPU and wall time of one run.
    pub(crate) fn once(&self) -> Result<(Duration, Duration), String> {
        let (program, arguments) = self.command.split_first().ok_or("an empty command")?;
        let before = cpu_of_children()?;
        let start = Instant::now();
        let output = Command::new(program)
            .args(arguments)
            .env_clear()
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let wall = start.elapsed();
        let cpu = cpu_of_children()?.saturating_sub(before);
        if !output.status.success() {
            return Err(format!("{} ended with {}", self.name, output.status));
        }
        if let Some(expected) = &self.output
            && !String::from_utf8_lossy(&output.stdout).contains(expected.as_str())
        {
            return Err(format!(
                "{} printed {:?}",
                self.name,
                String::from_utf8_lossy(&output.stdout)
            ));
        }
        Ok((cpu, wall))
    }

    fn instructions(&self) -> Option<u64> {
        let valgrind = which("valgrind")?;
        let output = Command::new(valgrind)
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .args(&self.command)
            .env_clear()
            .stdin(Stdio::null())
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = text
            .lines()
            .find_map(|line| line.split_once("Collected :"))?;
        line.1.trim().parse().ok()
    }
}

/// Where a command lies on PATH.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
}

/// Runs all programs in turns, one warm-up round and then `rounds`, and returns medians in the same
/// order.
pub(crate) fn alternate(programs: &[Program], rounds: usize) -> Result<Vec<Sample>, String> {
    let mut runs: Vec<Vec<(Duration, Duration)>> = vec![Vec::new(); programs.len()];
    for program in programs {
        program.once()?;
    }
    for _ in 0..rounds.max(1) {
        for (program, runs) in programs.iter().zip(&mut runs) {
            runs.push(program.once()?);
        }
    }
    Ok(programs
        .iter()
        .zip(runs)
        .map(|(program, runs)| Sample {
            cpu: median(runs.iter().map(|run| run.0).collect()),
            wall: median(runs.iter().map(|run| run.1).collect()),
            instructions: program.countable.then(|| program.instructions()).flatten(),
        })
        .collect())
}

/// The middle of the sorted values (the upper one of two).
pub(crate) fn median(mut values: Vec<Duration>) -> Duration {
    values.sort();
    values[values.len() / 2]
}

/// What a program prints.
pub(crate) fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |_| "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
