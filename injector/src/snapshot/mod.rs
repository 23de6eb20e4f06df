//! Start snapshots: an application that begins where its imports had ended (docs/snapshot.md).
//!
//! The finished application is started once, in an empty environment, from a copy whose descriptor
//! asks it to dump itself. What it dumps is put behind it ([`elf::snapshot`]).

pub mod dump;
mod report;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use oxidize_format::Target;
use oxidize_format::target::Processor;
use thiserror::Error;

use crate::container::ContainerError;
use crate::container::elf;
use crate::mmap::Map;
use crate::output;
use crate::output::OutputError;
use crate::spawn::spawn;
use crate::stubs::host_target;

pub use report::{ProcessFact, Report};

/// What goes into a snapshot besides the imports of the entry point.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// More modules to import.
    pub imports: Vec<String>,
    /// A function to call afterwards: `MODULE:FUNCTION`.
    pub after: Option<String>,
    /// Modules that each start executes again.
    pub reloaded: Vec<String>,
}

/// Why there is no snapshot.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The target has none.
    #[error("start snapshots are not available for {0}")]
    Target(Target),
    /// The stub was linked without a place for one.
    #[error("this stub has no place for a start snapshot")]
    Stub,
    /// The target's programs do not run here.
    #[error("taking a start snapshot runs the application, but {target} programs do not run here")]
    CannotRun {
        /// The target.
        target: Target,
        /// What the system says.
        source: io::Error,
    },
    /// Imports left something that no other process can have.
    #[error("the imports leave something that a start snapshot cannot hold:\n{}", .0.join("\n"))]
    Unfit(Vec<String>),
    /// An import failed.
    #[error("the application fails while it is imported for its start snapshot:\n{0}")]
    Failed(String),
    /// The dump is none.
    #[error("the application wrote no usable snapshot")]
    Dump,
    /// The snapshot does not fit into the file.
    #[error("the start snapshot does not fit")]
    Container(#[from] ContainerError),
    /// A temporary file.
    #[error("cannot take a start snapshot")]
    Io(#[from] io::Error),
    /// The output.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// The most that a failing application gets to say.
const LONGEST_COMPLAINT: u64 = 1 << 20;
/// Exit status where the imports left something behind (stubs/src/snapshot/dump.rs).
const UNFIT: i32 = 3;

/// Takes the snapshot of a finished application and writes it into the file.
///
/// # Errors
/// See [`enum@SnapshotError`]; the file is then as it was.
pub fn add(
    staged: &output::Staged,
    name: &Path,
    target: Target,
    wishes: &Wishes,
) -> Result<Report, SnapshotError> {
    if !is_possible(target) {
        return Err(SnapshotError::Target(target));
    }
    let application = Map::of(staged.file())?;
    if !elf::snapshot::is_possible(&application)? {
        return Err(SnapshotError::Stub);
    }
    // Neither has a name, so that no path of this machine gets into the memory.
    let (program, dumped) = (tempfile::tempfile()?, tempfile::tempfile()?);
    write_program(&program, &application)?;
    run(program, dumped.try_clone()?, name, target, wishes)?;
    let dump = Map::of(&dumped)?;
    let memory = dump::parse(&dump).ok_or(SnapshotError::Dump)?;
    let edits = elf::snapshot::compose(&application, &memory)?;
    let report = Report::parse(memory.report);
    drop(application);
    staged.set_len(edits.len)?;
    for (at, bytes) in &edits.bytes {
        staged.write_at(bytes, *at)?;
    }
    Ok(report)
}

/// Whether a target can have snapshots: its programs always lie at the same addresses.
#[must_use]
pub fn is_possible(target: Target) -> bool {
    target.is_static()
}

/// QEMU's name for a processor with few features.
fn plainest(target: Target) -> &'static str {
    match target.processor() {
        Processor::Aarch64 => "cortex-a53",
        _ => "qemu64",
    }
}

/// The application as a program that dumps itself.
fn write_program(mut file: &File, application: &[u8]) -> Result<(), SnapshotError> {
    let (at, descriptor) = elf::snapshot::mark(application)?;
    let at = usize::try_from(at).map_err(|_| SnapshotError::Dump)?;
    file.write_all(&application[..at])?;
    file.write_all(&descriptor)?;
    file.write_all(&application[at + descriptor.len()..])?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// A command that runs a file without a name, and the file, which must live until it runs.
#[cfg(target_os = "linux")]
fn command(program: File) -> io::Result<(Command, File)> {
    use rustix::io::FdFlags;
    use std::os::fd::AsRawFd;
    let path = |file: &File| format!("/proc/self/fd/{}", file.as_raw_fd());
    // A file that somebody may write cannot be run.
    let runnable = File::open(path(&program))?;
    drop(program);
    // An emulator opens it by that path, in the child.
    rustix::io::fcntl_setfd(&runnable, FdFlags::empty())?;
    Ok((Command::new(path(&runnable)), runnable))
}

#[cfg(not(target_os = "linux"))]
fn command(_: File) -> io::Result<(Command, File)> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

fn run(
    program: File,
    dump: File,
    name: &Path,
    target: Target,
    wishes: &Wishes,
) -> Result<(), SnapshotError> {
    let mut words: Vec<OsString> = vec![name.file_name().unwrap_or(name.as_os_str()).to_owned()];
    words.extend(
        wishes
            .imports
            .iter()
            .map(|name| format!("import={name}").into()),
    );
    words.extend(
        wishes
            .after
            .iter()
            .map(|name| format!("after={name}").into()),
    );
    let reloaded = wishes.reloaded.iter();
    words.extend(reloaded.map(|name| format!("reload={name}").into()));
    let (mut command, _runnable) = match command(program) {
        Err(source) if source.kind() == io::ErrorKind::Unsupported => {
            return Err(SnapshotError::CannotRun { target, source });
        }
        command => command?,
    };
    command.args(words).env_clear();
    if target.processor() != host_target().processor() {
        // So that the snapshot suits every processor of the target. The stub takes the variable
        // away before it starts Python (stubs/src/snapshot/dump.rs).
        let emulated = std::env::var_os("QEMU_CPU").unwrap_or_else(|| plainest(target).into());
        command.env("QEMU_CPU", emulated);
    }
    command
        .current_dir("/")
        .stdin(dump)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let child = spawn(&mut command);
    let mut child = child.map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => SnapshotError::CannotRun { target, source },
        // Exec format error.
        _ if source.raw_os_error() == Some(8) => SnapshotError::CannotRun { target, source },
        _ => SnapshotError::Io(source),
    })?;
    let mut complaint = Vec::new();
    if let Some(stream) = child.stderr.take() {
        let mut stream = stream.take(LONGEST_COMPLAINT);
        stream.read_to_end(&mut complaint)?;
        io::copy(&mut stream.into_inner(), &mut io::sink())?;
    }
    let status = child.wait()?;
    let complaint = String::from_utf8_lossy(&complaint).trim().to_owned();
    match status.code() {
        Some(0) => Ok(()),
        Some(UNFIT) => Err(SnapshotError::Unfit(
            complaint.lines().map(|line| format!("  {line}")).collect(),
        )),
        _ if complaint.is_empty() => Err(SnapshotError::Failed(format!("it ended with {status}"))),
        _ => Err(SnapshotError::Failed(complaint)),
    }
}
