//! Which modules a source mentions in its import statements.
//!
//! The scan reads lines, not syntax trees: statements in any position, relative ones resolved, and calls of `import_module` and
//! `__import__` with a literal name. It may find too much (an example in a docstring), never too little of what is written down
//! as an import statement. Names that are computed at run time nobody can see: `--include` is for them.

use std::collections::{BTreeMap, BTreeSet};

/// A source, as the scan needs it.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Name of the module.
    pub name: &'a str,
    /// Whether it is a package, which matters for relative imports.
    pub package: bool,
    /// Its text.
    pub text: &'a [u8],
}

/// Modules imported by C code, which no scan of sources sees.
const FROM_C: &[(&str, &[&str])] = &[
    ("datetime", &["_strptime", "_pydatetime"]),
    ("time", &["_strptime"]),
    ("decimal", &["numbers", "collections"]),
    ("pickle", &["copyreg", "_compat_pickle"]),
    ("sqlite3", &["sqlite3.dump"]),
    ("xml.etree.ElementTree", &["copy", "xml.etree.ElementPath"]),
    ("zoneinfo", &["zoneinfo._common", "zoneinfo._tzpath"]),
    ("asyncio", &["asyncio.base_events", "asyncio.events"]),
    ("ctypes", &["ctypes._endian", "ctypes.macholib.dyld"]),
    ("curses", &["curses.has_key"]),
    ("functools", &["reprlib"]),
    ("sysconfig", &["_sysconfigdata__linux_x86_64-linux-gnu"]),
];

/// What starting an interpreter, failing in it and leaving it can need, whatever the application imports.
const ALWAYS: &[&str] = &[
    "encodings",
    "codecs",
    "io",
    "abc",
    "os",
    "site",
    "_sitebuiltins",
    "stat",
    "posixpath",
    "ntpath",
    "genericpath",
    "_collections_abc",
    "importlib",
    "importlib.util",
    "importlib.machinery",
    "importlib.resources",
    "importlib.metadata",
    "importlib.readers",
    "importlib.abc",
    "runpy",
    "pkgutil",
    "warnings",
    "traceback",
    "linecache",
    "tokenize",
    "token",
    "threading",
    "_weakrefset",
    "weakref",
    "types",
    "re",
    "copyreg",
    "contextlib",
    "functools",
    "collections",
    "keyword",
    "operator",
    "reprlib",
    "inspect",
    "atexit",
    "signal",
    "zipimport",
    "textwrap",
    "locale",
    "struct",
    "colorsys",
    "_colorize",
    "__future__",
    "subprocess",
    "multiprocessing.spawn",
    "multiprocessing.resource_tracker",
    "sysconfig",
];

/// The modules of `library` that are reached from `roots` and from `names`.
#[must_use]
pub fn reached<'a>(
    roots: impl IntoIterator<Item = Source<'a>>,
    names: &[String],
    library: &BTreeMap<&str, Source<'_>>,
) -> BTreeSet<String> {
    let mut open: Vec<String> = ALWAYS.iter().map(|name| (*name).to_owned()).collect();
    open.extend(
        super::SUPPORT
            .iter()
            .map(|(file, _)| file.trim_end_matches(".py").to_owned()),
    );
    // Text encodings are looked up by name at run time; all of them together are small.
    open.extend(
        library
            .keys()
            .filter(|name| name.starts_with("encodings."))
            .map(|name| (*name).to_owned()),
    );
    // Its name has the platform in it.
    open.extend(
        library
            .keys()
            .filter(|name| name.starts_with("_sysconfigdata"))
            .map(|name| (*name).to_owned()),
    );
    for name in names {
        let below = format!("{name}.");
        open.extend(
            library
                .keys()
                .filter(|known| known.starts_with(&below))
                .map(|known| (*known).to_owned()),
        );
        open.push(name.clone());
    }
    for source in roots {
        open.extend(mentioned(source));
    }
    let mut found = BTreeSet::new();
    while let Some(name) = open.pop() {
        // Importing `a.b` imports `a` too.
        for (at, _) in name.match_indices('.') {
            open.extend((!found.contains(&name[..at])).then(|| name[..at].to_owned()));
        }
        let c_code = FROM_C
            .iter()
            .filter(|(module, _)| *module == name)
            .flat_map(|(_, names)| *names);
        let known = library.get(name.as_str());
        if (known.is_none() && c_code.clone().next().is_none()) || !found.insert(name.clone()) {
            continue;
        }
        open.extend(c_code.map(|name| (*name).to_owned()));
        open.extend(known.into_iter().flat_map(|source| mentioned(*source)));
    }
    found.retain(|name| library.contains_key(name.as_str()));
    found
}

/// The names in a source's import statements. `from a import b` gives `a` and `a.b`, since `b` may be a module.
#[must_use]
pub fn mentioned(source: Source<'_>) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(source.text);
    let mut found = BTreeSet::new();
    // Continuation lines are part of the statement they continue.
    let text = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let mut rest = text.as_str();
    while let Some((at, word)) = next_keyword(rest) {
        let before = rest[..at].chars().next_back();
        rest = &rest[at + word.len()..];
        let starts_word = before.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == '.'));
        let separated = rest.starts_with([' ', '\t']);
        match word {
            "import_module" | "__import__" => found.extend(literal(rest)),
            "import" if starts_word && separated => {
                found.extend(names(statement(rest)).map(str::to_owned));
            }
            "from" if starts_word && (separated || rest.starts_with('.')) => {
                let whole = statement(rest);
                let Some((module, imported)) = whole.split_once("import") else {
                    continue;
                };
                let module = module.trim();
                if module.contains(char::is_whitespace) {
                    continue; // `from` in a sentence
                }
                if let Some(module) = absolute(module, source) {
                    let names = names(imported).filter(|name| *name != "*");
                    found.extend(names.map(|name| format!("{module}.{name}")));
                    found.insert(module);
                }
                rest = &rest[whole.len()..];
            }
            _ => {}
        }
    }
    found
}

fn next_keyword(text: &str) -> Option<(usize, &'static str)> {
    const WORDS: [&str; 4] = ["import_module", "__import__", "import", "from"];
    let at = WORDS.iter().filter_map(|word| text.find(word)).min()?;
    let word = WORDS.iter().find(|word| text[at..].starts_with(**word))?;
    Some((at, word))
}

/// Up to the end of the statement: the end of the line or a semicolon, but a parenthesis goes on to its end.
fn statement(text: &str) -> &str {
    let line = text.split(['\n', ';']).next().unwrap_or_default();
    match line.find('(') {
        Some(open) if line[..open].contains("import") => text.split(')').next().unwrap_or(line),
        _ => line,
    }
}

/// The names in a list of imports, without their aliases.
fn names(list: &str) -> impl Iterator<Item = &str> {
    let lines = list
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default());
    let items = lines.flat_map(|line| line.split(','));
    let name = |item: &'_ str| -> Option<std::ops::Range<usize>> {
        let trimmed = item.trim_matches(|c: char| c.is_whitespace() || c == '(' || c == ')');
        let word = trimmed.split_whitespace().next()?;
        let is_name = word
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '*'));
        let start = word.as_ptr() as usize - item.as_ptr() as usize;
        is_name.then_some(start..start + word.len())
    };
    items.filter_map(move |item| name(item).map(|range| &item[range]))
}

/// Resolves leading dots against the module's package.
fn absolute(module: &str, source: Source<'_>) -> Option<String> {
    let name = module.trim_start_matches('.');
    let dots = module.len() - name.len();
    if dots == 0 {
        return (!name.is_empty()).then(|| name.to_owned());
    }
    let ups = if source.package { dots - 1 } else { dots };
    let mut package = source.name;
    for _ in 0..ups {
        package = package.rsplit_once('.').map_or("", |(parent, _)| parent);
    }
    match (package.is_empty(), name.trim().is_empty()) {
        (true, _) => None,
        (false, true) => Some(package.to_owned()),
        (false, false) => Some(format!("{package}.{}", name.trim())),
    }
}

fn literal(text: &str) -> Option<String> {
    let text = text.trim_start().strip_prefix('(')?.trim_start();
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let name = text[1..].split(quote).next()?;
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
    is_name.then(|| name.trim_start_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> Vec<String> {
        mentioned(Source {
            name: "a.b.c",
            package: false,
            text: text.as_bytes(),
        })
        .into_iter()
        .collect()
    }

    #[test]
    fn statements_in_all_their_forms() {
        assert_eq!(scan("import os, sys as s"), ["os", "sys"]);
        assert_eq!(scan("import os.path; import re"), ["os.path", "re"]);
        assert_eq!(scan("try: import json\nexcept ImportError: pass"), ["json"]);
        assert_eq!(scan("from x import y as z"), ["x", "x.y"]);
        assert_eq!(
            scan("from x import (  # why\n    y,\n    z,\n)\n"),
            ["x", "x.y", "x.z"]
        );
        assert_eq!(scan("from x import \\\n  y"), ["x", "x.y"]);
        assert_eq!(scan("from x import *"), ["x"]);
        assert_eq!(
            scan("importlib.import_module('p.q')\n__import__(\"r\")"),
            ["p.q", "r"]
        );
    }

    #[test]
    fn relative_ones_are_resolved() {
        assert_eq!(scan("from . import y"), ["a.b", "a.b.y"]);
        assert_eq!(scan("from ..z import y"), ["a.z", "a.z.y"]);
        assert_eq!(scan("from .... import y"), [] as [&str; 0]);
        let package = Source {
            name: "a.b",
            package: true,
            text: b"from .x import y",
        };
        assert_eq!(
            mentioned(package).into_iter().collect::<Vec<_>>(),
            ["a.b.x", "a.b.x.y"]
        );
    }

    #[test]
    fn words_that_only_look_like_it() {
        assert_eq!(
            scan("reimport x\nself.import_ = 1\nimportant = from_x"),
            [] as [&str; 0]
        );
        assert_eq!(scan("# taken from the old days"), [] as [&str; 0]);
        assert_eq!(scan("import_module(name)"), [] as [&str; 0]);
    }

    #[test]
    fn the_closure_follows_the_library() {
        let module = |name, text: &'static str| {
            (
                name,
                Source {
                    name,
                    package: false,
                    text: text.as_bytes(),
                },
            )
        };
        let library = BTreeMap::from([
            module("json", "from json import decoder"),
            module("json.decoder", "import re"),
            module("re", ""),
            module("smtplib", ""),
            module("encodings.utf_8", ""),
            module("email", ""),
            module("email.message", ""),
        ]);
        let app = Source {
            name: "app",
            package: false,
            text: b"import json",
        };
        let found = reached([app], &["email".to_owned()], &library);
        let found: Vec<_> = found.iter().map(String::as_str).collect();
        assert_eq!(
            found,
            [
                "email",
                "email.message",
                "encodings.utf_8",
                "json",
                "json.decoder",
                "re"
            ]
        );
    }
}
