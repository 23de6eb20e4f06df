//! The table of docs/children.md: what each way to start a packaged program from itself, or by
//! others, makes of it.
//!
//! What a child does with Python in it is tested by `apps/children`; here it is only asked which of
//! the two it is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use oxidize_tests::package::Package;
use oxidize_tests::run::{Ending, Outcome, Run};
use oxidize_tests::targets::{self, RUNNABLE};
use oxidize_tests::tools::{self, GNU, MUSL};
use oxidize_tests::{Result, check, missing, trial};

/// Idioms that end as the application with the same arguments.
const AGAIN: [&str; 21] = [
    "exec_argv",
    "exec_python_argv",
    "exec_orig_argv",
    "exec_arguments",
    "exec_argv_as_its_own",
    "execve_orig_argv",
    "exec_flags",
    "exec_warning_option",
    "exec_argv0",
    "spawn_name",
    "proc_self_exe",
    "shell",
    "sub_argv",
    "sub_arguments",
    "sub_orig_argv",
    "sub_executable",
    "sub_argv0",
    "abspath_argv0",
    "realpath_executable",
    "which",
    "name",
];

/// On Windows `exec` is a new process that nobody waits for, and a name is found with its suffix
/// only.
fn is_for(idiom: &str, target: &str) -> bool {
    let posix =
        idiom.starts_with("exec") || ["proc_self_exe", "shell", "spawn_name"].contains(&idiom);
    !(targets::is_windows(target) && posix)
}

fn main() -> std::process::ExitCode {
    let mut trials = Vec::new();
    for target in RUNNABLE {
        let (label, triple) = (target.label, target.triple);
        trials.push(trial(format!("{label}::again"), move || again(triple)));
        trials.push(trial(format!("{label}::python"), move || python(triple)));
        trials.push(trial(format!("{label}::as_packaged"), move || {
            as_packaged(triple)
        }));
        trials.push(trial(format!("{label}::without_end"), move || {
            without_end(triple)
        }));
    }
    for (label, triple) in [("gnu", GNU), ("musl", MUSL)] {
        trials.push(trial(format!("{label}::strangers"), move || {
            strangers(triple)
        }));
        trials.push(trial(format!("{label}::setuid"), move || setuid(triple)));
        trials.push(trial(format!("{label}::sudo"), move || sudo(triple)));
        trials.push(trial(format!("{label}::capabilities"), move || {
            capabilities(triple)
        }));
        trials.push(trial(format!("{label}::started_from_c"), move || {
            started_from_c(triple)
        }));
        trials.push(trial(format!("{label}::other_user"), move || {
            other_user(triple)
        }));
        trials.push(trial(format!("{label}::between_users"), move || {
            between_users(triple)
        }));
        trials.push(trial(format!("{label}::unreadable"), move || {
            unreadable(triple)
        }));
        trials.push(trial(format!("{label}::found_through_path"), move || {
            found_through_path(triple)
        }));
        trials.push(trial(format!("{label}::virtual_environment"), move || {
            environment(triple)
        }));
    }
    trials.push(trial("empty_chroot", empty_chroot));
    oxidize_tests::main(trials)
}

fn placed(target: &str) -> Result<(tempfile::TempDir, PathBuf)> {
    place(&Package::app("restart").target(target))
}

/// A copy in a directory of its own, `DIR/place/app`. Not below the target directory, which others
/// may not be able to enter.
fn place(package: &Package) -> Result<(tempfile::TempDir, PathBuf)> {
    let app = package.shared()?;
    let directory = tempfile::tempdir()?;
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
    let place = directory.path().join("place");
    fs::create_dir(&place)?;
    let path = place.join(app.path().file_name().unwrap_or_default());
    tools::copy_program(app.path(), &path)?;
    Ok((directory, path))
}

fn is(outcome: Outcome, expected: &str, label: &str) -> Result {
    check(
        outcome.ending == Ending::Status(0) && outcome.stdout == expected,
        || format!("{label}: expected {expected:?}\n{outcome}"),
    )
}

fn refused(outcome: &Outcome, word: &str) -> Result {
    check(
        outcome.ending == Ending::Status(1)
            && outcome
                .stderr
                .contains("error: this application cannot start")
            && outcome.stderr.contains(word),
        || format!("expected a refusal with {word:?}\n{outcome}"),
    )
}

/// `sys.executable` of a program at this path.
fn spelled(path: &Path) -> PathBuf {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let name = directory.file_name().unwrap_or_default();
    let turned = directory.join("..").join(name).join("..").join(name);
    turned.join(path.file_name().unwrap_or_default())
}

/// Each idiom, in a program started by absolute path, by a relative one, and through `PATH`.
fn again(target: &str) -> Result {
    let (_directory, path) = placed(target)?;
    let place = path.parent().unwrap_or(Path::new("/"));
    let name = targets::program_name("app", target);
    let mut wrong = Vec::new();
    for idiom in AGAIN.into_iter().filter(|idiom| is_for(idiom, target)) {
        let mut starts = vec![path.clone()];
        if !targets::is_windows(target) {
            starts.extend([Path::new(".").join(&name), PathBuf::from(&name)]);
        }
        for start in starts {
            let search = format!("{}:/usr/bin:/bin", place.display());
            let run = if start == path {
                Run::new(&start)
            } else {
                // A shell finds it: what is started here is looked at before.
                let word = start.to_string_lossy().into_owned();
                Run::new("/bin/sh").arguments(["-c", "\"$0\" \"$@\"; exit $?", &word])
            };
            let mut run = run
                .directory(place)
                .arguments([idiom, "--opt", "-c", "x y"]);
            if !targets::is_windows(target) {
                run = run.variable("PATH", search);
            }
            let label = format!("{idiom} of {}", start.display());
            let expected = format!("again ['{idiom}', '--opt', '-c', 'x y']\n");
            if let Err(stop) = is(run.outcome()?, &expected, &label) {
                wrong.push(stop.to_string());
            }
        }
    }
    check(wrong.is_empty(), || wrong.join("\n"))
}

fn python(target: &str) -> Result {
    let (_directory, path) = placed(target)?;
    for how in ["command", "exec_command", "module"] {
        if how == "exec_command" && targets::is_windows(target) {
            continue;
        }
        let expected = if how == "module" {
            ""
        } else {
            "python ['-c']\n"
        };
        is(Run::new(&path).arguments([how]).outcome()?, expected, how)?;
    }
    Ok(())
}

fn as_packaged(target: &str) -> Result {
    for (children, expected) in [
        (
            "application",
            "application ['-c', \"import sys; print('python', sys.argv)\"]\n",
        ),
        ("off", ""),
    ] {
        let options = ["--children", children];
        let app = Package::app("restart")
            .target(target)
            .options(options)
            .shared()?;
        let outcome = Run::new(app.path()).arguments(["command"]).outcome()?;
        if children == "off" {
            refused(&outcome, "--children off")?;
        } else {
            is(outcome, expected, children)?;
        }
        let outcome = Run::new(app.path())
            .arguments(["sub_argv", "x"])
            .outcome()?;
        if children == "off" {
            is(outcome, "again ['sub_argv', 'x']\n", children)?;
        }
    }
    Ok(())
}

/// A program that never ends to start itself does end, and one with a bottom gets there.
fn without_end(target: &str) -> Result {
    let (_directory, path) = placed(target)?;
    // Sixty-four generations, which take their time where each is emulated.
    let outcome = Run::new(&path)
        .arguments(["without_end", "-c", "print('python')"])
        .timeout(240);
    refused(&outcome.outcome()?, "it has started itself")?;
    let deep = Run::new(&path).arguments(["deep", "12"]).timeout(180);
    is(deep.outcome()?, "bottom\n", "deep")
}

/// Nobody but the application gets its interpreter.
fn strangers(target: &str) -> Result {
    let (_directory, path) = placed(target)?;
    let spelled = spelled(&path);
    let tells = Run::new(&path).arguments(["where"]).outcome()?;
    is(tells, &format!("{}\n", spelled.display()), "sys.executable")?;
    let arguments = ["-c", "print('python')"];
    let run = |path: &Path| Run::new(path).arguments(arguments);
    refused(&run(&spelled).outcome()?, "sys.executable")?;
    for (name, value) in [
        ("OXIDIZE_INTERPRETER", "1"),
        ("OXIDIZE_STARTED_BY", "1"),
        ("OXIDIZE_STARTED_BY", "0"),
        ("OXIDIZE_STARTED_BY", "x"),
        ("OXIDIZE_GENERATIONS", "1:1"),
    ] {
        let expected = "application ['-c', \"print('python')\"]\n";
        is(run(&path).variable(name, value).outcome()?, expected, name)?;
        refused(
            &run(&spelled).variable(name, value).outcome()?,
            "sys.executable",
        )?;
    }
    // A spelling that people do use.
    let turned = path.parent().unwrap_or(Path::new("/")).join("../place/app");
    is(
        run(&turned).outcome()?,
        "application ['-c', \"print('python')\"]\n",
        "turned",
    )
}

fn as_nobody(path: &Path) -> Result<Run> {
    if !tools::is_root() {
        return missing("the rights of root");
    }
    Ok(Run::new(tools::host_tool("setpriv")?)
        .arguments(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arguments([path]))
}

/// A program that has more rights than its user is always the application.
fn setuid(target: &str) -> Result {
    let (_directory, path) = placed(target)?;
    let spelled = spelled(&path);
    for (mode, arguments) in [(0o4755, ["-c", "x"]), (0o2755, ["-c", "x"])] {
        as_nobody(&path)?; // Or there is nothing to test.
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        for start in [&path, &spelled] {
            for mark in ["OXIDIZE_INTERPRETER", "OXIDIZE_STARTED_BY"] {
                let run = as_nobody(start)?.arguments(arguments).variable(mark, "1");
                is(run.outcome()?, "application ['-c', 'x']\n", mark)?;
            }
        }
        let outcome = as_nobody(&path)?.arguments(["command"]).outcome()?;
        refused(&outcome, "setuid")?;
        let outcome = as_nobody(&path)?.arguments(["sub_argv", "x"]).outcome()?;
        is(outcome, "again ['sub_argv', 'x']\n", "setuid")?;
    }
    Ok(())
}

/// Every idiom in a program that sudo has started, as root and as somebody else, and sudo as the
/// one that starts `sys.executable`.
fn sudo(target: &str) -> Result {
    let (_directory, path) = placed(target)?;
    let spelled = spelled(&path);
    as_nobody(&path)?;
    let sudo = tools::host_tool("sudo")?;
    // sudo sets a PATH of its own.
    let place = path.parent().unwrap_or(Path::new("/"));
    let search = format!("PATH={}:/usr/bin:/bin", place.display());
    for user in ["root", "nobody"] {
        let run = |start: &Path| {
            Run::new(&sudo)
                .arguments(["-n", "-u", user, "env", &search])
                .arguments([start])
        };
        for idiom in AGAIN {
            let label = format!("{idiom} as {user}");
            let outcome = run(&path).arguments([idiom, "--opt", "-c"]).outcome()?;
            is(
                outcome,
                &format!("again ['{idiom}', '--opt', '-c']\n"),
                &label,
            )?;
        }
        for how in ["command", "exec_command"] {
            let outcome = run(&path).arguments([how]).outcome()?;
            is(outcome, "python ['-c']\n", &format!("{how} as {user}"))?;
        }
        let outcome = run(&path).arguments(["-c", "x"]).outcome()?;
        is(outcome, "application ['-c', 'x']\n", user)?;
        refused(
            &run(&spelled).arguments(["-c", "x"]).outcome()?,
            "sys.executable",
        )?;
    }
    let outcome = Run::new(&path).arguments(["sudo_command"]).outcome()?;
    is(outcome, "python ['-c']\n", "sudo sys.executable")
}

/// What is true of a setuid program, with file capabilities.
fn capabilities(target: &str) -> Result {
    let (_directory, path) = placed(target)?;
    as_nobody(&path)?;
    let done = std::process::Command::new(tools::host_tool("setcap")?)
        .arg("cap_setuid+ep")
        .arg(&path)
        .output()?;
    if !done.status.success() {
        return missing("a file system that keeps file capabilities");
    }
    for start in [&path, &spelled(&path)] {
        let run = as_nobody(start)?.arguments(["-c", "x"]);
        is(run.outcome()?, "application ['-c', 'x']\n", "capabilities")?;
    }
    let outcome = as_nobody(&path)?.arguments(["command"]).outcome()?;
    refused(&outcome, "capabilities")
}

/// Starts `argv[2]...` in the way `argv[1]` names, and ends as it does.
const STARTER: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;

static int replace(const char *how, char **args) {
    int file = open(args[0], O_RDONLY | (strcmp(how, "execveat") ? 0 : O_CLOEXEC));
    if (!strcmp(how, "fexecve")) return fexecve(file, args, environ);
    if (!strcmp(how, "execveat")) return syscall(SYS_execveat, file, "", args, environ, AT_EMPTY_PATH);
    if (!strcmp(how, "descriptor")) {
        char path[32];
        sprintf(path, "/proc/self/fd/%d", file);
        return execv(path, args);
    }
    return execv(args[0], args);
}

int main(int count, char **args) {
    int status;
    pid_t child;
    if (!strcmp(args[1], "posix_spawn")) {
        if (posix_spawn(&child, args[2], 0, 0, args + 2, environ)) return 99;
    } else if (!(child = !strcmp(args[1], "vfork") ? vfork() : fork())) {
        _exit(replace(args[1], args + 2) ? 98 : 0);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 97;
}
"#;

/// A C program that starts `sys.executable`, as a descendant of the application.
fn started_from_c(target: &str) -> Result {
    let (directory, path) = place(&Package::app("restart").target(target).launcher())?;
    let (source, starter) = (
        directory.path().join("starter.c"),
        directory.path().join("starter"),
    );
    fs::write(&source, STARTER)?;
    let done = std::process::Command::new(tools::host_tool("cc")?)
        .arg("-o")
        .args([&starter, &source])
        .output()?;
    check(done.status.success(), || {
        String::from_utf8_lossy(&done.stderr).into_owned()
    })?;
    let program = "import subprocess, sys\n\
                   command = [sys.argv[1], sys.argv[2], sys.executable, '-c', \"print('python')\"]\n\
                   sys.exit(subprocess.run(command).returncode)";
    for how in [
        "posix_spawn",
        "vfork",
        "fork",
        "fexecve",
        "execveat",
        "descriptor",
    ] {
        let run = Run::new(&path)
            .arguments([tools::here().join("launch.py")])
            .arguments(["-c", program])
            .arguments([&starter])
            .arguments([how]);
        is(run.outcome()?, "python\n", how)?;
    }
    Ok(())
}

/// A child that runs as another user than the application, which it may not look at.
fn other_user(target: &str) -> Result {
    let package = Package::app("restart").target(target).launcher();
    let (_directory, path) = place(&package)?;
    as_nobody(&path)?;
    let program = "import subprocess, sys; print(subprocess.run([sys.executable, '-c', 'print(1)'], \
                   user=65534, group=65534, extra_groups=[], capture_output=True, text=True).stdout)";
    let run = Run::new(&path)
        .arguments([tools::here().join("launch.py")])
        .arguments(["-c", program]);
    is(run.outcome()?, "1\n\n", "another user")
}

/// Becomes root by its setuid bit and starts `argv[2]...`: in its own place, as a child, or as a
/// child that is somebody else.
const BECOMES_ROOT: &str = r#"
#define _GNU_SOURCE
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **args) {
    int status;
    if (setresuid(0, 0, 0) || setresgid(0, 0, 0)) return 90;
    if (!strcmp(args[1], "exec") || !fork()) {
        if (!strcmp(args[1], "drop") && setresuid(65533, 65533, 65533)) return 91;
        execv(args[2], args + 2);
        return 92;
    }
    wait(&status);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 97;
}
"#;

/// A program that changes the user gives its caller no interpreter of that user: neither to the
/// application as another user, nor to who sets our variable or takes our name.
fn between_users(target: &str) -> Result {
    let (directory, path) = place(&Package::app("restart").target(target).launcher())?;
    let (source, helper) = (
        directory.path().join("helper.c"),
        directory.path().join("helper"),
    );
    as_nobody(&path)?;
    fs::write(&source, BECOMES_ROOT)?;
    let done = std::process::Command::new(tools::host_tool("cc")?)
        .arg("-o")
        .args([&helper, &source])
        .output()?;
    check(done.status.success(), || {
        String::from_utf8_lossy(&done.stderr).into_owned()
    })?;
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o4755))?;
    let program = "import os, subprocess, sys\n\
                   how, helper = sys.argv[1:3]\n\
                   command = [helper, how, sys.executable, '-c', \"print('python')\"]\n\
                   env = {'OXIDIZE_STARTED_BY': str(os.getpid())}\n\
                   if how == 'exec': os.execve(helper, command, env)\n\
                   sys.exit(subprocess.run(command).returncode)";
    for how in ["exec", "fork"] {
        let run = as_nobody(&path)?
            .arguments([tools::here().join("launch.py")])
            .arguments(["-c", program, how])
            .arguments([&helper]);
        refused(&run.outcome()?, "sys.executable")?;
    }
    let spelled = spelled(&path);
    let shell = Path::new("/bin/bash");
    for script in [
        "OXIDIZE_STARTED_BY=$$ exec \"$1\" exec \"$2\" -c 1",
        "OXIDIZE_STARTED_BY=$$:9 exec \"$1\" exec \"$2\" -c 1 9<<<\"oxidize $$\"",
        "OXIDIZE_STARTED_BY=$$ exec \"$1\" fork \"$2\" -c 1",
        "exec -a app \"$1\" drop \"$2\" -c 1",
    ] {
        let run = as_nobody(shell)?
            .arguments(["-c", script, "bash"])
            .arguments([&helper, &spelled]);
        refused(&run.outcome()?, "sys.executable")?;
    }
    Ok(())
}

/// A file that nobody may read, which hides the process as well.
fn unreadable(target: &str) -> Result {
    let (_directory, path) = placed(target)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o111))?;
    is(
        as_nobody(&path)?.arguments(["command"]).outcome()?,
        "python ['-c']\n",
        "mode 111",
    )?;
    let run = as_nobody(&path)?.arguments(["exec_orig_argv", "x"]);
    is(
        run.outcome()?,
        "again ['exec_orig_argv', 'x']\n",
        "mode 111",
    )
}

/// `sys.argv[0]` is what a console script in the same place has.
fn found_through_path(target: &str) -> Result {
    let (directory, path) = placed(target)?;
    let place = path.parent().unwrap_or(Path::new("/"));
    let script = place.join("script");
    fs::write(&script, "#!/bin/sh\necho \"$0\"\n")?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    let link = place.join("linked");
    std::os::unix::fs::symlink(&path, &link)?;
    let called = |name: &str, search: &str, directory: &Path| -> Result<String> {
        let run = Run::new("/bin/sh").arguments(["-c", "\"$0\" argv0; exit $?", name]);
        let outcome = run
            .directory(directory)
            .variable("PATH", search)
            .outcome()?;
        check(outcome.ending == Ending::Status(0), || outcome.to_string())?;
        Ok(outcome.stdout)
    };
    let elsewhere = directory.path();
    for (search, directory) in [
        (place.to_string_lossy().into_owned(), elsewhere),
        (format!("{}/", place.display()), elsewhere),
        ("place:/bin".to_owned(), elsewhere),
        (".:/bin".to_owned(), place),
    ] {
        let expected = called("script", &search, directory)?;
        for name in ["app", "linked"] {
            let expected = expected.replace("script", name);
            let found = called(name, &search, directory)?;
            check(found == expected, || {
                format!("{name} on PATH={search}: {found:?}, not {expected:?}")
            })?;
        }
    }
    // A name that the starter made up stays.
    let run = Run::new("/bin/bash")
        .arguments(["-c", "exec -a made-up \"$0\" argv0"])
        .arguments([&path]);
    is(run.outcome()?, "made-up\n", "exec -a")
}

fn environment(target: &str) -> Result {
    let (directory, path) = placed(target)?;
    let bin = directory.path().join("venv/bin");
    fs::create_dir_all(&bin)?;
    std::os::unix::fs::symlink(&path, bin.join("python"))?;
    let configuration = directory.path().join("venv/pyvenv.cfg");
    let run = || {
        Run::new(bin.join("python"))
            .arguments(["-c", "x"])
            .outcome()
    };
    is(run()?, "application ['-c', 'x']\n", "a link")?;
    fs::write(
        &configuration,
        "home = /usr/bin\nexecutable = /usr/bin/python3.13\n",
    )?;
    is(
        run()?,
        "application ['-c', 'x']\n",
        "another Python's environment",
    )?;
    fs::write(&configuration, format!("executable = {}\n", path.display()))?;
    refused(&run()?, "virtual environment")?;
    // `venv --copies`.
    let copy = bin.join("app");
    tools::copy_program(&path, &copy)?;
    refused(
        &Run::new(&copy).arguments(["-m", "x"]).outcome()?,
        "virtual environment",
    )?;
    fs::write(&configuration, "executable = /usr/bin/python3.13\n")?;
    is(
        Run::new(&copy).arguments(["-m", "x"]).outcome()?,
        "application ['-m', 'x']\n",
        "a program in another Python's environment",
    )
}

/// Without `/proc`, by path and through `PATH`.
fn empty_chroot() -> Result {
    if !tools::is_root() {
        return missing("the rights of root, for chroot");
    }
    let app = Package::app("restart").target(MUSL).shared()?;
    let root = tools::scratch()?;
    // Not `app` again: beside a file of that name in the working directory, `app` is a script.
    tools::copy_program(app.path(), &root.path().join("top"))?;
    fs::create_dir(root.path().join("bin"))?;
    tools::copy_program(app.path(), &root.path().join("bin/app"))?;
    let chroot = tools::host_tool("chroot")?;
    for start in ["/top", "/bin/app", "app"] {
        let run = |arguments: &[&str]| {
            Run::new(&chroot)
                .arguments([root.path()])
                .arguments([start])
                .arguments(arguments)
                .variable("PATH", "/bin:/")
                .outcome()
        };
        is(run(&["command"])?, "python ['-c']\n", start)?;
        is(run(&["exec_command"])?, "python ['-c']\n", start)?;
        for idiom in AGAIN {
            // Neither a shell nor /proc is here.
            let absent = ["shell", "proc_self_exe"].contains(&idiom);
            if !absent {
                is(
                    run(&[idiom, "x"])?,
                    &format!("again ['{idiom}', 'x']\n"),
                    idiom,
                )?;
            }
        }
        refused(
            &run(&["without_end", "-c", "print('python')"])?,
            "it has started itself",
        )?;
    }
    let stranger =
        Run::new(&chroot)
            .arguments([root.path()])
            .arguments(["/bin/../bin/../bin/app", "-c", "x"]);
    refused(&stranger.outcome()?, "sys.executable")
}
