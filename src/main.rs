//! The `scimgate` program.

use std::process::ExitCode;

/// A request makes and drops some hundred small values, which this allocator does faster.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    scimgate::cli::run()
}
