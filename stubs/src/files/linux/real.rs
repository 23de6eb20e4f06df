//! Defining functions of the C library, and calling its own.
//!
//! With glibc, a definition in the executable comes before the library's, for the executable and
//! for every library that is loaded into it; the library's own is asked for by name. With musl,
//! which is linked in, the linker diverts every call (`--wrap`). The names are listed in
//! `names.txt`, from which the build script makes the linker's options.

/// Defines functions of the C library.
macro_rules! define {
    ($($seen:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $result:ty $body:block)*) => {$(
        #[cfg_attr(target_env = "musl", unsafe(export_name = concat!("__wrap_", stringify!($name))))]
        #[cfg_attr(not(target_env = "musl"), unsafe(no_mangle))]
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
#[cfg(not(target_env = "musl"))]
macro_rules! real {
    ($name:ident: fn($($type:ty),*) -> $result:ty) => {{
        static FOUND: std::sync::atomic::AtomicPtr<std::ffi::c_void> =
            std::sync::atomic::AtomicPtr::new(std::ptr::null_mut());
        let found = $crate::files::linux::real::find(&FOUND, concat!(stringify!($name), "\0"));
        std::mem::transmute::<*mut std::ffi::c_void, unsafe extern "C" fn($($type),*) -> $result>(found)
    }};
}

/// The next definition of a function after this executable's. The name ends with NUL.
#[cfg(not(target_env = "musl"))]
pub(super) fn find(
    found: &std::sync::atomic::AtomicPtr<std::ffi::c_void>,
    name: &str,
) -> *mut std::ffi::c_void {
    use std::sync::atomic::Ordering::Relaxed;
    let known = found.load(Relaxed);
    if !known.is_null() {
        return known;
    }
    // SAFETY: a NUL-terminated name.
    let function = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr().cast()) };
    if function.is_null() {
        // Every C library that a stub runs on has the functions asked for.
        std::process::abort();
    }
    found.store(function, Relaxed);
    function
}
