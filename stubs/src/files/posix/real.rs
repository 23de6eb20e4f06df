//! Defining functions of the C library, and calling its own.
//!
//! With glibc, a definition in the executable comes before the library's, for the executable and
//! for every library that is loaded into it; the library's own is asked for by name. With musl,
//! which is linked in, the linker diverts every call (`--wrap`). The names are listed in
//! `names_linux.txt`, from which the build script makes the linker's options.
//!
//! On macOS the linker takes a definition in the executable before one in a library too, so that
//! CPython, OpenSSL, SQLite and Rust's library call ours. No other image does: each names the
//! library that a symbol is to come from (two-level namespace), and dyld takes interposing tuples
//! from libraries only. That keeps the start safe: whatever libSystem and dyld do for `dlsym`
//! calls their own functions, never ours. The real ones are looked up at one go before Python
//! starts (`find_all`), because dyld may hold its lock when a child is made or a signal arrives;
//! a call before that looks up its one. They are asked for by `dlsym(RTLD_NEXT)`, which begins
//! behind the executable, and not by other names (`$NOCANCEL`) that libSystem has for itself. The
//! names are listed in `names_macos.txt`, from which the build script makes the table.

#[cfg(target_os = "macos")]
include!(concat!(env!("OUT_DIR"), "/file-functions.rs"));

/// Defines functions of the C library.
macro_rules! define {
    ($($seen:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $result:ty $body:block)*) => {$(
        #[cfg_attr(target_env = "musl", unsafe(export_name = concat!("__wrap_", stringify!($name))))]
        #[cfg_attr(target_env = "gnu", unsafe(no_mangle))]
        #[cfg_attr(target_os = "macos", unsafe(export_name = symbol!($name)))]
        $seen unsafe extern "C" fn $name($($argument: $type),*) -> $result {
            // SAFETY: the body relies on what the C library's manual asks of callers, and on
            // nothing else.
            unsafe { $body }
        }
    )*};
}

/// The C library's own function.
#[cfg(target_env = "musl")]
macro_rules! real {
    ($name:ident: fn($($type:ty),*) -> $result:ty) => {{
        unsafe extern "C" {
            #[link_name = concat!("__real_", stringify!($name))]
            fn $name($(_: $type),*) -> $result;
        }
        $name as unsafe extern "C" fn($($type),*) -> $result
    }};
}

/// The C library's own function.
#[cfg(target_env = "gnu")]
macro_rules! real {
    ($name:ident: fn($($type:ty),*) -> $result:ty) => {{
        static FOUND: std::sync::atomic::AtomicPtr<std::ffi::c_void> =
            std::sync::atomic::AtomicPtr::new(std::ptr::null_mut());
        let name = concat!(stringify!($name), "\0");
        let found = $crate::files::posix::real::find(&FOUND, name);
        std::mem::transmute::<*mut std::ffi::c_void, unsafe extern "C" fn($($type),*) -> $result>(found)
    }};
}

/// libSystem's own function.
#[cfg(target_os = "macos")]
macro_rules! real {
    ($name:ident: fn($($type:ty),+, ...) -> $result:ty) => {
        std::mem::transmute::<*mut std::ffi::c_void, unsafe extern "C" fn($($type),+, ...) -> $result>(
            $crate::files::posix::real::known($crate::files::posix::real::index::$name),
        )
    };
    ($name:ident: fn($($type:ty),*) -> $result:ty) => {
        std::mem::transmute::<*mut std::ffi::c_void, unsafe extern "C" fn($($type),*) -> $result>(
            $crate::files::posix::real::known($crate::files::posix::real::index::$name),
        )
    };
}

/// The next definition of a function after this executable's. The name ends with NUL.
#[cfg(not(target_env = "musl"))]
pub(super) fn find(
    found: &std::sync::atomic::AtomicPtr<std::ffi::c_void>,
    name: &str,
) -> *mut std::ffi::c_void {
    let known = found.load(std::sync::atomic::Ordering::Relaxed);
    if !known.is_null() {
        return known;
    }
    let function = look_up(found, name);
    if function.is_null() {
        // Every C library that a stub runs on has the functions asked for.
        std::process::abort();
    }
    function
}

/// Null if there is none.
#[cfg(not(target_env = "musl"))]
fn look_up(
    found: &std::sync::atomic::AtomicPtr<std::ffi::c_void>,
    name: &str,
) -> *mut std::ffi::c_void {
    // SAFETY: a NUL-terminated name.
    let function = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr().cast()) };
    found.store(function, std::sync::atomic::Ordering::Relaxed);
    function
}

/// A function of the table.
#[cfg(target_os = "macos")]
struct Function {
    /// As C spells it, with a NUL at its end.
    name: &'static str,
    /// Our definition. It is never called through here; that it is named makes the linker take the
    /// object that it is in.
    own: unsafe extern "C" fn(),
    /// libSystem's.
    real: std::sync::atomic::AtomicPtr<std::ffi::c_void>,
}

/// libSystem's function at a place of the table.
#[cfg(target_os = "macos")]
#[inline(always)]
pub(super) fn known(index: usize) -> *mut std::ffi::c_void {
    let function = &FUNCTIONS[index];
    let known = function.real.load(std::sync::atomic::Ordering::Relaxed);
    if known.is_null() {
        find(&function.real, function.name)
    } else {
        known
    }
}

/// Looks up every function of the table. One that a system does not have stops only a program that
/// calls it; one that is our own would call itself for ever, so then it is better not to start.
#[cfg(target_os = "macos")]
pub(super) fn find_all() {
    for function in &FUNCTIONS {
        let own = function.own as *mut std::ffi::c_void;
        if look_up(&function.real, function.name) == own {
            std::process::abort();
        }
    }
}

/// A function of the C library that changes what is at its first argument, or creates it.
macro_rules! refused {
    ($($kind:ident $name:ident($($argument:ident: $type:ty),*);)*) => {
        define! {$(
            fn $name(path: *const c_char $(, $argument: $type)*) -> c_int {
                $crate::files::posix::serve(
                    libc::AT_FDCWD,
                    path,
                    |_, path| real!($name: fn(*const c_char $(, $type)*) -> c_int)(path $(, $argument)*).into(),
                    |place| Err($kind(place)),
                ) as c_int
            }
        )*}
    };
}

/// The same relative to a directory.
macro_rules! refused_at {
    ($($kind:ident $name:ident($($argument:ident: $type:ty),*);)*) => {
        define! {$(
            fn $name(directory: c_int, path: *const c_char $(, $argument: $type)*) -> c_int {
                $crate::files::posix::serve(
                    directory,
                    path,
                    |directory, path| {
                        real!($name: fn(c_int, *const c_char $(, $type)*) -> c_int)(directory, path $(, $argument)*)
                            .into()
                    },
                    |place| Err($kind(place)),
                ) as c_int
            }
        )*}
    };
}
