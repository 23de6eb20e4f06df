//! Numbers and names as people read them.

use std::borrow::Cow;
use std::path::Path;

pub(super) use oxidize_inject::internal::text::name;
use oxidize_inject::internal::text::{acts, escaped};

/// A size in bytes.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // What would be printed as 1024.0 belongs to the next unit.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// Text for a terminal: everything but line ends and tabs is shown instead of acted upon. Whatever
/// the command prints goes through here.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |c| acts(c) && c != '\n' && c != '\t')
}

/// A file's name in one line, in a line that is ours.
pub(super) fn path(path: &Path) -> String {
    name(&path.display().to_string())
}

/// A word of a command that is shown, quoted where a shell would take it apart.
pub(super) fn shell_word(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_alphanumeric() || "/\\:._-+@%=,".contains(c);
    if !word.is_empty()
        && word
            .chars()
            .all(|c| is_plain(c) && (c != '\\' || cfg!(windows)))
    {
        Cow::Borrowed(word)
    } else if cfg!(windows) {
        Cow::Owned(format!("\"{word}\""))
    } else {
        Cow::Owned(format!("'{}'", word.replace('\'', "'\\''")))
    }
}

/// A message in which foreign names may hold line ends: further lines stand back, so that none of
/// them looks like a message of its own.
pub(super) fn indented(message: &str) -> Cow<'_, str> {
    if message.contains('\n') {
        Cow::Owned(message.replace('\n', "\n    "))
    } else {
        Cow::Borrowed(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_terminal_acts_on_is_left() {
        assert_eq!(
            name("caf\u{e9} 'x' \\ \u{1f40d}"),
            "caf\u{e9} 'x' \\ \u{1f40d}"
        );
        assert_eq!(
            name("a\u{1b}[2J\r\n\tb"),
            "a\\u001b[2J\\u000d\\u000a\\u0009b"
        );
        assert_eq!(name("\u{7f}\u{9b}31m"), "\\u007f\\u009b31m");
        assert_eq!(name("gpj.\u{202e}exe\u{2066}"), "gpj.\\u202eexe\\u2066");
        assert_eq!(printable("a\tb\nc\u{7}\n"), "a\tb\nc\\u0007\n");
        let json = serde_json::json!({ "name": "\u{9b}\u{202e}" });
        let printed = printable(&json.to_string()).into_owned();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&printed).unwrap(),
            json
        );
    }

    #[test]
    #[cfg(unix)]
    fn words_of_a_shell_are_quoted_where_they_must_be() {
        for (word, shown) in [
            ("keys/id.pem", "keys/id.pem"),
            ("schl\u{fc}ssel", "schl\u{fc}ssel"),
            ("my keys/id.pem", "'my keys/id.pem'"),
            ("it's $HOME", "'it'\\''s $HOME'"),
            ("a\\b", "'a\\b'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(word), shown);
        }
    }

    #[test]
    fn sizes_read_well_at_the_edges() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1 << 20, "1.0 MiB"),
            ((1 << 20) - 1, "1.0 MiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(size(u64::MAX), "16777216.0 TiB");
    }
}
