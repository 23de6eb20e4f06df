//! Writing the run configuration.

use super::keys;
use super::read::{is_name_or_beginning, is_plain, named_entry};
use super::{ChildRole, Entry, Exit, RunConfig};
use crate::WriteError;

/// The run configuration as a writer holds it; the owned twin of [`RunConfig`], with the same
/// fields and defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOptions {
    /// Full name of the module to run, or whose function to call.
    pub entry_module: Option<String>,
    /// Attribute path of the function to call; needs `entry_module`.
    pub entry_function: Option<String>,
    /// Full virtual path of the script to run; excludes the other two.
    pub entry_script: Option<String>,
    /// See [`RunConfig::program_name`].
    pub program_name: Option<String>,
    /// See [`RunConfig::optimize`].
    pub optimize: u8,
    /// See [`RunConfig::exit`].
    pub exit: Exit,
    /// See [`RunConfig::utf8_mode`].
    pub utf8_mode: Option<bool>,
    /// See [`RunConfig::unbuffered`].
    pub unbuffered: bool,
    /// See [`RunConfig::inspect`].
    pub inspect: bool,
    /// See [`RunConfig::verbose`].
    pub verbose: u32,
    /// See [`RunConfig::warn_options`].
    pub warn_options: Vec<String>,
    /// See [`RunConfig::x_options`].
    pub x_options: Vec<String>,
    /// See [`RunConfig::use_environment`].
    pub use_environment: bool,
    /// See [`RunConfig::site`].
    pub site: bool,
    /// See [`RunConfig::user_site`].
    pub user_site: bool,
    /// See [`RunConfig::cwd_on_path`].
    pub cwd_on_path: bool,
    /// See [`RunConfig::hash_seed`].
    pub hash_seed: Option<u32>,
    /// See [`RunConfig::faulthandler`].
    pub faulthandler: bool,
    /// See [`RunConfig::dev_mode`].
    pub dev_mode: bool,
    /// See [`RunConfig::install_signal_handlers`].
    pub install_signal_handlers: bool,
    /// See [`RunConfig::sys_path`].
    pub sys_path: Vec<String>,
    /// See [`RunConfig::environment`].
    pub environment: Vec<(String, String)>,
    /// See [`RunConfig::environment_set`].
    pub environment_set: Vec<(String, String)>,
    /// See [`RunConfig::environment_pass`].
    pub environment_pass: Vec<String>,
    /// See [`RunConfig::ca_bundle_probe`].
    pub ca_bundle_probe: bool,
    /// See [`RunConfig::terminfo_probe`].
    pub terminfo_probe: bool,
    /// See [`RunConfig::children`].
    pub children: ChildRole,
    /// See [`RunConfig::check_at_start`].
    pub check_at_start: bool,
    /// See [`RunConfig::quiet_imports`].
    pub quiet_imports: bool,
    /// See [`RunConfig::files_directory`].
    pub files_directory: Option<String>,
    /// See [`RunConfig::placed`].
    pub placed: Vec<String>,
    /// See [`RunConfig::named_entries`]: the name and `module` or `module:function`.
    pub named_entries: Vec<(String, String)>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            entry_module: None,
            entry_function: None,
            entry_script: None,
            program_name: None,
            optimize: 0,
            exit: Exit::Full,
            utf8_mode: None,
            unbuffered: false,
            inspect: false,
            verbose: 0,
            warn_options: Vec::new(),
            x_options: Vec::new(),
            use_environment: false,
            site: false,
            user_site: false,
            cwd_on_path: false,
            hash_seed: None,
            faulthandler: false,
            dev_mode: false,
            install_signal_handlers: true,
            sys_path: Vec::new(),
            environment: Vec::new(),
            environment_set: Vec::new(),
            environment_pass: Vec::new(),
            ca_bundle_probe: true,
            terminfo_probe: true,
            children: ChildRole::Interpreter,
            check_at_start: false,
            quiet_imports: false,
            files_directory: None,
            placed: Vec::new(),
            named_entries: Vec::new(),
        }
    }
}

impl From<&RunConfig<'_>> for RunOptions {
    fn from(config: &RunConfig<'_>) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (module, function, script) = match config.entry {
            Entry::None => (None, None, None),
            Entry::Module(module) => (Some(module), None, None),
            Entry::Function { module, function } => (Some(module), Some(function), None),
            Entry::Script(path) => (None, None, Some(path)),
        };
        Self {
            entry_module: owned(module),
            entry_function: owned(function),
            entry_script: owned(script),
            program_name: owned(config.program_name),
            optimize: config.optimize,
            exit: config.exit,
            utf8_mode: config.utf8_mode,
            unbuffered: config.unbuffered,
            inspect: config.inspect,
            verbose: config.verbose,
            warn_options: config.warn_options().map(str::to_owned).collect(),
            x_options: config.x_options().map(str::to_owned).collect(),
            use_environment: config.use_environment,
            site: config.site,
            user_site: config.user_site,
            cwd_on_path: config.cwd_on_path,
            hash_seed: config.hash_seed,
            faulthandler: config.faulthandler,
            dev_mode: config.dev_mode,
            install_signal_handlers: config.install_signal_handlers,
            sys_path: config.sys_path().map(str::to_owned).collect(),
            environment: config.environment().map(pair).collect(),
            environment_set: config.environment_set().map(pair).collect(),
            environment_pass: config.environment_pass().map(str::to_owned).collect(),
            ca_bundle_probe: config.ca_bundle_probe,
            terminfo_probe: config.terminfo_probe,
            children: config.children,
            check_at_start: config.check_at_start,
            quiet_imports: config.quiet_imports,
            files_directory: owned(config.files_directory),
            placed: config.placed().map(str::to_owned).collect(),
            named_entries: config.named_entries().map(named).collect(),
        }
    }
}

impl RunOptions {
    /// The section's bytes. Keys ascend; a key at its default is left out.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, WriteError> {
        if self.entry_function.is_some() && self.entry_module.is_none() {
            return Err(bad("entry_function", "a function needs its module"));
        }
        if self.entry_script.is_some() && self.entry_module.is_some() {
            return Err(bad(
                "entry_script",
                "an application runs a module or a script, not both",
            ));
        }
        if self.optimize > 2 {
            return Err(bad("optimize", "the level is 0, 1 or 2"));
        }
        let mut out = Encoder(Vec::new());
        let flag = |on: bool| on.then_some(1);
        let off = |on: bool| (!on).then_some(0);
        out.text(keys::ENTRY_MODULE, self.entry_module.as_deref())?;
        out.text(keys::ENTRY_FUNCTION, self.entry_function.as_deref())?;
        out.text(keys::ENTRY_SCRIPT, self.entry_script.as_deref())?;
        out.text(keys::PROGRAM_NAME, self.program_name.as_deref())?;
        out.number(
            keys::OPTIMIZE,
            (self.optimize != 0).then_some(self.optimize.into()),
        );
        out.number(keys::EXIT, flag(self.exit == Exit::Fast));
        out.number(keys::UTF8_MODE, self.utf8_mode.map(u32::from));
        out.number(keys::UNBUFFERED, flag(self.unbuffered));
        out.number(keys::INSPECT, flag(self.inspect));
        out.number(keys::VERBOSE, (self.verbose != 0).then_some(self.verbose));
        for option in &self.warn_options {
            out.text(keys::WARN_OPTION, Some(option))?;
        }
        for option in &self.x_options {
            out.text(keys::X_OPTION, Some(option))?;
        }
        out.number(keys::USE_ENVIRONMENT, flag(self.use_environment));
        out.number(keys::SITE, flag(self.site));
        out.number(keys::USER_SITE, flag(self.user_site));
        out.number(keys::CWD_ON_PATH, flag(self.cwd_on_path));
        out.number(keys::HASH_SEED, self.hash_seed);
        out.number(keys::FAULTHANDLER, flag(self.faulthandler));
        out.number(keys::DEV_MODE, flag(self.dev_mode));
        out.number(
            keys::INSTALL_SIGNAL_HANDLERS,
            off(self.install_signal_handlers),
        );
        for path in &self.sys_path {
            out.text(keys::SYS_PATH, Some(path))?;
        }
        out.variables(keys::ENVIRONMENT, "environment", &self.environment)?;
        out.number(keys::CA_BUNDLE_PROBE, off(self.ca_bundle_probe));
        out.number(keys::TERMINFO_PROBE, off(self.terminfo_probe));
        out.number(
            keys::CHILDREN,
            match self.children {
                ChildRole::Interpreter => None,
                ChildRole::Application => Some(1),
                ChildRole::Off => Some(2),
            },
        );
        out.number(keys::CHECK_AT_START, flag(self.check_at_start));
        out.number(keys::QUIET_IMPORTS, flag(self.quiet_imports));
        if self
            .files_directory
            .as_deref()
            .is_some_and(|name| !is_plain(name))
        {
            return Err(bad("files_directory", "it is a plain name"));
        }
        out.text(keys::FILES_DIRECTORY, self.files_directory.as_deref())?;
        for path in &self.placed {
            out.text(keys::PLACED, Some(path))?;
        }
        for (name, entry) in &self.named_entries {
            let pair = format!("{name}={entry}");
            if name.contains('=') || named_entry(&pair).is_none() {
                return Err(bad(
                    "named_entries",
                    "it is a name without '=' with a module or a module and a function",
                ));
            }
            out.text(keys::NAMED_ENTRY, Some(&pair))?;
        }
        out.variables(
            keys::ENVIRONMENT_SET,
            "environment_set",
            &self.environment_set,
        )?;
        for name in &self.environment_pass {
            if !is_name_or_beginning(name) {
                let rule = "it is a name, or the beginning of one with a '*'";
                return Err(bad("environment_pass", rule));
            }
            out.text(keys::ENVIRONMENT_PASS, Some(name))?;
        }
        Ok(out.0)
    }
}

fn named((name, entry): (&str, Entry<'_>)) -> (String, String) {
    let entry = match entry {
        Entry::Module(module) => module.to_owned(),
        Entry::Function { module, function } => format!("{module}:{function}"),
        // Not among those that have names.
        Entry::None | Entry::Script(_) => String::new(),
    };
    (name.to_owned(), entry)
}

fn pair((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn bad(field: &'static str, rule: &'static str) -> WriteError {
    WriteError::BadOption { field, rule }
}

struct Encoder(Vec<u8>);

impl Encoder {
    fn record(&mut self, key: u16, value: &[u8], length: u32) {
        let required = keys::find(key).is_some_and(|key| key.required);
        self.0.extend(key.to_le_bytes());
        self.0.extend(u16::from(required).to_le_bytes());
        self.0.extend(length.to_le_bytes());
        self.0.extend(value);
        let padded = self.0.len().next_multiple_of(keys::PAD as usize);
        self.0.resize(padded, 0);
    }

    fn number(&mut self, key: u16, value: Option<u32>) {
        if let Some(value) = value {
            self.record(key, &value.to_le_bytes(), 4);
        }
    }

    fn variables(
        &mut self,
        key: u16,
        field: &'static str,
        variables: &[(String, String)],
    ) -> Result<(), WriteError> {
        for (name, value) in variables {
            if name.is_empty() || name.contains('=') {
                return Err(bad(field, "a name is not empty and has no '='"));
            }
            self.text(key, Some(&format!("{name}={value}")))?;
        }
        Ok(())
    }

    fn text(&mut self, key: u16, value: Option<&str>) -> Result<(), WriteError> {
        let Some(value) = value else { return Ok(()) };
        if value.is_empty() || value.contains('\0') {
            return Err(bad("text", "text is not empty and has no NUL"));
        }
        let length =
            u32::try_from(value.len()).map_err(|_| bad("text", "text has fewer than 4 GiB"))?;
        self.record(key, value.as_bytes(), length);
        Ok(())
    }
}
