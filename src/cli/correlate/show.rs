//! `scimgate correlate list` and `find`: rows for people, or as JSON Lines as an export has them.

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use time::format_description::well_known::Rfc3339;

use crate::{
    cli::{
        DIFFERS, Outcome,
        correlate::{load, open, refused},
        fail,
    },
    correlation::{Row, bulk::Bulk},
    store::dn,
};

/// What `correlate list` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    /// Settings file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Resource type; without it all of them.
    #[arg(long = "type", value_name = "NAME")]
    resource_type: Option<String>,
    /// Those that were deleted, instead of those that live.
    #[arg(long)]
    deleted: bool,
    /// One JSON object per line.
    #[arg(long)]
    json: bool,
}

/// What `correlate find` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Find {
    /// Settings file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// One JSON object per line.
    #[arg(long)]
    json: bool,
    /// An id, an anchor, a DN or key as it was last seen, or an externalId.
    #[arg(value_name = "WHAT")]
    what: String,
}

pub(in crate::cli) fn list(arguments: &List) -> Outcome {
    let mut bulk = open(&load(&arguments.config)?)?;
    let is_asked = |row: &Row| {
        arguments.resource_type.as_ref().is_none_or(|name| row.resource_type.eq_ignore_ascii_case(name))
            && row.deleted_at.is_some() == arguments.deleted
    };
    let mut last: Option<String> = None;
    loop {
        let rows = bulk.rows_after(last.as_deref()).map_err(refused)?;
        let Some(end) = rows.last() else { return Ok(()) };
        last = Some(end.id.clone());
        if !print(rows.iter().filter(|row| is_asked(row)), if arguments.json { json } else { line }) {
            return Ok(());
        }
    }
}

pub(in crate::cli) fn find(arguments: &Find) -> Outcome {
    let mut bulk = open(&load(&arguments.config)?)?;
    let mut rows = bulk.find(&arguments.what).map_err(refused)?;
    if rows.is_empty() {
        rows = find_dn(&mut bulk, &arguments.what)?;
    }
    if rows.is_empty() {
        return Err(fail(DIFFERS, "no row has this id, anchor, place or externalId"));
    }
    print(rows.iter(), if arguments.json { json } else { whole });
    Ok(())
}

/// The rows of a DN that is spelled in another way than it was seen: all are looked at.
fn find_dn(bulk: &mut Bulk, what: &str) -> Result<Vec<Row>, u8> {
    let Some(dn) = dn::normalise(what).filter(|dn| dn.contains('=')) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let mut last: Option<String> = None;
    loop {
        let rows = bulk.rows_after(last.as_deref()).map_err(refused)?;
        let Some(end) = rows.last() else { return Ok(found) };
        last = Some(end.id.clone());
        found.extend(rows.into_iter().filter(|row| dn::normalise(&row.locator).as_ref() == Some(&dn)));
    }
}

/// Prints rows; false once nobody reads them.
fn print<'r>(rows: impl Iterator<Item = &'r Row>, text: fn(&Row) -> String) -> bool {
    let mut out = io::stdout().lock();
    rows.map(text).all(|text| out.write_all(text.as_bytes()).is_ok()) && out.flush().is_ok()
}

fn json(row: &Row) -> String {
    serde_json::to_string(row).unwrap_or_default() + "\n"
}

/// One line: type, id, anchor, place, client id.
fn line(row: &Row) -> String {
    let external = row.external_id.as_deref().unwrap_or("-");
    let fields = [&row.resource_type, &row.id, &row.anchor, &row.locator, external];
    fields.map(plain).join("\t") + "\n"
}

fn whole(row: &Row) -> String {
    let instant = |when: time::OffsetDateTime| when.format(&Rfc3339).unwrap_or_default();
    let lines = [
        ("id", Some(row.id.clone())),
        ("anchor", Some(row.anchor.clone())),
        ("place", Some(row.locator.clone())),
        ("externalId", row.external_id.clone()),
        ("sidecar", row.sidecar.clone()),
        ("version", row.version.clone()),
        ("created", Some(instant(row.created))),
        ("lastModified", Some(instant(row.last_modified))),
        ("deleted", row.deleted_at.map(instant)),
    ];
    let lines =
        lines.into_iter().filter_map(|(name, value)| Some(format!("  {name:<13}{}\n", plain(&value?))));
    format!("{}\n{}", row.resource_type, lines.collect::<String>())
}

/// A text without control characters, which a key of several columns has.
fn plain(text: impl AsRef<str>) -> String {
    text.as_ref().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
