//! A stub is the same bytes whatever is built with it: cargo unites the features that a build's
//! packages ask for, so the stub's own manifest has to ask for all that any other package does.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use oxidize_prebuilt::wheels;

/// Features of each crate that a stub links, and of the procedural macros behind it, when
/// `selection` is built.
fn features(
    target: &str,
    selection: &[&str],
) -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p} [{f}]", "--target", target])
        .args(selection)
        .current_dir(oxidize_prebuilt::repository()?)
        .output()?;
    anyhow::ensure!(
        output.status.success(),
        "cargo tree: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        if let Some((package, rest)) = line.split_once(" [") {
            let list = rest.split_once(']').map_or(rest, |(list, _)| list);
            found
                .entry(package.to_owned())
                .or_default()
                .insert(list.to_owned());
        }
    }
    Ok(found)
}

#[test]
fn no_package_beside_the_stub_changes_its_crates() -> anyhow::Result<()> {
    let repository = oxidize_prebuilt::repository()?;
    for target in wheels::targets(&repository.join("prebuilt"))? {
        let alone = features(&target, &["-p", "oxidize-stub"])?;
        assert!(alone.keys().any(|name| name.starts_with("pyo3-ffi ")));
        for selection in [&[][..], &["--workspace"]] {
            let together = features(&target, selection)?;
            for (package, own) in &alone {
                assert_eq!(
                    Some(own),
                    together.get(package),
                    "{target}: {package} with {selection:?}\n  hint: have stubs/Cargo.toml ask for what is missing"
                );
            }
        }
    }
    Ok(())
}
