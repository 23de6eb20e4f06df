//! The list of trusted stubs, written here and read by the command: both mean the same.

use oxidize_inject::Target;
use oxidize_inject::internal::stubs::listed::Listed;
use oxidize_inject::internal::stubs::manifest::Sha256Sum;
use oxidize_inject::internal::stubs::wheel;
use oxidize_prebuilt::wheels;

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

/// Lines for small stubs of every target that the command has.
fn entries() -> std::result::Result<Vec<String>, Box<dyn std::error::Error>> {
    let mut entries = Vec::new();
    for target in Target::ALL {
        let triple = target.triple();
        let tags = target.wheel_platforms().join(".");
        let name = format!("{}-{}-py3-none-{tags}.whl", wheel::PACKAGE, wheels::VERSION);
        entries.push(wheels::entry(
            triple,
            &name,
            format!("manifest of {triple}").as_bytes(),
            triple.as_bytes(),
            "5a5a",
            7,
        ));
    }
    Ok(entries)
}

#[test]
fn what_is_written_is_what_the_command_trusts() -> Result {
    let dir = tempfile::tempdir()?;
    std::fs::create_dir(dir.path().join("injector"))?;
    let entries = entries()?;
    wheels::write_list(dir.path(), &entries)?;
    let listed = Listed::parse(&std::fs::read_to_string(
        dir.path().join("injector/stubs.toml"),
    )?)?;
    assert_eq!(listed.version, wheels::VERSION);
    assert_eq!(listed.stubs.len(), Target::ALL.len());
    for target in Target::ALL {
        let triple = target.triple();
        let stub = listed.find(target).ok_or(triple)?;
        let manifest = Sha256Sum::of(format!("manifest of {triple}").as_bytes());
        assert!(listed.trusts(manifest));
        assert_eq!((stub.manifest, stub.size), (manifest, 7));
        assert_eq!(stub.sha256, Sha256Sum::of(triple.as_bytes()));
        // The name under which the command asks an index.
        assert_eq!(stub.wheel, wheel::file_name(wheels::VERSION, target));
    }
    Ok(())
}

#[test]
fn a_list_that_says_something_else_is_told() -> Result {
    let dir = tempfile::tempdir()?;
    std::fs::create_dir(dir.path().join("injector"))?;
    let entries = entries()?;
    let hint = |list: &[String], made: &[String]| -> std::result::Result<bool, _> {
        wheels::write_list(dir.path(), list)?;
        let checked = wheels::check_list(dir.path(), made);
        Ok::<_, Box<dyn std::error::Error>>(
            checked.is_err_and(|error| error.to_string().contains("--write-list")),
        )
    };
    assert!(!hint(&entries, &entries)?);
    // Some of the stubs were made.
    assert!(!hint(&entries, &entries[1..])?);
    // Some are not listed, or nothing is, or another program is.
    assert!(hint(&entries[1..], &entries)?);
    assert!(hint(&[], &entries)?);
    let other = entries[0].replace("stub_id = \"5a", "stub_id = \"5b");
    assert!(hint(&entries, &[other])?);
    Ok(())
}
