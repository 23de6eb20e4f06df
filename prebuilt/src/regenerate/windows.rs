//! Windows has no configure: its `pyconfig.h` is written by hand upstream (PC/pyconfig.h.in), and
//! the Visual Studio projects in PCbuild say which files make the interpreter.

use crate::recipe::On;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::path::Path;

/// The line of PC/pyconfig.h.in that our additions come before.
const END: &str = "#endif /* !Py_CONFIG_H */";

/// Projects of modules that are left out: Tcl and Tk are no libraries for a static program, sqlite3
/// is the library and no module, the others are CPython's own tests and examples.
const LEFT_OUT: [&str; 5] = ["_tkinter", "sqlite3", "_ctypes_test", "_test", "xxlimited"];

/// Upstream's `pyconfig.h` with what it lacks for this compiler.
pub(super) fn pyconfig(place: &Workspace<'_>, source: &Path) -> Result<String> {
    let text = std::fs::read_to_string(source.join("PC/pyconfig.h.in"))?;
    let additions = place
        .recipes
        .root
        .join("support/windows/pyconfig-additions.h");
    let additions = std::fs::read_to_string(&additions)
        .with_context(|| format!("no {}", additions.display()))?;
    if text.matches(END).count() != 1 {
        bail!("PC/pyconfig.h.in does not end with {END}");
    }
    Ok(text.replace(END, &format!("{additions}\n{END}")))
}

/// The variables that the sysconfig module has on Windows and that are not made of paths.
pub(super) fn config_vars(place: &Workspace<'_>) -> String {
    let version = place.recipes.cpython.python.digits();
    format!("{{\n \"EXE\": \".exe\",\n \"Py_GIL_DISABLED\": 0,\n \"VERSION\": \"{version}\"\n}}\n")
}

/// The recipe's files against those of the projects: a new CPython version may have other files.
pub(super) fn compare_with_projects(place: &Workspace<'_>, source: &Path) -> Result<()> {
    let recipes = place.recipes;
    let mut known: BTreeSet<String> = recipes
        .interpreter_files(place.target)
        .into_iter()
        .collect();
    known.extend(
        recipes
            .cpython
            .bundled
            .iter()
            .flat_map(|b| b.files.iter().cloned()),
    );
    known.extend(
        recipes
            .cpython
            .core
            .on
            .of("windows")
            .without
            .iter()
            .cloned(),
    );
    let folder = source.join("PCbuild");
    let mut missing = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.extension().is_none_or(|e| e != "vcxproj") {
            continue;
        }
        let project = std::fs::read_to_string(&path)?;
        let is_module = project.contains("$(PyStdlibPydExt)");
        if !(is_module || name == "pythoncore") || LEFT_OUT.iter().any(|l| name.starts_with(l)) {
            continue;
        }
        if is_module && !recipes.modules(place.target).any(|m| m.name == name) {
            missing.push(format!("the module {name}"));
        }
        missing.extend(
            compiled(&project)
                .into_iter()
                .filter(|file| !known.contains(file)),
        );
    }
    if missing.is_empty() {
        Ok(())
    } else {
        bail!(
            "the recipe lacks what CPython's projects have: {}",
            missing.join(", ")
        )
    }
}

/// Files of CPython's own tree that a project compiles, relative to it and with slashes. Those of
/// other libraries are named by variables.
fn compiled(project: &str) -> Vec<String> {
    project
        .split("<ClCompile Include=\"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .filter_map(|(path, _)| path.strip_prefix("..\\"))
        .map(|path| path.replace('\\', "/"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::compiled;

    #[test]
    fn a_project_names_files() {
        let project =
            r#"<ClCompile Include="..\PC\winreg.c" /><ClCompile Include="$(zlibDir)\zutil.c">"#;
        assert_eq!(compiled(project), ["PC/winreg.c"]);
    }
}
