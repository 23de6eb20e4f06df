//! The environment: no variable that CPython or its library reads changes what an application is.
//!
//! `docs/environment.md` has the list. Two of its tables say which variables have no effect: all of
//! these are set to hostile values at once. And every variable that the standard library's sources
//! or the stub's strings name has to be in the document.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use oxidize_tests::package::{App, Package};
use oxidize_tests::run::Run;
use oxidize_tests::targets::{self, RUNNABLE, Target};
use oxidize_tests::tools::{self, GNU, MUSL};
use oxidize_tests::{Result, check, fail, trial};

fn main() -> std::process::ExitCode {
    let mut trials = vec![trial("every_variable_is_documented", documented)];
    for Target { label, triple } in RUNNABLE {
        trials.push(trial(
            format!("{label}::hostile_variables_change_nothing"),
            || hostile(triple),
        ));
        trials.push(trial(
            format!("{label}::who_runs_is_never_the_environments_choice"),
            || always_removed(triple),
        ));
    }
    for Target { label, triple } in RUNNABLE {
        trials.push(trial(
            format!("{label}::what_passes_and_what_is_set"),
            || passing(triple),
        ));
    }
    oxidize_tests::main(trials)
}

/// A program that prints four variables, and starts a child that does after one was changed.
const FOUR: &str = "import os, subprocess, sys
def main():
    names = ['SET', 'DEFAULT', 'PASS_ONE', 'OTHER']
    print([os.environ.get(name) for name in names], 'A_THIRD' in os.environ)
    os.environ.update(SET='changed', OTHER='new')
    code = f'import os; print([os.environ.get(name) for name in {names}])'
    sys.stdout.flush()
    subprocess.run([sys.executable, '-c', code], check=True)
main()
";

fn passing(triple: &str) -> Result {
    let place = tools::scratch()?;
    fs::write(place.path().join("__main__.py"), FOUR)?;
    let package = Package::new(place.path()).target(triple).options([
        "--environment-set",
        "SET=packaged",
        "--environment",
        "DEFAULT=packaged",
    ]);
    let run = |app: &Path| {
        let run = Run::new(app).variable("SET", "outside");
        run.variable("OTHER", "x")
            .variable("DEFAULT", "outside")
            .variable("A_THIRD", "x")
    };
    let pass = ["--environment-pass", "PASS_*", "--environment-pass", "PATH"];
    let app = package.clone().options(pass).build()?;
    // A variable that does not pass is one that the environment does not have.
    let outcome = run(app.path()).variable("PASS_ONE", "1").outcome()?;
    outcome.prints(
        "['packaged', 'packaged', '1', None] False\n['changed', 'packaged', '1', 'new']\n",
    )?;
    let app = package.build()?;
    let outcome = run(app.path()).outcome()?;
    outcome
        .prints("['packaged', 'outside', None, 'x'] True\n['changed', 'outside', None, 'new']\n")?;
    Ok(())
}

fn document() -> Result<String> {
    Ok(fs::read_to_string(
        tools::checkout().join("docs/environment.md"),
    )?)
}

/// The names in backquotes in the first column of the tables below these headings.
fn variables(headings: &[&str]) -> Result<BTreeSet<String>> {
    let text = document()?;
    let mut found = BTreeSet::new();
    let mut inside = false;
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            inside = headings.contains(&heading);
        }
        let first = line
            .strip_prefix("| ")
            .and_then(|row| row.split('|').next());
        if let Some(first) = first.filter(|_| inside) {
            found.extend(first.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    match found.is_empty() {
        true => fail(format!("no variables below {headings:?}")),
        false => Ok(found),
    }
}

fn app(triple: &str) -> Result<App> {
    Package::app("environment").target(triple).shared()
}

/// A directory of modules that leave a trace, and of a standard library that is none.
fn evil(directory: &Path) -> Result<String> {
    let modules = [
        "evil",
        "sitecustomize",
        "usercustomize",
        "_sysconfigdata_evil",
        "encodings",
    ];
    let trace = "import sys\nsys.stdout.write('EVIL\\n')\nbuild_time_vars = {'TZPATH': '/evil'}\n\
                 def hook(*_, **__): print('EVIL')\n";
    for place in ["", "lib/python3.13", "Lib"] {
        let place = directory.join(place);
        fs::create_dir_all(&place)?;
        for module in modules {
            fs::write(place.join(format!("{module}.py")), trace)?;
        }
    }
    Ok(directory.to_string_lossy().into_owned())
}

/// What a variable is set to, to do the most harm.
fn value(name: &str, evil: &str) -> String {
    let file = format!("{evil}/evil.py");
    match name {
        "PYTHONSTARTUP" | "PYTHONEXECUTABLE" | "__PYVENV_LAUNCHER__" => file,
        "PYTHONBREAKPOINT" => "evil.hook".to_owned(),
        "PYTHONDOCS" | "PYTHON_DOM" | "PY_SAX_PARSER" => "evil".to_owned(),
        "_PYTHON_SYSCONFIGDATA_NAME" => "_sysconfigdata_evil".to_owned(),
        "PYTHONWARNINGS" => "error".to_owned(),
        "PYTHONIOENCODING" => "utf-16:ignore".to_owned(),
        "PYTHONMALLOC" => "debug".to_owned(),
        "PYTHONTRACEMALLOC" => "25".to_owned(),
        "PYTHONINTMAXSTRDIGITS" => "4999".to_owned(),
        "PYTHONHASHSEED" => "not a number".to_owned(),
        "PYTHON_CPU_COUNT" => "7".to_owned(),
        "PYTHON_GIL" | "PYTHONUTF8" => "0".to_owned(),
        "SSLKEYLOGFILE" | "PYREPL_TRACE" | "PYTHON_HISTORY" | "PYTHONDUMPREFSFILE" => {
            format!("{evil}/written")
        }
        "PYTHONHOME"
        | "PYTHONPATH"
        | "PYTHONPLATLIBDIR"
        | "PYTHONPYCACHEPREFIX"
        | "PYTHONTZPATH"
        | "PYTHONUSERBASE"
        | "_PYTHON_PROJECT_BASE"
        | "_PYTHON_SYSCONFIGDATA_PATH" => evil.to_owned(),
        _ => "1".to_owned(),
    }
}

fn hostile(triple: &str) -> Result {
    let app = app(triple)?;
    let directory = tools::scratch()?;
    let evil = evil(directory.path())?;
    let run = || Run::new(app.path()).arguments(["report"]).timeout(180);
    let plain = run().outcome()?.success()?;
    let path = match targets::is_windows(triple) {
        // As wine names the host's root.
        true => format!("Z:{evil}"),
        false => evil.clone(),
    };
    let names = variables(&["Ignored", "Removed"])?;
    let set = |names: &BTreeSet<String>| {
        let mut run = run();
        for name in names {
            run = run.variable(name.as_str(), value(name, &path));
        }
        run.outcome()
    };
    let told = |outcome: &oxidize_tests::run::Outcome| {
        format!("{:?}\n{}{}", outcome.ending, outcome.stdout, outcome.stderr)
    };
    let expected = told(&plain);
    check(expected.contains("breakpoint = ['pdb']"), || {
        expected.clone()
    })?;
    let all = told(&set(&names)?);
    if all != expected {
        // Which of them it was.
        let mut guilty = Vec::new();
        for name in &names {
            let alone = told(&set(&BTreeSet::from([name.clone()]))?);
            if alone != expected {
                guilty.push(format!("{name}:\n{}", difference(&expected, &alone)));
            }
        }
        return fail(format!(
            "{}\n{}",
            difference(&expected, &all),
            guilty.join("\n")
        ));
    }
    check(!directory.path().join("written").exists(), || {
        "a file was written".to_owned()
    })
}

/// Two variables that CPython reads to find out where it is are removed even where others count.
fn always_removed(triple: &str) -> Result {
    let options = ["--interpreter", "use-environment=true"];
    let app = Package::app("environment").target(triple).options(options);
    let app = app.shared()?;
    let directory = tools::scratch()?;
    let evil = evil(directory.path())?;
    let run = || Run::new(app.path()).arguments(["report"]).timeout(180);
    let plain = run().outcome()?.success()?.stdout;
    let noticed = run().variable("PYTHONWARNINGS", "default").outcome()?;
    check(noticed.success()?.stdout != plain, || {
        "PYTHONWARNINGS does not count".to_owned()
    })?;
    let mut run = run();
    for name in ["PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__"] {
        run = run.variable(name, value(name, &evil));
    }
    let found = run.outcome()?.success()?.stdout;
    check(found == plain, || difference(&plain, &found))
}

/// The lines that differ.
fn difference(expected: &str, found: &str) -> String {
    let pairs = expected.lines().zip(found.lines());
    let differs = pairs.filter(|(one, other)| one != other).take(8);
    let lines: Vec<_> = differs
        .map(|(one, other)| format!("- {one}\n+ {other}"))
        .collect();
    match lines.is_empty() {
        true => format!("{} and {} bytes", expected.len(), found.len()),
        false => lines.join("\n"),
    }
}

/// What the C libraries in a stub read: `getenv` in the sources of libedit, ncurses, OpenSSL,
/// SQLite, libffi, expat and musl.
const LIBRARIES: [&str; 44] = [
    "BAUDRATE",
    "COLORFGBG",
    "COLUMNS",
    "CTLOG_FILE",
    "DATEMSK",
    "EDITOR",
    "EDITRC",
    "ESCDELAY",
    "EXPAT_ACCOUNTING_DEBUG",
    "EXPAT_ENTITY_DEBUG",
    "EXPAT_ENTROPY_DEBUG",
    "EXPAT_MALLOC_DEBUG",
    "HOME",
    "LEGACY_GOST_PKCS12",
    "LIBFFI_TMPDIR",
    "LINES",
    "LOGNAME",
    "MOUSE_BUTTONS_123",
    "MSGVERB",
    "MUSL_LOCPATH",
    "NCURSES_ASSUMED_COLORS",
    "NCURSES_NO_PADDING",
    "NLSPATH",
    "OPENSSL_CONF",
    "OPENSSL_CONF_INCLUDE",
    "OPENSSL_ENGINES",
    "OPENSSL_MODULES",
    "OPENSSL_WIN32_UTF8",
    "OPENSSL_armcap",
    "OPENSSL_ia32cap",
    "OSSL_QFILTER",
    "QLOGDIR",
    "RANDFILE",
    "SQLITE_FORCE_PROXY_LOCKING",
    "SQLITE_TMPDIR",
    "SSLKEYLOGFILE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TERM",
    "TERMCAP",
    "TERMINFO",
    "TERMINFO_DIRS",
    "TERMPATH",
    "TMPDIR",
];

fn documented() -> Result {
    let known = variables(&["Ignored", "Removed", "Kept"])?;
    let outcome = Run::new(app(GNU)?.path())
        .arguments(["names"])
        .timeout(180)
        .outcome()?;
    let outcome = outcome.success()?;
    let mut named: BTreeSet<String> = outcome.stdout.lines().map(str::to_owned).collect();
    check(named.contains("PYTHONTZPATH") && named.len() > 40, || {
        format!("the sources name few variables: {named:?}")
    })?;
    // What the C code reads is a string in the stub, which ends with a zero.
    let stub = fs::read(tools::stub(GNU)?)?;
    let letter = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_';
    for string in stub.split(|b| *b == 0) {
        let word = string.rsplit(|b| !letter(b)).next().unwrap_or_default();
        let text = String::from_utf8_lossy(word);
        if text.starts_with("PYTHON") && text.len() > 8 {
            named.insert(text.into_owned());
        }
    }
    // And by other names, which the sources of the libraries have.
    for target in [GNU, MUSL] {
        let stub = fs::read(tools::stub(target)?)?;
        let strings: BTreeSet<&[u8]> = stub.split(|b| *b == 0).collect();
        let read = LIBRARIES
            .iter()
            .filter(|name| strings.contains(name.as_bytes()));
        let before = named.len();
        named.extend(read.map(|name| (*name).to_owned()));
        check(named.len() > before, || {
            format!("{target}: no library reads anything")
        })?;
    }
    let missing: Vec<_> = named
        .iter()
        .filter(|name| !known.contains(*name) && !name.starts_with("NCURSES_"))
        .collect();
    check(missing.is_empty(), || {
        format!("not in docs/environment.md: {missing:?}")
    })
}
