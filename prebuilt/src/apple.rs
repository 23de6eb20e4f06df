//! What a program for macOS is linked against: text stubs (`.tbd`) of the system's libraries,
//! written from a list of the symbols that we import and nothing else. The list,
//! `support/macos/imports.toml`, is renewed by `apple-imports`.
//!
//! A text stub names a library and its symbols; the linker needs no more to record which symbol
//! comes from where. Apple's own, which list everything and are not ours to hand on, are looked at
//! only while the list is made.

pub(crate) mod stack;

use crate::recipe::Target;
use anyhow::{Context, Result};
use object::macho::{MachHeader64, N_WEAK_REF};
use object::read::macho::{MachHeader, Nlist};
use object::{Endianness, Object};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

/// Where the list lies, in the folder `prebuilt`.
pub(crate) const LIST: &str = "support/macos/imports.toml";

/// `support/macos/imports.toml`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Imports {
    /// In the order of the file.
    pub library: Vec<Library>,
}

/// One library of the system.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Library {
    /// What a program names.
    pub install_name: String,
    /// Text stubs, below the folder that the linker takes for Apple's SDK.
    pub files: Vec<String>,
    /// Dotted numbers.
    pub current_version: String,
    /// Dotted numbers.
    pub compatibility_version: String,
    /// Not in macOS 11.
    pub newer: BTreeSet<String>,
    /// Imported on both processors.
    pub symbols: BTreeSet<String>,
    /// Imported on one, by its name in Rust's words.
    pub only: BTreeMap<String, BTreeSet<String>>,
}

impl Library {
    /// What a program for `arch` may import from it.
    fn of<'a>(&'a self, arch: &str) -> impl Iterator<Item = &'a str> {
        let only = self.only.get(arch).into_iter().flatten();
        self.symbols.iter().chain(only).map(String::as_str)
    }
}

impl Imports {
    /// Reads the list; `root` is the folder `prebuilt`.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let path = root.join(LIST);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("no list of imports {}", path.display()))?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }

    /// Every symbol a program for `arch` may import, with its library and whether it is newer than
    /// macOS 11.
    pub(crate) fn of<'a>(
        &'a self,
        arch: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str, bool)> {
        self.library.iter().flat_map(move |library| {
            library.of(arch).map(|name| {
                let newer = library.newer.contains(name);
                (name, library.install_name.as_str(), newer)
            })
        })
    }

    /// Writes the text stubs for programs of one processor below `sdk`, in the layout that linkers
    /// know.
    pub(crate) fn write_stubs(&self, sdk: &Path, arch: &str) -> Result<()> {
        for library in &self.library {
            let text = text_stub(library, arch);
            for file in &library.files {
                let path = sdk.join(file);
                std::fs::create_dir_all(path.parent().unwrap_or(sdk))?;
                std::fs::write(path, &text)?;
            }
        }
        Ok(())
    }
}

/// Format version 4, as the linkers of Apple and LLVM read it. What another processor needs has no
/// part in it, so that one target's archive does not depend on the other's.
fn text_stub(library: &Library, arch: &str) -> String {
    let of = tapi_target(arch);
    let mut text = format!(
        "--- !tapi-tbd\ntbd-version: 4\ntargets: [ {of} ]\ninstall-name: '{}'\n\
         current-version: {}\ncompatibility-version: {}\nexports:\n",
        library.install_name, library.current_version, library.compatibility_version
    );
    let symbols: BTreeSet<String> = library.of(arch).map(quoted).collect();
    if !symbols.is_empty() {
        let names: Vec<&str> = symbols.iter().map(String::as_str).collect();
        let names = names.join(",\n               ");
        let _ = writeln!(text, "  - targets: [ {of} ]\n    symbols: [ {names} ]");
    }
    text.push_str("...\n");
    text
}

/// A processor in the words of text stubs.
fn tapi_target(arch: &str) -> &'static str {
    if arch == "aarch64" {
        "arm64-macos"
    } else {
        "x86_64-macos"
    }
}

/// A `$` (`_readdir$INODE64`) has to be quoted in YAML.
fn quoted(name: &str) -> String {
    if name.contains('$') {
        format!("'{name}'")
    } else {
        name.to_owned()
    }
}

/// An undefined symbol of a program.
#[derive(Debug)]
pub(crate) struct Import {
    /// With the underscore of C.
    pub name: String,
    /// Install name of the library it is looked for in; `None` where the program looks everywhere.
    pub library: Option<String>,
    /// May be missing.
    pub weak: bool,
}

/// What a linked program imports, sorted by name.
pub(crate) fn imports(bytes: &[u8]) -> Result<Vec<Import>> {
    let header = MachHeader64::<Endianness>::parse(bytes, 0).context("not a 64-bit Mach-O file")?;
    let endian = header.endian()?;
    let libraries = libraries(bytes)?;
    let mut commands = header.load_commands(endian, bytes, 0)?;
    let mut found = Vec::new();
    while let Some(command) = commands.next()? {
        let Some(table) = command.symtab()? else {
            continue;
        };
        let symbols = table.symbols::<MachHeader64<Endianness>, _>(endian, bytes)?;
        for symbol in symbols.iter().filter(|symbol| symbol.is_undefined()) {
            let description = symbol.n_desc(endian);
            // Two-level names: the high byte is the library's number, from 1; others look in more
            // than one.
            let ordinal = usize::from(description.0 >> 8);
            let library = ordinal.checked_sub(1).and_then(|at| libraries.get(at));
            found.push(Import {
                name: String::from_utf8_lossy(symbol.name(endian, symbols.strings())?).into_owned(),
                library: library.cloned(),
                weak: description.0 & N_WEAK_REF.0 != 0,
            });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Install names of the libraries a program names, in its order.
pub(crate) fn libraries(bytes: &[u8]) -> Result<Vec<String>> {
    let header = MachHeader64::<Endianness>::parse(bytes, 0).context("not a 64-bit Mach-O file")?;
    let endian = header.endian()?;
    let mut commands = header.load_commands(endian, bytes, 0)?;
    let mut names = Vec::new();
    while let Some(command) = commands.next()? {
        if let Some(dylib) = command.dylib()? {
            let name = command.string(endian, dylib.dylib.name)?;
            names.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    Ok(names)
}

/// Symbols that a text stub of version 4 exports for a processor, re-exported libraries in the same
/// file included.
pub(crate) fn exported(text: &str, arch: &str) -> BTreeSet<String> {
    let wanted = tapi_target(arch);
    let (mut names, mut part, mut here) = (BTreeSet::new(), "", false);
    let mut rest = text;
    while let Some((line, after)) = rest.split_once('\n') {
        if !line.starts_with([' ', '-', '\t']) {
            part = line.split(':').next().unwrap_or_default();
        }
        let key = line.trim_start_matches([' ', '-']).split(':').next();
        match (key, line.find('[')) {
            (Some(key), Some(open)) if matches!(part, "exports" | "reexports") => {
                let list = &rest[open + 1..];
                let end = list.find(']').unwrap_or(list.len());
                let items = list[..end]
                    .split(|c: char| c == ',' || c.is_whitespace())
                    .map(|item| item.trim_matches(['\'', '"']))
                    .filter(|item| !item.is_empty());
                match key {
                    "targets" => here = items.into_iter().any(|item| item == wanted),
                    "symbols" | "weak-symbols" if here => names.extend(items.map(str::to_owned)),
                    _ => {}
                }
                let from = open + 1 + end;
                rest = rest[from..].split_once('\n').map_or("", |(_, after)| after);
            }
            _ => rest = after,
        }
    }
    names
}

/// Public names of the interpreter as the linker's list of exported symbols wants them: one a line,
/// sorted.
pub(crate) fn exports(library: &[u8]) -> Result<String> {
    let names = public_names(library)?;
    Ok(names
        .iter()
        .fold(String::new(), |text, name| text + name + "\n"))
}

/// Python's names that a static library defines for everyone, with the underscore of C.
pub(crate) fn public_names(library: &[u8]) -> Result<BTreeSet<String>> {
    use object::{ObjectSymbol, SymbolScope};
    let archive = object::read::archive::ArchiveFile::parse(library)?;
    let mut names = BTreeSet::new();
    for member in archive.members() {
        let object = object::File::parse(member?.data(library)?)?;
        for symbol in object.symbols() {
            let name = symbol.name().unwrap_or_default();
            if symbol.is_definition()
                && symbol.scope() == SymbolScope::Dynamic
                && (name.starts_with("_Py") || name.starts_with("__Py"))
            {
                names.insert(name.to_owned());
            }
        }
    }
    Ok(names)
}

/// Symbols of libSystem that a stub for `arch` defines itself, with the underscore of C
/// (`stubs/src/files/posix/names_macos.txt`); `root` is the folder `prebuilt`.
pub(crate) fn defined_functions(root: &Path, arch: &str) -> Result<Vec<String>> {
    let path = root.join("../stubs/src/files/posix/names_macos.txt");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(|line| symbol(line, arch)).collect())
}

/// The symbol in a line of `names_macos.txt`.
fn symbol(line: &str, arch: &str) -> String {
    let (name, other) = line.split_once(' ').unwrap_or((line, ""));
    let symbol = match other.split_once('=') {
        Some(("all", symbol)) => symbol,
        Some(("intel", symbol)) if arch == "x86_64" => symbol,
        _ => name,
    };
    format!("_{symbol}")
}

/// Whether a target's programs are Apple's.
pub(crate) fn is_apple(target: &Target) -> bool {
    target.os == "macos"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stub_says_what_it_was_made_from() {
        let names = |list: &[&str]| list.iter().map(|n| (*n).to_owned()).collect();
        let library = Library {
            install_name: "/usr/lib/libSystem.B.dylib".into(),
            current_version: "1292.100.5".into(),
            compatibility_version: "1".into(),
            symbols: names(&["_exit", "_malloc"]),
            only: [("x86_64".to_owned(), names(&["_stat$INODE64"]))].into(),
            ..Library::default()
        };
        let arm = text_stub(&library, "aarch64");
        assert_eq!(exported(&arm, "aarch64"), library.symbols);
        assert!(exported(&arm, "x86_64").is_empty());
        let intel = exported(&text_stub(&library, "x86_64"), "x86_64");
        assert_eq!(intel.len(), 3);
        assert!(intel.contains("_stat$INODE64"));
    }

    #[test]
    fn a_function_has_the_symbol_of_its_processor() {
        for (line, arm, intel) in [
            ("open", "_open", "_open"),
            ("stat intel=stat$INODE64", "_stat", "_stat$INODE64"),
            ("path all=path$X", "_path$X", "_path$X"),
        ] {
            assert_eq!(symbol(line, "aarch64"), arm);
            assert_eq!(symbol(line, "x86_64"), intel);
        }
    }

    #[test]
    fn only_exports_of_the_right_processor_count() {
        let text = "targets: [ x86_64-macos, arm64-macos ]\nreexported-libraries:\n  - targets: [ arm64-macos ]\n    \
                    libraries: [ '/usr/lib/a.dylib' ]\nexports:\n  - targets: [ arm64-macos ]\n    symbols: [ _a,\n      _b ]\n    \
                    weak-symbols: [ _w ]\n  - targets: [ x86_64-macos ]\n    symbols: [ _c ]\nundefineds:\n  - targets: [ arm64-macos ]\n    \
                    symbols: [ _d ]\n...\n";
        let names: Vec<String> = exported(text, "aarch64").into_iter().collect();
        assert_eq!(names, ["_a", "_b", "_w"]);
    }
}
