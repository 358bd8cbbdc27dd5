//! `scimgate correlate`: our own database, which id is which entry. Looked at, compared with the store,
//! filled anew, and taken elsewhere.

mod archive;
mod copy;
mod rebuild;
mod show;
mod verify;

use std::path::{Path, PathBuf};

use crate::{
    cli::{Outcome, REFUSED, WRONG_COMMAND, WRONG_FILES, fail, mapping, serve},
    config::Settings,
    correlation::{CorrelationError, bulk::Bulk},
    gateway::{Gateway, TypeId, survey::SurveyError},
};

/// What `correlate` takes.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Arguments {
    /// Fill the database from the store: every resource that has no id gets the one that it had.
    Rebuild(rebuild::Arguments),
    /// Compare the database with the store, in both directions. Exit code 5 if they differ.
    Verify(verify::Arguments),
    /// Write all of it to a file.
    Export(archive::Export),
    /// Take in what an export holds.
    Import(archive::Import),
    /// Copy all of it to another database, such as from SQLite to PostgreSQL.
    Copy(copy::Arguments),
    /// Show the rows.
    List(show::List),
    /// Show the rows with an id, an anchor, a DN or key, or an externalId.
    Find(show::Find),
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    match arguments {
        Arguments::Rebuild(arguments) => rebuild::run(arguments),
        Arguments::Verify(arguments) => verify::run(arguments),
        Arguments::Export(arguments) => archive::export(arguments),
        Arguments::Import(arguments) => archive::import(arguments),
        Arguments::Copy(arguments) => copy::run(arguments),
        Arguments::List(arguments) => show::list(arguments),
        Arguments::Find(arguments) => show::find(arguments),
    }
}

/// Where the settings are, and what of the mapping is meant.
#[derive(Debug, clap::Args)]
struct Subject {
    /// Settings file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Resource type; without it all of them.
    #[arg(long = "type", value_name = "NAME")]
    resource_type: Option<String>,
}

/// A resource type by number and name.
type Type = (TypeId, String);

/// The store, and the database on a connection of its own.
struct Stage {
    gateway: Gateway,
    bulk: Bulk,
    types: Vec<Type>,
}

impl Stage {
    async fn open(subject: &Subject) -> Result<Self, u8> {
        let settings = load(&subject.config)?;
        let mapping = mapping::load(&settings.mapping)?;
        let gateway = serve::build_gateway(&settings, mapping).await?;
        let bulk = open(&settings)?;
        let types = types(&gateway, subject.resource_type.as_deref())?;
        Ok(Self { gateway, bulk, types })
    }
}

fn load(file: &Path) -> Result<Settings, u8> {
    Settings::load(file).map_err(|e| fail(WRONG_FILES, e))
}

/// Opens the database for what goes through all of it.
fn open(settings: &Settings) -> Result<Bulk, u8> {
    Bulk::open(&settings.correlation, serve::TENANT).map_err(refused)
}

/// The resource types that are meant.
fn types(gateway: &Gateway, name: Option<&str>) -> Result<Vec<Type>, u8> {
    let all: Vec<Type> = gateway.resource_types().iter().map(|ty| ty.name.clone()).enumerate().collect();
    let Some(name) = name else { return Ok(all) };
    let known = all.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>().join(", ");
    let found: Vec<Type> = all.into_iter().filter(|(_, known)| known.eq_ignore_ascii_case(name)).collect();
    match found.is_empty() {
        true => Err(fail(WRONG_COMMAND, format_args!("there is no type `{name}`, the mapping has {known}"))),
        false => Ok(found),
    }
}

fn refused(error: CorrelationError) -> u8 {
    fail(REFUSED, format_args!("the correlation database: {error}"))
}

fn unfinished(name: &str, error: SurveyError) -> u8 {
    match error {
        SurveyError::Correlation(error) => refused(error),
        other => fail(REFUSED, format_args!("{name}: {other}")),
    }
}
