//! Running and loading virtual files: both from files in memory.

use std::ffi::{c_char, c_int};
use std::io::Write as _;

use oxidize_format::Node;

use super::{Lead, answer, existing, locate, memory};

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

type Spawn = unsafe extern "C" fn(
    *mut libc::pid_t,
    *const c_char,
    *const libc::posix_spawn_file_actions_t,
    *const libc::posix_spawnattr_t,
    Strings,
    Strings,
) -> c_int;

/// # Safety
/// As `posix_spawn`.
unsafe fn spawn(
    real: Spawn,
    process: *mut libc::pid_t,
    path: *const c_char,
    actions: *const libc::posix_spawn_file_actions_t,
    attributes: *const libc::posix_spawnattr_t,
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
        process: *mut libc::pid_t,
        path: *const c_char,
        actions: *const libc::posix_spawn_file_actions_t,
        attributes: *const libc::posix_spawnattr_t,
        arguments: Strings,
        environment: Strings,
    ) -> c_int {
        let real = real!(posix_spawn: fn(
            *mut libc::pid_t,
            *const c_char,
            *const libc::posix_spawn_file_actions_t,
            *const libc::posix_spawnattr_t,
            Strings,
            Strings
        ) -> c_int);
        spawn(real, process, path, actions, attributes, arguments, environment)
    }
    fn posix_spawnp(
        process: *mut libc::pid_t,
        path: *const c_char,
        actions: *const libc::posix_spawn_file_actions_t,
        attributes: *const libc::posix_spawnattr_t,
        arguments: Strings,
        environment: Strings,
    ) -> c_int {
        let real = real!(posix_spawnp: fn(
            *mut libc::pid_t,
            *const c_char,
            *const libc::posix_spawn_file_actions_t,
            *const libc::posix_spawnattr_t,
            Strings,
            Strings
        ) -> c_int);
        spawn(real, process, path, actions, attributes, arguments, environment)
    }
}
