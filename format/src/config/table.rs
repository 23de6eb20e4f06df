//! The keys of version 1. Whoever adds one adds a row here, what the stub makes of it, and a row of
//! docs/format.md, section 6, which a test compares with this.
//!
//! `number "name" field: type` and whether the key is *required*: whether a reader that does not
//! know it must refuse the blob. `number` and `name` are the document's. `setting` says what the
//! key is called among the interpreter's settings, on the command line and in the configuration
//! file; a key without one follows from other options.

use super::macros::run_configuration;
use super::value::{DirectoryName, NamedEntry, Passing, Plain, Variable};
use super::{ChildRole, Exit};

run_configuration! {
    numbers {
        /// `-O` level, 0 to 2. Default 0.
        17 "optimize" optimize: u8 = 0, required;
        /// How the process ends. Default full.
        18 "exit" exit: Exit = Exit::Full, required;
        /// `-X utf8`. Default unset: the locale decides.
        19 "UTF-8 mode" utf8_mode: Option<bool> = None, required, setting "utf8" Choice;
        /// `-u`. Default off.
        20 "unbuffered" unbuffered: bool = false, required, setting "unbuffered" Switch;
        /// `-i`. Default off.
        21 "inspect" inspect: bool = false, required;
        /// Number of `-v`. Default 0.
        22 "verbose" verbose: u32 = 0, optional, setting "verbose" Number;
        /// Whether `PYTHON*` variables count. Default no.
        25 "use environment" use_environment: bool = false, required,
            setting "use-environment" Switch;
        /// Whether `site` is imported. Default no.
        26 "site" site: bool = false, required, setting "site" Switch;
        /// Whether the user's site directory is added. Default no.
        27 "user site" user_site: bool = false, required, setting "user-site" Switch;
        /// Whether the working directory (or the script's) is put on `sys.path`. Default no.
        28 "working directory on path" cwd_on_path: bool = false, required,
            setting "working-directory-on-path" Switch;
        /// Seed of string hashing, 0 for none. Default: random.
        29 "hash seed" hash_seed: Option<u32> = None, required, setting "hash-seed" Seed;
        /// `-X faulthandler`. Default off.
        30 "fault handler" faulthandler: bool = false, optional, setting "fault-handler" Switch;
        /// `-X dev`. Default off.
        31 "development mode" dev_mode: bool = false, required,
            setting "development-mode" Switch;
        /// Whether Python installs its signal handlers. Default yes.
        32 "install signal handlers" install_signal_handlers: bool = true, required,
            setting "signal-handlers" Switch;
        /// Whether default TLS contexts look for the system's CA bundle. Default yes.
        35 "CA bundle probe" ca_bundle_probe: bool = true, optional;
        /// What a child started as `sys.executable` is. Default an interpreter.
        37 "children" children: ChildRole = ChildRole::Interpreter, required;
        /// Whether the blob's digest is checked before anything else. Default no.
        38 "check at start" check_at_start: bool = false, required,
            setting "check-at-start" Switch;
        /// Whether the garbage collector looks less often while modules are imported. Default no.
        39 "quiet imports" quiet_imports: bool = false, optional,
            setting "quiet-imports" Switch;
    }
    texts {
        /// Full name of the module to run, or whose function to call.
        1 "entry module" entry_module: Plain, required;
        /// Attribute path of the function to call; needs `entry_module`.
        2 "entry function" entry_function: Plain, required;
        /// Full virtual path of the script to run; excludes the other two.
        3 "entry script" entry_script: Plain, required;
        /// `sys.argv[0]`-independent program name. Default: the executable's.
        16 "program name" program_name: Plain, required, setting "program-name" Text;
        /// Name of the directory beside the executable that holds the files of `placed`. Default:
        /// there is none.
        40 "files directory" files_directory: DirectoryName, required;
    }
    lists {
        /// `-W` options in order.
        23 "warning option" warn_options: Plain, required, setting "warning" List;
        /// `-X` options in order.
        24 "implementation option" x_options: Plain, required, setting "option" List;
        /// Further `sys.path` entries in order; `$ORIGIN` is the executable's directory.
        33 "search path" sys_path: Plain, required, setting "search-path" List;
        /// Environment variables to set where they are not set: name and value, in order.
        34 "environment default" environment: Variable, required;
        /// Full virtual paths of files and directories that lie in `files_directory`, in order.
        41 "placed" placed: Plain, required;
        /// Entry points that are chosen by name when the program starts, in order: the name, and
        /// `module` or `module:function`.
        42 "named entry" named_entries: NamedEntry, required;
        /// Environment variables that the application always has: name and value, in order.
        43 "environment" environment_set: Variable, required;
        /// The environment variables that reach the application, in order: names, or beginnings of
        /// names with a `*` behind them. Default: all do.
        44 "environment pass" environment_pass: Passing, required;
    }
    // Whether curses looks for the system's terminal descriptions: it always does.
    reserved { 36 "terminfo probe" }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::config::keys::Shape;

    #[test]
    fn no_number_name_or_setting_is_used_twice() {
        let mut numbers: Vec<_> = KEYS.iter().map(|key| key.number).collect();
        numbers.extend(RESERVED.iter().map(|(number, _)| *number));
        let mut names: Vec<_> = KEYS.iter().map(|key| key.name).collect();
        let mut settings: Vec<_> = settings().iter().map(|setting| setting.name).collect();
        let counts = (numbers.len(), names.len(), settings.len());
        numbers.sort_unstable();
        numbers.dedup();
        names.sort_unstable();
        names.dedup();
        settings.sort_unstable();
        settings.dedup();
        assert_eq!((numbers.len(), names.len(), settings.len()), counts);
        assert!(!numbers.contains(&0));
    }

    /// Number, name, type and whether it is required, of every key and no other.
    #[test]
    fn the_document_lists_every_key() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/format.md");
        let text = std::fs::read_to_string(page).unwrap();
        let (_, table) = text
            .split_once("| key | name | type | required | default | meaning |\n")
            .unwrap();
        let rows = table
            .lines()
            .skip(1)
            .take_while(|line| line.starts_with('|'));
        let found: BTreeMap<u16, Vec<String>> = rows
            .map(|row| {
                let cells = row.trim_matches('|').split('|');
                let mut cells = cells.map(|cell| cell.trim().to_owned());
                let number = cells.next().unwrap().parse().unwrap();
                (number, cells.take(3).collect())
            })
            .collect();
        let mut expected = BTreeMap::new();
        for key in &KEYS {
            let shape = match key.shape {
                Shape::Text => "text".to_owned(),
                Shape::TextList => "list".to_owned(),
                Shape::Number(1) => "switch".to_owned(),
                Shape::Number(u32::MAX) => "number".to_owned(),
                Shape::Number(most) => format!("number, at most {most}"),
            };
            let required = if key.required { "yes" } else { "no" };
            let row = [key.name, &shape, required].map(str::to_owned);
            expected.insert(key.number, row.to_vec());
        }
        for (number, name) in RESERVED {
            let name = format!("reserved ({name})");
            expected.insert(number, vec![name, String::new(), String::new()]);
        }
        assert_eq!(found, expected);
    }
}
