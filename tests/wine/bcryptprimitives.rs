//! A stand-in for Windows' bcryptprimitives.dll with its one function that Rust's standard library
//! calls. wine has had it since 8.12; older ones, Debian 12's for one, do not start Rust programs
//! without. The tests compile this file and put it into wine's system directory. It imports
//! nothing, so that the Rust toolchain alone can link it.
#![no_std]
#![no_main]

use core::arch::asm;

/// `BOOL ProcessPrng(PBYTE pbData, SIZE_T cbData)`: always succeeds (bcryptprimitives reference).
///
/// # Safety
/// `data` must be valid for `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn ProcessPrng(data: *mut u8, length: usize) -> i32 {
    let mut index = 0;
    while index < length {
        let (random, there): (u64, u8);
        // SAFETY: the instruction changes registers and flags only; every x86-64 processor since
        // 2015 has it.
        unsafe { asm!("rdrand {}", "setc {}", out(reg) random, out(reg_byte) there) };
        if there == 1 {
            // SAFETY: inside the caller's buffer.
            unsafe { data.add(index).write_volatile(random as u8) };
            index += 1;
        }
    }
    1
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
