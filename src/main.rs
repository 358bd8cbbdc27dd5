//! The `scimgate` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    scimgate::cli::run()
}
