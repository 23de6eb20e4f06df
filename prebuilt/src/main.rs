//! The `oxidize-prebuilt` command.

fn main() {}
