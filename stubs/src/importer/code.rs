//! The code of a module.

use std::borrow::Cow;

use oxidize_format::{Data, Module};

use super::{Slot, damaged, paths, slot};
use crate::ffi::{Gil, Object, Result};

/// The code object of a module: bytecode at this process's optimization level, else the source.
pub(crate) fn code<'py>(importer: &Object<'py>, module: &Module<'static>) -> Result<Object<'py>> {
    let gil = importer.gil();
    let level = slot(importer, Slot::Optimize)?
        .as_int()
        .and_then(|level| u8::try_from(level).ok());
    let level = level.unwrap_or(0).min(2);
    if let Some(data) = damaged(gil, module.bytecode(level))? {
        return located(module, gil.unmarshal(&bytes(gil, &data)?)?);
    }
    let file = module.file().map(paths::outward);
    let file = file.as_deref().unwrap_or("<unknown>");
    if let Some(data) = damaged(gil, module.source())? {
        return compile(gil, &bytes(gil, &data)?, file);
    }
    for other in [0, 1, 2] {
        if let Some(data) = damaged(gil, module.bytecode(other))? {
            return located(module, gil.unmarshal(&bytes(gil, &data)?)?);
        }
    }
    let name = module.name();
    Err(gil.raise_import(
        &format!("{name} has neither bytecode nor source in this executable"),
        name,
    ))
}

/// The same, knowing the file by a loader's path, which may spell it in a way of its own.
pub(super) fn code_at<'py>(
    importer: &Object<'py>,
    module: &Module<'static>,
    path: &Object<'py>,
) -> Result<Object<'py>> {
    let code = code(importer, module)?;
    let file = module.file().map(paths::outward);
    if let Some(file) = file
        && path.is_str()
        && path.as_str()? != file
    {
        renamed(&code, path)?;
    }
    Ok(code)
}

/// Code with the path of the module's file, which it does not know if that lies on disk.
fn located<'py>(module: &Module<'static>, code: Object<'py>) -> Result<Object<'py>> {
    if let Some(file) = module.file().and_then(paths::placed::on_disk) {
        renamed(&code, &code.gil().str(&file)?)?;
    }
    Ok(code)
}

fn renamed<'py>(code: &Object<'py>, file: &Object<'py>) -> Result<()> {
    let fix = code.gil().import("_imp")?.attr(c"_fix_co_filename")?;
    fix.call(&[code.clone(), file.clone()]).map(drop)
}

/// `compile(source, file, 'exec', dont_inherit=True)`, which honours coding cookies.
pub(crate) fn compile<'py>(gil: Gil<'py>, source: &[u8], file: &str) -> Result<Object<'py>> {
    gil.builtin(c"compile")?.call(&[
        gil.bytes(source)?,
        gil.str(file)?,
        gil.str("exec")?,
        gil.int(0)?,
        gil.bool(true),
    ])
}

fn bytes(gil: Gil<'_>, data: &Data<'static>) -> Result<Cow<'static, [u8]>> {
    damaged(gil, data.read())
}
