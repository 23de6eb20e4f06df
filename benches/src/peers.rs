//! Other ways to package the same programs: start, size, time to package, files left behind.
//!
//! The tools are installed from PyPI into an environment of their own. One that cannot be
//! installed, does not package a program, or makes one that does not run has a row that says so.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::environment::Environment;
use crate::measure::{Program, Sample, alternate};

/// The programs, with the modules that they are in.
pub(crate) const PROGRAMS: [&str; 4] = ["hello", "cli", "web", "frames"];

/// How long a tool may take for one program.
const PATIENCE: Duration = Duration::from_secs(600);

/// A way to package. Commands are lines of words, run in a directory with `src/NAME.py`, `run.py`
/// and, for those that want them so, the program's requirements in `deps`; `{app}` stands for the
/// program, `{requires}` for its requirements.
struct Peer {
    name: &'static str,
    /// What to install.
    package: &'static str,
    /// What makes the program.
    commands: &'static [&'static str],
    /// What is started, with arguments.
    start: &'static str,
    /// What has to be on the user's machine.
    product: &'static str,
}

const PEERS: &[Peer] = &[
    Peer {
        name: "this",
        package: "",
        commands: &["{inject} -q this -r src -e {app}:main {require}"],
        start: "./this",
        product: "this",
    },
    // The baseline: nothing is packaged.
    Peer {
        name: "python3",
        package: "",
        commands: &[],
        start: "{python} run.py",
        product: "src",
    },
    Peer {
        name: "PyInstaller --onedir",
        package: "pyinstaller",
        commands: &["{bin}/pyinstaller --log-level ERROR --onedir -p src --name one run.py"],
        start: "dist/one/one",
        product: "dist/one",
    },
    Peer {
        name: "PyInstaller --onefile",
        package: "pyinstaller",
        commands: &["{bin}/pyinstaller --log-level ERROR --onefile -p src --name single run.py"],
        start: "dist/single",
        product: "dist/single",
    },
    Peer {
        name: "cx_Freeze",
        package: "cx_Freeze",
        commands: &[
            "{bin}/cxfreeze --script=run.py build_exe --build-exe=frozen --include-path=src",
        ],
        start: "frozen/run",
        product: "frozen",
    },
    Peer {
        name: "shiv",
        package: "shiv",
        commands: &["{bin}/shiv --site-packages deps -e {app}:main -o app.shiv"],
        start: "{python} app.shiv",
        product: "app.shiv",
    },
    Peer {
        name: "pex",
        package: "pex",
        commands: &["{bin}/pex -D src {requires} -e {app}:main -o app.pex"],
        start: "{python} app.pex",
        product: "app.pex",
    },
    Peer {
        name: "pex --scie eager",
        package: "pex",
        commands: &["{bin}/pex -D src {requires} -e {app}:main --scie eager -o scie.pex"],
        start: "./scie",
        product: "scie",
    },
    Peer {
        name: "zipapp",
        package: "",
        commands: &["{python} -m zipapp deps -m {app}:main -o app.pyz"],
        start: "{python} app.pyz",
        product: "app.pyz",
    },
    Peer {
        name: "Nuitka --standalone",
        package: "nuitka",
        commands: &["{python} -m nuitka --standalone --quiet --assume-yes-for-downloads run.py"],
        start: "run.dist/run.bin",
        product: "run.dist",
    },
];

/// What came of one tool and one program.
pub(crate) struct Row {
    pub(crate) peer: &'static str,
    pub(crate) result: Result<Figures, String>,
}

/// What was measured.
pub(crate) struct Figures {
    pub(crate) sample: Sample,
    pub(crate) bytes: u64,
    pub(crate) packaging: Duration,
    /// Files that a start leaves on the disk.
    pub(crate) left: usize,
}

/// The tools in an environment of their own, and the programs' requirements.
pub(crate) struct Peers<'e> {
    environment: &'e Environment,
    place: PathBuf,
}

impl<'e> Peers<'e> {
    /// Installs everything.
    pub(crate) fn prepare(environment: &'e Environment) -> Result<Peers<'e>, String> {
        let place = environment.scratch.path().join("peers");
        fs::create_dir_all(&place).map_err(|error| error.to_string())?;
        let stock = environment
            .stock_python
            .as_ref()
            .ok_or("there is no python3")?;
        let peers = Peers { environment, place };
        let venv = peers.place.join("venv");
        let mut make = Command::new(&stock.path);
        run(make.args(["-m", "venv"]).arg(&venv))?;
        for peer in PEERS.iter().filter(|peer| !peer.package.is_empty()) {
            if let Err(error) = run(peers.pip().arg(peer.package)) {
                eprintln!("{}: {error}", peer.name);
            }
        }
        Ok(peers)
    }

    fn python(&self) -> PathBuf {
        self.place.join("venv/bin/python")
    }

    fn pip(&self) -> Command {
        let mut pip = Command::new(self.python());
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        pip
    }

    /// Packages and runs a program in all ways.
    pub(crate) fn measure(&self, app: &str, rounds: usize) -> Result<Vec<Row>, String> {
        let complain = |error: std::io::Error| error.to_string();
        let place = self.place.join(app);
        let (source, deps) = (place.join("src"), place.join("deps"));
        fs::create_dir_all(&source).map_err(complain)?;
        fs::create_dir_all(&deps).map_err(complain)?;
        let file = format!("{app}.py");
        let original = self
            .environment
            .repository
            .join("benches/apps/peers")
            .join(&file);
        let text = fs::read_to_string(&original).map_err(complain)?;
        let start =
            format!("import sys\nsys.path.insert(0, 'src')\nfrom {app} import main\nmain()\n");
        fs::write(place.join("run.py"), start).map_err(complain)?;
        for directory in [&source, &deps] {
            fs::write(directory.join(&file), &text).map_err(complain)?;
        }
        let requires = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# requires: "))
            .unwrap_or_default();
        if !requires.is_empty() {
            run(self.pip().args(requires.split_whitespace()))?;
            run(self
                .pip()
                .arg("--target")
                .arg(&deps)
                .args(requires.split_whitespace()))?;
        }
        let made: Vec<_> = PEERS
            .iter()
            .map(|peer| self.make(peer, app, requires, &place))
            .collect();
        let programs: Vec<Program> = made.iter().flatten().map(|made| made.0.clone()).collect();
        let mut samples = alternate(&programs, rounds)?.into_iter();
        let rows = PEERS.iter().zip(made).map(|(peer, made)| Row {
            peer: peer.name,
            result: made.and_then(|(_, mut figures)| {
                figures.sample = samples.next().ok_or("no sample")?;
                Ok(figures)
            }),
        });
        Ok(rows.collect())
    }

    fn make(
        &self,
        peer: &Peer,
        app: &str,
        requires: &str,
        place: &Path,
    ) -> Result<(Program, Figures), String> {
        let words = |line: &str| -> Vec<OsString> {
            let require: Vec<String> = requires
                .split_whitespace()
                .map(|name| format!("--require {name}"))
                .collect();
            let line = line
                .replace("{app}", app)
                .replace("{requires}", requires)
                .replace("{require}", &require.join(" "))
                .replace("{bin}", &self.place.join("venv/bin").to_string_lossy())
                .replace("{python}", &self.python().to_string_lossy())
                .replace("{inject}", &self.environment.injector.to_string_lossy());
            line.split_whitespace().map(OsString::from).collect()
        };
        let begin = Instant::now();
        for line in peer.commands {
            let mut command = Command::new("timeout");
            command
                .arg(PATIENCE.as_secs().to_string())
                .args(words(line))
                .current_dir(place);
            run(&mut command)?;
        }
        let packaging = begin.elapsed();
        // A home of its own shows what a start leaves.
        let home = place.join(format!("home of {}", peer.name).replace(' ', "-"));
        fs::create_dir_all(&home).map_err(|error| error.to_string())?;
        let mut command: Vec<OsString> = ["env", "-C"].map(OsString::from).into();
        command.push(place.into());
        for name in ["HOME", "TMPDIR"] {
            command.push(format!("{name}={}", home.display()).into());
        }
        command.push("PATH=/usr/bin:/bin".into());
        command.extend(words(peer.start));
        let program = Program {
            name: peer.name.to_owned(),
            command,
            output: Some("Hello".to_owned()),
            countable: false,
        };
        program.once()?;
        let nothing = Sample {
            cpu: Duration::ZERO,
            wall: Duration::ZERO,
            instructions: None,
        };
        let figures = Figures {
            sample: nothing,
            bytes: weigh(&place.join(peer.product)).0,
            packaging,
            left: weigh(&home).1,
        };
        Ok((program, figures))
    }
}

/// Bytes and number of the files at a place.
fn weigh(place: &Path) -> (u64, usize) {
    let Ok(data) = fs::symlink_metadata(place) else {
        return (0, 0);
    };
    if !data.is_dir() {
        return (data.len(), 1);
    }
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    entries.fold((0, 0), |(bytes, files), entry| {
        let (more, others) = weigh(&entry.path());
        (bytes + more, files + others)
    })
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.trim().lines().last().unwrap_or_default();
    Err(format!("{}: {last}", output.status))
}
