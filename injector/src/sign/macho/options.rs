//! How a Mach-O file is signed.

use std::collections::BTreeMap;

use super::entitlements::Entitlements;

/// What only macOS has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CodesignOptions {
    /// Name of the program; without it that of the present signature.
    pub identifier: Option<String>,
    /// Name of the program where it has neither.
    pub fallback: String,
    /// Whether it runs under the hardened runtime.
    pub hardened_runtime: bool,
    /// What it is allowed; without them what the present signature says.
    pub entitlements: Option<Entitlements>,
    /// The team; Apple's certificates name it.
    pub team: Option<String>,
    /// Whether nothing of the present signature is kept: no identifier, entitlements or flags.
    pub fresh: bool,
    /// Hashes of what lies elsewhere in the program's bundle, by slot.
    pub sealed: BTreeMap<u32, [u8; 32]>,
}

/// Code directory flag: the hardened runtime.
pub const RUNTIME: u32 = 0x1_0000;
