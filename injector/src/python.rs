//! The Python that this version of the tool packages.

/// Its version.
pub const VERSION: &str = "3.13.15";
/// `PY_VERSION_HEX`.
pub const VERSION_HEX: u32 = 0x030d_0ff0;
/// Its minor version, the 13 of 3.13.
pub const MINOR: u32 = VERSION_HEX >> 16 & 0xff;
/// The four bytes of `importlib.util.MAGIC_NUMBER`, little endian.
pub const BYTECODE_MAGIC: u32 = 0x0a0d_0df3;
/// The agreement between blob and stub that this version writes.
pub const STUB_ABI: u32 = 1;
/// Where the application's files appear at run time.
pub const APP_ROOT: &str = "/~oxidize/app";
/// Where the standard library appears at run time.
pub const LIB_ROOT: &str = "/~oxidize/lib/python3.13";
