//! The version of CPython that is packaged.
//!
//! `prebuilt/distributions/lock.toml` says which it is, and the recipe of that name what belongs to
//! it. Nothing else in this repository's code does (`tests/tests/version.rs`).

/// Such as `3.14.2`.
pub const VERSION: &str = env!("OXIDIZE_PYTHON_VERSION");
/// Such as `3.14`.
pub const MINOR_VERSION: &str = env!("OXIDIZE_PYTHON_MINOR_VERSION");
/// Such as `314`, in names of files and wheel tags.
pub const TAG: &str = env!("OXIDIZE_PYTHON_TAG");
/// `PY_VERSION_HEX`.
pub const VERSION_HEX: u32 = number(env!("OXIDIZE_PYTHON_VERSION_HEX"));
/// The second number of the version.
pub const MINOR: u32 = VERSION_HEX >> 16 & 0xff;
/// The four bytes of `importlib.util.MAGIC_NUMBER`, little endian.
pub const BYTECODE_MAGIC: u32 = number(env!("OXIDIZE_PYTHON_BYTECODE_MAGIC"));

/// The standard library below an installation's prefix.
pub const LIBRARY: &str = concat!("lib/python", env!("OXIDIZE_PYTHON_MINOR_VERSION"));
/// Installed packages below an installation's prefix, but for Windows.
pub const SITE_PACKAGES: &str = concat!(
    "lib/python",
    env!("OXIDIZE_PYTHON_MINOR_VERSION"),
    "/site-packages"
);
/// CPython's headers below an installation's prefix.
pub const HEADERS: &str = concat!("include/python", env!("OXIDIZE_PYTHON_MINOR_VERSION"));
/// Packages' headers below an installation's prefix, but for Windows.
pub const SITE_HEADERS: &str = concat!("include/site/python", env!("OXIDIZE_PYTHON_MINOR_VERSION"));
/// The interpreter below an installation's prefix, but for Windows.
pub const PROGRAM: &str = concat!("bin/python", env!("OXIDIZE_PYTHON_MINOR_VERSION"));
/// The standard library in a distribution's archive, with a slash behind it.
pub const ARCHIVED_LIBRARY: &str = concat!(
    "python/install/lib/python",
    env!("OXIDIZE_PYTHON_MINOR_VERSION"),
    "/"
);
/// The standard library in a packaged program, but for Windows.
pub const VIRTUAL_LIBRARY: &str =
    concat!("/~oxidize/lib/python", env!("OXIDIZE_PYTHON_MINOR_VERSION"));
/// Installed packages in a packaged program, but for Windows.
pub const VIRTUAL_SITE_PACKAGES: &str = concat!(
    "/~oxidize/lib/python",
    env!("OXIDIZE_PYTHON_MINOR_VERSION"),
    "/site-packages"
);
/// The library that wheels for Windows import the C API from.
pub const DLL: &str = concat!("python", env!("OXIDIZE_PYTHON_TAG"), ".dll");
/// [`DLL`], and the library of the stable ABI.
pub const DLLS: [&str; 2] = [DLL, "python3.dll"];
/// The project whose wheels hold stubs.
pub const STUB_PROJECT: &str = concat!("oxidize-stub-cp", env!("OXIDIZE_PYTHON_TAG"));
/// The package in these wheels.
pub const STUB_PACKAGE: &str = concat!("oxidize_stub_cp", env!("OXIDIZE_PYTHON_TAG"));

/// A decimal number.
const fn number(text: &str) -> u32 {
    match u32::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => panic!("build.rs writes a number"),
    }
}
