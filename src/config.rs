//! Settings: read from a TOML file, overridden by the environment, checked as a whole.
//!
//! `SCIMGATE__SERVER__WORKERS=4` sets `server.workers`. A key that ends in
//! `_file` names a file that holds the value; a relative name is first looked
//! up among the service manager's credentials (`$CREDENTIALS_DIRECTORY`), then
//! beside the settings file. Every other relative name is looked up beside the
//! settings file.
//!
//! **Invariant:** [`Settings`] that exist can be used: unknown keys, wrong types
//! and unusable values are errors of [`Settings::load`], before a socket opens.
//! Secrets are [`SecretString`](secrecy::SecretString)s; no error and no `Debug`
//! output shows them (S-06).

pub mod client;
pub mod correlation;
pub mod error;
pub mod ldap;
mod read;
pub mod secret;
pub mod server;
pub mod sql;
pub mod store;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

pub use self::{
    client::{ClientSettings, MeSettings, Mode, PatchResponse, Profile, Scope, TokenHash, UnknownMembers},
    correlation::{CachePolicy, CorrelationSettings},
    error::ConfigError,
    ldap::LdapSettings,
    server::{LimitSettings, LogFormat, LogSettings, ServerSettings, TlsSettings},
    sql::SqlSettings,
    store::StoreSettings,
};
use self::{error::Problems, secret::Places};

/// Everything that the operator decides, except the mapping.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The listener.
    pub server: ServerSettings,
    /// The log.
    pub log: LogSettings,
    /// Our own database.
    pub correlation: CorrelationSettings,
    /// The mapping file.
    pub mapping: PathBuf,
    /// The stores that the mapping names.
    pub stores: BTreeMap<String, StoreSettings>,
    /// The callers.
    pub clients: Vec<ClientSettings>,
    /// Bounds on requests.
    pub limits: LimitSettings,
}

/// What the settings take from the process' surroundings.
#[derive(Debug, Clone, Default)]
struct Surroundings {
    /// Environment variables.
    variables: HashMap<String, String>,
}

impl Surroundings {
    fn of_this_process() -> Self {
        // Variables that are no UTF-8 cannot be settings.
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { variables }
    }
}

impl Settings {
    /// Reads, merges and checks the settings.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]; the values' problems are reported all at once.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        Self::load_from(file, Surroundings::of_this_process())
    }

    fn load_from(file: &Path, surroundings: Surroundings) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(file)
            .map_err(|source| ConfigError::Unreadable { file: file.to_owned(), source })?;
        // The file alone is read first: only the TOML parser knows lines and columns.
        if let Err(error) = toml::from_str::<Self>(&text) {
            let (line, column) = position(&text, error.span().map_or(0, |span| span.start));
            let message = error.message().to_owned();
            return Err(ConfigError::Malformed { file: file.to_owned(), line, column, message });
        }
        let directory = file.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let places = Places {
            credentials: surroundings.variables.get("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            settings: std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned()),
        };
        let mut settings = merge(&text, surroundings)?;
        let mut problems = Problems::default();
        settings.check(&places, &mut problems);
        if problems.0.is_empty() {
            Ok(settings)
        } else {
            Err(ConfigError::Invalid { file: file.to_owned(), problems })
        }
    }

    fn check(&mut self, places: &Places, problems: &mut Problems) {
        self.server.check(places, problems);
        self.correlation.check(places, problems);
        if self.mapping.as_os_str().is_empty() {
            problems.add("mapping", "is missing: expected the name of the mapping file");
        } else {
            self.mapping = places.settings.join(&self.mapping);
        }
        if self.stores.is_empty() {
            problems.add("stores", "expected at least one store, such as [stores.main.ldap]");
        }
        for (name, store) in &mut self.stores {
            store.check(&format!("stores.{name}"), places, problems);
        }
        self.check_clients(places, problems);
        self.limits.check(problems);
    }

    fn check_clients(&mut self, places: &Places, problems: &mut Problems) {
        let (mut names, mut digests) = (Vec::new(), Vec::new());
        for (number, client) in self.clients.iter_mut().enumerate() {
            let at = format!("clients[{number}]");
            client.check(&at, places, problems);
            if names.contains(&client.name) {
                problems.add(format!("{at}.name"), format!("`{}` is another client's name", client.name));
            }
            names.push(client.name.clone());
            for token in client.tokens.iter().filter_map(|text| text.parse::<TokenHash>().ok()) {
                // It could not tell which of the two is calling.
                if digests.contains(&token.digest) {
                    problems.add(format!("{at}.tokens"), "a token stands here that stood before");
                }
                digests.push(token.digest);
            }
        }
    }
}

/// Lays the environment over the file.
fn merge(text: &str, surroundings: Surroundings) -> Result<Settings, ConfigError> {
    let environment = config::Environment::with_prefix("SCIMGATE")
        .prefix_separator("__")
        .separator("__")
        .source(Some(surroundings.variables.into_iter().collect()));
    config::Config::builder()
        .add_source(config::File::from_str(text, config::FileFormat::Toml))
        .add_source(environment)
        .build()
        .and_then(config::Config::try_deserialize)
        .map_err(|error| {
            let (key, message) = explain(&error);
            let variable = format!("SCIMGATE__{}", key.replace('.', "__").to_uppercase());
            ConfigError::Environment { variable, message }
        })
}

/// Key and message of an error, without the value that was found, which may be a secret.
fn explain(error: &config::ConfigError) -> (String, String) {
    match error {
        config::ConfigError::Type { expected, key, .. } => {
            (key.clone().unwrap_or_default(), format!("expected {expected}"))
        }
        config::ConfigError::At { error, key, .. } => {
            let (inner, message) = explain(error);
            let outer = key.clone().unwrap_or_default();
            let dot = if outer.is_empty() || inner.is_empty() { "" } else { "." };
            (format!("{outer}{dot}{inner}"), message)
        }
        config::ConfigError::Message(message) => (String::new(), message.clone()),
        other => (String::new(), other.to_string()),
    }
}

/// Line and column, from 1, of a byte of a text.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    let column = before.get(line_start..).map_or(0, |line| line.chars().count());
    (before.matches('\n').count() + 1, column + 1)
}
