//! The index that pip uses, so that whoever has told pip where packages come from need not tell us.
//!
//! Read as pip reads them (its documentation, "Configuration", and `pip._internal.configuration`):
//! global files, the user's files (unless `PIP_CONFIG_FILE` names one that exists), the virtual
//! environment's file, the one that `PIP_CONFIG_FILE` names, each overriding those before; then
//! section `[download]` over `[global]`; then variables over files. Without Python there is no
//! `sys.prefix` to ask for: the environment is `VIRTUAL_ENV`, else the one this program is
//! installed in.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use configparser::ini::Ini;

use crate::regular;

/// Where packages come from when nobody says otherwise.
const DEFAULT_INDEX: &str = "https://pypi.org/simple";
const SECTIONS: [&str; 2] = ["global", "download"];

/// What of pip's configuration concerns fetching.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `index-url`: the index. May hold a password.
    pub index_url: String,
    /// `no-index`: there is none.
    pub no_index: bool,
    /// `cert`: certificates to trust.
    pub cert: Option<PathBuf>,
    /// `proxy`.
    pub proxy: Option<String>,
}

/// The surroundings that the configuration is read from.
struct Surroundings<'s> {
    variable: &'s dyn Fn(&str) -> Option<OsString>,
    read: &'s dyn Fn(&Path) -> Option<String>,
    program: Option<PathBuf>,
    home: Option<PathBuf>,
}

impl Config {
    /// What pip would use here.
    #[must_use]
    pub fn load() -> Config {
        Surroundings {
            variable: &|name| env::var_os(name).filter(|value| !value.is_empty()),
            read: &|path| {
                Some(
                    String::from_utf8_lossy(&regular::read(path, regular::MOST_TEXT).ok()?)
                        .into_owned(),
                )
            },
            program: env::current_exe().ok(),
            home: env::home_dir(),
        }
        .config()
    }
}

impl Surroundings<'_> {
    fn config(&self) -> Config {
        let mut values: BTreeMap<(String, String), String> = BTreeMap::new();
        for path in self.files() {
            let Some(text) = (self.read)(&path) else {
                continue;
            };
            values.extend(parse(&text));
        }
        let value = |key: &str| {
            let variable = format!("PIP_{}", key.to_uppercase().replace('-', "_"));
            let variable = (self.variable)(&variable).and_then(|value| value.into_string().ok());
            let sections = SECTIONS.iter().rev();
            let mut in_files =
                sections.filter_map(|section| values.get(&((*section).to_owned(), key.to_owned())));
            variable
                .or_else(|| in_files.find(|value| !value.is_empty()).cloned())
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
        };
        let yes = |value: String| {
            matches!(
                &*value.to_lowercase(),
                "y" | "yes" | "t" | "true" | "on" | "1"
            )
        };
        Config {
            index_url: value("index-url").unwrap_or_else(|| DEFAULT_INDEX.to_owned()),
            no_index: value("no-index").is_some_and(yes),
            cert: value("cert").map(PathBuf::from),
            proxy: value("proxy"),
        }
    }

    /// In the order in which they are read.
    fn files(&self) -> Vec<PathBuf> {
        let path = |name: &str| (self.variable)(name).map(PathBuf::from);
        let home = self.home.clone().unwrap_or_default();
        let given = path("PIP_CONFIG_FILE");
        let null = if cfg!(windows) { "nul" } else { "/dev/null" };
        if given.as_deref() == Some(Path::new(null)) {
            return Vec::new();
        }
        let name = if cfg!(windows) { "pip.ini" } else { "pip.conf" };
        let mut files = Vec::new();
        let user;
        if cfg!(windows) {
            files.extend(path("PROGRAMDATA").map(|data| data.join("pip").join(name)));
            user = [
                Some(home.join("pip")),
                path("APPDATA").map(|data| data.join("pip")),
            ];
        } else if cfg!(target_os = "macos") {
            let library = "Library/Application Support/pip";
            files.push(Path::new("/").join(library).join(name));
            let new = home.join(library);
            let new = if new.is_dir() {
                new
            } else {
                home.join(".config/pip")
            };
            user = [Some(home.join(".pip")), Some(new)];
        } else {
            let shared = path("XDG_CONFIG_DIRS").unwrap_or_else(|| PathBuf::from("/etc/xdg"));
            files.extend(
                env::split_paths(&shared).map(|directory| directory.join("pip").join(name)),
            );
            files.push(Path::new("/etc").join(name));
            let new = path("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
            user = [Some(home.join(".pip")), Some(new.join("pip"))];
        }
        if given
            .as_deref()
            .is_none_or(|given| (self.read)(given).is_none())
        {
            files.extend(
                user.into_iter()
                    .flatten()
                    .map(|directory| directory.join(name)),
            );
        }
        let prefix = path("VIRTUAL_ENV").or_else(|| {
            let prefix = self.program.as_deref()?.parent()?.parent()?;
            (self.read)(&prefix.join("pyvenv.cfg"))?;
            Some(prefix.to_owned())
        });
        files.extend(prefix.map(|prefix| prefix.join(name)));
        files.extend(given);
        files
    }
}

/// The values in a file, by section and key, the key in pip's spelling. A file that Python could
/// not read either has none.
#[must_use]
pub fn parse(text: &str) -> BTreeMap<(String, String), String> {
    let mut ini = Ini::new_cs();
    ini.set_comment_symbols(&['#', ';']);
    // A `#` may be part of a password.
    ini.set_inline_comment_symbols(Some(&[]));
    ini.set_multiline(true);
    let mut values = BTreeMap::new();
    for (section, keys) in ini.read(text.to_owned()).unwrap_or_default() {
        for (key, value) in keys {
            let key = key.to_lowercase().replace('_', "-");
            let key = key.strip_prefix("--").unwrap_or(&key).to_owned();
            values.insert((section.clone(), key), value.unwrap_or_default());
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)], files: &[(&str, &str)]) -> Config {
        let variable = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let read = |path: &Path| {
            let found = files.iter().find(|(file, _)| Path::new(file) == path);
            found.map(|(_, text)| (*text).to_owned())
        };
        Surroundings {
            variable: &variable,
            read: &read,
            program: Some(PathBuf::from("/opt/env/bin/oxidize-inject")),
            home: Some(PathBuf::from("/home/me")),
        }
        .config()
    }

    #[test]
    fn without_configuration_there_is_the_default() {
        let config = config(&[], &[]);
        assert!(config.index_url.ends_with(".org/simple") && !config.no_index);
        assert_eq!((config.cert, config.proxy), (None, None));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn later_files_override_earlier_ones() {
        let names = [
            "/etc/xdg/pip/pip.conf",
            "/etc/pip.conf",
            "/home/me/.pip/pip.conf",
            "/home/me/.config/pip/pip.conf",
            "/opt/env/pip.conf",
            "/given.conf",
        ];
        let texts: Vec<String> = (0..6)
            .map(|n| format!("[global]\nindex-url = http://h/{n}\n"))
            .collect();
        for last in 0..6 {
            let mut files: Vec<_> = names
                .iter()
                .zip(&texts)
                .map(|(name, text)| (*name, &**text))
                .collect();
            files.truncate(last + 1);
            files.push(("/opt/env/pyvenv.cfg", ""));
            let variables = [("PIP_CONFIG_FILE", "/given.conf")];
            assert_eq!(
                config(&variables, &files).index_url,
                format!("http://h/{last}")
            );
        }
        // A given file that exists takes the place of the user's.
        let files = [(names[3], &*texts[3]), ("/given.conf", "[global]\n")];
        let variables = [("PIP_CONFIG_FILE", "/given.conf")];
        assert!(
            config(&variables, &files)
                .index_url
                .ends_with(".org/simple")
        );
        let variables = [("PIP_CONFIG_FILE", "/dev/null")];
        assert!(
            config(&variables, &files)
                .index_url
                .ends_with(".org/simple")
        );
        let variables = [("XDG_CONFIG_HOME", "/cfg"), ("VIRTUAL_ENV", "/venv")];
        assert_eq!(
            config(&variables, &[("/cfg/pip/pip.conf", &texts[1])]).index_url,
            "http://h/1"
        );
        assert_eq!(
            config(&variables, &[("/venv/pip.conf", &texts[2])]).index_url,
            "http://h/2"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn sections_variables_and_spellings() {
        let file = "# pip\n[install]\nindex-url = http://no\n[download]\nindex_url: http://d/#x;y\n[global]\n--index-url = http://g\nno-index = Yes\ncert = /a b/ca.pem\nproxy =\n";
        let files = [("/etc/pip.conf", file)];
        let found = config(&[], &files);
        assert_eq!(found.index_url, "http://d/#x;y");
        assert!(found.no_index);
        assert_eq!(found.cert.as_deref(), Some(Path::new("/a b/ca.pem")));
        assert_eq!(found.proxy, None);
        let variables = [
            ("PIP_INDEX_URL", "http://v"),
            ("PIP_NO_INDEX", "0"),
            ("PIP_PROXY", "http://p:1"),
        ];
        let found = config(&variables, &files);
        assert_eq!((&*found.index_url, found.no_index), ("http://v", false));
        assert_eq!(found.proxy.as_deref(), Some("http://p:1"));
    }
}
