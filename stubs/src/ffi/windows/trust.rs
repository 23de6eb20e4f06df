//! Windows keeps certificates in a store of its own, from which `ssl` takes them by itself: nothing
//! is probed.

/// Acts on the run configuration: there is nothing to switch off.
pub(crate) fn set_probing(_on: bool) {}
