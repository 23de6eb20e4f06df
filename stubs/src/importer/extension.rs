//! Extension modules of wheels, loaded from memory.
//!
//! The libraries a module needs come first, in dependency order: the dynamic linker then finds them by soname among what
//! is loaded already, and nothing has to lie in a directory.

use std::collections::HashMap;
use std::ffi::CString;
use std::sync::Mutex;

use oxidize_format::{Module, Native};

use super::{application, damaged};
use crate::ffi::dynamic::Image;
use crate::ffi::{Gil, Object, Result};

/// Native images that are loaded, by index, with the path that the dynamic linker knows each one by. An image is never
/// unloaded, so a second import (another interpreter, or after `del sys.modules[...]`) finds it by that path.
static LOADED: Mutex<Option<HashMap<u32, CString>>> = Mutex::new(None);

fn known(index: u32) -> Option<CString> {
    let loaded = LOADED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    loaded.as_ref()?.get(&index).cloned()
}

fn remember(index: u32, path: CString) {
    let mut loaded = LOADED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    loaded.get_or_insert_with(HashMap::new).insert(index, path);
}

/// `_imp.create_dynamic` on an image in memory, with the needed libraries loaded first.
pub(crate) fn create<'py>(
    gil: Gil<'py>,
    spec: &Object<'py>,
    module: &Module<'static>,
) -> Result<Object<'py>> {
    let name = module.name();
    let Some(native) = damaged(gil, module.native())? else {
        return Err(gil.raise_import(&format!("{name} has no image in this executable"), name));
    };
    let mut path = vec![native.index()];
    load_needed(gil, &native, &mut path).map_err(|failure| match failure {
        Failure::Raised(raised) => raised,
        Failure::Library(text) => gil.raise_import(&format!("{name}: {text}"), name),
    })?;
    let (image, file) = match known(native.index()) {
        Some(file) => (None, file),
        None => {
            let image = image(gil, &native).map_err(|failure| match failure {
                Failure::Raised(raised) => raised,
                Failure::Library(text) => gil.raise_import(&format!("{name}: {text}"), name),
            })?;
            let file = image.path().to_owned();
            (Some(image), file)
        }
    };
    // CPython takes the file to load from the spec; put the virtual path back whatever happens.
    let origin = spec.attr(c"origin")?;
    spec.set_attr(c"origin", &gil.fs_str(file.to_bytes())?)?;
    let created = gil
        .import("_imp")?
        .call_method(c"create_dynamic", std::slice::from_ref(spec));
    let restored = spec.set_attr(c"origin", &origin);
    let object = created?;
    restored?;
    remember(native.index(), file);
    drop(image);
    // Modules with single-phase initialisation were given the file's name.
    object.set_attr(c"__file__", &origin)?;
    Ok(object)
}

enum Failure {
    Raised(crate::ffi::Raised),
    Library(String),
}

impl From<crate::ffi::Raised> for Failure {
    fn from(raised: crate::ffi::Raised) -> Self {
        Failure::Raised(raised)
    }
}

fn image(gil: Gil<'_>, native: &Native<'static>) -> std::result::Result<Image, Failure> {
    let soname = native.name();
    let data = damaged(gil, native.data())?;
    let bytes = damaged(gil, data.read())?;
    Image::new(soname, &bytes).map_err(|error| {
        Failure::Library(format!(
            "cannot be loaded from memory: {error} (memfd_create must be permitted)"
        ))
    })
}

/// Loads the bundled libraries that `native` needs, and theirs, deepest first. `path` is the chain of what is being
/// loaded, which ends a cycle the way the dynamic linker does: by ignoring it.
fn load_needed(
    gil: Gil<'_>,
    native: &Native<'static>,
    path: &mut Vec<u32>,
) -> std::result::Result<(), Failure> {
    for needed in native.needed() {
        let needed = damaged(gil, needed)?;
        let Some(library) = damaged(gil, application(gil)?.blob.natives().find(needed))? else {
            continue; // The system's.
        };
        if path.contains(&library.index()) || known(library.index()).is_some() {
            continue;
        }
        path.push(library.index());
        load_needed(gil, &library, path)?;
        path.pop();
        let image = image(gil, &library)?;
        image.load().map_err(Failure::Library)?;
        remember(library.index(), image.path().to_owned());
    }
    Ok(())
}
