//! The interpreter's command line, as far as it takes to find the script in it (`Python/getopt.c`).

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path};

/// `sys.argv[0]` of the application. If the program was found by its bare name, on `PATH`, that is
/// the path it was found at: the system starts a console script with it. A name that the starter
/// made up stays.
pub fn called<'a>(name: &'a OsStr, found_at: &'a Path) -> &'a OsStr {
    let mut parts = Path::new(name).components();
    let bare = matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name);
    let same = |file: Option<&OsStr>| match file {
        Some(file) if cfg!(windows) => file.eq_ignore_ascii_case(name),
        file => file == Some(name),
    };
    let is_its_own = same(found_at.file_name()) || cfg!(windows) && same(found_at.file_stem());
    if bare && is_its_own {
        found_at.as_os_str()
    } else {
        name
    }
}

/// The command line of a child that multiprocessing starts, if its parent has `sys.frozen`: then
/// it is `--multiprocessing-fork NAME=NUMBER ...` (`get_command_line` in
/// Lib/multiprocessing/spawn.py), which no interpreter knows, and which the program would have to
/// look for itself (`freeze_support`). As an interpreter understands it.
pub fn spawned(arguments: &[OsString]) -> Option<Vec<OsString>> {
    let [program, fork, values @ ..] = arguments else {
        return None;
    };
    if fork != FORK {
        return None;
    }
    let is_value = |text: &str| {
        let (name, value) = text.split_once('=')?;
        let is_name = name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        let is_number = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
        (is_name && !name.is_empty() && (is_number || value == "None")).then(|| text.to_owned())
    };
    let values: Option<Vec<_>> = values
        .iter()
        .map(|value| is_value(value.to_str()?))
        .collect();
    let values = values?.join(", ");
    let code = format!("from multiprocessing.spawn import spawn_main; spawn_main({values})");
    Some(vec![program.clone(), "-c".into(), code.into(), FORK.into()])
}

const FORK: &str = "--multiprocessing-fork";

/// Where the script is; `None` where there is none: `-c`, `-m`, `-`, nothing, or an option that
/// ends the interpreter.
pub fn script(arguments: &[OsString]) -> Option<usize> {
    let mut at = 1;
    loop {
        let argument = arguments.get(at)?.as_encoded_bytes();
        match argument {
            b"--" => return (at + 1 < arguments.len()).then_some(at + 1),
            b"-" | b"--help" | b"--version" | b"--help-all" | b"--help-env"
            | b"--help-xoptions" => {
                return None;
            }
            b"--check-hash-based-pycs" => at += 2,
            [b'-', b'-', ..] => return None,
            [b'-', letters @ ..] => at += 1 + usize::from(takes_next(letters)?),
            _ => return Some(at),
        }
    }
}

/// Whether a group of short options takes the next argument as well; `None` if it ends the options.
fn takes_next(letters: &[u8]) -> Option<bool> {
    for (index, letter) in letters.iter().enumerate() {
        match letter {
            b'c' | b'm' | b'h' | b'?' | b'V' => return None,
            b'W' | b'X' => return Some(index + 1 == letters.len()),
            _ => {}
        }
    }
    Some(false)
}

/// The words of a Windows command line, by the rules of Microsoft's C runtime: quotes group,
/// backslashes are doubled before a quote only, and the first word, a path, has no backslashes that
/// escape.
pub fn split(line: &str) -> Vec<OsString> {
    let mut words = Vec::new();
    let mut rest = line.chars().peekable();
    loop {
        while rest.next_if(|next| matches!(next, ' ' | '\t')).is_some() {}
        if rest.peek().is_none() {
            return words;
        }
        let is_program = words.is_empty();
        let mut word = String::new();
        let mut quoted = false;
        let mut backslashes = 0;
        while let Some(next) = rest.next_if(|next| quoted || !matches!(next, ' ' | '\t')) {
            match next {
                '\\' if !is_program => backslashes += 1,
                '"' => {
                    word.extend(std::iter::repeat_n('\\', backslashes / 2));
                    let escaped = backslashes % 2 == 1;
                    if escaped || quoted && !is_program && rest.next_if_eq(&'"').is_some() {
                        word.push('"');
                    } else {
                        quoted = !quoted;
                    }
                    backslashes = 0;
                }
                other => {
                    word.extend(std::iter::repeat_n('\\', backslashes));
                    backslashes = 0;
                    word.push(other);
                }
            }
        }
        word.extend(std::iter::repeat_n('\\', backslashes));
        words.push(OsString::from(word));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_frozen_program_passes_to_its_children() {
        let line = |words: &[&str]| -> Vec<OsString> { words.iter().map(OsString::from).collect() };
        assert_eq!(
            spawned(&line(&["app", FORK, "tracker_fd=5", "pipe_handle=None"])).unwrap(),
            line(&[
                "app",
                "-c",
                "from multiprocessing.spawn import spawn_main; \
                 spawn_main(tracker_fd=5, pipe_handle=None)",
                FORK
            ])
        );
        for words in [
            &["app"][..],
            &["app", "x"],
            &["app", FORK, "a=b"],
            &["app", FORK, "a=1)"],
            &["app", FORK, "1"],
            &["app", "-c", "x", FORK],
        ] {
            assert_eq!(spawned(&line(words)), None, "{words:?}");
        }
    }

    #[test]
    fn splits_command_lines() {
        for (line, words) in [
            ("", &[][..]),
            ("app", &["app"]),
            (r#""C:\a b\app.exe" x  y"#, &[r"C:\a b\app.exe", "x", "y"]),
            (r#"C:\a\ "x y" """#, &[r"C:\a\", "x y", ""]),
            (
                r#"app a\\b c\"d "e\\" \"#,
                &["app", r"a\\b", r#"c"d"#, r"e\", r"\"],
            ),
            (r#"app "a""b" c"d e"f"#, &["app", r#"a"b"#, "cd ef"]),
            ("app \"open", &["app", "open"]),
        ] {
            assert_eq!(split(line), words, "{line}");
        }
    }

    #[test]
    fn finds_the_script() {
        for (line, place) in [
            ("python", None),
            ("python app", Some(1)),
            ("python -c app", None),
            ("python -m app", None),
            ("python -Im app", None),
            ("python - app", None),
            ("python -u -Werror app x", Some(3)),
            ("python -W error app x", Some(3)),
            ("python -X dev -BE app", Some(4)),
            ("python -bbX dev app", Some(3)),
            ("python -Wd app", Some(2)),
            ("python --check-hash-based-pycs always app", Some(3)),
            ("python -- app", Some(2)),
            ("python --", None),
            ("python -W", None),
            ("python --version app", None),
            ("python -V app", None),
            ("python --unknown app", None),
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(script(&words), place, "{line}");
        }
    }
}
