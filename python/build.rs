//! Reads the version of CPython from `prebuilt/distributions/lock.toml` and what belongs to it from
//! `prebuilt/recipes/cpython-VERSION.toml`. `oxidize-prebuilt stub --cpython VERSION` names another
//! version in `OXIDIZE_CPYTHON`. Both are written in one way, so lines are enough.

use std::path::Path;
use std::{env, fs};

fn main() {
    let directory = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let prebuilt = Path::new(&directory).join("../prebuilt");
    println!("cargo:rerun-if-env-changed=OXIDIZE_CPYTHON");
    let version = env::var("OXIDIZE_CPYTHON")
        .unwrap_or_else(|_| value(&prebuilt.join("distributions/lock.toml"), "cpython"));
    let recipe = prebuilt.join(format!("recipes/cpython-{version}.toml"));
    let (minor, _) = version.rsplit_once('.').expect("three numbers");
    let number = |key: &str| {
        let text = value(&recipe, key);
        let digits = text.strip_prefix("0x").expect("a hexadecimal number");
        u32::from_str_radix(digits, 16).expect("a hexadecimal number")
    };
    for (name, value) in [
        ("VERSION", version.clone()),
        ("MINOR_VERSION", minor.to_owned()),
        ("TAG", minor.replace('.', "")),
        ("VERSION_HEX", number("hexversion").to_string()),
        ("BYTECODE_MAGIC", number("bytecode_magic").to_string()),
    ] {
        println!("cargo:rustc-env=OXIDIZE_PYTHON_{name}={value}");
    }
}

/// The value of the first `key = VALUE` in a file.
fn value(path: &Path, key: &str) -> String {
    println!("cargo:rerun-if-changed={}", path.display());
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut lines = text.lines().filter_map(|line| line.split_once(" = "));
    let line = lines.find(|(name, _)| *name == key);
    let (_, value) = line.unwrap_or_else(|| panic!("{}: no {key}", path.display()));
    value.trim().trim_matches('"').to_owned()
}
