//! Which files are stored compressed.

use oxidize_format::{Blob, Compression, Piece};

use super::*;
use crate::progress::Silent;

const LONG: &str = "print('a line as many others')\n";

fn input(script: Option<&str>) -> Input<'static> {
    let text = LONG.repeat(100);
    let file = |name: &str| {
        let file = PartFile {
            payload: Payload::Bytes(text.clone().into_bytes().into()),
            executable: false,
        };
        (name.to_owned(), file)
    };
    let module = |name: &str| Module {
        name: name.to_owned(),
        kind: ModuleKind::Source,
        file: Some(format!("{name}.py")),
        directory: None,
    };
    let code = |name: &str| (name.to_owned(), Cow::Owned(vec![b'N'; 4000]));
    Input {
        python: Python::OWN,
        target: Target::X86_64_LINUX_GNU,
        config: RunOptions::default(),
        parts: vec![Part {
            root: python::APP_ROOT.to_owned(),
            directories: Vec::new(),
            files: ["broken.py", "data.txt", "main.py", "m.py"]
                .map(file)
                .into(),
            modules: ["broken", "m", "main"].map(module).into(),
            // `broken` does not compile: it is read from its source whenever it is imported.
            code: ["m", "main"].map(code).into(),
            blocks: BTreeMap::new(),
            frames: BTreeMap::new(),
            placed: std::collections::BTreeSet::new(),
        }],
        natives: Vec::new(),
        distributions: Vec::new(),
        licenses: None,
        script: script.map(str::to_owned),
    }
}

fn blob_of(input: &Input<'_>, compress: Compress) -> Vec<u8> {
    let options = PackOptions {
        optimize: 0,
        sources: true,
        compress,
    };
    let layout = pack(input, options, &Silent).unwrap();
    let mut bytes = Vec::new();
    for piece in layout.pieces() {
        match piece {
            Piece::Bytes(piece) => bytes.extend_from_slice(piece),
            Piece::Zeros(count) => bytes.resize(bytes.len() + count as usize, 0),
            Piece::Payload(payload) => bytes.extend_from_slice(&payload.bytes().unwrap()),
        }
    }
    Blob::open(&bytes).unwrap().validate().unwrap();
    bytes
}

/// The files that are stored compressed; each reads as what it was.
fn compressed_files(input: &Input<'_>, compress: Compress) -> Vec<String> {
    let bytes = blob_of(input, compress);
    let blob = Blob::open(&bytes).unwrap();
    let mut found = Vec::new();
    for (path, file) in &input.parts[0].files {
        let path = input.parts[0].virtual_path(path);
        let data = blob
            .tree()
            .find(&path)
            .unwrap()
            .unwrap()
            .data()
            .unwrap()
            .unwrap();
        assert_eq!(data.read().unwrap(), file.payload.bytes().unwrap());
        if data.compression() == Compression::Zstd {
            found.push(path.rsplit('/').next().unwrap().to_owned());
        }
    }
    found
}

#[test]
fn what_a_start_does_not_read_is_compressed() {
    let module = input(None);
    assert!(compressed_files(&module, Compress::Nothing).is_empty());
    assert_eq!(
        compressed_files(&module, Compress::Unread),
        ["m.py", "main.py"]
    );
    let all = ["broken.py", "data.txt", "m.py", "main.py"];
    assert_eq!(compressed_files(&module, Compress::All), all);
    // A script runs from its text.
    let script = input(Some("/~oxidize/app/main.py"));
    assert_eq!(compressed_files(&script, Compress::Unread), ["m.py"]);
}

#[test]
fn frames_that_are_there_are_taken() {
    let mut input = input(None);
    let frame = zstd_frame(LONG.repeat(100).as_bytes()).unwrap();
    // With a checksum, unlike ours, so that it can be told apart.
    let mut compressor = zstd::bulk::Compressor::new(3).unwrap();
    compressor.include_checksum(true).unwrap();
    let other = compressor.compress(LONG.repeat(100).as_bytes()).unwrap();
    assert_ne!(frame, other);
    input.parts[0].frames.insert("m.py".to_owned(), &other);
    let options = PackOptions {
        optimize: 0,
        sources: true,
        compress: Compress::Unread,
    };
    let files = compress_files(
        &input.parts[0],
        &BTreeSet::new(),
        &BTreeSet::new(),
        None,
        options.compress,
    );
    let files = files.unwrap();
    let Content::Stored { payload, .. } = &files["m.py"] else {
        panic!("not stored");
    };
    assert_eq!(*payload.bytes().unwrap(), *other);
}

/// The modules whose code is stored compressed; each reads as what it was.
fn compressed_code(input: &Input<'_>, compress: Compress) -> Vec<String> {
    let bytes = blob_of(input, compress);
    let blob = Blob::open(&bytes).unwrap();
    let mut found = Vec::new();
    for part in &input.parts {
        for (name, code) in &part.code {
            let module = blob.modules().find(name).unwrap().unwrap();
            let data = module.bytecode(0).unwrap().unwrap();
            assert_eq!(data.read().unwrap(), *code);
            if data.compression() == Compression::Lz4 {
                found.push(name.clone());
            }
        }
    }
    found
}

#[test]
fn code_that_no_start_imports_is_compressed() {
    let mut input = input(None);
    input.config.entry_module = Some("main".to_owned());
    let mut library = input.parts.remove(0);
    let rename = |name: &str| format!("lib_{name}");
    library.code = library
        .code
        .into_iter()
        .map(|(name, code)| (rename(&name), code))
        .collect();
    for module in &mut library.modules {
        module.name = rename(&module.name);
    }
    library.root = Python::OWN.library_root(oxidize_format::Target::X86_64_LINUX_GNU);
    // `main` imports `lib_m`: a module of one statement, padded.
    let mut application = super::compress_tests::input(None).parts.remove(0);
    let code = crate::marshal::statements::tests::importing("lib_m");
    application.code.insert("main".to_owned(), code.into());
    input.parts = vec![application, library];
    assert!(compressed_code(&input, Compress::Nothing).is_empty());
    assert_eq!(compressed_code(&input, Compress::Unread), ["lib_main"]);
    let all = compressed_code(&input, Compress::All);
    assert_eq!(all, ["m", "lib_m", "lib_main"]);
}

/// What no start reads of the standard library's files is compressed, too.
#[test]
fn files_of_the_library_are_compressed() {
    let mut input = input(None);
    input.parts[0].root = Python::OWN.library_root(oxidize_format::Target::X86_64_LINUX_GNU);
    let part = &input.parts[0];
    let files = compress_files(
        part,
        &BTreeSet::new(),
        &BTreeSet::new(),
        None,
        Compress::Unread,
    );
    let files: Vec<&str> = files.unwrap().into_keys().collect();
    assert_eq!(files, ["broken.py", "data.txt", "m.py", "main.py"]);
}
