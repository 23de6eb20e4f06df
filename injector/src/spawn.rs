//! Starting a program that this process has just written.

use std::io;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// How long a program may stay busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts it, and waits while it is busy (`ETXTBSY`): a child that another thread has started
/// meanwhile holds the descriptor that the program was written through, until it runs its own.
///
/// # Errors
/// As [`Command::spawn`].
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    let end = Instant::now() + PATIENCE;
    loop {
        match command.spawn() {
            Err(error)
                if error.kind() == io::ErrorKind::ExecutableFileBusy && Instant::now() < end =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            result => return result,
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_program_that_is_still_written_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("program");
        fs::write(&path, "#!/bin/sh\nexit 7\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let writer = File::options().append(true).open(&path).unwrap();
        assert_eq!(
            Command::new(&path).spawn().unwrap_err().kind(),
            io::ErrorKind::ExecutableFileBusy
        );
        let closing = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            drop(writer);
        });
        let status = spawn(&mut Command::new(&path)).unwrap().wait().unwrap();
        assert_eq!(status.code(), Some(7));
        closing.join().unwrap();
    }
}
