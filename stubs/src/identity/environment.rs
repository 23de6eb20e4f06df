//! `pyvenv.cfg` of virtual environments (PEP 405).

use std::path::Path;

/// Whether this text says that the environment's Python is `file`. `link` is the name it was
/// started by.
pub fn is_made_of(text: &str, file: &Path, link: &Path) -> bool {
    let value = |name: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == name).then(|| Path::new(value.trim()))
        })
    };
    if let Some(executable) = value("executable") {
        return executable == file;
    }
    let is_python = link
        .file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"python"));
    is_python && value("home") == file.parent()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn environments() {
        let made = |text, link: &str| is_made_of(text, Path::new("/usr/bin/app"), Path::new(link));
        let of_us = "home = /usr/bin\nversion = 3\nexecutable = /usr/bin/app\n";
        assert!(made(of_us, "/v/bin/app"));
        let of_another = "home = /usr/bin\nexecutable = /usr/bin/python3\n";
        assert!(!made(of_another, "/v/bin/python"));
        assert!(made("home=/usr/bin", "/v/bin/python3"));
        assert!(!made("home=/usr/bin", "/v/bin/app"));
        assert!(!made("", "/v/bin/python"));
    }
}
