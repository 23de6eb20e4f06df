//! No circles: of two modules that stand side by side, at most one needs the other, however many
//! modules lie between. That is read off the sources: what a file names with `use` and with paths,
//! followed through re-exports to the file that defines it.
//!
//! A module and the modules inside it are one thing here: a parent holds what its children share
//! and hands work to them. `format` is left out: a blob and the views of its sections need each
//! other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

type Name = Vec<String>;

/// What a source file names.
#[derive(Default)]
struct Names {
    /// Names brought in by `use`, with their paths.
    imported: BTreeMap<String, Name>,
    /// Those of them that are only passed on.
    passed_on: BTreeSet<Name>,
    /// Paths of two parts and more.
    paths: BTreeSet<Name>,
}

impl Names {
    fn of(source: &str) -> syn::Result<Names> {
        let mut names = Names::default();
        names.visit_file(&syn::parse_file(source)?);
        Ok(names)
    }

    fn import(&mut self, tree: &UseTree, prefix: &mut Name, public: bool) {
        let mut add = |name: &syn::Ident, path: &[String], last: Option<&syn::Ident>| {
            let mut path = path.to_vec();
            path.extend(last.map(ToString::to_string).filter(|last| last != "self"));
            let name = match name.to_string().as_str() {
                "self" => path.last().cloned().unwrap_or_default(),
                name => name.to_owned(),
            };
            if public {
                self.passed_on.insert(path.clone());
            } else {
                self.paths.insert(path.clone());
            }
            self.imported.entry(name).or_insert(path);
        };
        match tree {
            UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.import(&path.tree, prefix, public);
                prefix.pop();
            }
            UseTree::Name(name) => add(&name.ident, prefix, Some(&name.ident)),
            UseTree::Rename(rename) => add(&rename.rename, prefix, Some(&rename.ident)),
            UseTree::Glob(_) => {
                self.paths.insert(prefix.clone());
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, prefix, public);
                }
            }
        }
    }

    /// The paths among the tokens of a macro.
    fn tokens(&mut self, tokens: proc_macro2::TokenStream) {
        use proc_macro2::TokenTree;
        let mut path = Name::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.path(std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.path(std::mem::take(&mut path));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.path(path);
    }

    fn path(&mut self, path: Name) {
        if path.len() > 1 {
            self.paths.insert(path);
        }
    }
}

/// Whether this is compiled for tests only.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let mut found = attribute.path().is_ident("test");
        if attribute.path().is_ident("cfg") {
            let _ = attribute.parse_nested_meta(|meta| {
                found |= meta.path.is_ident("test");
                Ok(())
            });
        }
        found
    })
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes: &[Attribute] = match item {
            Item::Mod(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            _ => &[],
        };
        if is_for_tests(attributes) {
            return;
        }
        if let Item::Use(item) = item {
            let public = !matches!(item.vis, syn::Visibility::Inherited);
            self.import(&item.tree, &mut Name::new(), public);
        }
        visit::visit_item(self, item);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.path(
            path.segments
                .iter()
                .map(|part| part.ident.to_string())
                .collect(),
        );
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
    }
}

/// The modules of a crate by their paths; the crate's own path is empty.
struct Crate(BTreeMap<Name, Names>);

impl Crate {
    fn read(root: &Path) -> Crate {
        fn walk(dir: &Path, at: &Name, found: &mut BTreeMap<Name, Names>) {
            for entry in fs::read_dir(dir).expect("a directory of sources") {
                let path = entry.expect("a directory of sources").path();
                let stem = path.file_stem().and_then(|stem| stem.to_str());
                let stem = stem.expect("names of modules are text").to_owned();
                let child = || at.iter().cloned().chain([stem.clone()]).collect::<Name>();
                if path.is_dir() {
                    if stem != "bin" {
                        walk(&path, &child(), found);
                    }
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    // A program on top of the library, and files with nothing but tests.
                    if stem == "main" && dir.join("lib.rs").is_file() || stem.ends_with("tests") {
                        continue;
                    }
                    let name = match stem.as_str() {
                        "lib" | "mod" | "main" => at.clone(),
                        _ => child(),
                    };
                    let text = fs::read_to_string(&path).expect("a source");
                    let names = Names::of(&text);
                    let names = names.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                    found.insert(name, names);
                }
            }
        }
        let mut found = BTreeMap::new();
        walk(root, &Name::new(), &mut found);
        Crate(found)
    }

    /// The module that defines what `path` means in `module`; `None` for other crates' things.
    fn resolve(&self, module: &Name, path: &[String], depth: u32) -> Option<Name> {
        let mut at = module.clone();
        let mut rest = path;
        match rest.first()?.as_str() {
            "crate" => {
                at.clear();
                rest = &rest[1..];
            }
            "self" | "super" => {
                while let Some("self" | "super") = rest.first().map(String::as_str) {
                    if rest[0] == "super" {
                        at.pop();
                    }
                    rest = &rest[1..];
                }
            }
            first => {
                let child: Name = at.iter().cloned().chain([first.to_owned()]).collect();
                if !self.0.contains_key(&child) {
                    let imported = self.0.get(&at)?.imported.get(first)?;
                    if depth == 0 || imported[0] == first {
                        return None;
                    }
                    let whole = [imported.as_slice(), &rest[1..]].concat();
                    return self.resolve(module, &whole, depth - 1);
                }
            }
        }
        while let [first, after @ ..] = rest {
            let child: Name = at.iter().cloned().chain([first.clone()]).collect();
            if self.0.contains_key(&child) {
                at = child;
                rest = after;
                continue;
            }
            let passed_on = self.0.get(&at).and_then(|names| names.imported.get(first));
            if let Some(to) = passed_on.filter(|_| depth > 0) {
                let whole = [to.as_slice(), after].concat();
                return self.resolve(&at, &whole, depth - 1).or(Some(at));
            }
            break;
        }
        Some(at)
    }

    /// Which modules need which, with a path that shows it.
    fn uses(&self) -> BTreeMap<(Name, Name), String> {
        let mut uses = BTreeMap::new();
        for (module, names) in &self.0 {
            let passed_on = |path: &&Name| !names.passed_on.contains(*path);
            for path in names.paths.iter().filter(passed_on) {
                if let Some(found) = self.resolve(module, path, 8)
                    && found != *module
                {
                    uses.entry((module.clone(), found))
                        .or_insert_with(|| path.join("::"));
                }
            }
        }
        uses
    }

    /// The uses that are part of a circle.
    fn circles(&self) -> Vec<String> {
        let uses = self.uses();
        let parents: BTreeSet<&[String]> = self
            .0
            .keys()
            .flat_map(|name| (0..name.len()).map(|depth| &name[..depth]))
            .collect();
        let mut circles = Vec::new();
        for parent in parents {
            let below = |name: &Name| {
                let inside = name.len() > parent.len() && name.starts_with(parent);
                inside.then(|| name[parent.len()].clone())
            };
            let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            let mut shown = BTreeMap::new();
            for ((from, to), path) in &uses {
                if let (Some(one), Some(other)) = (below(from), below(to))
                    && one != other
                {
                    graph.entry(one.clone()).or_default().insert(other.clone());
                    shown
                        .entry((one, other))
                        .or_insert_with(|| format!("{} uses {path}", from.join("::")));
                }
            }
            for ((one, other), text) in shown {
                if reaches(&graph, &other, &one) {
                    circles.push(text);
                }
            }
        }
        circles
    }
}

fn reaches(graph: &BTreeMap<String, BTreeSet<String>>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        if at == to {
            return true;
        }
        if seen.insert(at) {
            open.extend(graph.get(at).into_iter().flatten().map(String::as_str));
        }
    }
    false
}

fn check(name: &str, least: usize) {
    let root = oxidize_tests::tools::checkout().join(name).join("src");
    let found = Crate::read(&root);
    assert!(found.0.len() >= least, "{name}: {} modules", found.0.len());
    assert!(found.uses().len() >= least, "{name}: no uses are seen");
    let circles = found.circles();
    assert!(circles.is_empty(), "{name}:\n  {}", circles.join("\n  "));
}

#[test]
fn injector_has_no_circles() {
    check("injector", 120);
}

#[test]
fn stubs_has_no_circles() {
    check("stubs", 60);
}

#[test]
fn prebuilt_has_no_circles() {
    check("prebuilt", 30);
}

fn made(modules: &[(&str, &str)]) -> Crate {
    let one = |(name, source): &(&str, &str)| {
        let name = name.split("::").filter(|part| !part.is_empty());
        let names = Names::of(source).expect("the source is Rust");
        (name.map(str::to_owned).collect(), names)
    };
    Crate(modules.iter().map(one).collect())
}

#[test]
fn the_check_sees_circles() {
    let root = ("", "mod a; mod b; mod c;");
    // Plainly, over a third, by a path without `use`, in a macro, through a name of a module.
    for (a, b, c) in [
        ("use crate::b::B;", "use super::a;", ""),
        ("use crate::b::B;", "use crate::{c::C};", "use crate::a::A;"),
        ("fn f() { crate::b::g() }", "fn g() -> super::a::A {}", ""),
        ("fn f() { assert!(crate::b::g()) }", "use crate::a::A;", ""),
        (
            "use crate::c; fn f(b: c::B) {}",
            "use crate::a::A;",
            "pub use super::b::B;",
        ),
    ] {
        let found = made(&[root, ("a", a), ("b", b), ("c", c)]).circles();
        assert!(found.len() > 1, "{a} {b} {c}: {found:?}");
    }
    let inside = [
        root,
        ("a::x", "use super::y::Y;"),
        ("a::y", "use super::x::X;"),
        ("a", ""),
    ];
    assert_eq!(made(&inside).circles().len(), 2);
}

#[test]
fn the_check_sees_no_circle_where_there_is_none() {
    let root = ("", "mod a; mod b; pub use b::B; mod c;");
    for (a, b, c) in [
        ("use crate::b::B;", "use std::a::A;", ""),
        // A re-export is not a need: `a` stands on `c` alone.
        (
            "use crate::b::C;",
            "pub use crate::c::C; use crate::a::A;",
            "",
        ),
        (
            "use crate::b::B;",
            "#[cfg(test)] mod tests { use crate::a::A; }",
            "",
        ),
        (
            "use crate::b::B;",
            "// use crate::a::A;\nconst X: &str = \"crate::a::A\";",
            "",
        ),
    ] {
        let found = made(&[root, ("a", a), ("b", b), ("c", c)]).circles();
        assert_eq!(found, [""; 0], "{a} {b} {c}");
    }
}
