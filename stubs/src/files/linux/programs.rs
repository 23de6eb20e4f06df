//! Running and loading virtual files: both from files in memory.

use std::ffi::{CStr, c_char, c_int};
use std::io::Write as _;

use oxidize_format::Node;

use super::{Lead, answer, begins, existing, locate, memory};

type Strings = *const *const c_char;

unsafe extern "C" {
    static environ: Strings;
}

/// A program's node.
fn program(node: Node<'static>) -> Result<Node<'static>, c_int> {
    if node.is_dir() || !node.is_executable() {
        return Err(libc::EACCES);
    }
    Ok(node)
}

/// Whether the kernel runs a file by an interpreter, which opens it once more by its descriptor.
fn is_script(descriptor: c_int) -> bool {
    let mut magic = [0u8; 2];
    // SAFETY: the buffer has two bytes.
    unsafe { libc::pread(descriptor, magic.as_mut_ptr().cast(), 2, 0) == 2 && magic == *b"#!" }
}

/// # Safety
/// As `execve`.
unsafe fn execute(path: *const c_char, arguments: Strings, environment: Strings) -> c_int {
    // SAFETY: the caller's.
    unsafe {
        let place = match locate(path) {
            Lead::System(path) => {
                return libc::syscall(libc::SYS_execve, path, arguments, environment) as c_int;
            }
            Lead::Tree(place) => place,
        };
        let opened = existing(place)
            .and_then(program)
            .and_then(memory::open_program);
        let failed = opened.and_then(|descriptor| {
            if is_script(descriptor) {
                libc::fcntl(descriptor, libc::F_SETFD, 0);
            }
            let empty = c"".as_ptr();
            libc::syscall(
                libc::SYS_execveat,
                descriptor,
                empty,
                arguments,
                environment,
                libc::AT_EMPTY_PATH,
            );
            if super::errno() == libc::ENOSYS {
                libc::syscall(
                    libc::SYS_execve,
                    again(descriptor).as_ptr(),
                    arguments,
                    environment,
                );
            }
            let error = super::errno();
            libc::close(descriptor);
            Err(error)
        });
        answer(failed) as c_int
    }
}

/// `/proc/self/fd/N`.
fn again(descriptor: c_int) -> [u8; 32] {
    let mut path = [0u8; 32];
    // It fits: a descriptor has at most ten digits.
    let _ = write!(&mut path[..], "/proc/self/fd/{descriptor}");
    path
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
        let opened = existing(place)
            .and_then(program)
            .and_then(memory::open_program);
        // Out of the way of descriptors that the actions replace.
        let opened = opened.map(|descriptor| {
            let kind = if is_script(descriptor) {
                libc::F_DUPFD
            } else {
                libc::F_DUPFD_CLOEXEC
            };
            let high = libc::fcntl(descriptor, kind, memory::HIGH);
            if high < 0 {
                return descriptor;
            }
            libc::close(descriptor);
            high
        });
        match opened {
            Ok(descriptor) => {
                let path = again(descriptor);
                let status = real(
                    process,
                    path.as_ptr().cast(),
                    actions,
                    attributes,
                    arguments,
                    environment,
                );
                libc::close(descriptor);
                status
            }
            Err(error) => error,
        }
    }
}

define! {
    fn execve(path: *const c_char, arguments: Strings, environment: Strings) -> c_int {
        execute(path, arguments, environment)
    }
    fn execv(path: *const c_char, arguments: Strings) -> c_int {
        execute(path, arguments, environ)
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
            Ok((file, true)) => execute(file, arguments, environ),
            Ok((file, false)) => real!(execvp: fn(*const c_char, Strings) -> c_int)(file, arguments),
            Err(error) => answer(Err(error)) as c_int,
        }
    }
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
                    libc::syscall(libc::SYS_faccessat, libc::AT_FDCWD, path, mode) == 0
                }
            }
        };
        there.then_some(candidate)
    });
    found.ok_or(libc::ENOENT)
}
