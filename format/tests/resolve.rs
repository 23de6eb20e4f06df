//! Paths as programs write them, against a tree.

mod common;

use common::everything;
use oxidize_format::{Blob, Place, is_virtual};

fn shown(place: &Place<'_>) -> String {
    match place {
        Place::Node(node) => node.path().unwrap(),
        Place::Absent => "absent".into(),
        Place::NoDirectory => "no directory".into(),
        Place::NotADirectory => "not a directory".into(),
        Place::TooLong => "too long".into(),
        Place::Outside(at) => format!("outside {at}"),
    }
}

#[test]
fn paths_lead_where_a_kernel_leads_them() {
    let bytes = everything().layout().unwrap().to_bytes();
    let tree = Blob::open(&bytes).unwrap().tree();
    let app = "/~oxidize/app";
    for (path, expected) in [
        ("/~oxidize", "/~oxidize"),
        ("/~oxidize/", "/~oxidize"),
        ("//~oxidize//app/.", "/~oxidize/app"),
        ("/../~oxidize/./app/", "/~oxidize/app"),
        (
            "/~oxidize/app/pkg/../pkg/cli.py",
            "/~oxidize/app/pkg/cli.py",
        ),
        ("/~oxidize/app/pkg/data/../../..", "/~oxidize"),
        ("/~oxidize/../~oxidize/app", "/~oxidize/app"),
        ("/~oxidize/app/absent", "absent"),
        ("/~oxidize/app/absent/", "absent"),
        ("/~oxidize/app/absent/x", "no directory"),
        ("/~oxidize/app/absent/..", "no directory"),
        ("/~oxidize/app/pkg/cli.py/", "not a directory"),
        ("/~oxidize/app/pkg/cli.py/.", "not a directory"),
        ("/~oxidize/app/pkg/cli.py/..", "not a directory"),
        ("/~oxidize/..", "outside 12"),
        ("/~oxidize/../", "outside 13"),
        ("/~oxidize/../etc/passwd", "outside 13"),
        ("/~oxidize/app/../../..//etc", "outside 24"),
        ("/~oxidized/app", "outside 1"),
        ("/etc/~oxidize", "outside 1"),
        ("", "no directory"),
    ] {
        let place = tree.resolve(path.as_bytes()).unwrap();
        assert_eq!(shown(&place), expected, "{path}");
    }
    let long = format!("{app}/{}", "n".repeat(256));
    assert_eq!(shown(&tree.resolve(long.as_bytes()).unwrap()), "too long");
    let longer = format!("{app}{}", "/.".repeat(2048));
    assert_eq!(shown(&tree.resolve(longer.as_bytes()).unwrap()), "too long");
    let other = tree.resolve(b"/~oxidize/app/\xff").unwrap();
    assert_eq!(shown(&other), "absent");

    let data = tree.find("/~oxidize/app/pkg/data").unwrap().unwrap();
    for (path, expected) in [
        ("words.txt", "/~oxidize/app/pkg/data/words.txt"),
        (".", "/~oxidize/app/pkg/data"),
        ("../cli.py", "/~oxidize/app/pkg/cli.py"),
        ("absent", "absent"),
        ("../../../../etc", "outside 12"),
    ] {
        let place = tree.resolve_from(data, path.as_bytes()).unwrap();
        assert_eq!(shown(&place), expected, "{path}");
    }
}

#[test]
fn the_root_is_known_by_its_name_alone() {
    for path in ["/~oxidize", "/~oxidize/x", "//~oxidize", "/./../~oxidize/"] {
        assert!(is_virtual(path.as_bytes()), "{path}");
    }
    for path in [
        "",
        "/",
        "~oxidize",
        "./~oxidize",
        "/~oxidize2",
        "/tmp/~oxidize",
        "/~oxidiz",
    ] {
        assert!(!is_virtual(path.as_bytes()), "{path}");
    }
}
