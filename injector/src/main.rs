//! The `oxidize-inject` command.

fn main() {}
