//! Claim: whatever the text, reading `.netrc` and pip's configuration does not panic and holds no
//! more than the text; what was written in the grammar comes back.

#![no_main]

#[path = "capped.rs"]
mod capped;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use oxidize_inject::internal::http::netrc::Netrc;
use oxidize_inject::internal::stubs::pip;

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    Netrc(&'a str, &'a str),
    /// Entries as somebody writes them.
    Entries(Vec<(u8, &'a str, &'a str)>),
    Pip(&'a str),
}

fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Netrc(text, host) => {
            capped::limit(text.len() * 64 + (1 << 16));
            let _ = Netrc::parse(text).find(host);
        }
        Input::Entries(entries) => written(&entries),
        Input::Pip(text) => {
            // configparser keeps several copies, and a tree of maps.
            capped::limit(text.len() * 512 + (1 << 20));
            let _ = pip::parse(text);
        }
    }
    capped::limit(usize::MAX);
});

fn written(entries: &[(u8, &str, &str)]) {
    let mut text = String::new();
    for (host, login, password) in entries {
        text.push_str(&format!(
            "machine h{host} login {} password {}\n",
            quoted(login),
            quoted(password)
        ));
    }
    let netrc = Netrc::parse(&text);
    for (host, ..) in entries {
        let first = entries
            .iter()
            .find(|(other, ..)| other == host)
            .expect("it is among them");
        assert_eq!(
            netrc.find(&format!("h{host}")),
            Some((first.1, first.2)),
            "{text:?}"
        );
    }
}

fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}
