//! Functions of `_oxidize` that take the place of this system's ways to start a process.

use pyo3_ffi as py;

use crate::children;
use crate::ffi::call::method;

pub(in crate::ffi) fn children() -> Vec<py::PyMethodDef> {
    vec![
        method!(
            c"execv",
            children::execv,
            c"execv($module, path, argv, /)\n--\n\nos.execv"
        ),
        method!(
            c"execve",
            children::execve,
            c"execve($module, /, path, argv, env)\n--\n\nos.execve"
        ),
        method!(
            c"spawnv",
            children::spawnv,
            c"spawnv($module, mode, path, argv, /)\n--\n\nos.spawnv"
        ),
        method!(
            c"spawnve",
            children::spawnve,
            c"spawnve($module, mode, path, argv, env, /)\n--\n\nos.spawnve"
        ),
        method!(
            c"CreateProcess",
            children::create_process,
            c"_winapi.CreateProcess"
        ),
    ]
}
