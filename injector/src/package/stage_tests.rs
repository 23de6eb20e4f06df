//! The seams between the stages: several roots, a program written again, several files at once.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use oxidize_format::{Blob, RunOptions};
use tempfile::TempDir;

use super::collected::Collected;
use super::packed::Packed;
use super::root::Root;
use super::site::Site;
use super::staged::Staged;
use super::toolchain::Toolchain;
use super::{Findings, PackageError, Request};
use crate::cache::Cache;
use crate::collect::WalkOptions;
use crate::collect::walk;
use crate::container;
use crate::container::InjectOptions;
use crate::container::elf::synthetic;
use crate::output::OutputError;
use crate::pack::PackOptions;
use crate::pack::{self, Input, Part, PartFile, Payload};
use crate::progress::Silent;
use crate::python::{self, Python};
use crate::stubs::{Finder, Sources, Stub};

/// A stub with a slot and no code, and a standard library of one module, `json`.
fn workshop() -> TempDir {
    workshop_of(Python::OWN)
}

fn workshop_of(python: Python) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let stub = synthetic::build(&synthetic::Shape {
        python: (python.hex(), python.bytecode_magic()),
        ..synthetic::Shape::default()
    });
    fs::write(dir.path().join("stub"), stub).unwrap();
    let name = format!("cpython-{python}-stdlib.tar.zst");
    let archive = File::create(dir.path().join(name)).unwrap();
    let mut tar = tar::Builder::new(zstd::Encoder::new(archive, 1).unwrap().auto_finish());
    let mut header = tar::Header::new_ustar();
    header.set_size(0);
    let path = format!("python/install/lib/python{}/json.py", python.short());
    tar.append_data(&mut header, path, &b""[..]).unwrap();
    tar.finish().unwrap();
    drop(tar);
    dir
}

fn with_stub<T>(dir: &Path, work: impl FnOnce(&Stub, &Cache, &Finder<'_>) -> T) -> T {
    let cache = Cache::at(&dir.join("cache")).unwrap();
    let (sources, quiet) = (Sources::default(), Silent);
    let finder = Finder::new(&cache, &sources, &quiet);
    let stub = finder.find(Some(&dir.join("stub")), None).unwrap();
    work(&stub, &cache, &finder)
}

fn root(dir: &Path, prefix: &str, files: &[&str]) -> Root {
    let directory = dir.join(prefix.trim_start_matches('/'));
    for file in files {
        let path = directory.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    let tree = walk::walk(&directory, &WalkOptions::default()).unwrap();
    let target = oxidize_format::Target::X86_64_LINUX_GNU;
    Root::searched(prefix, tree, target, Python::OWN, &mut Findings::default()).unwrap()
}

#[test]
fn roots_share_one_search_path_and_keep_their_places() {
    let dir = workshop();
    let application = root(dir.path(), python::APP_ROOT, &["__main__.py", "six.py"]);
    let files = [
        "six.py",
        "json.py",
        "click/__init__.py",
        "d-1.dist-info/METADATA",
    ];
    let mut packages = root(dir.path(), "/~oxidize/site", &files);
    fs::write(packages.tree.files[1].on_disk.clone(), "Name: d\n").unwrap();
    packages.distributions = crate::collect::metadata::distributions(&packages.tree).unwrap();
    with_stub(dir.path(), |stub, cache, finder| {
        let tools = Toolchain::new(stub, cache, finder).unwrap();
        let (request, found) = (Request::default(), Findings::default());
        let roots = vec![application, packages];
        let mut roots = roots;
        let application = roots.remove(0);
        let site = Site {
            roots,
            ..Site::default()
        };
        let collected = Collected::of(&request, &tools, application, site, found).unwrap();
        let mut places = Vec::new();
        let mut distributions = Vec::new();
        for root in collected.roots {
            let (part, _, metadata) = root.into_part(stub.target).unwrap();
            let files = part.modules.iter().filter_map(|module| module.file.clone());
            places.extend(files.map(|file| part.virtual_path(&file)));
            distributions.extend(metadata.into_iter().map(|found| found.directory));
        }
        assert_eq!(
            places,
            [
                "/~oxidize/app/__main__.py",
                "/~oxidize/app/six.py",
                "/~oxidize/site/click/__init__.py"
            ]
        );
        assert_eq!(distributions, ["/~oxidize/site/d-1.dist-info"]);
        assert!(
            collected
                .library
                .modules
                .iter()
                .any(|module| module.name == "json")
        );
    });
}

fn input() -> Input<'static> {
    let file = PartFile {
        payload: Payload::Bytes(b"x".repeat(70_000).into()),
        executable: false,
    };
    Input {
        python: Python::OWN,
        target: oxidize_format::Target::X86_64_LINUX_GNU,
        config: RunOptions::default(),
        parts: vec![Part {
            root: python::APP_ROOT.to_owned(),
            directories: Vec::new(),
            files: BTreeMap::from([("data".to_owned(), file)]),
            modules: Vec::new(),
            code: BTreeMap::new(),
            blocks: BTreeMap::new(),
            frames: BTreeMap::new(),
            placed: std::collections::BTreeSet::new(),
        }],
        natives: Vec::new(),
        distributions: Vec::new(),
        licenses: None,
        script: None,
    }
}

fn packed<T>(dir: &Path, work: impl FnOnce(&Packed<'_>) -> T) -> T {
    let (input, quiet) = (input(), Silent);
    let options = PackOptions {
        optimize: 0,
        sources: true,
        compress: pack::Compress::Nothing,
    };
    with_stub(dir, |stub, _, _| {
        work(&Packed {
            stub,
            layout: pack::pack(&input, options, &quiet).unwrap(),
            injection: InjectOptions::default(),
        })
    })
}

/// One injector packages every Python that a stub brings along.
#[test]
fn a_stub_says_which_python_is_packaged() {
    let old = Python::of(0x030b_02f0, 3495);
    let dir = workshop_of(old);
    let application = root(dir.path(), python::APP_ROOT, &["__main__.py"]);
    with_stub(dir.path(), |stub, cache, finder| {
        assert_eq!(stub.slot.python, old);
        let tools = Toolchain::new(stub, cache, finder).unwrap();
        let (request, found) = (Request::default(), Findings::default());
        let collected =
            Collected::of(&request, &tools, application, Site::default(), found).unwrap();
        assert_eq!(collected.library.root, "/~oxidize/lib/python3.11");
        let input = Input {
            python: tools.python(),
            parts: vec![collected.library],
            ..input()
        };
        let options = PackOptions {
            optimize: 0,
            sources: true,
            compress: pack::Compress::Nothing,
        };
        let packed = Packed {
            stub,
            layout: pack::pack(&input, options, &Silent).unwrap(),
            injection: InjectOptions::default(),
        };
        let program = published(&packed, &dir.path().join("program"));
        let blob = container::extract(&program).unwrap().expect("it is in");
        let (start, end) = (blob.start as usize, blob.end as usize);
        let header = *Blob::open(&program[start..end]).unwrap().header();
        assert_eq!(header.py_version_hex, 0x030b_02f0);
        assert_eq!(header.bytecode_magic, 3495);
    });
}

fn published(packed: &Packed<'_>, path: &Path) -> Vec<u8> {
    let quiet = Silent;
    let mut staged = Staged::default();
    staged.add(packed.write(path, &quiet).unwrap());
    staged.publish(&quiet).unwrap();
    fs::read(path).unwrap()
}

#[test]
fn what_is_packed_can_be_written_and_read_and_written_again() {
    let dir = workshop();
    packed(dir.path(), |packed| {
        let first = published(packed, &dir.path().join("first"));
        let blob = container::extract(&first).unwrap().expect("it is in");
        assert_eq!(blob.end - blob.start, packed.blob_len());
        assert!(first == published(packed, &dir.path().join("second")));
    });
}

#[test]
fn several_files_take_their_places_together_or_leave_no_trace() {
    let dir = workshop();
    let paths: Vec<PathBuf> = ["one", "two"].map(|name| dir.path().join(name)).to_vec();
    packed(dir.path(), |packed| {
        let quiet = Silent;
        let mut staged = Staged::default();
        for path in &paths {
            staged.add(packed.write(path, &quiet).unwrap());
        }
        assert!(!paths.iter().any(|path| path.exists()));
        drop(staged);
        assert!(!paths.iter().any(|path| path.exists()));
        let mut staged = Staged::default();
        for path in &paths {
            staged.add(packed.write(path, &quiet).unwrap());
        }
        staged.publish(&quiet).unwrap();
        assert!(paths.iter().all(|path| path.is_file()));
    });
}

#[test]
fn a_second_program_that_cannot_be_written_leaves_the_first_unpublished() {
    let dir = workshop();
    let first = dir.path().join("one");
    packed(dir.path(), |packed| {
        let quiet = Silent;
        let both = || -> Result<(), PackageError> {
            let mut staged = Staged::default();
            staged.add(packed.write(&first, &quiet)?);
            let nowhere = dir.path().join("nowhere/two");
            staged.add(packed.write(&nowhere, &quiet)?);
            staged.publish(&quiet)
        };
        let error = both().unwrap_err();
        assert!(matches!(
            error,
            PackageError::Output(OutputError::Create { .. })
        ));
        assert!(!first.exists());
    });
}
