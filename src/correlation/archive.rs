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

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::correlation::Row;

    #[test]
    fn a_row_comes_back_as_it_was() {
        let mut row = Row {
            resource_type: "User".to_owned(),
            id: "116b064a-100b-5f40-8d67-e2f746e3ca33".to_owned(),
            anchor: "7\u{1f}x".to_owned(),
            locator: "uid=a\\,b,dc=x".to_owned(),
            external_id: Some(String::new()),
            sidecar: Some("{ \"b\": 1, \"a\":2.0 }".to_owned()),
            created: datetime!(1969-12-31 23:59:59.999999 UTC),
            last_modified: datetime!(2026-11-29 10:11:12.000001 UTC),
            version: None,
            deleted_at: Some(datetime!(2026-11-29 10:11:12 UTC)),
        };
        for _ in 0..2 {
            let line = serde_json::to_string(&row).unwrap();
            assert!(!line.contains(['\n', '\u{1f}']), "{line}");
            assert_eq!(serde_json::from_str::<Row>(&line).unwrap(), row);
            row =
                Row { external_id: None, sidecar: None, deleted_at: None, version: Some("v".into()), ..row };
        }
    }

    #[test]
    fn a_header_comes_back_as_it_was() {
        let rows = BTreeMap::from([("User".to_owned(), Count { living: 2, deleted: 1 })]);
        let header = Header::new("default", datetime!(2026-11-29 10:11:12 UTC), rows);
        let line = serde_json::to_string(&header).unwrap();
        assert_eq!(Header::parse(&line).unwrap(), header);
        assert_eq!(header.total(), 3);
        assert!(Header::parse("{}").unwrap_err().contains("expected the header"));
    }
}
