//! Extension modules of wheels.
//!
//! How an image gets to the dynamic linker is the system's affair ([`Image`]). A module is loaded
//! together with the bundled libraries it needs, directly or through others, so that libraries may
//! need each other, and nothing has to lie in a certain directory.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::sync::Mutex;

use oxidize_format::{Module, Native};

use super::{application, damaged};
use crate::ffi::dynamic::{self, Image};
use crate::ffi::{Gil, Object, Result};

/// Native images that are loaded, by index, with the path that the dynamic linker knows each one
/// by. An image is never unloaded, so a second import (another interpreter, or after `del
/// sys.modules[...]`) finds it by that path.
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
    let (images, file) = match known(native.index()) {
        Some(file) => (Vec::new(), file),
        None => load(gil, &native).map_err(|failure| match failure {
            Failure::Raised(raised) => raised,
            Failure::Library(text) => gil.raise_import(&format!("{name}: {text}"), name),
        })?,
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
    drop(images);
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

/// Loads what `native` needs, and gives its own path to load it by, which lasts as long as the
/// images do.
fn load(
    gil: Gil<'_>,
    native: &Native<'static>,
) -> std::result::Result<(Vec<Image>, OsString), Failure> {
    let group = group(gil, native)?;
    let mut images = Vec::with_capacity(group.len());
    for native in &group {
        images.push(image(gil, native)?);
    }
    let file = images[0].path().to_owned(); // A group begins with the module.
    if images.len() == 1 {
        images[0].check().map_err(Failure::Library)?;
    } else {
        dynamic::load(&images, flags(gil)?).map_err(Failure::Library)?;
    }
    for (native, image) in group.iter().zip(&images).skip(1) {
        remember(native.index(), image.path().to_owned());
    }
    Ok((images, file))
}

/// The module's image and those it needs that are not loaded yet, in the order in which a dynamic
/// linker maps them: breadth first.
fn group(
    gil: Gil<'_>,
    native: &Native<'static>,
) -> std::result::Result<Vec<Native<'static>>, Failure> {
    let natives = application(gil)?.blob.natives();
    let mut seen = BTreeSet::from([native.index()]);
    let mut group = vec![*native];
    let mut next = 0;
    while let Some(native) = group.get(next).copied() {
        next += 1;
        for needed in native.needed() {
            let needed = damaged(gil, needed)?;
            let Some(library) = damaged(gil, natives.find(needed))? else {
                continue; // The system's.
            };
            if known(library.index()).is_none() && seen.insert(library.index()) {
                group.push(library);
            }
        }
    }
    Ok(group)
}

/// How Python asks the dynamic linker to load, where it can be told.
fn flags(gil: Gil<'_>) -> Result<i32> {
    if cfg!(windows) {
        return Ok(0);
    }
    let flags = gil.sys(c"getdlopenflags")?.call(&[])?.as_int();
    Ok(flags.and_then(|flags| flags.try_into().ok()).unwrap_or(0))
}
