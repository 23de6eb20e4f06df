//! The trial of real programs: each is packaged from PyPI (`--require`), used, and compared with
//! the same packages under the plain interpreter.
//!
//! A program is a file in `tests/programs`. Directives at its head say what it needs:
//!
//! * `# require: SPEC ...`: what `--require` takes.
//! * `# place: PACKAGE=files ...`: what `--place` takes.
//! * `# musl`: also packaged for musl, as everything required is pure Python there.
//! * `# entry: NAME`: a console script to package; without it the file itself is the program.
//! * `# file: NAME = TEXT`: a file in the working directory, with `\n` for a new line.
//! * `# run: ARGUMENT ...`: one run, with the words as arguments. Default: one without.
//! * `# stdout: TEXT`: what the run before must write, among other things. A file that is itself
//!   the program must write `ok`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::package::Package;
use crate::run::Run;
use crate::tools::{GNU, MUSL};
use crate::{Result, check, fail, plain, tools};

/// One program.
#[derive(Debug, Clone)]
pub struct Program {
    /// The file's name without ending.
    pub name: String,
    path: PathBuf,
    require: Vec<String>,
    musl: bool,
    entry: Option<String>,
    place: Vec<String>,
    files: Vec<(String, String)>,
    runs: Vec<Use>,
}

#[derive(Debug, Clone, Default)]
struct Use {
    arguments: Vec<String>,
    stdout: Vec<String>,
}

/// A line of the report.
#[derive(Debug, Clone)]
pub struct Row {
    /// The program.
    pub program: String,
    /// Version of the first requirement.
    pub version: String,
    /// Target triple.
    pub target: String,
    /// What went wrong.
    pub failure: Option<String>,
    /// Bytes of the executable.
    pub size: u64,
    /// CPU time of all runs, packaged against plain; 0 where one of them failed.
    pub ratio: f64,
}

/// The programs whose names contain one of the words; all without words.
///
/// # Errors
/// A file that cannot be read or has an unknown directive.
pub fn programs(words: &[String]) -> Result<Vec<Program>> {
    let mut programs = Vec::new();
    for entry in std::fs::read_dir(tools::here().join("programs"))? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if path.extension().is_some_and(|extension| extension == "py")
            && (words.is_empty() || words.iter().any(|word| name.contains(word.as_str())))
        {
            programs.push(parse(name.into_owned(), &path)?);
        }
    }
    programs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(programs)
}

fn parse(name: String, path: &Path) -> Result<Program> {
    let mut program = Program {
        name,
        path: path.to_owned(),
        require: Vec::new(),
        musl: false,
        entry: None,
        place: Vec::new(),
        files: Vec::new(),
        runs: Vec::new(),
    };
    let words = |text: &str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    for line in std::fs::read_to_string(path)?.lines() {
        let Some(line) = line.strip_prefix("# ") else {
            break;
        };
        let (key, value) = line.split_once(": ").unwrap_or((line, ""));
        match key {
            "require" => program.require.extend(words(value)),
            "musl" => program.musl = true,
            "place" => program.place.extend(words(value)),
            "entry" => program.entry = Some(value.to_owned()),
            "run" => program.runs.push(Use {
                arguments: words(value),
                stdout: Vec::new(),
            }),
            "stdout" => match program.runs.last_mut() {
                Some(run) => run.stdout.push(value.to_owned()),
                None => return fail(format!("{}: stdout before run", path.display())),
            },
            "file" => match value.split_once(" = ") {
                Some((name, text)) => {
                    let file = (name.to_owned(), text.replace("\\n", "\n"));
                    program.files.push(file);
                }
                None => return fail(format!("{}: file without content", path.display())),
            },
            other => return fail(format!("{}: unknown directive {other}", path.display())),
        }
    }
    if program.runs.is_empty() {
        program.runs.push(Use::default());
    }
    if program.entry.is_none() {
        for run in &mut program.runs {
            run.stdout.push("ok".to_owned());
        }
    }
    Ok(program)
}

/// Packages and uses a program: a row for each target.
pub fn run(program: &Program) -> Vec<Row> {
    let mut rows = Vec::new();
    let row = |target: &str| Row {
        program: program.name.clone(),
        version: String::new(),
        target: target.to_owned(),
        failure: None,
        size: 0,
        ratio: 0.0,
    };
    for target in [GNU, MUSL] {
        if target == MUSL && !program.musl {
            continue;
        }
        let mut row = row(target);
        if let Err(stop) = used(program, target, &mut row) {
            row.failure = Some(stop.to_string());
        }
        rows.push(row);
    }
    rows
}

fn used(program: &Program, target: &str, row: &mut Row) -> Result {
    let place = tools::scratch()?;
    let resources = place.path().join("resources");
    std::fs::create_dir(&resources)?;
    let mut options: Vec<&str> = Vec::new();
    for spec in &program.require {
        options.extend(["--require", spec]);
    }
    for place in &program.place {
        options.extend(["--place", place]);
    }
    match &program.entry {
        Some(entry) => options.extend(["--entry", entry]),
        None => drop(std::fs::copy(&program.path, resources.join("__main__.py"))?),
    }
    let app = place.path().join(program.entry.as_deref().unwrap_or("app"));
    let package = Package::new(&resources).target(target).options(options);
    package.write(&app)?;
    row.size = std::fs::metadata(&app)?.len() + size_of_files(&app.with_extension("files"))?;
    let tree = place.path().join("tree");
    let mut extract = Command::new(tools::program("oxidize-inject")?);
    extract.args(["extract", "-q", "--to"]).args([&tree, &app]);
    check(extract.status()?.success(), || "extract failed".to_owned())?;
    let packages = tree.join(oxidize_python::SITE_PACKAGES);
    row.version = version(program, &packages)?;
    let plain_time = uses(program, |run| {
        let python = Run::new(plain::python(GNU)?).variable("PYTHONPATH", &packages);
        let python = match &program.entry {
            Some(entry) => python.arguments(["-c", START, entry]),
            None => python.arguments([tree.join("app/__main__.py")]),
        };
        Ok(python.arguments(&run.arguments))
    });
    // What is used is the executable alone.
    std::fs::remove_dir_all(&tree)?;
    let time = uses(program, |run| Ok(Run::new(&app).arguments(&run.arguments)));
    match (time, plain_time) {
        (Ok(time), Ok(plain)) => row.ratio = time as f64 / plain.max(1) as f64,
        (Err(stop), Err(_)) => {
            return fail(format!("fails under the plain interpreter too: {stop}"));
        }
        (Err(stop), Ok(_)) => return Err(stop),
        (Ok(_), Err(_)) => {}
    }
    Ok(())
}

/// The size of the files below a directory, if it is there.
fn size_of_files(directory: &Path) -> Result<u64> {
    let mut size = 0;
    if directory.is_dir() {
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            size += match path.is_dir() {
                true => size_of_files(&path)?,
                false => std::fs::symlink_metadata(&path)?.len(),
            };
        }
    }
    Ok(size)
}

/// What a console script does.
const START: &str = "import sys
from importlib.metadata import entry_points
[script] = entry_points(group='console_scripts', name=sys.argv[1])
sys.argv[:2] = [sys.argv[1]]
sys.exit(script.load()())";

/// All runs of a program in a fresh directory, and their CPU time in clock ticks.
fn uses(program: &Program, command: impl Fn(&Use) -> Result<Run>) -> Result<u64> {
    let place = tools::scratch()?;
    let home = place.path().join(".home");
    std::fs::create_dir(&home)?;
    for (name, text) in &program.files {
        let path = place.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(place.path()))?;
        std::fs::write(path, text)?;
    }
    let start = children_ticks()?;
    for run in &program.runs {
        let command = command(run)?.directory(place.path()).timeout(180);
        let outcome = command.variable("HOME", &home).outcome()?.success()?;
        for text in &run.stdout {
            check(outcome.stdout.contains(text.as_str()), || {
                format!("expected {text:?}\n{outcome}")
            })?;
        }
    }
    Ok(children_ticks()? - start)
}

/// CPU time of the children that have ended, theirs included, in clock ticks: `cutime` and `cstime`
/// of proc_pid_stat(5).
fn children_ticks() -> Result<u64> {
    let line = std::fs::read_to_string("/proc/self/stat")?;
    // Field 2 is the name in parentheses, which may have blanks.
    let behind = line.rsplit_once(") ").map_or("", |(_, behind)| behind);
    let fields: Vec<&str> = behind.split(' ').collect();
    let ticks = |field: usize| {
        fields
            .get(field - 3)
            .and_then(|text| text.parse::<u64>().ok())
    };
    match (ticks(16), ticks(17)) {
        (Some(user), Some(system)) => Ok(user + system),
        _ => fail(format!("/proc/self/stat: {line}")),
    }
}

/// The version that a directory has of the first requirement.
fn version(program: &Program, packages: &Path) -> Result<String> {
    let plain = |name: &str| name.to_lowercase().replace(['-', '.'], "_");
    let Some(first) = program.require.first() else {
        return Ok(String::new());
    };
    let name = first
        .split(['[', '=', '<', '>', '!', '~'])
        .next()
        .unwrap_or_default();
    for entry in std::fs::read_dir(packages)? {
        let file = entry?.file_name();
        let Some((found, version)) = file
            .to_str()
            .and_then(|file| file.strip_suffix(".dist-info"))
            .and_then(|file| file.split_once('-'))
        else {
            continue;
        };
        if plain(found) == plain(name) {
            return Ok(version.to_owned());
        }
    }
    Ok(String::new())
}
