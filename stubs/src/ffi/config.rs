//! `PyPreConfig` and `PyConfig` ([PEP 587](https://peps.python.org/pep-0587/)), filled through safe
//! methods.

use pyo3_ffi as py;

use super::system::text::{self, Text};

/// CPython refused to start: print its message and leave with its exit status.
pub(crate) struct Failure(py::PyStatus);

impl Failure {
    /// Ends the process as `Py_ExitStatusException` does.
    pub(crate) fn exit(self) -> ! {
        // SAFETY: the status is an error or an exit request; the call does not return.
        unsafe { py::Py_ExitStatusException(self.0) }
    }
}

fn check(status: py::PyStatus) -> Result<(), Failure> {
    // SAFETY: reads the value passed.
    if unsafe { py::PyStatus_Exception(status) } != 0 {
        Err(Failure(status))
    } else {
        Ok(())
    }
}

/// Settings that must be known before any byte is decoded.
pub(crate) struct PreConfig<'a> {
    /// `None`: as the locale says (PEP 540).
    pub(crate) utf8_mode: Option<bool>,
    /// Read `PYTHON*` variables.
    pub(crate) use_environment: bool,
    /// `-I` as far as it concerns this phase.
    pub(crate) isolated: bool,
    /// `-X dev`.
    pub(crate) dev_mode: bool,
    /// Take `-X utf8`, `-E`, `-I` from the command line.
    pub(crate) arguments: Option<&'a [Text]>,
}

/// Runs `Py_PreInitialize`.
pub(crate) fn preinitialize(settings: &PreConfig<'_>) -> Result<(), Failure> {
    // SAFETY: the initialiser fills the whole structure before it is read.
    unsafe {
        let mut config: py::PyPreConfig = std::mem::zeroed();
        py::PyPreConfig_InitPythonConfig(&raw mut config);
        config.use_environment = settings.use_environment.into();
        config.isolated = settings.isolated.into();
        if settings.dev_mode {
            config.dev_mode = 1;
        }
        if let Some(mode) = settings.utf8_mode {
            config.utf8_mode = mode.into();
        }
        match settings.arguments {
            Some(arguments) => check(text::preinitialize(&raw const config, arguments)),
            None => {
                config.parse_argv = 0;
                check(py::Py_PreInitialize(&raw const config))
            }
        }
    }
}

/// A string field of `PyConfig`.
#[derive(Clone, Copy)]
pub(crate) enum Field {
    ProgramName,
    Executable,
    BaseExecutable,
    Home,
    Prefix,
    BasePrefix,
    ExecPrefix,
    BaseExecPrefix,
    StdlibDir,
    PlatLibDir,
}

/// An integer field of `PyConfig`.
#[derive(Clone, Copy)]
pub(crate) enum Switch {
    Isolated,
    UseEnvironment,
    DevMode,
    InstallSignalHandlers,
    Faulthandler,
    ParseArgv,
    SiteImport,
    UserSite,
    WriteBytecode,
    Inspect,
    Verbose,
    BufferedStdio,
    SafePath,
    PathWarnings,
    OptimizationLevel,
}

/// A list field of `PyConfig`.
#[derive(Clone, Copy)]
pub(crate) enum List {
    SearchPaths,
    Warnings,
    XOptions,
    OriginalArguments,
}

/// An owned `PyConfig`.
pub(crate) struct Config(Box<py::PyConfig>);

impl Drop for Config {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`.
        unsafe { py::PyConfig_Clear(&raw mut *self.0) }
    }
}

impl Config {
    /// Python's own defaults; the caller then closes what an application must not inherit.
    pub(crate) fn new() -> Self {
        // SAFETY: the initialiser fills the zeroed structure.
        unsafe {
            let mut config: Box<py::PyConfig> = Box::new(std::mem::zeroed());
            py::PyConfig_InitPythonConfig(&raw mut *config);
            Config(config)
        }
    }

    /// Sets a string.
    pub(crate) fn string(&mut self, field: Field, value: &Text) -> Result<(), Failure> {
        let config = &raw mut *self.0;
        // SAFETY: `place` points into the structure `config` points to; CPython copies the value.
        unsafe {
            let place = match field {
                Field::ProgramName => &raw mut (*config).program_name,
                Field::Executable => &raw mut (*config).executable,
                Field::BaseExecutable => &raw mut (*config).base_executable,
                Field::Home => &raw mut (*config).home,
                Field::Prefix => &raw mut (*config).prefix,
                Field::BasePrefix => &raw mut (*config).base_prefix,
                Field::ExecPrefix => &raw mut (*config).exec_prefix,
                Field::BaseExecPrefix => &raw mut (*config).base_exec_prefix,
                Field::StdlibDir => &raw mut (*config).stdlib_dir,
                Field::PlatLibDir => &raw mut (*config).platlibdir,
            };
            check(text::set(config, place, value))
        }
    }

    /// Sets an integer.
    pub(crate) fn set(&mut self, switch: Switch, value: i32) {
        let config = &mut self.0;
        *match switch {
            Switch::Isolated => &mut config.isolated,
            Switch::UseEnvironment => &mut config.use_environment,
            Switch::DevMode => &mut config.dev_mode,
            Switch::InstallSignalHandlers => &mut config.install_signal_handlers,
            Switch::Faulthandler => &mut config.faulthandler,
            Switch::ParseArgv => &mut config.parse_argv,
            Switch::SiteImport => &mut config.site_import,
            Switch::UserSite => &mut config.user_site_directory,
            Switch::WriteBytecode => &mut config.write_bytecode,
            Switch::Inspect => &mut config.inspect,
            Switch::Verbose => &mut config.verbose,
            Switch::BufferedStdio => &mut config.buffered_stdio,
            Switch::SafePath => &mut config.safe_path,
            Switch::PathWarnings => &mut config.pathconfig_warnings,
            Switch::OptimizationLevel => &mut config.optimization_level,
        } = value;
    }

    /// `PYTHONHASHSEED`.
    #[allow(
        clippy::useless_conversion,
        reason = "C's unsigned long has 32 bits on Windows"
    )]
    pub(crate) fn hash_seed(&mut self, seed: u32) {
        self.0.use_hash_seed = 1;
        self.0.hash_seed = seed.into();
    }

    /// Appends to a list; `SearchPaths` then counts as set, which keeps `getpath` from computing
    /// its own.
    pub(crate) fn append(&mut self, list: List, value: &Text) -> Result<(), Failure> {
        let config = &raw mut *self.0;
        // SAFETY: `place` points into the structure, which was initialised in `new`.
        unsafe {
            let place = match list {
                List::SearchPaths => {
                    (*config).module_search_paths_set = 1;
                    &raw mut (*config).module_search_paths
                }
                List::Warnings => &raw mut (*config).warnoptions,
                List::XOptions => &raw mut (*config).xoptions,
                List::OriginalArguments => &raw mut (*config).orig_argv,
            };
            check(text::append(place, value))
        }
    }

    /// `sys.argv`, or with `ParseArgv` the interpreter's command line.
    pub(crate) fn arguments(&mut self, arguments: &[Text]) -> Result<(), Failure> {
        // SAFETY: initialised in `new`.
        check(unsafe { text::set_arguments(&raw mut *self.0, arguments) })
    }

    /// Starts the interpreter.
    pub(crate) fn initialize(mut self) -> Result<(), Failure> {
        // SAFETY: a complete configuration; called once.
        check(unsafe { py::Py_InitializeFromConfig(&raw mut *self.0) })
    }
}
