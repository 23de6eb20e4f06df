//! Every crate that is compiled here has a licence we know and accept. From `cargo metadata`, which
//! fetches crates of other systems that nothing here has asked for yet.

use std::process::Command;

use serde_json::Value;
use spdx::{Expression, ParseMode};

/// Permissive licences. MPL-2.0 is copyleft for its own files only; `apple-codesign` will bring it.
const ACCEPTED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

#[test]
fn every_crate_has_an_accepted_licence() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    assert!(
        packages.len() > 20,
        "cargo lists only {} packages",
        packages.len()
    );
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !accepted(package["license"].as_str().unwrap_or_default()))
        .map(|package| {
            format!(
                "{} {}: {}",
                package["name"], package["version"], package["license"]
            )
        })
        .collect();
    assert!(refused.is_empty(), "not accepted:\n{}", refused.join("\n"));
}

fn accepted(license: &str) -> bool {
    // Old manifests write `MIT/Apache-2.0`, which the lax mode reads as OR.
    Expression::parse_mode(license, ParseMode::LAX).is_ok_and(|expression| {
        expression.evaluate(|requirement| {
            requirement
                .license
                .id()
                .is_some_and(|id| ACCEPTED.contains(&id.name))
        })
    })
}

#[test]
fn the_check_can_fail() {
    assert!(accepted("MIT/Apache-2.0"));
    assert!(accepted("GPL-3.0-only OR MIT"));
    assert!(!accepted("GPL-3.0-only"));
    assert!(!accepted("MIT AND AGPL-3.0-only"));
    assert!(!accepted(""));
}
