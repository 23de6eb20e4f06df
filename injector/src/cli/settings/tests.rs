//! Settings from a file beneath those of the command line.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use tempfile::TempDir;

use super::{File, Settings, SettingsError, keys, schema, template};
use crate::cli::args::{self, Cli};

/// A directory with one file.
struct Project {
    directory: TempDir,
    file: PathBuf,
}

impl Project {
    fn new(name: &str, text: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join(name);
        fs::write(&file, text).unwrap();
        Self { directory, file }
    }

    fn own(text: &str) -> Self {
        Self::new("oxidize.toml", text)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Parses a command line that names the file.
    fn parse(&self, arguments: &[&str]) -> Result<Settings, SettingsError> {
        let mut all = vec![OsString::from("oxidize-inject")];
        let (command, rest) = match arguments {
            ["sign", rest @ ..] => (Some("sign"), rest),
            rest => (None, rest),
        };
        all.extend(command.map(OsString::from));
        all.push("--config".into());
        all.push(self.file.clone().into());
        all.extend(rest.iter().map(OsString::from));
        Settings::from(&all)
    }

    fn told(&self, arguments: &[&str]) -> String {
        match self.parse(arguments) {
            Ok(_) => panic!("accepted"),
            Err(SettingsError::Arguments(error)) => error.to_string(),
            Err(SettingsError::File(failure)) => {
                let text = format!("{failure:?}");
                text.replace(&format!("{}/", self.directory.path().display()), "")
            }
        }
    }
}

#[test]
fn keys_are_options_and_paths_are_relative_to_the_file() {
    let project = Project::own(
        "output = 'dist/app'\nresources = 'src'\noptimize = 2\ncompress = true\nno-source = false\n\
         include = ['dbm.gnu', 'x']\nchildren = 'off'\nicon = '/abs.png'\n\
         require = ['.', 'requests>=2', '../other']\nrequirements = 'lock/pylock.toml'\n",
    );
    let cli = project.parse(&[]).unwrap().cli.package;
    assert_eq!(cli.output, Some(project.path("dist/app")));
    assert_eq!(cli.resources, Some(project.path("src")));
    assert_eq!(cli.optimize, 2);
    assert!(cli.compress && !cli.no_source);
    assert_eq!(cli.include, ["dbm.gnu", "x"]);
    assert_eq!(cli.children, args::Children::Off);
    assert_eq!(
        cli.windows.appearance().unwrap().icon,
        Some(PathBuf::from("/abs.png"))
    );
    let sources = oxidize_inject::internal::stubs::Sources::default();
    let required = cli.packages.requirements(None, &sources);
    let [here, beside] = [".", "../other"].map(|path| project.path(path).display().to_string());
    assert_eq!(
        required.specifiers,
        [here, "requests>=2".to_owned(), beside]
    );
    assert_eq!(required.files, [project.path("lock/pylock.toml")]);
}

#[test]
fn the_command_line_overrides_key_by_key() {
    let project = Project::own(
        "output = 'a'\nresources = 'src'\nentry = 'one'\noptimize = 2\ncompress = true\n\
         no-source = true\ninclude = ['x']\n",
    );
    let cli = project
        .parse(&[
            "b",
            "-O1",
            "--script",
            "t.py",
            "--no-compress",
            "--source",
            "--include",
            "y",
        ])
        .unwrap()
        .cli
        .package;
    assert_eq!(cli.output, Some(PathBuf::from("b")));
    assert_eq!(cli.optimize, 1);
    // `script` excludes `entry`.
    assert_eq!((cli.entry, cli.script), (None, Some(PathBuf::from("t.py"))));
    assert!(!cli.compress && !cli.no_source);
    assert_eq!(cli.include, ["y"]);
    assert_eq!(cli.resources, Some(project.path("src")));
}

#[test]
fn the_command_line_may_have_what_goes_with_a_key_of_the_file() {
    let project = Project::own(
        "output = 'a'\nresources = 'src'\nsign-p12 = 'id.p12'\nsign-password-file = 'pw'\n",
    );
    let from_file = |arguments: &[&str]| -> Vec<String> {
        let settings = project.parse(arguments).unwrap();
        settings.from_file.into_keys().collect()
    };
    assert_eq!(
        from_file(&["--sign-password-env", "PW"]),
        ["output", "resources", "sign-p12"]
    );
    assert_eq!(
        from_file(&["--timestamp-url", "http://localhost/"]),
        ["output", "resources", "sign-p12", "sign-password-file"]
    );
    // Another identity takes its place.
    for other in ["--sign-key", "--sign-command"] {
        let keys = from_file(&[other, "x"]);
        assert!(!keys.contains(&"sign-p12".to_owned()), "{other}: {keys:?}");
    }
}

#[test]
fn tables_are_pairs() {
    let project = Project::own(
        "[interpreter]\nutf8 = true\nwarning = ['error', 'ignore::Foo']\n\
         [environment]\nLEVEL = 3\nNAME = 'x=y'\n",
    );
    let cli = project.parse(&["a", "-r", "d"]).unwrap().cli.package;
    let told: Vec<_> = cli
        .environment
        .iter()
        .map(|v| (v.name.as_str(), v.value.as_str()))
        .collect();
    assert_eq!(told, [("LEVEL", "3"), ("NAME", "x=y")]);
    let mut options = oxidize_format::RunOptions::default();
    cli.interpreter
        .iter()
        .for_each(|setting| setting.apply(&mut options));
    assert_eq!(options.utf8_mode, Some(true));
    assert_eq!(options.warn_options, ["error", "ignore::Foo"]);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    for (text, told) in [
        (
            "\nresorces = 'x'",
            "oxidize.toml:2: there is no setting `resorces`\", causes: [], hint: Some(\"did you mean `resources`?\")",
        ),
        ("quiet = true", "there is no setting `quiet`"),
        (
            "\n\ncompress = 1",
            "oxidize.toml:3: `compress` must be true or false, not a number",
        ),
        (
            "optimize = 7",
            "oxidize.toml:1: invalid value '7' for '--optimize <LEVEL>'",
        ),
        (
            "optimize = 1.5",
            "must be a number, not a number with a fraction",
        ),
        (
            "optimize = '1'",
            "oxidize.toml:1: `optimize` must be a number, not a string",
        ),
        (
            "sign-command-timeout = '30'",
            "`sign-command-timeout` must be a number, not a string",
        ),
        (
            "sign-command-timeout = 0",
            "oxidize.toml:1: invalid value '0' for '--sign-command-timeout <SECONDS>'",
        ),
        (
            "identifier = 7",
            "`identifier` must be a string, not a number",
        ),
        ("script = true", "`script` must be a string, not a boolean"),
        ("include = [['x']]", "`include` must be an array of strings"),
        (
            "children = 'x'",
            "oxidize.toml:1: invalid value 'x' for '--children <CHILDREN>'",
        ),
        (
            "[include]\nx = 'y'",
            "must be a string or an array of strings, not a table",
        ),
        (
            "[interpreter]\n\nutf8 = 'maybe'",
            "`utf8` must be true or false, not `maybe`",
        ),
        (
            "[interpreter]\n\nutf8 = 1979-05-27",
            "oxidize.toml:3: `interpreter.utf8` cannot be a date",
        ),
        ("a = \n", "oxidize.toml:1: "),
    ] {
        let message = Project::own(text).told(&["a", "-r", "d"]);
        assert!(message.contains(told), "{text}: {message}");
    }
}

#[test]
fn keys_that_do_not_go_together_are_told_with_their_lines() {
    for (text, arguments, told) in [
        (
            "sign-p12 = 'a'\n\nsign-key = 'b'",
            &["sign", "f"][..],
            "oxidize.toml:1: `sign-p12` and `sign-key` (line 3): the argument '--sign-p12 <FILE>' \
             cannot be used with '--sign-key <FILE>'",
        ),
        (
            "execution-level = 'as-invoker'\nmanifest = 'x'",
            &["a", "-r", "d"],
            "oxidize.toml:1: `execution-level` and `manifest` (line 2): the argument",
        ),
        (
            "resources = 'd'\ntimestamp-url = 'http://a'",
            &["a"],
            "oxidize.toml:2: `timestamp-url`: the following required arguments were not provided: \
             <--sign-p12 <FILE>|",
        ),
    ] {
        let message = Project::own(text).told(arguments);
        assert!(message.contains(told), "{text}: {message}");
    }
    // Nothing of the file is to blame.
    let message = Project::own("compress = true").told(&["sign", "f", "--sign-name", "x"]);
    assert!(
        message.starts_with("error: the following required"),
        "{message}"
    );
}

#[test]
fn pyproject_has_a_table_and_its_scripts_are_entries() {
    let text = "[project]\nname = 'x'\n[project.scripts]\nrun = 'pkg.cli:main [extra]'\n\
                serve = 'pkg:serve'\n[tool.oxidize-inject]\nresources = 'src'\n";
    let project = Project::new("pyproject.toml", text);
    let entry = |arguments: &[&str]| project.parse(arguments).unwrap().cli.package.entry;
    assert_eq!(entry(&["run"]).as_deref(), Some("pkg.cli:main"));
    assert_eq!(entry(&["dist/serve.exe"]).as_deref(), Some("pkg:serve"));
    assert_eq!(entry(&["x", "--entry", "y"]).as_deref(), Some("y"));
    assert!(project.told(&["x"]).contains("several scripts: run, serve"));
    let none = Project::new("pyproject.toml", "[project]\nname = 'x'\n");
    assert!(
        none.told(&["x", "-r", "d"])
            .contains("has no table [tool.oxidize-inject]")
    );
}

#[test]
fn keys_may_need_each_other() {
    let project = Project::own(
        "resources = 'src'\nsign-certificates = ['chain.pem']\ntimestamp-url = 'http://x'\n\
         sign-command-timeout = 5\nsign-page-hashes = true\nsign-command = 'token'\n",
    );
    for words in [&["app"][..], &["sign", "app"]] {
        let settings = project.parse(words).unwrap();
        assert!(settings.from_file.contains_key("sign-certificates"));
        assert!(settings.from_file.contains_key("sign-command-timeout"));
    }
    // What is needed may be on the command line; it has to be somewhere.
    let project = Project::own("resources = 'src'\ntimestamp-url = 'http://x'\n");
    project.parse(&["app", "--sign-p12", "id.p12"]).unwrap();
    let refused = project.told(&["app"]);
    assert!(refused.contains("--sign-p12"), "{refused}");
}

#[test]
fn sign_takes_what_it_knows() {
    let project =
        Project::own("resources = 'src'\nidentifier = 'com.example'\nsign-p12 = 'id.p12'\n");
    let settings = project.parse(&["sign", "app"]).unwrap();
    let Some(args::Command::Sign(_)) = &settings.cli.command else {
        panic!("not sign");
    };
    assert!(settings.from_file.contains_key("sign-p12"));
    assert!(!settings.from_file.contains_key("resources"));
}

#[test]
fn the_nearest_file_counts_and_other_tools_files_do_not() {
    let outer = Project::own("optimize = 1\n");
    let below = outer.path("a/b");
    fs::create_dir_all(&below).unwrap();
    let found = |from: &Path| File::nearest(from).unwrap().map(|file| file.path);
    assert_eq!(found(&below), Some(outer.file.clone()));
    // Not TOML, and none of our business.
    fs::write(outer.path("a/pyproject.toml"), "[tool.other\n").unwrap();
    assert_eq!(found(&below), Some(outer.file.clone()));
    fs::write(outer.path("a/pyproject.toml"), "[tool.oxidize-inject]\n").unwrap();
    assert_eq!(found(&below), Some(outer.path("a/pyproject.toml")));
}

#[test]
fn the_template_holds_every_setting_and_is_valid_when_taken_at_its_word() {
    let command = Cli::command();
    let text = template::text(&command);
    let file = |text: &str| File::parse(Path::new("oxidize.toml"), text).unwrap();
    assert_eq!(file(&text).settings().unwrap().len(), 0);
    let live: String = text
        .lines()
        .map(|line| {
            line.strip_prefix('#')
                .filter(|rest| !rest.starts_with([' ', '-']))
                .unwrap_or("")
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let file = file(&live);
    let names: Vec<_> = file
        .settings()
        .unwrap()
        .iter()
        .map(|entry| entry.name.as_str())
        .collect();
    let expected: Vec<_> = keys::settings(&command).map(|(name, _)| name).collect();
    assert_eq!(names, expected);
    assert!(expected.len() > 30 && expected.contains(&"sign-command"));
}

#[test]
fn the_schema_in_the_documentation_is_current() {
    let generated = format!("{:#}\n", schema::of(&Cli::command()));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/oxidize.schema.json");
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == generated,
        "oxidize-inject init --schema >docs/oxidize.schema.json makes it current"
    );
}

#[test]
fn each_setting_has_a_type_that_the_file_can_hold() {
    let command: Command = Cli::command();
    for (name, arg) in keys::settings(&command) {
        let action = arg.get_action();
        let known = matches!(
            action,
            clap::ArgAction::Set | clap::ArgAction::SetTrue | clap::ArgAction::Append
        );
        assert!(known, "{name}: {action:?}");
    }
}
