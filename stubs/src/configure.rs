//! From the blob's run configuration to a running interpreter.
//!
//! The defaults are those of `python3 -I` without `site`: no `PYTHON*` variables, no user site,
//! nothing of the current directory on `sys.path`. All paths point below the virtual root, so
//! `getpath` looks for nothing on disk.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use oxidize_format::{Blob, Entry, RunConfig};

use crate::choice::Choice;
use crate::environment;
use crate::ffi::Text;
use crate::ffi::config::{Config, Failure, Field, List, PreConfig, Switch, preinitialize};
use crate::ffi::lifecycle::{
    default_environment, names_in_environment, remove_environment, set_environment,
    unset_environment,
};
use crate::ffi::trust;
use crate::identity::Identity;
use crate::importer::{self, paths};
use crate::own::{self, Own};

/// What the process is.
pub(crate) enum Mode {
    /// The packaged entry point.
    Application,
    /// A Python interpreter: `-c`, `-m`, a script, or interactive.
    Interpreter,
}

/// Why Python did not start.
pub(crate) enum Error {
    /// CPython says so.
    Python(Failure),
    /// The run configuration asks for something that cannot be.
    Settings(String),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Error::Python(failure)
    }
}

fn text(value: impl AsRef<OsStr>) -> Result<Text, Error> {
    Text::new(value)
        .ok_or_else(|| Error::Settings("its run configuration contains a NUL character".to_owned()))
}

/// Removes the variables that would decide which code runs.
pub(crate) fn clean_environment(run: &RunConfig<'_>) {
    environment::REMOVED_ALWAYS
        .into_iter()
        .for_each(unset_environment);
    if !run.use_environment {
        environment::REMOVED.into_iter().for_each(unset_environment);
    }
}

/// Removes the variables that are not to reach the application.
fn keep_passed(run: &RunConfig<'_>) {
    let passing: Vec<&str> = run.environment_pass().collect();
    if passing.is_empty() {
        return;
    }
    for name in names_in_environment() {
        // A name that is not text is none that could be meant.
        let passes = name
            .to_str()
            .is_some_and(|name| environment::passes(name, &passing));
        if !passes && let Some(name) = Text::new(&name) {
            remove_environment(&name);
        }
    }
}

/// Starts Python. Afterwards this thread holds the lock.
pub(crate) fn begin(
    run: &RunConfig<'static>,
    blob: Blob<'static>,
    arguments: &[OsString],
    choice: Choice,
) -> Result<Mode, Error> {
    let own = own::find_out(run, arguments);
    let interpreter = match own.identity {
        Identity::Application(_) => false,
        Identity::Interpreter => true,
        Identity::Refused(refusal) => return Err(Error::Settings(refusal.reason())),
    };
    place(run, &own.file)?;
    let texts = own
        .arguments
        .iter()
        .map(text)
        .collect::<Result<Vec<_>, _>>()?;
    trust::set_probing(run.ca_bundle_probe);
    if !interpreter {
        // A child's environment is what the application has given it.
        keep_passed(run);
    }
    for (name, value) in run.environment() {
        default_environment(&text(name)?, &text(value)?);
    }
    if !interpreter {
        for (name, value) in run.environment_set() {
            set_environment(&text(name)?, &text(value)?);
        }
    }
    // A child that acts as an interpreter is as open as `python3` about scripts' directories; the
    // application is not. CPython takes "isolated" for a wish to have neither environment nor user
    // site.
    let child = interpreter && run.entry != Entry::None;
    let isolated = !(run.use_environment || run.user_site || child);
    preinitialize(&PreConfig {
        utf8_mode: run.utf8_mode,
        use_environment: run.use_environment,
        isolated,
        dev_mode: run.dev_mode,
        arguments: interpreter.then_some(&texts),
    })?;

    let mut config = Config::new();
    config.set(Switch::Isolated, isolated.into());
    config.set(Switch::UseEnvironment, run.use_environment.into());
    config.set(Switch::UserSite, run.user_site.into());
    config.set(Switch::SiteImport, run.site.into());
    config.set(Switch::WriteBytecode, 0);
    config.set(Switch::PathWarnings, 0);
    config.set(Switch::ParseArgv, interpreter.into());
    if !interpreter {
        config.set(Switch::SafePath, (!run.cwd_on_path).into());
    }
    // Only what differs from the default: a value that is set hides the command line option of an
    // interpreter.
    let verbose = run.verbose.try_into().unwrap_or(i32::MAX);
    for (switch, value, default) in [
        (Switch::DevMode, run.dev_mode.into(), 0),
        (
            Switch::InstallSignalHandlers,
            run.install_signal_handlers.into(),
            1,
        ),
        (Switch::Faulthandler, run.faulthandler.into(), 0),
        (Switch::OptimizationLevel, run.optimize.into(), 0),
        (Switch::Inspect, run.inspect.into(), 0),
        (Switch::Verbose, verbose, 0),
        (Switch::BufferedStdio, (!run.unbuffered).into(), 1),
    ] {
        if value != default {
            config.set(switch, value);
        }
    }
    if let Some(seed) = run.hash_seed {
        config.hash_seed(seed);
    }
    let shown: Vec<_> = own
        .arguments
        .iter()
        .enumerate()
        .filter(|(place, _)| *place != 1 || interpreter || choice != Choice::ByArgument)
        .map(|(_, argument)| text(argument))
        .collect::<Result<_, _>>()?;
    config.arguments(&shown)?;
    if !interpreter {
        // As a console script has it: who starts this again gets the application (`identity`).
        config.append(List::OriginalArguments, &text(&own.executable)?)?;
        for argument in &texts {
            config.append(List::OriginalArguments, argument)?;
        }
    }
    for option in run.warn_options() {
        config.append(List::Warnings, &text(option)?)?;
    }
    for option in run.x_options() {
        config.append(List::XOptions, &text(option)?)?;
    }
    set_paths(&mut config, run, own)?;
    importer::set_application(importer::Application { blob });
    crate::files::serve_from(blob);
    config.initialize()?;
    Ok(if interpreter {
        Mode::Interpreter
    } else {
        Mode::Application
    })
}

/// Files that lie beside the executable.
fn place(run: &RunConfig<'static>, file: &Path) -> Result<(), Error> {
    let Some(name) = run.files_directory else {
        return Ok(());
    };
    let beside = file.parent().and_then(Path::to_str).ok_or_else(|| {
        let reason = "the path of its directory is not UTF-8, and some of its files lie there";
        Error::Settings(reason.to_owned())
    })?;
    paths::placed::place(beside, name, run.placed());
    Ok(())
}

fn set_paths(config: &mut Config, run: &RunConfig<'static>, own: &Own) -> Result<(), Error> {
    let executable_text = text(&own.executable)?;
    match run.program_name {
        Some(name) => config.string(Field::ProgramName, &text(name)?)?,
        None => config.string(Field::ProgramName, &executable_text)?,
    }
    config.string(Field::Executable, &executable_text)?;
    config.string(Field::BaseExecutable, &executable_text)?;
    let root = text(paths::ROOT)?;
    for field in [
        Field::Home,
        Field::Prefix,
        Field::BasePrefix,
        Field::ExecPrefix,
        Field::BaseExecPrefix,
    ] {
        config.string(field, &root)?;
    }
    config.string(Field::PlatLibDir, &text("lib")?)?;
    config.string(Field::StdlibDir, &text(paths::STDLIB_ROOT)?)?;
    if run.cwd_on_path {
        config.append(List::SearchPaths, &text("")?)?;
    }
    config.append(List::SearchPaths, &text(paths::APPLICATION_ROOT)?)?;
    config.append(List::SearchPaths, &text(paths::STDLIB_ROOT)?)?;
    for entry in run.sys_path() {
        config.append(List::SearchPaths, &text(expand(entry, &own.file))?)?;
    }
    Ok(())
}

/// `$ORIGIN` is the directory of the executable.
fn expand(entry: &str, executable: &Path) -> OsString {
    match entry.strip_prefix("$ORIGIN") {
        Some(rest) => {
            let mut path = executable
                .parent()
                .unwrap_or(Path::new("/"))
                .as_os_str()
                .to_owned();
            path.push(rest);
            path
        }
        None => entry.into(),
    }
}
