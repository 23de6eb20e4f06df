//! What file functions cost: instructions by valgrind, system calls by strace.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use oxidize_tests::package::Package;
use oxidize_tests::{Result, check, plain, tools, trial};

fn main() -> std::process::ExitCode {
    oxidize_tests::main(vec![
        trial("other_paths_cost_a_comparison", comparison),
        trial("ten_opens_share_a_copy", copies),
    ])
}

/// Instructions that one more `call` costs in a loop.
fn instructions(program: &[&Path], call: &str) -> Result<u64> {
    let loops = |count: u32| -> Result<u64> {
        let count = count.to_string();
        let arguments = [count.as_str(), call].map(OsStr::new);
        let words: Vec<_> = program.iter().map(|word| word.as_os_str()).collect();
        let words = [words.as_slice(), &arguments].concat();
        // Where a name lies in a dictionary depends on its hash.
        Ok(tools::instructions(&words, &[("PYTHONHASHSEED", "0")])?.0)
    };
    let (few, many) = (1000, 6000);
    Ok((loops(many)?.saturating_sub(loops(few)?)) / u64::from(many - few))
}

/// Paths that are not below the virtual root, against the same interpreter with the C library's own
/// functions. What the interpreter does around a call is the same in both, but for a few
/// instructions that depend on addresses.
fn comparison() -> Result {
    let place = tools::scratch()?;
    let code = place.path().join("__main__.py");
    let program = "import os, sys\nexec(f'for _ in range({sys.argv[1]}): {sys.argv[2]}')\n";
    std::fs::write(&code, program)?;
    let app = Package::new(place.path())
        .options(["--interpreter", "hash-seed=0"])
        .build()?;
    let plain = plain::python(tools::GNU)?;
    // Compiles the standard library, where no run before has kept it.
    let warm = Command::new(&plain).arg(&code).args(["1", "0"]).status()?;
    check(warm.success(), || "the plain interpreter fails".to_owned())?;
    for call in [
        "os.access('/usr/lib', 0)",
        "os.access('relative', 0)",
        "os.stat('/')",
        "os.close(os.open('/', 0))",
    ] {
        let own = instructions(&[app.path()], call)?;
        let theirs = instructions(&[&plain, &code], call)?;
        println!("{call}: {own} instructions, {theirs} in the plain interpreter");
        check(own <= theirs + 100, || {
            format!("{call}: {own} instructions, {theirs} in the plain interpreter")
        })?;
    }
    Ok(())
}

/// strace of a program that opens one file ten times and a second one once.
fn copies() -> Result {
    let place = tools::scratch()?;
    let tree = place.path().join("tree");
    std::fs::create_dir(&tree)?;
    std::fs::write(tree.join("one.bin"), vec![7; 100_000])?;
    std::fs::write(tree.join("two.bin"), vec![8; 100_000])?;
    std::fs::write(
        tree.join("__main__.py"),
        "import os
here = os.path.dirname(__file__)
kept = [open(f'{here}/one.bin', 'rb') for _ in range(5)]
for _ in range(5):
    with open(f'{here}/one.bin', 'rb') as stream: assert stream.read(1) == b'\\7'
with open(f'{here}/two.bin', 'rb') as stream: assert stream.read(1) == b'\\10'
",
    )?;
    let app = place.path().join("app");
    Package::new(&tree).write(&app)?;
    let trace = place.path().join("trace");
    let output = Command::new(tools::host_tool("strace")?)
        .args(["-f", "-o"])
        .arg(&trace)
        .arg(&app)
        .output()?;
    check(output.status.success(), || {
        String::from_utf8_lossy(&output.stderr).into_owned()
    })?;
    let trace = std::fs::read_to_string(trace)?;
    let made = |name: &str| {
        let made = format!("memfd_create(\"{name}\"");
        trace.lines().filter(|line| line.contains(&made)).count()
    };
    check((made("one.bin"), made("two.bin")) == (1, 1), || {
        trace.clone()
    })?;
    // What one costs: made, filled, sealed, stamped, opened again.
    let after = trace
        .lines()
        .skip_while(|line| !line.contains("memfd_create(\"two.bin\""));
    let calls: Vec<&str> = after
        .take_while(|line| !line.contains(" read("))
        .filter_map(|line| line.split_whitespace().nth(1)?.split('(').next())
        .collect();
    check(
        calls[..6]
            == [
                "memfd_create",
                "pwrite64",
                "fcntl",
                "utimensat",
                "openat",
                "fcntl",
            ],
        || format!("{calls:?}"),
    )?;
    check(!trace.contains("~oxidize"), || {
        format!("the system was asked for a virtual path:\n{trace}")
    })
}
