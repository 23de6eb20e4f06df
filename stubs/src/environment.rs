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
