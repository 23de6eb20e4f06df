//! The recipe files, as data. Everything that differs between CPython versions, libraries and
//! targets is written there; the keys are explained at the head of each file.

mod schema;

pub use schema::*;

use crate::lock::Lock;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Variables of the recipes: `{name}` in a string is replaced by the value.
#[derive(Debug, Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Adds or replaces a variable.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Adds or replaces a variable whose value is a path.
    pub fn set_path(&mut self, name: &str, value: &Path) -> &mut Self {
        self.set(name, value.display().to_string())
    }

    /// Replaces every `{name}`; an unknown name is an error, braces around anything else stay.
    ///
    /// # Errors
    /// A name that no variable has.
    pub fn expand(&self, text: &str) -> Result<String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            let (before, after) = rest.split_at(start);
            out.push_str(before);
            match after.find('}') {
                Some(end) if is_name(&after[1..end]) => {
                    let name = &after[1..end];
                    match self.0.get(name) {
                        Some(value) => out.push_str(value),
                        None => bail!("unknown variable {{{name}}} in {text:?}"),
                    }
                    rest = &after[end + 1..];
                }
                _ => {
                    out.push('{');
                    rest = &after[1..];
                }
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    /// [`Variables::expand`] for a list.
    ///
    /// # Errors
    /// As [`Variables::expand`].
    pub fn expand_all(&self, texts: &[String]) -> Result<Vec<String>> {
        texts.iter().map(|text| self.expand(text)).collect()
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// All recipes of one CPython version.
#[derive(Debug)]
pub struct Recipes {
    /// The crate's folder, `prebuilt/`.
    pub root: PathBuf,
    /// The one version these are about.
    pub cpython: CPython,
    /// In the order they are built.
    pub libraries: Vec<Library>,
    /// By name.
    pub sources: BTreeMap<String, Source>,
    /// By name.
    pub licences: BTreeMap<String, Licence>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LibraryFile {
    library: Vec<Library>,
}

/// The name of CPython's own sources among the others.
pub const CPYTHON: &str = "cpython";

impl Recipes {
    /// The recipes of the version that `distributions/lock.toml` has archives of.
    ///
    /// # Errors
    /// As [`Lock::read`] and [`Recipes::load`].
    pub fn locked(root: &Path) -> Result<Self> {
        let lock = Lock::read(&root.join("distributions/lock.toml"))?;
        Self::load(root, &lock.cpython)
    }

    /// The recipes of a version, or the locked ones if none is named.
    ///
    /// # Errors
    /// As [`Recipes::locked`] and [`Recipes::load`].
    pub fn of(root: &Path, version: Option<&str>) -> Result<Self> {
        version.map_or_else(|| Self::locked(root), |version| Self::load(root, version))
    }

    /// Reads and cross-checks the recipes under `root` (the folder `prebuilt`).
    ///
    /// # Errors
    /// A recipe that cannot be read, is malformed, or names what another one does not have.
    pub fn load(root: &Path, version: &str) -> Result<Self> {
        let dir = root.join("recipes");
        let cpython: CPython = read(&dir.join(format!("cpython-{version}.toml")))?;
        let libraries = read::<LibraryFile>(&dir.join("libraries.toml"))?.library;
        let mut sources: BTreeMap<String, Source> = read(&dir.join("sources.toml"))?;
        sources.insert(CPYTHON.to_owned(), cpython.source.clone());
        let licences: BTreeMap<String, Licence> = read(&dir.join("licences.toml"))?;
        let recipes = Self {
            root: root.to_owned(),
            cpython,
            libraries,
            sources,
            licences,
        };
        recipes.check()?;
        Ok(recipes)
    }

    /// Names that refer to nothing are found here and not an hour into a build.
    fn check(&self) -> Result<()> {
        let mut known: Vec<&str> = self
            .cpython
            .bundled
            .iter()
            .map(|b| b.name.as_str())
            .collect();
        for library in &self.libraries {
            known.extend(library.provided());
            if !library.source.starts_with("crate:") && !self.sources.contains_key(&library.source)
            {
                bail!(
                    "library {}: source {:?} is not in sources.toml",
                    library.name,
                    library.source
                );
            }
            if !self.licences.contains_key(&library.licence) {
                bail!(
                    "library {}: licence {:?} is not in licences.toml",
                    library.name,
                    library.licence
                );
            }
            if library.files.is_empty() == library.steps.is_empty() {
                bail!("library {}: needs either files or steps", library.name);
            }
        }
        for bundled in &self.cpython.bundled {
            if !self.licences.contains_key(&bundled.licence) {
                bail!(
                    "bundled {}: licence {:?} is not in licences.toml",
                    bundled.name,
                    bundled.licence
                );
            }
        }
        for module in &self.cpython.module {
            for link in &module.links {
                if !known.contains(&link.as_str()) {
                    bail!(
                        "module {}: library {link:?} is not in the recipes",
                        module.name
                    );
                }
            }
        }
        Ok(())
    }

    /// Reads one target's recipe; the error for an unknown one lists those that exist.
    ///
    /// # Errors
    /// A target without a recipe, or one whose recipe cannot be read or is malformed.
    pub fn target(&self, triple: &str) -> Result<Target> {
        let path = self
            .root
            .join("recipes/targets")
            .join(format!("{triple}.toml"));
        if !path.is_file() {
            bail!(
                "no recipe for target {triple}\n  there are: {}",
                self.targets()?.join(", ")
            );
        }
        let mut target: Target = read(&path)?;
        if target.triple != triple {
            bail!("{}: triple is {:?}", path.display(), target.triple);
        }
        let python = &self.cpython.python;
        let mut variables = Variables::default();
        variables
            .set("digits", python.digits())
            .set("tag", &python.tag);
        for name in [&mut target.python.soabi, &mut target.python.ext_suffix] {
            *name = variables.expand(name)?;
        }
        Ok(target)
    }

    /// All targets that have a recipe, sorted.
    ///
    /// # Errors
    /// If the folder of the recipes cannot be read.
    pub fn targets(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(self.root.join("recipes/targets"))? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "toml") {
                names.extend(path.file_stem().map(|s| s.to_string_lossy().into_owned()));
            }
        }
        names.sort();
        Ok(names)
    }

    /// Folder with the files that `regenerate` wrote for this version.
    pub fn generated(&self) -> PathBuf {
        self.root
            .join("generated")
            .join(format!("cpython-{}", self.cpython.python.version))
    }

    /// What the interpreter's branches and calls are optimised for, recorded by `profile`.
    pub fn profile(&self) -> PathBuf {
        self.root
            .join("profile")
            .join(format!("cpython-{}.profdata", self.cpython.python.profile))
    }

    /// Modules of a target, in the order of the recipe.
    pub fn modules<'a>(&'a self, target: &'a Target) -> impl Iterator<Item = &'a Module> {
        self.cpython
            .module
            .iter()
            .filter(|m| m.os.is_empty() || m.os.contains(&target.os))
    }

    /// Every file of the core and the modules of a target.
    pub fn interpreter_files(&self, target: &Target) -> Vec<String> {
        let core = &self.cpython.core;
        let mut files = core.on.of(&target.os).all_files(&core.files);
        for module in self.modules(target) {
            files.extend(module.on.of(&target.os).all_files(&module.files));
        }
        files
    }

    /// Licences of what is in a target's archive, by name: not of libraries that other targets
    /// have.
    pub fn target_licences<'a>(
        &'a self,
        target: &'a Target,
    ) -> impl Iterator<Item = (&'a String, &'a Licence)> {
        let linked = |key: &str| {
            let mut of_library = self
                .libraries
                .iter()
                .filter(|l| l.licence == key)
                .peekable();
            of_library.peek().is_none()
                || of_library.any(|l| l.os.is_empty() || l.os.contains(&target.os))
        };
        self.licences
            .iter()
            .filter(|(_, l)| l.env.is_empty() || l.env.contains(&target.env))
            .filter(move |(key, _)| linked(key))
    }

    /// Libraries of a target, in the order of the recipe.
    pub fn target_libraries<'a>(&'a self, target: &'a Target) -> impl Iterator<Item = &'a Library> {
        self.libraries
            .iter()
            .filter(|l| l.os.is_empty() || l.os.contains(&target.os))
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the recipe {}", path.display()))?;
    toml::from_str(&text)
        .with_context(|| format!("cannot understand the recipe {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxidize_format::Target;

    fn recipes() -> Result<Recipes> {
        Recipes::locked(Path::new(env!("CARGO_MANIFEST_DIR")))
    }

    #[test]
    fn every_recipe_of_the_tree_is_consistent() -> Result<()> {
        let recipes = recipes()?;
        let python = &recipes.cpython.python;
        assert_eq!(python.tag, format!("cp{}", python.digits()));
        assert!(python.version.starts_with(&format!("{}.", python.short())));
        let [major, minor] = [24, 16].map(|at| python.hexversion >> at & 0xff);
        assert_eq!(python.short(), format!("{major}.{minor}"));
        for triple in recipes.targets()? {
            let target = recipes.target(&triple)?;
            assert!(
                recipes.modules(&target).any(|m| m.name == "_ssl"),
                "{triple}"
            );
            let generated = recipes.generated().join(&triple);
            for file in ["pyconfig.h", "config_vars.json"] {
                assert!(generated.join(file).is_file(), "{triple}: no {file}");
            }
        }
        Ok(())
    }

    #[test]
    fn an_unknown_target_names_the_known_ones() -> Result<()> {
        let error = recipes()?
            .target("x86_64-unknown-plan9")
            .err()
            .context("no error")?;
        assert!(
            error
                .to_string()
                .contains(Target::X86_64_LINUX_GNU.triple()),
            "{error}"
        );
        Ok(())
    }

    #[test]
    fn no_file_is_compiled_twice() -> Result<()> {
        let recipes = recipes()?;
        for triple in recipes.targets()? {
            let target = recipes.target(&triple)?;
            let mut all = recipes.interpreter_files(&target);
            let count = all.len();
            all.sort();
            all.dedup();
            assert_eq!(all.len(), count, "{triple}");
        }
        Ok(())
    }

    #[test]
    fn a_target_has_the_licences_of_what_it_has() -> Result<()> {
        let recipes = recipes()?;
        for (target, has, has_not) in [
            (Target::X86_64_LINUX_GNU, "ncurses", "mingw-w64"),
            (Target::X86_64_LINUX_MUSL, "musl", "glibc"),
            (Target::X86_64_WINDOWS, "mingw-w64", "ncurses"),
            (Target::X86_64_WINDOWS, "openssl", "glibc"),
        ] {
            let triple = target.triple();
            let target = recipes.target(triple)?;
            let found = |key| recipes.target_licences(&target).any(|(k, _)| k == key);
            assert!(found(has), "{triple}: no {has}");
            assert!(!found(has_not), "{triple}: {has_not}");
        }
        Ok(())
    }

    #[test]
    fn variables_expand_once_and_unknown_ones_are_errors() -> Result<()> {
        let mut variables = Variables::default();
        variables.set("name", "{other}");
        assert_eq!(variables.expand("a{name}b{}{X}")?, "a{other}b{}{X}");
        assert!(variables.expand("{other}").is_err());
        Ok(())
    }
}
