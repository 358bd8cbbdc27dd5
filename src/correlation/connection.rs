//! Connections to our own database, how they are set up, and its migrations.

use std::time::Duration;

use diesel::{
    MultiConnection, SqliteConnection,
    backend::Backend,
    connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager},
    migration::MigrationSource,
    prelude::*,
    r2d2::{self, ManageConnection, Pool, R2D2Connection as _},
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    config::{CorrelationSettings, secret::sqlite_file},
    correlation::CorrelationError,
};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
#[cfg(feature = "postgres")]
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// A connection to one of the databases that we can keep our table in.
#[derive(MultiConnection)]
pub(super) enum Conn {
    #[cfg(feature = "postgres")]
    Postgres(diesel::PgConnection),
    Sqlite(SqliteConnection),
}

/// Makes and checks connections.
#[derive(Debug)]
pub(super) struct Manager {
    target: Target,
    timeout: Duration,
}

#[derive(Debug)]
enum Target {
    #[cfg(feature = "postgres")]
    Postgres(SecretString),
    Sqlite(String),
}

impl Manager {
    pub(super) fn new(settings: &CorrelationSettings) -> Result<Self, CorrelationError> {
        let timeout = Duration::from_secs(settings.timeout_secs);
        Ok(Self { target: Target::new(settings)?, timeout })
    }

    /// The connections of all threads.
    pub(super) fn pool(settings: &CorrelationSettings) -> Result<Pool<Self>, CorrelationError> {
        let manager = Self::new(settings)?;
        // Each reader holds at most one, and so does the writer.
        let size = u32::try_from(settings.readers).unwrap_or(u32::MAX).saturating_add(1);
        // A file becomes one with a write-ahead log while nobody else has it open.
        manager.connect().map_err(|e| CorrelationError::Unavailable(e.to_string()))?;
        Pool::builder()
            .max_size(size)
            .connection_timeout(manager.timeout)
            // A broken connection shows itself: work that failed for it is repeated on another one.
            .test_on_check_out(false)
            .build(manager)
            .map_err(|e| CorrelationError::Unavailable(e.to_string()))
    }
}

impl Target {
    fn new(settings: &CorrelationSettings) -> Result<Self, CorrelationError> {
        if let Some(file) = sqlite_file(&settings.url) {
            return Ok(Self::Sqlite(file.to_owned()));
        }
        Self::server(settings.connection_url())
    }

    #[cfg(feature = "postgres")]
    fn server(url: SecretString) -> Result<Self, CorrelationError> {
        match url.expose_secret().split_once(':') {
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(url)),
            other => Err(CorrelationError::Unsupported(other.map_or("", |(scheme, _)| scheme).to_owned())),
        }
    }

    #[cfg(not(feature = "postgres"))]
    fn server(url: SecretString) -> Result<Self, CorrelationError> {
        let scheme = url.expose_secret().split(':').next().unwrap_or("").to_owned();
        Err(CorrelationError::Unsupported(scheme))
    }
}

impl ManageConnection for Manager {
    type Connection = Conn;
    type Error = r2d2::Error;

    fn connect(&self) -> Result<Conn, r2d2::Error> {
        let millis = self.timeout.as_millis();
        match &self.target {
            #[cfg(feature = "postgres")]
            Target::Postgres(url) => {
                let mut connection = diesel::PgConnection::establish(url.expose_secret())
                    .map_err(r2d2::Error::ConnectionError)?;
                connection
                    .batch_execute(&format!(
                        "SET statement_timeout = {millis}; SET lock_timeout = {millis}; \
                         SELECT set_config('application_name', 'scimgate', false) \
                         WHERE current_setting('application_name') = '';"
                    ))
                    .map_err(r2d2::Error::QueryError)?;
                Ok(Conn::Postgres(connection))
            }
            Target::Sqlite(file) => {
                let mut connection =
                    SqliteConnection::establish(file).map_err(r2d2::Error::ConnectionError)?;
                // FULL: what was acknowledged survives a power cut, also tombstones and externalIds,
                // which nothing but this file knows. One sync serves all writes of a group.
                connection
                    .batch_execute(&format!(
                        "PRAGMA busy_timeout = {millis}; PRAGMA journal_mode = WAL; \
                         PRAGMA synchronous = FULL;"
                    ))
                    .map_err(r2d2::Error::QueryError)?;
                Ok(Conn::Sqlite(connection))
            }
        }
    }

    fn is_valid(&self, connection: &mut Conn) -> Result<(), r2d2::Error> {
        connection.ping().map_err(r2d2::Error::QueryError)
    }

    fn has_broken(&self, connection: &mut Conn) -> bool {
        std::thread::panicking() || connection.is_broken()
    }
}

/// Runs the migrations that were not run. Refuses a database that was migrated
/// by a newer version, whose rules this one does not know.
fn bring_up<DB: Backend>(
    connection: &mut impl MigrationHarness<DB>,
    known: EmbeddedMigrations,
) -> diesel::migration::Result<()>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let names: Vec<String> = known.migrations()?.iter().map(|m| m.name().version().to_string()).collect();
    if let Some(newer) = connection.applied_migrations()?.iter().find(|v| !names.contains(&v.to_string())) {
        return Err(format!("it was migrated by a newer version of this program (to {newer})").into());
    }
    connection.run_pending_migrations(known).map(drop)
}

impl Conn {
    /// Brings the tables to the form that this version needs.
    pub(super) fn migrate(&mut self) -> Result<(), CorrelationError> {
        let done = match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(connection) => {
                // Replicas that start together take turns.
                connection.batch_execute("SELECT pg_advisory_lock(7276173302)")?;
                let done = bring_up(connection, POSTGRES);
                connection.batch_execute("SELECT pg_advisory_unlock(7276173302)")?;
                done
            }
            Self::Sqlite(connection) => bring_up(connection, SQLITE),
        };
        done.map_err(|e| CorrelationError::Migration(e.to_string()))
    }

    /// Undoes all migrations.
    #[cfg(test)]
    pub(super) fn unmigrate(&mut self) {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(connection) => connection.revert_all_migrations(POSTGRES).map(drop).unwrap(),
            Self::Sqlite(connection) => connection.revert_all_migrations(SQLITE).map(drop).unwrap(),
        }
    }

    /// Does some work in one transaction that writes.
    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, CorrelationError>,
    ) -> Result<T, CorrelationError> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(connection) => AnsiTransactionManager::begin_transaction(connection)?,
            // A transaction that starts as a reader cannot always become a writer.
            Self::Sqlite(connection) => {
                AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE")?;
            }
        }
        match work(self) {
            Ok(value) => {
                <Self as Connection>::TransactionManager::commit_transaction(self)?;
                Ok(value)
            }
            Err(error) => {
                // If this fails too, the connection counts as broken and is not used again.
                if let Err(e) = <Self as Connection>::TransactionManager::rollback_transaction(self) {
                    tracing::debug!(error = %e, "rollback failed");
                }
                Err(error)
            }
        }
    }
}
