//! Reading the run configuration in place.

use super::keys::{self, Key, Shape};
use super::{ChildRole, Entry, Exit};
use crate::bytes::{align_up, slice, u16_at, u32_at};
use crate::{Error, Structure};

/// How to start the interpreter and what to run. Scalars are read once; lists are walked in
/// place. Keys the blob leaves out have the default named at each field: `python -I` without
/// `site`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunConfig<'a> {
    /// What to run. Default: nothing, act as an interpreter.
    pub entry: Entry<'a>,
    /// `sys.argv[0]`-independent program name. Default: the executable's.
    pub program_name: Option<&'a str>,
    /// `-O` level, 0 to 2. Default 0.
    pub optimize: u8,
    /// How the process ends. Default full.
    pub exit: Exit,
    /// `-X utf8`. Default unset: the locale decides.
    pub utf8_mode: Option<bool>,
    /// `-u`. Default off.
    pub unbuffered: bool,
    /// `-i`. Default off.
    pub inspect: bool,
    /// Number of `-v`. Default 0.
    pub verbose: u32,
    /// Whether `PYTHON*` variables count. Default no.
    pub use_environment: bool,
    /// Whether `site` is imported. Default no.
    pub site: bool,
    /// Whether the user's site directory is added. Default no.
    pub user_site: bool,
    /// Whether the working directory (or the script's) is put on `sys.path`. Default no.
    pub cwd_on_path: bool,
    /// Seed of string hashing, 0 for none. Default: random.
    pub hash_seed: Option<u32>,
    /// `-X faulthandler`. Default off.
    pub faulthandler: bool,
    /// `-X dev`. Default off.
    pub dev_mode: bool,
    /// Whether Python installs its signal handlers. Default yes.
    pub install_signal_handlers: bool,
    /// Whether default TLS contexts look for the system's CA bundle. Default yes.
    pub ca_bundle_probe: bool,
    /// Whether curses looks for the system's terminfo. Default yes.
    pub terminfo_probe: bool,
    /// What a child started as `sys.executable` is. Default an interpreter.
    pub children: ChildRole,
    /// Whether the blob's digest is checked before anything else. Default no.
    pub check_at_start: bool,
    /// Whether the garbage collector looks less often while modules are imported. Default no.
    pub quiet_imports: bool,
    /// Name of the directory beside the executable that holds the files of
    /// [`placed`](Self::placed). Default: there is none.
    pub files_directory: Option<&'a str>,
    bytes: &'a [u8],
}

impl<'a> RunConfig<'a> {
    /// Reads the section's bytes, which start at `at` within the blob.
    pub(crate) fn read(bytes: &'a [u8], at: u64) -> Result<Self, Error> {
        let mut config = Self {
            entry: Entry::None,
            program_name: None,
            optimize: 0,
            exit: Exit::Full,
            utf8_mode: None,
            unbuffered: false,
            inspect: false,
            verbose: 0,
            use_environment: false,
            site: false,
            user_site: false,
            cwd_on_path: false,
            hash_seed: None,
            faulthandler: false,
            dev_mode: false,
            install_signal_handlers: true,
            ca_bundle_probe: true,
            terminfo_probe: true,
            children: ChildRole::Interpreter,
            check_at_start: false,
            quiet_imports: false,
            files_directory: None,
            bytes,
        };
        let mut records = Records::new(bytes, at);
        let mut previous = 0;
        while let Some(record) = records.next().transpose()? {
            let repeats = record
                .key
                .is_some_and(|key| key.shape == Shape::TextList && key.number == previous);
            if record.number <= previous && !repeats {
                return Err(Error::BadValue {
                    structure: Structure::RunConfig,
                    offset: record.at,
                    value: u64::from(record.number),
                    rule: "keys ascend from 1, only lists repeat a key",
                });
            }
            previous = record.number;
            if let Some(key) = record.key {
                config.set(key, &record)?;
            }
        }
        Ok(config)
    }

    /// `-W` options in order.
    pub fn warn_options(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.list(keys::WARN_OPTION)
    }

    /// `-X` options in order.
    pub fn x_options(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.list(keys::X_OPTION)
    }

    /// Further `sys.path` entries in order; `$ORIGIN` is the executable's directory.
    pub fn sys_path(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.list(keys::SYS_PATH)
    }

    /// Environment variables to set where they are not set: name and value, in order.
    pub fn environment(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.list(keys::ENVIRONMENT)
            .filter_map(|pair| pair.split_once('='))
    }

    /// Environment variables that the application always has: name and value, in order.
    pub fn environment_set(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.list(keys::ENVIRONMENT_SET)
            .filter_map(|pair| pair.split_once('='))
    }

    /// The environment variables that reach the application, in order: names, or beginnings of
    /// names with a `*` behind them. Default: all do.
    pub fn environment_pass(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.list(keys::ENVIRONMENT_PASS)
    }

    /// Full virtual paths of files and directories that lie in
    /// [`files_directory`](Self::files_directory), in order.
    pub fn placed(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.list(keys::PLACED)
    }

    /// Entry points that are chosen by name when the program starts, in order.
    pub fn named_entries(&self) -> impl Iterator<Item = (&'a str, Entry<'a>)> + use<'a> {
        self.list(keys::NAMED_ENTRY).filter_map(named_entry)
    }

    fn list(&self, key: u16) -> impl Iterator<Item = &'a str> + use<'a> {
        // `read` has walked the same bytes and checked the text: nothing is dropped here.
        Records::new(self.bytes, 0)
            .filter_map(Result::ok)
            .filter(move |record| record.number == key)
            .filter_map(|record| core::str::from_utf8(record.value).ok())
    }

    fn set(&mut self, key: &Key, record: &Record<'a>) -> Result<(), Error> {
        let text = record.text(key)?;
        let number = record.number_value(key)?;
        let on = number != 0;
        match key.number {
            keys::ENTRY_MODULE => self.entry = Entry::Module(text),
            keys::ENTRY_FUNCTION => {
                let Entry::Module(module) = self.entry else {
                    return Err(record.fail("a function needs its module"));
                };
                self.entry = Entry::Function {
                    module,
                    function: text,
                };
            }
            keys::ENTRY_SCRIPT => {
                if self.entry != Entry::None {
                    return Err(record.fail("an application runs a module or a script, not both"));
                }
                self.entry = Entry::Script(text);
            }
            keys::PROGRAM_NAME => self.program_name = Some(text),
            keys::OPTIMIZE => self.optimize = number.min(2) as u8,
            keys::EXIT => self.exit = if on { Exit::Fast } else { Exit::Full },
            keys::UTF8_MODE => self.utf8_mode = Some(on),
            keys::UNBUFFERED => self.unbuffered = on,
            keys::INSPECT => self.inspect = on,
            keys::VERBOSE => self.verbose = number,
            keys::USE_ENVIRONMENT => self.use_environment = on,
            keys::SITE => self.site = on,
            keys::USER_SITE => self.user_site = on,
            keys::CWD_ON_PATH => self.cwd_on_path = on,
            keys::HASH_SEED => self.hash_seed = Some(number),
            keys::FAULTHANDLER => self.faulthandler = on,
            keys::DEV_MODE => self.dev_mode = on,
            keys::INSTALL_SIGNAL_HANDLERS => self.install_signal_handlers = on,
            keys::CA_BUNDLE_PROBE => self.ca_bundle_probe = on,
            keys::TERMINFO_PROBE => self.terminfo_probe = on,
            keys::CHILDREN => {
                self.children = match number {
                    0 => ChildRole::Interpreter,
                    1 => ChildRole::Application,
                    _ => ChildRole::Off,
                }
            }
            keys::CHECK_AT_START => self.check_at_start = on,
            keys::QUIET_IMPORTS => self.quiet_imports = on,
            keys::FILES_DIRECTORY => {
                if !is_plain(text) {
                    return Err(record.fail("a directory beside the executable has a plain name"));
                }
                self.files_directory = Some(text);
            }
            keys::NAMED_ENTRY if named_entry(text).is_none() => {
                return Err(record.fail("a named entry is NAME=module or NAME=module:function"));
            }
            keys::ENVIRONMENT | keys::ENVIRONMENT_SET
                if text.find('=').is_none_or(|at| at == 0) =>
            {
                return Err(record.fail("a variable is NAME=value"));
            }
            keys::ENVIRONMENT_PASS if !is_name_or_beginning(text) => {
                return Err(record.fail("a variable that passes is NAME or BEGINNING*"));
            }
            _ => {} // the other lists are walked in place
        }
        Ok(())
    }
}

/// Whether a name is that of a directory beside the executable on every system.
pub(super) fn is_plain(name: &str) -> bool {
    !matches!(name, "." | "..") && !name.contains(['/', '\\', ':'])
}

/// The name of an environment variable, or the beginning of one with a `*` behind it.
pub(super) fn is_name_or_beginning(text: &str) -> bool {
    let name = text.strip_suffix('*').unwrap_or(text);
    !text.is_empty() && !name.contains(['=', '*', '\0'])
}

/// `NAME=module` or `NAME=module:function`.
pub(super) fn named_entry(text: &str) -> Option<(&str, Entry<'_>)> {
    let (name, entry) = text.split_once('=')?;
    let entry = match entry.split_once(':') {
        None => Entry::Module(entry),
        Some((module, function)) => Entry::Function { module, function },
    };
    let empty = match entry {
        Entry::Module(module) => module.is_empty(),
        Entry::Function { module, function } => module.is_empty() || function.is_empty(),
        _ => true,
    };
    (!name.is_empty() && !empty).then_some((name, entry))
}

/// One keyed value.
struct Record<'a> {
    at: u64,
    number: u16,
    key: Option<&'static Key>,
    value: &'a [u8],
}

impl<'a> Record<'a> {
    fn fail(&self, rule: &'static str) -> Error {
        Error::BadValue {
            structure: Structure::RunConfig,
            offset: self.at,
            value: u64::from(self.number),
            rule,
        }
    }

    /// The value of a text key; "" for a number.
    fn text(&self, key: &Key) -> Result<&'a str, Error> {
        if let Shape::Number(_) = key.shape {
            return Ok("");
        }
        let text = core::str::from_utf8(self.value).map_err(|error| Error::NotUtf8 {
            structure: Structure::RunConfig,
            offset: self.at + keys::HEAD + error.valid_up_to() as u64,
        })?;
        if text.is_empty() || text.contains('\0') {
            return Err(self.fail("text is not empty and has no NUL"));
        }
        Ok(text)
    }

    /// The value of a number key; 0 for text.
    fn number_value(&self, key: &Key) -> Result<u32, Error> {
        let Shape::Number(max) = key.shape else {
            return Ok(0);
        };
        if self.value.len() != 4 {
            return Err(self.fail("a number has four bytes"));
        }
        let number = u32_at(self.value, 0);
        if number > max {
            return Err(Error::BadValue {
                structure: Structure::RunConfig,
                offset: self.at + keys::HEAD,
                value: u64::from(number),
                rule: "the number is above the key's maximum",
            });
        }
        Ok(number)
    }
}

/// Walks the records of a section.
struct Records<'a> {
    bytes: &'a [u8],
    base: u64,
    next: u64,
}

impl<'a> Records<'a> {
    fn new(bytes: &'a [u8], base: u64) -> Self {
        Self {
            bytes,
            base,
            next: 0,
        }
    }

    fn step(&mut self) -> Result<Record<'a>, Error> {
        let at = self.base + self.next;
        let head = slice(self.bytes, self.next, keys::HEAD, Structure::RunConfig, at)?;
        let (number, flags, length) = (u16_at(head, 0), u16_at(head, 2), u32_at(head, 4));
        if flags & !keys::REQUIRED != 0 {
            return Err(Error::UnknownFlags {
                structure: Structure::RunConfig,
                offset: at + 2,
                bits: u32::from(flags & !keys::REQUIRED),
            });
        }
        let key = keys::find(number);
        if key.is_none() && flags & keys::REQUIRED != 0 {
            return Err(Error::BadValue {
                structure: Structure::RunConfig,
                offset: at,
                value: u64::from(number),
                rule: "this required key is unknown",
            });
        }
        let start = self.next + keys::HEAD; // within the section, or the head had failed
        let value = slice(
            self.bytes,
            start,
            u64::from(length),
            Structure::RunConfig,
            at + 4,
        )?;
        // The last value is padded too: a section is a multiple of the padding long.
        let padded = align_up(u64::from(length), keys::PAD).unwrap_or(u64::MAX);
        let whole = slice(self.bytes, start, padded, Structure::RunConfig, at + 4)?;
        if whole.iter().skip(value.len()).any(|byte| *byte != 0) {
            return Err(Error::BadValue {
                structure: Structure::RunConfig,
                offset: at + keys::HEAD + u64::from(length),
                value: 1,
                rule: "padding is zero",
            });
        }
        self.next = start + padded;
        Ok(Record {
            at,
            number,
            key,
            value,
        })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.bytes.len() as u64 {
            return None;
        }
        let step = self.step();
        if step.is_err() {
            self.next = u64::MAX; // an error comes once
        }
        Some(step)
    }
}
