//! Defining functions of the system, and calling its own: the linker diverts every call of a
//! function in `names.txt`.

/// Defines functions of the system.
macro_rules! define {
    ($($seen:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $result:ty $body:block)*) => {$(
        #[unsafe(export_name = concat!("__wrap_", stringify!($name)))]
        #[allow(non_snake_case, reason = "the system's names")]
        $seen unsafe extern "system" fn $name($($argument: $type),*) -> $result {
            // SAFETY: the body relies on what the system's manual asks of callers, and on nothing
            // else.
            unsafe { $body }
        }
    )*};
}

/// The system's own function.
macro_rules! real {
    ($name:ident($($argument:expr),*): fn($($type:ty),*) -> $result:ty) => {{
        #[allow(
            non_snake_case,
            clashing_extern_declarations,
            reason = "the system's names; handles and structures have other types elsewhere"
        )]
        unsafe extern "system" {
            #[link_name = concat!("__real_", stringify!($name))]
            fn $name($(_: $type),*) -> $result;
        }
        $name($($argument),*)
    }};
}

/// The system's own function, for one that the executable does not import.
macro_rules! found {
    ($name:ident($($argument:expr),*): fn($($type:ty),*) -> $result:ty) => {{
        static FOUND: std::sync::atomic::AtomicPtr<std::ffi::c_void> =
            std::sync::atomic::AtomicPtr::new(std::ptr::null_mut());
        let function = super::real::find(&FOUND, concat!(stringify!($name), "\0"));
        std::mem::transmute::<*mut std::ffi::c_void, unsafe extern "system" fn($($type),*) -> $result>(function)(
            $($argument),*
        )
    }};
}

/// A function of the system or of its C library. The name ends with NUL.
pub(super) fn find(
    found: &std::sync::atomic::AtomicPtr<std::ffi::c_void>,
    name: &str,
) -> super::Handle {
    use std::sync::atomic::Ordering::Relaxed;
    let known = found.load(Relaxed);
    if !known.is_null() {
        return known;
    }
    for library in ["kernel32.dll", "ucrtbase.dll"] {
        // SAFETY: strings that end with NUL.
        let function = unsafe {
            let library = super::system::GetModuleHandleW(super::system::wide(library).as_ptr());
            let name = name.as_ptr().cast::<std::ffi::c_char>();
            real!(GetProcAddress(library, name): fn(super::Handle, *const std::ffi::c_char) -> super::Handle)
        };
        if !function.is_null() {
            found.store(function, Relaxed);
            return function;
        }
    }
    // A library imports it, so it is there.
    std::process::abort();
}
