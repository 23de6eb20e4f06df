//! First stage: what there is to package, and what of it runs.

use std::collections::{BTreeSet, HashMap, hash_map};
use std::fs;
use std::io;
use std::path::Path;

use super::placed;
use super::root::Root;
use super::site::Site;
use super::toolchain::Toolchain;
use super::{Findings, PackageError, Request, Warning, windows_name};
use crate::collect::CollectError;
use crate::collect::WalkOptions;
use crate::collect::{self, Module, ModuleKind, Reason, Tree};
use crate::entry::{Candidates, Entry, Selection};
use crate::interpreter::Variable;
use crate::pack::{LONGEST_SOURCE, Part, shadow};
use crate::progress::Progress;
use crate::python;
use crate::regular;

/// The resources, checked against the target.
pub(super) struct Collected<'t> {
    pub(super) tools: &'t Toolchain<'t>,
    /// The application; what else is on the search path, in its order; what is on none.
    pub(super) roots: Vec<Root>,
    /// The standard library. The application hides modules of it, and it those of other roots.
    pub(super) library: Part<'t>,
    /// What `sys.path` has behind the standard library.
    pub(super) search_path: Vec<String>,
    pub(super) entry: Entry,
    /// Entry points that are chosen when the program starts.
    pub(super) named: Vec<(String, Entry)>,
    pub(super) findings: Findings,
}

impl<'t> Collected<'t> {
    /// Collects.
    ///
    /// # Errors
    /// The resources cannot be packaged for the target, or nothing says what to run.
    pub(super) fn collect(
        request: &Request,
        tools: &'t Toolchain<'t>,
        mut findings: Findings,
        progress: &dyn Progress,
    ) -> Result<Collected<'t>, PackageError> {
        progress.start("Collecting", 0);
        let options = WalkOptions {
            include: request.include.clone(),
            output: Some(request.output.clone()),
        };
        let mut tree = match (&request.resources, &request.script) {
            (Some(resources), _) => collect::walk::walk(resources, &options)?,
            (None, Some(script)) => single(script)?,
            (None, None) => Tree::default(),
        };
        if tools.target().is_windows() {
            let files = tree.files.iter().map(|file| &file.path);
            let mut paths = files.chain(&tree.directories);
            if let Some((path, problem)) =
                paths.find_map(|path| Some((path, windows_name::problem(path)?)))
            {
                return Err(PackageError::WindowsName {
                    path: path.clone(),
                    problem,
                });
            }
        }
        if tools.target().is_windows() || tools.target().is_macos() {
            let paths = tree.files.iter().map(|file| file.path.as_str());
            findings.warnings.extend(same_but_case(paths));
        }
        findings.left_out(std::mem::take(&mut tree.left_out));
        let application = Root::searched(
            python::APP_ROOT,
            tree,
            tools.target(),
            tools.python(),
            &mut findings,
        )?;
        let site = Site::install(request, tools, &mut findings, progress)?;
        Collected::of(request, tools, application, site, findings)
    }

    /// Decides which modules are reachable, and what runs.
    ///
    /// # Errors
    /// Nothing says what to run, or what is to be included is not there.
    pub(super) fn of(
        request: &Request,
        tools: &'t Toolchain<'t>,
        application: Root,
        site: Site,
        mut findings: Findings,
    ) -> Result<Collected<'t>, PackageError> {
        let mut library = tools.library();
        let mut roots = vec![application];
        roots.extend(site.roots);
        placed::mark(request, &mut roots)?;
        findings.warnings.extend(placed::suggest(&roots));
        let (entry, named) = resolve_entries(request, &roots, &site.requested, &library)?;
        check_includes(request, &roots[0].tree, &library)?;

        let mut searched: Vec<Vec<Module>> = roots
            .iter_mut()
            .map(|root| std::mem::take(&mut root.modules))
            .collect();
        let all = searched[0].clone();
        // As on `sys.path`: the application, the standard library, what was installed.
        searched.insert(1, std::mem::take(&mut library.modules));
        let mut reachable = shadow::resolve(searched);
        library.modules = reachable.remove(1);
        for (root, modules) in roots.iter_mut().zip(reachable) {
            root.modules = modules;
        }
        warn_of_hidden(&all, &roots[0], &mut findings);
        Ok(Collected {
            tools,
            roots,
            library,
            search_path: site.search_path,
            entry,
            named,
            findings,
        })
    }
}

/// What runs, and what runs by name.
fn resolve_entries(
    request: &Request,
    roots: &[Root],
    requested: &[String],
    library: &Part<'_>,
) -> Result<(Entry, Vec<(String, Entry)>), PackageError> {
    let tree = &roots[0].tree;
    let mut modules: Vec<Module> = roots
        .iter()
        .flat_map(|root| &root.modules)
        .cloned()
        .collect();
    modules.sort_by(|a, b| a.name.cmp(&b.name));
    let distributions = roots.iter().flat_map(|root| &root.distributions);
    let distributions: Vec<_> = distributions.cloned().collect();
    // What something else needs is there to be used, but it is not the application.
    let installed = roots[1..].iter().flat_map(|root| &root.distributions);
    let installed = installed.filter(|one| requested.contains(&one.directory));
    let application = roots[0].distributions.iter().chain(installed);
    let application: Vec<_> = application.cloned().collect();
    let candidates = Candidates {
        tree,
        modules: &modules,
        library: &library.modules,
        distributions: &distributions,
        application: &application,
    };
    let script = request.script.as_deref();
    let script = script.map(|script| script_path(request, script, tree));
    let mut named = Vec::new();
    for Variable { name, value } in &request.entry_points {
        if named.iter().any(|(known, _)| known == name) {
            return Err(PackageError::SameName(name.clone()));
        }
        named.push((name.clone(), candidates.resolve(Selection::Entry(value))?));
    }
    let entry = match (&script, &request.entry) {
        (Some(script), _) => {
            // Compiled at each start, so nobody has read it yet.
            if let Some(file) = tree.file(script).filter(|file| file.len > LONGEST_SOURCE) {
                return Err(PackageError::Collect(CollectError::Io {
                    path: file.on_disk.clone(),
                    source: io::ErrorKind::FileTooLarge.into(),
                }));
            }
            candidates.resolve(Selection::Script(script))?
        }
        (None, Some(name)) => candidates.resolve(Selection::Entry(name))?,
        (None, None) if named.is_empty() => candidates.resolve(Selection::Default)?,
        (None, None) => Entry::ByName,
    };
    Ok((entry, named))
}

/// The tree of a script that stands alone.
fn single(script: &Path) -> Result<Tree, CollectError> {
    let failed = |source| CollectError::Io {
        path: script.to_owned(),
        source,
    };
    let opened = regular::open(script).and_then(|file| file.metadata());
    let metadata = opened.map_err(failed)?;
    let name = script.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()))?;
    Ok(Tree {
        files: vec![collect::File {
            path: name.to_owned(),
            on_disk: script.to_owned(),
            len: metadata.len(),
            stamp: collect::Stamp::of(&metadata),
            executable: false,
        }],
        ..Tree::default()
    })
}

/// A script is named relative to the resources, or by any path that leads into them.
fn script_path(request: &Request, script: &Path, tree: &Tree) -> String {
    let text = script.to_string_lossy();
    let text = text.strip_prefix("./").unwrap_or(&text);
    if tree.file(text).is_some() {
        return text.to_owned();
    }
    let inside = || {
        let Some(resources) = &request.resources else {
            return Some(script.file_name()?.to_str()?.to_owned());
        };
        let root = fs::canonicalize(resources).ok()?;
        let script = fs::canonicalize(script).ok()?;
        Some(script.strip_prefix(root).ok()?.to_str()?.to_owned())
    };
    inside().unwrap_or_else(|| text.to_owned())
}

fn check_includes(request: &Request, tree: &Tree, library: &Part<'_>) -> Result<(), PackageError> {
    for name in &request.include {
        let is_module = library.modules.iter().any(|module| module.name == *name);
        if tree.file(name).is_none() && !is_module {
            return Err(PackageError::NothingToInclude(name.clone()));
        }
    }
    Ok(())
}

/// Warns of paths that are one and the same where case does not count.
fn same_but_case<'p>(paths: impl Iterator<Item = &'p str>) -> Vec<Warning> {
    let mut first: HashMap<String, &str> = HashMap::new();
    let mut warnings = Vec::new();
    for path in paths {
        match first.entry(path.to_lowercase()) {
            hash_map::Entry::Vacant(place) => {
                place.insert(path);
            }
            hash_map::Entry::Occupied(one) => {
                let one = (*one.get()).to_owned();
                warnings.push(Warning::SameButCase(one, path.to_owned()));
            }
        }
    }
    warnings
}

/// Names the tops of trees with code in them that no import reaches. A directory of data hides and
/// loses nothing.
fn warn_of_hidden(all: &[Module], application: &Root, findings: &mut Findings) {
    let reachable: BTreeSet<&str> = application
        .modules
        .iter()
        .map(|module| module.name.as_str())
        .collect();
    let code = all
        .iter()
        .filter(|module| module.kind != ModuleKind::Namespace);
    let hidden = code.filter(|module| !reachable.contains(module.name.as_str()));
    let tops: BTreeSet<&str> = hidden
        .filter_map(|module| module.name.split('.').next())
        .collect();
    let warnings = tops.into_iter();
    let warnings = warnings.map(|top| Warning::Unreachable(top.to_owned()));
    findings.warnings.extend(warnings);
}

impl Findings {
    /// Notes what the walk left out. Secrets are worth a warning, but one that comes last.
    fn left_out(&mut self, all: Vec<collect::LeftOut>) {
        for left in all {
            if left.reason == Reason::Secret {
                self.secrets.push(left.path);
            } else {
                self.left_out.push(left.path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_differ_in_case_are_told_in_pairs() {
        let paths = [
            "a/README",
            "a/readme",
            "b/readme",
            "c",
            "\u{c4}.txt",
            "\u{e4}.txt",
        ];
        let pair = |one: &str, other: &str| Warning::SameButCase(one.into(), other.into());
        assert_eq!(
            same_but_case(paths.into_iter()),
            [
                pair("a/README", "a/readme"),
                pair("\u{c4}.txt", "\u{e4}.txt")
            ]
        );
    }
}
