//! A blob with one of everything, shared by several tests.

#![allow(dead_code)] // each test file uses its own part
#![allow(unreachable_pub)] // a module of several test programs

use oxidize_format::{
    Content, DistributionEntry, FileEntry, HeaderFields, ModuleEntry, ModuleKind, NativeEntry,
    RunOptions, VIRTUAL_ROOT, Writer,
};

pub fn fields() -> HeaderFields {
    HeaderFields {
        py_version_hex: 0x030d_0ff0,
        bytecode_magic: 0x0a0d_0df3,
        stub_abi: 1,
        target: oxidize_format::Target::X86_64_LINUX_GNU.triple().into(),
        root: VIRTUAL_ROOT.into(),
    }
}

pub fn file(bytes: &[u8]) -> FileEntry<Vec<u8>> {
    FileEntry {
        content: Content::plain(bytes.to_vec()),
        executable: false,
    }
}

/// An LZ4 block of one sequence without match, as any encoder may write for short input.
pub fn lz4_raw(content: &[u8]) -> Vec<u8> {
    assert!(content.len() < 270);
    let mut block = match u8::try_from(content.len()) {
        Ok(short) if short < 15 => vec![short << 4],
        _ => vec![0xf0, (content.len() - 15) as u8],
    };
    block.extend_from_slice(content);
    block
}

/// A zstd frame of one raw block, as any encoder may write for short input.
pub fn zstd_raw(content: &[u8]) -> Vec<u8> {
    assert!(content.len() < 256);
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, content.len() as u8];
    let block = 1 | (content.len() as u32) << 3;
    frame.extend(&block.to_le_bytes()[..3]);
    frame.extend(content);
    frame
}

pub fn shared(path: &str) -> Content<Vec<u8>> {
    Content::File(path.into())
}

/// One of everything the format can say.
pub fn everything() -> Writer<Vec<u8>> {
    let mut w = Writer::new(fields());
    w.set_run_config(RunOptions {
        entry_module: Some("pkg.cli".into()),
        entry_function: Some("main".into()),
        optimize: 1,
        warn_options: vec!["error".into(), "ignore::DeprecationWarning".into()],
        sys_path: vec!["$ORIGIN/plugins".into()],
        environment: vec![("LANG".into(), "C.UTF-8".into())],
        ca_bundle_probe: false,
        ..RunOptions::default()
    });
    let app = "/~oxidize/app";
    for (path, bytes) in [
        ("pkg/__init__.py", b"# package\n".as_slice()),
        ("pkg/cli.py", b"def main(): ...\n"),
        ("pkg/data/words.txt", b"one two\n"),
        ("pkg/data/empty", b""),
        ("pkg/_fast.so", b"\x7fELF extension"),
        ("pkg.libs/libz-1.so", b"\x7fELF library"),
        ("pkg-1.0.dist-info/METADATA", b"Name: Pkg\nVersion: 1.0\n"),
    ] {
        w.add_file(&format!("{app}/{path}"), file(bytes)).unwrap();
    }
    w.add_file(
        &format!("{app}/bin/run"),
        FileEntry {
            content: Content::zstd(zstd_raw(b"#!/bin/sh\n"), 10),
            executable: true,
        },
    )
    .unwrap();
    w.add_file(
        &format!("{app}/pkg/data/alias.txt"),
        FileEntry {
            content: shared("/~oxidize/app/pkg/data/words.txt"),
            executable: false,
        },
    )
    .unwrap();
    w.add_file(
        &format!("{app}/big.bin"),
        FileEntry {
            content: Content::External {
                path: "big/big.bin".into(),
                length: 7,
            },
            executable: false,
        },
    )
    .unwrap();
    w.add_directory("/~oxidize/app/ns/deep").unwrap();

    let mut package = ModuleEntry::new("pkg", ModuleKind::Package);
    package.path = Some(format!("{app}/pkg/__init__.py"));
    package.source = Some(shared(&format!("{app}/pkg/__init__.py")));
    package.bytecode = [
        Some(Content::plain(b"code-0 of pkg".to_vec())),
        Some(Content::plain(b"code-1 of pkg".to_vec())),
        None,
    ];
    w.add_module(package).unwrap();
    let mut cli = ModuleEntry::new("pkg.cli", ModuleKind::Module);
    cli.path = Some(format!("{app}/pkg/cli.py"));
    cli.source = Some(shared(&format!("{app}/pkg/cli.py")));
    cli.bytecode[0] = Some(Content::plain(b"code-0 of pkg.cli".to_vec()));
    cli.show_source = false;
    w.add_module(cli).unwrap();
    let mut fast = ModuleEntry::new("pkg._fast", ModuleKind::Module);
    fast.path = Some(format!("{app}/pkg/_fast.so"));
    fast.native = Some("pkg._fast".into());
    w.add_module(fast).unwrap();
    let mut namespace = ModuleEntry::new("ns", ModuleKind::Namespace);
    namespace.path = Some(format!("{app}/ns"));
    w.add_module(namespace).unwrap();
    let mut hidden = ModuleEntry::new("hidden", ModuleKind::Module);
    hidden.source = Some(Content::plain(b"x = 1\n".to_vec()));
    w.add_module(hidden).unwrap();

    w.add_native(NativeEntry {
        name: "pkg._fast".into(),
        soname: None,
        needed: vec!["libz-1.so".into(), "libc.so.6".into()],
        extension: true,
        content: shared(&format!("{app}/pkg/_fast.so")),
    })
    .unwrap();
    w.add_native(NativeEntry {
        name: "app/pkg.libs/libz-1.so".into(),
        soname: Some("libz-1.so".into()),
        needed: vec!["libc.so.6".into()],
        extension: false,
        content: shared(&format!("{app}/pkg.libs/libz-1.so")),
    })
    .unwrap();
    w.add_distribution(DistributionEntry {
        normalised: "pkg".into(),
        name: "Pkg".into(),
        version: "1.0".into(),
        directory: format!("{app}/pkg-1.0.dist-info"),
    })
    .unwrap();
    w.set_licenses(Content::plain(b"MIT\n".to_vec())).unwrap();
    w.set_snapshot(Content::plain(b"heap".to_vec())).unwrap();
    w.set_hot_order([("pkg.cli".to_owned(), 0)]);
    w
}

/// The worked example of `docs/format.md`: a package and a module in it.
pub fn two_modules() -> Writer<Vec<u8>> {
    let mut w = Writer::new(fields());
    w.set_run_config(RunOptions {
        entry_module: Some("hi.say".into()),
        program_name: Some("hi".into()),
        ..RunOptions::default()
    });
    for (name, kind, path, source, code) in [
        (
            "hi",
            ModuleKind::Package,
            "hi/__init__.py",
            "",
            "<code of hi>",
        ),
        (
            "hi.say",
            ModuleKind::Module,
            "hi/say.py",
            "print('hi')\n",
            "<code of hi.say>",
        ),
    ] {
        let path = format!("{VIRTUAL_ROOT}/app/{path}");
        w.add_file(&path, file(source.as_bytes())).unwrap();
        let mut module = ModuleEntry::new(name, kind);
        module.source = Some(shared(&path));
        module.path = Some(path);
        module.bytecode[0] = Some(Content::plain(code.as_bytes().to_vec()));
        w.add_module(module).unwrap();
    }
    w
}
