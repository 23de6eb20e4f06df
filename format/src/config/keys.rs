//! The keys of version 1, one line each: number, type, whether a reader must know it.

/// The shape of a key's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// UTF-8, no NUL, at most once.
    Text,
    /// UTF-8, no NUL, any number of times, order kept.
    TextList,
    /// Little-endian u32 no larger than the given, at most once.
    Number(u32),
}

/// One key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) number: u16,
    pub(super) shape: Shape,
    /// Flag bit 0 of the record: a reader that does not know the key must refuse the blob.
    pub(super) required: bool,
}

const fn key(number: u16, shape: Shape, required: bool) -> Key {
    Key {
        number,
        shape,
        required,
    }
}

pub(super) const ENTRY_MODULE: Key = key(1, Shape::Text, true);
pub(super) const ENTRY_FUNCTION: Key = key(2, Shape::Text, true);
pub(super) const ENTRY_SCRIPT: Key = key(3, Shape::Text, true);
pub(super) const PROGRAM_NAME: Key = key(16, Shape::Text, true);
pub(super) const OPTIMIZE: Key = key(17, Shape::Number(2), true);
pub(super) const EXIT: Key = key(18, Shape::Number(1), true);
pub(super) const UTF8_MODE: Key = key(19, Shape::Number(1), true);
pub(super) const UNBUFFERED: Key = key(20, Shape::Number(1), true);
pub(super) const INSPECT: Key = key(21, Shape::Number(1), true);
pub(super) const VERBOSE: Key = key(22, Shape::Number(u32::MAX), false);
pub(super) const WARN_OPTION: Key = key(23, Shape::TextList, true);
pub(super) const X_OPTION: Key = key(24, Shape::TextList, true);
pub(super) const USE_ENVIRONMENT: Key = key(25, Shape::Number(1), true);
pub(super) const SITE: Key = key(26, Shape::Number(1), true);
pub(super) const USER_SITE: Key = key(27, Shape::Number(1), true);
pub(super) const CWD_ON_PATH: Key = key(28, Shape::Number(1), true);
pub(super) const HASH_SEED: Key = key(29, Shape::Number(u32::MAX), true);
pub(super) const FAULTHANDLER: Key = key(30, Shape::Number(1), false);
pub(super) const DEV_MODE: Key = key(31, Shape::Number(1), true);
pub(super) const INSTALL_SIGNAL_HANDLERS: Key = key(32, Shape::Number(1), true);
pub(super) const SYS_PATH: Key = key(33, Shape::TextList, true);
pub(super) const ENVIRONMENT: Key = key(34, Shape::TextList, true);
pub(super) const CA_BUNDLE_PROBE: Key = key(35, Shape::Number(1), false);
pub(super) const TERMINFO_PROBE: Key = key(36, Shape::Number(1), false);

/// All keys, ascending.
pub(super) const ALL: &[Key] = &[
    ENTRY_MODULE,
    ENTRY_FUNCTION,
    ENTRY_SCRIPT,
    PROGRAM_NAME,
    OPTIMIZE,
    EXIT,
    UTF8_MODE,
    UNBUFFERED,
    INSPECT,
    VERBOSE,
    WARN_OPTION,
    X_OPTION,
    USE_ENVIRONMENT,
    SITE,
    USER_SITE,
    CWD_ON_PATH,
    HASH_SEED,
    FAULTHANDLER,
    DEV_MODE,
    INSTALL_SIGNAL_HANDLERS,
    SYS_PATH,
    ENVIRONMENT,
    CA_BUNDLE_PROBE,
    TERMINFO_PROBE,
];

/// Record flag bit 0.
pub(super) const REQUIRED: u16 = 1;
/// Size of a record's head in bytes: key u16, flags u16, value length u32.
pub(super) const HEAD: u64 = 8;
/// Values are padded with zero bytes to a multiple of this.
pub(super) const PAD: u64 = 8;

pub(super) fn find(number: u16) -> Option<&'static Key> {
    let at = ALL.binary_search_by_key(&number, |key| key.number).ok()?;
    ALL.get(at)
}
