//! `scimgate check`: settings and mapping files, offline, or with `--live` held
//! against the database or directory. Every finding is printed with its place and what to
//! write instead.

mod live;

use std::path::{Path, PathBuf};

use crate::{
    cli::{BROKEN, Outcome, WRONG_FILES, fail, mapping},
    config::Settings,
};

/// What `check` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Settings file; without --mapping the mapping that it names is checked too.
    #[arg(long, value_name = "FILE", required_unless_present = "mapping")]
    config: Option<PathBuf>,
    /// Mapping files.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    mapping: Vec<PathBuf>,
    /// Compare with the store that the settings name. Of a database: tables, columns, types, keys, indexes,
    /// rights; of a directory: bases, classes, attributes, syntaxes, indexes, limits, rights, some entries.
    /// Changes nothing.
    #[arg(long, requires = "config")]
    live: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let mut outcome = Ok(());
    let mut settings = None;
    if let Some(file) = &arguments.config {
        let loaded = Settings::load(file).map_err(|e| fail(WRONG_FILES, e))?;
        println!("{}: fine", file.display());
        if arguments.mapping.is_empty() {
            outcome = outcome.and(check_pair(file, &loaded, arguments.live));
        }
        settings = Some(loaded);
    }
    for file in &arguments.mapping {
        outcome = outcome.and(check_mapping(file, settings.as_ref().filter(|_| arguments.live)));
    }
    outcome
}

/// Checks the mapping that a settings file names, and whether the two fit.
fn check_pair(file: &Path, settings: &Settings, live: bool) -> Outcome {
    let loaded = mapping::load_with_source(&settings.mapping)?;
    mapping::find_store(&loaded.mapping, settings)
        .map_err(|e| fail(WRONG_FILES, format_args!("{}: {e}", settings.mapping.display())))?;
    mapping::check_clients(&loaded.mapping, settings)
        .map_err(|e| fail(WRONG_FILES, format_args!("{}: {e}", file.display())))?;
    finish(&settings.mapping, &loaded, Some(settings).filter(|_| live))
}

/// Checks a mapping file; with settings also against the database.
fn check_mapping(file: &Path, live: Option<&Settings>) -> Outcome {
    finish(file, &mapping::load_with_source(file)?, live)
}

fn finish(file: &Path, loaded: &mapping::Loaded, live: Option<&Settings>) -> Outcome {
    #[cfg(feature = "sqlite")]
    check_examples(file, loaded)?;
    println!("{}: fine", file.display());
    for implied in loaded.mapping.implied() {
        println!("  {implied}");
    }
    match live {
        None => Ok(()),
        Some(settings) => live::run(file, loaded, settings),
    }
}

/// Carries out the examples in the file, in memory.
#[cfg(feature = "sqlite")]
fn check_examples(file: &Path, loaded: &mapping::Loaded) -> Outcome {
    let findings = crate::cli::examples::run(&loaded.mapping).map_err(|e| fail(BROKEN, e))?;
    eprint!("{}", findings.render(&file.display().to_string(), &loaded.source));
    if findings.has_errors() { Err(WRONG_FILES) } else { Ok(()) }
}
