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
            c"posix_spawn",
            children::posix_spawn,
            c"posix_spawn($module, path, argv, env, /, *, file_actions=(), setpgroup=None, resetids=False, setsid=False, setsigmask=(), setsigdef=(), scheduler=None)\n--\n\nos.posix_spawn"
        ),
        method!(
            c"posix_spawnp",
            children::posix_spawnp,
            c"posix_spawnp($module, path, argv, env, /, *, file_actions=(), setpgroup=None, resetids=False, setsid=False, setsigmask=(), setsigdef=(), scheduler=None)\n--\n\nos.posix_spawnp"
        ),
        method!(
            c"fork_exec",
            children::fork_exec,
            c"_posixsubprocess.fork_exec"
        ),
        method!(
            c"mark_after",
            children::mark_after,
            c"mark_after(preexec_fn): calls it and marks the new process as an interpreter"
        ),
    ]
}
