//! Property tests against the obvious slow version: a map of everything that was added.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{everything, fields, lz4_raw, zstd_raw};
use oxidize_format::{
    Blob, Content, DistributionEntry, FileEntry, ModuleEntry, ModuleKind, NativeEntry, Writer,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

/// Few different letters, so that prefixes and neighbours of `.` and `/` meet often.
fn component() -> impl Strategy<Value = String> {
    "[ab\\-~é]{1,3}"
}

fn module_name() -> impl Strategy<Value = String> {
    vec(component(), 1..4).prop_map(|parts| parts.join("."))
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}

/// A file's content: stored, compressed, or outside the blob.
#[derive(Debug, Clone)]
enum Kind {
    Plain,
    Zstd,
    Lz4,
    External,
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Plain),
        Just(Kind::Zstd),
        Just(Kind::Lz4),
        Just(Kind::External)
    ]
}

/// What is put into a blob.
#[derive(Debug, Clone)]
struct Model {
    modules: BTreeMap<String, (Vec<u8>, u8)>,
    files: BTreeMap<String, (Vec<u8>, Kind)>,
    directories: BTreeSet<String>,
    natives: BTreeMap<String, (u8, Vec<u8>)>,
    distributions: BTreeSet<String>,
}

fn model() -> impl Strategy<Value = Model> {
    let path = || vec(component(), 1..4).prop_map(|parts| parts.join("/"));
    (
        btree_map(module_name(), (data(), 0..3_u8), 0..24),
        // Files end in ".f" and directories do not, so that they never collide.
        btree_map(path(), (data(), kind()), 0..24),
        btree_set(path(), 0..8),
        btree_map(component(), (0..3_u8, data()), 0..6),
        btree_set(component(), 0..6),
    )
        .prop_map(
            |(modules, files, directories, natives, distributions)| Model {
                modules,
                files: files
                    .into_iter()
                    .map(|(path, file)| (format!("/~oxidize/{path}.f"), file))
                    .collect(),
                directories: directories
                    .into_iter()
                    .map(|path| format!("/~oxidize/{path}"))
                    .collect(),
                natives,
                distributions,
            },
        )
}

impl Model {
    fn file(&self, path: &str) -> FileEntry<Vec<u8>> {
        let (bytes, kind) = &self.files[path];
        let length = bytes.len() as u64;
        FileEntry {
            content: match kind {
                Kind::Plain => Content::plain(bytes.clone()),
                Kind::Zstd => Content::zstd(zstd_raw(bytes), length),
                Kind::Lz4 => Content::lz4(lz4_raw(bytes), length),
                Kind::External => Content::External {
                    path: path.trim_start_matches('/').into(),
                    length,
                },
            },
            executable: length % 2 == 1,
        }
    }

    fn module(&self, name: &str) -> ModuleEntry<Vec<u8>> {
        let (code, level) = &self.modules[name];
        let mut module = ModuleEntry::new(name, ModuleKind::Package);
        module.bytecode[usize::from(*level)] = Some(Content::plain(code.clone()));
        module
    }

    /// Several images per soname: `name` is unique, the soname one of three.
    fn native(&self, name: &str) -> NativeEntry<Vec<u8>> {
        let (soname, bytes) = &self.natives[name];
        NativeEntry {
            name: name.into(),
            soname: (*soname > 0).then(|| format!("lib{soname}.so")),
            needed: vec![format!("lib{soname}.so"), "libc.so".into()],
            extension: *soname == 0,
            content: Content::zstd(zstd_raw(bytes), bytes.len() as u64),
        }
    }

    /// The blob, made in the order of the keys or backwards.
    fn blob(&self, backwards: bool) -> Vec<u8> {
        fn ordered<'k, V>(keys: impl DoubleEndedIterator<Item = V> + 'k, back: bool) -> Vec<V> {
            if back {
                keys.rev().collect()
            } else {
                keys.collect()
            }
        }
        let mut w = Writer::new(fields());
        for path in ordered(self.directories.iter(), backwards) {
            w.add_directory(path).unwrap();
        }
        for path in ordered(self.files.keys(), backwards) {
            w.add_file(path, self.file(path)).unwrap();
        }
        for name in ordered(self.modules.keys(), backwards) {
            w.add_module(self.module(name)).unwrap();
        }
        for name in ordered(self.natives.keys(), backwards) {
            w.add_native(self.native(name)).unwrap();
        }
        for name in ordered(self.distributions.iter(), backwards) {
            w.add_distribution(DistributionEntry {
                normalised: name.clone(),
                name: name.to_uppercase(),
                version: String::new(),
                directory: "/~oxidize".into(),
            })
            .unwrap();
        }
        w.layout().unwrap().to_bytes()
    }

    /// Every directory: those added and those above anything added.
    fn all_directories(&self) -> BTreeSet<String> {
        let mut all = self.directories.clone();
        all.insert("/~oxidize".into());
        for path in self.directories.iter().chain(self.files.keys()) {
            let mut path = path.as_str();
            while let Some((parent, _)) = path.rsplit_once('/') {
                if !parent.is_empty() {
                    all.insert(parent.into());
                }
                path = parent;
            }
        }
        all
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lookups_agree_with_maps(model in model(), probes in vec(module_name(), 16)) {
        let bytes = model.blob(false);
        let blob = Blob::open(&bytes).unwrap();
        blob.validate().unwrap();
        blob.verify_digest().unwrap();

        for name in model.modules.keys().chain(&probes) {
            let found = blob.modules().find(name).unwrap();
            prop_assert_eq!(found.is_some(), model.modules.contains_key(name));
            if let Some(module) = found {
                let (code, level) = &model.modules[name];
                prop_assert_eq!(module.name(), name);
                let data = module.bytecode(*level).unwrap().unwrap();
                prop_assert_eq!(data.stored_bytes().unwrap(), code.as_slice());
                prop_assert!(data.is_empty() || data.offset() % 16 == 0);
            }
        }
        for package in model.modules.keys().chain(&probes).map(String::as_str).chain([""]) {
            let prefix = if package.is_empty() { String::new() } else { format!("{package}.") };
            let expected: Vec<&str> = model.modules.keys()
                .filter_map(|name| name.strip_prefix(&prefix))
                .filter(|rest| !rest.contains('.'))
                .collect();
            let found: Vec<&str> = blob.modules().children_of(package)
                .map(|module| &module.unwrap().name()[prefix.len()..])
                .collect();
            prop_assert_eq!(found, expected);
        }
        let names: Vec<&str> = blob.modules().iter().map(|module| module.unwrap().name()).collect();
        prop_assert_eq!(names, model.modules.keys().map(String::as_str).collect::<Vec<_>>());
    }

    #[test]
    fn the_tree_agrees_with_a_map(model in model(), probes in vec(component(), 8)) {
        let bytes = model.blob(false);
        let blob = Blob::open(&bytes).unwrap();
        let directories = model.all_directories();
        for (path, (content, kind)) in &model.files {
            let node = blob.tree().find(path).unwrap().unwrap();
            prop_assert_eq!(&node.path().unwrap(), path);
            prop_assert_eq!(node.is_executable(), content.len() % 2 == 1);
            prop_assert_eq!(node.len().unwrap(), content.len() as u64);
            let data = node.data().unwrap().unwrap();
            match kind {
                Kind::External => prop_assert!(data.relative_path().is_some()),
                _ => prop_assert_eq!(&*data.read().unwrap(), content.as_slice()),
            }
        }
        for path in &directories {
            let node = blob.tree().find(path).unwrap().unwrap();
            prop_assert!(node.is_dir());
            let all = directories.iter().chain(model.files.keys());
            let expected: BTreeSet<&str> = all
                .filter_map(|other| other.strip_prefix(path)?.strip_prefix('/'))
                .filter(|rest| !rest.contains('/'))
                .collect();
            let found: Vec<&str> = node.children().map(|child| child.unwrap().name()).collect();
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
            for probe in &probes {
                let child = format!("{path}/{probe}");
                let there = directories.contains(&child) || model.files.contains_key(&child);
                prop_assert_eq!(blob.tree().find(&child).unwrap().is_some(), there);
            }
        }
        prop_assert_eq!(blob.tree().len() as usize, directories.len() + model.files.len());
        for odd in ["", "/", "/~oxidize/", "/~oxidizer", "~oxidize", "/~oxidize//a", "/~oxidize/a/"] {
            prop_assert!(blob.tree().find(odd).unwrap().is_none());
        }
    }

    #[test]
    fn images_and_distributions_agree_with_maps(model in model()) {
        let bytes = model.blob(false);
        let blob = Blob::open(&bytes).unwrap();
        for soname in 1..4_u8 {
            let expected: Vec<&str> = model.natives.iter()
                .filter(|(_, (other, _))| *other == soname)
                .map(|(name, _)| name.as_str())
                .collect();
            let soname = format!("lib{soname}.so");
            let found: Vec<&str> = blob.natives().all(&soname)
                .map(|native| native.unwrap().name())
                .collect();
            let first = blob.natives().find(&soname).unwrap().map(|native| native.name());
            prop_assert_eq!(first, expected.first().copied());
            prop_assert_eq!(found, expected);
        }
        for native in blob.natives().iter() {
            let native = native.unwrap();
            prop_assert_eq!(native.needed().count(), 2);
            let (_, bytes) = &model.natives[native.name()];
            prop_assert_eq!(&*native.data().unwrap().read().unwrap(), bytes.as_slice());
        }
        for name in &model.distributions {
            prop_assert!(blob.distributions().find(name).unwrap().is_some());
            let absent = format!("{name}x");
            prop_assert!(blob.distributions().find(&absent).unwrap().is_none());
        }
        prop_assert_eq!(blob.distributions().len() as usize, model.distributions.len());
    }

    #[test]
    fn the_order_of_adding_does_not_matter(model in model()) {
        prop_assert!(model.blob(false) == model.blob(true));
    }

    #[test]
    fn taken_apart_and_put_together(model in model()) {
        let bytes = model.blob(false);
        let blob = Blob::open(&bytes).unwrap();
        let again = Writer::from_blob(&blob).unwrap().layout().unwrap();
        prop_assert!(again.to_bytes() == bytes);
    }

    /// Any one word of a rich blob replaced by any other: an error or a sound answer, and
    /// what still validates is written back equal.
    #[test]
    fn one_word_changed(at in 0..2_420_usize, word in prop_oneof![
        any::<u32>(), 0..20_u32, Just(u32::MAX), Just(u32::MAX - 1), Just(1 << 31),
    ]) {
        let mut bytes = everything().layout().unwrap().to_bytes();
        bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        let Ok(blob) = Blob::open(&bytes) else { return Ok(()) };
        let _ = oxidize_format::dump(&blob);
        let _ = blob.verify_data();
        for module in blob.modules().iter().flatten() {
            let _ = blob.modules().find(module.name());
            let _ = blob.modules().children_of(module.name()).count();
        }
        for index in 0..blob.tree().len() {
            let _ = blob.tree().get(index).map(|node| node.path());
        }
        if blob.validate().is_ok() {
            let mut again = Writer::from_blob(&blob).unwrap().layout().unwrap().to_bytes();
            again[64..96].copy_from_slice(&bytes[64..96]);
            prop_assert!(again == blob.bytes());
        }
    }
}
