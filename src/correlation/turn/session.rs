//! The session that holds locks, and its statements.

#![cfg_attr(not(feature = "postgres"), expect(unused_variables, reason = "one process alone takes no turns"))]

use diesel::r2d2::ManageConnection as _;
#[cfg(feature = "postgres")]
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Bool, Text},
};

use crate::correlation::{
    CorrelationError,
    connection::{Conn, Manager},
};

/// A session of its own, which nobody else uses.
pub(super) struct Session {
    conn: Conn,
    /// Tells the locks of these tables from those of others in the same database.
    #[cfg(feature = "postgres")]
    salt: i64,
}

#[cfg(feature = "postgres")]
#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[cfg(feature = "postgres")]
#[derive(QueryableByName)]
struct Got {
    #[diesel(sql_type = Bool)]
    got: bool,
}

impl Session {
    /// Connects. The server notices within seconds if the machine at this end is gone, and ends the session.
    pub(super) fn open(manager: &Manager, name: &str) -> Result<Self, CorrelationError> {
        let conn = manager.connect().map_err(|e| CorrelationError::Unavailable(e.to_string()))?;
        match conn {
            #[cfg(feature = "postgres")]
            Conn::Postgres(mut pg) => {
                sql_query(
                    "SELECT set_config('application_name', $1, false), \
                     set_config('tcp_keepalives_idle', '3', false), \
                     set_config('tcp_keepalives_interval', '2', false), \
                     set_config('tcp_keepalives_count', '3', false)",
                )
                .bind::<Text, _>(name)
                .execute(&mut pg)?;
                let table = sql_query("SELECT 'resource'::regclass::oid::bigint AS number");
                let salt = table.get_result::<Number>(&mut pg)?.number;
                Ok(Self { conn: Conn::Postgres(pg), salt })
            }
            Conn::Sqlite(_) => Err(no_locks()),
        }
    }

    /// Gives locks back.
    pub(super) fn give_back(&mut self, keys: &[i64]) -> Result<(), CorrelationError> {
        if keys.is_empty() {
            return Ok(());
        }
        match &mut self.conn {
            #[cfg(feature = "postgres")]
            Conn::Postgres(pg) => {
                sql_query("SELECT pg_advisory_unlock(k) FROM unnest($1) AS k")
                    .bind::<Array<BigInt>, _>(salted(keys, self.salt))
                    .execute(pg)?;
                Ok(())
            }
            Conn::Sqlite(_) => Err(no_locks()),
        }
    }

    /// Takes locks that are free: for each, whether it was. It is also how to find out whether the session lives.
    pub(super) fn take(&mut self, keys: &[i64]) -> Result<Vec<bool>, CorrelationError> {
        match &mut self.conn {
            #[cfg(feature = "postgres")]
            Conn::Postgres(pg) => {
                let taken = sql_query(
                    "SELECT pg_try_advisory_lock(k) AS got FROM unnest($1) WITH ORDINALITY AS t (k, n) ORDER BY n",
                );
                let taken = taken.bind::<Array<BigInt>, _>(salted(keys, self.salt));
                Ok(taken.load::<Got>(pg)?.into_iter().map(|row| row.got).collect())
            }
            Conn::Sqlite(_) => Err(no_locks()),
        }
    }
}

/// True if there is a session of this name.
pub(super) fn exists(conn: &mut Conn, name: &str) -> Result<bool, CorrelationError> {
    match conn {
        #[cfg(feature = "postgres")]
        Conn::Postgres(pg) => {
            let found = sql_query(
                "SELECT count(*) AS number FROM pg_stat_activity \
                 WHERE application_name = $1 AND datname = current_database()",
            );
            Ok(found.bind::<Text, _>(name).get_result::<Number>(pg)?.number > 0)
        }
        Conn::Sqlite(_) => Err(no_locks()),
    }
}

/// Ends the session of this name.
pub(super) fn end(conn: &mut Conn, name: &str) -> Result<(), CorrelationError> {
    match conn {
        #[cfg(feature = "postgres")]
        Conn::Postgres(pg) => {
            sql_query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE application_name = $1 AND datname = current_database()",
            )
            .bind::<Text, _>(name)
            .execute(pg)?;
            Ok(())
        }
        Conn::Sqlite(_) => Err(no_locks()),
    }
}

#[cfg(feature = "postgres")]
fn salted(keys: &[i64], salt: i64) -> Vec<i64> {
    keys.iter().map(|key| key ^ salt).collect()
}

/// Locks between processes are PostgreSQL's.
fn no_locks() -> CorrelationError {
    CorrelationError::Unsupported("locks between processes".to_owned())
}
