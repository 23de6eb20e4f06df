//! Stubs from wheels and directories into the store: what is accepted, what is refused, and what is
//! left when it is.

#![cfg(unix)]

mod wheels;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use oxidize_inject::internal::cache::Cache;
use oxidize_inject::internal::progress::Silent;
use oxidize_inject::internal::stubs::listed::Listed;
use oxidize_inject::internal::stubs::store::{Bundle, Store};
use oxidize_inject::internal::stubs::{Finder, Sources, StubError};
use tempfile::TempDir;
use wheels::{Made, TARGET, left_in, name};

fn nothing() -> Listed {
    Listed::parse("version = \"0\"").unwrap()
}

fn import(
    cache: &Path,
    listed: Listed,
    wheel: &Path,
    allow_unlisted: bool,
) -> Result<Bundle, StubError> {
    let sources = Sources {
        allow_unlisted,
        ..Sources::default()
    };
    let progress = Silent;
    let cache = Cache::at(cache).unwrap();
    Finder::trusting(listed, &cache, &sources, &progress)
        .fetcher()
        .import(wheel)
}

fn rooms() -> (TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    (dir, cache)
}

#[test]
fn a_listed_stub_is_taken_and_found_again() {
    let (dir, cache) = rooms();
    let made = Made::new();
    let wheel = made.write(dir.path());
    let bundle = import(&cache, made.listed(), &wheel, false).unwrap();
    bundle.verify().unwrap();
    let mode = fs::metadata(bundle.program()).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111);
    assert_eq!(left_in(&cache), [bundle.digest.to_string()]);
    // Once more is no harm; a directory will do as well; and what is in the store can be used.
    import(&cache, made.listed(), &wheel, false).unwrap();
    let other = dir.path().join("other");
    import(&other, made.listed(), &bundle.directory, false).unwrap();
    let progress = Silent;
    let sources = Sources {
        offline: true,
        ..Sources::default()
    };
    let opened = Cache::at(&cache).unwrap();
    // Not `find`, which prefers a stub that was linked in this checkout.
    let found = Finder::trusting(made.listed(), &opened, &sources, &progress)
        .cached(TARGET.parse().unwrap())
        .unwrap()
        .unwrap();
    assert_eq!(found.directory, bundle.directory);
    assert!(found.program().starts_with(&cache) && found.program().is_file());
}

#[test]
fn a_stub_that_is_not_listed_is_refused_unless_allowed() {
    let (dir, cache) = rooms();
    let made = Made::new();
    let wheel = made.write(dir.path());
    let refused = import(&cache, nothing(), &wheel, false).unwrap_err();
    assert!(matches!(refused, StubError::NotListed { .. }), "{refused}");
    assert!(left_in(&cache).is_empty());
    import(&cache, nothing(), &wheel, true).unwrap();
    assert_eq!(left_in(&cache).len(), 1);
}

#[test]
fn what_was_altered_is_refused_and_nothing_is_left() {
    type Change = fn(&mut Made);
    let changes: [(&str, Change); 5] = [
        ("a flipped bit", |made| made.files[1].1[0] ^= 1),
        ("a short file", |made| made.files[0].1.truncate(70)),
        // As a zip bomb would: reading ends one byte behind what the manifest states.
        ("a long file", |made| made.files[1].1.resize(64 << 20, 0)),
        ("a missing file", |made| drop(made.files.pop())),
        ("another manifest", |made| made.manifest.push(b' ')),
    ];
    for (what, change) in changes {
        let (dir, cache) = rooms();
        let mut made = Made::new();
        let listed = made.listed();
        change(&mut made);
        let refused = import(&cache, listed, &made.write(dir.path()), false).unwrap_err();
        let known = matches!(
            refused,
            StubError::Altered { .. } | StubError::Unreadable { .. } | StubError::NotListed { .. }
        );
        assert!(known, "{what}: {refused}");
        assert!(left_in(&cache).is_empty(), "{what}: {:?}", left_in(&cache));
    }
}

#[test]
fn a_wheel_cut_off_anywhere_is_refused() {
    let (dir, cache) = rooms();
    let made = Made::new();
    let wheel = made.write(dir.path());
    let bytes = fs::read(&wheel).unwrap();
    for length in (0..bytes.len()).step_by(bytes.len() / 40) {
        fs::write(&wheel, &bytes[..length]).unwrap();
        let refused = import(&cache, made.listed(), &wheel, false).unwrap_err();
        assert!(
            matches!(refused, StubError::Unreadable { .. }),
            "{length}: {refused}"
        );
    }
    assert!(left_in(&cache).is_empty());
}

#[test]
fn damage_in_the_store_is_found_and_repaired() {
    let (dir, cache) = rooms();
    let made = Made::new();
    let wheel = made.write(dir.path());
    let bundle = import(&cache, made.listed(), &wheel, false).unwrap();
    let store = Store::at(&cache);
    // The same size: only `verify` sees it.
    let mut bytes = fs::read(bundle.program()).unwrap();
    bytes[70] ^= 1;
    fs::write(bundle.program(), &bytes).unwrap();
    assert!(store.get(bundle.digest).is_some());
    assert!(bundle.verify().is_err());
    import(&cache, made.listed(), &wheel, false)
        .unwrap()
        .verify()
        .unwrap();
    // Another size is seen at once.
    fs::write(bundle.program(), &bytes[..70]).unwrap();
    assert!(store.get(bundle.digest).is_none());
    import(&cache, made.listed(), &wheel, false)
        .unwrap()
        .verify()
        .unwrap();
    // So is a manifest that does not belong there.
    fs::write(bundle.directory.join("manifest.json"), "{}").unwrap();
    assert!(store.get(bundle.digest).is_none());
    assert_eq!(
        store.prune(|_| true).unwrap(),
        std::slice::from_ref(&bundle.directory)
    );
    assert!(left_in(&cache).is_empty());
}

#[test]
fn prune_keeps_what_it_is_told_to() {
    let (dir, cache) = rooms();
    let made = Made::new();
    let bundle = import(&cache, made.listed(), &made.write(dir.path()), false).unwrap();
    let store = Store::at(&cache);
    assert!(
        store
            .prune(|bundle| made.listed().trusts(bundle.digest))
            .unwrap()
            .is_empty()
    );
    assert_eq!(left_in(&cache), [bundle.digest.to_string()]);
    assert_eq!(
        store
            .prune(|bundle| nothing().trusts(bundle.digest))
            .unwrap()
            .len(),
        1
    );
    assert!(left_in(&cache).is_empty());
}

#[test]
fn many_at_once_do_not_harm_each_other() {
    let (dir, cache) = rooms();
    let made = Made::new();
    let wheel = made.write(dir.path());
    let listed = made.listed();
    for round in 0..4 {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    import(&cache, listed.clone(), &wheel, false)
                        .unwrap()
                        .verify()
                        .unwrap();
                });
            }
        });
        let left = left_in(&cache);
        assert_eq!(left.len(), 1, "{left:?}");
        // The next round finds something to repair.
        let program = cache.join("stubs").join(&left[0]).join("oxidize-stub");
        fs::write(program, vec![round]).unwrap();
    }
}

#[test]
fn directories_are_asked_in_order_and_not_trusted() {
    let (dir, cache) = rooms();
    let made = Made::new();
    let good = dir.path().join("good");
    made.write(&good);
    let bad = dir.path().join("bad");
    fs::create_dir_all(&bad).unwrap();
    fs::write(bad.join(name()), "something else").unwrap();
    let empty = dir.path().join("empty");
    fs::create_dir_all(&empty).unwrap();
    let fetch = |listed: Listed, find_links: &[&Path]| {
        let sources = Sources {
            find_links: find_links.iter().map(|path| path.to_path_buf()).collect(),
            offline: true,
            ..Sources::default()
        };
        let progress = Silent;
        let opened = Cache::at(&cache).unwrap();
        let finder = Finder::trusting(listed, &opened, &sources, &progress);
        finder.fetcher().fetch(TARGET.parse().unwrap())
    };
    let refused = fetch(made.listed(), &[&empty]).unwrap_err();
    assert!(matches!(refused, StubError::Offline(_)), "{refused}");
    let refused = fetch(made.listed(), &[&bad, &empty]).unwrap_err();
    assert!(matches!(refused, StubError::Unreadable { .. }), "{refused}");
    let refused = fetch(made.listed(), &[&dir.path().join("none")]).unwrap_err();
    assert!(matches!(refused, StubError::FindLinks { .. }), "{refused}");
    // Nothing is listed, so nothing could be accepted, so nobody is asked.
    assert!(fetch(nothing(), &[&good]).unwrap().is_none());
    assert!(left_in(&cache).is_empty());
    let fetched = fetch(made.listed(), &[&empty, &bad, &good])
        .unwrap()
        .unwrap();
    assert!(fetched.origin.starts_with(&good.display().to_string()));
}
