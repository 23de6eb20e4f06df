//! The library of the injector, used as its example uses it.

#[allow(dead_code)] // Its `main` reads a command line.
#[path = "../../examples/package.rs"]
mod example;

use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use oxidize_inject::{
    Appearance, ChildRole, Entry, ExecutionLevel, Exit, Packager, Signing, Target,
};
use oxidize_tests::run::Run;
use oxidize_tests::{Result, tools, trial};
use tempfile::TempDir;

fn main() -> std::process::ExitCode {
    oxidize_tests::main(vec![
        trial("the_example_packages_hello", the_example_packages_hello),
        trial(
            "an_error_says_what_is_wrong_and_its_sources_why",
            an_error_says_what_is_wrong_and_its_sources_why,
        ),
        trial(
            "the_library_can_do_what_the_command_can",
            the_library_can_do_what_the_command_can,
        ),
        trial(
            "the_library_says_what_it_does_not_take",
            the_library_says_what_it_does_not_take,
        ),
        trial("no_input_is_replaced", no_input_is_replaced),
        trial(
            "it_signs_what_the_command_signs",
            it_signs_what_the_command_signs,
        ),
    ])
}

fn the_example_packages_hello() -> Result {
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
    Ok(())
}

fn an_error_says_what_is_wrong_and_its_sources_why() -> Result {
    let directory = tools::scratch().unwrap();
    let missing = directory.path().join("nowhere");
    let error = Packager::new(&missing)
        .package(directory.path().join("app"))
        .unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
    let cause = error.source().expect("the system's answer");
    assert!(cause.to_string().contains("No such file"), "{cause}");
    assert!(!directory.path().join("app").exists());
    Ok(())
}

/// Packages the same resources by the library and by the command.
struct Both {
    directory: TempDir,
    resources: PathBuf,
}

impl Both {
    fn new() -> Both {
        let directory = tools::scratch().unwrap();
        let resources = directory.path().join("src");
        fs::create_dir_all(resources.join("pkg")).unwrap();
        fs::write(
            resources.join("pkg/__init__.py"),
            "def main(): print('pkg')",
        )
        .unwrap();
        fs::write(resources.join("tool.py"), "print('tool')").unwrap();
        Both {
            directory,
            resources,
        }
    }

    /// Both write the same bytes: to the path that is returned, and elsewhere, as the name of a
    /// file can be in it.
    fn compare(&self, packager: Packager, options: &[&str], name: &str) -> PathBuf {
        let place = self.directory.path();
        let (ours, theirs) = (
            place.join("library").join(name),
            place.join("command").join(name),
        );
        for file in [&ours, &theirs] {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
        }
        packager.package(&ours).unwrap();
        let command = tools::program("oxidize-inject").unwrap();
        let done = Command::new(command)
            .args([
                theirs.as_os_str(),
                "--resources".as_ref(),
                self.resources.as_os_str(),
            ])
            .args(options)
            .env("PASSWORD", "secret")
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        assert!(
            fs::read(&ours).unwrap() == fs::read(&theirs).unwrap(),
            "{options:?}"
        );
        ours
    }
}

/// What the command does through options, the library does through methods: both write the same
/// bytes.
fn the_library_can_do_what_the_command_can() -> Result {
    let both = Both::new();
    let packager = Packager::new(&both.resources)
        .target(Target::X86_64_LINUX_GNU)
        .entry("pkg:main")
        .entry_point("other", "pkg:main")
        .and_then(|packager| packager.interpreter("utf8", "true"))
        .and_then(|packager| packager.environment("COLOUR", "a=b"))
        .unwrap()
        .children(ChildRole::Application)
        .exit(Exit::Full)
        .place("pkg");
    let options = [
        "--entry=pkg:main",
        "--entry-point=other=pkg:main",
        "--interpreter=utf8=true",
        "--environment=COLOUR=a=b",
        "--children=application",
        "--exit=full",
        "--place=pkg=files",
    ];
    let app = both.compare(packager, &options, "app");
    let outcome = Run::new(&app).outcome().unwrap().success().unwrap();
    assert_eq!(outcome.stdout, "pkg\n");

    let plain = Packager::new(&both.resources).script("tool.py");
    let options = ["--script", "tool.py", "--target", tools::GNU];
    both.compare(plain.target(Target::X86_64_LINUX_GNU), &options, "plain");

    Ok(())
}

/// The same of programs that are signed.
fn it_signs_what_the_command_signs() -> Result {
    tools::stub(Target::X86_64_WINDOWS.triple())?;
    tools::stub(Target::AARCH64_MACOS.triple())?;
    tools::host_tool("openssl")?;
    let both = Both::new();
    let looks = Appearance {
        gui: true,
        execution_level: ExecutionLevel::RequireAdministrator,
        ..Appearance::default()
    };
    let key = identity(both.directory.path());
    let signing = Signing::pkcs12(&key, Some("secret")).unwrap();
    let windows = Packager::new(&both.resources)
        .script("tool.py")
        .appearance(looks)
        .signing(signing.program_name("Tool").page_hashes());
    let options = [
        "--script=tool.py",
        "--gui",
        "--execution-level=require-administrator",
        "--sign-p12",
        &key.to_string_lossy(),
        "--sign-password-env=PASSWORD",
        "--sign-name=Tool",
        "--sign-page-hashes",
    ];
    both.compare(windows, &options, "looks.exe");

    let mac = Target::AARCH64_MACOS;
    let signing = Signing::ad_hoc().unwrap().hardened_runtime();
    let packager = Packager::new(&both.resources)
        .script("tool.py")
        .target(mac)
        .identifier("org.example.tool")
        .signing(signing);
    let options = [
        "--script=tool.py",
        "--target",
        mac.triple(),
        "--identifier=org.example.tool",
        "--hardened-runtime",
    ];
    both.compare(packager, &options, "mac");
    Ok(())
}

/// A key and its certificate in a PKCS#12 file with the password `secret`.
fn identity(place: &Path) -> PathBuf {
    let key = place.join("identity.p12");
    for arguments in [
        "req -x509 -newkey rsa:2048 -nodes -subj /CN=test -keyout key.pem -out cert.pem \
         -addext extendedKeyUsage=codeSigning",
        "pkcs12 -export -inkey key.pem -in cert.pem -out identity.p12 -passout pass:secret",
    ] {
        let openssl = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(place)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&openssl.stderr);
        assert!(openssl.status.success(), "{said}");
    }
    key
}

fn the_library_says_what_it_does_not_take() -> Result {
    let packager = Packager::default;
    for (error, expected) in [
        (
            packager().interpreter("utf9", "true").unwrap_err(),
            "no setting `utf9`",
        ),
        (
            packager().interpreter("utf8", "x").unwrap_err(),
            "must be true or false",
        ),
        (
            packager().environment("A=B", "x").unwrap_err(),
            "has a `=` in it",
        ),
        (
            packager().entry_point("", "pkg").unwrap_err(),
            "it is not NAME=VALUE",
        ),
        (
            Signing::pkcs12("/no/such.p12", None).unwrap_err(),
            "cannot read `/no/such.p12`",
        ),
        (
            Signing::command("exit 3", &[], Duration::from_secs(9)).unwrap_err(),
            "exit",
        ),
        (
            Signing::ad_hoc()
                .unwrap()
                .entitlements("/no/such.plist")
                .unwrap_err(),
            "cannot read `/no/such.plist`",
        ),
    ] {
        assert!(error.to_string().contains(expected), "{error}");
    }
    Ok(())
}

/// A script, an icon or a key is no place for a program.
fn no_input_is_replaced() -> Result {
    let directory = tools::scratch().unwrap();
    let script = directory.path().join("tool.py");
    fs::write(&script, "print('tool')").unwrap();
    let error = Packager::default()
        .script(&script)
        .package(&script)
        .unwrap_err();
    assert!(error.to_string().contains("tool.py"), "{error}");
    assert_eq!(fs::read_to_string(&script).unwrap(), "print('tool')");
    Ok(())
}
