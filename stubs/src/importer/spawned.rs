//! The application's `__main__` in the children of multiprocessing.
//!
//! A child that starts anew (`spawn`, `forkserver`) runs the parent's `__main__` again, as
//! `__mp_main__`, so that it has the functions it is to call. For the `__main__.py` of a directory,
//! an archive or a package it does not (`multiprocessing.spawn._fixup_main_from_name`): such a file
//! often calls its program without asking for `__name__`, and the child would run all of it. What
//! is defined there cannot be used by a child of `python DIRECTORY`, therefore: its Pool waits for
//! ever.
//!
//! A packaged directory is such a directory, and its user does not know. So the child leaves
//! `__main__.py` alone as CPython does, until something looks for a name in it that is not there.

use oxidize_format::Module;

use super::code::code;
use super::{current, find, make_spec};
use crate::ffi::module::Class;
use crate::ffi::{Call, Exception, Gil, Method, Object, Result, types};

/// The function in `multiprocessing.spawn` that gives a child its `__main__`.
const FIXUP: &std::ffi::CStr = c"_fixup_main_from_name";

/// State: `multiprocessing.spawn`; CPython's function, or the name of the parent's `__main__`.
pub(super) const CLASS: Class = Class {
    attribute: c"SpawnedMain",
    name: c"_oxidize.SpawnedMain",
    doc: c"Gives children of multiprocessing what the application's __main__ defines.",
    base: None,
    methods: || {
        vec![
            Method::new(c"fixup", fixup, c"fixup(name)"),
            Method::new(c"attribute", attribute, c"attribute(name)"),
        ]
    },
};

/// Called when `multiprocessing.spawn` or a copy of it was imported. A copy may have changed: one
/// without the function and the list is left alone.
pub(super) fn register<'py>(spawn: &Object<'py>) -> Result<()> {
    let (Some(original), Some(_)) = (spawn.attr_opt(FIXUP)?, spawn.attr_opt(c"old_main_modules")?)
    else {
        return Ok(());
    };
    let fixup = with_state(spawn, original)?.attr(c"fixup")?;
    spawn.set_attr(FIXUP, &fixup)
}

fn with_state<'py>(spawn: &Object<'py>, second: Object<'py>) -> Result<Object<'py>> {
    let gil = spawn.gil();
    let class = gil.import("_oxidize")?.attr(c"SpawnedMain")?;
    types::instantiate(&class, gil.tuple(&[spawn.clone(), second])?)
}

/// The state's two objects.
fn state<'py>(call: &Call<'py>) -> Result<(Object<'py>, Object<'py>)> {
    let state = types::state(call.receiver())?;
    match (state.tuple_item(0), state.tuple_item(1)) {
        (Some(spawn), Some(second)) => Ok((spawn, second)),
        _ => Err(call.gil().raise(Exception::Type, "made by itself only")),
    }
}

/// `_fixup_main_from_name(mod_name)`.
fn fixup<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let (spawn, original) = state(call)?;
    let name = call.argument(0, "mod_name")?;
    let done = original.call(std::slice::from_ref(&name))?;
    let text = name.as_str()?;
    if (text == "__main__" || text.ends_with(".__main__")) && application_main(gil, text)?.is_some()
    {
        let attribute = with_state(&spawn, name)?.attr(c"attribute")?;
        gil.import("__main__")?
            .set_attr(c"__getattr__", &attribute)?;
    }
    Ok(done)
}

/// `__getattr__(name)` of the child's `__main__` (PEP 562): runs the application's, once.
fn attribute<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let (spawn, main) = state(call)?;
    let name = call.argument(0, "name")?;
    let text = name.as_str()?;
    let missing = format!("module '__main__' has no attribute '{text}'");
    let Some(module) = application_main(gil, main.as_str()?)?.filter(|_| !text.starts_with("__"))
    else {
        return Err(gil.raise(Exception::Attribute, &missing));
    };
    let bare = gil.import("__main__")?;
    // What it runs may look for names in `__main__`, too.
    let namespace = bare.module_dict()?;
    let again = namespace.call_method(c"pop", &[gil.str("__getattr__")?])?;
    let modules = gil.sys(c"modules")?;
    let alias = modules.get("__mp_main__")?;
    match run(&main, &module) {
        Ok(full) => {
            // As CPython does it: the old one lives on, for what was taken from it.
            spawn.attr(c"old_main_modules")?.list_append(&bare)?;
            modules.set_item("__main__", &full)?;
            gil.builtin(c"getattr")?.call(&[full, name])
        }
        Err(raised) => {
            let error = gil.take();
            // Whoever looks next is told the same, and not that the name is missing.
            namespace.set_item("__getattr__", &again)?;
            if let Some(alias) = alias {
                modules.set_item("__mp_main__", &alias)?;
            }
            Err(error.map_or(raised, |error| gil.restore(error)))
        }
    }
}

/// Runs the application's `__main__` as `__mp_main__`.
fn run<'py>(name: &Object<'py>, module: &Module<'static>) -> Result<Object<'py>> {
    let gil = name.gil();
    let importer = current(gil)?;
    let spec = make_spec(&importer, name, module)?;
    let class = gil.import("types")?.attr(c"ModuleType")?;
    let main = class.call(&[gil.str("__mp_main__")?])?;
    main.set_attr(c"__file__", &spec.attr(c"origin")?)?;
    main.set_attr(c"__loader__", &spec.attr(c"loader")?)?;
    main.set_attr(c"__package__", &spec.attr(c"parent")?)?;
    main.set_attr(c"__spec__", &spec)?;
    gil.sys(c"modules")?.set_item("__mp_main__", &main)?;
    gil.eval(&code(&importer, module)?, &main.module_dict()?)?;
    Ok(main)
}

/// The `__main__` of the application or of a package in it, by its name as a module.
fn application_main(gil: Gil<'_>, name: &str) -> Result<Option<Module<'static>>> {
    Ok(find(gil, name)?.filter(|module| module.file().is_some()))
}
