//! The stub.

fn main() {}
