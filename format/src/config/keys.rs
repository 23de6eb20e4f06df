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

pub(super) const ENTRY_MODULE: u16 = 1;
pub(super) const ENTRY_FUNCTION: u16 = 2;
pub(super) const ENTRY_SCRIPT: u16 = 3;
pub(super) const PROGRAM_NAME: u16 = 16;
pub(super) const OPTIMIZE: u16 = 17;
pub(super) const EXIT: u16 = 18;
pub(super) const UTF8_MODE: u16 = 19;
pub(super) const UNBUFFERED: u16 = 20;
pub(super) const INSPECT: u16 = 21;
pub(super) const VERBOSE: u16 = 22;
pub(super) const WARN_OPTION: u16 = 23;
pub(super) const X_OPTION: u16 = 24;
pub(super) const USE_ENVIRONMENT: u16 = 25;
pub(super) const SITE: u16 = 26;
pub(super) const USER_SITE: u16 = 27;
pub(super) const CWD_ON_PATH: u16 = 28;
pub(super) const HASH_SEED: u16 = 29;
pub(super) const FAULTHANDLER: u16 = 30;
pub(super) const DEV_MODE: u16 = 31;
pub(super) const INSTALL_SIGNAL_HANDLERS: u16 = 32;
pub(super) const SYS_PATH: u16 = 33;
pub(super) const ENVIRONMENT: u16 = 34;
pub(super) const CA_BUNDLE_PROBE: u16 = 35;
pub(super) const TERMINFO_PROBE: u16 = 36;
pub(super) const CHILDREN: u16 = 37;
pub(super) const CHECK_AT_START: u16 = 38;
pub(super) const QUIET_IMPORTS: u16 = 39;
pub(super) const FILES_DIRECTORY: u16 = 40;
pub(super) const PLACED: u16 = 41;
pub(super) const NAMED_ENTRY: u16 = 42;
pub(super) const ENVIRONMENT_SET: u16 = 43;
pub(super) const ENVIRONMENT_PASS: u16 = 44;

const SWITCH: Shape = Shape::Number(1);
const ANY_NUMBER: Shape = Shape::Number(u32::MAX);

/// All keys, ascending.
static ALL: [Key; 32] = [
    key(ENTRY_MODULE, Shape::Text, true),
    key(ENTRY_FUNCTION, Shape::Text, true),
    key(ENTRY_SCRIPT, Shape::Text, true),
    key(PROGRAM_NAME, Shape::Text, true),
    key(OPTIMIZE, Shape::Number(2), true),
    key(EXIT, SWITCH, true),
    key(UTF8_MODE, SWITCH, true),
    key(UNBUFFERED, SWITCH, true),
    key(INSPECT, SWITCH, true),
    key(VERBOSE, ANY_NUMBER, false),
    key(WARN_OPTION, Shape::TextList, true),
    key(X_OPTION, Shape::TextList, true),
    key(USE_ENVIRONMENT, SWITCH, true),
    key(SITE, SWITCH, true),
    key(USER_SITE, SWITCH, true),
    key(CWD_ON_PATH, SWITCH, true),
    key(HASH_SEED, ANY_NUMBER, true),
    key(FAULTHANDLER, SWITCH, false),
    key(DEV_MODE, SWITCH, true),
    key(INSTALL_SIGNAL_HANDLERS, SWITCH, true),
    key(SYS_PATH, Shape::TextList, true),
    key(ENVIRONMENT, Shape::TextList, true),
    key(CA_BUNDLE_PROBE, SWITCH, false),
    key(TERMINFO_PROBE, SWITCH, false),
    key(CHILDREN, Shape::Number(2), true),
    key(CHECK_AT_START, SWITCH, true),
    key(QUIET_IMPORTS, SWITCH, false),
    key(FILES_DIRECTORY, Shape::Text, true),
    key(PLACED, Shape::TextList, true),
    key(NAMED_ENTRY, Shape::TextList, true),
    key(ENVIRONMENT_SET, Shape::TextList, true),
    key(ENVIRONMENT_PASS, Shape::TextList, true),
];

/// Record flag bit 0.
pub(super) const REQUIRED: u16 = 1;
/// Size of a record's head in bytes: key u16, flags u16, value length u32.
pub(super) const HEAD: u64 = 8;
/// Values are padded with zero bytes to a multiple of this.
pub(super) const PAD: u64 = 8;

/// What is known about a key.
pub(super) fn find(number: u16) -> Option<&'static Key> {
    let at = ALL.binary_search_by_key(&number, |key| key.number).ok()?;
    ALL.get(at)
}
