//! Children that are started as `sys.executable`, on Windows; `posix.rs` says why and how.
//!
//! Everything in the standard library that starts a program goes through `_winapi.CreateProcess` (subprocess,
//! multiprocessing, asyncio) or the `nt` functions behind `os.exec*` and `os.spawn*`.

use std::ffi::CStr;
use std::path::Path;

use crate::configure::INTERPRETER_MARK;
use crate::ffi::{Call, Gil, Method, Object, Result, lifecycle};

/// Module, name, and the attribute of `_oxidize` that keeps the original.
const REPLACED: [(&str, &CStr, &CStr); 5] = [
    ("nt", c"execv", c"_execv"),
    ("nt", c"execve", c"_execve"),
    ("nt", c"spawnv", c"_spawnv"),
    ("nt", c"spawnve", c"_spawnve"),
    ("_winapi", c"CreateProcess", c"_CreateProcess"),
];

/// The functions, for `_oxidize`.
pub(crate) fn functions() -> Vec<Method> {
    vec![
        Method::new(
            c"execv",
            execv,
            c"execv($module, path, argv, /)\n--\n\nos.execv",
        ),
        Method::new(
            c"execve",
            execve,
            c"execve($module, /, path, argv, env)\n--\n\nos.execve",
        ),
        Method::new(
            c"spawnv",
            spawnv,
            c"spawnv($module, mode, path, argv, /)\n--\n\nos.spawnv",
        ),
        Method::new(
            c"spawnve",
            spawnve,
            c"spawnve($module, mode, path, argv, env, /)\n--\n\nos.spawnve",
        ),
        Method::new(c"CreateProcess", create_process, c"_winapi.CreateProcess"),
    ]
}

/// Replaces the functions in the current interpreter.
pub(crate) fn install(gil: Gil<'_>) -> Result<()> {
    let native = gil.import("_oxidize")?;
    for (module, name, original) in REPLACED {
        let module = gil.import(module)?;
        if let Some(function) = module.attr_opt(name)? {
            native.set_attr(original, &function)?;
            module.set_attr(name, &native.attr(name)?)?;
        }
    }
    Ok(())
}

/// Whether `program` (str, bytes or path-like) is `sys.executable`. What is no path is left to the original to refuse.
fn is_ourselves<'py>(gil: Gil<'py>, program: &Object<'py>) -> Result<bool> {
    // While the interpreter ends, modules go; no child is ours then.
    let Some(os) = gil.loaded("os")? else {
        return Ok(false);
    };
    let text = os
        .call_method(c"fsdecode", std::slice::from_ref(program))
        .and_then(|program| program.as_str().map(str::to_owned));
    match text {
        Ok(program) => names_us(gil, &program),
        Err(_) => {
            gil.clear();
            Ok(false)
        }
    }
}

/// Whether a path leads to `sys.executable`, in whatever case and with whatever slashes. A name without a directory is
/// searched for by the system, and is nobody's here.
fn names_us(gil: Gil<'_>, program: &str) -> Result<bool> {
    if !program.contains(['\\', '/', ':']) {
        return Ok(false);
    }
    let executable = gil.sys(c"executable")?;
    let Ok(executable) = executable.as_str() else {
        gil.clear();
        return Ok(false);
    };
    let normal = |path: &str| {
        let path = std::path::absolute(Path::new(path)).unwrap_or_else(|_| path.into());
        path.to_string_lossy().replace('/', "\\").to_lowercase()
    };
    Ok(normal(program) == normal(executable))
}

/// The program in a command line: in quotes, or up to the first blank (`CreateProcessW`, `lpApplicationName`).
fn program_of(command: &str) -> &str {
    let command = command.trim_start_matches([' ', '\t']);
    let (command, ends): (_, &[char]) = match command.strip_prefix('"') {
        Some(quoted) => (quoted, &['"']),
        None => (command, &[' ', '\t']),
    };
    command.split(ends).next().unwrap_or_default()
}

/// This process's environment with the mark.
fn inherited<'py>(gil: Gil<'py>) -> Result<Object<'py>> {
    let environment = gil.dict()?;
    for (name, value) in lifecycle::whole_environment() {
        environment.set_object(&gil.os_str(&name)?, &gil.os_str(&value)?)?;
    }
    mark(gil, &environment)?;
    Ok(environment)
}

fn mark<'py>(gil: Gil<'py>, environment: &Object<'py>) -> Result<()> {
    environment.set_item(&INTERPRETER_MARK.to_string_lossy(), &gil.str("1")?)
}

/// A copy of a mapping with the mark.
fn marked<'py>(gil: Gil<'py>, mapping: &Object<'py>) -> Result<Object<'py>> {
    let copy = gil.builtin(c"dict")?.call(std::slice::from_ref(mapping))?;
    mark(gil, &copy)?;
    Ok(copy)
}

/// `execv(path, argv)`.
fn execv<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let (program, arguments) = (call.argument(0, "path")?, call.argument(1, "argv")?);
    if !is_ourselves(gil, &program)? {
        return call.receiver().attr(c"_execv")?.call(&[program, arguments]);
    }
    call.receiver()
        .attr(c"_execve")?
        .call(&[program, arguments, inherited(gil)?])
}

/// `execve(path, argv, env)`.
fn execve<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let (program, arguments) = (call.argument(0, "path")?, call.argument(1, "argv")?);
    let mut environment = call.argument(2, "env")?;
    if is_ourselves(gil, &program)? {
        environment = marked(gil, &environment)?;
    }
    call.receiver()
        .attr(c"_execve")?
        .call(&[program, arguments, environment])
}

/// `spawnv(mode, path, argv, /)`.
fn spawnv<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let mut arguments = call.positional();
    if arguments.len() == 3 && is_ourselves(gil, &arguments[1])? {
        arguments.push(inherited(gil)?);
        return call
            .receiver()
            .attr(c"_spawnve")?
            .call_all(&arguments, None);
    }
    call.receiver()
        .attr(c"_spawnv")?
        .call_all(&arguments, call.keywords()?)
}

/// `spawnve(mode, path, argv, env, /)`.
fn spawnve<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let mut arguments = call.positional();
    if arguments.len() == 4 && is_ourselves(gil, &arguments[1])? {
        arguments[3] = marked(gil, &arguments[3])?;
    }
    call.receiver()
        .attr(c"_spawnve")?
        .call_all(&arguments, call.keywords()?)
}

/// `CreateProcess(application_name, command_line, proc_attrs, thread_attrs, inherit_handles, creation_flags, env_mapping,
/// current_directory, startup_info, /)`.
fn create_process<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let mut arguments = call.positional();
    if arguments.len() > 6 && starts_us(gil, &arguments[0], &arguments[1])? {
        arguments[6] = if arguments[6].is_none() {
            inherited(gil)?
        } else {
            marked(gil, &arguments[6])?
        };
    }
    call.receiver()
        .attr(c"_CreateProcess")?
        .call_all(&arguments, call.keywords()?)
}

fn starts_us<'py>(gil: Gil<'py>, application: &Object<'py>, command: &Object<'py>) -> Result<bool> {
    if !application.is_none() {
        return is_ourselves(gil, application);
    }
    if !command.is_str() {
        return Ok(false);
    }
    match command.as_str() {
        Ok(command) => names_us(gil, program_of(command)),
        Err(_) => {
            gil.clear();
            Ok(false)
        }
    }
}
