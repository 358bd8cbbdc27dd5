//! Settings of our own database.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

use crate::config::{
    error::Problems,
    read,
    secret::{Places, check_database_url, sqlite_file, url_with_password},
};

/// Where the correlation of SCIM ids with entries and rows is kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CorrelationSettings {
    /// `sqlite:///var/lib/scimgate/scimgate.db`, or `postgresql://role@host/database` for several replicas.
    pub url: String,
    /// Password of the role.
    #[serde(deserialize_with = "read::secret")]
    pub password: Option<SecretString>,
    /// File that holds the password.
    pub password_file: Option<PathBuf>,
    /// Resources remembered in memory.
    pub cache_rows: u64,
    /// What may be answered from memory; without it, what the kind of database allows.
    pub cache: Option<CachePolicy>,
    /// Threads that read.
    pub readers: usize,
    /// Requests that may wait for a thread; beyond it the database is "unavailable".
    pub queue: usize,
    /// Fills a database that never saw all of the store, while serving.
    pub scan: bool,
    /// Seconds to wait for a connection, a lock, or the answer to a statement.
    pub timeout_secs: u64,
}

/// What may be answered from memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CachePolicy {
    /// Whole rows: right while this process is the only one that writes them.
    Rows,
    /// Only what never changes, the pair of id and anchor: right beside other replicas.
    Ids,
}

impl Default for CorrelationSettings {
    fn default() -> Self {
        Self {
            url: String::new(),
            password: None,
            password_file: None,
            cache_rows: 50_000,
            cache: None,
            readers: 2,
            queue: 1024,
            scan: true,
            timeout_secs: 5,
        }
    }
}

impl CorrelationSettings {
    /// The URL with the password in it.
    #[must_use]
    pub fn connection_url(&self) -> SecretString {
        url_with_password(&self.url, self.password.as_ref())
    }

    /// What may be answered from memory.
    ///
    /// One process owns an SQLite file; a PostgreSQL database may be shared by replicas.
    #[must_use]
    pub fn cache_policy(&self) -> CachePolicy {
        self.cache.unwrap_or(if self.is_server() { CachePolicy::Ids } else { CachePolicy::Rows })
    }

    /// True for a database server, which several processes may use.
    #[must_use]
    pub fn is_server(&self) -> bool {
        sqlite_file(&self.url).is_none()
    }

    /// The same settings for another database. Relative names are looked up in the working directory.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn elsewhere(&self, url: &str, password_file: Option<PathBuf>) -> Result<Self, Problems> {
        let mut other = Self { url: url.to_owned(), password: None, password_file, ..self.clone() };
        let places = Places {
            credentials: None,
            settings: std::path::absolute(".").unwrap_or_else(|_| PathBuf::from(".")),
        };
        let mut problems = Problems::default();
        other.check(&places, &mut problems);
        if problems.0.is_empty() { Ok(other) } else { Err(problems) }
    }

    pub(super) fn check(&mut self, places: &Places, problems: &mut Problems) {
        check_database_url("correlation.url", &self.url, &["sqlite", "postgresql", "postgres"], problems);
        if let Some(file) = sqlite_file(&self.url) {
            if file.is_empty() {
                problems
                    .add("correlation.url", "expected a file such as sqlite:///var/lib/scimgate/scimgate.db");
            } else if file == ":memory:" {
                problems.add("correlation.url", "expected a file: ids must survive a restart");
            }
            self.url = format!("sqlite://{}", places.settings.join(file).display());
        }
        places.read_secret(
            "correlation.password",
            self.password_file.as_deref(),
            &mut self.password,
            problems,
        );
        problems.range("correlation.readers", self.readers as u64, 1, 64);
        problems.range("correlation.queue", self.queue as u64, 1, 100_000);
        problems.range("correlation.timeout_secs", self.timeout_secs, 1, 120);
    }
}
