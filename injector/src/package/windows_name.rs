//! Names that no file on Windows has ("Naming Files, Paths, and Namespaces", learn.microsoft.com).
//!
//! In the application they would be names like any other, but programs that write such a file
//! elsewhere, or a user who extracts it, get another file or a device.

/// What follows `COM` and `LPT` in a device's name. The last three are superscripts.
const NUMBERS: [char; 13] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '\u{b9}', '\u{b2}', '\u{b3}',
];

/// What is wrong with a path, for a message; its components are separated by `/`.
pub(super) fn problem(path: &str) -> Option<&'static str> {
    path.split('/').find_map(|name| {
        if name.contains('\\') {
            Some("has a backslash, which separates directories on Windows")
        } else if name.contains(':') {
            Some("has a colon, behind which Windows looks for a stream of the file")
        } else if name.contains(['<', '>', '"', '|', '?', '*']) || name.contains(is_control) {
            Some("has a character that Windows does not allow in names")
        } else if name.ends_with(['.', ' ']) {
            Some("ends with a full stop or a space, which Windows drops")
        } else if is_device(name) {
            Some("is that of a device on Windows")
        } else {
            None
        }
    })
}

fn is_control(letter: char) -> bool {
    letter < ' '
}

/// With or without a suffix: `aux.txt` is a device too.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let stem = stem.trim_end_matches(' ').to_ascii_uppercase();
    let numbered = |kind: &str| {
        let mut rest = stem.strip_prefix(kind).unwrap_or_default().chars();
        rest.next().is_some_and(|number| NUMBERS.contains(&number)) && rest.next().is_none()
    };
    let devices = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    devices.contains(&stem.as_str()) || numbered("COM") || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn names_that_windows_does_not_have() {
        for path in [
            "a\\b",
            "c:x",
            "d/e?",
            "f*",
            "g\u{1}",
            "h.",
            "i /j",
            "con",
            "k/NUL",
            "aux.txt",
            "Com1.py",
            "lpt\u{b2}",
            "l/prn.d/m",
            "nul .x",
            "conout$",
        ] {
            assert!(problem(path).is_some(), "{path:?}");
        }
        for path in [
            "a",
            "console.py",
            "com.py",
            "com12",
            "auxiliary",
            "d/.e",
            "nul_",
            "a b.c",
            "\u{e9}",
        ] {
            assert_eq!(problem(path), None, "{path:?}");
        }
    }
}
