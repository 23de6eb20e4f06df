//! Who am I: the application, an interpreter over its modules, or neither.
//!
//! A process of ours is the application unless it was started by the path in `sys.executable`,
//! which is a spelling of its own ([`spelling`]), by a process that is us. [`decide`] is the one
//! place that says so, from facts that others gather; docs/children.md says what comes of each way
//! to start a child.

pub mod arguments;
pub mod environment;
pub mod generations;
pub mod spelling;

use std::ffi::{OsStr, OsString};
use std::path::Path;

pub use oxidize_format::ChildRole;

/// What the process is.
#[derive(Debug, PartialEq, Eq)]
pub enum Identity {
    /// The packaged entry point; its arguments begin at this one of the process's.
    Application(usize),
    /// A Python interpreter: `-c`, `-m`, a script, or interactive.
    Interpreter,
    /// Nothing, for a reason that the user is told.
    Refused(Refusal),
}

/// Why the process ends at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody else used the path that stands for the interpreter.
    Stranger,
    /// The program has more rights than who started it.
    Privileged,
    /// It was packaged to have no such children.
    Off,
    /// A virtual environment was made of it.
    VirtualEnvironment,
    /// It starts itself without end.
    Generations(usize),
}

impl Refusal {
    /// The end of a sentence that begins with "this application cannot start: ".
    pub fn reason(self) -> String {
        match self {
            Refusal::Stranger => "this path is its sys.executable, the Python interpreter inside it, \
                which only processes of the application itself can start\n\n\
                hint: start the application by its plain path, without `..`"
                .to_owned(),
            Refusal::Privileged => "a program with setuid, setgid or capabilities starts no Python interpreter \
                (sys.executable)"
                .to_owned(),
            Refusal::Off => "it was packaged with `--children off`, so sys.executable starts no Python interpreter"
                .to_owned(),
            Refusal::VirtualEnvironment => "a packaged application cannot be the Python of a virtual environment\n\n\
                hint: make the environment with an installed Python"
                .to_owned(),
            Refusal::Generations(count) => format!(
                "it has started itself {count} times over\n\n\
                 hint: only the exact path in sys.executable starts a Python interpreter; \
                 any other path to this file, `os.path.realpath(sys.executable)` included, starts the application"
            ),
        }
    }
}

/// A process that ours descends from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ancestor {
    /// Its number.
    pub process: u32,
    /// Whether it runs this program.
    pub is_us: bool,
    /// Whether its word counts: it runs as our user, and no other than that and root is between it
    /// and us. Asked only where it matters.
    pub is_trusted: bool,
    /// Its command line, if that can be read.
    pub command: Option<Vec<OsString>>,
    /// Whether its working directory is ours, if that can be read.
    pub same_directory: Option<bool>,
}

/// How far the word of ancestors counts: up to the first that runs as another user. A program that
/// changes the user may hand on whatever its caller wants, and the interpreter of another user is
/// not for the caller.
#[derive(Debug)]
pub struct Trust {
    /// Real, effective and saved user of this process; `None` once the line is broken.
    own: Option<[u32; 3]>,
}

impl Trust {
    /// Begins at a process of these users; `None` trusts nobody.
    pub fn new(own: Option<[u32; 3]>) -> Trust {
        Trust { own }
    }

    /// Whether the next ancestor's word counts. Root between us changes nothing; its own word would
    /// be that of a program which may not be looked at.
    pub fn reaches(&mut self, users: Option<[u32; 3]>) -> bool {
        self.own = self
            .own
            .filter(|own| users == Some(*own) || users == Some([0; 3]));
        self.own.is_some() && users == self.own
    }
}

/// What the decision depends on.
#[derive(Debug)]
pub struct Facts<'a> {
    /// Whether there is an entry point. A program without one is an interpreter for everybody.
    pub has_entry: bool,
    /// What it was packaged for.
    pub children: ChildRole,
    /// The command line.
    pub arguments: &'a [OsString],
    /// The path the process was started by, where the system tells.
    pub started_as: Option<&'a OsStr>,
    /// The name of the program's file.
    pub name: Option<&'a OsStr>,
    /// Whether the system has given it rights that who started it does not have.
    pub privileged: bool,
    /// Whether our own functions that start processes have said so, and can have.
    pub marked: bool,
    /// Parent first; `None` where the system does not tell.
    pub ancestors: Option<&'a [Ancestor]>,
    /// How many of the processes it descends from had these arguments, where only the environment
    /// tells.
    pub generations: usize,
    /// Whether the link it was started by belongs to a virtual environment made of this program.
    pub in_environment: bool,
}

/// As many living generations with the same arguments in the same directory mean that there is no
/// end to it.
pub const MOST_EQUAL: usize = 8;
/// As many of any kind.
pub const MOST: usize = 64;

/// The decision. `leads_to_us` tells whether a path leads to the program's file: `None` if there is
/// nothing.
pub fn decide(facts: &Facts<'_>, leads_to_us: &dyn Fn(&Path) -> Option<bool>) -> Identity {
    if !facts.has_entry {
        return Identity::Interpreter;
    }
    let spelled = |argument: &OsStr| {
        spelling::is_interpreter(argument) && leads_to_us(Path::new(argument)) == Some(true)
    };
    // A script's `#!` line leaves the path in the first argument only.
    let as_interpreter = facts.marked
        || facts.started_as.is_some_and(spelled)
        || facts.arguments.first().is_some_and(|first| spelled(first));
    if !as_interpreter {
        if facts.in_environment || makes_environment(facts) {
            return Identity::Refused(Refusal::VirtualEnvironment);
        }
        return application(facts, 0);
    }
    let names_us = |argument: &OsStr| names_us(argument, facts.name, leads_to_us);
    if let Some(at) =
        arguments::script(facts.arguments).filter(|at| names_us(&facts.arguments[*at]))
    {
        return application(facts, at);
    }
    if facts.children == ChildRole::Application || repeats(facts) {
        return application(facts, 0);
    }
    let ours = |wanted: &dyn Fn(&Ancestor) -> bool| {
        let all = facts.ancestors.unwrap_or_default();
        all.iter()
            .any(|ancestor| ancestor.is_us && wanted(ancestor))
    };
    if facts.privileged {
        // To refuse is always safe.
        return if facts.marked || ours(&|_| true) {
            Identity::Refused(Refusal::Privileged)
        } else {
            application(facts, 0)
        };
    }
    let by_us = facts.marked || ours(&|ancestor| ancestor.is_trusted);
    match (facts.children, by_us) {
        (ChildRole::Off, _) => Identity::Refused(Refusal::Off),
        (_, false) => Identity::Refused(Refusal::Stranger),
        (_, true) => Identity::Interpreter,
    }
}

/// Whether a process of ours takes the application for a Python that makes a virtual environment:
/// pipx starts what its own path really is with `-m venv`, or with code that imports `venv`. An
/// application that was started with these arguments itself only starts again.
fn makes_environment(facts: &Facts<'_>) -> bool {
    let by_us = facts
        .ancestors
        .is_some_and(|all| all.first().is_some_and(|parent| parent.is_us));
    let [_, option, what, ..] = facts.arguments else {
        return false;
    };
    let imports_it = || {
        let code = what.to_string_lossy();
        code.contains("import ") && code.contains("venv.")
    };
    let makes = match option.as_encoded_bytes() {
        b"-m" => what == "venv" || what == "virtualenv",
        b"-c" => imports_it(),
        _ => false,
    };
    by_us && makes && !repeats(facts)
}

/// Whether an argument in the place of a script is the program itself: a path to its file, or the
/// bare name by which it is found on `PATH` if no other file has that name here.
fn names_us(
    argument: &OsStr,
    name: Option<&OsStr>,
    leads_to_us: &dyn Fn(&Path) -> Option<bool>,
) -> bool {
    let path = Path::new(argument);
    match leads_to_us(path) {
        Some(ours) => ours,
        None => name == Some(argument) && path.components().count() == 1,
    }
}

/// Whether the nearest process that is us was the application and had the same arguments: it starts
/// itself again, as programs do that were made for other packagers (`[sys.executable,
/// *sys.argv[1:]]`).
fn repeats(facts: &Facts<'_>) -> bool {
    let nearest = facts
        .ancestors
        .and_then(|all| all.iter().find(|ancestor| ancestor.is_us));
    let Some(command) = nearest.and_then(|ancestor| ancestor.command.as_ref()) else {
        return false;
    };
    let by_plain_path = command.first().is_some_and(|first| {
        !spelling::is_interpreter(first) && Path::new(first).file_name() == facts.name
    });
    by_plain_path && facts.arguments.len() > 1 && command.get(1..) == facts.arguments.get(1..)
}

fn application(facts: &Facts<'_>, first: usize) -> Identity {
    let arguments = facts.arguments.get(first + 1..);
    let ours = || {
        let all = facts.ancestors.unwrap_or_default();
        all.iter().filter(|ancestor| ancestor.is_us)
    };
    let equal = ours()
        .filter(|ancestor| {
            let command = ancestor.command.as_ref();
            command.is_some_and(|command| command.get(1..) == arguments)
                && ancestor.same_directory != Some(false)
        })
        .count()
        .max(facts.generations);
    let all = ours().count();
    if equal >= MOST_EQUAL || all >= MOST {
        let count = if equal >= MOST_EQUAL { equal } else { all };
        Identity::Refused(Refusal::Generations(count))
    } else {
        Identity::Application(first)
    }
}

#[cfg(all(test, unix))]
mod tests;
