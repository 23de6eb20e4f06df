//! A stub in miniature: the slot of the real one, and a program that prints what it finds there.

use std::arch::global_asm;
use std::sync::atomic::{AtomicU8, Ordering};

global_asm!(
    r#"
    .section .note.oxidize,"a",%note
    .balign 4
    .long 8,64,1
    .ascii "OXIDIZE\0"
    .hidden oxi_desc
    .globl oxi_desc
oxi_desc:
    .ascii "OXIDESC1"
    .zero 56
    .previous
    .section .note.oxispare,"a",%note
    .balign 8
    .long 4,16,2
    .ascii "OXI\0"
    .zero 16
    .previous
    .section .oxi.blob,"aR",%progbits
    .balign 16
    .ascii "OXIBLOBSLOT\0"
    .zero 4
    .previous
"#
);

unsafe extern "C" {
    static oxi_desc: [u8; 64];
    static __ehdr_start: u8;
}

/// Enough `.bss` that a segment placed carelessly would lie in it.
static BSS: [AtomicU8; 300_000] = [const { AtomicU8::new(0) }; 300_000];

fn main() {
    let dirty = BSS.iter().any(|byte| byte.swap(1, Ordering::Relaxed) != 0);
    assert!(!dirty, ".bss is not zero");
    let descriptor = &raw const oxi_desc;
    let (address, size) = unsafe {
        let number = |at: usize| descriptor.cast::<u8>().add(at).cast::<u64>().read_volatile();
        (number(24) as usize, number(32) as usize)
    };
    if size == 0 {
        println!("empty");
        return;
    }
    let start = unsafe { (&raw const __ehdr_start).add(address) };
    let blob = unsafe { std::slice::from_raw_parts(start, size) };
    let hash = blob.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    println!("{size} bytes, {} into the page, {hash:x}", start as usize % 4096);
}
