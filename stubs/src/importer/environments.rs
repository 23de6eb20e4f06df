//! Virtual environments that a packaged program makes.
//!
//! An environment's Python is a link to the interpreter that made it, or a copy. A packaged
//! application is no Python to its users, so it cannot be one; the process that such a link starts
//! says so ([`crate::identity`]). But whoever makes an environment starts that process with its
//! output captured and tells its own story about it. So the functions that make environments are
//! told before they begin: `venv`'s, and those of virtualenv, which tox, poetry, hatch and others
//! use. Environments of installed Pythons are made as ever.
//!
//! A copy of another version may have changed: where something is missing, it is left alone.

use std::ffi::CStr;

use crate::ffi::{Call, Exception, Method, Object, Result};
use crate::own::own;

const REFUSED: &str = "a packaged application cannot be the Python of a virtual environment; \
                       make the environment with an installed Python";

/// The functions, for `_oxidize`.
pub(super) fn functions() -> Vec<Method> {
    vec![
        Method::new(
            c"make_environment",
            make_environment,
            c"make_environment(builder, original, *args)",
        ),
        Method::new(
            c"run_session",
            run_session,
            c"run_session(session, original)",
        ),
        Method::new(
            c"satisfies",
            satisfies,
            c"satisfies(info, original, spec, impl_must_match)",
        ),
    ]
}

/// `venv` was imported.
pub(super) fn venv(module: &Object<'_>) -> Result<()> {
    wrap(module, c"EnvBuilder", c"create", c"make_environment")
}

/// `virtualenv.run.session` was imported.
pub(super) fn session(module: &Object<'_>) -> Result<()> {
    wrap(module, c"Session", c"run", c"run_session")
}

/// The description of an interpreter was imported, of virtualenv or of what it uses for that.
pub(super) fn description(module: &Object<'_>) -> Result<()> {
    wrap(module, c"PythonInfo", c"satisfies", c"satisfies")
}

/// What asks interpreters for their description was imported: it starts each with a script. It
/// knows the running one without, by `sys.executable`, but then asks it again by its plain path,
/// which starts the application.
pub(super) fn questions(module: &Object<'_>) -> Result<()> {
    let gil = module.gil();
    let Some(known) = module.attr_opt(c"_CACHE")? else {
        return Ok(());
    };
    let path = gil.import("pathlib")?.attr(c"Path")?;
    let executable = gil.sys(c"executable")?;
    let absolute = gil.import("os.path")?.attr(c"abspath")?;
    let plain = absolute.call(std::slice::from_ref(&executable))?;
    let (executable, plain) = (path.call(&[executable])?, path.call(&[plain])?);
    for key in gil
        .builtin(c"list")?
        .call(std::slice::from_ref(&known))?
        .items()?
    {
        let value = known.call_method(c"__getitem__", std::slice::from_ref(&key))?;
        let other = match key.tuple_item(0) {
            None if equal(&key, &executable)? => plain.clone(),
            Some(first) if equal(&first, &executable)? => {
                let mut parts = key.items()?;
                parts[0] = plain.clone();
                gil.tuple(&parts)?
            }
            _ => continue,
        };
        known.call_method(c"__setitem__", &[other, value])?;
    }
    // A Python on disk does not see the script here. Where there is no such file, it is handed over
    // in a temporary one.
    if let Some(script) = module.attr_opt(c"_PY_INFO_SCRIPT")? {
        let name = script.attr(c"name")?;
        let place = script.attr(c"parent")?;
        let absent = place.call_method(c"joinpath", &[gil.str("not on disk")?, name])?;
        module.set_attr(c"_PY_INFO_SCRIPT", &absent)?;
    }
    Ok(())
}

fn equal<'py>(one: &Object<'py>, other: &Object<'py>) -> Result<bool> {
    let answer = one.call_method(c"__eq__", std::slice::from_ref(other))?;
    Ok(answer.is(&one.gil().bool(true)))
}

/// Puts one of our functions before a method, which it gets behind its `self`.
fn wrap(module: &Object<'_>, class: &CStr, name: &CStr, function: &CStr) -> Result<()> {
    let gil = module.gil();
    let Some(class) = module.attr_opt(class)? else {
        return Ok(());
    };
    let Some(original) = class.attr_opt(name)? else {
        return Ok(());
    };
    let function = gil.import("_oxidize")?.attr(function)?;
    let method = gil
        .import("functools")?
        .attr(c"partialmethod")?
        .call(&[function, original])?;
    class.set_attr(name, &method)
}

/// Calls the wrapped method with its own arguments.
fn original<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let mut arguments = call.positional();
    if arguments.len() < 2 {
        return Err(call.gil().raise(Exception::Type, "called by methods only"));
    }
    let original = arguments.remove(1);
    original.call_all(&arguments, call.keywords()?)
}

/// Whether an attribute of an object, or of a module, is a path to this program.
fn is_us(object: &Object<'_>, name: &CStr) -> Result<bool> {
    let Some(path) = object.attr_opt(name)? else {
        return Ok(false);
    };
    let path = path.is_str().then(|| path.as_str()).transpose()?;
    Ok(path.is_some_and(|path| own().is_some_and(|own| own.is_at(path.as_ref()))))
}

/// `venv.EnvBuilder.create`, which makes an environment of the running interpreter.
fn make_environment<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let sys = call.gil().import("sys")?;
    if is_us(&sys, c"_base_executable")? {
        return Err(call.gil().raise(Exception::Runtime, REFUSED));
    }
    original(call)
}

/// `virtualenv.run.session.Session.run()`.
fn run_session<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let interpreter = call.argument(0, "self")?.attr_opt(c"interpreter")?;
    let ours = interpreter.map(|interpreter| describes_us(&interpreter));
    if ours.transpose()? != Some(true) {
        return original(call);
    }
    // tox takes any other exception for an error of its own.
    let gil = call.gil();
    match gil.loaded("tox.tox_env.errors")? {
        Some(errors) => {
            let failure = errors.attr(c"Fail")?.call(&[gil.str(REFUSED)?])?;
            Err(gil.restore(failure))
        }
        None => Err(gil.raise(Exception::Runtime, REFUSED)),
    }
}

fn describes_us(interpreter: &Object<'_>) -> Result<bool> {
    Ok(is_us(interpreter, c"system_executable")? || is_us(interpreter, c"executable")?)
}

/// `PythonInfo.satisfies(spec, impl_must_match)`: this program is none of the Pythons of a version
/// that are looked for, so that the installed ones are found. By its path it can be named.
fn satisfies<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let (info, spec) = (call.argument(0, "self")?, call.argument(2, "spec")?);
    let named = spec.attr_opt(c"path")?.is_some_and(|path| !path.is_none());
    if !named && describes_us(&info)? {
        return Ok(call.gil().bool(false));
    }
    original(call)
}
