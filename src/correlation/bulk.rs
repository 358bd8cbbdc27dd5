//! All rows at once: for what goes through the whole database, such as filling it anew, comparing it with
//! the store, and taking it elsewhere.
//!
//! Works on a connection of its own and blocks, so it belongs on a thread that serves nobody. Rows come and
//! go in batches: no more than one is in memory, and each is one transaction.
//!
//! What it inserts a running gateway finds at once. What it changes of rows that are there, a gateway that
//! answers whole rows from memory does not see.

mod restore;
mod snapshot;

use std::collections::{BTreeMap, HashSet};

use diesel::{prelude::*, r2d2::ManageConnection as _};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    config::CorrelationSettings,
    correlation::{
        Buried, CorrelationError, NewRow, Row,
        connection::{Conn, Manager},
        insert,
        journal::State,
        kept,
        model::{StoredRow, to_micros},
        query::{self, By, Scope},
        schema::{journal, resource, scan},
    },
};

pub use self::restore::{Contradictions, RestoreError, Restored};

/// Rows that belong in one batch.
pub const BATCH: usize = 2000;

/// A connection to the rows of one tenant.
pub struct Bulk {
    pub(super) tenant: String,
    pub(super) conn: Conn,
}

impl std::fmt::Debug for Bulk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bulk").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// How many rows there are of a type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// Those of resources that live.
    pub living: u64,
    /// Those of resources that were deleted.
    pub deleted: u64,
}

impl Bulk {
    /// Connects, and brings the tables up to date.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub fn open(settings: &CorrelationSettings, tenant: &str) -> Result<Self, CorrelationError> {
        let manager = Manager::new(settings)?;
        let mut conn = manager.connect().map_err(|e| CorrelationError::Unavailable(e.to_string()))?;
        conn.migrate()?;
        conn.write(kept::fill)?;
        Ok(Self { tenant: tenant.to_owned(), conn })
    }

    /// The tenant whose rows these are.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Makes rows for resources that have none, and changes none that is there. Returns how many it made.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub fn insert_missing(
        &mut self,
        resource_type: &str,
        new: &[NewRow],
        buried: Buried,
    ) -> Result<u64, CorrelationError> {
        let missing = self.missing(resource_type, new)?;
        if missing.is_empty() {
            return Ok(0);
        }
        let scope = self.scope(resource_type);
        self.conn.write(|conn| insert::insert_missing(conn, &scope, &missing, buried).map(drop))?;
        Ok(missing.len() as u64)
    }

    /// Those whose anchor has no living row.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub fn missing(&mut self, resource_type: &str, new: &[NewRow]) -> Result<Vec<NewRow>, CorrelationError> {
        let anchors: Vec<String> = new.iter().map(|n| n.anchor.clone()).collect();
        let known = self.find_by_anchors(resource_type, &anchors)?;
        let mut known: HashSet<&str> = known.iter().map(|row| row.anchor.as_str()).collect();
        Ok(new.iter().filter(|n| known.insert(&n.anchor)).cloned().collect())
    }

    /// Living rows with these anchors, in no particular order.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub fn find_by_anchors(
        &mut self,
        resource_type: &str,
        anchors: &[String],
    ) -> Result<Vec<Row>, CorrelationError> {
        let scope = self.scope(resource_type);
        query::find(&mut self.conn, &scope, By::Anchor, anchors)
    }

    /// The rows behind an id, in the order of ids, whether they live or not: at most [`BATCH`].
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub fn rows_after(&mut self, id: Option<&str>) -> Result<Vec<Row>, CorrelationError> {
        let query = resource::table
            .filter(resource::tenant.eq(&self.tenant))
            .filter(resource::id.gt(id.unwrap_or_default()))
            .order(resource::id)
            .limit(BATCH as i64)
            .select(StoredRow::as_select());
        let rows: Vec<StoredRow> = query.load(&mut self.conn)?;
        Ok(rows.into_iter().map(Row::from).collect())
    }

    /// How many rows there are, by the name of their type.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub fn counts(&mut self) -> Result<BTreeMap<String, Count>, CorrelationError> {
        use diesel::dsl::count_star;
        let all = resource::table.filter(resource::tenant.eq(&self.tenant));
        let of = (resource::resource_type, count_star());
        let total: Vec<(String, i64)> =
            all.group_by(resource::resource_type).select(of).load(&mut self.conn)?;
        let dead: Vec<(String, i64)> = all
            .filter(resource::deleted_at.is_not_null())
            .group_by(resource::resource_type)
            .select(of)
            .load(&mut self.conn)?;
        let mut counts = BTreeMap::<String, Count>::new();
        for (name, number) in total {
            counts.entry(name).or_default().living = number.unsigned_abs();
        }
        for (name, number) in dead {
            let count = counts.entry(name).or_default();
            count.deleted = number.unsigned_abs();
            count.living = count.living.saturating_sub(count.deleted);
        }
        Ok(counts)
    }

    /// Client ids that several living rows of a type have, and how many.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub fn external_id_doubles(
        &mut self,
        resource_type: &str,
    ) -> Result<Vec<(String, u64)>, CorrelationError> {
        use diesel::dsl::count_star;
        let doubles: Vec<(Option<String>, i64)> = resource::table
            .filter(resource::tenant.eq(&self.tenant))
            .filter(resource::resource_type.eq(resource_type))
            .filter(resource::deleted_at.is_null())
            .filter(resource::external_id.is_not_null())
            .group_by(resource::external_id)
            .having(count_star().gt(1))
            .select((resource::external_id, count_star()))
            .load(&mut self.conn)?;
        Ok(doubles.into_iter().filter_map(|(id, count)| Some((id?, count.unsigned_abs()))).collect())
    }

    /// Those of some rows of a type whose index of the sidecar is not what it ought to be.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub fn with_wrong_index<'r>(&mut self, rows: &[&'r Row]) -> Result<Vec<&'r Row>, CorrelationError> {
        kept::wrong(&mut self.conn, &self.tenant, rows)
    }

    /// Writes the index of the sidecars of rows anew.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub fn index_again(&mut self, resource_type: &str, rows: &[Row]) -> Result<(), CorrelationError> {
        let scope = self.scope(resource_type);
        self.conn.write(|conn| kept::write(conn, &scope, rows.iter()))
    }

    /// Marks resources as deleted that have the anchors of these rows still. Returns how many lived.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub fn tombstone(
        &mut self,
        resource_type: &str,
        rows: &[&Row],
        when: OffsetDateTime,
    ) -> Result<u64, CorrelationError> {
        let scope = self.scope(resource_type);
        self.conn.write(|conn| {
            let mut buried = 0;
            for row in rows {
                if query::bury_at(conn, &scope, row, when)? {
                    kept::remove(conn, &scope.tenant, &row.id)?;
                    buried += 1;
                }
            }
            Ok(buried)
        })
    }

    /// Writes where resources were seen: pairs of id and locator.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub fn set_locators(
        &mut self,
        resource_type: &str,
        places: &[(String, String)],
    ) -> Result<(), CorrelationError> {
        let scope = self.scope(resource_type);
        self.conn.write(|conn| {
            places.iter().try_for_each(|(id, place)| query::set_locator(conn, &scope, id, place).map(drop))
        })
    }

    /// The types that were seen from end to end.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub fn scanned(&mut self) -> Result<HashSet<String>, CorrelationError> {
        let names: Vec<String> = scan::table
            .filter(scan::tenant.eq(&self.tenant))
            .select(scan::resource_type)
            .load(&mut self.conn)?;
        Ok(names.into_iter().collect())
    }

    /// How many writes of the journal are open.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub fn open_writes(&mut self) -> Result<i64, CorrelationError> {
        let open = journal::table
            .filter(journal::tenant.eq(&self.tenant))
            .filter(journal::state.eq(State::Open.name()));
        Ok(open.count().get_result(&mut self.conn)?)
    }

    /// Notes that a type was seen from end to end.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub fn note_scan(&mut self, resource_type: &str, when: OffsetDateTime) -> Result<(), CorrelationError> {
        let row = (
            scan::tenant.eq(self.tenant.clone()),
            scan::resource_type.eq(resource_type.to_owned()),
            scan::completed.eq(to_micros(when)),
        );
        // `ON CONFLICT` is not known to the connection that may be either.
        self.conn.write(|conn| {
            match conn {
                #[cfg(feature = "postgres")]
                Conn::Postgres(conn) => {
                    diesel::insert_into(scan::table).values(row).on_conflict_do_nothing().execute(conn)?
                }
                Conn::Sqlite(conn) => {
                    diesel::insert_into(scan::table).values(row).on_conflict_do_nothing().execute(conn)?
                }
            };
            Ok(())
        })
    }

    pub(super) fn scope(&self, resource_type: &str) -> Scope {
        Scope { tenant: self.tenant.clone(), resource_type: resource_type.to_owned() }
    }
}
