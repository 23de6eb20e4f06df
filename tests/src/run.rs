//! Starting a program and collecting all it says, with a limit of time.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::targets::{self, Launcher};
use crate::{Result, Stop, check, fail, tools};

/// How a program ended and what it wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Exit status, or the signal.
    pub ending: Ending,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// `exit(status)`.
    Status(i32),
    /// Killed by a signal.
    Signal(i32),
}

impl From<ExitStatus> for Ending {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Ending::Status(code),
            (None, signal) => Ending::Signal(signal.unwrap_or(0)),
        }
    }
}

/// The longest part of a stream that a failure shows.
const SHOWN: usize = 4000;

/// Only what fits a report: the begin and the end.
struct Shortened<'a>(&'a str);

impl fmt::Display for Shortened<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0;
        if text.len() <= SHOWN {
            return formatter.write_str(text);
        }
        let begin = &text[..text.floor_char_boundary(SHOWN / 2)];
        let end = &text[text.ceil_char_boundary(text.len() - SHOWN / 2)..];
        write!(
            formatter,
            "{begin}\n[... {} bytes ...]\n{end}",
            text.len() - begin.len() - end.len()
        )
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stdout, stderr) = (Shortened(&self.stdout), Shortened(&self.stderr));
        write!(
            formatter,
            "--- ended: {:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}",
            self.ending
        )
    }
}

impl Outcome {
    /// Fails unless the program ended with 0; hands the outcome on.
    pub fn success(self) -> Result<Self> {
        check(self.ending == Ending::Status(0), || self.to_string())?;
        Ok(self)
    }

    /// Windows programs end lines with CR LF.
    fn with_unix_line_ends(self) -> Self {
        Outcome {
            ending: self.ending,
            stdout: self.stdout.replace("\r\n", "\n"),
            stderr: self.stderr.replace("\r\n", "\n"),
        }
    }

    /// Fails unless it ended with 0 and wrote exactly this.
    pub fn prints(self, stdout: &str) -> Result<Self> {
        let outcome = self.success()?;
        check(outcome.stdout == stdout, || {
            format!("expected {stdout:?}\n{outcome}")
        })?;
        Ok(outcome)
    }
}

/// A program to be started.
#[derive(Clone, Debug)]
pub struct Run {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    keep_environment: bool,
    directory: Option<PathBuf>,
    stdin: Vec<u8>,
    timeout: Duration,
}

impl Run {
    /// Started in an empty directory with a small, constant environment.
    pub fn new(program: impl AsRef<Path>) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Run {
            program: program.as_ref().to_path_buf(),
            arguments: Vec::new(),
            environment: vec![
                ("PATH".into(), path),
                ("HOME".into(), "/nonexistent".into()),
                ("LANG".into(), "C.UTF-8".into()),
            ],
            keep_environment: false,
            directory: None,
            stdin: Vec::new(),
            timeout: Duration::from_secs(60),
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn arguments<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, arguments: I) -> Self {
        self.arguments.extend(
            arguments
                .into_iter()
                .map(|argument| argument.as_ref().to_owned()),
        );
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        let name = name.into();
        self.environment.retain(|(other, _)| *other != name);
        self.environment.push((name, value.into()));
        self
    }

    /// No variable at all.
    #[must_use]
    pub fn empty_environment(mut self) -> Self {
        self.environment.clear();
        self
    }

    /// On top of this process's environment instead of an empty one: for tools of the host.
    #[must_use]
    pub fn inherit_environment(mut self) -> Self {
        self.environment.clear();
        self.keep_environment = true;
        self
    }

    /// Somewhere else than in an empty directory.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// What the program reads.
    #[must_use]
    pub fn stdin(mut self, content: impl Into<Vec<u8>>) -> Self {
        self.stdin = content.into();
        self
    }

    /// Another limit than a minute.
    #[must_use]
    pub fn timeout(mut self, seconds: u64) -> Self {
        self.timeout = Duration::from_secs(seconds);
        self
    }

    /// Starts it and waits for its end.
    pub fn outcome(self) -> Result<Outcome> {
        self.signalled(None)
    }

    /// Starts it, waits for the line `ready` on its standard output and sends a signal.
    pub fn signalled(self, signal: Option<Signal>) -> Result<Outcome> {
        let empty;
        let directory = match &self.directory {
            Some(directory) => directory.as_path(),
            None => {
                empty = tools::scratch()?;
                empty.path()
            }
        };
        let launcher = targets::launcher(&self.program)?;
        let mut command = match &launcher {
            Launcher::Itself => Command::new(&self.program),
            Launcher::Wine(wine, _) => {
                let mut command = Command::new(wine);
                command.arg(&self.program);
                command
            }
        };
        if !self.keep_environment {
            command.env_clear();
        }
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Launcher::Wine(_, variables) = &launcher {
            command.envs(variables.iter().map(|(name, value)| (name, value)));
        }
        let _turn = matches!(launcher, Launcher::Wine(..)).then(Turn::take);
        command.current_dir(directory).process_group(0);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = spawn(&mut command)
            .map_err(|error| Stop::Failed(format!("{}: {error}", self.program.display())))?;
        let outcome = collect(child, self.stdin, self.timeout, signal).map_err(|stop| {
            Stop::Failed(format!(
                "{} {:?}: {stop}",
                self.program.display(),
                self.arguments
            ))
        })?;
        Ok(match launcher {
            Launcher::Wine(..) => outcome.with_unix_line_ends(),
            _ => outcome,
        })
    }
}

/// Leave to run a Windows program, given back when dropped. While many start at once, wine fails to
/// start their children (`STATUS_DLL_INIT_FAILED`).
struct Turn;

static WINDOWS_PROGRAMS: Mutex<usize> = Mutex::new(0);
static ONE_ENDED: Condvar = Condvar::new();

impl Turn {
    fn take() -> Turn {
        let most = std::thread::available_parallelism().map_or(1, usize::from);
        let running = WINDOWS_PROGRAMS.lock();
        let running = running.unwrap_or_else(PoisonError::into_inner);
        let running = ONE_ENDED.wait_while(running, |running| *running >= most);
        *running.unwrap_or_else(PoisonError::into_inner) += 1;
        Turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let running = WINDOWS_PROGRAMS.lock();
        *running.unwrap_or_else(PoisonError::into_inner) -= 1;
        ONE_ENDED.notify_one();
    }
}

/// A program that was just written is busy while a child that another thread started meanwhile
/// holds the descriptor it was written through, which ends with that child's exec.
fn spawn(command: &mut Command) -> std::io::Result<Child> {
    let limit = Instant::now() + Duration::from_secs(10);
    loop {
        match command.spawn() {
            Err(error)
                if error.kind() == ErrorKind::ExecutableFileBusy && Instant::now() < limit =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            result => return result,
        }
    }
}

fn collect(
    mut child: Child,
    input: Vec<u8>,
    timeout: Duration,
    signal: Option<Signal>,
) -> Result<Outcome> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        // A program that does not read is no error.
        scope.spawn(move || stdin.map(|mut stream| stream.write_all(&input)));
        let id = Pid::from_child(&child);
        let stdout = scope.spawn(move || {
            let mut bytes = Vec::new();
            let Some(mut stream) = stdout else {
                return Ok(bytes);
            };
            let mut buffer = [0; 4096];
            let mut signal = signal;
            loop {
                let count = stream.read(&mut buffer)?;
                if count == 0 {
                    return Ok::<_, std::io::Error>(bytes);
                }
                bytes.extend_from_slice(&buffer[..count]);
                if bytes.starts_with(b"ready\n")
                    && let Some(signal) = signal.take()
                {
                    kill_process(id, signal)?;
                }
            }
        });
        let stderr = scope.spawn(move || {
            let mut bytes = Vec::new();
            stderr
                .map(|mut stream| stream.read_to_end(&mut bytes))
                .transpose()
                .map(|_| bytes)
        });
        let limit = Instant::now() + timeout;
        let mut late = false;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if Instant::now() > limit {
                late = true;
                // Its children too, which may hold our pipes open.
                kill_process_group(id, Signal::KILL)?;
            }
            std::thread::sleep(Duration::from_millis(4));
        };
        let text = |bytes: std::thread::Result<std::io::Result<Vec<u8>>>| -> Result<String> {
            let bytes = bytes.map_err(|_| Stop::Failed("a reader thread died".to_owned()))??;
            // Bytes that are not UTF-8 stay visible.
            Ok(bytes.utf8_chunks().fold(String::new(), |mut text, chunk| {
                text.push_str(chunk.valid());
                chunk
                    .invalid()
                    .iter()
                    .for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
                text
            }))
        };
        let outcome = Outcome {
            ending: status.into(),
            stdout: text(stdout.join())?,
            stderr: text(stderr.join())?,
        };
        if late {
            fail(format!("did not end within {timeout:?}\n{outcome}"))
        } else {
            Ok(outcome)
        }
    })
}
