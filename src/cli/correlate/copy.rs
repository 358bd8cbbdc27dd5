//! `scimgate correlate copy`: from one kind of database to the other.

use std::path::PathBuf;

use crate::{
    cli::{
        DIFFERS, Outcome, REFUSED, WRONG_COMMAND,
        correlate::{archive::told, load, open, refused},
        fail,
        progress::Progress,
        serve::TENANT,
    },
    correlation::{
        CorrelationError,
        bulk::{Bulk, Contradictions, RestoreError, Restored},
    },
};

/// What `correlate copy` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// Settings file, which names the database to copy.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// URL of the other database, without a password: `postgresql://role@host/database?sslmode=verify-full`.
    #[arg(long, value_name = "URL")]
    to: String,
    /// File that holds the password of the other database.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Outcome {
    let settings = load(&arguments.config)?;
    let target = settings
        .correlation
        .elsewhere(&arguments.to, arguments.password_file.clone())
        .map_err(|problems| fail(WRONG_COMMAND, format_args!("--to:\n{problems}")))?;
    let mut from = open(&settings)?;
    let open = from.open_writes().map_err(refused)?;
    if open > 0 {
        // The other database would know nothing of them, and nobody would bring them to an end.
        let help = "let the gateway run, or see `scimgate journal list` and `scimgate journal resolve`";
        return Err(fail(REFUSED, format_args!("{open} writes are not at their end yet: {help}")));
    }
    let mut to = Bulk::open(&target, TENANT).map_err(|e| fail(REFUSED, format_args!("--to: {e}")))?;
    let was_empty = to.counts().map_err(refused)?.is_empty();
    let (done, counts) = from
        .in_snapshot(|from| {
            let counts = from.counts()?;
            let total = counts.values().map(|count| count.living + count.deleted).sum();
            let done = copy(from, &mut to, total)?;
            from.give_secrets(&mut to)?;
            Ok((done, counts))
        })
        .map_err(stopped)?;
    println!("{}", told(done));
    let there = to.counts().map_err(refused)?;
    let mut same = true;
    for (name, count) in &counts {
        let copied = there.get(name).copied().unwrap_or_default();
        let is_fine = if was_empty { copied == *count } else { copied.living >= count.living };
        same &= is_fine;
        println!(
            "{name}: {} living and {} deleted here, {} and {} there",
            count.living, count.deleted, copied.living, copied.deleted
        );
    }
    match same {
        true => Ok(()),
        false => Err(fail(DIFFERS, "the databases do not have the same rows")),
    }
}

/// Why a copy stopped.
#[derive(Debug, thiserror::Error)]
enum CopyError {
    #[error(transparent)]
    Here(#[from] CorrelationError),
    #[error(transparent)]
    There(#[from] RestoreError),
}

fn copy(from: &mut Bulk, to: &mut Bulk, total: u64) -> Result<Restored, CopyError> {
    let progress = Progress::new("copy", total);
    let mut done = Restored::default();
    let mut last: Option<String> = None;
    loop {
        let rows = from.rows_after(last.as_deref())?;
        let Some(end) = rows.last() else { break };
        last = Some(end.id.clone());
        done += to.restore(&rows, Contradictions::Refuse)?;
        progress.add(rows.len() as u64);
    }
    progress.finish();
    Ok(done)
}

fn stopped(error: CopyError) -> u8 {
    match error {
        CopyError::Here(error) => refused(error),
        CopyError::There(RestoreError::Database(error)) => fail(REFUSED, format_args!("--to: {error}")),
        CopyError::There(RestoreError::Contradiction { what, .. }) => {
            fail(DIFFERS, format_args!("the other database holds something else: {what}"))
        }
    }
}
