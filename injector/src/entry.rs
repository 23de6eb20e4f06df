//! What the packaged application runs.

use thiserror::Error;

use crate::collect::{Distribution, Module, Tree};
use crate::python::APP_ROOT;

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A module, as `python -m` runs it.
    Module(String),
    /// A function of a module, as a console script calls it.
    Function {
        /// The module.
        module: String,
        /// The function in it, possibly with dots.
        function: String,
    },
    /// A file among the resources, by its path there.
    Script(String),
    /// One of those that have names, by the program's first argument.
    ByName,
}

impl Entry {
    /// The module that is run or called into.
    #[must_use]
    pub fn module(&self) -> Option<&str> {
        match self {
            Entry::Module(module) | Entry::Function { module, .. } => Some(module),
            Entry::Script(_) | Entry::ByName => None,
        }
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Entry::Module(module) => write!(f, "module {module}"),
            Entry::Function { module, function } => write!(f, "{module}:{function}"),
            Entry::Script(path) => write!(f, "{APP_ROOT}/{path}"),
            Entry::ByName => f.write_str("an entry point by name"),
        }
    }
}

/// What the user asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection<'a> {
    /// Nothing: find it.
    Default,
    /// A console script, a module, or a function of one.
    Entry(&'a str),
    /// A file, as a path relative to the resources.
    Script(&'a str),
}

/// No entry can be made out.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryError {
    /// Nothing was asked for, and there is not exactly one candidate.
    #[error("nothing says what the application should run")]
    Undecided {
        /// What could be asked for.
        candidates: Vec<String>,
    },
    /// What was asked for is not there.
    #[error("there is no {kind} `{name}`")]
    Missing {
        /// Module or file.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What is there.
        candidates: Vec<String>,
    },
    /// A package cannot be run without `__main__`.
    #[error("the package `{0}` cannot be run: it has no module `{0}.__main__`")]
    NoMain(String),
    /// The entry is not of the form `MODULE[:FUNCTION]`.
    #[error("`{0}` is neither a console script nor of the form MODULE or MODULE:FUNCTION")]
    Malformed(String),
}

/// The kind of thing that a script is.
pub const SCRIPT: &str = "file among the resources called";

/// Everything there is to run.
#[derive(Debug, Clone, Copy)]
pub struct Candidates<'a> {
    /// The files.
    pub tree: &'a Tree,
    /// The application's modules, sorted by name.
    pub modules: &'a [Module],
    /// The standard library's modules, sorted by name.
    pub library: &'a [Module],
    /// The distributions.
    pub distributions: &'a [Distribution],
    /// Those of them that are the application, and not only needed by it.
    pub application: &'a [Distribution],
}

impl Candidates<'_> {
    /// Decides.
    ///
    /// # Errors
    /// There is no such entry point, or nothing says which of several to take.
    pub fn resolve(&self, selection: Selection<'_>) -> Result<Entry, EntryError> {
        match selection {
            Selection::Script(path) => self.script(path),
            Selection::Entry(name) => self.named(name),
            Selection::Default => self.default(),
        }
    }

    fn script(&self, path: &str) -> Result<Entry, EntryError> {
        if self.tree.file(path).is_some() {
            return Ok(Entry::Script(path.to_owned()));
        }
        let candidates = Vec::new();
        Err(EntryError::Missing {
            kind: SCRIPT,
            name: path.to_owned(),
            candidates,
        })
    }

    fn named(&self, name: &str) -> Result<Entry, EntryError> {
        let mut scripts = self
            .distributions
            .iter()
            .flat_map(|distribution| &distribution.scripts);
        if let Some(script) = scripts.find(|script| script.name == name) {
            return self.function(&script.module, &script.function);
        }
        match name.split_once(':') {
            Some((module, function)) => self.function(module, function),
            None => self.module(name),
        }
    }

    fn function(&self, module: &str, function: &str) -> Result<Entry, EntryError> {
        if !is_dotted_name(module) || !is_dotted_name(function) {
            return Err(EntryError::Malformed(format!("{module}:{function}")));
        }
        // A package's own file is a module of that name, too: some console scripts spell it so.
        let package = module.strip_suffix(".__init__");
        if !package.is_some_and(|package| self.find(package).is_ok_and(Module::is_package)) {
            self.find(module)?;
        }
        Ok(Entry::Function {
            module: module.to_owned(),
            function: function.to_owned(),
        })
    }

    fn module(&self, name: &str) -> Result<Entry, EntryError> {
        if !is_dotted_name(name) {
            return Err(EntryError::Malformed(name.to_owned()));
        }
        let module = self.find(name)?;
        if module.is_package() && self.find(&format!("{name}.__main__")).is_err() {
            return Err(EntryError::NoMain(name.to_owned()));
        }
        Ok(Entry::Module(name.to_owned()))
    }

    fn find(&self, name: &str) -> Result<&Module, EntryError> {
        let found = |modules: &'_ [Module]| {
            modules
                .binary_search_by(|module| module.name.as_str().cmp(name))
                .ok()
        };
        let ours = found(self.modules).map(|index| &self.modules[index]);
        let theirs = || found(self.library).map(|index| &self.library[index]);
        let missing = || EntryError::Missing {
            kind: "module",
            name: name.to_owned(),
            candidates: self.candidates(),
        };
        ours.or_else(theirs).ok_or_else(missing)
    }

    fn default(&self) -> Result<Entry, EntryError> {
        if self.tree.file("__main__.py").is_some() {
            return Ok(Entry::Module("__main__".to_owned()));
        }
        let mut scripts = self
            .application
            .iter()
            .flat_map(|distribution| &distribution.scripts);
        match (scripts.next(), scripts.next()) {
            (Some(script), None) => self.function(&script.module, &script.function),
            _ => Err(EntryError::Undecided {
                candidates: self.candidates(),
            }),
        }
    }

    /// Console scripts, packages with `__main__`, and single modules at the top.
    fn candidates(&self) -> Vec<String> {
        const ENOUGH: usize = 12;
        let scripts = self
            .application
            .iter()
            .chain(self.distributions)
            .flat_map(|distribution| &distribution.scripts);
        let scripts = scripts.map(|script| script.name.clone());
        let packages = self
            .modules
            .iter()
            .filter_map(|module| module.name.strip_suffix(".__main__"));
        let packages = packages
            .filter(|name| !name.contains('.'))
            .map(str::to_owned);
        let tops = self
            .modules
            .iter()
            .filter(|module| !module.is_package() && !module.name.contains('.'));
        let mut all: Vec<String> = scripts
            .chain(packages)
            .chain(tops.map(|module| module.name.clone()))
            .collect();
        let mut seen = std::collections::BTreeSet::new();
        all.retain(|name| seen.insert(name.clone()));
        if all.len() > ENOUGH {
            let rest = all.len() - ENOUGH;
            all.truncate(ENOUGH);
            all.push(format!("and {rest} more"));
        }
        all
    }
}

fn is_dotted_name(name: &str) -> bool {
    name.split('.').all(|part| {
        let mut chars = part.chars();
        chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
            && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-')
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::collect::{ConsoleScript, File, ModuleKind};

    fn modules(names: &[(&str, bool)]) -> Vec<Module> {
        let module = |(name, package): &(&str, bool)| Module {
            name: (*name).to_owned(),
            kind: ModuleKind::Source,
            file: None,
            directory: package.then(String::new),
        };
        names.iter().map(module).collect()
    }

    fn distribution(scripts: &[(&str, &str, &str)]) -> Distribution {
        let script = |(name, module, function): &(&str, &str, &str)| ConsoleScript {
            name: (*name).to_owned(),
            module: (*module).to_owned(),
            function: (*function).to_owned(),
        };
        Distribution {
            normalised: "d".to_owned(),
            name: "d".to_owned(),
            version: "1".to_owned(),
            directory: "d-1.dist-info".to_owned(),
            scripts: scripts.iter().map(script).collect(),
        }
    }

    fn tree(paths: &[&str]) -> Tree {
        let file = |path: &&str| File {
            path: (*path).to_owned(),
            on_disk: PathBuf::new(),
            len: 0,
            stamp: Default::default(),
            executable: false,
        };
        Tree {
            files: paths.iter().map(file).collect(),
            ..Tree::default()
        }
    }

    fn resolve(
        files: &[&str],
        names: &[(&str, bool)],
        dists: &[Distribution],
        selection: Selection<'_>,
    ) -> Result<Entry, EntryError> {
        let (tree, modules, library) = (
            tree(files),
            modules(names),
            self::modules(&[("http.server", false)]),
        );
        Candidates {
            tree: &tree,
            modules: &modules,
            library: &library,
            distributions: dists,
            application: dists,
        }
        .resolve(selection)
    }

    fn function(module: &str, function: &str) -> Result<Entry, EntryError> {
        Ok(Entry::Function {
            module: module.to_owned(),
            function: function.to_owned(),
        })
    }

    #[test]
    fn a_package_may_be_named_by_its_file() {
        let scripts = [distribution(&[("tool", "tool.__init__", "main")])];
        let found = resolve(&[], &[("tool", true)], &scripts, Selection::Entry("tool"));
        let expected = Entry::Function {
            module: "tool.__init__".to_owned(),
            function: "main".to_owned(),
        };
        assert_eq!(found, Ok(expected));
        for (modules, selection) in [
            (&[("tool", false)][..], Selection::Entry("tool")),
            (
                &[("other", true)][..],
                Selection::Entry("tool.__init__:main"),
            ),
        ] {
            let found = resolve(&[], modules, &scripts, selection);
            assert!(
                matches!(found, Err(EntryError::Missing { .. })),
                "{found:?}"
            );
        }
    }

    #[test]
    fn main_file_first_then_the_single_script() {
        let one = [distribution(&[("run", "app", "main")])];
        let names = [("app", true)];
        assert_eq!(
            resolve(&["__main__.py"], &names, &one, Selection::Default),
            Ok(Entry::Module("__main__".into()))
        );
        assert_eq!(
            resolve(&[], &names, &one, Selection::Default),
            function("app", "main")
        );
        let two = [distribution(&[
            ("run", "app", "main"),
            ("other", "app", "x"),
        ])];
        let error = resolve(
            &[],
            &[("app", true), ("tool", false)],
            &two,
            Selection::Default,
        )
        .unwrap_err();
        let undecided = |candidates: &[&str]| EntryError::Undecided {
            candidates: candidates.iter().map(|name| (*name).to_owned()).collect(),
        };
        assert_eq!(error, undecided(&["run", "other", "tool"]));
        let error = resolve(&[], &[], &[], Selection::Default).unwrap_err();
        assert_eq!(error, undecided(&[]));
    }

    #[test]
    fn a_console_script_wins_over_a_module() {
        let dists = [distribution(&[("app", "app.cli", "main")])];
        let names = [("app", true), ("app.__main__", false), ("app.cli", false)];
        assert_eq!(
            resolve(&[], &names, &dists, Selection::Entry("app")),
            function("app.cli", "main")
        );
        assert_eq!(
            resolve(&[], &names, &[], Selection::Entry("app")),
            Ok(Entry::Module("app".into()))
        );
        assert_eq!(
            resolve(&[], &names, &[], Selection::Entry("app.cli:A.b")),
            function("app.cli", "A.b")
        );
        assert_eq!(
            resolve(&[], &[], &[], Selection::Entry("http.server")),
            Ok(Entry::Module("http.server".into()))
        );
    }

    #[test]
    fn what_is_not_there_cannot_be_run() {
        let names = [("app", true)];
        assert_eq!(
            resolve(&[], &names, &[], Selection::Entry("app")),
            Err(EntryError::NoMain("app".into()))
        );
        assert!(matches!(
            resolve(&[], &names, &[], Selection::Entry("nope")),
            Err(EntryError::Missing { .. })
        ));
        assert!(matches!(
            resolve(&[], &names, &[], Selection::Entry("a b")),
            Err(EntryError::Malformed(_))
        ));
        assert!(matches!(
            resolve(&[], &names, &[], Selection::Entry("app:")),
            Err(EntryError::Malformed(_))
        ));
        assert!(matches!(
            resolve(&["x.py"], &names, &[], Selection::Script("y.py")),
            Err(EntryError::Missing { .. })
        ));
        assert_eq!(
            resolve(&["bin/x"], &names, &[], Selection::Script("bin/x")),
            Ok(Entry::Script("bin/x".into()))
        );
    }
}
