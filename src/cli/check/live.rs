//! `scimgate check --live`: a mapping held against the database that the settings name.

use std::path::Path;

use crate::{
    cli::{Outcome, REFUSED, WRONG_FILES, fail, mapping::Loaded},
    config::{Settings, SqlSettings},
    mapping::{
        Mapping, StoreKind,
        diagnostic::Diagnostics,
        live::{self, refused_setting},
    },
    store::{StoreError, inventory::Inventory, sql::SqlStore},
};

/// Compares, and prints every finding with its place in the mapping file.
pub(super) fn run(file: &Path, loaded: &Loaded, settings: &Settings) -> Outcome {
    let name = &loaded.mapping.store_name;
    let store = crate::cli::mapping::find_store(&loaded.mapping, settings);
    let store = store.map_err(|e| fail(WRONG_FILES, format_args!("{}: {e}", file.display())))?;
    let Some(sql) = &store.sql else {
        let said = "--live is for databases; a directory's schema is not looked at";
        return Err(fail(WRONG_FILES, format_args!("{}: {said}", file.display())));
    };
    let findings = actix_web::rt::System::new().block_on(compare(&loaded.mapping, sql));
    let findings = findings.map_err(|e| fail(REFUSED, format_args!("the store `{name}`: {e}")))?;
    eprint!("{}", findings.render(&file.display().to_string(), &loaded.source));
    let summary = findings.summary();
    if findings.has_errors() {
        println!("{}: {}", file.display(), summary.unwrap_or_default());
        return Err(WRONG_FILES);
    }
    let summary = summary.map(|s| format!(", {s}")).unwrap_or_default();
    println!("{}: fits the store `{name}`{summary}", file.display());
    Ok(())
}

async fn compare(mapping: &Mapping, sql: &SqlSettings) -> Result<Diagnostics, StoreError> {
    let mut findings = Diagnostics::default();
    let (store, inventory) = open(mapping, sql, &mut findings).await?;
    let questions = live::questions(mapping, &inventory);
    let answers = store.probe_rows(questions.probes.clone()).await?;
    findings.0.extend(live::compare(mapping, &inventory, &questions, &answers).0);
    Ok(findings)
}

/// A store with the mapping's session settings; those that the database refuses are findings and left out.
async fn open(
    mapping: &Mapping,
    sql: &SqlSettings,
    findings: &mut Diagnostics,
) -> Result<(SqlStore, Inventory), StoreError> {
    let StoreKind::Sql { session } = &mapping.store else {
        return Err(StoreError::Unsupported("the mapping is for a directory".to_owned()));
    };
    let mut settings = SqlSettings { connections: 1, session: session.clone(), ..sql.clone() };
    let refused = match take(mapping, &settings).await {
        Ok(found) => return Ok(found),
        Err(refused) if session.is_empty() => return Err(refused),
        Err(refused) => refused,
    };
    settings.session.clear();
    take(mapping, &settings).await?;
    for (name, value) in session {
        settings.session.insert(name.clone(), value.clone());
        if let Err(reason) = take(mapping, &settings).await {
            settings.session.remove(name);
            refused_setting(mapping, name, &reason.to_string(), findings);
        }
    }
    if findings.0.is_empty() { Err(refused) } else { take(mapping, &settings).await }
}

async fn take(mapping: &Mapping, settings: &SqlSettings) -> Result<(SqlStore, Inventory), StoreError> {
    let store = SqlStore::open(settings)?;
    let inventory = store.inventory(live::tables(mapping)).await?;
    Ok((store, inventory))
}
