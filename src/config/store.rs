//! Settings of a store: a directory or a database.

use serde::Deserialize;

use crate::config::{LdapSettings, SqlSettings, error::Problems, secret::Places};

/// How a store is reached; exactly one of the two.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSettings {
    /// A directory.
    pub ldap: Option<LdapSettings>,
    /// A database.
    pub sql: Option<SqlSettings>,
}

impl StoreSettings {
    pub(super) fn check(&mut self, at: &str, places: &Places, problems: &mut Problems) {
        match (&mut self.ldap, &mut self.sql) {
            (Some(ldap), None) => ldap.check(&format!("{at}.ldap"), places, problems),
            (None, Some(sql)) => sql.check(&format!("{at}.sql"), places, problems),
            (None, None) => problems.add(at, format!("expected [{at}.ldap] or [{at}.sql], found neither")),
            (Some(_), Some(_)) => {
                problems.add(at, format!("expected either [{at}.ldap] or [{at}.sql], found both"));
            }
        }
    }
}
