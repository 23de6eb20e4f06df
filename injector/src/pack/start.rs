//! Which modules a start imports, in which order, as far as import statements tell.
//!
//! Their bytecode lies first and in this order, so that a cold start reads the file in one run, and
//! is stored uncompressed. That a module is missing here costs a little time when it is imported,
//! and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use oxidize_format::RunOptions;

use super::Part;
use crate::marshal::statements::{Statement, statements};

/// What the interpreter imports before it runs anything. Its other modules are frozen into it.
const ALWAYS: [&str; 3] = ["encodings", "encodings.aliases", "encodings.utf_8"];

/// A module with code.
#[derive(Clone, Copy)]
struct Coded<'p> {
    name: &'p str,
    code: &'p [u8],
    package: bool,
}

/// The modules with code that a start imports, each before those that it imports itself.
pub(super) fn order<'p>(parts: &'p [Part<'_>], config: &RunOptions) -> Vec<&'p str> {
    let mut modules = BTreeMap::new();
    let mut script = None;
    for part in parts {
        for module in &part.modules {
            let Some(code) = part.code.get(&module.name) else {
                continue;
            };
            let coded = Coded {
                name: &module.name,
                code,
                package: module.is_package(),
            };
            modules.insert(coded.name, coded);
            let file = module.file.as_deref().map(|file| part.virtual_path(file));
            if file.is_some() && file == config.entry_script {
                script = Some(coded.name);
            }
        }
    }
    let entry = config.entry_module.as_deref();
    let main = entry.map(|entry| format!("{entry}.__main__"));
    let roots = ALWAYS.into_iter().chain(entry).chain(main.as_deref());
    let mut search = Search {
        modules,
        seen: BTreeSet::new(),
        order: Vec::new(),
    };
    for root in roots.chain(script) {
        search.import(root);
    }
    search.order
}

struct Search<'p> {
    modules: BTreeMap<&'p str, Coded<'p>>,
    seen: BTreeSet<&'p str>,
    order: Vec<&'p str>,
}

impl<'p> Search<'p> {
    /// Imports as the interpreter does: packages before what is in them, and one statement after
    /// the other. Imports can be nested more deeply than a stack is, so this keeps its own.
    fn import(&mut self, root: &str) {
        // The names that each open module still has to import, the next one last.
        let mut open = vec![vec![root.to_owned()]];
        while let Some(names) = open.last_mut() {
            let Some(name) = names.pop() else {
                open.pop();
                continue;
            };
            let parents = name.match_indices('.').map(|(at, _)| &name[..at]);
            // One of the packages above may have to be imported first.
            let missing = parents
                .chain([name.as_str()])
                .find(|part| self.modules.contains_key(part) && !self.seen.contains(part));
            let Some(module) = missing
                .and_then(|missing| self.modules.get(missing))
                .copied()
            else {
                continue;
            };
            if module.name != name {
                names.push(name);
            }
            self.seen.insert(module.name);
            self.order.push(module.name);
            let mut imports = imported(module);
            imports.reverse();
            open.push(imports);
        }
    }
}

/// What a module's statements import, in their order. `from a import b` may mean `a.b`.
fn imported(module: Coded<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for statement in statements(module.code).unwrap_or_default() {
        let Some(base) = base(module, &statement) else {
            continue;
        };
        let below = statement.from.iter().map(|name| format!("{base}.{name}"));
        let below: Vec<_> = below.collect();
        found.push(base);
        found.extend(below);
    }
    found
}

/// The absolute name of what is imported, or imported from.
fn base(module: Coded<'_>, statement: &Statement<'_>) -> Option<String> {
    if statement.level == 0 {
        return Some(statement.name.to_owned());
    }
    let mut package = module.name;
    for _ in u32::from(module.package)..statement.level {
        package = package.rsplit_once('.').map(|(parent, _)| parent)?;
    }
    Some(match statement.name {
        "" => package.to_owned(),
        name => format!("{package}.{name}"),
    })
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::collect::{Module, ModuleKind};
    use crate::marshal::statements::tests::importing;

    /// A part of packages (`a/`) and modules, each with what it imports.
    fn part(modules: &[(&str, &str)]) -> Part<'static> {
        let names = modules
            .iter()
            .map(|(name, imports)| (name.trim_end_matches('/'), name.ends_with('/'), *imports));
        Part {
            root: "/~oxidize/app".to_owned(),
            directories: Vec::new(),
            files: BTreeMap::new(),
            modules: names
                .clone()
                .map(|(name, package, _)| Module {
                    name: name.to_owned(),
                    kind: ModuleKind::Source,
                    file: Some(format!("{name}.py")),
                    directory: package.then(|| name.to_owned()),
                })
                .collect(),
            code: names
                .map(|(name, _, imports)| (name.to_owned(), Cow::Owned(importing(imports))))
                .collect(),
            blocks: BTreeMap::new(),
            frames: BTreeMap::new(),
            placed: BTreeSet::new(),
        }
    }

    #[test]
    fn modules_are_in_the_order_of_their_import() {
        let parts = [part(&[
            ("app/", "z.y"),
            ("app.__main__", "app.cli"),
            ("app.cli", "b"),
            ("b", "app.cli"),
            ("encodings/", "codecs"),
            ("encodings.utf_8", "codecs"),
            ("idle", "app"),
            ("z/", "b"),
            ("z.y", "missing"),
        ])];
        let config = RunOptions {
            entry_module: Some("app".to_owned()),
            ..RunOptions::default()
        };
        assert_eq!(
            order(&parts, &config),
            [
                "encodings",
                "encodings.utf_8",
                "app",
                "z",
                "b",
                "app.cli",
                "z.y",
                "app.__main__"
            ]
        );
        let config = RunOptions {
            entry_script: Some("/~oxidize/app/idle.py".to_owned()),
            ..RunOptions::default()
        };
        assert_eq!(order(&parts, &config)[2..4], ["idle", "app"]);
    }

    #[test]
    fn a_long_chain_of_imports_is_followed() {
        let names: Vec<String> = (0..100_000).map(|number| format!("m{number}")).collect();
        let modules = names.windows(2).map(|pair| (&*pair[0], &*pair[1]));
        let parts = [part(&modules.collect::<Vec<_>>())];
        let config = RunOptions {
            entry_module: Some("m0".to_owned()),
            ..RunOptions::default()
        };
        assert_eq!(order(&parts, &config).len(), 99_999);
    }
}
