//! The names that `site` adds to `builtins`. `site` itself is not run: it would read directories
//! and `.pth` files.

use crate::ffi::{Gil, Object, Result};

/// Adds `exit`, `quit`, `copyright`, `credits`, `license` and `help` (`Lib/site.py`, `setquit` to
/// `sethelper`).
pub(crate) fn install(gil: Gil<'_>) -> Result<()> {
    let classes = gil.import("_sitebuiltins")?;
    let builtins = gil.import("builtins")?;
    let quitter = classes.attr(c"Quitter")?;
    let end_of_file = gil.str(if cfg!(windows) {
        "Ctrl-Z plus Return"
    } else {
        "Ctrl-D (i.e. EOF)"
    })?;
    builtins.set_attr(
        c"quit",
        &quitter.call(&[gil.str("quit")?, end_of_file.clone()])?,
    )?;
    builtins.set_attr(c"exit", &quitter.call(&[gil.str("exit")?, end_of_file])?)?;
    builtins.set_attr(c"help", &classes.attr(c"_Helper")?.call(&[])?)?;
    let printer = classes.attr(c"_Printer")?;
    builtins.set_attr(
        c"copyright",
        &page(gil, &printer, "copyright", &gil.sys(c"copyright")?)?,
    )?;
    builtins.set_attr(
        c"credits",
        &page(gil, &printer, "credits", &gil.str(CREDITS)?)?,
    )?;
    builtins.set_attr(
        c"license",
        &page(gil, &printer, "license", &gil.str(LICENSE)?)?,
    )
}

const CREDITS: &str = "CPython is made by the Python Software Foundation and a cast of thousands; \
                       see www.python.org for more.";
const LICENSE: &str = "See https://www.python.org/psf/license/";

/// A `_Printer` of a given text. Its `__init__` would import `os` only to join names of files that
/// are not there.
fn page<'py>(
    gil: Gil<'py>,
    class: &Object<'py>,
    name: &str,
    text: &Object<'py>,
) -> Result<Object<'py>> {
    let printer = gil
        .builtin(c"object")?
        .call_method(c"__new__", std::slice::from_ref(class))?;
    printer.set_attr(c"_Printer__name", &gil.str(name)?)?;
    printer.set_attr(c"_Printer__data", text)?;
    printer.set_attr(c"_Printer__lines", &gil.none())?;
    printer.set_attr(c"_Printer__filenames", &gil.list(&[])?)?;
    Ok(printer)
}
