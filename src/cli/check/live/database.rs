//! A mapping held against a database.

use crate::{
    config::SqlSettings,
    mapping::{
        Mapping, StoreKind,
        diagnostic::Diagnostics,
        live::{self, refused_setting},
    },
    store::{StoreError, inventory::Inventory, sql::SqlStore},
};

/// Compares; asks the catalogue, a few rows, and the planner.
pub(super) async fn compare(mapping: &Mapping, sql: &SqlSettings) -> Result<Diagnostics, StoreError> {
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
