//! A signer outside: a command of the user's that has the key, or knows who has.
//!
//! The command is run by the shell, with the request in its environment. It answers on standard
//! output; what it says on standard error, a question for a PIN for example, goes to the terminal.
//!
//! | variable | value |
//! |---|---|
//! | `OXIDIZE_SIGN_REQUEST` | `sign`, or `certificates` |
//! | `OXIDIZE_SIGN_ALGORITHM` | `rsa-pkcs1-sha256`, `ecdsa-p256-sha256` or `ecdsa-p384-sha384` |
//! | `OXIDIZE_SIGN_HASH` | `sha256` or `sha384`: of what standard input holds |
//! | `OXIDIZE_SIGN_RUN` | by which what the command started is found when it takes too long |

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::descendants;
use super::error::{CommandFault, SignError};
use super::terminal::Terminal;

/// Signatures have some hundred bytes, chains some KiB.
const LARGEST: u64 = 1 << 20;
/// Nobody waits longer for it than a year.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A command that signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// The command line, for the system's shell.
    pub command: String,
    /// How long it may take. People look for tokens and type PINs.
    pub timeout: Duration,
    /// Where it runs, if not in the current directory.
    pub directory: Option<PathBuf>,
}

impl External {
    /// The certificates, in any form in which a file of them is taken.
    pub(super) fn certificates(&self) -> Result<Vec<u8>, SignError> {
        self.run(&[("OXIDIZE_SIGN_REQUEST", "certificates")], &[])
    }

    /// The signature of this digest.
    pub(super) fn sign(
        &self,
        algorithm: &str,
        hash: &str,
        digest: &[u8],
    ) -> Result<Vec<u8>, SignError> {
        let request = [
            ("OXIDIZE_SIGN_REQUEST", "sign"),
            ("OXIDIZE_SIGN_ALGORITHM", algorithm),
            ("OXIDIZE_SIGN_HASH", hash),
        ];
        self.run(&request, digest)
    }

    fn run(&self, environment: &[(&str, &str)], input: &[u8]) -> Result<Vec<u8>, SignError> {
        let deadline = Instant::now() + self.timeout.min(LONGEST);
        let mark = descendants::mark();
        let terminal = Terminal::save();
        let mut shell = shell(&self.command);
        if let Some(directory) = &self.directory {
            shell.current_dir(directory);
        }
        let mut child = shell
            .env(descendants::MARK, &mark)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| SignError::Command(CommandFault::Start(error.to_string())))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A digest fits into the pipe. A command that reads none of it says so by its status.
            let _ = stdin.write_all(input);
        }
        let stdout = child.stdout.take().expect("standard output is a pipe");
        let (sender, receiver) = mpsc::channel();
        // A grandchild may keep the pipe open for ever, so nobody waits for this thread.
        thread::spawn(move || {
            let mut answer = Vec::new();
            let read = stdout.take(LARGEST + 1).read_to_end(&mut answer);
            let _ = sender.send(read.map(|_| answer));
        });
        let answer = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        let Ok(answer) = answer else {
            return Err(self.stop(child, &mark, &terminal));
        };
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
                _ => return Err(self.stop(child, &mark, &terminal)),
            }
        };
        // Before its status: nobody reads on, and that may have ended it.
        if matches!(&answer, Ok(answer) if answer.len() as u64 > LARGEST) {
            return Err(SignError::Command(CommandFault::TooMuch));
        }
        if !status.success() {
            return Err(SignError::Command(CommandFault::Status(status)));
        }
        let unread = |error: io::Error| SignError::Command(CommandFault::Read(error.to_string()));
        let answer = answer.map_err(unread)?;
        if answer.is_empty() {
            return Err(SignError::Command(CommandFault::Nothing));
        }
        Ok(answer)
    }

    fn stop(&self, child: Child, mark: &str, terminal: &Terminal) -> SignError {
        descendants::end(child, mark);
        terminal.restore();
        SignError::CommandTimeout(self.timeout.as_secs())
    }
}

#[cfg(not(windows))]
fn shell(line: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line]);
    command
}

#[cfg(windows)]
fn shell(line: &str) -> Command {
    use std::os::windows::process::CommandExt;
    let mut command = Command::new("cmd");
    // The line is the shell's to take apart, so nothing in it is quoted once more.
    command.raw_arg("/D /S /C \"").raw_arg(line).raw_arg("\"");
    command
}
