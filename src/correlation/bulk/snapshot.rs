//! All rows as they are at one moment, and what else there is to take elsewhere.

use diesel::{
    connection::{AnsiTransactionManager, TransactionManager},
    prelude::*,
};
use secrecy::SecretString;

use super::Bulk;
use crate::correlation::{
    CorrelationError, Row,
    connection::Conn,
    model::StoredRow,
    schema::{resource, secret as secrets},
    secret,
};

impl Bulk {
    /// Does work that sees the database as it is now, whatever others write meanwhile.
    ///
    /// # Errors
    ///
    /// Those of the work, and [`CorrelationError`].
    pub fn in_snapshot<T, E: From<CorrelationError>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let begun = match &mut self.conn {
            #[cfg(feature = "postgres")]
            Conn::Postgres(conn) => AnsiTransactionManager::begin_transaction_sql(
                conn,
                "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            ),
            // The first read takes the snapshot, and the write-ahead log keeps it.
            Conn::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN"),
        };
        begun.map_err(CorrelationError::from)?;
        let done = work(self);
        // Nothing was written; if this fails, the connection is gone, and so is the transaction.
        let ended = <Conn as Connection>::TransactionManager::rollback_transaction(&mut self.conn);
        if let Err(error) = ended {
            tracing::debug!(%error, "rollback failed");
        }
        done
    }

    /// Rows whose id, anchor, locator or client id this is, whether they live or not.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub fn find(&mut self, what: &str) -> Result<Vec<Row>, CorrelationError> {
        let is_it = resource::id
            .eq(what.to_lowercase())
            .or(resource::anchor.eq(what))
            .or(resource::locator.eq(what))
            .or(resource::external_id.eq(what).assume_not_null());
        let rows: Vec<StoredRow> = resource::table
            .filter(resource::tenant.eq(&self.tenant))
            .filter(is_it)
            .order((resource::resource_type, resource::id))
            .select(StoredRow::as_select())
            .load(&mut self.conn)?;
        Ok(rows.into_iter().map(Row::from).collect())
    }

    /// Hands the keys that all replicas share to another database, which keeps its own where it has some.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub fn give_secrets(&mut self, to: &mut Self) -> Result<(), CorrelationError> {
        let all: Vec<(String, String)> = secrets::table
            .filter(secrets::tenant.eq(&self.tenant))
            .select((secrets::name, secrets::value))
            .load(&mut self.conn)?;
        let tenant = to.tenant.clone();
        to.conn.write(|conn| {
            all.into_iter().try_for_each(|(name, value)| {
                secret::keep(conn, &tenant, &name, &SecretString::from(value)).map(drop)
            })
        })
    }
}
