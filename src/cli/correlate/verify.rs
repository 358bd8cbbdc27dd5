//! `scimgate correlate verify`: the database and the store compared, in both directions.
//!
//! A row is taken for one of a resource that is gone only if the store was asked for it by its anchor and
//! answered. What is put right with `--fix` is what the gateway would put right itself when it came across.

mod report;

use std::collections::BTreeMap;

use self::report::{Kind, Report};
use crate::{
    cli::{
        DIFFERS, Outcome,
        correlate::{Stage, Subject, Type, refused, unfinished},
        progress::Progress,
    },
    correlation::{
        NewRow, Row,
        bulk::{Bulk, Count},
    },
    gateway::{Gateway, TypeId},
    mapping::Ids,
    ops::clock,
};

/// What `correlate verify` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    subject: Subject,
    /// Put right what can be put right without harm: add missing rows, note where entries are now, mark as
    /// deleted what is gone from the store, and write the index anew.
    #[arg(long)]
    fix: bool,
    /// Mark as deleted no more than so many of a hundred living rows.
    #[arg(long, value_name = "PERCENT", default_value_t = 10, requires = "fix")]
    most_gone: u64,
    /// Mark all of them as deleted, however many they are.
    #[arg(long, requires = "fix")]
    yes: bool,
    /// Differences of a kind that are shown.
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    show: usize,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    actix_web::rt::System::new().block_on(async {
        let mut stage = Stage::open(&arguments.subject).await?;
        let counts = stage.bulk.counts().map_err(refused)?;
        let mut reports: BTreeMap<TypeId, Report> = BTreeMap::new();
        for ty in stage.types.clone() {
            let report = entries(&mut stage, &ty, counts.get(&ty.1).copied(), arguments).await?;
            reports.insert(ty.0, report);
        }
        let gone = rows(&mut stage, &counts, &mut reports, arguments.fix).await?;
        for (ty, name) in stage.types.clone() {
            let Some(report) = reports.get_mut(&ty) else { continue };
            for (external, number) in stage.bulk.external_id_doubles(&name).map_err(refused)? {
                report.found(Kind::Double, &format!("`{external}` of {number}"));
            }
            if arguments.fix {
                bury(&mut stage, &(ty, name), gone.get(&ty).map_or(&[], Vec::as_slice), report, arguments)
                    .await?;
            }
            print!("{report}");
        }
        match reports.values().any(Report::differs) {
            true => Err(DIFFERS),
            false => Ok(()),
        }
    })
}

/// From the store to the database: entries without a row, and rows that tell another place.
async fn entries(
    stage: &mut Stage,
    (ty, name): &Type,
    count: Option<Count>,
    arguments: &Arguments,
) -> Result<Report, u8> {
    let Stage { gateway, bulk, .. } = stage;
    let mut report = Report::new(name, arguments.show);
    report.rows = count.unwrap_or_default();
    let total = gateway.population(*ty).await.map_err(|e| unfinished(name, e))?;
    let progress = Progress::new(format!("{name}, entries"), total);
    // Who has an id of his own choice is not given another one here.
    let adds = arguments.fix && gateway.ids_of(*ty) == Some(Ids::Derived);
    let mut compare = |batch: Vec<NewRow>| {
        let anchors: Vec<String> = batch.iter().map(|new| new.anchor.clone()).collect();
        let rows = bulk.find_by_anchors(name, &anchors)?;
        let rows: BTreeMap<&str, &Row> = rows.iter().map(|row| (row.anchor.as_str(), row)).collect();
        let mut moved = Vec::new();
        for new in &batch {
            match rows.get(new.anchor.as_str()) {
                None => report.found(Kind::Missing, &new.locator),
                Some(row) if !gateway.is_same_place(*ty, &row.locator, &new.locator) => {
                    report.found(Kind::Moved, &row.id);
                    moved.push((row.id.clone(), new.locator.clone()));
                }
                Some(_) => {}
            }
        }
        if adds {
            let added = bulk.insert_missing(name, &batch, gateway.buried_of(*ty))?;
            report.mended(Kind::Missing, added);
        }
        if arguments.fix && !moved.is_empty() {
            bulk.set_locators(name, &moved)?;
            report.mended(Kind::Moved, moved.len() as u64);
        }
        progress.add(batch.len() as u64);
        Ok(())
    };
    let found = gateway.survey(*ty, &mut compare).await;
    progress.finish();
    report.entries = found.map_err(|e| unfinished(name, e))?;
    Ok(report)
}

/// From the database to the store: rows without an entry, which are returned, and what is wrong with rows
/// themselves.
async fn rows(
    stage: &mut Stage,
    counts: &BTreeMap<String, Count>,
    reports: &mut BTreeMap<TypeId, Report>,
    fixes: bool,
) -> Result<BTreeMap<TypeId, Vec<Row>>, u8> {
    let total = counts.values().map(|count| count.living + count.deleted).sum();
    let progress = Progress::new("rows", total);
    let mut gone: BTreeMap<TypeId, Vec<Row>> = BTreeMap::new();
    let mut last: Option<String> = None;
    loop {
        let batch = stage.bulk.rows_after(last.as_deref()).map_err(refused)?;
        let Some(end) = batch.last() else { break };
        last = Some(end.id.clone());
        for (ty, name) in &stage.types {
            let Some(report) = reports.get_mut(ty) else { continue };
            let all: Vec<&Row> = batch.iter().filter(|row| row.resource_type == *name).collect();
            look_at(&stage.gateway, &mut stage.bulk, (*ty, name), &all, report, fixes)?;
            let living: Vec<&Row> = all.into_iter().filter(|row| row.deleted_at.is_none()).collect();
            for row in stage.gateway.absent(*ty, &living).await.map_err(|e| unfinished(name, e))? {
                report.found(Kind::Gone, &row.id);
                gone.entry(*ty).or_default().push(row.clone());
            }
        }
        progress.add(batch.len() as u64);
    }
    progress.finish();
    Ok(gone)
}

/// What is wrong with rows whatever the store says.
fn look_at(
    gateway: &Gateway,
    bulk: &mut Bulk,
    (ty, name): (TypeId, &str),
    rows: &[&Row],
    report: &mut Report,
    fixes: bool,
) -> Outcome {
    for row in rows.iter().filter(|row| row.deleted_at.is_none()) {
        if !is_object(row.sidecar.as_deref()) {
            report.found(Kind::Unreadable, &row.id);
        }
        if gateway.derived_id_of(ty, &row.anchor).is_some_and(|derived| derived != row.id) {
            report.underived += 1;
        }
    }
    let wrong: Vec<Row> = bulk.with_wrong_index(rows).map_err(refused)?.into_iter().cloned().collect();
    wrong.iter().for_each(|row| report.found(Kind::Index, &row.id));
    if fixes && !wrong.is_empty() {
        bulk.index_again(name, &wrong).map_err(refused)?;
        report.mended(Kind::Index, wrong.len() as u64);
    }
    Ok(())
}

fn is_object(sidecar: Option<&str>) -> bool {
    sidecar.is_none_or(|text| serde_json::from_str::<crate::scim::Object>(text).is_ok())
}

/// Marks as deleted what the store, asked again, does not have; unless it is too much to believe.
async fn bury(
    stage: &mut Stage,
    (ty, name): &Type,
    gone: &[Row],
    report: &mut Report,
    arguments: &Arguments,
) -> Outcome {
    let most = report.rows.living.saturating_mul(arguments.most_gone) / 100;
    if gone.is_empty() {
        return Ok(());
    }
    if gone.len() as u64 > most && !arguments.yes {
        report.kept_gone = Some(arguments.most_gone);
        return Ok(());
    }
    let rows: Vec<&Row> = gone.iter().collect();
    let gone = stage.gateway.absent(*ty, &rows).await.map_err(|e| unfinished(name, e))?;
    stage.bulk.tombstone(name, &gone, clock::now()).map_err(refused)?;
    // One that came back meanwhile, or was marked by somebody else, is right, too.
    report.mended(Kind::Gone, rows.len() as u64);
    Ok(())
}
