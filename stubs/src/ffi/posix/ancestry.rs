//! The processes that ours descends from, on Linux: read from `/proc`.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
pub(crate) use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};

use crate::identity::{Ancestor, Trust};

/// A process has no more ancestors than this that we look at.
const MOST: usize = 512;

/// Device and inode.
type File = (u64, u64);

fn file(path: impl AsRef<Path>) -> Option<File> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Parent first; `None` without `/proc`. `ask` whose word counts, which costs a file more for each.
pub(crate) fn ancestors(own: &Path, ask: bool) -> Option<Vec<Ancestor>> {
    let us = Us::new(own)?;
    let mut ancestors = Vec::new();
    let mut process = parent("self")?;
    let mut trust = Trust::new(ask.then(|| users("self")).flatten());
    while process != 0 && ancestors.len() < MOST {
        let mut ancestor = us.ancestor(process);
        if ask {
            ancestor.is_trusted = trust.reaches(users(&process.to_string()));
        }
        ancestors.push(ancestor);
        let Some(next) = parent(&process.to_string()) else {
            break;
        };
        process = next;
    }
    Some(ancestors)
}

/// A file of `/proc`, which has no length to be known beforehand: one call for most of them,
/// instead of many that each take a little more.
fn read(path: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(4096);
    fs::File::open(path).ok()?.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The parent's number. The name before it is in parentheses and may hold anything.
fn parent(process: &str) -> Option<u32> {
    let stat = read(&format!("/proc/{process}/stat"))?;
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(end + 1..)?).ok()?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Real, effective and saved user of a process. The owner of its directory is not enough: it is
/// root for whatever may not be looked at.
fn users(process: &str) -> Option<[u32; 3]> {
    let status = read(&format!("/proc/{process}/status"))?;
    let status = String::from_utf8_lossy(&status);
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    let mut users = line.split_ascii_whitespace().map(str::parse);
    let mut next = || users.next()?.ok();
    Some([next()?, next()?, next()?])
}

struct Us<'a> {
    path: &'a Path,
    /// What `/proc` says we are.
    file: File,
    /// What the kernel runs: an emulator answers for `/proc/self` only.
    running: File,
    directory: Option<PathBuf>,
}

impl<'a> Us<'a> {
    fn new(path: &'a Path) -> Option<Self> {
        let own = file("/proc/self/exe")?;
        Some(Us {
            path,
            file: own,
            running: file("/proc/thread-self/exe").unwrap_or(own),
            directory: fs::read_link("/proc/self/cwd").ok(),
        })
    }

    fn ancestor(&self, process: u32) -> Ancestor {
        let link = format!("/proc/{process}/exe");
        let found = file(&link);
        let is_emulated = self.running != self.file;
        let is_our_file = found.is_some_and(|found| found == self.file || self.is_our_path(&link));
        // Most ancestors are shells and services, whose words are of no use.
        let is_told = is_our_file || is_emulated || found.is_none();
        let command = is_told.then(|| read(&format!("/proc/{process}/cmdline")));
        let mut command = command.flatten().map(|bytes| words(&bytes));
        let is_us = match found {
            // One emulator for all: its command line has the program, its first argument comes
            // next.
            Some(found) if is_emulated => {
                let ours = command.as_mut().is_some_and(|command| {
                    let place = command
                        .iter()
                        .position(|word| file(word) == Some(self.file));
                    if let Some(place) = place {
                        command.drain(..=place);
                    }
                    place.is_some()
                });
                found == self.running && ours
            }
            Some(_) => is_our_file,
            // Another user's, or one whose file nobody may read: what it calls itself has to do.
            None => command
                .as_ref()
                .and_then(|command| command.first())
                .is_some_and(|first| Path::new(first).file_name() == self.path.file_name()),
        };
        Ancestor {
            process,
            is_us,
            is_trusted: false,
            command: command.filter(|_| is_us),
            same_directory: if is_us {
                self.same_directory(process)
            } else {
                None
            },
        }
    }

    /// Whether it runs what was at our path when it started: the file may have been replaced since.
    fn is_our_path(&self, link: &str) -> bool {
        let Ok(target) = fs::read_link(link) else {
            return false;
        };
        let target = target.as_os_str().as_bytes();
        target.strip_suffix(b" (deleted)") == Some(self.path.as_os_str().as_bytes())
    }

    fn same_directory(&self, process: u32) -> Option<bool> {
        let theirs = fs::read_link(format!("/proc/{process}/cwd")).ok()?;
        Some(&theirs == self.directory.as_ref()?)
    }
}

/// The arguments in `/proc/PID/cmdline`, each with a NUL behind it.
fn words(bytes: &[u8]) -> Vec<OsString> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    bytes
        .split(|byte| *byte == 0)
        .map(|word| OsString::from_vec(word.to_vec()))
        .collect()
}
