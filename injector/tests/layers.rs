//! Who may know whom inside the crate: `image` stands below `container` and `sign`, which do not
//! know each other.

use std::fs;
use std::path::{Path, PathBuf};

/// A room, and the rooms that its code must not name.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "image",
        &[
            "container",
            "sign",
            "output",
            "package",
            "cli",
            "appearance",
            "notary",
        ],
    ),
    ("container", &["sign", "output", "package", "cli", "notary"]),
    ("sign", &["container", "output", "package", "cli", "notary"]),
];

fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
}

/// The modules of the crate that a line of code names: `crate::a::b` and `crate::{a, b::c}`.
fn named(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + 7..];
        let list = match rest.strip_prefix('{') {
            Some(list) => list.split(';').next().unwrap_or_default(),
            None => rest,
        };
        let parts: Vec<&str> = match rest.starts_with('{') {
            true => list.split([',', '{', '}']).collect(),
            false => vec![list],
        };
        for part in parts {
            let part = part.trim();
            let end = part.find(|c: char| !c.is_alphanumeric() && c != '_');
            names.push(part[..end.unwrap_or(part.len())].to_owned());
        }
    }
    names
}

/// The source without comments, on one line, so that a list of imports is not cut.
fn code(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join(" ")
}

#[test]
fn images_know_neither_slots_nor_identities() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (room, forbidden) in FORBIDDEN {
        let mut files = Vec::new();
        sources(&root.join(room), &mut files);
        assert!(files.len() > 5, "{room} has moved");
        for file in files {
            let text = code(&fs::read_to_string(&file).unwrap());
            let named = named(&text);
            let wrong = named.iter().find(|name| forbidden.contains(&name.as_str()));
            assert_eq!(wrong, None, "{}", file.display());
        }
    }
}

#[test]
fn the_check_sees_what_it_looks_for() {
    let text = code("use crate::{a,\n b::c}; // crate::d\ncrate::sign::x(); use crate::{e};");
    let named = named(&text);
    for expected in ["a", "b", "sign", "e"] {
        assert!(named.iter().any(|name| name == expected), "{named:?}");
    }
    assert!(!named.iter().any(|name| name == "d"), "{named:?}");
}

/// The library does not know the command: neither the crates that only it needs nor its options.
#[test]
fn the_library_knows_no_command_line() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let library = files
        .iter()
        .filter(|file| !file.starts_with(root.join("cli")) && !file.ends_with("main.rs"));
    let mut count = 0;
    for file in library {
        count += 1;
        let text = fs::read_to_string(file).unwrap();
        for word in ["clap", "indicatif", "rpassword"] {
            let used = text.contains(&format!("{word}::"));
            assert!(!used, "{} uses {word}", file.display());
        }
        for (number, line) in text.lines().enumerate() {
            // An option of ours in backticks. Those of pip have a command before them.
            let at = line.find("`--");
            let option =
                at.filter(|at| line[at + 3..].starts_with(|c: char| c.is_ascii_lowercase()));
            let is_pips = line.contains("pip's") || line.contains("pip ");
            assert!(
                option.is_none() || is_pips,
                "{}:{}: names an option of the command",
                file.display(),
                number + 1
            );
        }
    }
    assert!(count > 80, "the library has moved");
}
