//! The end of the application.
//!
//! `Py_FinalizeEx` waits for threads, runs what was registered with `atexit`, flushes the standard
//! streams, and then takes the whole interpreter apart: up to a fifth of the time of a program that
//! imports much and does little. Nobody notices that last step unless something alive has code that
//! runs at its end. The fast exit looks at what is alive, and if there is no such thing it leaves
//! the process where that step would begin. Otherwise the step comes, as in any Python.
//!
//! The place to leave from is a function registered with `atexit`: CPython has done everything then
//! that comes before, in its own order and with its own state (no new threads, no `fork`).
//!
//! What has code that runs at its end, and how it is known that it would do nothing:
//!
//! | alive | fast exit |
//! | --- | --- |
//! | a second thread or interpreter, an extension module from a file | no |
//! | a tool that watches: tracing, profiling, `gc.callbacks`, `gc.set_debug`, `-v`, `-X dev` | no |
//! | warnings about what was not closed are shown | no |
//! | an object with `__del__` in Python | no, but for a few of the standard library ([`known`]) |
//! | a generator or coroutine that waits at a `yield` or `await`, a coroutine that never ran | no |
//! | a weak reference with a function to call | only functions that keep weak collections in order |
//! | a file open for reading, a socket | yes: the system closes it |
//! | a file open for writing | yes, after it was closed as its end would ([`files`]) |
//! | a second stream of text over a standard buffer | yes, if it holds no text of its own |
//! | any other object with a finalizer in C: an open database, say | no |

mod files;
mod known;
mod watchers;

use std::sync::{Mutex, OnceLock, PoisonError};

use crate::ffi::{Call, Gil, Method, Object, Raised, Result, collector, heap, lifecycle};

/// The environment variable that asks to be told which way the exit went (docs/exit.md).
const TRACE: &str = "OXIDIZE_TRACE_EXIT";

/// `Py_RunMain`'s status where output could not be flushed at the end.
const FLUSH_FAILED: i32 = 120;

/// How the application ended.
#[derive(Clone, Copy)]
pub(crate) struct End {
    /// Its exit status.
    pub(crate) status: i32,
    /// Whether the user interrupted it.
    pub(crate) interrupted: bool,
}

/// Ends Python, and perhaps the process; returns the exit status if not.
pub(crate) fn finish(end: End, fast: bool) -> i32 {
    if fast {
        lifecycle::with_gil(|gil| {
            if register(gil, end).is_err() {
                gil.clear(); // No memory, say. The full exit needs nothing of this.
            }
        });
    }
    collector::disable();
    let flushed = lifecycle::finalize();
    end.status(flushed)
}

impl End {
    fn status(self, flushed: bool) -> i32 {
        if self.interrupted {
            lifecycle::die_of_interrupt()
        } else if flushed {
            self.status
        } else {
            FLUSH_FAILED
        }
    }
}

/// The functions, for `_oxidize`.
pub(crate) fn functions() -> Vec<Method> {
    vec![Method::new(
        c"_leave",
        leave,
        c"Called at the end of the application.",
    )]
}

/// What a start snapshot has frozen.
static FROZEN: OnceLock<heap::Frozen> = OnceLock::new();

/// Looks at what a start snapshot has frozen, so that the end of a process that was made from it
/// looks at what is new alone. Last before the snapshot is taken.
#[cfg(target_env = "musl")]
pub(crate) fn remember_frozen(gil: Gil<'_>) -> Result<()> {
    if let Some(frozen) = heap::frozen(gil)? {
        let _ = FROZEN.set(frozen);
    }
    Ok(())
}

/// The end of the application between [`register`] and [`leave`].
static END: Mutex<Option<End>> = Mutex::new(None);

fn take() -> Option<End> {
    END.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn register(gil: Gil<'_>, end: End) -> Result<()> {
    let leave = gil.import("_oxidize")?.attr(c"_leave")?;
    *END.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
    gil.import("atexit")?
        .call_method(c"register", &[leave])
        .map(drop)
}

/// Registered last, so it is called first: it calls the others, and leaves the process if nobody
/// will notice.
fn leave<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    // Nothing, if a program calls this or the call below comes back to it.
    let Some(end) = take() else {
        return Ok(gil.none());
    };
    // Afterwards none is registered any more: `Py_FinalizeEx` goes on and calls none twice.
    gil.import("atexit")?.call_method(c"_run_exitfuncs", &[])?;
    let reason = match inspect(gil) {
        Ok(writers) if writers.is_empty() => {
            let flushed = files::flush_standard(gil);
            part(end, flushed)
        }
        Ok(writers) => {
            drop(writers); // A reference from here would change what is garbage.
            let flushed = files::flush_standard(gil);
            // Signals end the process from here on, and garbage goes before what can be reached: a
            // file in a cycle may lose what was written to it, as in any Python.
            if watchers::default_signals(gil).is_err() {
                gil.clear();
            }
            heap::collect(gil);
            match inspect(gil) {
                Ok(writers) => {
                    writers.iter().for_each(heap::finalize);
                    part(end, flushed)
                }
                Err(reason) => reason,
            }
        }
        Err(reason) => reason,
    };
    if traced() {
        eprintln!("exit: full, because of {reason}");
    }
    Ok(gil.none())
}

fn traced() -> bool {
    std::env::var_os(TRACE).is_some()
}

fn part(end: End, flushed: bool) -> ! {
    if traced() {
        eprintln!("exit: fast");
    }
    lifecycle::exit(end.status(flushed))
}

fn inspect(gil: Gil<'_>) -> Verdict<'_> {
    unnoticed(gil).unwrap_or_else(|Raised| {
        gil.clear();
        Err("an exception during inspection".to_owned())
    })
}

/// Whether nobody notices if the interpreter is not taken apart, provided that the files returned
/// are closed; else what would notice.
type Verdict<'py> = std::result::Result<Vec<Object<'py>>, String>;

fn unnoticed(gil: Gil<'_>) -> Result<Verdict<'_>> {
    if !heap::alone(gil) {
        return Ok(Err("another thread or interpreter".to_owned()));
    }
    if let Some(watcher) = watchers::watched(gil)? {
        return Ok(Err(watcher.to_owned()));
    }
    let Some(mut files) = files::Files::standard(gil)? else {
        return Ok(Err("a standard stream in Python".to_owned()));
    };
    let survey = heap::survey(gil, FROZEN.get())?;
    if survey.extensions {
        return Ok(Err("an extension module".to_owned()));
    }
    if survey.incomplete {
        return Ok(Err(
            "more objects with finalizers than are looked at".to_owned()
        ));
    }
    for class in &survey.unseen {
        if !known::finalizer(class)?.is_some_and(|owner| known::closes_only(&owner)) {
            return Ok(Err(format!("the class {}", known::full_name(class)?)));
        }
    }
    for callback in &survey.callbacks {
        if !known::callback(callback)? {
            return Ok(Err(format!(
                "a weak reference that calls {}",
                known::callback_name(callback)?
            )));
        }
    }
    for object in &survey.finalizers {
        if !files.takes(object)? && !known::object(object)? {
            return Ok(Err(format!(
                "an object of {}",
                known::full_name(&object.class())?
            )));
        }
    }
    let Some(writers) = files.writers()? else {
        return Ok(Err("several writers to one file".to_owned()));
    };
    if !writers.is_empty() && watchers::hooked(gil)? {
        return Ok(Err("sys.unraisablehook".to_owned()));
    }
    Ok(Ok(writers))
}
