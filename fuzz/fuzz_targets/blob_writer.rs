//! Claims: whatever a writer accepts, the reader finds valid and takes apart into the same
//! bytes again. And a valid blob with a few words changed does not make the reader panic; if
//! it is still valid, it is written back equal.

#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use oxidize_format::{
    Blob, Content, DistributionEntry, FileEntry, HeaderFields, ModuleEntry, ModuleKind,
    NativeEntry, RunOptions, WriteError, Writer, dump,
};

#[derive(Debug, Arbitrary)]
struct Input {
    root: Option<String>,
    target: String,
    config: Config,
    entries: Vec<Entry>,
    hot: Vec<(String, u8)>,
    patches: Vec<(u16, u32)>,
}

#[derive(Debug, Arbitrary)]
struct Config {
    module: Option<String>,
    function: Option<String>,
    script: Option<String>,
    optimize: u8,
    utf8_mode: Option<bool>,
    hash_seed: Option<u32>,
    warn_options: Vec<String>,
    environment: Vec<(String, String)>,
    flags: u8,
}

/// Names are drawn from a few components, so that entries meet.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Part {
    A,
    B,
    Dash,
    Init,
    Wide,
}

#[derive(Debug, Arbitrary)]
struct Name(Part, Option<Part>, Option<Part>);

impl Name {
    fn join(&self, separator: &str) -> String {
        let parts = [Some(self.0), self.1, self.2].into_iter().flatten();
        let text = parts.map(|part| match part {
            Part::A => "a",
            Part::B => "b",
            Part::Dash => "a-",
            Part::Init => "__init__",
            Part::Wide => "\u{fc}\u{1f40d}",
        });
        text.collect::<Vec<_>>().join(separator)
    }
}

#[derive(Debug, Arbitrary)]
enum Bytes {
    Plain(Vec<u8>),
    Zstd(Vec<u8>, u64),
    Lz4(Vec<u8>, u64),
    External(String, u64),
    File(Name),
}

#[derive(Debug, Arbitrary)]
enum Entry {
    File(Name, Bytes, bool),
    Directory(Name),
    Module {
        name: Name,
        kind: u8,
        path: Option<Name>,
        source: Option<Bytes>,
        code: [Option<Bytes>; 3],
        native: Option<Name>,
        show: bool,
    },
    Native {
        name: Name,
        soname: Option<Name>,
        needed: Vec<Name>,
        extension: bool,
        bytes: Bytes,
    },
    Distribution(Name, String, String, Name),
    Snapshot(Bytes),
    Licenses(Bytes),
}

struct Builder {
    root: String,
    writer: Writer<Vec<u8>>,
}

impl Builder {
    fn path(&self, name: &Name) -> String {
        format!("{}/{}", self.root, name.join("/"))
    }

    fn content(&self, bytes: Bytes) -> Content<Vec<u8>> {
        match bytes {
            Bytes::Plain(bytes) => Content::plain(bytes),
            Bytes::Zstd(bytes, length) => Content::zstd(bytes, length),
            Bytes::Lz4(bytes, length) => Content::lz4(bytes, length),
            Bytes::External(path, length) => Content::External { path, length },
            Bytes::File(name) => Content::File(self.path(&name)),
        }
    }

    fn add(&mut self, entry: Entry) -> Result<(), WriteError> {
        match entry {
            Entry::File(name, bytes, executable) => {
                let content = self.content(bytes);
                let file = FileEntry {
                    content,
                    executable,
                };
                let path = self.path(&name);
                self.writer.add_file(&path, file)
            }
            Entry::Directory(name) => {
                let path = self.path(&name);
                self.writer.add_directory(&path)
            }
            Entry::Module {
                name,
                kind,
                path,
                source,
                code,
                native,
                show,
            } => {
                let kind = match kind % 3 {
                    0 => ModuleKind::Module,
                    1 => ModuleKind::Package,
                    _ => ModuleKind::Namespace,
                };
                let mut module = ModuleEntry::new(name.join("."), kind);
                module.path = path.map(|path| self.path(&path));
                module.source = source.map(|bytes| self.content(bytes));
                module.bytecode = code.map(|code| code.map(|bytes| self.content(bytes)));
                module.native = native.map(|name| name.join("."));
                module.show_source = show;
                self.writer.add_module(module)
            }
            Entry::Native {
                name,
                soname,
                needed,
                extension,
                bytes,
            } => {
                let content = self.content(bytes);
                self.writer.add_native(NativeEntry {
                    name: name.join("."),
                    soname: soname.map(|soname| soname.join("-")),
                    needed: needed.iter().map(|name| name.join("-")).collect(),
                    extension,
                    content,
                })
            }
            Entry::Distribution(normalised, name, version, directory) => {
                let directory = self.path(&directory);
                self.writer.add_distribution(DistributionEntry {
                    normalised: normalised.join("-"),
                    name,
                    version,
                    directory,
                })
            }
            Entry::Snapshot(bytes) => {
                let content = self.content(bytes);
                self.writer.set_snapshot(content)
            }
            Entry::Licenses(bytes) => {
                let content = self.content(bytes);
                self.writer.set_licenses(content)
            }
        }
    }
}

fn options(config: Config) -> RunOptions {
    let on = |bit: u8| config.flags >> bit & 1 != 0;
    RunOptions {
        entry_module: config.module,
        entry_function: config.function,
        entry_script: config.script,
        optimize: config.optimize % 4,
        utf8_mode: config.utf8_mode,
        hash_seed: config.hash_seed,
        warn_options: config.warn_options,
        environment: config.environment,
        site: on(0),
        dev_mode: on(1),
        install_signal_handlers: on(2),
        ca_bundle_probe: on(3),
        check_at_start: on(4),
        ..RunOptions::default()
    }
}

fuzz_target!(|input: Input| {
    let root = input.root.unwrap_or_else(|| "/~oxidize".to_owned());
    let mut builder = Builder {
        writer: Writer::new(HeaderFields {
            py_version_hex: 0x030d_0ff0,
            bytecode_magic: 1,
            stub_abi: 1,
            target: input.target,
            root: root.clone(),
        }),
        root,
    };
    builder.writer.set_run_config(options(input.config));
    builder.writer.set_hot_order(input.hot);
    for entry in input.entries {
        let _ = builder.add(entry); // what it refuses is left out
    }
    let Ok(layout) = builder.writer.layout() else {
        return;
    };
    let mut bytes = layout.to_bytes();
    assert_eq!(bytes.len() as u64, layout.len());
    let blob = Blob::open(&bytes).expect("what was written can be opened");
    blob.validate().expect("what was written is valid");
    blob.verify_digest().expect("the digest is right");
    dump(&blob).expect("what was written can be shown");
    assert!(rebuild(&blob) == bytes, "taken apart and written again");

    // Now break it. Patches aim at the tables; data far behind them is not interesting.
    let tables = bytes.len().min(8 * 1024) as u32;
    for (at, word) in input.patches.into_iter().take(4) {
        let at = (u32::from(at) % (tables / 4) * 4) as usize;
        bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
    }
    let Ok(blob) = Blob::open(&bytes) else { return };
    let _ = dump(&blob);
    let _ = blob.verify_data();
    if blob.validate().is_ok() {
        let mut again = rebuild(&blob);
        again[64..96].copy_from_slice(&blob.bytes()[64..96]);
        assert!(again == blob.bytes(), "a valid blob is written back equal");
    }
});

fn rebuild(blob: &Blob<'_>) -> Vec<u8> {
    let writer = Writer::from_blob(blob).expect("a valid blob can be taken apart");
    let layout = writer
        .layout()
        .expect("a valid blob's content has a layout");
    layout.to_bytes()
}
