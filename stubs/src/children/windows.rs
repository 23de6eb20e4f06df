//! The functions that start a process, on Windows; the module above says what is done to them.
//!
//! Everything in the standard library that starts a program goes through `_winapi.CreateProcess`
//! (subprocess, multiprocessing, asyncio) or the `nt` functions behind `os.exec*` and `os.spawn*`.

use std::ffi::OsString;

use super::Replaced;
use crate::ffi::{Call, Gil, Method, Object, Result, lifecycle};
use crate::identity::arguments::split;
use crate::own::{MARK, Own, own};

/// The functions that are replaced.
pub(super) const REPLACED: [Replaced; 5] = [
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

/// Whether `program` (str, bytes or path-like) is `sys.executable`. What is no path is left to the
/// original to refuse.
fn is_ourselves<'py>(gil: Gil<'py>, program: &Object<'py>) -> Result<bool> {
    // While the interpreter ends, modules go; no child is ours then.
    let Some(os) = gil.loaded("os")? else {
        return Ok(false);
    };
    let text = os
        .call_method(c"fsdecode", std::slice::from_ref(program))
        .and_then(|program| program.as_str().map(str::to_owned));
    match text {
        Ok(program) => Ok(names_us(&program)),
        Err(_) => {
            gil.clear();
            Ok(false)
        }
    }
}

/// Whether a path is `sys.executable`, in whatever case and with whatever slashes. It is not
/// normalised: then it would be the application's own.
fn names_us(program: &str) -> bool {
    let normal = |path: &str| path.replace('/', "\\").to_lowercase();
    own().is_some_and(|own| {
        own.executable != own.file && normal(&own.executable.to_string_lossy()) == normal(program)
    })
}

/// The program in a command line: in quotes, or up to the first blank (`CreateProcessW`,
/// `lpApplicationName`).
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
    environment.set_item(
        &MARK.to_string_lossy(),
        &gil.str(&std::process::id().to_string())?,
    )
}

/// A copy of a mapping with the mark.
fn marked<'py>(gil: Gil<'py>, mapping: &Object<'py>) -> Result<Object<'py>> {
    let copy = gil.builtin(c"dict")?.call(std::slice::from_ref(mapping))?;
    mark(gil, &copy)?;
    Ok(copy)
}

/// The application's own file and arguments, if `arguments` are those it was started with itself.
fn again<'py>(
    gil: Gil<'py>,
    arguments: &Object<'py>,
) -> Result<Option<(Object<'py>, Object<'py>)>> {
    let Ok(items) = arguments.items() else {
        gil.clear();
        return Ok(None);
    };
    let mut words = Vec::new();
    for item in &items {
        match item.as_str() {
            Ok(word) => words.push(OsString::from(word)),
            Err(_) => {
                gil.clear();
                return Ok(None);
            }
        }
    }
    super::again(&words)
        .map(|own| ourselves(gil, own))
        .transpose()
}

fn ourselves<'py>(gil: Gil<'py>, own: &Own) -> Result<(Object<'py>, Object<'py>)> {
    let words = own
        .arguments
        .iter()
        .map(|word| gil.os_str(word))
        .collect::<Result<Vec<_>>>()?;
    Ok((gil.os_str(own.file.as_os_str())?, gil.list(&words)?))
}

/// `execv(path, argv)`.
fn execv<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let (program, arguments) = (call.argument(0, "path")?, call.argument(1, "argv")?);
    let native = call.receiver();
    if !is_ourselves(gil, &program)? {
        return native.attr(c"_execv")?.call(&[program, arguments]);
    }
    if let Some((program, arguments)) = again(gil, &arguments)? {
        return native.attr(c"_execv")?.call(&[program, arguments]);
    }
    native
        .attr(c"_execve")?
        .call(&[program, arguments, inherited(gil)?])
}

/// `execve(path, argv, env)`.
fn execve<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let (mut program, mut arguments) = (call.argument(0, "path")?, call.argument(1, "argv")?);
    let mut environment = call.argument(2, "env")?;
    if is_ourselves(gil, &program)? {
        if let Some(own) = again(gil, &arguments)? {
            (program, arguments) = own;
        } else {
            environment = marked(gil, &environment)?;
        }
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
        if let Some(own) = again(gil, &arguments[2])? {
            (arguments[1], arguments[2]) = own;
        } else {
            arguments.push(inherited(gil)?);
            return call
                .receiver()
                .attr(c"_spawnve")?
                .call_all(&arguments, None);
        }
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
        if let Some(own) = again(gil, &arguments[2])? {
            (arguments[1], arguments[2]) = own;
        } else {
            arguments[3] = marked(gil, &arguments[3])?;
        }
    }
    call.receiver()
        .attr(c"_spawnve")?
        .call_all(&arguments, call.keywords()?)
}

/// `CreateProcess(application_name, command_line, proc_attrs, thread_attrs, inherit_handles,
/// creation_flags, env_mapping, current_directory, startup_info, /)`.
fn create_process<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let mut arguments = call.positional();
    if arguments.len() > 6 && starts_us(gil, &arguments[0], &arguments[1])? {
        if let Some(own) = again_by_command(gil, &arguments[1])? {
            let (program, words) = ourselves(gil, own)?;
            arguments[0] = program;
            arguments[1] = gil
                .import("subprocess")?
                .call_method(c"list2cmdline", &[words])?;
        } else {
            arguments[6] = if arguments[6].is_none() {
                inherited(gil)?
            } else {
                marked(gil, &arguments[6])?
            };
        }
    }
    call.receiver()
        .attr(c"_CreateProcess")?
        .call_all(&arguments, call.keywords()?)
}

/// The same for a command line.
fn again_by_command<'py>(gil: Gil<'py>, command: &Object<'py>) -> Result<Option<&'static Own>> {
    if !command.is_str() {
        return Ok(None);
    }
    match command.as_str() {
        Ok(command) => Ok(super::again(&split(command))),
        Err(_) => {
            gil.clear();
            Ok(None)
        }
    }
}

fn starts_us<'py>(gil: Gil<'py>, application: &Object<'py>, command: &Object<'py>) -> Result<bool> {
    if !application.is_none() {
        return is_ourselves(gil, application);
    }
    if !command.is_str() {
        return Ok(false);
    }
    match command.as_str() {
        Ok(command) => Ok(names_us(program_of(command))),
        Err(_) => {
            gil.clear();
            Ok(false)
        }
    }
}
