//! Which processes are alive, where several may work on one database: each renews its lease, and one whose lease
//! has run out counts as dead. Another one then takes over what it has left in the journal.
//!
//! A process that was taken for dead and is not finds its records gone when it confirms them
//! ([`CorrelationError::Adopted`]). Only the clock of the database counts.

use diesel::prelude::*;

use crate::{
    config::CachePolicy,
    correlation::{
        Correlation, CorrelationError,
        connection::Conn,
        journal::{NOBODY, State},
        model::to_micros,
        schema::{journal, replica},
    },
};

/// How long a lease lasts, in microseconds.
const LEASE: i64 = 10_000_000;

impl Correlation {
    /// True if other processes may work on this database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.policy == CachePolicy::Ids
    }

    /// Renews the lease of a process, and forgets those of processes that have been dead for long.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn renew(&self, id: &str) -> Result<(), CorrelationError> {
        if self.rehearsal.is_some() || !self.is_shared() {
            return Ok(());
        }
        let (tenant, id) = (self.tenant.to_string(), id.to_owned());
        self.workers
            .write(move |conn| {
                let now = now(conn)?;
                let old = replica::table.filter(replica::tenant.eq(&tenant));
                diesel::delete(old.filter(replica::id.eq(&id).or(replica::until.lt(now - 1000 * LEASE))))
                    .execute(conn)?;
                let row = (replica::tenant.eq(&tenant), replica::id.eq(&id), replica::until.eq(now + LEASE));
                diesel::insert_into(replica::table).values(row).execute(conn)?;
                Ok(((), Vec::new()))
            })
            .await
    }

    /// Gives the lease of a process back: it ends.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn leave(&self, id: &str) -> Result<(), CorrelationError> {
        let (tenant, id) = (self.tenant.to_string(), id.to_owned());
        self.workers
            .write(move |conn| {
                diesel::delete(replica::table.find((&tenant, &id))).execute(conn)?;
                Ok(((), Vec::new()))
            })
            .await
    }

    /// The dead processes that have records of this state in the journal.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn dead(&self, own: &str, state: State) -> Result<Vec<String>, CorrelationError> {
        let (tenant, own, is_shared) = (self.tenant.to_string(), own.to_owned(), self.is_shared());
        self.workers
            .read(move |conn| {
                let named: Vec<String> = journal::table
                    .filter(journal::tenant.eq(&tenant))
                    .filter(journal::state.eq(state.name()))
                    .filter(journal::replica.ne(&own))
                    .filter(journal::replica.ne(NOBODY))
                    .select(journal::replica)
                    .distinct()
                    .load(conn)?;
                if !is_shared || named.is_empty() {
                    return Ok(named);
                }
                let now = now(conn)?;
                let alive: Vec<String> = replica::table
                    .filter(replica::tenant.eq(&tenant))
                    .filter(replica::until.gt(now))
                    .select(replica::id)
                    .load(conn)?;
                Ok(named.into_iter().filter(|id| !alive.contains(id)).collect())
            })
            .await
    }
}

/// The time by the clock of the database, in microseconds since 1970 (UTC).
pub(super) fn now(conn: &mut Conn) -> Result<i64, CorrelationError> {
    match conn {
        #[cfg(feature = "postgres")]
        Conn::Postgres(conn) => {
            let clock = diesel::dsl::sql::<diesel::sql_types::BigInt>(
                "(extract(epoch from clock_timestamp()) * 1000000)::bigint",
            );
            Ok(diesel::select(clock).get_result(conn)?)
        }
        // One process alone.
        Conn::Sqlite(_) => Ok(to_micros(time::OffsetDateTime::now_utc())),
    }
}
