//! Running the entry point as `__main__`, and turning its end into an exit status as `Py_RunMain`
//! does.

use std::ffi::CStr;

use oxidize_format::{Entry, Exit, Module, RunConfig};

use crate::exit::{self, End};
use crate::ffi::{Exception, Gil, Object, Raised, Result, lifecycle};
use crate::importer::{self, loader, make_spec, paths};

/// `EXIT_FAILURE` of an uncaught exception.
const UNCAUGHT: i32 = 1;
/// Runs the application and ends Python; returns the exit status.
pub(crate) fn run(settings: &RunConfig<'static>) -> i32 {
    let end = lifecycle::with_gil(|gil| {
        let result = body(gil, settings);
        conclude(gil, result)
    });
    exit::finish(end, settings.exit == Exit::Fast)
}

fn body<'py>(gil: Gil<'py>, settings: &RunConfig<'static>) -> Result<()> {
    match settings.entry {
        Entry::None => Ok(()), // Handled by the caller.
        Entry::Module(name) => run_module(gil, name),
        Entry::Script(path) => run_script(gil, path),
        Entry::Function { module, function } => run_function(gil, module, function),
    }
}

/// `python -m name`, without `runpy` and with `sys.argv[0]` left as the executable was called.
fn run_module(gil: Gil<'_>, name: &str) -> Result<()> {
    if let Some((package, _)) = name.rsplit_once('.') {
        gil.import(package)?;
    }
    let mut module = importer::find(gil, name)?;
    let mut name = name.to_owned();
    if module
        .as_ref()
        .is_some_and(oxidize_format::Module::is_package)
    {
        gil.import(&name)?;
        name.push_str(".__main__");
        module = importer::find(gil, &name)?;
    }
    match module {
        Some(module) => {
            let importer = importer::current(gil)?;
            let spec = make_spec(&importer, &gil.str(&name)?, &module)?;
            execute(
                gil,
                &module,
                &[
                    (c"__loader__", spec.attr(c"loader")?),
                    (c"__package__", spec.attr(c"parent")?),
                    (c"__spec__", spec),
                ],
            )
        }
        None => {
            // Not packaged: a module on one of the extra search paths, perhaps.
            let run = gil.import("runpy")?.attr(c"_run_module_as_main")?;
            run.call(&[gil.str(&name)?, gil.bool(false)]).map(drop)
        }
    }
}

/// `python file.py`: no spec, `__file__` is the virtual path, and the script's directory comes
/// first on `sys.path`. The application's root stays behind it, because packages lie there.
fn run_script(gil: Gil<'_>, path: &str) -> Result<()> {
    let file = gil.str(&paths::outward(path))?;
    let main = gil.import("__main__")?;
    let loader = gil.import("_oxidize")?.attr(c"SourceFileLoader")?;
    let loader = loader.call(&[gil.str("__main__")?, file.clone()])?;
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    if directory != paths::BLOB_APPLICATION_ROOT {
        gil.sys(c"path")?
            .list_insert(0, &gil.str(&paths::outward(directory))?)?;
    }
    main.set_attr(c"__loader__", &loader)?;
    main.set_attr(c"__package__", &gil.none())?;
    main.set_attr(c"__file__", &file)?;
    main.set_attr(c"__cached__", &gil.none())?;
    let code = loader.call_method(c"get_code", &[gil.str("__main__")?])?;
    gil.eval(&code, &main.module_dict()?).map(drop)
}

fn execute<'py>(
    gil: Gil<'py>,
    module: &Module<'static>,
    attributes: &[(&CStr, Object<'py>)],
) -> Result<()> {
    let code = loader::code(&importer::current(gil)?, module)?;
    let main = gil.import("__main__")?;
    if let Some(file) = module.file() {
        main.set_attr(c"__file__", &gil.str(&paths::outward(file))?)?;
    }
    main.set_attr(c"__cached__", &gil.none())?;
    for (name, value) in attributes {
        main.set_attr(name, value)?;
    }
    gil.eval(&code, &main.module_dict()?).map(drop)
}

/// A console script: `sys.exit(module.function())`.
fn run_function(gil: Gil<'_>, module: &str, function: &str) -> Result<()> {
    let mut object = gil.import(module)?;
    for name in function.split('.') {
        object = gil.builtin(c"getattr")?.call(&[object, gil.str(name)?])?;
    }
    let result = object.call(&[])?;
    let exit = gil.builtin(c"SystemExit")?.call(&[result])?;
    Err(gil.restore(exit))
}

/// Reports an uncaught exception as the interpreter does.
fn conclude(gil: Gil<'_>, result: Result<()>) -> End {
    if result.is_ok() {
        return End {
            status: 0,
            interrupted: false,
        };
    }
    if gil.raised_is(Exception::SystemExit) {
        let status = gil.take().map_or(UNCAUGHT, |exit| exit_status(gil, &exit));
        return End {
            status,
            interrupted: false,
        };
    }
    let interrupted = gil.raised_is(Exception::KeyboardInterrupt);
    gil.print_raised();
    End {
        status: UNCAUGHT,
        interrupted,
    }
}

/// The status of a SystemExit: nothing is 0, an int is itself, anything else is printed and 1.
fn exit_status<'py>(gil: Gil<'py>, exit: &Object<'py>) -> i32 {
    let status = || -> Result<i32> {
        let code = exit.attr(c"code")?;
        if code.is_none() {
            return Ok(0);
        }
        if code.is_int() {
            // C's conversion: the low bits; -1 for what does not fit a long.
            return Ok(code.as_int().map_or(-1, |value| value as i32));
        }
        gil.print_to_stderr(&code);
        Ok(UNCAUGHT)
    };
    status().unwrap_or_else(|Raised| {
        gil.clear();
        UNCAUGHT
    })
}
