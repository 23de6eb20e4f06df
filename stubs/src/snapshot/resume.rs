//! A process made from the snapshot: whether it may go on from there, and how.

use std::ffi::{CStr, OsString};
use std::io::{self, IsTerminal as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use oxidize_format::{Blob, RunConfig};

use super::dump::{DIRECTORY, Facts, HELPER, STATE};
use super::{memory, processor};
use crate::ffi::lifecycle::{self, default_environment, unset_environment};
use crate::ffi::snapshot as native;
use crate::ffi::{Gil, Result, Text};
use crate::identity::Identity;
use crate::{image, own};

/// Set to `off`, it asks for an ordinary start.
const SWITCH: &CStr = c"OXIDIZE_SNAPSHOT";

/// Writes what the C library calls this thread wherever the snapshot holds that of another one.
///
/// Before anything is allocated: a word of these may lie in memory that was free when the snapshot
/// was taken.
pub(super) fn name_thread() {
    let this_thread = native::this_thread();
    for at in STATE.get().map_or(&[][..], |state| &state.selves) {
        // SAFETY: found by the scan; nothing has been allocated or freed since.
        unsafe { memory::patch(*at, this_thread) }
    }
}

/// Whether the process may go on from the snapshot.
///
/// # Errors
/// Why not, as the end of a sentence.
pub(super) fn is_fit(arguments: &[OsString]) -> std::result::Result<(), String> {
    let state = STATE.get().ok_or("there is no snapshot")?;
    if native::has_value(SWITCH, Some(c"off")) {
        return Err("OXIDIZE_SNAPSHOT is off".to_owned());
    }
    if !processor::features().include(state.features) {
        return Err("this processor lacks features of the one that packaged".to_owned());
    }
    let blob = image::blob().ok_or("there are no resources")?;
    let blob = Blob::open(blob).map_err(|error| error.to_string())?;
    let run = blob.run_config().map_err(|error| error.to_string())?;
    defaults(&run);
    if run.use_environment
        && lifecycle::whole_environment()
            .iter()
            .any(|pair| pair.starts_with(b"PYTHON"))
    {
        return Err("a PYTHON* variable is set".to_owned());
    }
    if state.variables.users == 1 {
        return Err("an import has asked for the user's home directory".to_owned());
    }
    state.facts.hold(arguments, &state.name)?;
    let unset = state.variables.unset.iter().map(|name| (name, None));
    let set = state.variables.set.iter();
    for (name, value) in unset.chain(set.map(|(name, value)| (name, Some(value.as_c_str())))) {
        if !native::has_value(name, value) {
            return Err(format!(
                "the variable {} is another than at packaging",
                name.to_string_lossy()
            ));
        }
    }
    if std::env::var_os(own::MARK.to_str().unwrap_or_default()).is_some() {
        return Err("the process is a Python interpreter".to_owned());
    }
    if !state.locale.is_empty() {
        native::set_locale(true);
        let (is_plain, encoding) = native::locale();
        let suits = if is_plain {
            run.utf8_mode == Some(true) || chooses_utf8(&run) && state.utf8_mode.is_some()
        } else {
            encoding == state.locale
        };
        if !suits {
            native::set_locale(false);
            return Err("the locale has another encoding than at packaging".to_owned());
        }
    }
    own::forget();
    match own::find_out(&run, arguments).identity {
        Identity::Application(_) => Ok(()),
        Identity::Interpreter | Identity::Refused(_) => {
            native::set_locale(false);
            Err("the process is not the application".to_owned())
        }
    }
}

/// Whether Python goes into UTF-8 mode if the locale is C's own. Without `LC_ALL` it would put
/// another locale in its place.
fn chooses_utf8(run: &RunConfig<'_>) -> bool {
    run.utf8_mode.is_none() && std::env::var_os("LC_ALL").is_some_and(|value| !value.is_empty())
}

impl Facts {
    /// Whether the process is in these as the one was that the snapshot was taken of.
    fn hold(&self, arguments: &[OsString], name: &[u8]) -> std::result::Result<(), String> {
        let other = |what| Err(format!("an import has asked for {what}"));
        if self.arguments == 1 && arguments.len() > 1 {
            return other("the command line");
        }
        let own = arguments.first().map(Path::new).and_then(Path::file_name);
        if self.name == 1 && own.is_none_or(|own| own.as_bytes() != name) {
            return other("the program's name, which was another");
        }
        if self.directory == 1
            && std::env::current_dir().is_ok_and(|now| now != Path::new(DIRECTORY))
        {
            return other("the current directory");
        }
        let terminal = || {
            io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal()
        };
        if self.terminal == 1 && terminal() {
            return other("terminals");
        }
        Ok(())
    }
}

/// The run configuration's variables.
fn defaults(run: &RunConfig<'_>) {
    for (name, value) in run.environment() {
        if let (Some(name), Some(value)) = (Text::new(name), Text::new(value)) {
            default_environment(&name, &value);
        }
    }
}

/// Goes on from the snapshot. Afterwards this thread holds the lock.
///
/// # Errors
/// Where Python's part failed; it has told so.
pub(crate) fn resume(run: &RunConfig<'_>) -> std::result::Result<(), &'static str> {
    const FAILED: &str = "its snapshot could not be taken up";
    let state = STATE.get().ok_or(FAILED)?;
    unset_environment(c"PYTHONEXECUTABLE");
    unset_environment(c"__PYVENV_LAUNCHER__");
    native::wake_thread_data();
    let this_thread = native::this_thread();
    state.generators.reseed();
    let mut woken = false;
    native::enter(state.interpreter, || {
        woken = lifecycle::with_gil(|gil| {
            // None where the snapshot was taken in that mode already.
            let place = state.utf8_mode.filter(|_| run.utf8_mode.is_none());
            let mode = match place.filter(|_| native::locale().0) {
                Some(place) => native::enter_utf8_mode(gil, place),
                None => Ok(()),
            };
            mode.and_then(|()| wake(gil, this_thread)).is_ok()
        });
    });
    lifecycle::with_gil(|gil| {
        if !woken {
            gil.print_raised();
            return Err(FAILED);
        }
        take_up(gil, run.utf8_mode).map_err(|_| {
            gil.print_raised();
            FAILED
        })
    })
}

/// Python's part that comes before what modules do after a fork.
fn wake(gil: Gil<'_>, thread: usize) -> Result<()> {
    let helper = gil.import("_oxidize")?.attr(HELPER)?;
    helper
        .call_method(c"wake", &[gil.int(thread as u64)?])
        .map(drop)
}

/// Python's part.
fn take_up(gil: Gil<'_>, utf8_mode: Option<bool>) -> Result<()> {
    let helper = gil.import("_oxidize")?.attr(HELPER)?;
    for context in helper.call_method(c"contexts", &[])?.items()? {
        if !native::renew_ticket_keys(&context) {
            eprintln!("error: a TLS context could not be given new keys");
            std::process::exit(1);
        }
    }
    let Some(own) = own::own() else {
        return Ok(());
    };
    let environment = gil.dict()?;
    for pair in lifecycle::whole_environment() {
        // A pair without a sign is none, as Python has it.
        if let Some(at) = pair.iter().position(|byte| *byte == b'=') {
            environment.set_object(&gil.bytes(&pair[..at])?, &gil.bytes(&pair[at + 1..])?)?;
        }
    }
    let arguments = own.arguments.iter().map(|text| gil.os_str(text));
    let arguments = arguments.collect::<Result<Vec<_>>>()?;
    let executable = gil.os_str(own.executable.as_os_str())?;
    let mut original = vec![executable.clone()];
    original.extend(arguments.iter().cloned());
    let directory = own.file.parent().unwrap_or(Path::new("/"));
    let place = gil.tuple(&[
        executable,
        gil.os_str(own.file.as_os_str())?,
        gil.os_str(directory.as_os_str())?,
    ])?;
    // As Python chooses when it starts, unless the application says something else
    // (`get_stdio_errors` in Python/initconfig.c).
    let errors = match utf8_mode {
        None if native::has_plain_locale() => gil.str("surrogateescape")?,
        None => gil.str("strict")?,
        Some(_) => gil.none(),
    };
    let ignored = native::ignored_signals();
    let ignored = ignored
        .iter()
        .map(|signal| gil.int(signal.unsigned_abs().into()));
    helper
        .call_method(
            c"resume",
            &[
                environment,
                gil.list(&arguments)?,
                gil.list(&original)?,
                place,
                gil.int(native::closed_streams().into())?,
                gil.list(&ignored.collect::<Result<Vec<_>>>()?)?,
                errors,
            ],
        )
        .map(drop)
}
