//! What can be wrong with the settings, and where.

use std::{fmt, io, path::PathBuf};

/// Why the settings cannot be used. No variant ever holds a secret value.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The settings file cannot be read.
    #[error("{}: cannot be read: {source}", file.display())]
    Unreadable {
        /// The settings file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no TOML, has a key that nobody knows, or a value of the wrong type.
    #[error("{}:{line}:{column}: {message}", file.display())]
    Malformed {
        /// The settings file.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What was found and what was expected.
        message: String,
    },
    /// An environment variable names no setting, or has a value of the wrong type.
    #[error("environment variable {variable}: {message}")]
    Environment {
        /// The variable; empty parts are unknown.
        variable: String,
        /// What was found and what was expected.
        message: String,
    },
    /// The values are well formed but cannot be used; all such problems at once.
    #[error("{}: {} problem(s):\n{problems}", file.display(), problems.0.len())]
    Invalid {
        /// The settings file.
        file: PathBuf,
        /// All of them.
        problems: Problems,
    },
}

/// One setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path of the key: `stores.main.ldap.urls`.
    pub key: String,
    /// What is wrong and what was expected.
    pub message: String,
}

/// Every problem found, in the order of the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Adds one.
    pub(crate) fn add(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem { key: key.into(), message: message.into() });
    }

    /// Adds one if a number lies outside a range.
    pub(crate) fn range(&mut self, key: impl Into<String>, value: u64, least: u64, most: u64) {
        if value < least || value > most {
            self.add(key, format!("expected {least} to {most}, found {value}"));
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.0.iter().enumerate() {
            let end = if number == 0 { "" } else { "\n" };
            write!(f, "{end}  {}: {}", problem.key, problem.message)?;
        }
        Ok(())
    }
}
