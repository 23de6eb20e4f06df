//! Running virtual files: `exec` and `posix_spawn`, and the search along `PATH`.

use std::ffi::{CStr, c_char, c_int};
use std::io::Write as _;

use oxidize_format::Node;

use super::{Lead, answer, begins, existing, locate, run, system};

type Strings = *const *const c_char;

/// The process's environment.
#[cfg(target_os = "linux")]
unsafe fn environ() -> Strings {
    unsafe extern "C" {
        static environ: Strings;
    }
    // SAFETY: nobody may change the environment meanwhile, as the C library's functions demand.
    unsafe { environ }
}

/// The process's environment.
#[cfg(target_os = "macos")]
unsafe fn environ() -> Strings {
    // SAFETY: as on Linux. `crt_externs.h` has this function for code that cannot name `environ`.
    unsafe { (*libc::_NSGetEnviron()).cast() }
}

/// A program's node.
fn program(node: Node<'static>) -> Result<Node<'static>, c_int> {
    if node.is_dir() || !node.is_executable() {
        return Err(libc::EACCES);
    }
    Ok(node)
}

/// # Safety
/// As `execve`.
unsafe fn execute(path: *const c_char, arguments: Strings, environment: Strings) -> c_int {
    // SAFETY: the caller's.
    unsafe {
        match locate(path) {
            Lead::System(path) => system::execve(path, arguments, environment) as c_int,
            Lead::Tree(place) => {
                let started = existing(place)
                    .and_then(program)
                    .and_then(|node| run::execute(node, arguments, environment));
                answer(started) as c_int
            }
        }
    }
}

type Process = *mut libc::pid_t;
type Actions = *const libc::posix_spawn_file_actions_t;
type Attributes = *const libc::posix_spawnattr_t;
type Spawn =
    unsafe extern "C" fn(Process, *const c_char, Actions, Attributes, Strings, Strings) -> c_int;

/// # Safety
/// As `posix_spawn`.
unsafe fn spawn(
    real: Spawn,
    process: Process,
    path: *const c_char,
    actions: Actions,
    attributes: Attributes,
    arguments: Strings,
    environment: Strings,
) -> c_int {
    // SAFETY: the caller's.
    unsafe {
        let place = match locate(path) {
            Lead::System(path) => {
                return real(process, path, actions, attributes, arguments, environment);
            }
            Lead::Tree(place) => place,
        };
        let started = existing(place).and_then(program).and_then(|node| {
            run::spawn(node, |path| {
                real(process, path, actions, attributes, arguments, environment)
            })
        });
        started.unwrap_or_else(|error| error)
    }
}

define! {
    fn execve(path: *const c_char, arguments: Strings, environment: Strings) -> c_int {
        execute(path, arguments, environment)
    }
    fn execv(path: *const c_char, arguments: Strings) -> c_int {
        execute(path, arguments, environ())
    }
    fn posix_spawn(
        process: Process,
        path: *const c_char,
        actions: Actions,
        attributes: Attributes,
        arguments: Strings,
        environment: Strings,
    ) -> c_int {
        let real = real!(posix_spawn: fn(Process, *const c_char, Actions, Attributes, Strings, Strings) -> c_int);
        spawn(real, process, path, actions, attributes, arguments, environment)
    }
    fn posix_spawnp(
        process: Process,
        file: *const c_char,
        actions: Actions,
        attributes: Attributes,
        arguments: Strings,
        environment: Strings,
    ) -> c_int {
        let real = real!(posix_spawnp: fn(Process, *const c_char, Actions, Attributes, Strings, Strings) -> c_int);
        let mut room = Room::new();
        match search(file, &mut room) {
            Ok(file) => spawn(real, process, file, actions, attributes, arguments, environment),
            Err(error) => error,
        }
    }
    fn execvp(file: *const c_char, arguments: Strings) -> c_int {
        let mut room = Room::new();
        match search(file, &mut room).map(|file| (file, begins(file))) {
            Ok((file, true)) => execute(file, arguments, environ()),
            Ok((file, false)) => real!(execvp: fn(*const c_char, Strings) -> c_int)(file, arguments),
            Err(error) => answer(Err(error)) as c_int,
        }
    }
}

#[cfg(target_os = "linux")]
define! {
    fn execvpe(file: *const c_char, arguments: Strings, environment: Strings) -> c_int {
        let mut room = Room::new();
        match search(file, &mut room).map(|file| (file, begins(file))) {
            Ok((file, true)) => execute(file, arguments, environment),
            Ok((file, false)) => {
                real!(execvpe: fn(*const c_char, Strings, Strings) -> c_int)(file, arguments, environment)
            }
            Err(error) => answer(Err(error)) as c_int,
        }
    }
}

/// Room for a path: nothing may be allocated between `fork` and `exec`.
type Room = Path<{ oxidize_format::MAX_PATH + 1 }>;

struct Path<const SIZE: usize>([u8; SIZE]);

impl<const SIZE: usize> Path<SIZE> {
    fn new() -> Self {
        Path([0; SIZE])
    }

    /// `directory/name`, if it fits.
    fn join(&mut self, directory: &[u8], name: &[u8]) -> Option<*const c_char> {
        let mut rest = self.0.as_mut_slice();
        for part in [directory, b"/", name, b"\0"] {
            rest.write_all(part).ok()?;
        }
        Some(self.0.as_ptr().cast())
    }
}

/// What a bare name means where a directory of the tree is on `PATH`: the path of the first
/// program, virtual or not. The C library must not search itself then: musl does that in the child,
/// on a stack too small for the tree. Where `PATH` has no such directory, the name as it is.
///
/// # Errors
/// The error number where nothing is found.
///
/// # Safety
/// `file` must be null or a C string; nobody may change the environment meanwhile, as the C
/// library's own search demands.
unsafe fn search(file: *const c_char, room: &mut Room) -> Result<*const c_char, c_int> {
    // SAFETY: the caller's; `getenv` gives a C string or null.
    let (name, path) = unsafe {
        let path = libc::getenv(c"PATH".as_ptr());
        if file.is_null() || path.is_null() {
            return Ok(file);
        }
        let name = CStr::from_ptr(file).to_bytes();
        (name, CStr::from_ptr(path).to_bytes())
    };
    let mut directories = path.split(|byte| *byte == b':');
    if name.is_empty()
        || name.contains(&b'/')
        || !directories.clone().any(oxidize_format::is_virtual)
    {
        return Ok(file);
    }
    let found = directories.find_map(|directory| {
        // An empty one is the current directory.
        let directory = if directory.is_empty() {
            b"."
        } else {
            directory
        };
        let candidate = room.join(directory, name)?;
        // SAFETY: a C string.
        let there = unsafe {
            match locate(candidate) {
                Lead::Tree(place) => existing(place).and_then(program).is_ok(),
                Lead::System(path) => {
                    let mode = libc::X_OK;
                    system::faccessat(libc::AT_FDCWD, path, mode) == 0
                }
            }
        };
        there.then_some(candidate)
    });
    found.ok_or(libc::ENOENT)
}
