//! Keeping the cache small: what was not used for the longest time goes first.
//!
//! An entry's time of modification says when it was last used, to the day. Only what has the name
//! of an entry is touched, and what pip keeps below `pip`: the cache may be a directory in which
//! the user has other things. Nor are stubs: what becomes of them is the user's to say (`stubs
//! prune`). A link below the cache leads to somebody's other things and is never followed.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How large the entries may be together, in MiB, unless `OXIDIZE_CACHE_LIMIT` says otherwise.
const LIMIT: u64 = 4096;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// A file that tells by its age when the cache was last swept.
const MARK: &str = "swept";
/// Kinds of entries that are files.
const FILES: [&str; 6] = [
    "archives", "code", "imports", "library", "resolved", "worker",
];
/// Kinds of entries that are directories.
const DIRECTORIES: [&str; 1] = ["wheels"];
/// What pip keeps. It takes any file that is missing for one that it never had.
const PIP: &str = "pip";
/// How deep directories are looked into. No wheel of the index nests its files as deep.
const MOST_LEVELS: usize = 64;

/// Notes that an entry was used. Where that cannot be noted, it seems older than it is.
pub(super) fn touch(file: &File) {
    let used = file.metadata().and_then(|found| found.modified());
    if used.is_ok_and(|used| age(used) > DAY) {
        let _ = file.set_modified(SystemTime::now());
    }
}

fn age(time: SystemTime) -> Duration {
    SystemTime::now().duration_since(time).unwrap_or_default()
}

/// Sweeps the cache, at most once a day unless something large was added. Nothing depends on
/// whether it succeeds.
pub(super) fn sweep(root: &Path, scratch: &Path, grown: bool) {
    if is_due(root, grown) {
        let limit = env::var("OXIDIZE_CACHE_LIMIT").ok();
        let limit = limit.and_then(|limit| limit.parse().ok()).unwrap_or(LIMIT);
        let limit = limit.saturating_mul(1 << 20);
        let _ = remove_oldest(root, scratch, limit, limit / 4 * 3);
    }
}

/// Whether it is time, and if so, notes that it was done now.
fn is_due(root: &Path, grown: bool) -> bool {
    let mark = root.join(MARK);
    let recent = match fs::symlink_metadata(&mark) {
        // To write would empty what it leads to.
        Ok(found) if !found.is_file() => return false,
        Ok(found) => found.modified().is_ok_and(|last| age(last) < DAY),
        Err(_) => false,
    };
    (grown || !recent) && fs::write(&mark, "").is_ok()
}

/// Whether there is a directory, and no link to one.
fn is_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// Whether all directories on the way from `root` to a file in it are such.
fn is_inside(root: &Path, path: &Path) -> bool {
    let above = path.ancestors().skip(1);
    path.starts_with(root) && above.take_while(|above| *above != root).all(is_directory)
}

/// Whether an entry can have this path below its kind: two digits of its key, then the others.
fn is_entry(group: &OsStr, name: &OsStr) -> bool {
    let digits = |text: &OsStr, count| {
        let digit = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        let bytes = text.as_encoded_bytes();
        bytes.len() == count && bytes.iter().all(digit)
    };
    let name = Path::new(name);
    let plain = name.extension().is_none_or(|suffix| suffix == super::SUM);
    digits(group, 2) && plain && name.file_stem().is_some_and(|stem| digits(stem, 62))
}

struct Found {
    path: PathBuf,
    used: SystemTime,
    size: u64,
}

fn remove_oldest(root: &Path, scratch: &Path, limit: u64, target: u64) -> io::Result<()> {
    let mut entries = Vec::new();
    for kind in FILES {
        entries_of(&root.join(kind), false, &mut entries)?;
    }
    for kind in DIRECTORIES {
        entries_of(&root.join(kind), true, &mut entries)?;
    }
    files_below(&root.join(PIP), MOST_LEVELS, &mut |path, found| {
        if let Ok(used) = found.modified() {
            entries.push(Found {
                path,
                used,
                size: found.len(),
            });
        }
    });
    let mut total: u64 = entries.iter().map(|entry| entry.size).sum();
    if total <= limit {
        return Ok(());
    }
    entries.sort_by_key(|entry| entry.used);
    for (number, entry) in entries.iter().enumerate() {
        if total <= target {
            break;
        }
        // Whatever has become of it since it was listed.
        if is_inside(root, &entry.path) && remove(&entry.path, &scratch.join(number.to_string())) {
            total -= entry.size;
        }
    }
    Ok(())
}

/// The entries of a kind. What is gone meanwhile was removed by another process that sweeps too.
fn entries_of(kind: &Path, directories: bool, entries: &mut Vec<Found>) -> io::Result<()> {
    if !is_directory(kind) {
        return Ok(());
    }
    let Ok(groups) = fs::read_dir(kind) else {
        return Ok(());
    };
    for group in groups {
        let group = group?;
        if !group.file_type().is_ok_and(|found| found.is_dir()) {
            continue;
        }
        let Ok(listed) = fs::read_dir(group.path()) else {
            continue;
        };
        for entry in listed {
            let entry = entry?;
            let Ok(found) = entry.metadata() else {
                continue;
            };
            let fits = if directories {
                found.is_dir()
            } else {
                found.is_file()
            };
            if !fits || !is_entry(&group.file_name(), &entry.file_name()) {
                continue;
            }
            let mut size = if directories { 0 } else { found.len() };
            if directories {
                files_below(&entry.path(), MOST_LEVELS, &mut |_, found| {
                    size += found.len();
                });
            }
            entries.push(Found {
                path: entry.path(),
                used: found.modified()?,
                size,
            });
        }
    }
    Ok(())
}

/// All files below a directory; links are not followed.
fn files_below(directory: &Path, levels: usize, each: &mut dyn FnMut(PathBuf, fs::Metadata)) {
    if !is_directory(directory) {
        return;
    }
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let Ok(found) = entry.metadata() else {
            continue;
        };
        if found.is_file() {
            each(entry.path(), found);
        } else if found.is_dir() && levels > 0 {
            files_below(&entry.path(), levels - 1, each);
        }
    }
}

/// Removes an entry; a directory as a whole, so that nobody finds half of it.
fn remove(path: &Path, aside: &Path) -> bool {
    if !is_directory(path) {
        return fs::remove_file(path).is_ok();
    }
    fs::rename(path, aside).is_ok() && fs::remove_dir_all(aside).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: PathBuf, size: usize, days: u32) -> PathBuf {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, vec![0; size]).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - DAY * days).unwrap();
        path
    }

    fn entry(root: &Path, digit: char, size: usize, days: u32) -> PathBuf {
        file(
            root.join("code/ab").join(digit.to_string().repeat(62)),
            size,
            days,
        )
    }

    #[test]
    fn the_oldest_go_first_and_others_files_stay() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = dir.path().join("scratch");
        fs::create_dir(&scratch).unwrap();
        let old = entry(dir.path(), 'a', 100, 9);
        let used = entry(dir.path(), 'b', 100, 8);
        let new = entry(dir.path(), 'c', 100, 1);
        let name = "d".repeat(62);
        let others: Vec<_> = [
            "code/notes",
            "code/ab/notes",
            "code/abc/NAME",
            "stubs/ab/NAME",
            "code/ab/NAME.txt",
        ]
        .iter()
        .map(|path| file(dir.path().join(path.replace("NAME", &name)), 1000, 99))
        .collect();
        touch(&File::open(&used).unwrap());
        remove_oldest(dir.path(), &scratch, 300, 200).unwrap();
        assert!(old.exists());
        remove_oldest(dir.path(), &scratch, 299, 200).unwrap();
        assert!(!old.exists() && used.exists() && new.exists());
        remove_oldest(dir.path(), &scratch, 100, 100).unwrap();
        assert!(used.exists() && !new.exists());
        remove_oldest(dir.path(), &scratch, 0, 0).unwrap();
        assert!(!used.exists() && others.iter().all(|other| other.exists()));
    }

    #[test]
    fn unpacked_wheels_and_what_pip_keeps_count_too() {
        let dir = tempfile::tempdir().unwrap();
        let (root, scratch) = (dir.path(), dir.path().join("scratch"));
        fs::create_dir(&scratch).unwrap();
        let wheel = |digit: &str, days| {
            let place = root.join("wheels/ab").join(digit.repeat(62));
            file(place.join("site/ham/data.bin"), 100, 0);
            file(place.join("files.json"), 50, 0);
            let found = File::open(&place).unwrap();
            found.set_modified(SystemTime::now() - DAY * days).unwrap();
            place
        };
        let (old, new) = (wheel("a", 9), wheel("b", 2));
        let mine = file(root.join("wheels/mine/file"), 1000, 99);
        let kept = file(root.join("pip/http-v2/a/b/c"), 100, 5);
        let answer = file(root.join("resolved/ab").join("c".repeat(62)), 100, 7);
        remove_oldest(root, &scratch, 500, 100).unwrap();
        assert!(old.exists() && answer.exists());
        remove_oldest(root, &scratch, 499, 300).unwrap();
        assert!(!old.exists() && !answer.exists());
        assert!(kept.exists() && new.exists() && mine.exists());
        remove_oldest(root, &scratch, 200, 160).unwrap();
        assert!(!kept.exists() && new.exists());
        remove_oldest(root, &scratch, 100, 0).unwrap();
        assert!(!new.exists() && mine.exists());
        assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0);
    }

    /// Every place of the cache as a link to a directory that has the names of entries.
    #[test]
    #[cfg(unix)]
    fn links_are_not_followed() {
        use std::os::unix::fs::symlink;
        let outside = tempfile::tempdir().unwrap();
        let kept = [
            entry(outside.path(), 'a', 100, 99),
            file(outside.path().join("wheel/site/x"), 100, 99),
            file(outside.path().join("mine"), 100, 99),
        ];
        let (group, digits) = (outside.path().join("code/ab"), "a".repeat(62));
        let cases = [
            ("code", outside.path().join("code")),
            ("code/ab", group.clone()),
            (&format!("code/ab/{digits}"), group.join(&digits)),
            ("wheels", outside.path().join("code")),
            (&format!("wheels/ab/{digits}"), outside.path().join("wheel")),
            ("pip", outside.path().to_owned()),
            ("pip/http", outside.path().to_owned()),
            (MARK, outside.path().join("mine")),
        ];
        for (place, leads_to) in cases {
            let dir = tempfile::tempdir().unwrap();
            let scratch = dir.path().join("scratch");
            fs::create_dir(&scratch).unwrap();
            let place = dir.path().join(place);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            symlink(&leads_to, &place).unwrap();
            remove_oldest(dir.path(), &scratch, 0, 0).unwrap();
            assert_eq!(is_due(dir.path(), true), place.file_name().unwrap() != MARK);
            for kept in &kept {
                let length = fs::metadata(kept).map(|found| found.len());
                assert_eq!(length.unwrap(), 100, "{place:?}: {kept:?}");
            }
            assert!(fs::symlink_metadata(&place).is_ok());
        }
    }

    #[test]
    fn what_became_a_link_after_it_was_listed_stays() {
        let dir = tempfile::tempdir().unwrap();
        let old = entry(dir.path(), 'a', 100, 9);
        assert!(is_inside(dir.path(), &old));
        assert!(!is_inside(&dir.path().join("other"), &old));
        #[cfg(unix)]
        {
            let group = old.parent().unwrap();
            let moved = dir.path().join("moved");
            fs::rename(group, &moved).unwrap();
            std::os::unix::fs::symlink(&moved, group).unwrap();
            assert!(!is_inside(dir.path(), &old));
        }
    }

    #[test]
    fn it_is_swept_once_a_day_or_when_it_has_grown() {
        let dir = tempfile::tempdir().unwrap();
        assert!(is_due(dir.path(), false));
        assert!(!is_due(dir.path(), false));
        assert!(is_due(dir.path(), true));
    }
}
