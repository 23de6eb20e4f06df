//! Environment variables that the standard library reads although CPython was told to use none.
//!
//! CPython ignores its own variables when the configuration says so. The standard library has a few
//! that it reads nevertheless, some of which name files or modules to run:
//! `_PYTHON_SYSCONFIGDATA_PATH` is a directory whose code `sysconfig` executes. Whoever starts the
//! application would choose them. So they are removed from its environment before CPython starts.
//! The whole list, with what becomes of each variable, is `docs/environment.md`.

use std::ffi::CStr;

/// Removed always: CPython takes `sys.executable` from these whatever its configuration says
/// (Modules/getpath.py).
pub const REMOVED_ALWAYS: [&CStr; 2] = [c"PYTHONEXECUTABLE", c"__PYVENV_LAUNCHER__"];

/// Removed unless the application asks for the environment.
pub const REMOVED: [&CStr; 14] = [
    c"PYTHONDOCS",
    c"PYTHONSTARTUP",
    c"PYTHONTZPATH",
    c"PYTHONUSERBASE",
    c"PYTHON_BASIC_REPL",
    c"PYTHON_DOM",
    c"PYTHON_HISTORY",
    c"PYREPL_TRACE",
    c"PY_SAX_PARSER",
    c"_PYTHON_HOST_PLATFORM",
    c"_PYTHON_PROJECT_BASE",
    c"_PYTHON_SUBPROCESS_USE_POSIX_SPAWN",
    c"_PYTHON_SYSCONFIGDATA_NAME",
    c"_PYTHON_SYSCONFIGDATA_PATH",
];

/// What passes in any case: what processes of ours tell each other, and what Windows programs
/// cannot do without.
const PASSES_ALWAYS: [&str; 2] = ["OXIDIZE_", "="];
const PASSES_ON_WINDOWS: [&str; 3] = ["SYSTEMROOT", "SYSTEMDRIVE", "WINDIR"];

/// Whether a variable reaches an application that lets these pass: names, or beginnings with `*`.
pub fn passes(name: &str, passing: &[&str]) -> bool {
    // Windows has one variable for `Path` and `PATH`.
    let folded = |text: &str| {
        if cfg!(windows) {
            text.to_uppercase()
        } else {
            text.to_owned()
        }
    };
    let name = folded(name);
    let is_meant = |wanted: &&str| match wanted.strip_suffix('*') {
        Some(beginning) => name.starts_with(&folded(beginning)),
        None => name == folded(wanted),
    };
    passing.iter().any(is_meant)
        || PASSES_ALWAYS
            .iter()
            .any(|beginning| name.starts_with(beginning))
        || (cfg!(windows) && PASSES_ON_WINDOWS.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_beginnings_pass() {
        let passing = ["HOME", "LC_*"];
        for name in ["HOME", "LC_ALL", "LC_", "OXIDIZE_STARTED_BY"] {
            assert!(passes(name, &passing), "{name}");
        }
        for name in ["HOME2", "HOM", "LC", "LANG", "", "PATH"] {
            assert!(!passes(name, &passing), "{name}");
        }
        assert_eq!(passes("home", &passing), cfg!(windows));
        assert_eq!(passes("SystemRoot", &passing), cfg!(windows));
        assert!(passes("anything", &["*"]));
    }
}
