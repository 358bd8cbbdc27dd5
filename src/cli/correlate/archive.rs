//! `scimgate correlate export` and `import`: the database as a file of JSON Lines.
//!
//! An export is the database at one moment, whole or not there: it is written under another name and renamed
//! at its end. A file is read from end to end before anything of it is taken in.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, BufWriter},
    path::{Path, PathBuf},
};

use crate::{
    cli::{
        BROKEN, Outcome, WRONG_FILES,
        correlate::{load, open, refused},
        fail,
        progress::Progress,
    },
    correlation::{
        CorrelationError, Row,
        archive::Header,
        bulk::{BATCH, Bulk, Contradictions, RestoreError, Restored},
    },
    ops::clock,
};

/// What `correlate export` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Export {
    /// Settings file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// File to write; readable by its owner only.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// What `correlate import` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Import {
    /// Settings file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where the database contradicts the file, keep what it has, instead of stopping.
    #[arg(long)]
    keep: bool,
    /// An export.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// What is wrong with a file, behind the number of the line, or 0 if it is none of them.
type Wrong = (usize, String);
/// A row with the number of its line.
type Line = (usize, Row);

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    Database(#[from] CorrelationError),
    #[error(transparent)]
    File(#[from] io::Error),
}

pub(in crate::cli) fn export(arguments: &Export) -> Outcome {
    let mut bulk = open(&load(&arguments.config)?)?;
    let unfinished = Unfinished::beside(&arguments.out);
    let written = bulk.in_snapshot(|bulk| write(bulk, &unfinished.0)).and_then(|number| {
        fs::rename(&unfinished.0, &arguments.out)?;
        Ok(number)
    });
    match written {
        Ok(number) => {
            println!("{}: {number} rows", arguments.out.display());
            Ok(())
        }
        Err(ExportError::Database(error)) => Err(refused(error)),
        Err(ExportError::File(error)) => {
            Err(fail(BROKEN, format_args!("{}: {error}", arguments.out.display())))
        }
    }
}

/// A file that is not whole yet; it goes away unless it was renamed.
struct Unfinished(PathBuf);

impl Unfinished {
    fn beside(file: &Path) -> Self {
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.unfinished", std::process::id()));
        Self(file.with_file_name(name))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Where it was renamed, there is none.
        drop(fs::remove_file(&self.0));
    }
}

fn create(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)
}

fn write(bulk: &mut Bulk, file: &Path) -> Result<u64, ExportError> {
    let counts = bulk.counts()?;
    let header = Header::new(bulk.tenant(), clock::now(), counts);
    let mut out = BufWriter::new(create(file)?);
    let progress = Progress::new("export", header.total());
    line(&mut out, &header)?;
    let mut last: Option<String> = None;
    loop {
        let rows = bulk.rows_after(last.as_deref())?;
        let Some(end) = rows.last() else { break };
        last = Some(end.id.clone());
        rows.iter().try_for_each(|row| line(&mut out, row))?;
        progress.add(rows.len() as u64);
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(progress.finish())
}

fn line(out: &mut impl io::Write, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

pub(in crate::cli) fn import(arguments: &Import) -> Outcome {
    let mut bulk = open(&load(&arguments.config)?)?;
    restore(&mut bulk, &arguments.file, arguments.keep)
}

/// Takes in what a file holds, and says what became of it.
pub(super) fn restore(bulk: &mut Bulk, file: &Path, keeps: bool) -> Outcome {
    let wrong = |(number, what): Wrong| {
        let at = if number > 0 { format!(":{number}") } else { String::new() };
        fail(WRONG_FILES, format_args!("{}{at}: {what}", file.display()))
    };
    let total = check(file, bulk.tenant()).map_err(wrong)?;
    let if_not = if keeps { Contradictions::Keep } else { Contradictions::Refuse };
    let progress = Progress::new("import", total);
    let mut done = Restored::default();
    let mut lines = rows(file).map_err(wrong)?;
    loop {
        let batch = lines.by_ref().take(BATCH).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        if batch.is_empty() {
            break;
        }
        let (numbers, batch): (Vec<usize>, Vec<Row>) = batch.into_iter().unzip();
        match bulk.restore(&batch, if_not) {
            Ok(restored) => done += restored,
            Err(RestoreError::Database(error)) => return Err(refused(error)),
            Err(RestoreError::Contradiction { index, what }) => {
                let number = numbers.get(index).copied().unwrap_or_default();
                let first = numbers.first().copied().unwrap_or_default();
                let hint = format!(
                    "{what}. The lines before {first} are taken in, the others are not; --keep keeps what the \
                     database has"
                );
                return Err(wrong((number, hint)));
            }
        }
        progress.add(batch.len() as u64);
    }
    progress.finish();
    println!("{}: {}", file.display(), told(done));
    Ok(())
}

/// What became of rows, in words.
pub(super) fn told(done: Restored) -> String {
    let Restored { added, filled, same, kept } = done;
    let kept =
        if kept > 0 { format!(", {kept} contradict the database and were left out") } else { String::new() };
    format!("{added} rows added, {filled} completed, {same} were there{kept}")
}

/// Reads a file from end to end. Returns the number of its rows.
fn check(file: &Path, tenant: &str) -> Result<u64, Wrong> {
    let mut start = String::new();
    reader(file)?.read_line(&mut start).map_err(|e| (1, e.to_string()))?;
    let header = Header::parse(&start).map_err(|what| (1, what))?;
    if header.tenant != tenant {
        return Err((
            1,
            format!("expected the tenant `{tenant}`, found `{}`: ids depend on it", header.tenant),
        ));
    }
    let mut number: u64 = 0;
    for row in rows(file)? {
        row?;
        number += 1;
    }
    if number == header.total() {
        return Ok(number);
    }
    Err((0, format!("expected {} rows, as its header says, found {number}: it is not whole", header.total())))
}

fn reader(file: &Path) -> Result<BufReader<File>, Wrong> {
    File::open(file).map(BufReader::new).map_err(|e| (0, format!("cannot be read: {e}")))
}

/// The rows of a file, with the numbers of their lines.
fn rows(file: &Path) -> Result<impl Iterator<Item = Result<Line, Wrong>>, Wrong> {
    let lines = reader(file)?.lines().zip(1..).skip(1);
    Ok(lines.map(|(line, number)| {
        let line = line.map_err(|e| (number, e.to_string()))?;
        let row: Row = serde_json::from_str(&line).map_err(|e| (number, format!("expected a row: {e}")))?;
        match uuid::Uuid::parse_str(&row.id) {
            Ok(id) if id.to_string() == row.id => Ok((number, row)),
            _ => Err((number, "expected a UUID in lower case as the id".to_owned())),
        }
    }))
}
