//! A row of the table, as the gateway sees it and as it is stored.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::correlation::{query::Scope, schema::resource};

/// What is known of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Row {
    /// Name of the SCIM resource type.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// SCIM id.
    pub id: String,
    /// What identifies the entry or row in the store.
    pub anchor: String,
    /// Where it was last seen (DN or key): a hint, to be verified by the anchor.
    pub locator: String,
    /// externalId as the client set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// JSON of attributes that the store has no place for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sidecar: Option<String>,
    /// When it came into being.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// When it was last changed through this gateway.
    #[serde(with = "time::serde::rfc3339")]
    pub last_modified: OffsetDateTime,
    /// Version that the store had when it was last seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When it was deleted; `None` while it lives.
    #[serde(
        default,
        rename = "deleted",
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    pub deleted_at: Option<OffsetDateTime>,
}

/// A resource that may not be known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRow {
    /// SCIM id.
    pub id: String,
    /// What identifies the entry or row in the store.
    pub anchor: String,
    /// Where it was seen.
    pub locator: String,
    /// When it came into being; also the first `last_modified`.
    pub created: OffsetDateTime,
    /// externalId.
    pub external_id: Option<String>,
    /// JSON of attributes that the store has no place for.
    pub sidecar: Option<String>,
    /// Version that the store has.
    pub version: Option<String>,
}

impl NewRow {
    /// A resource of which nothing more is known.
    #[must_use]
    pub fn new(
        id: impl Into<String>,
        anchor: impl Into<String>,
        locator: impl Into<String>,
        created: OffsetDateTime,
    ) -> Self {
        Self {
            id: id.into(),
            anchor: anchor.into(),
            locator: locator.into(),
            created,
            external_id: None,
            sidecar: None,
            version: None,
        }
    }
}

/// The pair that never changes while a resource lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// SCIM id.
    pub id: String,
    /// What identifies the entry or row in the store.
    pub anchor: String,
}

/// A row as the database has it.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = resource)]
pub(super) struct StoredRow {
    tenant: String,
    resource_type: String,
    id: String,
    anchor: String,
    locator: String,
    external_id: Option<String>,
    sidecar: Option<String>,
    created: i64,
    last_modified: i64,
    version: Option<String>,
    deleted_at: Option<i64>,
}

impl StoredRow {
    /// The row of a new resource, under an id that need not be the one it asked for.
    pub(super) fn new(scope: &Scope, id: String, new: &NewRow) -> Self {
        let created = to_micros(new.created);
        Self {
            tenant: scope.tenant.clone(),
            resource_type: scope.resource_type.clone(),
            id,
            anchor: new.anchor.clone(),
            locator: new.locator.clone(),
            external_id: new.external_id.clone(),
            sidecar: new.sidecar.clone(),
            created,
            last_modified: created,
            version: new.version.clone(),
            deleted_at: None,
        }
    }

    /// A row as it is.
    pub(super) fn of(tenant: &str, row: &Row) -> Self {
        Self {
            tenant: tenant.to_owned(),
            resource_type: row.resource_type.clone(),
            id: row.id.clone(),
            anchor: row.anchor.clone(),
            locator: row.locator.clone(),
            external_id: row.external_id.clone(),
            sidecar: row.sidecar.clone(),
            created: to_micros(row.created),
            last_modified: to_micros(row.last_modified),
            version: row.version.clone(),
            deleted_at: row.deleted_at.map(to_micros),
        }
    }
}

impl From<StoredRow> for Row {
    fn from(stored: StoredRow) -> Self {
        Self {
            resource_type: stored.resource_type,
            id: stored.id,
            anchor: stored.anchor,
            locator: stored.locator,
            external_id: stored.external_id,
            sidecar: stored.sidecar,
            created: from_micros(stored.created),
            last_modified: from_micros(stored.last_modified),
            version: stored.version,
            deleted_at: stored.deleted_at.map(from_micros),
        }
    }
}

pub(super) fn to_micros(when: OffsetDateTime) -> i64 {
    // The type reaches from year -9999 to 9999, which is far inside 64 bits of microseconds.
    i64::try_from(when.unix_timestamp_nanos().div_euclid(1000)).unwrap_or(i64::MAX)
}

pub(super) fn from_micros(micros: i64) -> OffsetDateTime {
    // Only `to_micros` writes these columns; a value out of range was put there by other hands.
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn instants_keep_their_microseconds() {
        for when in [
            datetime!(2026-11-24 10:11:12.345678 UTC),
            datetime!(1969-12-31 23:59:59.999999 UTC),
            datetime!(9999-12-31 23:59:59.999999 UTC),
        ] {
            assert_eq!(from_micros(to_micros(when)), when);
        }
        let nanos = datetime!(1969-12-31 23:59:59.999999999 UTC);
        assert_eq!(from_micros(to_micros(nanos)), datetime!(1969-12-31 23:59:59.999999 UTC));
    }
}
