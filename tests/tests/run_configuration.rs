//! Every key of the blob's run configuration (docs/format.md, section 6) against the interpreter it
//! configures.
//!
//! Most keys have no option of the command yet, so the blob of a packaged program is taken out, its
//! configuration changed, and the blob injected again by the library.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use oxidize_format::{Blob, Exit, RunOptions, Writer};
use oxidize_inject::internal::container;
use oxidize_tests::package::Package;
use oxidize_tests::run::Run;
use oxidize_tests::targets::{LINUX, Target};
use oxidize_tests::tools;
use oxidize_tests::{Result, check, fail, trial};
use serde_json::{Value, json};

type Change = fn(&mut RunOptions);

/// A line of the table: the key, a change of it, and what is then otherwise than by default.
type Row = (&'static str, Change, Vec<(&'static str, Value)>);

fn table() -> Vec<Row> {
    vec![
        (
            "program name",
            |options| options.program_name = Some("ham".to_owned()),
            vec![("program name", json!("ham"))],
        ),
        (
            "optimize",
            |options| options.optimize = 1,
            vec![("optimize", json!(1)), ("assertions", json!(false))],
        ),
        (
            "UTF-8 mode",
            |options| options.utf8_mode = Some(true),
            vec![("UTF-8 mode", json!(1))],
        ),
        (
            "unbuffered",
            |options| options.unbuffered = true,
            vec![("unbuffered", json!(true))],
        ),
        (
            "inspect",
            |options| options.inspect = true,
            vec![("inspect", json!(1))],
        ),
        (
            "verbose",
            |options| options.verbose = 1,
            vec![("verbose", json!(1))],
        ),
        (
            "warning options",
            |options| {
                options.warn_options = vec!["error".to_owned(), "ignore::UserWarning".to_owned()];
            },
            vec![("warnings", json!(["error", "ignore::UserWarning"]))],
        ),
        (
            "implementation options",
            |options| options.x_options = vec!["importtime=no".to_owned(), "ham".to_owned()],
            vec![("X options", json!({"importtime": "no", "ham": true}))],
        ),
        (
            "use environment",
            |options| options.use_environment = true,
            vec![
                ("environment", json!(true)),
                // PYTHONWARNINGS of the run.
                ("warnings", json!(["default"])),
            ],
        ),
        (
            "site",
            |options| options.site = true,
            vec![
                ("site", json!(true)),
                // The directory is there, in the application.
                (
                    "sys.path",
                    json!([
                        "/~oxidize/app",
                        "/~oxidize/lib/python3.13",
                        "/~oxidize/lib/python3.13/site-packages"
                    ]),
                ),
            ],
        ),
        (
            "user site",
            |options| options.user_site = true,
            vec![("user site", json!(true))],
        ),
        (
            "working directory on path",
            |options| options.cwd_on_path = true,
            vec![(
                "sys.path",
                json!(["", "/~oxidize/app", "/~oxidize/lib/python3.13"]),
            )],
        ),
        (
            "hash seed",
            |options| options.hash_seed = Some(0),
            // Stays what it is in two runs, which random seeds do not: see `observe`.
            vec![("hash", json!("constant"))],
        ),
        (
            "fault handler",
            |options| options.faulthandler = true,
            vec![("fault handler", json!(true))],
        ),
        (
            "development mode",
            |options| options.dev_mode = true,
            vec![
                ("development mode", json!(true)),
                ("fault handler", json!(true)),
                ("warnings", json!(["default"])),
            ],
        ),
        (
            "install signal handlers",
            |options| options.install_signal_handlers = false,
            vec![("signal handlers", json!(false))],
        ),
        (
            "search path",
            |options| options.sys_path = vec!["/ham".to_owned(), "$ORIGIN/lib".to_owned()],
            vec![(
                "sys.path",
                json!([
                    "/~oxidize/app",
                    "/~oxidize/lib/python3.13",
                    "/ham",
                    "DIRECTORY/lib"
                ]),
            )],
        ),
        (
            "environment default",
            |options| options.environment = vec![("COLOUR".to_owned(), "red".to_owned())],
            vec![("variable", json!("red"))],
        ),
        (
            "environment",
            |options| options.environment_set = vec![("COLOUR".to_owned(), "blue".to_owned())],
            vec![("variable", json!("blue"))],
        ),
        (
            "environment pass",
            |options| options.environment_pass = vec!["PATH".to_owned(), "L*".to_owned()],
            vec![("another variable", Value::Null)],
        ),
        (
            "CA bundle probe",
            |options| options.ca_bundle_probe = false,
            vec![("CA bundle", json!("/etc/ssl/cert.pem"))],
        ),
        // What it refuses is in `end_to_end`.
        (
            "check at start",
            |options| options.check_at_start = true,
            vec![],
        ),
        (
            "quiet imports",
            |options| options.quiet_imports = false,
            vec![("first threshold", json!(2000))],
        ),
        // Both ways to leave flush what the program wrote.
        ("exit", |options| options.exit = Exit::Fast, vec![]),
    ]
}

fn main() -> std::process::ExitCode {
    let mut trials = Vec::new();
    for Target { label, triple } in LINUX {
        for (name, change, expected) in table() {
            trials.push(trial(format!("{label}::{name}"), move || {
                compare(triple, change, &expected)
            }));
        }
    }
    oxidize_tests::main(trials)
}

fn compare(triple: &str, change: Change, expected: &[(&str, Value)]) -> Result {
    let app = Package::app("configuration").target(triple).shared()?;
    let image = std::fs::read(app.path())?;
    let mut default = observe(&image, |_| {})?;
    let changed = observe(&image, change)?;
    for (key, value) in expected {
        check(default[*key] != *value, || {
            format!("{key} is {value} by default already")
        })?;
        default[*key] = value.clone();
    }
    check(changed == default, || {
        format!("expected {default:#}\nfound {changed:#}")
    })
}

/// What the program says with this configuration. The executable is `PROGRAM`, its directory
/// `DIRECTORY`; the hash is `constant` or `random`, by two runs.
fn observe(image: &[u8], change: impl Fn(&mut RunOptions)) -> Result<Value> {
    let place = tools::scratch()?;
    // `sys.executable` repeats the directory's name, which must be the same for every program.
    let directory = place.path().join("place");
    std::fs::create_dir(&directory)?;
    let program = directory.join("app");
    write(&program, &reconfigured(image, change)?)?;
    let [mut first, second] = [ask(&program)?, ask(&program)?];
    first["hash"] = json!(if first["hash"] == second["hash"] {
        "constant"
    } else {
        "random"
    });
    Ok(first)
}

fn ask(program: &Path) -> Result<Value> {
    let outcome = Run::new(program)
        .variable("PYTHONWARNINGS", "default")
        .outcome()?
        .success()?;
    let directory = program.parent().unwrap_or(Path::new("/"));
    let text = outcome
        .stdout
        .replace(&*program.to_string_lossy(), "PROGRAM")
        .replace(&*directory.to_string_lossy(), "DIRECTORY");
    match text.lines().last() {
        Some(line) => Ok(serde_json::from_str(line)?),
        None => fail(format!("it said nothing\n{outcome}")),
    }
}

/// The image with a changed configuration in its blob.
fn reconfigured(image: &[u8], change: impl Fn(&mut RunOptions)) -> Result<Vec<u8>> {
    let Some(range) = container::extract(image)? else {
        return fail("no blob inside");
    };
    let blob = Blob::open(&image[range.start as usize..range.end as usize])?;
    let mut options = RunOptions::from(&blob.run_config()?);
    change(&mut options);
    let mut writer = Writer::from_blob(&blob)?;
    writer.set_run_config(options);
    let bytes = writer.layout()?.to_bytes();
    let plan = container::inject(&container::remove(image)?, bytes.len() as u64)?;
    let mut output = Vec::new();
    for piece in plan.pieces() {
        match piece {
            container::Piece::Bytes(bytes) => output.extend_from_slice(bytes),
            container::Piece::Zeros(count) => output.resize(output.len() + *count as usize, 0),
            container::Piece::Blob => output.extend_from_slice(&bytes),
        }
    }
    Ok(output)
}

fn write(path: &Path, bytes: &[u8]) -> Result {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o755)
        .open(path)?;
    file.write_all(bytes)?;
    Ok(())
}
