//! What the processor can do, as far as a library may have chosen code by it before the snapshot
//! was taken.

/// Features, as bits that a processor has or lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Features([u64; 2]);

impl Features {
    /// Whether a processor with these has all of `needed`.
    pub(super) fn include(self, needed: Features) -> bool {
        needed
            .0
            .iter()
            .zip(self.0)
            .all(|(needed, here)| needed & !here == 0)
    }
}

/// This processor's. OpenSSL has asked it already, before `main`; its answer also knows what the
/// system allows.
#[cfg(target_arch = "x86_64")]
pub(super) fn features() -> Features {
    unsafe extern "C" {
        /// Leaf 1 (edx, ecx) and leaf 7 (ebx, ecx) of `cpuid`, in words of 32 bits.
        static OPENSSL_ia32cap_P: [u32; 4];
    }
    // What code is chosen by: vector and bit instructions, ciphers, hashes, random numbers. Not
    // what differs without consequence, such as a hypervisor's presence.
    const CHOSEN_BY: [u32; 4] = [
        1 << 24 | 1 << 25 | 1 << 26, // fxsr, sse, sse2
        // sse3, pclmulqdq, ssse3, fma, sse4.1, sse4.2, movbe, popcnt, aes, xsave, osxsave, avx,
        // f16c, rdrand
        0x1 | 1 << 1 | 1 << 9 | 1 << 12 | 3 << 19 | 3 << 22 | 1 << 25 | 0x1f << 26,
        // bmi1, avx2, bmi2, avx512 (f, dq, ifma, cd, bw, vl), rdseed, adx, sha
        1 << 3 | 1 << 5 | 1 << 8 | 3 << 16 | 3 << 18 | 1 << 21 | 7 << 28 | 1 << 31,
        // avx512 (vbmi, vbmi2, vnni, bitalg, vpopcntdq), gfni, vaes, vpclmulqdq
        1 << 1 | 1 << 6 | 0x1f << 8 | 1 << 14,
    ];
    // SAFETY: OpenSSL's own variable, at least as long; set once, before `main`.
    let words = unsafe { (&raw const OPENSSL_ia32cap_P).read_volatile() };
    let word = |index: usize| u64::from(words[index] & CHOSEN_BY[index]);
    Features([word(0) | word(1) << 32, word(2) | word(3) << 32])
}

/// This processor's, as the kernel tells: those of which something is kept. Whether there are
/// atomic instructions (`__aarch64_have_lse_atomics`), and how liblzma computes checksums.
#[cfg(target_arch = "aarch64")]
pub(super) fn features() -> Features {
    const CHOSEN_BY: u64 = libc::HWCAP_ATOMICS | libc::HWCAP_CRC32;
    // SAFETY: a question.
    Features([unsafe { libc::getauxval(libc::AT_HWCAP) } & CHOSEN_BY, 0])
}

/// Has OpenSSL choose code that runs on every processor, in the process that a snapshot is taken
/// of. What it knows of the processor is in no snapshot, but an object that a module has made may
/// point to the code chosen by it.
///
/// On x86-64 the features decide instead: what imports make there may be made for speed.
pub(super) fn choose_plain_code() {
    #[cfg(target_arch = "aarch64")]
    {
        /// `ARMV7_NEON` (`crypto/arm_arch.h`), which every 64-bit Arm processor has.
        const NEON: u32 = 1;
        unsafe extern "C" {
            static mut OPENSSL_armcap_P: u32;
        }
        // SAFETY: OpenSSL's own variable; no other thread runs.
        unsafe { (&raw mut OPENSSL_armcap_P).write_volatile(NEON) }
    }
}

/// The constructor that finds the features out where it stands in the table of constructors: it
/// must run in every process. 0 where it is called in another way.
pub(super) fn constructor() -> usize {
    #[cfg(target_arch = "aarch64")]
    {
        unsafe extern "C" {
            fn OPENSSL_cpuid_setup();
        }
        OPENSSL_cpuid_setup as *const () as usize
    }
    #[cfg(not(target_arch = "aarch64"))]
    0
}
