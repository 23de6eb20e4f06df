//! `pyvenv.cfg` of virtual environments (PEP 405).

use std::path::Path;

/// Whether this text says that the environment's Python is `file`. `link` is the name it was
/// started by.
pub fn is_made_of(text: &str, file: &Path, link: &Path) -> bool {
    if let Some(executable) = value(text, "executable") {
        return executable == file;
    }
    let is_python = link
        .file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"python"));
    is_python && value(text, "home") == file.parent()
}

/// Whether this text says that the environment's Python was made of another file than `file`, which
/// is as long: then `file` is a copy of it (`venv --copies`). `length` is that of a file in bytes.
pub fn is_copied(text: &str, file: &Path, length: &dyn Fn(&Path) -> Option<u64>) -> bool {
    let original = value(text, "executable").filter(|original| *original != file);
    original.is_some_and(|original| {
        let length_of = length(original);
        length_of.is_some() && length_of == length(file)
    })
}

/// Whether programs in this directory can be those of an environment.
pub fn has_programs(directory: &Path) -> bool {
    let name = directory.file_name();
    name.is_some_and(|name| name == "bin" || name.eq_ignore_ascii_case("Scripts"))
}

fn value<'t>(text: &'t str, name: &str) -> Option<&'t Path> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == name).then(|| Path::new(value.trim()))
    })
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

    #[test]
    fn copies() {
        let length = |path: &Path| match path.to_str()? {
            "/v/bin/app" | "/usr/bin/app" => Some(7),
            "/usr/bin/python3" => Some(8),
            _ => None,
        };
        let copied = |original: &str| {
            let text = format!("executable = {original}\n");
            is_copied(&text, Path::new("/v/bin/app"), &length)
        };
        assert!(copied("/usr/bin/app"));
        assert!(!copied("/usr/bin/python3") && !copied("/gone") && !copied("/v/bin/app"));
        assert!(!is_copied(
            "home = /usr/bin\n",
            Path::new("/v/bin/app"),
            &length
        ));
        assert!(has_programs(Path::new("/v/bin")) && !has_programs(Path::new("/opt/app")));
    }
}
