//! Names from files that nobody vouches for, as a terminal may show them.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a terminal may act on it instead of showing it: control characters of both sets, and
/// what turns the direction of writing around.
#[must_use]
pub fn acts(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// The text with escapes for what `acts`.
pub fn escaped(text: &str, acts: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&acts) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if acts(c) {
            // As JSON writes it, so that JSON stays what it was. All of these have four digits.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Such a name, in one line.
#[must_use]
pub fn name(name: &str) -> String {
    escaped(name, acts).into_owned()
}
