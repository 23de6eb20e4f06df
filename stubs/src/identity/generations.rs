//! How often a program has started itself, for systems that do not show the command lines of other
//! processes.
//!
//! An environment variable carries a line of `process:digest` pairs, one for each generation.
//! Whoever sets it can only have a program refuse to start.

use std::ffi::OsString;
use std::fmt::Write as _;

use super::MOST;

/// Name of the variable.
pub const VARIABLE: &str = "OXIDIZE_GENERATIONS";

/// FNV-1a over the arguments: equal lines of arguments have equal digests.
pub fn digest(arguments: &[OsString]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let bytes = arguments
        .iter()
        .flat_map(|argument| argument.as_encoded_bytes().iter().chain(&[0]));
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash
}

/// The pairs in a value; what is none is left out.
fn pairs(value: &str) -> impl Iterator<Item = (u32, u64)> + '_ {
    value.split(' ').take(MOST).filter_map(|pair| {
        let (process, digest) = pair.split_once(':')?;
        Some((process.parse().ok()?, u64::from_str_radix(digest, 16).ok()?))
    })
}

/// How many generations before ours had these arguments. `counts` tells whether a process is one of
/// them.
pub fn count(value: &str, digest: u64, counts: &dyn Fn(u32) -> bool) -> usize {
    pairs(value)
        .filter(|(process, other)| *other == digest && counts(*process))
        .count()
}

/// The value for our children. A process that was replaced by `exec` is no new generation.
pub fn extend(value: &str, process: u32, digest: u64, counts: &dyn Fn(u32) -> bool) -> String {
    let mut out = String::new();
    for (other, digest) in pairs(value).filter(|(other, _)| *other != process && counts(*other)) {
        let _ = write!(out, "{other}:{digest:x} ");
    }
    let _ = write!(out, "{process}:{digest:x}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_counted() {
        let one = digest(&["a".into(), "b".into()]);
        let other = digest(&["ab".into()]);
        assert_ne!(one, other);
        let all = |_| true;
        let value = extend("", 7, one, &all);
        let value = extend(&value, 8, other, &all);
        let value = extend(&value, 9, one, &all);
        assert_eq!(count(&value, one, &all), 2);
        assert_eq!(count(&value, one, &|process| process != 7), 1);
        // exec
        assert_eq!(count(&extend(&value, 9, one, &all), one, &all), 2);
    }

    #[test]
    fn values_of_strangers() {
        let all = |_| true;
        for value in [
            "",
            " ",
            "7",
            "7:",
            ":7",
            "x:y",
            "7:7:7",
            "-1:0",
            "99999999999:1",
        ] {
            assert_eq!(count(value, 7, &all), 0, "{value}");
        }
        let long = "1:7 ".repeat(100_000);
        assert_eq!(count(&long, 7, &all), MOST);
        assert!(extend(&long, 2, 7, &all).len() < 20 * MOST);
    }
}
