//! `scimgate correlate rebuild`: gives every resource of the store that has no row the row that it had.
//!
//! Rows that are there stay as they are, so it may run while the gateway serves, and again.

use std::path::PathBuf;

use crate::{
    cli::{
        Outcome,
        correlate::{Stage, Subject, Type, archive, refused, unfinished},
        progress::Progress,
    },
    mapping::Ids,
    ops::clock,
};

/// What `correlate rebuild` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    subject: Subject,
    /// First restore what an export holds and the store cannot tell: externalIds, attributes that only the
    /// database keeps, minted ids, and what was deleted.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Where the database contradicts the export, keep what it has, instead of stopping.
    #[arg(long, requires = "from")]
    keep: bool,
    /// Give new ids to resources whose ids follow from nothing (`id = "minted"`).
    #[arg(long)]
    mint: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    actix_web::rt::System::new().block_on(async {
        let mut stage = Stage::open(&arguments.subject).await?;
        if let Some(file) = &arguments.from {
            archive::restore(&mut stage.bulk, file, arguments.keep)?;
        }
        let mints = arguments.mint || arguments.from.is_some();
        for ty in stage.types.clone() {
            rebuild(&mut stage, &ty, mints).await?;
        }
        if arguments.from.is_none() {
            eprintln!(
                "Not restored, since only an export (--from) has it: externalIds and other attributes that only \
                 the database keeps, and which ids were deleted."
            );
        }
        Ok(())
    })
}

async fn rebuild(stage: &mut Stage, (ty, name): &Type, mints: bool) -> Outcome {
    let Stage { gateway, bulk, .. } = stage;
    if gateway.ids_of(*ty) == Some(Ids::Minted) && !mints {
        println!(
            "{name}: left out, since its ids follow from nothing (`id = \"minted\"`): restore them with \
             --from and an export, or give new ones with --mint"
        );
        return Ok(());
    }
    let before = bulk.counts().map_err(refused)?.get(name).copied().unwrap_or_default();
    let total = gateway.population(*ty).await.map_err(|e| unfinished(name, e))?;
    let progress = Progress::new(name, total);
    let buried = gateway.buried_of(*ty);
    let mut added = 0;
    let found = gateway
        .survey(*ty, &mut |rows| {
            added += bulk.insert_missing(name, &rows, buried)?;
            progress.add(rows.len() as u64);
            Ok(())
        })
        .await
        .map_err(|e| unfinished(name, e))?;
    progress.finish();
    bulk.note_scan(name, clock::now()).map_err(refused)?;
    println!("{name}: {found} in the store, {added} added, {} were there", before.living);
    Ok(())
}
