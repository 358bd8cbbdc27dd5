//! The `scimgate` program.

fn main() {}
