//! Settings of a SQL store: where it is and how long to wait for it.
//!
//! Knows nothing of tables: those stand in the mapping file.

use std::{collections::BTreeMap, fmt};

use secrecy::SecretString;
use serde::Deserialize;

/// How to reach a SQL store.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlSettings {
    /// `sqlite:///path/to/file`, `postgresql://user@host/database` or `mysql://user@host/database`.
    pub url: String,
    /// The password, if it does not stand in the URL; the configuration layer reads it from its file.
    #[serde(skip)]
    pub password: Option<SecretString>,
    /// Connections, each owned by a thread. SQLite: readers, beside one writer.
    #[serde(default = "default_connections")]
    pub connections: u32,
    /// Longest time one statement may take.
    #[serde(default = "default_statement_timeout")]
    pub statement_timeout_secs: u64,
    /// Longest time to wait for a connection.
    #[serde(default = "default_connect_timeout")]
    pub connect_timeout_secs: u64,
    /// Requests that may wait for a connection; one more is refused at once.
    #[serde(default = "default_queue")]
    pub queue: usize,
    /// Session settings, taken from the mapping file (`sql_mode`, `time_zone`, `search_path` …).
    #[serde(skip)]
    pub session: BTreeMap<String, String>,
}

fn default_connections() -> u32 {
    4
}

fn default_statement_timeout() -> u64 {
    10
}

fn default_connect_timeout() -> u64 {
    5
}

fn default_queue() -> usize {
    256
}

impl SqlSettings {
    /// Settings for a URL, everything else by default.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            password: None,
            connections: default_connections(),
            statement_timeout_secs: default_statement_timeout(),
            connect_timeout_secs: default_connect_timeout(),
            queue: default_queue(),
            session: BTreeMap::new(),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_filled_in_and_unknown_keys_are_errors() {
        let settings: SqlSettings = toml::from_str("url = 'sqlite:///x.db'").unwrap();
        assert_eq!((settings.connections, settings.queue), (4, 256));
        assert!(toml::from_str::<SqlSettings>("url = 'sqlite:///x.db'\nconection = 3").is_err());
    }

    #[test]
    fn debug_hides_secrets() {
        let mut settings = SqlSettings::new("postgresql://u:hunter2@h/d");
        settings.password = Some("hunter3".to_owned().into());
        let text = format!("{settings:?}");
        assert!(!text.contains("hunter"), "{text}");
        assert!(text.contains("postgresql"), "{text}");
    }
}
