//! The table of [`super::decide`].

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::*;

const SPELLED: &str = "/opt/tool/../tool/../tool/app";

/// A world in which the program is `/opt/tool/app`, linked as `/bin/tool`, and the current
/// directory is `/opt/tool`.
fn leads_to_us(path: &Path) -> Option<bool> {
    match path.to_str()? {
        SPELLED | "/opt/tool/app" | "./app" | "/bin/tool" | "/proc/self/exe" => Some(true),
        "tool.pyz" | "/bin/sh" | "/tmp/../tmp/../tmp/other" => Some(false),
        _ => None,
    }
}

struct Case {
    started_as: &'static str,
    line: &'static str,
    ancestors: &'static [(bool, &'static str)],
    children: ChildRole,
    privileged: bool,
    marked: bool,
}

const CASE: Case = Case {
    started_as: SPELLED,
    line: "",
    ancestors: &[(true, "./app serve --opt"), (false, "sh")],
    children: ChildRole::Interpreter,
    privileged: false,
    marked: false,
};

fn words(line: &str) -> Vec<OsString> {
    line.split(' ').map(OsString::from).collect()
}

fn decided(case: &Case) -> Identity {
    let ancestors: Vec<Ancestor> = case
        .ancestors
        .iter()
        .map(|(is_us, line)| Ancestor {
            process: 7,
            is_us: *is_us,
            is_trusted: true,
            command: Some(words(line)),
            same_directory: Some(true),
        })
        .collect();
    decide(
        &Facts {
            has_entry: true,
            children: case.children,
            arguments: &words(case.line),
            started_as: Some(OsStr::new(case.started_as)),
            name: Some(OsStr::new("app")),
            privileged: case.privileged,
            marked: case.marked,
            ancestors: Some(&ancestors),
            generations: 0,
            in_environment: false,
        },
        &leads_to_us,
    )
}

#[test]
fn started_by_the_plain_path() {
    for (started_as, line) in [
        ("/opt/tool/app", "/opt/tool/app -c pass"),
        ("./app", "./app serve"),
        ("/bin/tool", "tool -m x"),
        ("/proc/self/exe", "/proc/self/exe"),
        // Spelled the same way, and another file.
        ("/opt/tool/app", "/tmp/../tmp/../tmp/other -c pass"),
    ] {
        let case = Case {
            started_as,
            line,
            ..CASE
        };
        assert_eq!(decided(&case), Identity::Application(0), "{line}");
    }
}

#[test]
fn the_plain_path_makes_no_environment() {
    for (line, again) in [
        ("app -m venv x", &[(true, "app -m venv x")]),
        ("app -m virtualenv x", &[(true, "app -m virtualenv x")]),
    ] {
        let case = Case {
            started_as: "/opt/tool/app",
            line,
            ..CASE
        };
        let refused = Identity::Refused(Refusal::VirtualEnvironment);
        assert_eq!(decided(&case), refused, "{line}");
        // By its user.
        let case = Case {
            ancestors: &[(false, "sh"), (true, "app")],
            ..case
        };
        assert_eq!(decided(&case), Identity::Application(0), "{line}");
        // By the application that has these arguments and starts itself again.
        let case = Case {
            started_as: "/opt/tool/app",
            line,
            ancestors: again,
            ..CASE
        };
        assert_eq!(decided(&case), Identity::Application(0), "{line}");
    }
}

#[test]
fn started_as_the_interpreter() {
    for line in [
        SPELLED,
        "/opt/tool/../tool/../tool/app -c pass",
        "python -c pass",
        "python tool.pyz",
        "python other.py serve --opt",
        "python app.py",
        "python -W app other.py",
        "",
    ] {
        assert_eq!(
            decided(&Case { line, ..CASE }),
            Identity::Interpreter,
            "{line}"
        );
    }
}

#[test]
fn a_script_with_us_in_its_first_line() {
    let line = "/opt/tool/../tool/../tool/app /tmp/script";
    let case = Case {
        started_as: "/tmp/script",
        line,
        ..CASE
    };
    assert_eq!(decided(&case), Identity::Interpreter);
}

#[test]
fn started_again_as_a_script() {
    for (line, first) in [
        ("python ./app serve", 1),
        ("python app serve", 1),
        ("python /opt/tool/app", 1),
        ("python /bin/tool x", 1),
        ("python -u -W error ./app serve", 4),
        ("python -- ./app", 2),
    ] {
        for privileged in [false, true] {
            // Nobody gets anything by this that the plain path does not give.
            let case = Case {
                line,
                privileged,
                ancestors: &[],
                ..CASE
            };
            assert_eq!(decided(&case), Identity::Application(first), "{line}");
        }
    }
}

#[test]
fn started_again_with_the_same_arguments() {
    let line = "python serve --opt";
    assert_eq!(decided(&Case { line, ..CASE }), Identity::Application(0));
    // An interpreter that starts an interpreter.
    for ancestors in [
        &[(true, "/opt/tool/../tool/../tool/app serve --opt")][..],
        &[(true, "python serve --opt")],
        &[(true, "./app serve"), (true, "./app serve --opt")],
    ] {
        let case = Case {
            line,
            ancestors,
            ..CASE
        };
        assert_eq!(decided(&case), Identity::Interpreter);
    }
}

#[test]
fn strangers() {
    let line = "x -c pass";
    let alone = Case {
        line,
        ancestors: &[(false, "sh")],
        ..CASE
    };
    assert_eq!(decided(&alone), Identity::Refused(Refusal::Stranger));
    assert_eq!(
        decided(&Case {
            marked: true,
            ..alone
        }),
        Identity::Interpreter
    );
    let behind_a_shell = &[(false, "sh -c x"), (true, "./app")];
    let case = Case {
        line,
        ancestors: behind_a_shell,
        ..CASE
    };
    assert_eq!(decided(&case), Identity::Interpreter);
}

#[test]
fn more_rights_than_the_user() {
    let privileged = Case {
        line: "x -c pass",
        privileged: true,
        ..CASE
    };
    assert_eq!(decided(&privileged), Identity::Refused(Refusal::Privileged));
    let stranger = Case {
        ancestors: &[(false, "sh")],
        ..privileged
    };
    assert_eq!(decided(&stranger), Identity::Application(0));
}

#[test]
fn as_packaged() {
    let line = "x -c pass";
    for (children, identity) in [
        (ChildRole::Interpreter, Identity::Interpreter),
        (ChildRole::Application, Identity::Application(0)),
        (ChildRole::Off, Identity::Refused(Refusal::Off)),
    ] {
        assert_eq!(
            decided(&Case {
                line,
                children,
                ..CASE
            }),
            identity
        );
        let again = Case {
            line: "x ./app serve",
            children,
            ..CASE
        };
        assert_eq!(decided(&again), Identity::Application(1));
    }
}

#[test]
fn without_end() {
    let plain = Case {
        started_as: "./app",
        line: "./app -c x",
        ..CASE
    };
    const SAME: (bool, &str) = (true, "app -c x");
    let few = Case {
        ancestors: &[SAME; MOST_EQUAL - 1],
        ..plain
    };
    assert_eq!(decided(&few), Identity::Application(0));
    let many = Case {
        ancestors: &[SAME; MOST_EQUAL],
        ..few
    };
    assert_eq!(
        decided(&many),
        Identity::Refused(Refusal::Generations(MOST_EQUAL))
    );
    // Other arguments each time: as `make` does it.
    let deep = Case {
        ancestors: &[(true, "app -c y"); 40],
        ..many
    };
    assert_eq!(decided(&deep), Identity::Application(0));
    let too_deep = Case {
        ancestors: &[(true, "app -c y"); MOST],
        ..deep
    };
    assert_eq!(
        decided(&too_deep),
        Identity::Refused(Refusal::Generations(MOST))
    );
    // By turns.
    let turns = Case {
        ancestors: &[
            SAME,
            (true, "app"),
            (false, "sh"),
            SAME,
            SAME,
            SAME,
            SAME,
            SAME,
            SAME,
            SAME,
        ],
        ..plain
    };
    assert_eq!(
        decided(&turns),
        Identity::Refused(Refusal::Generations(MOST_EQUAL))
    );
}

#[test]
fn nothing_to_run() {
    let arguments = words("app -c pass");
    let facts = Facts {
        has_entry: false,
        children: ChildRole::Off,
        arguments: &arguments,
        started_as: None,
        name: None,
        privileged: true,
        marked: false,
        ancestors: None,
        generations: 99,
        in_environment: true,
    };
    assert_eq!(decide(&facts, &leads_to_us), Identity::Interpreter);
    let facts = Facts {
        has_entry: true,
        ..facts
    };
    assert_eq!(
        decide(&facts, &leads_to_us),
        Identity::Refused(Refusal::VirtualEnvironment)
    );
    let facts = Facts {
        in_environment: false,
        ..facts
    };
    assert_eq!(
        decide(&facts, &leads_to_us),
        Identity::Refused(Refusal::Generations(99))
    );
}

#[test]
fn a_program_found_by_name_is_called_by_its_path() {
    let called = |name: &str, found_at: &str| {
        let called = super::arguments::called(OsStr::new(name), Path::new(found_at));
        called.to_str().unwrap().to_owned()
    };
    assert_eq!(called("app", "/usr/bin/app"), "/usr/bin/app");
    assert_eq!(called("app", "./app"), "./app");
    assert_eq!(called("app", "app"), "app");
    // Names that a starter made up, and what already is a path.
    for name in [
        "-app",
        "tool",
        "./app",
        "../app",
        "app/",
        "",
        "..",
        "/usr/bin/app",
    ] {
        assert_eq!(called(name, "/opt/app"), name);
    }
    // A descriptor (fexecve).
    assert_eq!(called("app", "/dev/fd/5"), "app");
}
