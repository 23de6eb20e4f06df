//! Memory of several processes of one program at once.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::environment::Environment;
use crate::measure::Program;
use crate::startup::{forms, import_all};

/// How many run at once.
pub(crate) const PROCESSES: usize = 8;

/// A program and what each of its processes takes, in bytes: its own pages, and its part of shared
/// ones (PSS).
pub(crate) struct Memory {
    pub(crate) name: String,
    pub(crate) each: u64,
}

/// Starts each program that imports everything several times and looks when all wait.
pub(crate) fn measure(environment: &Environment) -> Result<Vec<Memory>, String> {
    let programs = forms(environment, &import_all(environment), "imported")?;
    let each = |program: &Program| {
        Ok(Memory {
            name: program.name.clone(),
            each: each(program)?,
        })
    };
    programs.iter().map(each).collect()
}

fn each(program: &Program) -> Result<u64, String> {
    let mut children = Vec::new();
    let sizes = (0..PROCESSES)
        .map(|_| start(program).map(|child| children.push(child)))
        .collect::<Result<Vec<()>, String>>()
        .and_then(|_| children.iter().map(|child| pss(child.id())).sum());
    for child in &mut children {
        // Their input ends.
        drop(child.stdin.take());
        child.wait().map_err(|error| error.to_string())?;
    }
    sizes.map(|sum: u64| sum / PROCESSES as u64)
}

/// Starts one and waits until it has imported everything.
fn start(program: &Program) -> Result<Child, String> {
    let complain = |error: std::io::Error| format!("{}: {error}", program.name);
    let (command, arguments) = program.command.split_first().ok_or("an empty command")?;
    let mut child = Command::new(command)
        .args(arguments)
        .arg("wait")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(complain)?;
    let mut line = String::new();
    let output = child.stdout.as_mut().ok_or("no output")?;
    BufReader::new(output)
        .read_line(&mut line)
        .map_err(complain)?;
    if line.starts_with("imported") {
        Ok(child)
    } else {
        Err(format!("{} printed {line:?}", program.name))
    }
}

fn pss(process: u32) -> Result<u64, String> {
    let path = format!("/proc/{process}/smaps_rollup");
    let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kibibytes =
        line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kibibytes
        .map(|number| number * 1024)
        .ok_or(format!("{path} has no line of Pss"))
}
