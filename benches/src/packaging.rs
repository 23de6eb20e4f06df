//! How large programs are, and how long an application of many modules takes to package.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::environment::Environment;
use crate::measure::median;

/// Modules of the application that is packaged.
pub(crate) const MODULES: usize = 500;

/// How large a program is that prints a line.
pub(crate) struct Size {
    pub(crate) options: &'static str,
    pub(crate) bytes: u64,
}

/// How long packaging takes.
pub(crate) struct Packaging {
    /// With an empty cache: the standard library is compiled too.
    pub(crate) cold: Duration,
    /// Again, nothing changed.
    pub(crate) warm: Duration,
    /// Again, one module changed.
    pub(crate) changed: Duration,
}

/// The sizes of hello.
pub(crate) fn sizes(environment: &Environment) -> Result<Vec<Size>, String> {
    let hello = environment.repository.join("examples/hello");
    let measure = |options: &'static str| {
        let output = environment.scratch.path().join("hello-size");
        package(&environment.injector, &hello, &output, options, None)?;
        let bytes = fs::metadata(&output)
            .map_err(|error| error.to_string())?
            .len();
        Ok(Size { options, bytes })
    };
    [
        "",
        "--compress",
        "--compress --no-source --stdlib used",
        "--compress --no-source --stdlib used --optimize 2",
    ]
    .into_iter()
    .map(measure)
    .collect()
}

/// Packages an application of [`MODULES`] modules.
pub(crate) fn measure(environment: &Environment, rounds: usize) -> Result<Packaging, String> {
    let complain = |error: std::io::Error| error.to_string();
    let place = environment.scratch.path().join("many");
    let (application, cache) = (place.join("app"), place.join("cache"));
    fs::create_dir_all(&application).map_err(complain)?;
    let mut main = String::new();
    for number in 0..MODULES {
        let _ = writeln!(main, "import module_{number}");
        let path = application.join(format!("module_{number}.py"));
        fs::write(path, source(number)).map_err(complain)?;
    }
    fs::write(application.join("__main__.py"), main).map_err(complain)?;
    let output = place.join("out");
    let timed = || {
        let start = Instant::now();
        package(
            &environment.injector,
            &application,
            &output,
            "",
            Some(&cache),
        )?;
        Ok::<_, String>(start.elapsed())
    };
    let cold = timed()?;
    let (mut warm, mut changed) = (Vec::new(), Vec::new());
    for round in 0..rounds.max(1) {
        warm.push(timed()?);
        let text = source(round % MODULES) + &format!("ROUND = {round}\n");
        let path = application.join(format!("module_{}.py", round % MODULES));
        fs::write(path, text).map_err(complain)?;
        changed.push(timed()?);
    }
    Ok(Packaging {
        cold,
        warm: median(warm),
        changed: median(changed),
    })
}

/// A module of some 250 lines, of no other's text.
fn source(number: usize) -> String {
    let mut text = format!("\"\"\"Module {number} of many.\"\"\"\n\nimport json\nimport os\n\n");
    for part in 0..25 {
        let _ = write!(
            text,
            "\nclass Part{part}:\n    \"\"\"Number {part} of module {number}.\"\"\"\n\n    \
             limit = {}\n\n    def __init__(self, name, size={part}):\n        self.name = name\n        \
             self.size = size * {number}\n\n    def text(self):\n        return json.dumps([self.name, self.size])\n",
            number * 31 + part,
        );
    }
    text
}

fn package(
    injector: &Path,
    application: &Path,
    output: &Path,
    options: &str,
    cache: Option<&Path>,
) -> Result<(), String> {
    let mut command = Command::new(injector);
    command
        .arg(output)
        .arg("--resources")
        .arg(application)
        .args(options.split_whitespace())
        .arg("-q")
        .stdout(Stdio::null());
    if let Some(cache) = cache {
        command.env("OXIDIZE_CACHE_DIR", cache);
    }
    let status = command
        .status()
        .map_err(|error| format!("{}: {error}", injector.display()))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("packaging {} failed", application.display()))
    }
}
