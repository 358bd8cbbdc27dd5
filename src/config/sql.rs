//! Settings of a relational store.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use secrecy::SecretString;
use serde::Deserialize;

use crate::config::{
    error::Problems,
    read,
    secret::{Places, check_database_url, sqlite_file, url_with_password},
};

/// How a database is reached.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SqlSettings {
    /// `postgresql://role@host/database`, `mysql://user@host/database` or `sqlite:///file`.
    pub url: String,
    /// Password of the role.
    #[serde(deserialize_with = "read::secret")]
    pub password: Option<SecretString>,
    /// File that holds the password.
    pub password_file: Option<PathBuf>,
    /// Connections, each owned by a thread. SQLite: readers, beside one writer.
    pub connections: u32,
    /// Seconds after which the database gives up a statement.
    pub statement_timeout_secs: u64,
    /// Seconds to wait for a connection.
    pub connect_timeout_secs: u64,
    /// Requests that may wait for a connection; beyond it the store is "unavailable".
    pub queue: usize,
    /// Session settings, which stand in the mapping file (`sql_mode`, `search_path` …).
    #[serde(skip)]
    pub session: BTreeMap<String, String>,
}

/// Shows everything but secrets: a URL may hold a password too.
impl fmt::Debug for SqlSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.url.split(':').next().unwrap_or_default();
        f.debug_struct("SqlSettings")
            .field("url", &format_args!("{scheme}:…"))
            .field("connections", &self.connections)
            .field("statement_timeout_secs", &self.statement_timeout_secs)
            .field("connect_timeout_secs", &self.connect_timeout_secs)
            .field("queue", &self.queue)
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

impl Default for SqlSettings {
    fn default() -> Self {
        Self {
            url: String::new(),
            password: None,
            password_file: None,
            connections: 4,
            statement_timeout_secs: 10,
            connect_timeout_secs: 5,
            queue: 256,
            session: BTreeMap::new(),
        }
    }
}

impl SqlSettings {
    /// Settings for a URL, everything else by default.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    /// The URL with the password in it.
    #[must_use]
    pub fn connection_url(&self) -> SecretString {
        url_with_password(&self.url, self.password.as_ref())
    }

    pub(super) fn check(&mut self, at: &str, places: &Places, problems: &mut Problems) {
        let schemes = ["postgresql", "postgres", "mysql", "sqlite"];
        check_database_url(&format!("{at}.url"), &self.url, &schemes, problems);
        if let Some(file) = sqlite_file(&self.url) {
            self.url = format!("sqlite://{}", places.settings.join(file).display());
        }
        places.read_secret(
            &format!("{at}.password"),
            self.password_file.as_deref(),
            &mut self.password,
            problems,
        );
        problems.range(format!("{at}.connections"), self.connections.into(), 1, 512);
        problems.range(format!("{at}.statement_timeout_secs"), self.statement_timeout_secs, 1, 600);
        problems.range(format!("{at}.connect_timeout_secs"), self.connect_timeout_secs, 1, 120);
        problems.range(format!("{at}.queue"), self.queue as u64, 1, 100_000);
    }
}
