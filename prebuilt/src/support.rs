//! C files of our own that go into libpython: `prebuilt/support`, chosen by the target's recipe.

use crate::compile::{self, Unit};
use crate::files::copy_tree;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use object::{Object, ObjectSymbol, SymbolScope};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Compiles the target's support files; `objects` are the interpreter's, whose public names they
/// may list.
pub(crate) fn build(
    place: &Workspace<'_>,
    source: &Path,
    build: &Path,
    objects: &[PathBuf],
) -> Result<Vec<PathBuf>> {
    if place.target.support.is_empty() {
        return Ok(Vec::new());
    }
    let folder = place.support();
    std::fs::write(folder.join("api_names.h"), api_names(objects)?)?;
    let mut arguments = place.target.flags.interpreter.clone();
    arguments.push("-std=c11".to_owned());
    arguments.push(format!("-I{}", folder.display()));
    let mut units = Vec::new();
    for name in &place.target.support {
        units.push(Unit {
            source: format!("../../support/{name}"),
            object: build.join(compile::object_name(&format!("support/{name}"))),
            arguments: arguments.clone(),
        });
    }
    compile::compile(
        place.zig,
        place.target,
        &place.work,
        source,
        "support",
        &units,
        place.jobs,
    )?;
    Ok(units.into_iter().map(|u| u.object).collect())
}

/// Brings `prebuilt/support` into the work folder.
pub(crate) fn copy(place: &Workspace<'_>) -> Result<()> {
    let folder = place.support();
    if folder.is_dir() {
        std::fs::remove_dir_all(&folder)?;
    }
    copy_tree(&place.recipes.root.join("support"), &folder)
}

/// `OXI_FUNCTION(name)` and `OXI_DATA(name)` lines, sorted by name in byte order: Python's public
/// and semi-public API as far as the objects export it.
fn api_names(objects: &[PathBuf]) -> Result<String> {
    let (mut functions, mut data) = (BTreeSet::new(), BTreeSet::new());
    for path in objects {
        let bytes = std::fs::read(path)?;
        let file = object::File::parse(&*bytes)
            .with_context(|| format!("not an object: {}", path.display()))?;
        for symbol in file.symbols() {
            let name = symbol.name().unwrap_or_default();
            if symbol.is_definition()
                && symbol.scope() == SymbolScope::Dynamic
                && (name.starts_with("Py") || name.starts_with("_Py"))
            {
                let set = if symbol.kind() == object::SymbolKind::Text {
                    &mut functions
                } else {
                    &mut data
                };
                set.insert(name.to_owned());
            }
        }
    }
    let mut text = String::new();
    for name in functions.union(&data) {
        let kind = if functions.contains(name) {
            "FUNCTION"
        } else {
            "DATA"
        };
        text.push_str(&format!("OXI_{kind}({name})\n"));
    }
    Ok(text)
}
