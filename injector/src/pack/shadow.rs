//! Two places, one name: what the application hides from the standard library and the other way round.
//!
//! At run time the application's directory comes first on the module search path and the standard library second. In a blob
//! each name exists once, so the decision that the path finder would make is made here: the application's packages and modules
//! win, except that a directory without `__init__` never hides a real package or module.

use std::collections::BTreeMap;

use crate::collect::{Module, ModuleKind};

/// The modules that stay reachable: of the application, of the standard library.
#[must_use]
pub fn resolve(application: Vec<Module>, library: Vec<Module>) -> (Vec<Module>, Vec<Module>) {
    let tops = |modules: &[Module]| -> BTreeMap<String, ModuleKind> {
        let top = modules.iter().filter(|module| !module.name.contains('.'));
        top.map(|module| (module.name.clone(), module.kind))
            .collect()
    };
    let (ours, theirs) = (tops(&application), tops(&library));
    let namespace = Some(&ModuleKind::Namespace);
    let application_wins = |top: &str| {
        let both_namespaces = ours.get(top) == namespace && theirs.get(top) == namespace;
        ours.contains_key(top)
            && (ours.get(top) != namespace || !theirs.contains_key(top) || both_namespaces)
    };
    let top_of = |module: &Module| module.name.split('.').next().unwrap_or_default().to_owned();
    let application = application
        .into_iter()
        .filter(|module| application_wins(&top_of(module)))
        .collect();
    let library = library
        .into_iter()
        .filter(|module| !application_wins(&top_of(module)))
        .collect();
    (application, library)
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
        let (application, library) = resolve(application, library);
        assert_eq!(names(&application), ["email", "app"]);
        assert_eq!(names(&library), ["json"]);
    }

    #[test]
    fn a_directory_of_scripts_hides_nothing() {
        let application = vec![
            module("json", ModuleKind::Namespace),
            module("json.tool2", ModuleKind::Source),
        ];
        let (application, library) = resolve(application, vec![module("json", ModuleKind::Source)]);
        assert_eq!(names(&application), [] as [&str; 0]);
        assert_eq!(names(&library), ["json"]);
    }
}
