//! `scimgate check`: settings and mapping files, offline. Every finding is
//! printed with its place and what to write instead.

use std::path::{Path, PathBuf};

use crate::{
    cli::{Outcome, WRONG_FILES, fail, mapping},
    config::Settings,
};

/// What `check` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Settings file; the mapping that it names is checked too.
    #[arg(long, value_name = "FILE", required_unless_present = "mapping")]
    config: Option<PathBuf>,
    /// Mapping files.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    mapping: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let mut outcome = Ok(());
    if let Some(file) = &arguments.config {
        outcome = outcome.and(check_settings(file));
    }
    for file in &arguments.mapping {
        outcome = outcome.and(mapping::load(file).map(|_| println!("{}: fine", file.display())));
    }
    outcome
}

/// Checks a settings file, the mapping that it names, and whether the two fit.
fn check_settings(file: &Path) -> Outcome {
    let settings = Settings::load(file).map_err(|e| fail(WRONG_FILES, e))?;
    println!("{}: fine", file.display());
    let mapping = mapping::load(&settings.mapping)?;
    mapping::find_store(&mapping, &settings)
        .map_err(|e| fail(WRONG_FILES, format_args!("{}: {e}", settings.mapping.display())))?;
    mapping::check_clients(&mapping, &settings)
        .map_err(|e| fail(WRONG_FILES, format_args!("{}: {e}", file.display())))?;
    println!("{}: fine", settings.mapping.display());
    Ok(())
}
