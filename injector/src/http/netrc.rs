//! User names and passwords in `.netrc`.
//!
//! The grammar is the one that GNU inetutils and Python's `netrc` agree on: words between white
//! space, in double quotes when they contain some; `machine NAME` or `default`, followed by
//! `login`, `password` and `account`, each with a word; `macdef`, which is skipped to the next
//! empty line; `#` at the start of a word comments out the rest of the line.

use std::env;
use std::fmt;
use std::path::PathBuf;

use crate::regular;

/// The file's entries.
#[derive(Default)]
pub struct Netrc(Vec<Entry>);

#[derive(Default)]
struct Entry {
    /// `None` for `default`.
    machine: Option<String>,
    login: String,
    password: String,
}

impl fmt::Debug for Netrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Netrc").field(&self.0.len()).finish()
    }
}

impl Netrc {
    /// Reads the file that `NETRC` names, else `.netrc` or `_netrc` in the home directory. One that
    /// cannot be read holds nothing.
    #[must_use]
    pub fn load() -> Netrc {
        let given = env::var_os("NETRC").filter(|path| !path.is_empty());
        let candidates = match given {
            Some(path) => vec![PathBuf::from(path)],
            None => env::home_dir()
                .into_iter()
                .flat_map(|home| [home.join(".netrc"), home.join("_netrc")])
                .collect(),
        };
        let text = candidates.iter().find_map(|path| {
            String::from_utf8(regular::read(path.as_ref(), regular::MOST_TEXT).ok()?).ok()
        });
        text.map_or_else(Netrc::default, |text| Netrc::parse(&text))
    }

    /// User name and password for this host.
    #[must_use]
    pub fn find(&self, host: &str) -> Option<(&str, &str)> {
        let named = |entry: &&Entry| entry.machine.as_deref() == Some(host);
        let entry = self.0.iter().find(named);
        let entry = entry.or_else(|| self.0.iter().find(|entry| entry.machine.is_none()))?;
        Some((&entry.login, &entry.password))
    }

    /// Reads the text of such a file, up to the first word that is invalid.
    #[must_use]
    pub fn parse(text: &str) -> Netrc {
        let mut entries: Vec<Entry> = Vec::new();
        let mut words = Words(text);
        while let Some(word) = words.next() {
            match &*word {
                "machine" => {
                    let Some(name) = words.next() else { break };
                    entries.push(Entry {
                        machine: Some(name),
                        ..Entry::default()
                    });
                }
                "default" => entries.push(Entry::default()),
                "macdef" => words.skip_macro(),
                "login" | "user" | "password" | "account" => {
                    let (Some(entry), Some(value)) = (entries.last_mut(), words.next()) else {
                        break;
                    };
                    match &*word {
                        "password" => entry.password = value,
                        "account" => {}
                        _ => entry.login = value,
                    }
                }
                // Not a netrc file from here on.
                _ => break,
            }
        }
        Netrc(entries)
    }
}

struct Words<'t>(&'t str);

impl Words<'_> {
    fn next(&mut self) -> Option<String> {
        loop {
            self.0 = self.0.trim_start();
            if !self.0.starts_with('#') {
                break;
            }
            self.0 = self.0.find('\n').map_or("", |end| &self.0[end..]);
        }
        let mut word = String::new();
        let mut rest = self.0.char_indices();
        let quoted = self.0.starts_with('"');
        if quoted {
            rest.next();
        }
        self.0 = loop {
            match rest.next() {
                None if word.is_empty() && !quoted => return None,
                None => break "",
                Some((_, '"')) if quoted => break rest.as_str(),
                Some((_, '\\')) => word.extend(rest.next().map(|(_, next)| next)),
                Some((at, letter)) if letter.is_whitespace() && !quoted => break &self.0[at..],
                Some((_, letter)) => word.push(letter),
            }
        };
        Some(word)
    }

    fn skip_macro(&mut self) {
        self.0 = self.0.find("\n\n").map_or("", |end| &self.0[end..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_by_host() {
        let text = "# mine\nmachine a.example login me password \"two words\"\nmacdef init\nls\ncd x\n\nmachine b.example\n\tlogin you\n\taccount z password p\\\"w#1\ndefault login anonymous password @\n";
        let netrc = Netrc::parse(text);
        assert_eq!(netrc.find("a.example"), Some(("me", "two words")));
        assert_eq!(netrc.find("b.example"), Some(("you", "p\"w#1")));
        assert_eq!(netrc.find("c.example"), Some(("anonymous", "@")));
        assert!(!format!("{netrc:?}").contains("words"));
    }

    #[test]
    fn nonsense_ends_it() {
        assert_eq!(Netrc::parse("hello world").find("x"), None);
        assert_eq!(Netrc::parse("login x").find("x"), None);
        assert_eq!(
            Netrc::parse("machine x login a password").find("x"),
            Some(("a", ""))
        );
        assert_eq!(Netrc::parse("machine").find("x"), None);
        assert_eq!(Netrc::parse("").find("x"), None);
    }
}
