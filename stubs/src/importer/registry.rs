//! Registrations with modules of the standard library, made when a program imports these, and what
//! it is told where they cannot work.

use oxidize_format::Module;

use super::{environments, paths, spawned};
use crate::ffi::{Exception, Gil, Object, Raised, Result};

/// Called after a module was executed.
pub(super) fn loaded<'py>(
    gil: Gil<'py>,
    module: &Module<'static>,
    object: &Object<'py>,
) -> Result<()> {
    match module.name() {
        // importlib's own finders are registered there, too.
        "importlib.abc" if is_standard(module) => {
            let finder = gil.import("_oxidize")?.attr(c"Importer")?;
            let class = object.attr(c"MetaPathFinder")?;
            class.call_method(c"register", &[finder]).map(drop)
        }
        // For `FileFinder` it lists the files of the directory; modules without source have none.
        "pkgutil" if is_standard(module) => {
            let finder = gil.import("_oxidize")?.attr(c"FileFinder")?;
            let list = finder.attr(c"iter_modules")?;
            let function = object.attr(c"iter_importer_modules")?;
            function.call_method(c"register", &[finder, list]).map(drop)
        }
        "multiprocessing.spawn" if is_standard(module) => spawned::register(object),
        // Copies of multiprocessing: Celery's, and the one that pickles with dill.
        "billiard.spawn" | "multiprocess.spawn" => spawned::register(object),
        "venv" if is_standard(module) => environments::venv(object),
        "virtualenv.run.session" => environments::session(object),
        // virtualenv's own up to 20, then a package beside it.
        "virtualenv.discovery.py_info" | "python_discovery._py_info" => {
            environments::description(object)
        }
        "virtualenv.discovery.cached_py_info" | "python_discovery._cached_py_info" => {
            environments::questions(object)
        }
        _ => Ok(()),
    }
}

/// Called after a module's code has raised. Packages of the standard library whose C module no stub
/// has say so, instead of hinting at how Python was configured.
pub(super) fn failed(gil: Gil<'_>, module: &Module<'static>) -> Raised {
    let name = module.name();
    let missing = match name {
        "tkinter" => "Tk",
        "dbm.gnu" => "the GNU database library",
        _ => return Raised,
    };
    if !is_standard(module) || !gil.raised_is(Exception::Import) {
        return Raised;
    }
    let Some(error) = gil.take() else {
        return Raised;
    };
    let message = format!(
        "{name} is not available: the interpreter of this program is built without {missing}"
    );
    match gil.str(&message) {
        // `msg` is what an ImportError shows; name, class and traceback stay.
        Ok(message) if error.set_attr(c"msg", &message).is_ok() => gil.restore(error),
        _ => Raised,
    }
}

fn is_standard(module: &Module<'static>) -> bool {
    let file = module.file().unwrap_or_default();
    file.starts_with(paths::BLOB_STDLIB_ROOT)
}
