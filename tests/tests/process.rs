//! One table: what a packaged program does as a process must be what the plain interpreter of the
//! same distribution does, isolated (`-I`), with the same file. Exit status or signal, standard
//! output and standard error are compared.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use oxidize_tests::package::Package;
use oxidize_tests::run::{Ending, Outcome, Run};
use oxidize_tests::targets::{self, LINUX, Target};
use oxidize_tests::tools;
use oxidize_tests::{Result, Stop, check, missing, plain, trial};
use rustix::process::Signal;

/// One line of the table: the program of `apps/process/` and its surroundings.
#[derive(Clone)]
struct Row {
    /// The function, and what makes this line differ from others with the same one.
    function: &'static str,
    label: &'static str,
    arguments: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
    stdin: &'static [u8],
    /// A shell command in which `"$@"` is the program and its arguments.
    shell: Option<&'static str>,
    /// Sent when the program has written `ready`.
    signal: Option<Signal>,
    /// What both must end with, where it is the point of the line.
    ending: Option<Ending>,
}

fn row(function: &'static str) -> Row {
    Row {
        function,
        label: "",
        arguments: Vec::new(),
        variables: Vec::new(),
        stdin: b"",
        shell: None,
        signal: None,
        ending: None,
    }
}

impl Row {
    fn label(self, label: &'static str) -> Self {
        Row { label, ..self }
    }

    fn arguments<const N: usize>(self, arguments: [&str; N]) -> Self {
        Row {
            arguments: arguments.iter().map(OsString::from).collect(),
            ..self
        }
    }

    fn bytes(self, argument: &[u8]) -> Self {
        Row {
            arguments: vec![OsString::from_vec(argument.to_vec())],
            ..self
        }
    }

    fn variable(mut self, name: &'static str, value: &[u8]) -> Self {
        self.variables
            .push((name, OsString::from_vec(value.to_vec())));
        self
    }

    fn stdin(self, stdin: &'static [u8]) -> Self {
        Row { stdin, ..self }
    }

    fn shell(self, shell: &'static str) -> Self {
        Row {
            shell: Some(shell),
            ..self
        }
    }

    fn signal(self, signal: Signal) -> Self {
        Row {
            signal: Some(signal),
            ..self
        }
    }

    fn status(self, status: i32) -> Self {
        Row {
            ending: Some(Ending::Status(status)),
            ..self
        }
    }

    fn dies_of(self, signal: Signal) -> Self {
        Row {
            ending: Some(Ending::Signal(signal.as_raw())),
            ..self
        }
    }
}

/// Exit status and what comes before it.
fn endings() -> Vec<Row> {
    let exits = |value: &'static str| row("exits").label(value).arguments([value]);
    vec![
        row("ends_quietly").status(0),
        row("exits").label("nothing").status(0),
        exits("None").status(0),
        exits("0").status(0),
        exits("3").status(3),
        exits("256").status(0),
        exits("-1").status(255),
        exits("2**31").status(0),
        exits("2**64 + 1"),
        exits("-(2**70)"),
        exits("True").status(1),
        exits("'a message'").status(1),
        exits("'ünïcödé'").status(1),
        exits("(1, 2)").status(1),
        exits("1.5").status(1),
        exits("b'bytes'").status(1),
        row("exits_with_code_replaced").status(4),
        row("exits_from_nested_calls").status(5),
        row("exits_in_atexit"),
        row("exits_in_thread").status(0),
        row("leaves_at_once").status(5),
        row("aborts").dies_of(Signal::ABORT),
        row("kills_itself")
            .label("SIGTERM")
            .arguments(["SIGTERM"])
            .dies_of(Signal::TERM),
        row("kills_itself")
            .label("SIGKILL")
            .arguments(["SIGKILL"])
            .dies_of(Signal::KILL),
        row("kills_itself")
            .label("SIGHUP")
            .arguments(["SIGHUP"])
            .dies_of(Signal::HUP),
        row("kills_itself")
            .label("SIGINT")
            .arguments(["SIGINT"])
            .dies_of(Signal::INT),
        row("raises").status(1),
        row("raises_with_cause").status(1),
        row("raises_a_group").status(1),
        row("raises_what_cannot_be_shown").status(1),
        row("raises_with_notes").status(1),
        row("raises_a_syntax_error").status(1),
        row("raises_an_import_error").status(1),
        row("raises_name_error_with_suggestion").status(1),
        row("has_its_own_excepthook").status(1),
        row("has_a_broken_excepthook").status(1),
        row("raises_where_nobody_listens").status(0),
        row("is_interrupted")
            .signal(Signal::INT)
            .dies_of(Signal::INT),
        row("is_interrupted")
            .label("SIGTERM")
            .signal(Signal::TERM)
            .dies_of(Signal::TERM),
        row("is_interrupted")
            .label("SIGHUP")
            .signal(Signal::HUP)
            .dies_of(Signal::HUP),
        row("raises_keyboard_interrupt").dies_of(Signal::INT),
        row("handles_interruption").signal(Signal::INT).status(8),
        row("handles_termination").signal(Signal::TERM).status(15),
        row("shows_signal_handlers"),
        row("shows_signal_handlers")
            .label("started with signals ignored")
            .shell("trap '' INT HUP; \"$@\""),
        row("runs_atexit_functions").status(0),
        row("leaves_threads").status(0),
        row("has_a_failing_thread").status(0),
        row("leaves_a_busy_daemon").status(0),
        row("leaves_files_open").status(0),
        row("cleans_up").status(0),
        row("starts_a_thread_too_late"),
        row("forks").status(0),
    ]
}

/// Standard input, output and error: pipe, terminal, /dev/null, full, closed.
fn streams() -> Vec<Row> {
    let shows =
        |label: &'static str, shell: &'static str| row("shows_streams").label(label).shell(shell);
    vec![
        row("shows_streams"),
        shows("stdin is /dev/null", "\"$@\" </dev/null"),
        shows("stdin closed", "\"$@\" <&-"),
        shows("stdout closed", "\"$@\" >&-"),
        shows("stderr closed", "\"$@\" 2>&-"),
        shows("all closed", "\"$@\" <&- >&- 2>&-"),
        shows("files", "echo x >in; \"$@\" <in >out 2>err; cat out err"),
        shows("terminal", "script -qec \"$*\" /dev/null </dev/null"),
        row("reads_lines").label("pipe").stdin(b"one\ntwo\r\nthree"),
        row("reads_lines").label("not UTF-8").stdin(b"\xff\xfe\n"),
        row("reads_lines")
            .label("/dev/null")
            .shell("\"$@\" </dev/null"),
        row("reads_lines").label("a directory").shell("\"$@\" </"),
        row("reads_bytes").stdin(b"\0\xff\r\n"),
        row("asks").stdin(b"Ada\n"),
        row("prints").label("stdout closed").shell("\"$@\" >&-"),
        row("prints")
            .label("stdout full")
            .shell("\"$@\" >/dev/full; echo status $?"),
        row("prints_to_both")
            .label("stdout full")
            .shell("\"$@\" >/dev/full")
            .status(120),
        row("prints_to_both")
            .label("stderr full")
            .shell("\"$@\" 2>/dev/full")
            .status(120),
        row("prints_to_both")
            .label("stderr closed")
            .shell("\"$@\" 2>&-"),
        row("raises")
            .label("stderr closed")
            .shell("\"$@\" 2>&-")
            .status(1),
        row("raises")
            .label("stderr full")
            .shell("\"$@\" 2>/dev/full")
            .status(120),
        row("prints_much")
            .label("to head")
            .shell("{ \"$@\"; echo status $? >&2; } | head -n 1"),
        row("prints_much_as_a_good_citizen")
            .label("to head")
            .shell("{ \"$@\"; echo status $? >&2; } | head -n 1"),
        row("writes_interleaved"),
        row("prints_surrogates").label("not UTF-8").bytes(b"\xff"),
        row("prints_surrogates")
            .label("not UTF-8, C locale")
            .bytes(b"\xff\xc3\xa9")
            .variable("LC_ALL", b"C"),
    ]
}

/// Arguments, environment, locale, flags, faults, recursion.
fn surroundings() -> Vec<Row> {
    let encodings = |label: &'static str, name: &'static str, value: &[u8]| {
        row("shows_encodings")
            .label(label)
            .variable("LANG", b"")
            .variable(name, value)
    };
    vec![
        row("shows_arguments").label("none"),
        row("shows_arguments")
            .label("empty, spaces, newline")
            .arguments(["", " a  b ", "line\nbreak", "-c", "--", "-"]),
        row("shows_arguments")
            .label("not UTF-8")
            .bytes(b"a\xff\xe9z\xed\xa0\x80"),
        row("shows_arguments")
            .label("not UTF-8, C locale")
            .bytes(b"\xff\xc3\xa9")
            .variable("LC_ALL", b"C"),
        // 2 MB need a larger stack than usual: the kernel gives arguments a quarter of it.
        row("counts_arguments")
            .label("2 MB")
            .shell("ulimit -s 65536 && \"$@\" $(seq -f '%0100.0f' 20000)"),
        row("shows_environment"),
        row("shows_environment")
            .label("not UTF-8")
            .variable("NAME", b"\xff\xc3\xa9")
            .variable("EMPTY", b""),
        row("shows_environment")
            .label("PYTHON variables mean nothing")
            .variable("PYTHONUTF8", b"0"),
        row("shows_flags")
            .label("PYTHON variables mean nothing")
            .variable("PYTHONOPTIMIZE", b"2")
            .variable("PYTHONDEVMODE", b"1"),
        row("has_a_fault")
            .label("PYTHON variables mean nothing")
            .variable("PYTHONMALLOC", b"debug")
            .dies_of(Signal::SEGV),
        encodings("LC_ALL=C", "LC_ALL", b"C"),
        encodings("LC_ALL=POSIX", "LC_ALL", b"POSIX"),
        encodings("LC_ALL=C.UTF-8", "LC_ALL", b"C.UTF-8"),
        encodings("LC_ALL=C.utf8", "LC_ALL", b"C.utf8"),
        encodings("LC_CTYPE=C", "LC_CTYPE", b"C"),
        encodings("LC_CTYPE=C.UTF-8", "LC_CTYPE", b"C.UTF-8"),
        encodings("unset", "UNUSED", b""),
        encodings("unknown locale", "LC_ALL", b"xx_YY.ISO-8859-1"),
        encodings("PYTHONUTF8", "PYTHONUTF8", b"0"),
        row("shows_flags"),
        row("shows_main"),
        row("knows_the_machine"),
        row("knows_the_machine")
            .label("TZ")
            .variable("TZ", b"XYZ-3"),
        row("warns"),
        row("has_a_fault").dies_of(Signal::SEGV),
        row("has_an_unhandled_fault").dies_of(Signal::SEGV),
        row("dumps_its_threads").status(0),
        row("recurses").status(0),
        row("recurses_deeply").status(0),
        row("recurses_in_c").status(0),
    ]
}

fn main() -> std::process::ExitCode {
    let mut trials = Vec::new();
    for (group, rows) in [
        ("ending", endings()),
        ("streams", streams()),
        ("surroundings", surroundings()),
    ] {
        for row in rows {
            for Target { label, triple } in LINUX {
                let mut name = format!("{label}::{group}::{}", row.function);
                if !row.label.is_empty() {
                    name.push_str(&format!(" ({})", row.label));
                }
                let row = row.clone();
                trials.push(trial(name, move || compare(&row, triple)));
            }
        }
    }
    oxidize_tests::main(trials)
}

fn compare(row: &Row, target: &str) -> Result {
    if row.shell.is_some_and(|shell| shell.contains("script -"))
        && tools::host_tool("script").is_err()
    {
        return missing("script(1), which makes a terminal");
    }
    let resources = tools::here().join("apps/process");
    let app = Package::new(&resources).target(target).shared()?;
    // Before a shell starts it: whether that is possible here.
    targets::launcher(app.path())?;
    let packaged = observe(row, app.path(), &[])?;
    let python = plain::python(target)?;
    let main = resources.join("__main__.py");
    let reference = || observe(row, &python, &[PathBuf::from("-I"), main.clone()]);
    let mut expected = reference()?;
    // At its end CPython frees what daemon threads still use, and now and then dies of that.
    for _ in 0..3 {
        if row.function == "leaves_a_busy_daemon" && expected.ending != Ending::Status(0) {
            expected = reference()?;
        }
    }

    let packaged = normal(packaged, app.path(), &resources, target)?;
    let expected = normal(expected, &python, &resources, target)?;
    check(packaged == expected, || {
        format!("=== packaged\n{packaged}\n=== plain\n{expected}")
    })?;
    let as_meant = row.ending.is_none_or(|ending| ending == packaged.ending);
    check(as_meant, || {
        format!(
            "both end otherwise than meant, {:?}\n{packaged}",
            row.ending
        )
    })
}

fn observe(row: &Row, program: &Path, before: &[PathBuf]) -> Result<Outcome> {
    let mut run = match row.shell {
        Some(shell) => Run::new("/bin/sh")
            .arguments(["-c", shell, "sh"])
            .arguments([program]),
        None => Run::new(program),
    };
    for (name, value) in &row.variables {
        run = run.variable(*name, value);
    }
    run.arguments(before)
        .arguments([row.function])
        .arguments(&row.arguments)
        .stdin(row.stdin)
        .signalled(row.signal)
}

/// Paths and addresses taken out.
fn normal(outcome: Outcome, program: &Path, resources: &Path, target: &str) -> Result<Outcome> {
    let text = |text: &str| {
        let text = without_addresses(&plain::without_paths(text, program, resources, target)?);
        // faulthandler lists the extension modules that are not of the standard library: the
        // importer.
        Ok::<_, Stop>(text.replace("\nExtension modules: _oxidize (total: 1)\n", ""))
    };
    Ok(Outcome {
        ending: outcome.ending,
        stdout: text(&outcome.stdout)?,
        stderr: text(&outcome.stderr)?,
    })
}

/// `0x00007f12` becomes `0x`.
fn without_addresses(text: &str) -> String {
    let mut parts = text.split("0x");
    let mut normal = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        normal.push_str("0x");
        normal.push_str(part.trim_start_matches(|digit: char| digit.is_ascii_hexdigit()));
    }
    normal
}
