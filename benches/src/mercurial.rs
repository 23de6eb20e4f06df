//! Mercurial's own tests, with an `hg` that is a script and with packaged ones.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::environment::Environment;
use crate::measure::median;
use crate::startup::SNAPSHOT;

/// The release, with its tests, on PyPI.
pub(crate) const VERSION: &str = "6.9.5";
/// How many tests are tried with the script; those that pass are measured.
const TRIED: usize = 110;
/// How many must pass.
const LEAST: usize = 100;
/// What a test mentions that is left out: it starts Python, perhaps with Mercurial's modules, or
/// servers, waits, or needs something that is not everywhere. Capitals do not count.
const LEFT_OUT: [&str; 9] = [
    ">>>",
    "python",
    "#require",
    "#testcases",
    "hg serve",
    "hgport",
    "daemon",
    "sleep",
    "run-tests",
];
/// Mercurial's own code.
const PACKAGES: [&str; 4] = ["mercurial", "hgext", "hgext3rd", "hgdemandimport"];
/// Modules that read what differs between tests while they are imported.
const RELOADED: [&str; 3] = [
    "mercurial.pycompat",
    "mercurial.utils.procutil",
    "mercurial.revlogutils.docket",
];
/// What run-tests.py sets, the same for each test, and modules read while they are imported.
const VARIABLES: [&str; 4] = [
    "HGEMITWARNINGS=1",
    "HGENCODING=ascii",
    "HGENCODINGMODE=strict",
    "HGMODULEPOLICY=py",
];

/// All figures.
pub(crate) struct Mercurial {
    pub(crate) tests: usize,
    pub(crate) rounds: usize,
    /// The script first.
    pub(crate) rows: Vec<Row>,
}

/// One `hg`.
pub(crate) struct Row {
    pub(crate) name: String,
    /// Of all tests, the median of the rounds.
    pub(crate) cpu: Duration,
    /// Tests that did not pass.
    pub(crate) differing: Vec<String>,
}

/// A test's result, and the CPU time of its processes.
struct Outcome {
    result: String,
    cpu: Duration,
}

/// Runs the tests in turns. An error tells why not.
pub(crate) fn measure(environment: &Environment, rounds: usize) -> Result<Mercurial, String> {
    let place = environment.scratch.path().join("mercurial");
    let source = fetch(environment, &place)?;
    let site = lay_out(&source, &place.join("site"))?;
    let mut forms = vec![("script".to_owned(), script(environment, &site, &place)?)];
    forms.push((
        "packaged".to_owned(),
        packaged(environment, &site, &place.join("ordinary"), &[])?,
    ));
    if let Some(options) = snapshot_options(environment)? {
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let program = packaged(environment, &site, &place.join("snapshot"), &options)?;
        forms.push((SNAPSHOT.to_owned(), program));
    }
    let suite = Suite {
        python: python(environment)?.to_path_buf(),
        tests: source.join("tests"),
        reports: place.join("reports"),
        home: place,
    };
    eprintln!("mercurial: {TRIED} tests with the script ...");
    let tried = suite.run(&forms[0].1, &suite.candidates()?)?;
    let passed =
        |(name, outcome): (&String, &Outcome)| (outcome.result == "success").then(|| name.clone());
    let tests: Vec<String> = tried.iter().filter_map(passed).collect();
    if tests.len() < LEAST {
        return Err(format!("only {} of them pass with the script", tests.len()));
    }
    let mut rows = Vec::new();
    let mut times = vec![Vec::new(); forms.len()];
    let mut first = Some(tried);
    for (name, _) in &forms {
        rows.push(Row {
            name: name.clone(),
            cpu: Duration::ZERO,
            differing: Vec::new(),
        });
    }
    for round in 1..=rounds {
        for (index, (name, program)) in forms.iter().enumerate() {
            eprintln!("mercurial: round {round}, {name} ...");
            // The script's first round is the one above.
            let outcomes = match first.take() {
                Some(outcomes) => outcomes,
                None => suite.run(program, &tests)?,
            };
            let measured = tests.iter().filter_map(|test| outcomes.get(test));
            times[index].push(measured.map(|outcome| outcome.cpu).sum());
            let differing = &mut rows[index].differing;
            for test in &tests {
                let passes = outcomes
                    .get(test)
                    .is_some_and(|outcome| outcome.result == "success");
                if !passes && !differing.contains(test) {
                    differing.push(test.clone());
                }
            }
        }
    }
    for (row, times) in rows.iter_mut().zip(times) {
        row.cpu = median(times);
    }
    Ok(Mercurial {
        tests: tests.len(),
        rounds,
        rows,
    })
}

fn python(environment: &Environment) -> Result<&Path, String> {
    let python = environment.stock_python.as_ref();
    Ok(&python.ok_or("there is no python3 with pip on PATH")?.path)
}

/// Runs a command to its end.
fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!(
        "{} ended with {}: {}",
        command.get_program().display(),
        output.status,
        complaint.trim()
    ))
}

/// Gets the source release and unpacks it.
fn fetch(environment: &Environment, place: &Path) -> Result<PathBuf, String> {
    fs::create_dir_all(place).map_err(|error| error.to_string())?;
    succeed(
        Command::new(python(environment)?)
            .args(["-m", "pip", "download", "--quiet", "--no-deps"])
            .args(["--no-binary", ":all:", "--dest"])
            .arg(place)
            .arg(format!("mercurial=={VERSION}")),
    )?;
    let name = format!("mercurial-{VERSION}");
    succeed(
        Command::new("tar")
            .arg("-xzf")
            .arg(place.join(format!("{name}.tar.gz")))
            .arg("-C")
            .arg(place),
    )?;
    Ok(place.join(name))
}

/// The application: Mercurial's packages in pure Python, and `hg` beside them.
fn lay_out(source: &Path, site: &Path) -> Result<PathBuf, String> {
    let complain = |error: std::io::Error| format!("{}: {error}", site.display());
    fs::create_dir_all(site).map_err(complain)?;
    succeed(
        Command::new("cp")
            .arg("-r")
            .args(PACKAGES.map(|name| source.join(name)))
            .arg(site),
    )?;
    fs::copy(source.join("hg"), site.join("__main__.py")).map_err(complain)?;
    fs::write(
        site.join("mercurial/__modulepolicy__.py"),
        "modulepolicy = b'py'\n",
    )
    .map_err(complain)?;
    Ok(site.to_path_buf())
}

/// `hg` as an installation has it, for the plain interpreter, its bytecode made.
fn script(environment: &Environment, site: &Path, place: &Path) -> Result<PathBuf, String> {
    let complain = |error: std::io::Error| format!("hg: {error}");
    // Files for other versions of Python make it exit with 1.
    Command::new(&environment.plain_python)
        .args(["-I", "-S", "-m", "compileall", "-q"])
        .arg(site)
        .output()
        .map_err(complain)?;
    let main = fs::read_to_string(site.join("__main__.py")).map_err(complain)?;
    let future = "from __future__ import annotations\n";
    let text = format!(
        "#!{} -IS\n{future}import sys\nsys.path.insert(0, {:?})\n{}",
        environment.plain_python.display(),
        site.to_string_lossy(),
        main.replacen(future, "", 1),
    );
    let directory = place.join("script");
    let path = directory.join("hg");
    fs::create_dir_all(&directory)
        .and_then(|()| fs::write(&path, text))
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)))
        .map_err(complain)?;
    Ok(path)
}

fn packaged(
    environment: &Environment,
    site: &Path,
    directory: &Path,
    options: &[&str],
) -> Result<PathBuf, String> {
    fs::create_dir_all(directory).map_err(|error| error.to_string())?;
    // run-tests.py takes no other name.
    let path = directory.join("hg");
    environment.package_as(&path, site, options)?;
    Ok(path)
}

fn snapshot_options(environment: &Environment) -> Result<Option<Vec<String>>, String> {
    let Some(options) = environment.snapshot_options() else {
        return Ok(None);
    };
    let mut options: Vec<String> = options.into_iter().map(str::to_owned).collect();
    let mut push =
        |option: &str, value: &str| options.extend([option.to_owned(), value.to_owned()]);
    let list = environment
        .repository
        .join("benches/apps/mercurial/modules.txt");
    let list = fs::read_to_string(list).map_err(|error| error.to_string())?;
    for name in list.split_whitespace() {
        push("--snapshot-import", name);
    }
    for name in RELOADED {
        push("--snapshot-reload", name);
    }
    for variable in VARIABLES {
        push("--environment", variable);
    }
    Ok(Some(options))
}

/// What runs tests.
struct Suite {
    python: PathBuf,
    tests: PathBuf,
    reports: PathBuf,
    home: PathBuf,
}

impl Suite {
    /// The smallest tests, by size and name, without those that mention what is left out.
    fn candidates(&self) -> Result<Vec<String>, String> {
        let complain = |error: std::io::Error| format!("{}: {error}", self.tests.display());
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.tests).map_err(complain)? {
            let entry = entry.map_err(complain)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with("test-") || !name.ends_with(".t") {
                continue;
            }
            let text = fs::read(entry.path()).map_err(complain)?;
            let lower = String::from_utf8_lossy(&text).to_lowercase();
            if !LEFT_OUT.iter().any(|word| lower.contains(word)) {
                found.push((text.len(), name));
            }
        }
        found.sort();
        Ok(found.into_iter().take(TRIED).map(|test| test.1).collect())
    }

    /// Runs these tests, one after another.
    fn run(&self, program: &Path, tests: &[String]) -> Result<BTreeMap<String, Outcome>, String> {
        let complain = |error: std::io::Error| format!("run-tests.py: {error}");
        if self.reports.exists() {
            fs::remove_dir_all(&self.reports).map_err(complain)?;
        }
        fs::create_dir_all(&self.reports).map_err(complain)?;
        // It ends with 1 if a test fails.
        Command::new(&self.python)
            .current_dir(&self.tests)
            .args(["run-tests.py", "--pure", "-j1", "--json", "--nodiff"])
            .arg("--outputdir")
            .arg(&self.reports)
            .arg("--with-hg")
            .arg(program)
            .args(tests)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .stdin(Stdio::null())
            .output()
            .map_err(complain)?;
        report(&self.reports.join("report.json")).map_err(|reason| format!("its report: {reason}"))
    }
}

/// Reads the report of run-tests.py: `testreport ={...}`.
fn report(path: &Path) -> Result<BTreeMap<String, Outcome>, String> {
    let mut file = BufReader::new(File::open(path).map_err(|error| error.to_string())?);
    let mut word = Vec::new();
    file.read_until(b'=', &mut word)
        .map_err(|error| error.to_string())?;
    let report: BTreeMap<String, serde_json::Value> =
        serde_json::from_reader(file).map_err(|error| error.to_string())?;
    let outcome = |(name, value): (String, serde_json::Value)| {
        let seconds = |key: &str| {
            let text = value.get(key).and_then(serde_json::Value::as_str);
            text.and_then(|text| text.trim().parse::<f64>().ok())
                .unwrap_or(0.0)
        };
        let result = value.get("result").and_then(serde_json::Value::as_str);
        let outcome = Outcome {
            result: result.unwrap_or_default().to_owned(),
            cpu: Duration::try_from_secs_f64(seconds("cuser") + seconds("csys"))
                .map_err(|error| error.to_string())?,
        };
        Ok((name, outcome))
    };
    report.into_iter().map(outcome).collect()
}
