//! Several places, one name: what directories of the search path hide from each other.
//!
//! At run time the application's directory comes first on the module search path, the standard
//! library second, installed packages after them. In a blob each name exists once, so the decision
//! that the path finder would make is made here: the first place with a package or module of a name
//! wins, and a directory without `__init__` never hides one of these. Where all have only such a
//! directory, it is one namespace package, and the same holds for what is in it.

use std::collections::BTreeMap;

use crate::collect::{Module, ModuleKind};

/// The modules of each place that stay reachable, given in the order of the search path.
#[must_use]
pub fn resolve(places: Vec<Vec<Module>>) -> Vec<Vec<Module>> {
    // Which place has a name, and whether it is only a directory there. Parents come before
    // children.
    let mut winners: BTreeMap<String, (usize, bool)> = BTreeMap::new();
    let mut all: Vec<(usize, usize, &Module)> = Vec::new();
    for (place, modules) in places.iter().enumerate() {
        let depth = |module: &Module| module.name.matches('.').count();
        all.extend(modules.iter().map(|module| (depth(module), place, module)));
    }
    all.sort_by_key(|(depth, place, _)| (*depth, *place));
    for (_, place, module) in all {
        if !is_searched(place, module, &winners) {
            continue;
        }
        let namespace = module.kind == ModuleKind::Namespace;
        match winners.get_mut(&module.name) {
            Some(winner) if winner.1 && !namespace => *winner = (place, false),
            Some(_) => {}
            None => drop(winners.insert(module.name.clone(), (place, namespace))),
        }
    }
    let wins = |place: usize, module: &Module| {
        let winner = winners.get(&module.name);
        is_searched(place, module, &winners) && winner.is_some_and(|winner| winner.0 == place)
    };
    let reachable: Vec<Vec<bool>> = places
        .iter()
        .enumerate()
        .map(|(place, modules)| modules.iter().map(|module| wins(place, module)).collect())
        .collect();
    let places = places.into_iter().zip(reachable);
    let places = places.map(|(modules, reachable)| {
        let modules = modules.into_iter().zip(reachable);
        let modules = modules.filter(|(_, reachable)| *reachable);
        modules.map(|(module, _)| module).collect()
    });
    places.collect()
}

/// Whether the search for a module comes to this place: its package is there, or has portions in
/// several places because it is only a directory in all of them.
fn is_searched(place: usize, module: &Module, winners: &BTreeMap<String, (usize, bool)>) -> bool {
    let package = module.name.rsplit_once('.').map(|(package, _)| package);
    let parents = std::iter::successors(package, |name| {
        name.rsplit_once('.').map(|(package, _)| package)
    });
    parents
        .filter_map(|parent| winners.get(parent))
        .all(|(winner, namespace)| *namespace || *winner == place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(name: &str, kind: ModuleKind) -> Module {
        Module {
            name: name.to_owned(),
            kind,
            file: None,
            directory: None,
        }
    }

    fn names(modules: &[Module]) -> Vec<&str> {
        modules.iter().map(|module| module.name.as_str()).collect()
    }

    #[test]
    fn the_application_hides_whole_packages_of_the_library() {
        let application = vec![
            module("email", ModuleKind::Source),
            module("app", ModuleKind::Source),
        ];
        let library = ["email", "email.message", "json"]
            .map(|name| module(name, ModuleKind::Source))
            .to_vec();
        let found = resolve(vec![application, library]);
        assert_eq!(names(&found[0]), ["email", "app"]);
        assert_eq!(names(&found[1]), ["json"]);
    }

    #[test]
    fn a_directory_of_scripts_hides_nothing() {
        let application = vec![
            module("json", ModuleKind::Namespace),
            module("json.tool2", ModuleKind::Source),
        ];
        let library = vec![module("json", ModuleKind::Source)];
        let found = resolve(vec![application, library]);
        assert_eq!(names(&found[0]), [] as [&str; 0]);
        assert_eq!(names(&found[1]), ["json"]);
    }

    #[test]
    fn of_several_places_the_first_package_wins() {
        let namespace = |name| vec![module(name, ModuleKind::Namespace)];
        let source = |name| vec![module(name, ModuleKind::Source)];
        let winner = |places: Vec<Vec<Module>>| -> Vec<usize> {
            let found = resolve(places).into_iter().enumerate();
            found
                .filter(|(_, modules)| !modules.is_empty())
                .map(|(place, _)| place)
                .collect()
        };
        assert_eq!(winner(vec![namespace("a"), vec![], source("a")]), [2]);
        assert_eq!(winner(vec![vec![], source("a"), source("a")]), [1]);
        assert_eq!(winner(vec![namespace("a"), source("a"), source("a")]), [1]);
        assert_eq!(winner(vec![namespace("a"), namespace("a")]), [0]);
    }

    #[test]
    fn portions_of_a_namespace_package_come_together() {
        let namespace = |name| module(name, ModuleKind::Namespace);
        let source = |name| module(name, ModuleKind::Source);
        let found = resolve(vec![
            vec![
                namespace("cloud"),
                source("cloud.mine"),
                namespace("cloud.core"),
            ],
            vec![],
            vec![
                namespace("cloud"),
                source("cloud.core"),
                source("cloud.core.x"),
                source("cloud.mine"),
                source("cloud.theirs"),
            ],
        ]);
        assert_eq!(names(&found[0]), ["cloud", "cloud.mine"]);
        assert_eq!(
            names(&found[2]),
            ["cloud.core", "cloud.core.x", "cloud.theirs"]
        );
    }
}
