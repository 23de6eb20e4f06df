//! Keeping the cache small: what was not used for the longest time goes first.
//!
//! An entry's time of modification says when it was last used, to the day. Only what has the name of an entry is
//! touched: the cache may be a directory in which the user keeps other things. Nor are stubs: what becomes of them is the
//! user's to say (`stubs prune`).

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
/// Kinds of entries.
const KINDS: [&str; 5] = ["archives", "code", "imports", "library", "worker"];

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

/// Sweeps the cache, at most once a day unless something large was added. Nothing depends on whether it succeeds.
pub(super) fn sweep(root: &Path, grown: bool) {
    if is_due(root, grown) {
        let limit = env::var("OXIDIZE_CACHE_LIMIT").ok();
        let limit = limit.and_then(|limit| limit.parse().ok()).unwrap_or(LIMIT);
        let limit = limit.saturating_mul(1 << 20);
        let _ = remove_oldest(root, limit, limit / 4 * 3);
    }
}

/// Whether it is time, and if so, notes that it was done now.
fn is_due(root: &Path, grown: bool) -> bool {
    let mark = root.join(MARK);
    let recent = fs::metadata(&mark)
        .and_then(|found| found.modified())
        .is_ok_and(|last| age(last) < DAY);
    (grown || !recent) && fs::write(&mark, "").is_ok()
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

fn remove_oldest(root: &Path, limit: u64, target: u64) -> io::Result<()> {
    let mut entries = Vec::new();
    for kind in KINDS {
        let Ok(groups) = fs::read_dir(root.join(kind)) else {
            continue;
        };
        for group in groups {
            let group = group?;
            let Ok(listed) = fs::read_dir(group.path()) else {
                continue;
            };
            for entry in listed {
                let entry = entry?;
                // Gone meanwhile: another process sweeps too.
                let Ok(found) = entry.metadata() else {
                    continue;
                };
                if found.is_file() && is_entry(&group.file_name(), &entry.file_name()) {
                    entries.push(Found {
                        path: entry.path(),
                        used: found.modified()?,
                        size: found.len(),
                    });
                }
            }
        }
    }
    let mut total: u64 = entries.iter().map(|entry| entry.size).sum();
    if total <= limit {
        return Ok(());
    }
    entries.sort_by_key(|entry| entry.used);
    for entry in entries {
        if total <= target {
            break;
        }
        if fs::remove_file(&entry.path).is_ok() {
            total -= entry.size;
        }
    }
    Ok(())
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
        remove_oldest(dir.path(), 300, 200).unwrap();
        assert!(old.exists());
        remove_oldest(dir.path(), 299, 200).unwrap();
        assert!(!old.exists() && used.exists() && new.exists());
        remove_oldest(dir.path(), 100, 100).unwrap();
        assert!(used.exists() && !new.exists());
        remove_oldest(dir.path(), 0, 0).unwrap();
        assert!(!used.exists() && others.iter().all(|other| other.exists()));
    }

    #[test]
    fn it_is_swept_once_a_day_or_when_it_has_grown() {
        let dir = tempfile::tempdir().unwrap();
        assert!(is_due(dir.path(), false));
        assert!(!is_due(dir.path(), false));
        assert!(is_due(dir.path(), true));
    }
}
