//! Claim: whatever the bytes, the reader does not panic, does not allocate out of proportion, and a
//! walk from the root meets each node of the tree at most once; and what `validate` accepts, the
//! writer writes back to the same bytes.

#![no_main]

#[path = "capped.rs"]
mod capped;

use libfuzzer_sys::fuzz_target;
use oxidize_format::{Blob, Data, Error, Writer};

/// Bytes of memory allowed per byte of input: an LZ4 block decodes to at most 255 times its size.
const PER_BYTE: usize = 255 + 64;
/// Bytes allowed besides: a zstd decoder's working memory (98,047 sequences of 12 bytes, a
/// window with 256 KiB of slack, tables) and the first steps of hash tables.
const BASE: usize = 4 << 20;

fuzz_target!(|bytes: &[u8]| {
    capped::limit(bytes.len() * PER_BYTE + BASE);
    // Errors are fine; panics and memory are what is watched.
    let _ = read_everything(bytes);
    if let Ok(blob) = Blob::open(bytes)
        && blob.validate().is_ok()
    {
        // A writer holds whole paths, which a deep tree of long equal names multiplies.
        capped::limit(usize::MAX);
        let writer = Writer::from_blob(&blob).expect("a valid blob can be taken apart");
        let mut again = writer
            .layout()
            .expect("a valid blob's content has a layout")
            .to_bytes();
        // The digest is a statement about the bytes, not one of them.
        again[64..96].copy_from_slice(&blob.bytes()[64..96]);
        assert!(again == blob.bytes(), "a valid blob is written back equal");
    }
});

/// Every call the reader has, on everything it hands out.
fn read_everything(bytes: &[u8]) -> Result<(), Error> {
    let blob = Blob::open(bytes)?;
    let _ = blob.target();
    let _ = blob.verify_digest();
    if let Ok(config) = blob.run_config() {
        let _ = config.warn_options().count() + config.x_options().count();
        let _ = config.sys_path().count() + config.environment().count();
        let _ = config.placed().count() + config.named_entries().count();
    }
    let valid = blob.validate().is_ok();
    let _ = blob.modules().find("pkg.cli");
    let _ = blob.modules().children_of("pkg").take(100).count();
    for module in blob.modules().iter().flatten().take(200) {
        let found = blob.modules().find(module.name());
        if valid {
            let found = found.expect("no damage").expect("present");
            assert_eq!(found.index(), module.index());
        }
        let _ = (module.file(), module.directory(), module.node());
        let _ = module.native();
        read(module.source());
        (0..4).for_each(|level| read(module.bytecode(level)));
    }
    let _ = blob.tree().find("/~oxidize/app/pkg/data/words.txt");
    for index in 0..blob.tree().len().min(200) {
        if let Ok(node) = blob.tree().get(index) {
            let _ = (node.len(), node.parent(), node.child("a"));
            let _ = node.children().take(100).count();
            let _ = node.path().map(|path| blob.tree().find(&path).map(drop));
            read(node.data());
        }
    }
    let mut met = 0;
    let mut open: Vec<_> = blob.tree().root().into_iter().collect();
    while let Some(node) = open.pop() {
        met += 1;
        assert!(met <= blob.tree().len(), "a node is met twice");
        open.extend(node.children().flatten());
    }
    let _ = blob.natives().find("libz-1.so");
    for native in blob.natives().iter().flatten().take(200) {
        let _ = (native.node(), native.needed().take(100).count());
        read(native.data().map(Some));
    }
    let _ = blob.distributions().find("pkg");
    for entry in blob.distributions().iter().flatten().take(200) {
        let _ = entry.directory();
    }
    read(blob.snapshot());
    read(blob.licenses());
    Ok(())
}

/// Reads data that is short enough to fit the cap; longer claims are only verified, which
/// holds no more than a zstd window or an LZ4 block's content.
fn read(data: Result<Option<Data<'_>>, Error>) {
    let Ok(Some(data)) = data else { return };
    if data.len() <= 64 * 1024 {
        let owned = data.read();
        let mut target = vec![0; data.len() as usize];
        let into = data.read_into(&mut target);
        assert_eq!(owned.is_ok(), into.is_ok());
        if let Ok(owned) = owned {
            assert_eq!(owned.len() as u64, data.len());
            assert!(*owned == target[..]);
            data.verify().expect("what was read verifies");
        }
    } else if data.len() <= 256 * 1024 {
        let _ = data.verify();
    }
}
