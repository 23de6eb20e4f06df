//! Extension modules of wheels.
//!
//! How an image gets to the dynamic linker is the system's affair ([`Image`]). The libraries a module needs come first, in
//! dependency order: the linker then finds them by their names among what is loaded already, and nothing has to lie in a
//! certain directory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Mutex;

use oxidize_format::{Module, Native};

use super::{application, damaged};
use crate::ffi::dynamic::Image;
use crate::ffi::{Gil, Object, Result};

/// Native images that are loaded, by index, with the path that the dynamic linker knows each one by. An image is never
/// unloaded, so a second import (another interpreter, or after `del sys.modules[...]`) finds it by that path.
static LOADED: Mutex<BTreeMap<u32, OsString>> = Mutex::new(BTreeMap::new());

fn known(index: u32) -> Option<OsString> {
    let loaded = LOADED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    loaded.get(&index).cloned()
}

fn remember(index: u32, path: OsString) {
    let mut loaded = LOADED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    loaded.insert(index, path);
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
            let image = image(gil, &native)
                .and_then(|image| image.check().map(|()| image).map_err(Failure::Library));
            let image = image.map_err(|failure| match failure {
                Failure::Raised(raised) => raised,
                Failure::Library(text) => gil.raise_import(&format!("{name}: {text}"), name),
            })?;
            let file = image.path().to_owned();
            (Some(image), file)
        }
    };
    // CPython takes the file to load from the spec; put the virtual path back whatever happens.
    let origin = spec.attr(c"origin")?;
    spec.set_attr(c"origin", &gil.os_str(&file)?)?;
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
    let data = damaged(gil, native.data())?;
    let bytes = damaged(gil, data.read())?;
    Image::new(native, &bytes).map_err(Failure::Library)
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
