//! `open` and `openat` on 64-bit Arm under macOS.
//!
//! Their mode is a variadic argument, and Apple's calling convention has those on the stack, in
//! slots of eight bytes from the stack pointer on ("Writing ARM64 code for Apple platforms", Update
//! code that passes arguments to variadic functions). Rust cannot define variadic functions, and
//! one with three plain arguments would take the mode from a register that the caller left as it
//! was. So each of these reads the first slot into the register in which its plain twin expects it,
//! and jumps there: link register and stack stay the caller's.
//!
//! Where the caller passed no mode, the slot belongs to its frame, which is there to be read: no
//! function is entered with the stack pointer at the very end of the stack. What was read then is
//! not looked at, as the flags do not say that it is there.

use std::ffi::{c_char, c_int, c_uint};

use super::calls::open_at;

unsafe extern "C" fn open_with_mode(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: what `open(2)` asks of callers.
    unsafe { open_at(libc::AT_FDCWD, path, flags, mode) }
}

unsafe extern "C" fn openat_with_mode(
    directory: c_int,
    path: *const c_char,
    flags: c_int,
    mode: c_uint,
) -> c_int {
    // SAFETY: what `openat(2)` asks of callers.
    unsafe { open_at(directory, path, flags, mode) }
}

/// `open(path, flags, ...)`.
///
/// # Safety
/// As `open(2)`.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn open(path: *const c_char, flags: c_int) -> c_int {
    core::arch::naked_asm!("ldr w2, [sp]", "b {plain}", plain = sym open_with_mode)
}

/// `openat(directory, path, flags, ...)`.
///
/// # Safety
/// As `openat(2)`.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn openat(directory: c_int, path: *const c_char, flags: c_int) -> c_int {
    core::arch::naked_asm!("ldr w3, [sp]", "b {plain}", plain = sym openat_with_mode)
}
