//! A packaged application over a stub that has a slot and no code.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use oxidize_format::RunOptions;
use oxidize_inject::internal::collect::{Distribution, Module, ModuleKind};
use oxidize_inject::internal::container::elf::synthetic;
use oxidize_inject::internal::pack::PackOptions;
use oxidize_inject::internal::pack::{self, Input, Part, PartFile, Payload};
use oxidize_inject::internal::progress::Silent;
use oxidize_inject::internal::python::Python;
use oxidize_inject::internal::{container, output};

/// A packaged application with a bit of everything.
pub(crate) fn make_app(path: &Path, file_name: &str) {
    let payload = |text: &'static str| Payload::Bytes(Cow::Borrowed(text.as_bytes()));
    let file = |text, executable| PartFile {
        payload: payload(text),
        executable,
    };
    let part = Part {
        root: "/~oxidize/app".to_owned(),
        directories: vec!["d-1.0.dist-info".to_owned()],
        files: BTreeMap::from([
            ("__main__.py".to_owned(), file("print('hello')\n", false)),
            ("bin/run".to_owned(), file("#!/bin/sh\n", true)),
            (file_name.to_owned(), file("data", false)),
            (
                "d-1.0.dist-info/METADATA".to_owned(),
                file("Name: d\nVersion: 1.0\n", false),
            ),
        ]),
        modules: vec![Module {
            name: "__main__".to_owned(),
            kind: ModuleKind::Source,
            file: Some("__main__.py".to_owned()),
            directory: None,
        }],
        code: BTreeMap::from([("__main__".to_owned(), Cow::Borrowed(&b"N"[..]))]),
        blocks: BTreeMap::new(),
        frames: BTreeMap::new(),
        placed: std::collections::BTreeSet::new(),
    };
    let input = Input {
        python: Python::OWN,
        target: oxidize_format::Target::X86_64_LINUX_MUSL,
        config: RunOptions {
            entry_module: Some("__main__".to_owned()),
            ..RunOptions::default()
        },
        parts: vec![part],
        natives: Vec::new(),
        distributions: vec![Distribution {
            normalised: "d".to_owned(),
            name: "D".to_owned(),
            version: "1.0".to_owned(),
            directory: "/~oxidize/app/d-1.0.dist-info".to_owned(),
            scripts: Vec::new(),
        }],
        licenses: Some(b"==== d ====\n\nDo as you like.\n".to_vec()),
        script: None,
    };
    let options = PackOptions {
        optimize: 0,
        sources: true,
        compress: pack::Compress::Nothing,
    };
    let layout = pack::pack(&input, options, &Silent).unwrap();
    let stub = synthetic::build(&synthetic::Shape::default());
    let plan = container::inject(&stub, layout.len()).unwrap();
    output::write(path, &plan, &layout, &Silent).unwrap();
}
