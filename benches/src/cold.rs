//! Starts after the system has dropped what it had read of files.

use std::fs;
use std::time::Duration;

use crate::environment::Environment;
use crate::measure::{Program, median};
use crate::startup::{forms, import_all};

/// Where root has the system drop its caches of pages, directories and inodes.
const SWITCH: &str = "/proc/sys/vm/drop_caches";

/// A program and its medians.
pub(crate) struct Cold {
    pub(crate) name: String,
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
}

/// Runs of the program that imports everything, in turns, each with cold caches. An error tells why
/// there are none.
pub(crate) fn measure(environment: &Environment, rounds: usize) -> Result<Vec<Cold>, String> {
    let programs = forms(environment, &import_all(environment), "imported")?;
    let mut runs: Vec<Vec<(Duration, Duration)>> = vec![Vec::new(); programs.len()];
    // Bytecode of the plain interpreter is written by the first.
    programs
        .iter()
        .try_for_each(|program| program.once().map(drop))?;
    for _ in 0..rounds.max(1) {
        for (program, runs) in programs.iter().zip(&mut runs) {
            drop_caches()?;
            runs.push(program.once()?);
        }
    }
    let cold = |(program, runs): (&Program, Vec<(Duration, Duration)>)| Cold {
        name: program.name.clone(),
        cpu: median(runs.iter().map(|run| run.0).collect()),
        wall: median(runs.iter().map(|run| run.1).collect()),
    };
    Ok(programs.iter().zip(runs).map(cold).collect())
}

fn drop_caches() -> Result<(), String> {
    nix::unistd::sync();
    fs::write(SWITCH, "3").map_err(|error| format!("{SWITCH}: {error}"))
}
