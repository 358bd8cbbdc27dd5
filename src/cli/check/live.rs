//! `scimgate check --live`: a mapping held against the database or the directory that the settings name.

#[cfg(feature = "sql")]
mod database;
#[cfg(feature = "ldap")]
mod directory;

use std::path::Path;

use crate::{
    cli::{Outcome, REFUSED, WRONG_FILES, fail, mapping::Loaded},
    config::{Settings, StoreSettings},
    mapping::{Mapping, diagnostic::Diagnostics},
    store::StoreError,
};

/// Compares, and prints every finding with its place in the mapping file.
pub(super) fn run(file: &Path, loaded: &Loaded, settings: &Settings) -> Outcome {
    let name = &loaded.mapping.store_name;
    let store = crate::cli::mapping::find_store(&loaded.mapping, settings);
    let store = store.map_err(|e| fail(WRONG_FILES, format_args!("{}: {e}", file.display())))?;
    let findings = actix_web::rt::System::new().block_on(compare_with(&loaded.mapping, store));
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

async fn compare_with(mapping: &Mapping, store: &StoreSettings) -> Result<Diagnostics, StoreError> {
    #[cfg(feature = "sql")]
    if let Some(sql) = &store.sql {
        return database::compare(mapping, sql).await;
    }
    #[cfg(feature = "ldap")]
    if let Some(ldap) = &store.ldap {
        return directory::compare(mapping, ldap).await;
    }
    Err(StoreError::Unsupported("this scimgate was built without such stores".to_owned()))
}
