//! Reading happens in place: no allocation up to and including the first lookup, and work that
//! does not grow with the blob.

mod common;

use allocation_counter::measure;
use common::{everything, fields, file};
use oxidize_format::{Blob, Content, ModuleEntry, ModuleKind, Writer};

#[test]
fn lookups_do_not_allocate() {
    let bytes = everything().layout().unwrap().to_bytes();
    let counted = measure(|| {
        let blob = Blob::open(&bytes).unwrap();
        let config = blob.run_config().unwrap();
        assert_eq!(config.warn_options().count(), 2);
        let module = blob.modules().find("pkg.cli").unwrap().unwrap();
        assert_eq!(module.file(), Some("/~oxidize/app/pkg/cli.py"));
        let code = module.bytecode(0).unwrap().unwrap();
        assert_eq!(&*code.read().unwrap(), b"code-0 of pkg.cli");
        let package = blob.modules().find("pkg").unwrap().unwrap();
        assert_eq!(package.directory(), Some("/~oxidize/app/pkg"));
        assert!(blob.modules().find("absent").unwrap().is_none());
        let words = blob.tree().find("/~oxidize/app/pkg/data/words.txt");
        assert_eq!(words.unwrap().unwrap().len().unwrap(), 8);
        let children = blob.tree().find("/~oxidize/app").unwrap().unwrap();
        assert_eq!(children.children().count(), 6);
        assert!(blob.natives().find("libz-1.so").unwrap().is_some());
        assert!(blob.distributions().find("pkg").unwrap().is_some());
    });
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

/// What a lookup hands out are the blob's own bytes.
#[test]
fn slices_are_borrowed() {
    let bytes = everything().layout().unwrap().to_bytes();
    let inside = |slice: &[u8]| bytes.as_ptr_range().contains(&slice.as_ptr());
    let module = {
        let blob = Blob::open(&bytes).unwrap();
        blob.modules().find("pkg").unwrap().unwrap()
    };
    // The Blob is gone, what it gave lives on.
    assert!(inside(module.name().as_bytes()));
    assert!(inside(module.file().unwrap().as_bytes()));
    assert!(inside(module.directory().unwrap().as_bytes()));
    let code = module.bytecode(0).unwrap().unwrap();
    assert!(inside(code.stored_bytes().unwrap()));
    assert!(matches!(
        code.read().unwrap(),
        std::borrow::Cow::Borrowed(_)
    ));
}

/// Decoding allocates for the content and the decoder's window, not for a claim.
#[test]
fn decoding_allocates_in_proportion() {
    let content = vec![b'x'; 200];
    let mut w = Writer::new(fields());
    let mut entry = file(b"");
    entry.content = Content::zstd(common::zstd_raw(&content), 200);
    w.add_file("/~oxidize/a", entry).unwrap();
    let bytes = w.layout().unwrap().to_bytes();
    let blob = Blob::open(&bytes).unwrap();
    let data = blob.data(0).unwrap();
    let counted = measure(|| {
        assert!(*data.read().unwrap() == content);
    });
    assert!(counted.bytes_max < 1 << 20, "{counted:?}");

    // A frame that claims an exbibyte is refused before anything is held for it.
    let mut liar = bytes.clone();
    let record = blob.section(oxidize_format::SectionKind::DataTable).offset as usize;
    liar[record + 16..record + 24].copy_from_slice(&(1_u64 << 60).to_le_bytes());
    let blob = Blob::open(&liar).unwrap();
    let data = blob.data(0).unwrap();
    let counted = measure(|| assert!(data.read().is_err()));
    assert!(counted.bytes_max < 1 << 16, "{counted:?}");
}

/// Ten thousand modules, each found, and levels below a package skipped.
#[test]
fn many_modules() {
    let mut w = Writer::<Vec<u8>>::new(fields());
    let names: Vec<String> = (0..10_000)
        .map(|i| format!("p{}.q{}.m{i}", i % 10, i % 100))
        .collect();
    for name in &names {
        w.add_module(ModuleEntry::new(name, ModuleKind::Module))
            .unwrap();
    }
    let bytes = w.layout().unwrap().to_bytes();
    let blob = Blob::open(&bytes).unwrap();
    for name in &names {
        let module = blob.modules().find(name).unwrap().unwrap();
        assert_eq!(module.name(), name);
        assert_eq!(blob.modules().get(module.index()).unwrap().name(), name);
    }
    assert_eq!(blob.modules().children_of("p3").count(), 0);
    assert_eq!(blob.modules().children_of("p3.q13").count(), 100);
    assert_eq!(blob.modules().children_of("").count(), 0);
}
