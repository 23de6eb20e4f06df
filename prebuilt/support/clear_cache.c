/* __clear_cache for 64-bit Arm.
 *
 * Memory that was written as data and is now run as code (libffi's closures, CPython's trampolines for perf) has to leave
 * the data cache and enter the instruction cache anew; compilers call this function for it. It belongs to a compiler's support
 * library. That of zig stays out (see README.md, "The link kit"), libgcc_s too, and Rust's compiler_builtins lacks it.
 *
 * Arm Architecture Reference Manual, "Cache Type Register, CTR_EL0": bits 3:0 and 19:16 are the logarithms of the smallest
 * line of an instruction and of a data cache, in words of four bytes; bits 28 and 29 say that the first step or the second one
 * is not needed. Read on each call: the kernel answers for all processors where these differ. */
#include <stdint.h>

#define EACH_LINE(operation, log2_words)                                                                 \
    for (uintptr_t line = (uintptr_t)4 << (log2_words), at = (uintptr_t)begin & ~(line - 1); at < limit; \
         at += line) {                                                                                   \
        __asm__ volatile(operation ", %0" : : "r"(at) : "memory");                                       \
    }

__attribute__((visibility("hidden"))) void __clear_cache(void *begin, void *end)
{
    const uintptr_t limit = (uintptr_t)end;
    uint64_t type;
    __asm__ volatile("mrs %0, ctr_el0" : "=r"(type));
    if ((type >> 28 & 1) == 0) {
        EACH_LINE("dc cvau", type >> 16 & 15)
    }
    __asm__ volatile("dsb ish" : : : "memory");
    if ((type >> 29 & 1) == 0) {
        EACH_LINE("ic ivau", type & 15)
        __asm__ volatile("dsb ish" : : : "memory");
    }
    __asm__ volatile("isb" : : : "memory");
}
