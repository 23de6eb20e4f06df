//! What C libraries keep that no two processes may share: states of random number generators, and a
//! time.

use std::ffi::{c_char, c_double, c_int, c_void};
use std::ptr;

use super::object::{Gil, Result};

#[repr(C)]
struct Opaque {
    _bytes: [u8; 0],
}

unsafe extern "C" {
    fn RAND_set_seed_source_type(
        context: *mut Opaque,
        source: *const c_char,
        properties: *const c_char,
    ) -> c_int;
    fn RAND_set_rand_method(method: *const RandomMethod) -> c_int;
    fn RAND_get0_primary(context: *mut Opaque) -> *mut Opaque;
    fn EVP_RAND_reseed(
        generator: *mut Opaque,
        resistant: c_int,
        entropy: *const u8,
        entropy_len: usize,
        additional: *const u8,
        additional_len: usize,
    ) -> c_int;
    fn ERR_set_mark() -> c_int;
    fn ERR_pop_to_mark() -> c_int;
    fn sqlite3_randomness(count: c_int, into: *mut c_void);
    fn sqlite3_config(option: c_int, ...) -> c_int;
}

/// OpenSSL's `RAND_METHOD` (`openssl/types.h`, `rand.h`).
#[repr(C)]
struct RandomMethod {
    seed: Option<unsafe extern "C" fn(*const c_void, c_int) -> c_int>,
    bytes: Option<unsafe extern "C" fn(*mut u8, c_int) -> c_int>,
    cleanup: Option<unsafe extern "C" fn()>,
    add: Option<unsafe extern "C" fn(*const c_void, c_int, c_double) -> c_int>,
    pseudorandom: Option<unsafe extern "C" fn(*mut u8, c_int) -> c_int>,
    status: Option<unsafe extern "C" fn() -> c_int>,
}

/// Has OpenSSL take random numbers from the system, so that it has no generator whose state another
/// process would repeat; or again from generators of its own.
pub(crate) fn take_random_numbers_from_system(system: bool) {
    unsafe extern "C" fn bytes(place: *mut u8, count: c_int) -> c_int {
        /// As many as `getrandom` gives at once, without interruption.
        const MOST: usize = 256;
        let Ok(count) = usize::try_from(count) else {
            return 0;
        };
        for at in (0..count).step_by(MOST) {
            let part = MOST.min(count - at);
            // SAFETY: OpenSSL wants `count` bytes there.
            let filled = unsafe { libc::getrandom(place.add(at).cast(), part, 0) };
            if filled.cast_unsigned() != part {
                return 0;
            }
        }
        1
    }
    unsafe extern "C" fn status() -> c_int {
        1
    }
    static METHOD: RandomMethod = RandomMethod {
        seed: None,
        bytes: Some(bytes),
        cleanup: None,
        add: None,
        pseudorandom: Some(bytes),
        status: Some(status),
    };
    let method: *const RandomMethod = if system {
        &raw const METHOD
    } else {
        ptr::null()
    };
    // SAFETY: a table that lives as long as the program, or null for OpenSSL's own.
    unsafe { RAND_set_rand_method(method) };
}

/// Has ncurses forget when it last looked where descriptions of terminals are. It looks again where
/// that is long ago.
pub(crate) fn forget_time_of_terminals() {
    /// In `NCURSES_GLOBALS` (`curses.priv.h`), whose other numbers are small or addresses.
    const WORDS: usize = 60;
    /// What may have passed since, in seconds.
    const RECENT: i64 = 1 << 20;
    unsafe extern "C" {
        static mut _nc_globals: [i64; WORDS];
    }
    // SAFETY: the only thread; the variable is as long in this very build.
    unsafe {
        let now = libc::time(ptr::null_mut());
        for index in 0..WORDS {
            let word = (&raw mut _nc_globals).cast::<i64>().add(index);
            if (now - RECENT..=now).contains(&*word) {
                *word = 0;
            }
        }
    }
}

/// The random number generators of C libraries that were used. To set a library up only for this
/// takes longer than all the rest of a start.
///
/// Whole words, 0 or 1: between smaller fields there would be what lay on the stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Generators {
    openssl: u64,
    sqlite: u64,
}

impl Generators {
    /// Looks which have a state that another process must not repeat.
    pub(crate) fn used(gil: Gil<'_>) -> Result<Generators> {
        /// An answer of SQLite's, where it is set up already.
        const MISUSE: c_int = 21;
        /// No option of `sqlite3_config`.
        const NOTHING: c_int = 0;
        let with_openssl = gil.loaded("_ssl")?.or(gil.loaded("_hashlib")?).is_some();
        // SAFETY: OpenSSL's source of seeds can be chosen until there is a generator; null is the
        // choice that it has anyway. SQLite refuses every option once it is set up.
        unsafe {
            let openssl = with_openssl && {
                ERR_set_mark();
                let chosen = RAND_set_seed_source_type(ptr::null_mut(), ptr::null(), ptr::null());
                ERR_pop_to_mark();
                chosen == 0
            };
            let sqlite = sqlite3_config(NOTHING) == MISUSE;
            Ok(Generators {
                openssl: openssl.into(),
                sqlite: sqlite.into(),
            })
        }
    }

    /// Gives them new seeds: they would repeat what the process before them had.
    pub(crate) fn reseed(self) {
        // SAFETY: reseeding OpenSSL's first generator makes those of the threads follow. SQLite
        // takes the null pointer as a wish to start anew.
        unsafe {
            if self.openssl == 1 {
                let primary = RAND_get0_primary(ptr::null_mut());
                if !primary.is_null() {
                    EVP_RAND_reseed(primary, 0, ptr::null(), 0, ptr::null(), 0);
                }
            }
            if self.sqlite == 1 {
                sqlite3_randomness(0, ptr::null_mut());
            }
        }
    }
}
