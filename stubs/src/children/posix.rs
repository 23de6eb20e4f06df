//! The functions that start a process, on POSIX; the module above says what is done to them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::Replaced;
use crate::ffi::token::Token;
use crate::ffi::{Call, Gil, Method, Object, Result, Text, lifecycle};
use crate::own::{MARK, own};

/// The functions that are replaced.
pub(super) const REPLACED: [Replaced; 5] = [
    ("posix", c"execv", c"_execv"),
    ("posix", c"execve", c"_execve"),
    ("posix", c"posix_spawn", c"_posix_spawn"),
    ("posix", c"posix_spawnp", c"_posix_spawnp"),
    ("_posixsubprocess", c"fork_exec", c"_fork_exec"),
];

/// The functions, for `_oxidize`.
pub(crate) fn functions() -> Vec<Method> {
    vec![
        Method::new(
            c"execv",
            execv,
            c"execv($module, path, argv, /)\n--\n\nos.execv",
        ),
        Method::new(
            c"execve",
            execve,
            c"execve($module, /, path, argv, env)\n--\n\nos.execve",
        ),
        Method::new(
            c"posix_spawn",
            posix_spawn,
            c"posix_spawn($module, path, argv, env, /, *, file_actions=(), setpgroup=None, resetids=False, setsid=False, setsigmask=(), setsigdef=(), scheduler=None)\n--\n\nos.posix_spawn",
        ),
        Method::new(
            c"posix_spawnp",
            posix_spawnp,
            c"posix_spawnp($module, path, argv, env, /, *, file_actions=(), setpgroup=None, resetids=False, setsid=False, setsigmask=(), setsigdef=(), scheduler=None)\n--\n\nos.posix_spawnp",
        ),
        Method::new(c"fork_exec", fork_exec, c"_posixsubprocess.fork_exec"),
        Method::new(
            c"mark_after",
            mark_after,
            c"mark_after(preexec_fn, mark): calls it and marks the new process as an interpreter",
        ),
    ]
}

/// Whether `program` (str, bytes or path-like) is `sys.executable` as a path for the interpreter.
/// What is no path is left to the original to refuse, as is everything once the interpreter has
/// begun to take its modules apart.
fn is_interpreter<'py>(gil: Gil<'py>, program: &Object<'py>) -> Result<bool> {
    let (Some(program), Some(own)) = (encoded(gil, program)?, own()) else {
        return Ok(false);
    };
    Ok(own.executable != own.file && own.executable.as_os_str().as_bytes() == program)
}

/// The bytes of a path.
fn encoded<'py>(gil: Gil<'py>, path: &Object<'py>) -> Result<Option<Vec<u8>>> {
    let Some(os) = gil.loaded("os")? else {
        return Ok(None);
    };
    match os.call_method(c"fsencode", std::slice::from_ref(path)) {
        Ok(path) => Ok(Some(path.as_bytes()?.to_vec())),
        Err(_) => {
            gil.clear();
            Ok(None)
        }
    }
}

/// The application's own file and arguments, if `arguments` are those it was started with itself.
fn again<'py>(
    gil: Gil<'py>,
    arguments: &Object<'py>,
) -> Result<Option<(Object<'py>, Object<'py>)>> {
    let Ok(items) = arguments.items() else {
        gil.clear();
        return Ok(None);
    };
    let mut words = Vec::new();
    for item in &items {
        let Some(word) = encoded(gil, item)? else {
            return Ok(None);
        };
        words.push(OsString::from_vec(word));
    }
    let Some(own) = super::again(&words) else {
        return Ok(None);
    };
    let bytes = |text: &OsStr| gil.bytes(text.as_bytes());
    let arguments = own
        .arguments
        .iter()
        .map(|word| bytes(word))
        .collect::<Result<Vec<_>>>()?;
    Ok(Some((bytes(own.file.as_os_str())?, gil.list(&arguments)?)))
}

/// What makes this process known to one that it starts, as long as it lives.
struct Mark {
    value: String,
    token: Token,
}

impl Mark {
    /// For `exec`, after which nothing else tells.
    fn new() -> Option<Mark> {
        let process = std::process::id();
        let token = Token::new(process)?;
        let value = format!("{process}:{}", token.descriptor());
        Some(Mark { value, token })
    }

    /// For a child, which sees its parent itself unless that is hidden from it.
    fn for_child() -> Option<Mark> {
        let may_change_user = lifecycle::is_root();
        let is_hidden = !std::path::Path::new("/proc/self/stat").exists();
        (may_change_user || is_hidden && cfg!(target_os = "linux")).then(Mark::new)?
    }

    fn pair(&self) -> Vec<u8> {
        [MARK.to_bytes(), b"=", self.value.as_bytes()].concat()
    }
}

/// This process's environment with the mark, as a list of `name=value` bytes.
fn inherited<'py>(gil: Gil<'py>, mark: &Mark) -> Result<Object<'py>> {
    let mut pairs = Vec::new();
    for pair in lifecycle::whole_environment() {
        pairs.push(gil.bytes(&pair)?);
    }
    pairs.push(gil.bytes(&mark.pair())?);
    gil.list(&pairs)
}

/// A copy of a mapping with the mark.
fn marked_mapping<'py>(gil: Gil<'py>, mapping: &Object<'py>, mark: &Mark) -> Result<Object<'py>> {
    let copy = gil.builtin(c"dict")?.call(std::slice::from_ref(mapping))?;
    copy.set_item(&MARK.to_string_lossy(), &gil.str(&mark.value)?)?;
    Ok(copy)
}

/// `execv(path, argv)`.
fn execv<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let (program, arguments) = (call.argument(0, "path")?, call.argument(1, "argv")?);
    let native = call.receiver();
    if !is_interpreter(gil, &program)? {
        return native.attr(c"_execv")?.call(&[program, arguments]);
    }
    if let Some((program, arguments)) = again(gil, &arguments)? {
        return native.attr(c"_execv")?.call(&[program, arguments]);
    }
    let Some(mark) = Mark::new() else {
        return native.attr(c"_execv")?.call(&[program, arguments]);
    };
    let environment = gil.dict()?;
    for pair in lifecycle::whole_environment() {
        let split = pair
            .iter()
            .position(|&byte| byte == b'=')
            .unwrap_or(pair.len());
        let (name, value) = (&pair[..split], pair.get(split + 1..).unwrap_or_default());
        environment.set_object(&gil.bytes(name)?, &gil.bytes(value)?)?;
    }
    native.attr(c"_execve")?.call(&[
        program,
        arguments,
        marked_mapping(gil, &environment, &mark)?,
    ])
}

/// `execve(path, argv, env)`.
fn execve<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let (mut program, mut arguments) = (call.argument(0, "path")?, call.argument(1, "argv")?);
    let mut environment = call.argument(2, "env")?;
    let mut mark = None;
    // A descriptor instead of a path (fexecve): the first argument tells what is meant.
    let named = if program.is_int() {
        first(gil, &arguments)?
    } else {
        Some(program.clone())
    };
    if let Some(named) = named
        && is_interpreter(gil, &named)?
    {
        if let Some(own) = again(gil, &arguments)? {
            (program, arguments) = own;
        } else {
            mark = Mark::new();
            if let Some(mark) = &mark {
                environment = marked_mapping(gil, &environment, mark)?;
            }
        }
    }
    let result = call
        .receiver()
        .attr(c"_execve")?
        .call(&[program, arguments, environment]);
    drop(mark);
    result
}

fn first<'py>(gil: Gil<'py>, arguments: &Object<'py>) -> Result<Option<Object<'py>>> {
    match arguments.items() {
        Ok(items) => Ok(items.into_iter().next()),
        Err(_) => {
            gil.clear();
            Ok(None)
        }
    }
}

/// `posix_spawn(path, argv, env, /, *, ...)`.
fn posix_spawn<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    spawn(call, c"_posix_spawn")
}

/// `posix_spawnp(path, argv, env, /, *, ...)`.
fn posix_spawnp<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    spawn(call, c"_posix_spawnp")
}

fn spawn<'py>(call: &Call<'py>, original: &std::ffi::CStr) -> Result<Object<'py>> {
    let gil = call.gil();
    let mut arguments = call.positional();
    let mut mark = None;
    if arguments.len() >= 3 && is_interpreter(gil, &arguments[0])? {
        if let Some((program, own)) = again(gil, &arguments[1])? {
            (arguments[0], arguments[1]) = (program, own);
        } else {
            mark = Mark::for_child();
        }
        if let Some(mark) = &mark {
            arguments[2] = if arguments[2].is_none() {
                // None means this process's environment.
                marked_mapping(gil, &gil.import("os")?.attr(c"environ")?, mark)?
            } else {
                marked_mapping(gil, &arguments[2], mark)?
            };
        }
    }
    let result = call
        .receiver()
        .attr(original)?
        .call_all(&arguments, call.keywords()?);
    drop(mark);
    result
}

/// Positions in the arguments of `fork_exec`, Modules/_posixsubprocess.c.
mod position {
    pub(super) const ARGUMENTS: usize = 0;
    pub(super) const EXECUTABLES: usize = 1;
    pub(super) const PASSED: usize = 3;
    pub(super) const ENVIRONMENT: usize = 5;
    pub(super) const PREEXEC: usize = 21;
}

/// `fork_exec(args, executable_list, close_fds, pass_fds, cwd, env_list, ...)`, all positional.
fn fork_exec<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let mut arguments = call.positional();
    let mut mark = None;
    if arguments.len() > position::PREEXEC
        && any_is_interpreter(gil, &arguments[position::EXECUTABLES])?
    {
        if let Some((program, own)) = again(gil, &arguments[position::ARGUMENTS])? {
            arguments[position::ARGUMENTS] = own;
            arguments[position::EXECUTABLES] = gil.tuple(&[program])?;
            return call
                .receiver()
                .attr(c"_fork_exec")?
                .call_all(&arguments, call.keywords()?);
        }
        mark = Mark::for_child();
        if let Some(mark) = &mark {
            arguments[position::PASSED] = passed(gil, &arguments[position::PASSED], mark)?;
            let environment = &arguments[position::ENVIRONMENT];
            let preexec = &arguments[position::PREEXEC];
            if !environment.is_none() {
                let mut pairs = environment.items()?;
                pairs.push(gil.bytes(&mark.pair())?);
                arguments[position::ENVIRONMENT] = gil.list(&pairs)?;
            } else if preexec.is_none() {
                arguments[position::ENVIRONMENT] = inherited(gil, mark)?;
            } else {
                // The child gets what its environment is after `preexec_fn`, which may change it:
                // marked there.
                let mark_after = call.receiver().attr(c"mark_after")?;
                let value = gil.str(&mark.value)?;
                arguments[position::PREEXEC] = gil
                    .import("_functools")?
                    .attr(c"partial")?
                    .call(&[mark_after, preexec.clone(), value])?;
            }
        }
    }
    let result = call
        .receiver()
        .attr(c"_fork_exec")?
        .call_all(&arguments, call.keywords()?);
    drop(mark);
    result
}

/// The descriptors that a child keeps, in their order, with the token's.
fn passed<'py>(gil: Gil<'py>, kept: &Object<'py>, mark: &Mark) -> Result<Object<'py>> {
    let token = i64::from(mark.token.descriptor());
    let mut kept = kept.items()?;
    let place = kept.partition_point(|one| one.as_int().is_some_and(|one| one < token));
    kept.insert(place, gil.int(token.unsigned_abs())?);
    gil.tuple(&kept)
}

/// `mark_after(preexec_fn, mark)`, in the new process: calls it and marks the environment that
/// `exec` hands on.
fn mark_after<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    call.argument(0, "preexec_fn")?.call(&[])?;
    let value = call.argument(1, "mark")?;
    if let (Some(name), Some(value)) = (
        Text::new(&*MARK.to_string_lossy()),
        Text::new(value.as_str()?),
    ) {
        lifecycle::set_environment(&name, &value);
    }
    Ok(call.gil().none())
}

fn any_is_interpreter<'py>(gil: Gil<'py>, programs: &Object<'py>) -> Result<bool> {
    let Ok(programs) = programs.items() else {
        gil.clear();
        return Ok(false);
    };
    for program in programs {
        if is_interpreter(gil, &program)? {
            return Ok(true);
        }
    }
    Ok(false)
}
