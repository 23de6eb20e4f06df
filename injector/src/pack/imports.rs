//! Which modules of the standard library an application reaches.
//!
//! The worker says what each source mentions ([`Mentions`]): import statements anywhere, names
//! given to functions that import, the beginning of computed ones, and strings that may be names.
//! This follows them through the library. Too much is cheap here and too little is an error at run
//! time, so a string of the application counts when a module has that name. The library's own
//! strings do not: nearly every module has one that is a module's name too. Which modules it
//! imports by computed names is written down in `computed.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// What a source imports, as far as its text tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mentions {
    /// Imported names, with the number of leading dots.
    pub imports: Vec<(u32, String)>,
    /// Packages below which a module with a computed name is imported.
    pub below: Vec<String>,
    /// Strings that may name a module.
    pub strings: Vec<String>,
}

/// A source, as the search needs it.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Name of the module.
    pub name: &'a str,
    /// Whether it is a package, which matters for relative imports.
    pub package: bool,
    /// What it mentions.
    pub mentions: &'a Mentions,
}

/// The standard library's modules. Those without source mention nothing.
pub type Library<'a> = BTreeMap<&'a str, Option<Source<'a>>>;

/// What no source tells.
#[derive(Deserialize)]
struct Computed {
    always: Vec<String>,
    imports: BTreeMap<String, Vec<String>>,
}

static COMPUTED: LazyLock<Computed> =
    LazyLock::new(|| toml::from_str(include_str!("computed.toml")).expect("a test reads it"));

/// The modules of `library` that are reached from `roots` and from `names`.
#[must_use]
pub fn reached<'a>(
    roots: impl IntoIterator<Item = Source<'a>>,
    names: &[String],
    library: &Library<'_>,
) -> BTreeSet<String> {
    let mut open: Vec<String> = Vec::new();
    for pattern in &COMPUTED.always {
        open.extend(matching(pattern, library));
    }
    for name in names {
        open.extend(matching(&format!("{name}.*"), library));
        open.push(name.clone());
    }
    for source in roots {
        open.extend(mentioned(source, library));
    }
    let mut found = BTreeSet::new();
    while let Some(name) = open.pop() {
        // Importing `a.b` imports `a` too.
        for (at, _) in name.match_indices('.') {
            open.extend((!found.contains(&name[..at])).then(|| name[..at].to_owned()));
        }
        if !found.insert(name.clone()) {
            continue;
        }
        for pattern in COMPUTED.imports.get(&name).into_iter().flatten() {
            open.extend(matching(pattern, library));
        }
        if let Some(Some(source)) = library.get(name.as_str()) {
            open.extend(imported(*source, library));
        }
    }
    found.retain(|name| library.contains_key(name.as_str()));
    found
}

/// The names that a pattern of `computed.toml` stands for.
fn matching(pattern: &str, library: &Library<'_>) -> Vec<String> {
    let Some(start) = pattern.strip_suffix('*') else {
        return vec![pattern.to_owned()];
    };
    let names = library.range(start..).map(|(name, _)| *name);
    names
        .take_while(|name| name.starts_with(start))
        .map(str::to_owned)
        .collect()
}

/// The modules that a source imports. `from a import b` mentions `a` and `a.b`, which may be a
/// module. Built-in modules are not in the library but may bring some of it along.
fn imported(source: Source<'_>, library: &Library<'_>) -> BTreeSet<String> {
    let mentions = source.mentions;
    let imports = mentions.imports.iter();
    let mut found: BTreeSet<String> = imports
        .filter_map(|(level, name)| absolute(*level, name, source))
        .collect();
    for package in &mentions.below {
        found.extend(matching(&format!("{package}.*"), library));
    }
    found
}

/// The same, and the modules that its strings may name.
fn mentioned(source: Source<'_>, library: &Library<'_>) -> BTreeSet<String> {
    let mut found = imported(source, library);
    for text in &source.mentions.strings {
        // `logging.handlers.SysLogHandler`: the longest beginning that is a module.
        let ends = text.match_indices('.').map(|(at, _)| at);
        let beginnings = std::iter::once(text.len()).chain(ends.rev());
        let mut beginnings = beginnings.map(|end| &text[..end]);
        found.extend(
            beginnings
                .find(|name| library.contains_key(name))
                .map(str::to_owned),
        );
        // A package that `runpy` is given by a computed name.
        let main = format!("{text}.__main__");
        found.extend(library.contains_key(&*main).then_some(main));
    }
    found
}

/// Resolves leading dots against the module's package.
fn absolute(level: u32, name: &str, source: Source<'_>) -> Option<String> {
    if level == 0 {
        return (!name.is_empty()).then(|| name.to_owned());
    }
    let ups = if source.package { level - 1 } else { level };
    let mut package = source.name;
    for _ in 0..ups {
        package = package.rsplit_once('.').map_or("", |(parent, _)| parent);
        if package.is_empty() {
            return None;
        }
    }
    if name.is_empty() {
        return Some(package.to_owned());
    }
    Some(format!("{package}.{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions(imports: &[(u32, &str)]) -> Mentions {
        let owned = |(level, name): &(u32, &str)| (*level, (*name).to_owned());
        Mentions {
            imports: imports.iter().map(owned).collect(),
            ..Mentions::default()
        }
    }

    fn source<'a>(name: &'a str, package: bool, mentions: &'a Mentions) -> Source<'a> {
        Source {
            name,
            package,
            mentions,
        }
    }

    #[test]
    fn relative_names_are_resolved() {
        let some = Mentions::default();
        let module = source("a.b.c", false, &some);
        let package = source("a.b", true, &some);
        assert_eq!(absolute(0, "x.y", module).as_deref(), Some("x.y"));
        assert_eq!(absolute(0, "", module), None);
        assert_eq!(absolute(1, "y", module).as_deref(), Some("a.b.y"));
        assert_eq!(absolute(2, "", module).as_deref(), Some("a"));
        assert_eq!(absolute(3, "y", module), None);
        assert_eq!(absolute(u32::MAX, "y", module), None);
        assert_eq!(absolute(1, "x", package).as_deref(), Some("a.b.x"));
        assert_eq!(absolute(1, "x", source("top", false, &some)), None);
    }

    #[test]
    fn the_search_follows_the_library() {
        let json = mentions(&[(0, "json.decoder"), (0, "json.decoder.JSONDecoder")]);
        let decoder = mentions(&[(0, "re"), (1, "scanner")]);
        let none = Mentions::default();
        let mut library: Library<'_> = [
            "email",
            "email.message",
            "encodings",
            "encodings.utf_8",
            "handlers",
            "json.scanner",
            "logging",
            "logging.handlers",
            "plain",
            "plugins",
            "plugins.one",
            "re",
            "smtplib",
            "sqlite3.dump",
        ]
        .map(|name| (name, Some(source(name, false, &none))))
        .into();
        library.insert("json", Some(source("json", true, &json)));
        library.insert(
            "json.decoder",
            Some(source("json.decoder", false, &decoder)),
        );
        let app = Mentions {
            imports: vec![(0, "json".to_owned()), (0, "_sqlite3".to_owned())],
            below: vec!["plugins".to_owned()],
            strings: vec![
                "logging.handlers.SysLogHandler.emit".to_owned(),
                "no.such".to_owned(),
            ],
        };
        let found = reached(
            [source("app", false, &app)],
            &["email".to_owned()],
            &library,
        );
        let found: Vec<_> = found.iter().map(String::as_str).collect();
        assert_eq!(
            found,
            [
                "email",
                "email.message",
                "encodings",
                "encodings.utf_8",
                "json",
                "json.decoder",
                "json.scanner",
                "logging",
                "logging.handlers",
                "plugins",
                "plugins.one",
                "re",
                "sqlite3.dump",
            ]
        );
    }

    /// A name that is in no distribution is a misspelling or a leftover.
    #[test]
    fn computed_modules_exist() {
        let cache = tempfile::tempdir().unwrap();
        let cache = crate::cache::Cache::at(cache.path()).unwrap();
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = root.join("../prebuilt/distributions");
        let archives: Vec<_> = ["stdlib", oxidize_format::Target::X86_64_LINUX_GNU.triple()]
            .map(|part| {
                let name = format!("cpython-{}-{part}.tar.zst", crate::python::VERSION);
                crate::collect::stdlib::Archive::open(&cache, &folder.join(name)).unwrap()
            })
            .into();
        let part = crate::pack::stdlib(
            &archives,
            crate::python::Python::OWN,
            oxidize_format::Target::X86_64_LINUX_GNU,
        );
        let modules = part.modules.iter();
        let library: Library<'_> = modules.map(|module| (&*module.name, None)).collect();
        let listed = COMPUTED.imports.values().flatten();
        for pattern in COMPUTED.always.iter().chain(listed) {
            let start = pattern.trim_end_matches('*');
            let exists = library.keys().any(|name| name.starts_with(start));
            let built_in = ["atexit", "pyexpat"].contains(&&**pattern);
            assert!(exists || built_in, "{pattern}");
        }
    }
}
