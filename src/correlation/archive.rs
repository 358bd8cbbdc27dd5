//! All rows as a file: JSON Lines, a header and then a row in each line.
//!
//! Instants keep their microseconds, and the sidecar stays the text that it is, since versions follow from it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::correlation::bulk::Count;

/// What the first line says a file is.
const FORMAT: &str = "scimgate correlation";
/// The form of the lines.
const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    format: String,
    version: u32,
    /// The tenant whose rows these are.
    pub tenant: String,
    /// When the rows were so.
    #[serde(with = "time::serde::rfc3339")]
    pub made: OffsetDateTime,
    /// How many lines follow, by type.
    pub rows: BTreeMap<String, Count>,
}

impl Header {
    /// The header of an export.
    #[must_use]
    pub fn new(tenant: &str, made: OffsetDateTime, rows: BTreeMap<String, Count>) -> Self {
        Self { format: FORMAT.to_owned(), version: VERSION, tenant: tenant.to_owned(), made, rows }
    }

    /// Reads a first line.
    ///
    /// # Errors
    ///
    /// What is expected, in words.
    pub fn parse(line: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Start {
            format: String,
            version: u32,
        }
        let start: Start = serde_json::from_str(line)
            .map_err(|_| format!("expected the header of an export: {{\"format\":\"{FORMAT}\",…}}"))?;
        if start.format != FORMAT {
            return Err(format!("expected the format `{FORMAT}`, found `{}`", start.format));
        }
        if start.version != VERSION {
            return Err(format!("expected version {VERSION}, found {}", start.version));
        }
        serde_json::from_str(line).map_err(|e| e.to_string())
    }

    /// How many lines follow.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.rows.values().map(|count| count.living + count.deleted).sum()
    }
}
