//! What imports have asked about the process: the snapshot serves those of which it is true.

use std::fs;
use std::path::Path;

use oxidize_tests::package::{App, Package};
use oxidize_tests::run::Run;
use oxidize_tests::tools::{self, MUSL};
use oxidize_tests::{Result, check};

use super::tool;

/// A program of two files: `kept.py` is imported for the snapshot.
fn program(kept: &str, main: &str, more: &[&str]) -> Result<App> {
    let place = tools::scratch()?;
    fs::write(place.path().join("kept.py"), kept)?;
    fs::write(place.path().join("__main__.py"), main)?;
    Package::new(place.path())
        .target(MUSL)
        .options(["--snapshot"])
        .options(more.iter().copied())
        .build()
}

/// Runs it there; whether it starts from the snapshot is the answer.
fn runs(app: &Path, directory: &str, arguments: &[&str], prints: &str, restored: bool) -> Result {
    let outcome = Run::new(app)
        .directory(directory)
        .arguments(arguments)
        .variable("OXIDIZE_TRACE_START", "1")
        .outcome()?;
    check(
        outcome.stdout == prints
            && outcome.stderr.contains("start from the snapshot\n") == restored,
        || format!("{directory} {arguments:?}: expected {prints:?}, {restored}\n{outcome}"),
    )
}

const KEPT: &str = "\
import os, sys
from os import getcwd
from sys import argv
arguments = sys.argv[1:]
directory = getcwd()
terminal = sys.stdout.isatty()
";

/// Each comparison is of what the import has kept with what is so.
const COMPARE: &str = "\
import os, sys, kept
assert kept.argv is sys.argv and type(sys.argv) is list and type(sys.orig_argv) is list
assert kept.getcwd is os.getcwd and 'isatty' not in vars(sys.stdout)
print(kept.arguments == sys.argv[1:], kept.directory == os.getcwd(), kept.terminal)
";

pub(crate) fn what_was_asked_decides() -> Result {
    let right = "True True False\n";
    let app = program(KEPT, COMPARE, &[])?;
    runs(app.path(), "/", &[], right, true)?;
    runs(app.path(), "/", &["one"], right, false)?;
    runs(app.path(), "/tmp", &[], right, false)?;
    let listed = tool(&["inspect"], app.path())?;
    for line in ["command line", "current directory", "terminals"] {
        let line = format!("  depends on   {line} (/~oxidize/app/kept.py:");
        check(listed.contains(&line), || format!("no {line:?}\n{listed}"))?;
    }
    // A terminal on standard input.
    let terminal = Run::new("script")
        .arguments(["-qec", &app.path().to_string_lossy(), "/dev/null"])
        .directory("/")
        .variable("OXIDIZE_TRACE_START", "1")
        .outcome()?;
    check(
        terminal
            .stdout
            .contains("an import has asked for terminals"),
        || format!("{terminal}"),
    )?;
    // Executed again, it is right in every process.
    let app = program(KEPT, COMPARE, &["--snapshot-reload", "kept"])?;
    runs(app.path(), "/tmp", &["one"], right, true)
}

/// The ways to read a list, and to leave another one behind.
pub(crate) fn every_way_to_the_command_line_counts() -> Result {
    for kept in [
        "import sys\nkept = len(sys.argv)",
        "import sys\nkept = list(sys.argv)",
        "import sys\nkept = [*sys.argv]",
        "import sys\nkept = sys.argv[-1]",
        "import sys\nkept = '-v' in sys.argv",
        "import sys\nname, *kept = sys.argv",
        "import sys\nkept = bool(sys.argv and sys.argv[1:])",
        "import sys\nkept = sys.orig_argv[1:]",
        "import sys\nkept = ' '.join(sys.argv)",
        "from sys import argv\nkept = [word for word in argv]",
        "import sys\nsys.argv.append('x')\nkept = 0",
        "import sys\nsys.argv = ['x']\nkept = 0",
    ] {
        let app = program(kept, "import kept\nprint(kept.__name__)\n", &[])?;
        runs(app.path(), "/", &["one"], "kept\n", false)
            .map_err(|stop| format!("{kept}: {stop}"))
            .or_else(oxidize_tests::fail)?;
    }
    Ok(())
}

/// The file's name counts if an import has asked for it.
pub(crate) fn the_name_decides() -> Result {
    let kept = "import argparse\nparser = argparse.ArgumentParser()\n";
    let app = program(kept, "import kept\nprint(kept.parser.prog)\n", &[])?;
    let name = app.path().file_name().unwrap_or_default();
    let prints = format!("{}\n", name.to_string_lossy());
    runs(app.path(), "/tmp", &["one"], &prints, true)?;
    let place = tools::scratch()?;
    let renamed = place.path().join("another");
    fs::copy(app.path(), &renamed)?;
    runs(&renamed, "/tmp", &[], "another\n", false)
}

/// `multiprocessing` notes at its import where children are to begin.
pub(crate) fn the_directory_of_children_is_the_processs() -> Result {
    let kept = "import multiprocessing.process\n";
    let main = "\
import kept, multiprocessing.process, os
print(multiprocessing.process.ORIGINAL_DIR == os.getcwd() != '/')
";
    let app = program(kept, main, &[])?;
    runs(app.path(), "/tmp", &["one"], "True\n", true)
}

/// A module that nothing imports cannot be reloaded.
pub(crate) fn a_module_to_reload_must_be_there() -> Result {
    tools::stub(MUSL)?;
    let place = tools::scratch()?;
    fs::write(place.path().join("__main__.py"), "print(1)\n")?;
    let outcome = Package::new(place.path())
        .target(MUSL)
        .options(["--snapshot", "--snapshot-reload", "absent"])
        .write(&place.path().join("app"));
    match outcome {
        Ok(()) => oxidize_tests::fail("it was packaged"),
        Err(stop) => check(stop.to_string().contains("`absent`"), || stop.to_string()),
    }
}
