//! A mapping held against a directory.

use crate::{
    config::LdapSettings,
    mapping::{Mapping, diagnostic::Diagnostics, directory},
    store::{StoreError, ldap::LdapStore},
};

/// Compares; asks the root DSE, the schema, and a few entries.
pub(super) async fn compare(mapping: &Mapping, ldap: &LdapSettings) -> Result<Diagnostics, StoreError> {
    let store = LdapStore::new(ldap.clone()).map_err(|e| StoreError::Unsupported(e.to_string()))?;
    let facts = store.inventory(&directory::wanted(mapping)).await?;
    let questions = directory::questions(mapping, &facts);
    let attributes: Vec<&str> =
        questions.attributes.iter().map(String::as_str).chain(["objectClass"]).collect();
    let named = store.named(&questions.names, &attributes).await?;
    Ok(directory::compare(mapping, &facts, &questions, &named))
}
