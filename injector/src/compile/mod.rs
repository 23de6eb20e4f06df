//! Bytecode: sources go to worker processes in parallel, and what they make is kept in the cache.

pub mod bootstrap;
pub mod library;
pub mod worker;

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};

pub use worker::{Failure, Outcome, WorkerError};

use crate::cache::{Cache, Key};
use crate::collect::CollectError;
use crate::marshal::{self, MarshalError};
use crate::pack::imports::Mentions;
use crate::parallel;
use crate::python::Python;
use worker::Worker;

/// A source to compile.
pub struct Job<'a> {
    /// The path that code objects name: final, so that nothing depends on where the file was.
    pub path: String,
    /// The source; read when its turn comes.
    pub source: Box<dyn Fn() -> Result<Cow<'a, [u8]>, CollectError> + Sync + 'a>,
}

/// Compiling failed as a whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// A source could not be read.
    #[error(transparent)]
    Source(#[from] CollectError),
    /// The worker failed.
    #[error(transparent)]
    Worker(#[from] WorkerError),
}

/// Compiles with a certain worker.
#[derive(Debug)]
pub struct Compiler<'c> {
    cache: &'c Cache,
    program: PathBuf,
    python: Python,
    /// Everything about the worker that can change the code it makes.
    identity: Key,
}

impl<'c> Compiler<'c> {
    /// A compiler that runs `program`, which is of this Python. Codes are kept under `identity`.
    pub fn new(cache: &'c Cache, program: &Path, python: Python, identity: Key) -> Compiler<'c> {
        Compiler {
            cache,
            program: program.to_owned(),
            python,
            identity,
        }
    }

    /// The worker.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Compiles one by one what the cache does not have; `done` is told after each.
    ///
    /// # Errors
    /// A file cannot be read, or a worker fails. Sources that do not compile are outcomes, not
    /// errors.
    pub fn compile(
        &self,
        jobs: &[Job<'_>],
        level: u8,
        done: &(dyn Fn() + Sync),
    ) -> Result<Vec<Outcome>, BatchError> {
        self.in_parallel(jobs, |worker, job| {
            let outcome = self.outcome(worker, job, &(job.source)()?, level)?;
            done();
            Ok(outcome)
        })
    }

    /// Compiles and looks for imports in the same batch.
    ///
    /// # Errors
    /// As for [`compile`](Self::compile).
    pub fn compile_and_scan(
        &self,
        jobs: &[Job<'_>],
        level: u8,
        done: &(dyn Fn() + Sync),
    ) -> Result<Vec<(Outcome, Mentions)>, BatchError> {
        self.in_parallel(jobs, |worker, job| {
            let source = (job.source)()?;
            let outcome = self.outcome(worker, job, &source, level)?;
            let mentions = self.mentions(worker, job, &source)?;
            done();
            Ok((outcome, mentions))
        })
    }

    /// Looks for imports, without asking or filling the cache.
    ///
    /// # Errors
    /// A file cannot be read, or a worker fails.
    pub fn scan_all(
        &self,
        jobs: &[Job<'_>],
        done: &(dyn Fn() + Sync),
    ) -> Result<Vec<Mentions>, BatchError> {
        self.in_parallel(jobs, |worker, job| {
            let source = (job.source)()?;
            let mentions = self.with(worker)?.scan(&job.path, &source)?;
            done();
            Ok(mentions)
        })
    }

    fn outcome(
        &self,
        worker: &mut Option<Worker>,
        job: &Job<'_>,
        source: &[u8],
        level: u8,
    ) -> Result<Outcome, WorkerError> {
        let key = Key::of(&[
            b"code 1",
            self.identity.bytes(),
            &[level],
            job.path.as_bytes(),
            source,
        ]);
        let kept = self.cache.load("code", &key);
        if let Some(outcome) = kept.and_then(|entry| decode(&entry)) {
            return Ok(outcome);
        }
        let outcome = self.with(worker)?.compile(&job.path, source, level)?;
        let outcome = normalise(&job.path, outcome)?;
        // A cache that is full only costs time: it will be compiled again.
        let _ = self.cache.store("code", &key, |out| encode(&outcome, out));
        Ok(outcome)
    }

    fn mentions(
        &self,
        worker: &mut Option<Worker>,
        job: &Job<'_>,
        source: &[u8],
    ) -> Result<Mentions, WorkerError> {
        let key = Key::of(&[b"imports 1", self.identity.bytes(), source]);
        let kept = self.cache.load("imports", &key);
        if let Some(mentions) = kept.and_then(|entry| serde_json::from_slice(&entry).ok()) {
            return Ok(mentions);
        }
        let mentions = self.with(worker)?.scan(&job.path, source)?;
        let _ = self.cache.store("imports", &key, |out| {
            serde_json::to_writer(out, &mentions).map_err(std::io::Error::from)
        });
        Ok(mentions)
    }

    /// Compiles everything, without asking or filling the cache: for a batch that is cached as a
    /// whole.
    ///
    /// # Errors
    /// As for [`compile`](Self::compile).
    pub fn compile_all(
        &self,
        jobs: &[Job<'_>],
        level: u8,
        done: &(dyn Fn() + Sync),
    ) -> Result<Vec<Outcome>, BatchError> {
        self.in_parallel(jobs, |worker, job| {
            let outcome = self
                .with(worker)?
                .compile(&job.path, &(job.source)()?, level)?;
            done();
            Ok(normalise(&job.path, outcome)?)
        })
    }

    /// The thread's worker, started when it is first needed.
    fn with<'w>(&self, worker: &'w mut Option<Worker>) -> Result<&'w mut Worker, WorkerError> {
        if worker.is_none() {
            let mut started = Worker::start(&self.program)?;
            started.check(self.python.hex(), self.python.bytecode_magic())?;
            *worker = Some(started);
        }
        Ok(worker.as_mut().expect("just set"))
    }

    fn in_parallel<'j, 's, T: Send, F>(
        &self,
        jobs: &'j [Job<'s>],
        work: F,
    ) -> Result<Vec<T>, BatchError>
    where
        F: Fn(&mut Option<Worker>, &'j Job<'s>) -> Result<T, BatchError> + Sync,
    {
        parallel::try_map(jobs, || None, work)
    }
}

fn normalise(path: &str, outcome: Outcome) -> Result<Outcome, WorkerError> {
    let Outcome::Code(code) = outcome else {
        return Ok(outcome);
    };
    let nonsense = |error: MarshalError| WorkerError::Nonsense {
        path: path.to_owned(),
        problem: error.to_string(),
    };
    Ok(Outcome::Code(marshal::canonical(&code).map_err(nonsense)?))
}

fn encode(outcome: &Outcome, out: &mut dyn Write) -> std::io::Result<()> {
    match outcome {
        Outcome::Code(code) => {
            out.write_all(b"c")?;
            out.write_all(code)
        }
        Outcome::Failed(failure) => {
            out.write_all(b"f")?;
            Ok(serde_json::to_writer(out, failure)?)
        }
    }
}

fn decode(entry: &[u8]) -> Option<Outcome> {
    let (kind, rest) = entry.split_first()?;
    match kind {
        b'c' => Some(Outcome::Code(rest.to_vec())),
        b'f' => serde_json::from_slice(rest).ok().map(Outcome::Failed),
        _ => None,
    }
}
