//! What a bundle's seal covers, and how: the rules that `codesign` writes when nobody gives others.
//!
//! A rule is a pattern, and where several match, the one with the greatest weight counts. The list
//! of rules is part of the seal. Only these are known here, so no pattern is ever interpreted:
//! [`Rules::of`] says by hand what they say.

use plist::{Dictionary, Value};

/// Where the resources of a bundle lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    /// In a directory `Resources`; code has directories of its own.
    Deep,
    /// At its top, beside the program.
    Shallow,
}

/// What a seal says of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Nothing.
    Omitted,
    /// Its hash.
    Sealed,
    /// Its hash, and that it may be missing.
    Optional,
    /// It is code, with a signature of its own.
    Nested,
}

const NESTED: [&str; 8] = [
    "Frameworks/",
    "SharedFrameworks/",
    "PlugIns/",
    "Plug-ins/",
    "XPCServices/",
    "Helpers/",
    "MacOS/",
    "Library/",
];
const NESTED_IN_LIBRARY: [&str; 3] = ["Automator/", "Spotlight/", "LoginItems/"];

impl Rules {
    /// The rule for a path inside the bundle (`files2` in the seal).
    pub(super) fn of(self, path: &str) -> Rule {
        let name = path.rsplit('/').next().unwrap_or(path);
        if name == ".DS_Store" {
            return Rule::Omitted;
        }
        if let Some(rule) = self.localized(path) {
            return rule;
        }
        match path {
            "Info.plist" | "PkgInfo" => return Rule::Omitted,
            "embedded.provisionprofile" | "version.plist" => return Rule::Sealed,
            _ => {}
        }
        if self == Rules::Shallow || path.starts_with("Resources/") || in_debug_symbols(path) {
            return Rule::Sealed;
        }
        let in_library = path.strip_prefix("Library/");
        let nested = match in_library {
            Some(rest) => NESTED_IN_LIBRARY.iter().any(|name| rest.starts_with(name)),
            None => NESTED.iter().any(|name| path.starts_with(name)),
        };
        if nested || !path.contains('/') {
            Rule::Nested
        } else {
            Rule::Sealed
        }
    }

    /// The rule for systems before 10.9 (`files`), which know no nested code.
    pub(super) fn old(self, path: &str) -> Rule {
        let inside = self == Rules::Shallow || path.starts_with("Resources/");
        match self.localized(path) {
            Some(rule) => rule,
            None if inside || path == "version.plist" => Rule::Sealed,
            None => Rule::Omitted,
        }
    }

    /// The rules for translations.
    fn localized(self, path: &str) -> Option<Rule> {
        let path = match self {
            Rules::Deep => path.strip_prefix("Resources/")?,
            Rules::Shallow => path,
        };
        let at = path.rfind(".lproj/")?;
        if path[at..] == *".lproj/locversion.plist" {
            Some(Rule::Omitted)
        } else if path.starts_with("Base.lproj/") {
            Some(Rule::Sealed)
        } else {
            Some(Rule::Optional)
        }
    }

    /// The rules as they stand in a seal: the older ones, and the ones that count.
    pub(super) fn lists(self) -> [(&'static str, Dictionary); 2] {
        let place = if self == Rules::Deep {
            "Resources/"
        } else {
            ""
        };
        let translations = |rules: &mut Dictionary| {
            let anywhere = format!("^{place}.*\\.lproj/");
            let versions = format!("{anywhere}locversion.plist$");
            rules.insert(anywhere, rule(&["optional"], 1000.0));
            rules.insert(versions, rule(&["omit"], 1100.0));
            rules.insert(format!("^{place}Base\\.lproj/"), rule(&[], 1010.0));
        };
        let mut old = Dictionary::new();
        let all = if self == Rules::Deep {
            "^Resources/"
        } else {
            "^.*"
        };
        old.insert(all.to_owned(), true.into());
        translations(&mut old);
        old.insert("^version.plist$".to_owned(), true.into());

        let mut new = Dictionary::new();
        new.insert("^.*".to_owned(), true.into());
        translations(&mut new);
        for (pattern, flags, weight) in [
            (".*\\.dSYM($|/)", &[][..], 11.0),
            ("^(.*/)?\\.DS_Store$", &["omit"], 2000.0),
            ("^Info\\.plist$", &["omit"], 20.0),
            ("^PkgInfo$", &["omit"], 20.0),
            ("^embedded\\.provisionprofile$", &[], 20.0),
            ("^version\\.plist$", &[], 20.0),
        ] {
            new.insert(pattern.to_owned(), rule(flags, weight));
        }
        if self == Rules::Deep {
            let code = "^(Frameworks|SharedFrameworks|PlugIns|Plug-ins|XPCServices|Helpers|MacOS|\
                        Library/(Automator|Spotlight|LoginItems))/";
            new.insert(code.to_owned(), rule(&["nested"], 10.0));
            new.insert("^[^/]+$".to_owned(), rule(&["nested"], 10.0));
            new.insert("^Resources/".to_owned(), rule(&[], 20.0));
        }
        old.sort_keys();
        new.sort_keys();
        [("rules", old), ("rules2", new)]
    }
}

fn rule(flags: &[&str], weight: f64) -> Value {
    let flags = flags
        .iter()
        .map(|flag| ((*flag).to_owned(), Value::Boolean(true)));
    let mut rule: Dictionary = flags.collect();
    rule.insert("weight".to_owned(), weight.into());
    rule.into()
}

fn in_debug_symbols(path: &str) -> bool {
    path.split('/').any(|part| part.ends_with(".dSYM"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_rule_counts() {
        for (path, new, old) in [
            ("Info.plist", Rule::Omitted, Rule::Omitted),
            ("PkgInfo", Rule::Omitted, Rule::Omitted),
            ("version.plist", Rule::Sealed, Rule::Sealed),
            ("tool", Rule::Nested, Rule::Omitted),
            ("MacOS/tool", Rule::Nested, Rule::Omitted),
            ("MacOS/tool.dSYM/a", Rule::Sealed, Rule::Omitted),
            ("Library/Spotlight/x", Rule::Nested, Rule::Omitted),
            ("Library/Other/x", Rule::Sealed, Rule::Omitted),
            ("SharedSupport/x", Rule::Sealed, Rule::Omitted),
            ("Resources/.DS_Store", Rule::Omitted, Rule::Sealed),
            ("Resources/MacOS/x", Rule::Sealed, Rule::Sealed),
            ("Resources/en.lproj/a/b", Rule::Optional, Rule::Optional),
            (
                "Resources/en.lproj/locversion.plist",
                Rule::Omitted,
                Rule::Omitted,
            ),
            ("Resources/Base.lproj/a", Rule::Sealed, Rule::Sealed),
            ("MacOS/en.lproj/a", Rule::Nested, Rule::Omitted),
        ] {
            assert_eq!(
                (Rules::Deep.of(path), Rules::Deep.old(path)),
                (new, old),
                "{path}"
            );
        }
        assert_eq!(Rules::Shallow.of("tool"), Rule::Sealed);
        assert_eq!(Rules::Shallow.of("en.lproj/a"), Rule::Optional);
        assert_eq!(Rules::Shallow.of("Info.plist"), Rule::Omitted);
        assert_eq!(Rules::Shallow.old("Info.plist"), Rule::Sealed);
    }
}
