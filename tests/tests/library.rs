//! The library of the injector, used as its example uses it.

#[allow(dead_code)] // Its `main` reads a command line.
#[path = "../../examples/package.rs"]
mod example;

use std::error::Error as _;

use oxidize_inject::{Entry, Packager, Target};
use oxidize_tests::run::Run;
use oxidize_tests::tools;

#[test]
fn the_example_packages_hello() {
    // Builds the stub, which is found beside the test.
    tools::stub(tools::GNU).unwrap();
    let directory = tools::scratch().unwrap();
    let app = directory.path().join("hello");
    let report = example::package(&tools::checkout().join("examples/hello"), &app).unwrap();
    assert_eq!(report.target, Target::X86_64_LINUX_GNU);
    assert_eq!(report.entry, Entry::Module("__main__".to_owned()));
    assert_eq!(report.size, app.metadata().unwrap().len());
    assert_eq!(report.warnings, []);
    let outcome = Run::new(&app).outcome().unwrap().success().unwrap();
    assert!(outcome.stdout.starts_with("Hello from Python"), "{outcome}");
}

#[test]
fn an_error_says_what_is_wrong_and_its_sources_why() {
    let directory = tools::scratch().unwrap();
    let missing = directory.path().join("nowhere");
    let error = Packager::new(&missing)
        .package(directory.path().join("app"))
        .unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
    let cause = error.source().expect("the system's answer");
    assert!(cause.to_string().contains("No such file"), "{cause}");
    assert!(!directory.path().join("app").exists());
}
