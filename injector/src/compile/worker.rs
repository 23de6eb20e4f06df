//! The child process that compiles: the host's stub with the standard library and `worker.py`
//! inside.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::pack::imports::Mentions;
use crate::spawn::spawn;

/// Name of the worker's main module.
pub const MODULE: &str = "_oxidize_worker";
/// Its source.
pub const SOURCE: &str = include_str!("worker.py");

/// A reply larger than this is a broken worker, not code.
const LARGEST_REPLY: u32 = 1 << 30;

/// The worker could not do its work.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// It could not be started.
    #[error("cannot start the bytecode compiler `{}`", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It ended in the middle of the work.
    #[error(
        "the bytecode compiler stopped while compiling `{path}`{}",
        last_line(said)
    )]
    Stopped {
        /// The file it was compiling.
        path: String,
        /// What it left on standard error.
        said: String,
        /// The failed read or write.
        source: io::Error,
    },
    /// It sent something that is no reply.
    #[error("the bytecode compiler gave an invalid answer for `{path}`: {problem}")]
    Nonsense {
        /// The file it was compiling.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// It is another Python than the stub's.
    #[error("the bytecode compiler is Python {found:#010x}, the stub needs {wanted:#010x}")]
    OtherPython {
        /// `sys.hexversion` of the worker.
        found: u32,
        /// The stub's.
        wanted: u32,
    },
    /// The cache could not be written.
    #[error("cannot write to the cache")]
    Cache(#[from] io::Error),
}

fn last_line(said: &str) -> String {
    let last = said.trim_end().lines().last().unwrap_or_default();
    if last.is_empty() {
        String::new()
    } else {
        format!(": {last}")
    }
}

/// What compiling a file came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Marshalled code.
    Code(Vec<u8>),
    /// The file is not Python, or not this Python.
    Failed(Failure),
}

/// Why a file did not compile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Name of the exception.
    pub kind: String,
    /// Its message.
    pub message: String,
    /// Line in the file, if known.
    pub line: Option<u32>,
}

#[derive(Serialize)]
struct Request<'a> {
    path: &'a str,
    levels: [u8; 1],
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reply {
    Sizes([u32; 1]),
    Error(Failure),
}

#[derive(Serialize)]
struct Scan<'a> {
    scan: &'a str,
}

#[derive(Deserialize)]
struct Scanned {
    mentions: Mentions,
}

#[derive(Deserialize)]
struct Identity {
    magic: u32,
    version: u32,
}

/// A running worker.
pub struct Worker {
    child: Child,
    requests: Option<BufWriter<ChildStdin>>,
    replies: BufReader<ChildStdout>,
    errors: File,
}

impl Worker {
    /// Starts one.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start(program: &Path) -> Result<Worker, WorkerError> {
        let failed = |source| WorkerError::Start {
            program: program.to_owned(),
            source,
        };
        // A file and not a pipe: a pipe that nobody empties would block a worker with much to
        // complain about.
        let errors = tempfile::tempfile().map_err(failed)?;
        let mut command = Command::new(program);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors.try_clone().map_err(failed)?);
        let mut child = spawn(&mut command).map_err(failed)?;
        let requests = Some(BufWriter::new(
            child.stdin.take().expect("it was asked for"),
        ));
        let replies = BufReader::new(child.stdout.take().expect("it was asked for"));
        Ok(Worker {
            child,
            requests,
            replies,
            errors,
        })
    }

    /// Makes sure that the worker is the Python that the stub is.
    ///
    /// # Errors
    /// It is another version of Python, writes other bytecode, or does not answer.
    pub fn check(&mut self, version: u32, magic: u32) -> Result<(), WorkerError> {
        let (line, _) = self.exchange("the interpreter's identity", b"{}\n", &[])?;
        let identity: Identity = parse("the interpreter's identity", &line)?;
        if (identity.version, identity.magic) != (version, magic) {
            return Err(WorkerError::OtherPython {
                found: identity.version,
                wanted: version,
            });
        }
        Ok(())
    }

    /// Compiles one file.
    ///
    /// # Errors
    /// The worker has ended or answers nonsense.
    pub fn compile(
        &mut self,
        path: &str,
        source: &[u8],
        level: u8,
    ) -> Result<Outcome, WorkerError> {
        let request = Request {
            path,
            levels: [level],
        };
        let mut line = serde_json::to_vec(&request).expect("a path and a number are JSON");
        line.push(b'\n');
        let (line, code) = self.exchange(path, &line, source)?;
        match parse(path, &line)? {
            Reply::Sizes([size]) if size as usize == code.len() => Ok(Outcome::Code(code)),
            Reply::Sizes(_) => Err(nonsense(path, "sizes do not add up")),
            Reply::Error(failure) => Ok(Outcome::Failed(failure)),
        }
    }

    /// Looks for what one file imports.
    ///
    /// # Errors
    ///
    /// The worker stopped or gave no answer. A file that is not Python imports nothing.
    pub fn scan(&mut self, path: &str, source: &[u8]) -> Result<Mentions, WorkerError> {
        let mut line = serde_json::to_vec(&Scan { scan: path }).expect("a path is JSON");
        line.push(b'\n');
        let (line, _) = self.exchange(path, &line, source)?;
        Ok(parse::<Scanned>(path, &line)?.mentions)
    }

    fn exchange(
        &mut self,
        path: &str,
        line: &[u8],
        payload: &[u8],
    ) -> Result<(Vec<u8>, Vec<u8>), WorkerError> {
        let mut reply = match self.talk(line, payload) {
            Ok(reply) => reply,
            Err(source) => {
                return Err(WorkerError::Stopped {
                    path: path.to_owned(),
                    said: self.said(),
                    source,
                });
            }
        };
        let newline = reply.iter().position(|byte| *byte == b'\n');
        let code = reply.split_off(newline.ok_or_else(|| nonsense(path, "no line of JSON"))? + 1);
        Ok((reply, code))
    }

    fn talk(&mut self, line: &[u8], payload: &[u8]) -> io::Result<Vec<u8>> {
        let too_long = |_| io::Error::other("the file is too long to be compiled");
        let len = u32::try_from(line.len() + payload.len()).map_err(too_long)?;
        let requests = self.requests.as_mut().expect("open until the end");
        requests.write_all(&len.to_le_bytes())?;
        requests.write_all(line)?;
        requests.write_all(payload)?;
        requests.flush()?;
        let mut prefix = [0; 4];
        self.replies.read_exact(&mut prefix)?;
        let len = u32::from_le_bytes(prefix);
        if len > LARGEST_REPLY {
            return Err(io::Error::other("the reply is absurdly long"));
        }
        let mut reply = Vec::new();
        let read = (&mut self.replies)
            .take(u64::from(len))
            .read_to_end(&mut reply)?;
        if read < len as usize {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(reply)
    }

    fn said(&mut self) -> String {
        let mut said = String::new();
        // It may still wait for input; what it said is in the file already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.errors.seek(SeekFrom::Start(0));
        let _ = self.errors.read_to_string(&mut said);
        said
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The end of its input is the end of its work.
        drop(self.requests.take());
        let _ = self.child.wait();
    }
}

fn parse<'a, T: Deserialize<'a>>(path: &str, line: &'a [u8]) -> Result<T, WorkerError> {
    serde_json::from_slice(line).map_err(|error| nonsense(path, &error.to_string()))
}

fn nonsense(path: &str, problem: &str) -> WorkerError {
    WorkerError::Nonsense {
        path: path.to_owned(),
        problem: problem.to_owned(),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A worker that is a shell script.
    fn script(text: &str) -> (tempfile::TempDir, Worker) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("worker");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let worker = Worker::start(&path).unwrap();
        (dir, worker)
    }

    #[test]
    fn a_worker_that_dies_is_quoted() {
        let (_dir, mut worker) = script("echo first >&2; echo 'last words' >&2; exit 1");
        let error = worker.compile("/~oxidize/app/x.py", b"", 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the bytecode compiler stopped while compiling `/~oxidize/app/x.py`: last words"
        );
    }

    #[test]
    fn answers_that_make_no_sense_are_refused() {
        // Length 3, and no line in it.
        let (_dir, mut worker) = script(r"printf '\003\000\000\000abc'; cat >/dev/null");
        assert!(matches!(
            worker.compile("x", b"", 0),
            Err(WorkerError::Nonsense { .. })
        ));
        // A size that the bytes do not have.
        let (_dir, mut worker) =
            script(r#"printf '\016\000\000\000{"sizes":[9]}\n'; cat >/dev/null"#);
        assert!(matches!(
            worker.compile("x", b"", 0),
            Err(WorkerError::Nonsense { .. })
        ));
        // Two gigabytes.
        let (_dir, mut worker) = script(r"printf '\000\000\000\177'; cat >/dev/null");
        assert!(matches!(
            worker.compile("x", b"", 0),
            Err(WorkerError::Stopped { .. })
        ));
    }

    #[test]
    fn another_python_is_refused() {
        let (_dir, mut worker) =
            script(r#"printf '\030\000\000\000{"magic":1,"version":2}\n'; cat >/dev/null"#);
        assert!(matches!(
            worker.check(3, 1),
            Err(WorkerError::OtherPython {
                found: 2,
                wanted: 3
            })
        ));
    }

    #[test]
    fn failures_come_back_as_data() {
        let reply = r#"{"error":{"kind":"SyntaxError","message":"no","line":null}}"#;
        let (_dir, mut worker) = script(&format!(
            "printf '\\{:03o}\\000\\000\\000{reply}\\n'; cat >/dev/null",
            reply.len() + 1
        ));
        let Outcome::Failed(failure) = worker.compile("x", b"", 0).unwrap() else {
            panic!("a failure")
        };
        assert_eq!((failure.kind.as_str(), failure.line), ("SyntaxError", None));
    }

    #[test]
    fn a_program_that_is_none_cannot_be_started() {
        let error = Worker::start(Path::new("/nonexistent/worker"))
            .map(drop)
            .unwrap_err();
        assert!(error.to_string().contains("/nonexistent/worker"));
    }
}
