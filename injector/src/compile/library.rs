//! The standard library's code and its compressed forms, kept in the cache as one entry: a cold
//! start reads one file and not six hundred.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use oxidize_format::Target;

use super::{BatchError, Compiler, Job, Outcome, WorkerError};
use crate::cache::{Entry, Key};
use crate::collect::stdlib::Archive;
use crate::pack::imports::Mentions;
use crate::pack::{self, Made, Part, Payload, stdlib};
use crate::progress::Progress;
use crate::{parallel, python};

/// What is made of the library's sources.
#[derive(Debug)]
pub struct LibraryCode(Entry);

impl LibraryCode {
    /// Loads or makes the code of all sources in these archives.
    ///
    /// # Errors
    /// The worker fails, or a file of an archive cannot be read.
    pub fn load(
        compiler: &Compiler<'_>,
        archives: &[Archive],
        part: &Part<'_>,
        target: Target,
        level: u8,
        progress: &dyn Progress,
    ) -> Result<LibraryCode, BatchError> {
        let digests: Vec<u8> = archives.iter().flat_map(Archive::digest).copied().collect();
        let root = python::seen_path(target, &part.root);
        let key = Key::of(&[
            b"library 6",
            compiler.identity.bytes(),
            &[level],
            root.as_bytes(),
            &digests,
        ]);
        if let Some(entry) = compiler.cache.load("library", &key) {
            return Ok(LibraryCode(entry));
        }
        let sources: Vec<_> = part.sources().map(|(_, path)| path).collect();
        let jobs: Vec<Job<'_>> = sources
            .iter()
            .map(|path| {
                let seen = python::seen_path(target, &part.virtual_path(path)).into_owned();
                job(part, path, &seen)
            })
            .collect();
        progress.start("Compiling the standard library", jobs.len() as u64);
        let outcomes = compiler.compile_all(&jobs, level, &|| progress.advance(1))?;
        // Data files have no code, but a compressed form too.
        let mut files: Vec<&str> = sources.clone();
        let compiled: BTreeSet<&str> = sources.iter().copied().collect();
        let data = part.files.keys().map(String::as_str);
        files.extend(data.filter(|path| !compiled.contains(path)));
        let frame = |(): &mut (), path: &&str| Ok(pack::zstd_frame(bytes(part, path)));
        let frames = parallel::try_map(&files, || (), frame).map_err(BatchError::Source)?;
        let block = |(): &mut (), outcome| Ok(code_of(outcome).and_then(pack::lz4_block));
        let blocks = parallel::try_map(&outcomes, || (), block).map_err(BatchError::Source)?;
        let write = |out: &mut dyn Write| -> io::Result<()> {
            for (index, (path, frame)) in files.iter().zip(&frames).enumerate() {
                write_chunk(out, path.as_bytes())?;
                // A source that does not compile runs into its error when it is imported, as
                // anywhere else.
                let code = outcomes.get(index).and_then(code_of);
                write_chunk(out, code.unwrap_or_default())?;
                let block = blocks.get(index).and_then(Option::as_deref);
                write_chunk(out, block.unwrap_or_default())?;
                write_chunk(out, frame.as_deref().unwrap_or_default())?;
            }
            Ok(())
        };
        let entry = compiler.cache.keep("library", &key, write);
        Ok(LibraryCode(entry.map_err(WorkerError::Cache)?))
    }

    /// By the file's relative path. What the cache holds has passed its digest; should it be cut
    /// off nevertheless, it ends there.
    #[must_use]
    pub fn by_path(&self) -> BTreeMap<&str, Made<'_>> {
        let mut rest: &[u8] = &self.0;
        let mut found = BTreeMap::new();
        let some = |chunk: &'_ [u8]| -> bool { !chunk.is_empty() };
        while let Some((path, after)) = chunk(rest)
            && let Some((code, after)) = chunk(after)
            && let Some((block, after)) = chunk(after)
            && let Some((frame, after)) = chunk(after)
            && let Ok(path) = std::str::from_utf8(path)
        {
            let made = Made {
                code: Some(code).filter(|code| some(code)),
                block: Some(block).filter(|block| some(block)),
                frame: Some(frame).filter(|frame| some(frame)),
            };
            found.insert(path, made);
            rest = after;
        }
        found
    }
}

fn code_of(outcome: &Outcome) -> Option<&[u8]> {
    match outcome {
        Outcome::Code(code) => Some(code),
        Outcome::Failed(_) => None,
    }
}

fn write_chunk(out: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    let len = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    out.write_all(&len.to_le_bytes())?;
    out.write_all(bytes)
}

fn chunk(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*len) as usize)
}

/// What each source of the standard library mentions, kept as one entry too.
#[derive(Debug)]
pub struct LibraryImports(BTreeMap<String, Mentions>);

impl LibraryImports {
    /// Loads or makes what the sources in these archives mention.
    ///
    /// # Errors
    ///
    /// The worker or the cache failed.
    pub fn load(
        compiler: &Compiler<'_>,
        archives: &[Archive],
        progress: &dyn Progress,
    ) -> Result<LibraryImports, BatchError> {
        let digests: Vec<u8> = archives.iter().flat_map(Archive::digest).copied().collect();
        let key = Key::of(&[b"library imports 1", compiler.identity.bytes(), &digests]);
        let kept = compiler.cache.load("library", &key);
        if let Some(found) = kept.and_then(|entry| serde_json::from_slice(&entry).ok()) {
            return Ok(LibraryImports(found));
        }
        // For which target does not matter: the names are relative.
        let part = stdlib(archives, compiler.python, Target::X86_64_LINUX_GNU);
        let paths: Vec<_> = part.sources().map(|(_, path)| path).collect();
        let jobs: Vec<Job<'_>> = paths.iter().map(|path| job(&part, path, path)).collect();
        progress.start("Reading the standard library", jobs.len() as u64);
        let found = compiler.scan_all(&jobs, &|| progress.advance(1))?;
        let paths = paths.into_iter().map(str::to_owned);
        let found: BTreeMap<String, Mentions> = paths.zip(found).collect();
        let write = |out: &mut dyn Write| serde_json::to_writer(out, &found).map_err(Into::into);
        let _: io::Result<()> = compiler.cache.store("library", &key, write);
        Ok(LibraryImports(found))
    }

    /// By relative path of the source.
    #[must_use]
    pub fn by_path(&self) -> &BTreeMap<String, Mentions> {
        &self.0
    }
}

/// A source of the library, called `name`.
fn job<'p>(part: &'p Part<'_>, path: &'p str, name: &str) -> Job<'p> {
    Job {
        path: name.to_owned(),
        source: Box::new(move || Ok(Cow::Borrowed(bytes(part, path)))),
    }
}

fn bytes<'p>(part: &'p Part<'_>, path: &str) -> &'p [u8] {
    match &part.files[path].payload {
        Payload::Bytes(bytes) => bytes.as_ref(),
        Payload::File { .. } => unreachable!("the library comes from archives"),
    }
}
