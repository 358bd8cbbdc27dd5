//! The statements, one function each. All are about one tenant and one resource type.

use diesel::prelude::*;
use time::OffsetDateTime;

use crate::correlation::{
    CorrelationError, Row,
    connection::Conn,
    model::{StoredRow, to_micros},
    schema::resource,
};

/// Values in one statement; SQLite permits 32766 and PostgreSQL 65535, with eleven columns in a row.
const CHUNK: usize = 1000;

/// What a statement is about.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) tenant: String,
    pub(super) resource_type: String,
}

/// Which column rows are looked up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Id,
    Anchor,
    Locator,
    ExternalId,
}

/// Living rows whose column has one of the values.
pub(super) fn find(
    conn: &mut Conn,
    scope: &Scope,
    by: By,
    values: &[String],
) -> Result<Vec<Row>, CorrelationError> {
    let mut rows = Vec::new();
    for values in values.chunks(CHUNK) {
        let query = resource::table
            .filter(resource::tenant.eq(&scope.tenant))
            .filter(resource::resource_type.eq(&scope.resource_type))
            .filter(resource::deleted_at.is_null())
            .select(StoredRow::as_select());
        let found: Vec<StoredRow> = match (by, values) {
            // One value is the common case, and a statement that the connection keeps prepared.
            (By::Id, [id]) => query.filter(resource::id.eq(id)).load(conn)?,
            (By::Anchor, [anchor]) => query.filter(resource::anchor.eq(anchor)).load(conn)?,
            (By::Locator, [locator]) => query.filter(resource::locator.eq(locator)).load(conn)?,
            (By::ExternalId, [external]) => query.filter(resource::external_id.eq(external)).load(conn)?,
            (By::Id, ids) => query.filter(resource::id.eq_any(ids)).load(conn)?,
            (By::Anchor, anchors) => query.filter(resource::anchor.eq_any(anchors)).load(conn)?,
            (By::Locator, locators) => query.filter(resource::locator.eq_any(locators)).load(conn)?,
            (By::ExternalId, external) => query.filter(resource::external_id.eq_any(external)).load(conn)?,
        };
        rows.extend(found.into_iter().map(Row::from));
    }
    Ok(rows)
}

/// Rows with these ids that are marked as deleted.
pub(super) fn find_buried(
    conn: &mut Conn,
    scope: &Scope,
    ids: &[String],
) -> Result<Vec<Row>, CorrelationError> {
    let mut rows = Vec::new();
    for ids in ids.chunks(CHUNK) {
        let found: Vec<StoredRow> = resource::table
            .filter(resource::tenant.eq(&scope.tenant))
            .filter(resource::resource_type.eq(&scope.resource_type))
            .filter(resource::deleted_at.is_not_null())
            .filter(resource::id.eq_any(ids))
            .select(StoredRow::as_select())
            .load(conn)?;
        rows.extend(found.into_iter().map(Row::from));
    }
    Ok(rows)
}

/// The row of an id, living or not, of any resource type.
pub(super) fn find_any(conn: &mut Conn, tenant: &str, id: &str) -> Result<Option<Row>, CorrelationError> {
    let row = resource::table.find((tenant, id)).select(StoredRow::as_select()).first(conn).optional()?;
    Ok(row.map(Row::from))
}

/// Number of living rows.
pub(super) fn count(conn: &mut Conn, scope: &Scope) -> Result<u64, CorrelationError> {
    let count: i64 = resource::table
        .filter(resource::tenant.eq(&scope.tenant))
        .filter(resource::resource_type.eq(&scope.resource_type))
        .filter(resource::deleted_at.is_null())
        .count()
        .get_result(conn)?;
    Ok(count.unsigned_abs())
}

/// Inserts the rows whose id and anchor are free. Returns how many those are.
pub(super) fn insert(conn: &mut Conn, rows: &[StoredRow]) -> Result<usize, CorrelationError> {
    let mut inserted = 0;
    // `ON CONFLICT` is not known to the connection that may be either.
    match conn {
        #[cfg(feature = "postgres")]
        Conn::Postgres(conn) => {
            for rows in rows.chunks(CHUNK) {
                inserted += diesel::insert_into(resource::table)
                    .values(rows)
                    .on_conflict_do_nothing()
                    .execute(conn)?;
            }
        }
        // No round trips to save here, so one prepared statement for each row.
        Conn::Sqlite(conn) => {
            for row in rows {
                inserted += diesel::insert_into(resource::table)
                    .values(row)
                    .on_conflict_do_nothing()
                    .execute(conn)?;
            }
        }
    }
    Ok(inserted)
}

/// Writes what may change of a living row. False if there is none.
pub(super) fn update(conn: &mut Conn, scope: &Scope, row: &Row) -> Result<bool, CorrelationError> {
    let target = resource::table
        .find((&scope.tenant, &row.id))
        .filter(resource::resource_type.eq(&scope.resource_type))
        .filter(resource::deleted_at.is_null());
    let changed = diesel::update(target)
        .set((
            resource::anchor.eq(&row.anchor),
            resource::locator.eq(&row.locator),
            resource::external_id.eq(&row.external_id),
            resource::sidecar.eq(&row.sidecar),
            resource::last_modified.eq(to_micros(row.last_modified)),
            resource::version.eq(&row.version),
        ))
        .execute(conn)?;
    Ok(changed > 0)
}

/// Writes where a living row's entry was seen. False if there is none.
pub(super) fn set_locator(
    conn: &mut Conn,
    scope: &Scope,
    id: &str,
    locator: &str,
) -> Result<bool, CorrelationError> {
    let target = resource::table
        .find((&scope.tenant, id))
        .filter(resource::resource_type.eq(&scope.resource_type))
        .filter(resource::deleted_at.is_null());
    Ok(diesel::update(target).set(resource::locator.eq(locator)).execute(conn)? > 0)
}

/// Marks a living row as deleted. False if there is none.
pub(super) fn bury(
    conn: &mut Conn,
    scope: &Scope,
    id: &str,
    when: OffsetDateTime,
) -> Result<bool, CorrelationError> {
    let target = resource::table
        .find((&scope.tenant, id))
        .filter(resource::resource_type.eq(&scope.resource_type))
        .filter(resource::deleted_at.is_null());
    Ok(diesel::update(target).set(resource::deleted_at.eq(Some(to_micros(when)))).execute(conn)? > 0)
}

/// As [`bury`], if the row has the same anchor still.
pub(super) fn bury_at(
    conn: &mut Conn,
    scope: &Scope,
    row: &Row,
    when: OffsetDateTime,
) -> Result<bool, CorrelationError> {
    let target = resource::table
        .find((&scope.tenant, &row.id))
        .filter(resource::resource_type.eq(&scope.resource_type))
        .filter(resource::anchor.eq(&row.anchor))
        .filter(resource::deleted_at.is_null());
    Ok(diesel::update(target).set(resource::deleted_at.eq(Some(to_micros(when)))).execute(conn)? > 0)
}

/// Marks other living rows with the anchor of a row as deleted, and returns their ids.
pub(super) fn bury_others(
    conn: &mut Conn,
    scope: &Scope,
    row: &Row,
    when: OffsetDateTime,
) -> Result<Vec<String>, CorrelationError> {
    let others = find(conn, scope, By::Anchor, std::slice::from_ref(&row.anchor))?;
    let others: Vec<String> = others.into_iter().map(|other| other.id).filter(|id| *id != row.id).collect();
    others.iter().try_for_each(|id| bury(conn, scope, id, when).map(drop))?;
    Ok(others)
}

/// Brings a deleted row back to life at a place. False if it lives, or there is none.
pub(super) fn revive(
    conn: &mut Conn,
    scope: &Scope,
    id: &str,
    locator: &str,
) -> Result<bool, CorrelationError> {
    let target = resource::table
        .find((&scope.tenant, id))
        .filter(resource::resource_type.eq(&scope.resource_type))
        .filter(resource::deleted_at.is_not_null());
    let changed = diesel::update(target)
        .set((resource::deleted_at.eq(None::<i64>), resource::locator.eq(locator)))
        .execute(conn)?;
    Ok(changed > 0)
}

/// Asks for nothing.
pub(super) fn ping(conn: &mut Conn) -> Result<(), CorrelationError> {
    Ok(diesel::r2d2::R2D2Connection::ping(conn)?)
}
