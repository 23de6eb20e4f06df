//! Ends a command that takes too long, and everything that it started.
//!
//! The command stays in the process group of whoever signs: one in a group of its own could not
//! read the terminal, where people type PINs, and Ctrl-C would not reach it. So what it started is
//! looked for, by descent, and on Linux also by a variable that only it and they have: a process
//! whose parent has ended no longer tells whose descendant it is.

use std::process::Child;

/// The variable by which processes are known.
pub(super) const MARK: &str = "OXIDIZE_SIGN_RUN";

/// A value of [`MARK`] that no other run has.
pub(super) fn mark() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::{SystemTime, UNIX_EPOCH};
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    let time = time.map_or(0, |time| time.as_nanos());
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    format!("{}-{time}-{run}", std::process::id())
}

/// Ends the child and what it started. They are asked to end first, so that a script can put the
/// terminal in order, and have a second for that.
pub(super) fn end(mut child: Child, mark: &str) {
    system::end(&mut child, mark);
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(unix)]
mod system {
    use std::collections::BTreeSet;
    use std::process::Child;
    use std::thread;
    use std::time::{Duration, Instant};

    use rustix::process::{Pid, Signal, kill_process};

    /// How long a command may take to end.
    const GRACE: Duration = Duration::from_secs(1);
    const PAUSE: Duration = Duration::from_millis(20);
    /// Processes that start others while they are looked for are found the next time.
    const ROUNDS: u32 = 20;

    /// A process that has not ended.
    struct Process {
        pid: i32,
        parent: i32,
        has_mark: bool,
    }

    pub(super) fn end(child: &mut Child, mark: &str) {
        let root = i32::try_from(child.id()).unwrap_or(0);
        let mut known = BTreeSet::from([root]);
        look(&mut known, mark);
        signal(&known, Signal::TERM);
        let until = Instant::now() + GRACE;
        while Instant::now() < until {
            // It stays in the list of processes until it is waited for.
            if matches!(child.try_wait(), Ok(Some(_))) {
                known.remove(&root);
            }
            look(&mut known, mark);
            if known.is_empty() {
                return;
            }
            thread::sleep(PAUSE);
        }
        for _ in 0..ROUNDS {
            signal(&known, Signal::KILL);
            thread::sleep(PAUSE);
            if matches!(child.try_wait(), Ok(Some(_))) {
                known.remove(&root);
            }
            look(&mut known, mark);
            if known.is_empty() {
                return;
            }
        }
    }

    /// Leaves those among the known that have not ended, and adds what they started.
    fn look(known: &mut BTreeSet<i32>, mark: &str) {
        let mut all = processes(mark);
        known.retain(|pid| all.iter().any(|process| process.pid == *pid));
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        loop {
            let before = all.len();
            all.retain(|process| {
                let is_new = process.has_mark || known.contains(&process.parent);
                if is_new && process.pid != own {
                    known.insert(process.pid);
                }
                !is_new
            });
            if all.len() == before {
                return;
            }
        }
    }

    fn signal(pids: &BTreeSet<i32>, signal: Signal) {
        for pid in pids.iter().filter_map(|pid| Pid::from_raw(*pid)) {
            // It may have ended meanwhile, or belong to somebody else.
            let _ = kill_process(pid, signal);
        }
    }

    #[cfg(target_os = "linux")]
    fn processes(mark: &str) -> Vec<Process> {
        let Ok(list) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        let mark = format!("{}={mark}", super::MARK);
        let one = |pid: i32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // Behind the name, which may hold anything: state, parent.
            let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
            let ended = matches!(fields.next()?, "Z" | "X");
            let parent = fields.next()?.parse().ok()?;
            // Only those of the same user can be read, and only those can be ended.
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let mut variables = environment.split(|byte| *byte == 0);
            let has_mark = variables.any(|variable| variable == mark.as_bytes());
            (!ended).then_some(Process {
                pid,
                parent,
                has_mark,
            })
        };
        list.filter_map(|entry| one(entry.ok()?.file_name().to_str()?.parse().ok()?))
            .collect()
    }

    #[cfg(not(target_os = "linux"))]
    fn processes(_: &str) -> Vec<Process> {
        let mut ps = std::process::Command::new("/bin/ps");
        ps.args(["-A", "-o", "pid=", "-o", "ppid=", "-o", "stat="]);
        let list = ps.output().map(|output| output.stdout).unwrap_or_default();
        let one = |line: &str| {
            let mut fields = line.split_whitespace();
            let (pid, parent) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
            let ended = fields.next()?.starts_with('Z');
            (!ended).then_some(Process {
                pid,
                parent,
                has_mark: false,
            })
        };
        let list = String::from_utf8_lossy(&list);
        list.lines().filter_map(one).collect()
    }
}

#[cfg(windows)]
mod system {
    use std::process::{Child, Command, Stdio};

    pub(super) fn end(child: &mut Child, _: &str) {
        // With the tree below it.
        let mut kill = Command::new("taskkill");
        kill.args(["/T", "/F", "/PID", &child.id().to_string()]);
        let kill = kill.stdin(Stdio::null()).stdout(Stdio::null());
        let _ = kill.stderr(Stdio::null()).status();
    }
}
