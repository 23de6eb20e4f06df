//! What the writer refuses, and the edges of what it takes.

mod common;

use common::{fields, file, shared};
use oxidize_format::{
    Blob, Content, Descriptor, DistributionEntry, Error, FileEntry, HeaderFields, ModuleEntry,
    ModuleKind, NativeEntry, RunOptions, SectionKind, Structure, WriteError, Writer, descriptor,
};

fn writer() -> Writer<Vec<u8>> {
    Writer::new(fields())
}

fn module(name: &str) -> ModuleEntry<Vec<u8>> {
    ModuleEntry::new(name, ModuleKind::Module)
}

/// Directories that share their children: a walk along them would visit 2^30 nodes.
#[test]
fn shared_children_are_met_once() {
    let mut w = writer();
    for n in 0..30 {
        let parent = format!("/~oxidize{}", "/a".repeat(n));
        w.add_directory(&format!("{parent}/a")).unwrap();
        w.add_directory(&format!("{parent}/b")).unwrap();
    }
    let mut bytes = w.layout().unwrap().to_bytes();
    let (start, count) = {
        let blob = Blob::open(&bytes).unwrap();
        (
            blob.section(SectionKind::Tree).offset as usize,
            blob.tree().len(),
        )
    };
    // Each `b`, which is empty, gets the children of the `a` before it.
    for index in (2..count as usize).step_by(2) {
        let (a, b) = (start + (index - 1) * 24, start + index * 24);
        bytes.copy_within(a + 16..a + 24, b + 16);
    }
    let blob = Blob::open(&bytes).unwrap();
    let (mut met, mut refused) = (0_u32, 0_u32);
    let mut open = vec![blob.tree().root().unwrap()];
    while let Some(node) = open.pop() {
        met += 1;
        for child in node.children() {
            match child {
                Ok(child) => open.push(child),
                Err(error) => {
                    assert!(matches!(
                        error,
                        Error::NotCanonical {
                            structure: Structure::Tree,
                            ..
                        }
                    ));
                    refused += 1;
                }
            }
        }
    }
    assert_eq!((met, refused), (count, 58));
    assert!(blob.validate().is_err());
    let b = blob.tree().get(2).unwrap();
    assert!(b.child("a").is_err() && b.children().get(0).is_err() && b.find("b/a").is_err());
}

#[test]
fn paths() {
    for path in [
        "",
        "/",
        "relative",
        "/elsewhere/a",
        "/~oxidizer/a",
        "/~oxidize//a",
        "/~oxidize/a/",
        "/~oxidize/./a",
        "/~oxidize/a/../b",
        "/~oxidize/a\0b",
    ] {
        let error = writer().add_file(path, file(b"")).unwrap_err();
        assert!(
            matches!(error, WriteError::BadName { .. }),
            "{path:?}: {error}"
        );
    }
    let long = format!("/~oxidize/{}", "n".repeat(65_526));
    assert!(writer().add_file(&long, file(b"")).is_err());
    let error = writer().add_file("/~oxidize", file(b"")).unwrap_err();
    assert!(matches!(error, WriteError::FileAndDirectory { .. }));
}

#[test]
fn files_and_directories_collide() {
    let mut w = writer();
    w.add_file("/~oxidize/a/b", file(b"")).unwrap();
    w.add_directory("/~oxidize/a").unwrap();
    w.add_directory("/~oxidize/a").unwrap();
    for error in [
        w.add_file("/~oxidize/a", file(b"")).unwrap_err(),
        w.add_file("/~oxidize/a/b/c", file(b"")).unwrap_err(),
        w.add_directory("/~oxidize/a/b").unwrap_err(),
    ] {
        assert!(
            matches!(error, WriteError::FileAndDirectory { .. }),
            "{error}"
        );
    }
    let error = w.add_file("/~oxidize/a/b", file(b"")).unwrap_err();
    assert!(matches!(error, WriteError::Duplicate { .. }), "{error}");
}

#[test]
fn names() {
    for name in ["", ".", "a.", ".a", "a..b", "a\0"] {
        let error = writer().add_module(module(name)).unwrap_err();
        assert!(
            matches!(error, WriteError::BadName { .. }),
            "{name:?}: {error}"
        );
    }
    assert!(writer().add_module(module(&"m".repeat(65_535))).is_ok());
    assert!(writer().add_module(module(&"m".repeat(65_536))).is_err());

    let mut w = writer();
    w.add_module(module("a")).unwrap();
    let error = w.add_module(module("a")).unwrap_err();
    assert!(matches!(error, WriteError::Duplicate { .. }));
    let mut outside = module("b");
    outside.path = Some("/usr/lib/b.py".into());
    assert!(w.add_module(outside).is_err());
    let mut root = module("b");
    root.path = Some("/~oxidize".into());
    assert!(w.add_module(root).is_err());

    for root in ["", "/~oxidize/", "/a\0"] {
        let fields = HeaderFields {
            root: root.into(),
            ..fields()
        };
        let error = Writer::<Vec<u8>>::new(fields).layout().unwrap_err();
        assert!(
            matches!(error, WriteError::BadName { .. }),
            "{root:?}: {error}"
        );
    }
}

#[test]
fn references_to_nothing() {
    let mut w = writer();
    let mut lost = module("a");
    lost.source = Some(shared("/~oxidize/a.py"));
    w.add_module(lost).unwrap();
    assert!(matches!(
        w.layout().unwrap_err(),
        WriteError::Missing { .. }
    ));

    let mut w = writer();
    w.add_directory("/~oxidize/a").unwrap();
    let mut directory = module("a");
    directory.source = Some(shared("/~oxidize/a"));
    w.add_module(directory).unwrap();
    assert!(matches!(
        w.layout().unwrap_err(),
        WriteError::Missing { .. }
    ));

    let mut w = writer();
    let mut lost = module("a");
    lost.native = Some("a".into());
    w.add_module(lost).unwrap();
    assert!(matches!(
        w.layout().unwrap_err(),
        WriteError::Missing { .. }
    ));

    let mut w = writer();
    w.add_file("/~oxidize/a.dist-info", file(b"")).unwrap();
    w.add_distribution(DistributionEntry {
        normalised: "a".into(),
        name: "a".into(),
        version: "1".into(),
        directory: "/~oxidize/a.dist-info".into(),
    })
    .unwrap();
    assert!(matches!(
        w.layout().unwrap_err(),
        WriteError::Missing { .. }
    ));
}

#[test]
fn shared_content() {
    let link = |to: &str| FileEntry {
        content: shared(to),
        executable: false,
    };
    let mut w = writer();
    w.add_file("/~oxidize/a", link("/~oxidize/b")).unwrap();
    w.add_file("/~oxidize/b", link("/~oxidize/c")).unwrap();
    w.add_file("/~oxidize/c", file(b"content")).unwrap();
    let bytes = w.layout().unwrap().to_bytes();
    let blob = Blob::open(&bytes).unwrap();
    blob.validate().unwrap();
    assert_eq!(blob.data_len(), 1);

    let mut w = writer();
    w.add_file("/~oxidize/a", link("/~oxidize/b")).unwrap();
    w.add_file("/~oxidize/b", link("/~oxidize/a")).unwrap();
    assert!(matches!(w.layout().unwrap_err(), WriteError::Circle { .. }));

    let mut w = writer();
    let mut code = module("a");
    code.bytecode[0] = Some(shared("/~oxidize/a.pyc"));
    assert!(matches!(
        w.add_module(code).unwrap_err(),
        WriteError::NotShared { .. }
    ));
    let error = w.set_snapshot(shared("/~oxidize/a")).unwrap_err();
    assert!(matches!(error, WriteError::NotShared { .. }));
}

#[test]
fn kinds_that_contradict_the_tree() {
    for (kind, path) in [
        (ModuleKind::Namespace, "/~oxidize/file"),
        (ModuleKind::Module, "/~oxidize/directory"),
    ] {
        let mut w = writer();
        w.add_file("/~oxidize/file", file(b"")).unwrap();
        w.add_directory("/~oxidize/directory").unwrap();
        let mut entry = ModuleEntry::new("a", kind);
        entry.path = Some(path.into());
        w.add_module(entry).unwrap();
        let error = w.layout().unwrap_err();
        assert!(
            matches!(error, WriteError::FileAndDirectory { .. }),
            "{error}"
        );
    }
}

#[test]
fn lengths_and_relative_paths() {
    let wrong = FileEntry {
        content: Content::Stored {
            payload: vec![1, 2],
            length: 3,
            compression: oxidize_format::Compression::None,
        },
        executable: false,
    };
    let error = writer().add_file("/~oxidize/a", wrong).unwrap_err();
    assert!(matches!(error, WriteError::LengthMismatch { .. }));
    for path in ["", "/etc/passwd", "a//b", "./a", "a/"] {
        let outside = FileEntry {
            content: Content::External {
                path: path.into(),
                length: 0,
            },
            executable: false,
        };
        assert!(
            writer().add_file("/~oxidize/a", outside).is_err(),
            "{path:?}"
        );
    }
}

#[test]
fn images_have_unique_names() {
    let native = |soname: &str| NativeEntry {
        name: "a".into(),
        soname: Some(soname.into()),
        needed: Vec::new(),
        extension: false,
        content: Content::plain(vec![1]),
    };
    let mut w = writer();
    w.add_native(native("x")).unwrap();
    let error = w.add_native(native("y")).unwrap_err();
    assert!(matches!(error, WriteError::Duplicate { .. }));
    assert!(w.add_native(native("")).is_err());
}

#[test]
fn run_options_round_trip() {
    let text = |text: &str| Some(text.to_owned());
    for options in [
        RunOptions::default(),
        RunOptions {
            entry_module: text("a.b"),
            entry_function: text("C.main"),
            program_name: text("prog"),
            optimize: 2,
            exit: oxidize_format::Exit::Fast,
            utf8_mode: Some(false),
            unbuffered: true,
            inspect: true,
            verbose: u32::MAX,
            warn_options: vec!["a".into(), "b".into(), "a".into()],
            x_options: vec!["dev".into()],
            use_environment: true,
            site: true,
            user_site: true,
            cwd_on_path: true,
            hash_seed: Some(0),
            faulthandler: true,
            dev_mode: true,
            install_signal_handlers: false,
            sys_path: vec!["$ORIGIN/lib".into(), "/é".into()],
            environment: vec![("A".into(), "b=c".into()), ("B".into(), String::new())],
            environment_set: vec![("C".into(), "d=".into())],
            environment_pass: vec!["HOME".into(), "LC_*".into(), "*".into()],
            ca_bundle_probe: false,
            children: oxidize_format::ChildRole::Off,
            check_at_start: true,
            files_directory: text("app.files"),
            placed: vec!["/~oxidize/app/a".into(), "/~oxidize/app/b.py".into()],
            named_entries: vec![
                ("one".into(), "a.b".into()),
                ("two words".into(), "a:main.run".into()),
            ],
            ..RunOptions::default()
        },
        RunOptions {
            entry_script: text("/~oxidize/app/x.py"),
            utf8_mode: Some(true),
            ..RunOptions::default()
        },
    ] {
        let mut w = writer();
        w.set_run_config(options.clone());
        let bytes = w.layout().unwrap().to_bytes();
        let blob = Blob::open(&bytes).unwrap();
        blob.validate().unwrap();
        assert_eq!(RunOptions::from(&blob.run_config().unwrap()), options);
    }
}

#[test]
fn run_options_that_contradict() {
    let text = |text: &str| Some(text.to_owned());
    for options in [
        RunOptions {
            entry_function: text("main"),
            ..RunOptions::default()
        },
        RunOptions {
            entry_module: text("a"),
            entry_script: text("/~oxidize/a.py"),
            ..RunOptions::default()
        },
        RunOptions {
            entry_module: text(""),
            ..RunOptions::default()
        },
        RunOptions {
            entry_module: text("a\0b"),
            ..RunOptions::default()
        },
        RunOptions {
            optimize: 3,
            ..RunOptions::default()
        },
        RunOptions {
            environment: vec![("A=B".into(), String::new())],
            ..RunOptions::default()
        },
        RunOptions {
            environment: vec![(String::new(), "x".into())],
            ..RunOptions::default()
        },
        RunOptions {
            environment_set: vec![(String::new(), "x".into())],
            ..RunOptions::default()
        },
        RunOptions {
            environment_pass: vec!["A=".into()],
            ..RunOptions::default()
        },
        RunOptions {
            environment_pass: vec!["A*B".into()],
            ..RunOptions::default()
        },
        RunOptions {
            files_directory: text(".."),
            ..RunOptions::default()
        },
        RunOptions {
            files_directory: text("a/b"),
            ..RunOptions::default()
        },
        RunOptions {
            named_entries: vec![(String::new(), "a".into())],
            ..RunOptions::default()
        },
        RunOptions {
            named_entries: vec![("a".into(), "m:".into())],
            ..RunOptions::default()
        },
    ] {
        let mut w = writer();
        w.set_run_config(options);
        assert!(matches!(
            w.layout().unwrap_err(),
            WriteError::BadOption { .. }
        ));
    }
}

#[test]
fn descriptors() {
    let descriptor = Descriptor {
        stub_id: *b"0123456789abcdef",
        address: 0x1234_5678_9abc_0000,
        size: 7,
        flags: 0,
        stub_abi: 3,
        snapshot: 0,
        py_version_hex: 0x030d_0ff0,
        bytecode_magic: 3571,
    };
    let bytes = descriptor.to_bytes();
    assert_eq!(&bytes[..8], b"OXIDESC1");
    assert_eq!(Descriptor::read(&bytes).unwrap(), descriptor);
    assert!(!descriptor.is_empty());
    let empty = Descriptor {
        address: 0,
        size: 0,
        ..descriptor
    };
    assert!(Descriptor::read(&empty.to_bytes()).unwrap().is_empty());

    assert_eq!(bytes.len(), descriptor::DESCRIPTOR_SIZE);
    assert!(matches!(
        Descriptor::read(&bytes[..63]),
        Err(Error::Truncated { .. })
    ));
    let broken = |at: usize| {
        let mut bytes = bytes;
        bytes[at] ^= 0x40;
        Descriptor::read(&bytes)
    };
    assert!(matches!(broken(0), Err(Error::BadMagic { .. })));
    for reserved in [40, 43] {
        let error = broken(reserved).unwrap_err();
        let field = reserved as u64 / 4 * 4;
        assert!(matches!(error, Error::UnknownFlags { offset, .. } if offset == field));
    }
    for half in [56, 60] {
        let mut bytes = bytes;
        bytes[half..half + 4].fill(0);
        let error = Descriptor::read(&bytes).unwrap_err();
        assert!(matches!(error, Error::BadValue { offset: 56, .. }));
    }
    let with_snapshot = Descriptor {
        flags: descriptor::HAS_SNAPSHOT,
        snapshot: 0x1_0000_0000,
        ..descriptor
    };
    let read = Descriptor::read(&with_snapshot.to_bytes());
    assert_eq!(read.unwrap(), with_snapshot);
    for (flags, snapshot) in [(0, 1), (descriptor::HAS_SNAPSHOT, 0)] {
        let half = Descriptor {
            flags,
            snapshot,
            ..descriptor
        };
        let error = Descriptor::read(&half.to_bytes()).unwrap_err();
        assert!(matches!(error, Error::BadValue { offset: 48, .. }));
    }
    let half = Descriptor {
        address: 0,
        ..descriptor
    };
    assert!(matches!(
        Descriptor::read(&half.to_bytes()),
        Err(Error::BadValue { .. })
    ));
}

/// Found by fuzzing: the wished order of hot data moved bytecode that is not in the blob.
#[test]
fn bytecode_outside_the_blob_keeps_its_order() {
    let mut w = writer();
    for name in ["a", "b"] {
        let mut entry = module(name);
        for level in 0..2 {
            entry.bytecode[level] = Some(Content::External {
                path: format!("{name}.{level}"),
                length: 1,
            });
        }
        w.add_module(entry).unwrap();
    }
    w.set_hot_order([("b".to_owned(), 1), ("a".to_owned(), 0)]);
    let bytes = w.layout().unwrap().to_bytes();
    Blob::open(&bytes).unwrap().validate().unwrap();
}

/// Images and code need not be in the blob.
#[test]
fn images_beside_the_executable() {
    let mut w = writer();
    w.add_native(NativeEntry {
        name: "lib.so".into(),
        soname: Some("lib.so".into()),
        needed: Vec::new(),
        extension: false,
        content: Content::External {
            path: "lib/lib.so".into(),
            length: 5,
        },
    })
    .unwrap();
    let bytes = w.layout().unwrap().to_bytes();
    let blob = Blob::open(&bytes).unwrap();
    blob.validate().unwrap();
    let data = blob
        .natives()
        .find("lib.so")
        .unwrap()
        .unwrap()
        .data()
        .unwrap();
    assert_eq!(data.relative_path(), Some("lib/lib.so"));
    assert_eq!(data.stored_len(), 0);
    assert!(bytes.len() < 65_536, "no page was begun");
}

/// Two records of a key that is no list: which one counts must not be a question.
#[test]
fn a_key_twice() {
    let mut w = writer();
    w.set_run_config(RunOptions {
        optimize: 2,
        exit: oxidize_format::Exit::Fast,
        ..RunOptions::default()
    });
    let mut bytes = w.layout().unwrap().to_bytes();
    let blob = Blob::open(&bytes).unwrap();
    let config = blob.section(oxidize_format::SectionKind::RunConfig);
    assert_eq!(config.length, 32, "optimize and exit");
    let exit = config.offset as usize + 16;
    assert_eq!(bytes[exit], 18);
    bytes[exit] = 17;
    let blob = Blob::open(&bytes).unwrap();
    let error = blob.run_config().unwrap_err();
    assert!(matches!(error, Error::BadValue { .. }), "{error}");
    assert_eq!(error.offset(), exit as u64);
}

/// Three levels of 30,000 letters: each name is fine, the path is too long.
#[test]
fn a_path_too_long_for_the_format() {
    let name = "x".repeat(30_000);
    let mut w = writer();
    w.add_file(&format!("/~oxidize/{name}/{name}/y"), file(b""))
        .unwrap();
    let mut bytes = w.layout().unwrap().to_bytes();
    let blob = Blob::open(&bytes).unwrap();
    blob.validate().unwrap();
    let tree = blob.section(oxidize_format::SectionKind::Tree).offset as usize;
    bytes.copy_within(tree + 24..tree + 32, tree + 3 * 24);
    let blob = Blob::open(&bytes).unwrap();
    let error = blob.validate().unwrap_err();
    assert_eq!(error.structure(), oxidize_format::Structure::Tree);
    assert_eq!(error.offset(), (tree + 3 * 24) as u64);
    let deepest = blob.tree().get(3).unwrap();
    assert!(matches!(deepest.path(), Err(Error::BadValue { .. })));

    let mut w = writer();
    let error = w.add_file(&format!("/~oxidize/{name}/{name}/{name}"), file(b""));
    assert!(matches!(error, Err(WriteError::BadName { .. })));
}

/// Long strings that a thousand records share: 64 MiB of names out of 65,000 bytes.
#[test]
fn names_out_of_proportion() {
    let long = "x".repeat(65_000);
    let with = |count: usize| {
        let mut w = writer();
        let mut needed = vec!["short".to_owned(); 200];
        needed.extend(vec![long.clone(); count]);
        w.add_native(NativeEntry {
            name: "lib".into(),
            soname: None,
            needed,
            extension: false,
            content: Content::plain(b"x".to_vec()),
        })
        .unwrap();
        w.layout().map(|layout| layout.to_bytes())
    };
    assert!(matches!(with(1100), Err(WriteError::TooLarge { .. })));
    let mut bytes = with(1000).unwrap();
    let blob = Blob::open(&bytes).unwrap();
    blob.validate().unwrap();
    let needed = blob.section(SectionKind::Needed).offset as usize;
    for short in 0..200 {
        bytes.copy_within(needed + 200 * 8..needed + 201 * 8, needed + short * 8);
    }
    let blob = Blob::open(&bytes).unwrap();
    let error = blob.check_proportion().unwrap_err();
    assert_eq!(error.structure(), Structure::Needed);
    assert_eq!(blob.validate().unwrap_err(), error);
}

/// A name counts for each record that leads to it, and not only where it stands.
#[test]
fn names_behind_other_records_count() {
    let mut w = writer();
    w.add_native(NativeEntry {
        name: "x".repeat(65_000),
        soname: None,
        needed: Vec::new(),
        extension: true,
        content: Content::plain(b"x".to_vec()),
    })
    .unwrap();
    for number in 0..1100 {
        let mut module = module(&format!("m{number}"));
        module.native = Some("x".repeat(65_000));
        w.add_module(module).unwrap();
    }
    assert!(matches!(w.layout(), Err(WriteError::TooLarge { .. })));
}

/// A thousand files at the end of a long path.
#[test]
fn paths_out_of_proportion() {
    let above = format!("/~oxidize/{}", "x".repeat(65_000));
    let with = |count: usize| {
        let mut w = writer();
        for number in 0..count {
            w.add_file(&format!("{above}/{number}"), file(b"")).unwrap();
        }
        for number in 0..200 {
            w.add_file(&format!("/~oxidize/{number}"), file(b""))
                .unwrap();
        }
        w.layout().map(|layout| layout.to_bytes())
    };
    assert!(matches!(with(1100), Err(WriteError::TooLarge { .. })));
    let mut bytes = with(1000).unwrap();
    let blob = Blob::open(&bytes).unwrap();
    blob.validate().unwrap();
    let tree = blob.section(SectionKind::Tree).offset as usize;
    let parent = blob.tree().find(&above).unwrap().unwrap().index();
    for index in 1..parent as usize {
        let at = tree + index * 24 + 8;
        bytes[at..at + 4].copy_from_slice(&parent.to_le_bytes());
    }
    // A parent behind its child names nothing.
    let blob = Blob::open(&bytes).unwrap();
    blob.check_proportion().unwrap();
    let last = blob.tree().len() as usize - 1;
    let child = tree + last * 24;
    for index in parent as usize + 1..parent as usize + 100 {
        bytes.copy_within(child..child + 24, tree + index * 24);
        // With the long name once more.
        let long = tree + parent as usize * 24;
        bytes.copy_within(long..long + 8, tree + index * 24);
    }
    let blob = Blob::open(&bytes).unwrap();
    let error = blob.check_proportion().unwrap_err();
    assert_eq!(error.structure(), Structure::Tree);
    assert!(matches!(error, Error::NotCanonical { .. }));
}
