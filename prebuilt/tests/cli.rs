//! What the command says when something is wrong: what failed, and what to do about it.

use std::process::{Command, Output};

use oxidize_format::Target;

fn run(arguments: &[&str]) -> std::io::Result<Output> {
    Command::new(env!("CARGO_BIN_EXE_oxidize-prebuilt"))
        .args(arguments)
        .output()
}

#[test]
fn a_target_without_recipe_is_answered_with_those_that_have_one() -> std::io::Result<()> {
    let output = run(&["stub", "--target", "pdp11-unknown-unix"])?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(
        text.starts_with("error: no recipe for target pdp11-unknown-unix\n"),
        "{text}"
    );
    assert!(text.contains(Target::X86_64_LINUX_MUSL.triple()), "{text}");
    Ok(())
}

/// This test's own executable is linked by the host: wrong in most of the ways a stub can be.
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
#[test]
fn a_program_that_is_no_stub_is_refused_with_every_reason() -> Result<(), Box<dyn std::error::Error>>
{
    let program = std::env::current_exe()?;
    let program = program.to_str().ok_or("path")?;
    let output = run(&[
        "validate",
        "--target",
        Target::X86_64_LINUX_GNU.triple(),
        program,
    ])?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success());
    for reason in [
        "there is no slot for a blob",
        "it needs libgcc_s.so.1",
        "it does not export Py_Initialize",
        "not built in: ",
    ] {
        assert!(text.contains(reason), "no {reason:?} in {text}");
    }
    Ok(())
}

#[test]
fn a_stub_without_manifest_needs_its_target_named() -> Result<(), Box<dyn std::error::Error>> {
    let program = std::env::current_exe()?;
    let output = run(&["validate", program.to_str().ok_or("path")?])?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("name --target"), "{text}");
    Ok(())
}
