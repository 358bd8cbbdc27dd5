//! `scimgate journal`: writes that were cut short and are not known to have come to their end. They are looked
//! at, brought to their end once more, or given up.

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use time::format_description::well_known::Rfc3339;

use crate::{
    cli::{DIFFERS, Outcome, REFUSED, fail, mapping, serve},
    config::Settings,
    gateway::{Gateway, journal::Entry},
    scim::{Json, error::ScimError},
};

/// What `journal` takes.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Arguments {
    /// Show what is open, and which creations nobody has been told of, the oldest first.
    List(List),
    /// Show one record: which attributes it is about, how far it came.
    Show(Show),
    /// Bring a record to its end now, or give it up.
    Resolve(Resolve),
}

/// What `journal list` takes.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Settings file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// One JSON object per line.
    #[arg(long)]
    json: bool,
}

/// What `journal show` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// Settings file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Show the values, too: they are personal data.
    #[arg(long)]
    values: bool,
    /// Id of the record.
    #[arg(value_name = "ID")]
    id: String,
}

/// What `journal resolve` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Resolve {
    /// Settings file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Remove the record and leave the store as it is.
    #[arg(long)]
    give_up: bool,
    /// Id of the record.
    #[arg(value_name = "ID")]
    id: String,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    match arguments {
        Arguments::List(list) => with(&list.config, async |gateway| {
            let mut out = io::stdout().lock();
            for entry in gateway.journal().await.map_err(refused)? {
                let text = if list.json { json(&entry, false).to_string() } else { line(&entry) };
                // Whoever reads no further wants no more.
                if writeln!(out, "{text}").is_err() {
                    break;
                }
            }
            Ok(())
        }),
        Arguments::Show(show) => with(&show.config, async |gateway| {
            let all = gateway.journal().await.map_err(refused)?;
            let entry =
                all.iter().find(|entry| entry.record.id == show.id).ok_or_else(|| unknown(&show.id))?;
            println!("{:#}", json(entry, show.values));
            Ok(())
        }),
        Arguments::Resolve(resolve) => with(&resolve.config, async |gateway| {
            let all = gateway.journal().await.map_err(refused)?;
            if !all.iter().any(|entry| entry.record.id == resolve.id) {
                return Err(unknown(&resolve.id));
            }
            let said = match resolve.give_up {
                true => gateway.give_up(&resolve.id).await.map(|()| "given up; the store is as it is"),
                false => gateway.bring_to_end(&resolve.id).await.map(|found| match found {
                    Some(_) => "done",
                    None => "not done, taken back, or done without the password that came with it",
                }),
            };
            println!("{}", said.map_err(refused)?);
            Ok(())
        }),
    }
}

fn with(config: &std::path::Path, work: impl AsyncFn(&Gateway) -> Outcome) -> Outcome {
    let settings = Settings::load(config).map_err(|e| fail(crate::cli::WRONG_FILES, e))?;
    let mapping = mapping::load(&settings.mapping)?;
    actix_web::rt::System::new().block_on(async {
        let gateway = serve::build_gateway(&settings, mapping).await?;
        work(&gateway).await
    })
}

fn unknown(id: &str) -> u8 {
    fail(DIFFERS, format_args!("the journal has no record {id}"))
}

fn refused(error: ScimError) -> u8 {
    fail(REFUSED, error.detail())
}

fn line(entry: &Entry) -> String {
    let record = &entry.record;
    let started = record.started.format(&Rfc3339).unwrap_or_default();
    let id = record.resource_id.as_deref().unwrap_or("-");
    let tries = match &record.problem {
        Some(problem) => {
            let stuck = if record.is_stuck { "stuck, " } else { "" };
            format!("  {stuck}tried {} times: {problem}", record.attempts)
        }
        None => String::new(),
    };
    format!(
        "{}  {started}  {}  {} {} {id}{tries}",
        record.id,
        record.state.name(),
        record.kind,
        record.resource_type
    )
}

fn json(entry: &Entry, values: bool) -> Json {
    let record = &entry.record;
    let mut whole = serde_json::json!({
        "id": record.id,
        "state": record.state.name(),
        "kind": record.kind,
        "resourceType": record.resource_type,
        "resource": record.resource_id,
        "started": record.started.format(&Rfc3339).unwrap_or_default(),
        "attributes": entry.attributes,
        "attempts": record.attempts,
        "problem": record.problem,
        "stuck": record.is_stuck,
    });
    if let (true, Some(whole)) = (values, whole.as_object_mut()) {
        whole.insert("intent".to_owned(), entry.values.clone());
    }
    whole
}
