//! Settings of a relational store.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

use crate::config::{
    error::Problems,
    read,
    secret::{Places, check_database_url, url_with_password},
};

/// How a database is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SqlSettings {
    /// `postgresql://role@host/database`, `mysql://user@host/database` or `sqlite:///file`.
    pub url: String,
    /// Password of the role.
    #[serde(deserialize_with = "read::secret")]
    pub password: Option<SecretString>,
    /// File that holds the password.
    pub password_file: Option<PathBuf>,
    /// Connections, each owned by a thread.
    pub connections: usize,
    /// Seconds after which the database gives up a statement.
    pub statement_timeout_secs: u64,
    /// Seconds to wait for a connection.
    pub connect_timeout_secs: u64,
    /// Requests that may wait for a connection; beyond it the store is "unavailable".
    pub queue: usize,
}

impl Default for SqlSettings {
    fn default() -> Self {
        Self {
            url: String::new(),
            password: None,
            password_file: None,
            connections: 8,
            statement_timeout_secs: 10,
            connect_timeout_secs: 5,
            queue: 256,
        }
    }
}

impl SqlSettings {
    /// The URL with the password in it.
    #[must_use]
    pub fn connection_url(&self) -> SecretString {
        url_with_password(&self.url, self.password.as_ref())
    }

    pub(super) fn check(&mut self, at: &str, places: &Places, problems: &mut Problems) {
        let schemes = ["postgresql", "postgres", "mysql", "sqlite"];
        check_database_url(&format!("{at}.url"), &self.url, &schemes, problems);
        places.read_secret(
            &format!("{at}.password"),
            self.password_file.as_deref(),
            &mut self.password,
            problems,
        );
        problems.range(format!("{at}.connections"), self.connections as u64, 1, 512);
        problems.range(format!("{at}.statement_timeout_secs"), self.statement_timeout_secs, 1, 600);
        problems.range(format!("{at}.connect_timeout_secs"), self.connect_timeout_secs, 1, 120);
        problems.range(format!("{at}.queue"), self.queue as u64, 1, 100_000);
    }
}
