//! Registrations with modules of the standard library, made when a program imports these.

use oxidize_format::Module;

use super::{paths, spawned};
use crate::ffi::{Gil, Object, Result};

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
        _ => Ok(()),
    }
}

fn is_standard(module: &Module<'static>) -> bool {
    let file = module.file().unwrap_or_default();
    file.starts_with(paths::BLOB_STDLIB_ROOT)
}
