//! Claim: whatever a server sends, reading a page of a package index, a manifest or a list of stubs
//! does not panic and does not allocate out of proportion; links lead to names without directories,
//! and a manifest lists only plain names.

#![no_main]

#[path = "capped.rs"]
mod capped;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use oxidize_inject::internal::http::{self, Url};
use oxidize_inject::internal::stubs::index::links;
use oxidize_inject::internal::stubs::listed::Listed;
use oxidize_inject::internal::stubs::manifest::Manifest;

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    Html(&'a [u8]),
    /// Something close to a page of links.
    Links {
        base: &'a str,
        links: Vec<(&'a str, &'a str)>,
    },
    Json(&'a [u8]),
    Files(Vec<(&'a str, &'a str, &'a str)>),
    Kind(&'a str),
    Manifest(&'a [u8]),
    File {
        name: &'a str,
        size: u64,
    },
    List(&'a str),
}

fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Html(page) => read(page, "text/html"),
        Input::Links { base, links } => {
            let mut page = format!("<base href='{base}'>");
            for (href, rest) in links {
                page.push_str(&format!("<a href=\"{href}\" {rest}>x</a>"));
            }
            read(page.as_bytes(), "application/vnd.pypi.simple.v1+html");
        }
        Input::Json(page) => read(page, "application/json"),
        Input::Files(files) => {
            let file = |(name, url, sum)| {
                format!(
                    "{{\"filename\": {name:?}, \"url\": {url:?}, \"hashes\": {{\"sha256\": {sum:?}}}}}"
                )
            };
            let files: Vec<String> = files.into_iter().map(file).collect();
            let page = format!("{{\"files\": [{}]}}", files.join(","));
            read(page.as_bytes(), "application/vnd.pypi.simple.v1+json");
        }
        Input::Kind(kind) => read(b"<a href=x>", kind),
        Input::Manifest(bytes) => manifest(bytes),
        Input::File { name, size } => {
            let sum = "0".repeat(64);
            manifest(
                format!(
                    "{{\"version\": \"\", \"target\": \"\", \"python_version\": \"\", \"stub_id\": \"\", \"abi\": 1, \
                     \"files\": [{{\"name\": {name:?}, \"sha256\": \"{sum}\", \"size\": {size}}}]}}"
                )
                .as_bytes(),
            );
        }
        Input::List(text) => {
            capped::limit(text.len() * 512 + (1 << 20));
            let _ = Listed::parse(text);
        }
    }
    capped::limit(usize::MAX);
});

fn read(page: &[u8], kind: &str) {
    let url = Url::parse("https://h.example/simple/p/").expect("a constant");
    capped::limit(page.len() * 128 + (1 << 20));
    for link in links(page, kind, &url).into_iter().flatten() {
        // What the index calls a file is compared with a name of ours and never becomes a path;
        // what is in a URL has no directories.
        if let Some(name) = http::file_name(&link.url) {
            assert!(!name.is_empty() && !name.contains('/'), "{name:?}");
        }
    }
    capped::limit(usize::MAX);
}

fn manifest(bytes: &[u8]) {
    capped::limit(bytes.len() * 256 + (1 << 16));
    if let Ok(manifest) = Manifest::parse(bytes) {
        for file in &manifest.files {
            assert!(
                !file.name.is_empty()
                    && !file.name.starts_with('.')
                    && !file.name.contains(['/', '\\', ':', '\0'])
            );
        }
        assert!(manifest.files.iter().all(|file| file.size <= 1 << 30));
    }
}
