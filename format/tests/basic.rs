//! The reader finds what the writer was given.

mod common;

use common::{everything, fields};
use oxidize_format::{Blob, Compression, Entry, ModuleKind, Target, Writer};

#[test]
fn empty_blob() {
    let bytes = Writer::<Vec<u8>>::new(fields())
        .layout()
        .unwrap()
        .to_bytes();
    let blob = Blob::open(&bytes).unwrap();
    blob.validate().unwrap();
    blob.verify_digest().unwrap();
    assert_eq!(blob.modules().len(), 0);
    assert_eq!(blob.target().unwrap(), Target::X86_64_LINUX_GNU.triple());
    assert_eq!(blob.run_config().unwrap().entry, Entry::None);
    assert_eq!(blob.tree().root().unwrap().name(), "/~oxidize");
    assert!(blob.modules().find("a").unwrap().is_none());
    assert!(blob.snapshot().unwrap().is_none());
}

#[test]
fn one_of_everything() {
    let layout = everything().layout().unwrap();
    let bytes = layout.to_bytes();
    assert_eq!(bytes.len() as u64, layout.len());
    let blob = Blob::open(&bytes).unwrap();
    blob.validate().unwrap();
    blob.verify_digest().unwrap();
    blob.verify_data().unwrap();

    let config = blob.run_config().unwrap();
    let entry = Entry::Function {
        module: "pkg.cli",
        function: "main",
    };
    assert_eq!(config.entry, entry);
    assert_eq!(config.optimize, 1);
    assert!(!config.ca_bundle_probe && config.install_signal_handlers);
    assert_eq!(config.warn_options().count(), 2);
    assert_eq!(config.environment().next(), Some(("LANG", "C.UTF-8")));

    let package = blob.modules().find("pkg").unwrap().unwrap();
    assert_eq!(package.kind(), ModuleKind::Package);
    assert_eq!(package.file(), Some("/~oxidize/app/pkg/__init__.py"));
    assert_eq!(package.directory(), Some("/~oxidize/app/pkg"));
    let source = package.source().unwrap().unwrap();
    assert_eq!(&*source.read().unwrap(), b"# package\n");
    let node = package.node().unwrap().unwrap();
    assert_eq!(node.data().unwrap().unwrap().index(), source.index());
    assert_eq!(node.path().unwrap(), "/~oxidize/app/pkg/__init__.py");
    let code = package.bytecode(1).unwrap().unwrap();
    assert_eq!(code.stored_bytes().unwrap(), b"code-1 of pkg");
    assert_eq!(code.offset() % 16, 0);
    assert!(package.bytecode(2).unwrap().is_none());
    assert!(package.bytecode(3).unwrap().is_none());

    let cli = blob.modules().find("pkg.cli").unwrap().unwrap();
    assert_eq!(cli.bytecode(0).unwrap().unwrap().index(), 0, "hot order");
    assert!(!cli.shows_source());

    let fast = blob.modules().find("pkg._fast").unwrap().unwrap();
    let native = fast.native().unwrap().unwrap();
    assert!(native.is_extension());
    assert_eq!(native.data().unwrap().offset() % 65536, 0);
    let needed: Vec<_> = native.needed().collect::<Result<_, _>>().unwrap();
    assert_eq!(needed, ["libz-1.so", "libc.so.6"]);
    let library = blob.natives().find("libz-1.so").unwrap().unwrap();
    assert!(!library.is_extension());
    assert!(blob.natives().find("libc.so.6").unwrap().is_none());

    let names = |package| -> Vec<&str> {
        let children = blob.modules().children_of(package);
        children.map(|module| module.unwrap().name()).collect()
    };
    assert_eq!(names("pkg"), ["pkg._fast", "pkg.cli"]);
    assert_eq!(names(""), ["hidden", "ns", "pkg"]);

    let namespace = blob.modules().find("ns").unwrap().unwrap();
    assert_eq!(namespace.file(), None);
    assert_eq!(namespace.directory(), Some("/~oxidize/app/ns"));
    assert!(namespace.node().unwrap().unwrap().is_dir());

    let script = blob.tree().find("/~oxidize/app/bin/run").unwrap().unwrap();
    assert!(script.is_executable());
    let data = script.data().unwrap().unwrap();
    assert_eq!(data.compression(), Compression::Zstd);
    assert_eq!(&*data.read().unwrap(), b"#!/bin/sh\n");
    let mut target = [0; 10];
    data.read_into(&mut target).unwrap();
    assert_eq!(&target, b"#!/bin/sh\n");

    let big = blob.tree().find("/~oxidize/app/big.bin").unwrap().unwrap();
    let big = big.data().unwrap().unwrap();
    assert_eq!(big.relative_path(), Some("big/big.bin"));
    assert!(big.read().is_err());

    let distribution = blob.distributions().find("pkg").unwrap().unwrap();
    assert_eq!(distribution.name(), "Pkg");
    let directory = distribution.directory().unwrap();
    assert_eq!(directory.path().unwrap(), "/~oxidize/app/pkg-1.0.dist-info");
    assert!(directory.child("METADATA").unwrap().is_some());

    let snapshot = blob.snapshot().unwrap().unwrap();
    assert_eq!(snapshot.stored_bytes().unwrap(), b"heap");
    assert_eq!(snapshot.offset() % 65536, 0);
    assert_eq!(
        &*blob.licenses().unwrap().unwrap().read().unwrap(),
        b"MIT\n"
    );
}

#[test]
fn a_blob_taken_apart_goes_together_again() {
    let bytes = everything().layout().unwrap().to_bytes();
    let blob = Blob::open(&bytes).unwrap();
    let again = Writer::from_blob(&blob).unwrap().layout().unwrap();
    assert!(again.to_bytes() == bytes);
}
