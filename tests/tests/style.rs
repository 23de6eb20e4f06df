//! What docs/style.md and CONTRIBUTING.md ask for and a program can check: prose and comments of at
//! most 100 columns, no programs in the repository.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::Command;

/// Columns, counted in characters.
const WIDEST: usize = 100;

/// The tracked text files of a kind.
fn files(pattern: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let listed = Command::new("git")
        .args(["ls-files", "--", pattern])
        .current_dir(&root)
        .output()
        .expect("git is there: this is a clone");
    let names = String::from_utf8(listed.stdout).expect("names are UTF-8");
    let files = names.lines().filter_map(|name| {
        let text = std::fs::read_to_string(root.join(name)).ok()?;
        Some((name.to_owned(), text))
    });
    files.collect()
}

/// Lines that are too wide and could be broken: an address or a long word cannot.
fn too_wide<'t>(lines: impl Iterator<Item = (usize, &'t str)>) -> Vec<usize> {
    lines
        .filter(|(_, line)| line.chars().count() > WIDEST)
        .filter(|(_, line)| {
            let words = line.split_whitespace().map(|word| word.chars().count());
            words.max().unwrap_or(0) < WIDEST / 2
        })
        .map(|(number, _)| number + 1)
        .collect()
}

fn complain(found: &[(String, Vec<usize>)]) {
    let found: Vec<String> = found
        .iter()
        .filter(|(_, lines)| !lines.is_empty())
        .map(|(name, lines)| format!("{name}: lines {lines:?}"))
        .collect();
    assert!(
        found.is_empty(),
        "wider than {WIDEST} columns:\n{}",
        found.join("\n")
    );
}

#[test]
fn comments_are_at_most_100_columns_wide() {
    let sources = files("*.rs");
    assert!(sources.len() > 100, "{} files", sources.len());
    let found: Vec<_> = sources
        .iter()
        .map(|(name, text)| {
            let comments = text.lines().enumerate().filter(|(_, line)| {
                let line = line.trim_start();
                let text = line.trim_start_matches(['/', '!']);
                // Tables and code are as wide as they have to be.
                line.starts_with("//") && !text.starts_with(" |") && !text.starts_with("     ")
            });
            (name.clone(), too_wide(comments))
        })
        .collect();
    complain(&found);
}

#[test]
fn prose_is_at_most_100_columns_wide() {
    let mut documents = files("*.md");
    // The benchmarks write this one.
    documents.retain(|(name, _)| name != "benches/RESULTS.md");
    assert!(documents.len() > 10, "{} files", documents.len());
    let found: Vec<_> = documents
        .iter()
        .map(|(name, text)| {
            let mut fenced = false;
            let prose = text.lines().enumerate().filter(|(_, line)| {
                fenced ^= line.starts_with("```");
                // Tables and code are as wide as they have to be.
                !fenced && !line.starts_with('|') && !line.starts_with("    ")
            });
            (name.clone(), too_wide(prose))
        })
        .collect();
    complain(&found);
}

/// Programs are made, and whatever is large stays in the history for ever. Distributions and the
/// profile that they are compiled with are the exception.
#[test]
fn nothing_large_and_no_program_is_tracked() {
    const LARGEST: u64 = 1 << 20;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--"])
        .args([":!prebuilt/distributions", ":!prebuilt/profile"])
        .current_dir(&root)
        .output()
        .expect("git is there: this is a clone");
    let names = String::from_utf8(listed.stdout).expect("names are UTF-8");
    let names: Vec<&str> = names.split_terminator('\0').collect();
    assert!(names.len() > 500, "{} files", names.len());
    let is_wrong = |name: &&str| {
        // One that was removed and is still tracked is nobody's business here.
        let Ok(file) = File::open(root.join(name)) else {
            return false;
        };
        let mut start = [0; 4];
        let count = file.take(4).read(&mut start).unwrap_or(0);
        let large = std::fs::metadata(root.join(name)).is_ok_and(|found| found.len() > LARGEST);
        let program = matches!(
            start,
            [0x7f, b'E', b'L', b'F'] | [b'M', b'Z', ..] | [0xcf | 0xce, 0xfa, 0xed, 0xfe]
        );
        large || count == 4 && program
    };
    let found: Vec<&str> = names.into_iter().filter(is_wrong).collect();
    assert!(found.is_empty(), "large, or programs: {found:?}");
}
