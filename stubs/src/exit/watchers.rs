//! Who watches the interpreter end.

use crate::ffi::{Gil, Object, Result, lifecycle};

/// `-X` options that change nothing about the end.
const QUIET_OPTIONS: &[&str] = &[
    "cpu_count",
    "faulthandler",
    "frozen_modules",
    "importtime",
    "int_max_str_digits",
    "no_debug_ranges",
    "pycache_prefix",
    "safe_path",
    "utf8",
    "warn_default_encoding",
];

/// The highest signal number that some system has, and one more.
const SIGNALS: i32 = 65;
/// `sys.monitoring` has tools 0 to 5.
const TOOLS: u64 = 6;

/// Who would be told of it, or what would be printed, while the interpreter is taken apart,
/// whatever is alive.
pub(super) fn watched(gil: Gil<'_>) -> Result<Option<&'static str>> {
    let flags = gil.sys(c"flags")?;
    for flag in [c"verbose", c"dev_mode"] {
        if flags.attr(flag)?.as_int() != Some(0) {
            return Ok(Some("-v or -X dev"));
        }
    }
    for option in gil.sys(c"_xoptions")?.items()? {
        if !QUIET_OPTIONS.contains(&option.as_str()?) {
            return Ok(Some("an -X option"));
        }
    }
    for function in [c"gettrace", c"getprofile"] {
        if !gil.sys(function)?.call(&[])?.is_none() {
            return Ok(Some("a trace or profile function"));
        }
    }
    let tool = gil.sys(c"monitoring")?.attr(c"get_tool")?;
    for number in 0..TOOLS {
        if !tool.call(&[gil.int(number)?])?.is_none() {
            return Ok(Some("a monitoring tool"));
        }
    }
    if collector_watched(gil)? {
        return Ok(Some("gc.callbacks or gc.set_debug"));
    }
    Ok(warns(gil)?.then_some("warnings of what was not closed"))
}

/// Whether the program wants to be told of errors that nobody handles.
pub(super) fn hooked(gil: Gil<'_>) -> Result<bool> {
    Ok(!gil
        .sys(c"unraisablehook")?
        .is(&gil.sys(c"__unraisablehook__")?))
}

fn collector_watched(gil: Gil<'_>) -> Result<bool> {
    // Only who has the module can have asked it for something.
    let Some(collector) = gil.loaded("gc")? else {
        return Ok(false);
    };
    Ok(!collector.attr(c"callbacks")?.items()?.is_empty()
        || collector.call_method(c"get_debug", &[])?.as_int() != Some(0))
}

/// Whether `ResourceWarning` is shown, which is what tells of things that were not closed. By
/// default it is not.
fn warns(gil: Gil<'_>) -> Result<bool> {
    let warnings = match gil.loaded("warnings")? {
        Some(module) => module,
        None => gil.import("_warnings")?,
    };
    let category = gil.builtin(c"ResourceWarning")?;
    let subclass = gil.builtin(c"issubclass")?;
    for filter in warnings.attr(c"filters")?.items()? {
        let fields = filter.items()?;
        let [action, message, of, module, line] = fields.as_slice() else {
            return Ok(true);
        };
        let applies = subclass.call(&[category.clone(), of.clone()])?;
        if !applies.is_true()? {
            continue;
        }
        if !action.is_str() || action.as_str()? != "ignore" {
            return Ok(true);
        }
        // One that applies to some only decides nothing.
        if message.is_none() && module.is_none() && line.as_int() == Some(0) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Gives every signal with a handler in Python the system's action, as the interpreter's end does.
pub(super) fn default_signals(gil: Gil<'_>) -> Result<()> {
    let handler = gil.import("_signal")?.attr(c"getsignal")?;
    for number in 1..SIGNALS {
        let asked: Result<Object<'_>> = gil
            .int(number.unsigned_abs().into())
            .and_then(|number| handler.call(&[number]));
        match asked {
            // Numbers stand for the system's own actions, and None for handlers that are not
            // Python's.
            Ok(handler) if !handler.is_none() && !handler.is_int() => {
                lifecycle::default_signal(number);
            }
            Ok(_) => {}
            Err(_) => gil.clear(), // Not a signal here.
        }
    }
    Ok(())
}
