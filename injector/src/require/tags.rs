//! Which wheels run on a target: the compatibility tags of its interpreter.
//!
//! The rules are those of `packaging.tags`
//! (<https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/>), asked on
//! behalf of the target instead of the running system, and a test compares the two.
//!
//! One question has no answer there: how new a glibc may be. An executable is made on one machine
//! and runs on others, so a wheel for any glibc is taken, the one for the oldest first.

use std::collections::HashSet;

use oxidize_format::target::{CLibrary, Processor, Target};

use crate::python::Python;

/// The newest glibc that a tag may name, 2.60.
const NEWEST_GLIBC: u32 = 60;
/// The newest musl that a tag may name, 1.2.
const NEWEST_MUSL: u32 = 2;

/// The tags that a target's interpreter takes, the best first.
#[derive(Debug, Clone)]
pub(crate) struct Tags {
    ordered: Vec<String>,
    known: HashSet<String>,
}

impl Tags {
    /// Those of a Python for a target.
    pub(crate) fn of(target: Target, python: Python) -> Self {
        let ordered = ordered(&platforms(target), python.minor());
        let known = ordered.iter().cloned().collect();
        Tags { ordered, known }
    }

    /// All of them, the best first.
    pub(crate) fn ordered(&self) -> &[String] {
        &self.ordered
    }

    /// Whether a wheel with this tag is for the target. Each of the three parts may be several
    /// joined by dots. What is not a tag at all fits: nothing is known about it.
    pub(crate) fn fit(&self, tag: &str) -> bool {
        let [pythons, abis, platforms] = tag.splitn(3, '-').collect::<Vec<_>>()[..] else {
            return true;
        };
        let all = pythons.split('.').flat_map(|python| {
            abis.split('.').flat_map(move |abi| {
                let platforms = platforms.split('.');
                platforms.map(move |platform| format!("{python}-{abi}-{platform}"))
            })
        });
        all.into_iter()
            .any(|tag| self.known.contains(&tag.to_ascii_lowercase()))
    }
}

/// `packaging.tags.cpython_tags` and then `compatible_tags`, the best first.
fn ordered(platforms: &[String], own: u32) -> Vec<String> {
    let mut tags = Vec::new();
    let mut on_platforms = |python: &str, abi: &str| {
        tags.extend(
            platforms
                .iter()
                .map(|platform| format!("{python}-{abi}-{platform}")),
        );
    };
    let interpreter = format!("cp3{own}");
    on_platforms(&interpreter, &interpreter);
    on_platforms(&interpreter, "abi3");
    on_platforms(&interpreter, "none");
    // The stable ABI begins with 3.2.
    for minor in (2..own).rev() {
        on_platforms(&format!("cp3{minor}"), "abi3");
    }
    let older = (0..own).rev().map(|minor| format!("py3{minor}"));
    let pythons: Vec<_> = [format!("py3{own}"), "py3".to_owned()]
        .into_iter()
        .chain(older)
        .collect();
    for python in &pythons {
        on_platforms(python, "none");
    }
    let interpreters = std::iter::once(&interpreter).chain(&pythons);
    tags.extend(interpreters.map(|python| format!("{python}-none-any")));
    tags
}

/// The platform tags of a target, the best first.
fn platforms(target: Target) -> Vec<String> {
    let arm = target.processor() == Processor::Aarch64;
    let machine = if arm { "aarch64" } else { "x86_64" };
    let mut platforms: Vec<String> = match target.c_library() {
        CLibrary::Ucrt => return target.wheel_platforms(),
        CLibrary::LibSystem => return macos(arm),
        CLibrary::Musl => {
            let minors = (0..=NEWEST_MUSL).rev();
            minors
                .map(|minor| format!("musllinux_1_{minor}_{machine}"))
                .collect()
        }
        CLibrary::Glibc => glibc(machine),
    };
    platforms.push(format!("linux_{machine}"));
    platforms
}

/// PEP 600, and the names that the first three generations have beside.
fn glibc(machine: &str) -> Vec<String> {
    let oldest = if machine == "x86_64" { 5 } else { 17 };
    let mut platforms = Vec::new();
    for minor in oldest..=NEWEST_GLIBC {
        platforms.push(format!("manylinux_2_{minor}_{machine}"));
        let old_name = match minor {
            5 => "manylinux1",
            12 => "manylinux2010",
            17 => "manylinux2014",
            _ => continue,
        };
        platforms.push(format!("{old_name}_{machine}"));
    }
    platforms
}

/// `packaging.tags.mac_platforms` for the oldest system that the stubs start on, 11.0.
fn macos(arm: bool) -> Vec<String> {
    let formats: &[&str] = if arm {
        &["arm64", "universal2"]
    } else {
        &[
            "x86_64",
            "intel",
            "fat64",
            "fat32",
            "universal2",
            "universal",
        ]
    };
    // No 10.x starts on an arm processor, but universal wheels are made for both.
    let before_11 = if arm { &["universal2"] } else { formats };
    let newest = formats.iter().map(|format| format!("macosx_11_0_{format}"));
    let older = (4..=16).rev().flat_map(|minor| {
        let formats = before_11.iter();
        formats.map(move |format| format!("macosx_10_{minor}_{format}"))
    });
    newest.chain(older).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;

    /// Which of the tags `packaging` takes for a target: a line each.
    const PACKAGING: &str = r#"
import sys
from unittest.mock import patch
from packaging import tags, _manylinux, _musllinux

target, newest_glibc, newest_musl, minor = sys.argv[1], *map(int, sys.argv[2:])
machine = target.split("-")[0]
if "windows" in target:
    platforms = ["win_arm64" if machine == "aarch64" else "win_amd64"]
elif "apple" in target:
    machine = "arm64" if machine == "aarch64" else machine
    platforms = list(tags.mac_platforms((11, 0), machine))
else:
    with patch.object(_manylinux, "_is_compatible", lambda *_: True), \
         patch.object(_manylinux, "_have_compatible_abi", lambda *_: True), \
         patch.object(_manylinux, "_get_glibc_version", lambda: (2, newest_glibc)), \
         patch.object(_musllinux, "_get_musl_version",
                      lambda *_: _musllinux._MuslVersion(1, newest_musl)):
        libc = _musllinux if target.endswith("musl") else _manylinux
        platforms = [*libc.platform_tags([machine]), f"linux_{machine}"]
interpreter = f"cp3{minor}"
supported = {
    *tags.cpython_tags((3, minor), [interpreter], platforms),
    *tags.compatible_tags((3, minor), interpreter, platforms),
}
if sys.stdin.isatty() or not (table := sys.stdin.read().split()):
    print(*supported, sep="\n")
else:
    for tag in table:
        print(int(not supported.isdisjoint(tags.parse_tag(tag))))
"#;

    /// The answers of `packaging`; `None` without Python or an index.
    fn packaging(target: Target, table: &[String]) -> Option<Vec<String>> {
        static READY: std::sync::LazyLock<Option<PathBuf>> = std::sync::LazyLock::new(install);
        let place = READY.as_ref()?;
        let dir = tempfile::tempdir().unwrap();
        let input = dir.path().join("table");
        fs::write(&input, table.join("\n")).unwrap();
        let mut python = Command::new("python3");
        python
            .args(["-c", PACKAGING, target.triple()])
            .env("PYTHONPATH", place);
        python.args(
            [NEWEST_GLIBC, NEWEST_MUSL, Python::OWN.minor()].map(|number| number.to_string()),
        );
        let output = python
            .stdin(fs::File::open(&input).unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let text = String::from_utf8(output.stdout).unwrap();
        Some(text.lines().map(str::to_owned).collect())
    }

    fn install() -> Option<PathBuf> {
        // target/PROFILE/deps/TEST
        let target = std::env::current_exe().unwrap();
        let place = target
            .ancestors()
            .nth(3)
            .unwrap()
            .join("tmp/packaging-26.0");
        if place.join("packaging/tags.py").exists() {
            return Some(place);
        }
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "-q", "--disable-pip-version-check"]);
        pip.arg("--target").arg(&place).arg("packaging==26.0");
        let output = pip.output().ok().filter(|output| output.status.success());
        if output.is_none() {
            let required = std::env::var("OXIDIZE_FORBID_SKIPS").is_ok_and(|value| value == "1");
            assert!(
                !required,
                "`python3 -m pip install packaging` does not work"
            );
            // Around the test harness, which shows what a passing test prints to nobody.
            let line = b"skipped tags: `python3 -m pip install packaging` does not work\n";
            let _ = std::io::Write::write_all(&mut std::io::stderr(), line);
        }
        output.map(|_| place)
    }

    #[test]
    fn the_tags_are_those_of_packaging() {
        for target in Target::ALL {
            let own = Tags::of(target, Python::OWN);
            let Some(theirs) = packaging(target, &[]) else {
                return;
            };
            assert!(theirs.len() > 30, "{target}");
            let theirs: HashSet<_> = theirs.into_iter().collect();
            let differ: Vec<_> = own.known.symmetric_difference(&theirs).collect();
            assert!(differ.is_empty(), "{target}: {differ:?}");
        }
    }

    /// Each Python and ABI that indexes hold with each platform, for every target.
    #[test]
    fn what_fits_is_what_packaging_takes() {
        let pythons = [
            "cp313-cp313",
            "cp313-cp313t",
            "cp313-abi3",
            "cp312-cp312",
            "cp314-cp314",
            "cp39-abi3",
            "cp314-abi3",
            "cp32-abi3",
            "cp31-abi3",
            "cp27-cp27mu",
            "py3-none",
            "py2-none",
            "py2.py3-none",
            "py313-none",
            "py314-none",
            "py30-none",
            "cp313-none",
            "cp312-none",
            "pp311-pypy311_pp73",
            "cp312.cp313-cp312.cp313",
            "cp36.cp37-abi3",
            "py3-abi3",
        ];
        let mut platforms: Vec<String> = ["any", "win32", "win_amd64", "win_arm64", "linux_i686"]
            .map(str::to_owned)
            .into();
        for machine in ["x86_64", "aarch64", "i686", "armv7l", "ppc64le", "riscv64"] {
            let systems = [
                "linux",
                "manylinux1",
                "manylinux2010",
                "manylinux2014",
                "manylinux_2_4",
                "manylinux_2_5",
                "manylinux_2_12",
                "manylinux_2_16",
                "manylinux_2_17",
                "manylinux_2_28",
                "manylinux_2_34",
                "manylinux_2_60",
                "manylinux_2_61",
                "manylinux_3_0",
                "musllinux_1_0",
                "musllinux_1_1",
                "musllinux_1_2",
                "musllinux_1_3",
                "musllinux_2_0",
            ];
            platforms.extend(systems.map(|system| format!("{system}_{machine}")));
        }
        for version in [
            "10_3", "10_4", "10_9", "10_16", "10_17", "11_0", "11_1", "12_0", "26_0",
        ] {
            let formats = [
                "arm64",
                "x86_64",
                "universal2",
                "universal",
                "intel",
                "fat32",
                "fat64",
                "i386",
            ];
            platforms.extend(formats.map(|format| format!("macosx_{version}_{format}")));
        }
        platforms.push("manylinux_2_17_x86_64.manylinux2014_x86_64".to_owned());
        platforms.push("manylinux_2_70_x86_64.musllinux_1_1_aarch64".to_owned());
        platforms.push("macosx_14_0_arm64.macosx_10_13_universal2".to_owned());
        platforms.push("WIN_AMD64".to_owned());
        let table: Vec<String> = pythons
            .iter()
            .flat_map(|python| platforms.iter().map(move |one| format!("{python}-{one}")))
            .collect();
        for target in Target::ALL {
            let Some(theirs) = packaging(target, &table) else {
                return;
            };
            assert_eq!(theirs.len(), table.len());
            let tags = Tags::of(target, Python::OWN);
            for (tag, fits) in table.iter().zip(theirs) {
                assert_eq!(
                    u8::from(tags.fit(tag)).to_string(),
                    fits,
                    "{tag} for {target}"
                );
            }
        }
    }

    #[test]
    fn the_oldest_glibc_is_wanted_most() {
        let tags = ordered(&platforms(Target::X86_64_LINUX_GNU), Python::OWN.minor());
        let place = |tag: &str| tags.iter().position(|one| one == tag).unwrap();
        assert_eq!(tags[0], "cp313-cp313-manylinux_2_5_x86_64");
        assert!(
            place("cp313-cp313-manylinux2014_x86_64") < place("cp313-cp313-manylinux_2_28_x86_64")
        );
        assert!(place("cp313-cp313-manylinux_2_28_x86_64") < place("cp39-abi3-manylinux1_x86_64"));
        assert_eq!(tags.last().unwrap(), "py30-none-any");
    }
}
