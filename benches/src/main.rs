//! Start-up and injection, as ratios against a baseline in the same alternating run.
//!
//! Absolute times of one machine say little about another, and on a shared machine little about the
//! next minute. So every figure here is a ratio of medians of runs that took turns; where valgrind
//! is installed, instruction counts, which do not vary, stand beside them.

mod chart;
mod cold;
mod environment;
mod files;
mod injection;
mod measure;
mod memory;
mod mercurial;
mod packaging;
mod peers;
mod report;
mod startup;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Compares packaged applications with plain CPython and prints a table of ratios.
#[derive(Parser)]
#[command(
    after_help = "Needs `cargo build --release --workspace` before. A stock python3 on PATH and valgrind are \
                        used if they are there; otherwise their columns say so."
)]
struct Options {
    /// Runs of each program; medians are taken over these.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Only the start-up cases, sizes, packaging, Mercurial's tests and peers' programs whose name
    /// contains this, and nothing else.
    #[arg(long)]
    only: Option<String>,
    /// Runs of each program with cold caches; needs root, and slows everything else on the machine;
    /// 0 leaves it out.
    #[arg(long, default_value_t = 0)]
    cold: usize,
    /// Runs of Mercurial's tests with each `hg`, which take minutes; 0 leaves them out.
    #[arg(long, default_value_t = 5)]
    mercurial: usize,
    /// Compares with other tools that package programs, which it installs from PyPI, and does
    /// nothing else; `--write` puts `peers.svg` beside the file.
    #[arg(long)]
    peers: bool,
    /// Size of the payload of the injection benchmark in MiB; 0 leaves it out.
    #[arg(long, default_value_t = 1024)]
    payload: u64,
    /// Where the injection benchmark writes; in a tmpfs no disk takes part, whose speed may change
    /// from run to run [default: beside the programs].
    #[arg(long)]
    scratch: Option<PathBuf>,
    /// Also write the tables to this file, with machine and date.
    #[arg(long)]
    write: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let environment = environment::Environment::prepare()?;
    if options.peers {
        return peers(&environment, options);
    }
    let mut report = report::Report::new(&environment, options.rounds);
    for case in startup::cases(&environment)? {
        if !wanted(options, case.name) {
            continue;
        }
        eprintln!("{} ...", case.name);
        report.startup(&case, &case.measure(options.rounds)?);
    }
    if wanted(options, "size of hello") {
        report.sizes(&packaging::sizes(&environment)?);
    }
    if wanted(options, "packaging") {
        eprintln!("packaging of {} modules ...", packaging::MODULES);
        let figures = packaging::measure(&environment, options.rounds)?;
        report.packaging(&figures, options.rounds);
    }
    if wanted(options, "mercurial") && options.mercurial > 0 {
        match mercurial::measure(&environment, options.mercurial) {
            Ok(figures) => report.mercurial(&figures),
            Err(reason) => eprintln!("Mercurial's tests are not run: {reason}"),
        }
    }
    if options.only.is_some() {
        print!("{}", report.text());
        return Ok(());
    }
    report.files(&files::measure(&environment, options.rounds)?);
    match memory::measure(&environment) {
        Ok(rows) => report.memory(&rows),
        Err(reason) => eprintln!("memory is not measured: {reason}"),
    }
    if options.cold > 0 {
        report.cold(&cold::measure(&environment, options.cold)?, options.cold);
    }
    if options.payload > 0 {
        eprintln!("injection of {} MiB ...", options.payload);
        let place = options.scratch.as_deref();
        let scratch = tempfile::tempdir_in(place.unwrap_or(environment.scratch.path()))
            .map_err(|error| error.to_string())?;
        report.injection(&injection::measure(
            &environment.injector,
            scratch.path(),
            options.payload,
            options.rounds,
        )?);
    }
    print!("{}", report.text());
    if let Some(path) = &options.write {
        // Written by pyperformance/run.py, and for it to renew.
        let old = std::fs::read_to_string(path).unwrap_or_default();
        let kept = old.find("\n## pyperformance").map_or("", |at| &old[at..]);
        std::fs::write(path, format!("{}{kept}", report.text()))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// Whether something is asked for by its name.
fn wanted(options: &Options, name: &str) -> bool {
    options
        .only
        .as_ref()
        .is_none_or(|part| name.contains(part.as_str()))
}

/// The table of peers and its chart.
fn peers(environment: &environment::Environment, options: &Options) -> Result<(), String> {
    let rounds = options.rounds;
    let mut report = report::Report::peers(environment, rounds);
    let peers = peers::Peers::prepare(environment)?;
    let mut starts = Vec::new();
    for app in peers::PROGRAMS
        .into_iter()
        .filter(|app| wanted(options, app))
    {
        eprintln!("{app} ...");
        let rows = peers.measure(app, rounds)?;
        report.peer_table(app, &rows);
        if app == "hello" {
            starts = rows
                .iter()
                .filter_map(|row| Some((row.peer, row.result.as_ref().ok()?.sample.cpu)))
                .collect();
        }
    }
    print!("{}", report.text());
    let Some(path) = &options.write else {
        return Ok(());
    };
    fs_write(path, report.text())?;
    fs_write(&path.with_file_name("peers.svg"), &chart::starts(&starts)?)
}

fn fs_write(path: &std::path::Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
