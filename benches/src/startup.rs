//! Cases: from nothing to the end of a short program.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::environment::{self, Environment};
use crate::measure::{Program, Sample, alternate};

/// One row of the table: the same program in several forms. The second is the baseline.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Why the case is there.
    pub(crate) purpose: &'static str,
    pub(crate) programs: Vec<Program>,
}

impl Case {
    pub(crate) fn measure(&self, rounds: usize) -> Result<Vec<Sample>, String> {
        alternate(&self.programs, rounds)
    }
}

/// What the tables call a program with a start snapshot. The baseline is the plain interpreter of
/// the other distribution for x86_64 Linux, glibc's, which is the faster one.
pub(crate) const SNAPSHOT: &str = "packaged for musl, `--snapshot`";

/// All cases.
pub(crate) fn cases(environment: &Environment) -> Result<Vec<Case>, String> {
    let hello = environment.repository.join("examples/hello");
    let mut cases = vec![
        Case {
            name: "hello",
            purpose: "What every start costs.",
            programs: forms(environment, &hello, "Hello")?,
        },
        Case {
            name: "hello against nothing",
            purpose: "A program that prints a line against an interpreter that does nothing.",
            programs: against_nothing(environment, &hello)?,
        },
        Case {
            name: "check at start",
            purpose: "The setting `check-at-start`, which hashes all resources first. valgrind counts more than runs: it \
                      shows programs a processor without SHA instructions.",
            programs: checked(environment, &hello)?,
        },
        Case {
            name: "import all",
            purpose: "Imports every module of the standard library that imports silently: what a large program's \
                      start costs, exit included.",
            programs: forms(environment, &import_all(environment), "imported")?,
        },
    ];
    cases.extend(preloaded(environment)?);
    match environment::with_requirements(environment, &environment.repository.join(WEB)) {
        Ok(application) => cases.extend(web(environment, &application)?),
        Err(reason) => eprintln!("no rows for libraries of others: {reason}"),
    }
    Ok(cases)
}

/// A program that imports everything.
pub(crate) fn import_all(environment: &Environment) -> PathBuf {
    environment.repository.join("benches/apps/import_all")
}

/// A program that imports libraries from PyPI.
const WEB: &str = "benches/apps/web";

/// A program that does nothing and has the whole standard library, against an interpreter that has
/// nothing and does nothing.
fn preloaded(environment: &Environment) -> Result<Option<Case>, String> {
    let place = environment.scratch.path().join("preloaded");
    std::fs::create_dir_all(&place)
        .and_then(|()| std::fs::write(place.join("__main__.py"), "print('done')\n"))
        .and_then(|()| {
            let list = import_all(environment).join("modules.txt");
            std::fs::copy(list, place.join("modules.txt")).map(drop)
        })
        .map_err(|error| format!("{}: {error}", place.display()))?;
    let Some(snapshot) = environment.snapshot(&place)? else {
        return Ok(None);
    };
    let mut nothing = vec![environment.plain_python.clone().into_os_string()];
    nothing.extend(["-I", "-S", "-c", "pass"].map(OsString::from));
    Ok(Some(Case {
        name: "all of the library against nothing",
        purpose: "A program that prints a line, with every module of the standard library loaded, against an \
                  interpreter that does nothing and has loaded none.",
        programs: vec![
            Program {
                name: SNAPSHOT.to_owned(),
                command: vec![snapshot.into_os_string()],
                output: Some("done".to_owned()),
                countable: false,
            },
            Program {
                name: "plain -I -S -c pass".to_owned(),
                command: nothing,
                output: None,
                countable: true,
            },
        ],
    }))
}

/// Libraries of others, imported only and at work.
fn web(environment: &Environment, application: &Path) -> Result<Vec<Case>, String> {
    let packaged = environment.package(application, "fast")?;
    let snapshot = environment.snapshot(application)?;
    let main = application.join("__main__.py").into_os_string();
    let mut plain = vec![environment.plain_python.clone().into_os_string()];
    // The libraries lie beside the program.
    plain.extend(["-E", "-s", "-S"].map(OsString::from));
    plain.push(main);
    let case = |name, purpose, argument: Option<&str>| {
        let program = |name: &str, mut command: Vec<OsString>, countable| {
            command.extend(argument.map(OsString::from));
            Program {
                name: name.to_owned(),
                command,
                output: Some("imported".to_owned()),
                countable,
            }
        };
        let mut programs = vec![
            program("packaged", vec![packaged.clone().into_os_string()], true),
            program("plain -E -s -S", plain.clone(), true),
        ];
        if let Some(snapshot) = &snapshot {
            let command = vec![snapshot.clone().into_os_string()];
            programs.push(program(SNAPSHOT, command, false));
        }
        Case {
            name,
            purpose,
            programs,
        }
    };
    Ok(vec![
        case(
            "import libraries",
            "Imports flask, sqlalchemy, jinja2, click and requests, without their extension modules.",
            None,
        ),
        case(
            "a request and a query",
            "The same, and one request to a flask application that asks a database.",
            Some("work"),
        ),
    ])
}

fn against_nothing(environment: &Environment, hello: &Path) -> Result<Vec<Program>, String> {
    let packaged = environment.package(hello, "fast")?;
    let mut nothing = vec![environment.plain_python.clone().into_os_string()];
    nothing.extend(["-I", "-S", "-c", "pass"].map(OsString::from));
    let program = |name: &str, app: PathBuf| Program {
        name: name.to_owned(),
        command: vec![app.into_os_string()],
        output: Some("Hello".to_owned()),
        countable: name != SNAPSHOT,
    };
    let mut programs = vec![
        program("packaged hello", packaged),
        Program {
            name: "plain -I -S -c pass".to_owned(),
            command: nothing,
            output: None,
            countable: true,
        },
    ];
    let snapshot = environment.snapshot(hello)?;
    programs.extend(snapshot.map(|app| program(SNAPSHOT, app)));
    Ok(programs)
}

fn checked(environment: &Environment, hello: &Path) -> Result<Vec<Program>, String> {
    let program = |name: &str, app: PathBuf| Program {
        name: name.to_owned(),
        command: vec![app.into_os_string()],
        output: Some("Hello".to_owned()),
        countable: true,
    };
    Ok(vec![
        program("hello, `check-at-start`", environment.checked(hello)?),
        program("hello", environment.package(hello, "fast")?),
    ])
}

pub(crate) fn forms(
    environment: &Environment,
    application: &Path,
    output: &str,
) -> Result<Vec<Program>, String> {
    let packaged = environment.package(application, "fast")?;
    let full = environment.package(application, "full")?;
    let compressed = environment.compressed(application)?;
    let main = application.join("__main__.py").into_os_string();
    let program = |name: &str, command: Vec<OsString>| Program {
        name: name.to_owned(),
        command,
        output: Some(output.to_owned()),
        countable: name != SNAPSHOT,
    };
    let plain = environment.plain_python.clone().into_os_string();
    let flags = ["-I", "-S", "-W", "ignore"].map(OsString::from);
    let interpreter = |python: OsString, flags: &[OsString]| {
        let mut command = vec![python];
        command.extend_from_slice(flags);
        command.push(main.clone());
        command
    };
    let mut forms = vec![
        program("packaged", vec![packaged.into_os_string()]),
        program("plain -I -S", interpreter(plain.clone(), &flags)),
        program("packaged, `--compress`", vec![compressed.into_os_string()]),
        program("packaged, `--exit full`", vec![full.into_os_string()]),
        program("plain -I", interpreter(plain, &flags[..1])),
    ];
    forms.extend(
        environment
            .snapshot(application)?
            .map(|app| program(SNAPSHOT, vec![app.into_os_string()])),
    );
    if let Some(stock) = &environment.stock_python {
        let name = format!("stock {} -I", stock.version);
        forms.push(program(
            &name,
            interpreter(stock.path.clone().into_os_string(), &flags[..1]),
        ));
    }
    Ok(forms)
}
