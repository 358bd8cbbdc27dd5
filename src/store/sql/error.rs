//! What a database says went wrong, as a [`StoreError`] and what helps against it.
//!
//! diesel passes on a kind and a text, not the SQLSTATE or error number, so the
//! texts of the servers are read; connections ask for English ones. One function
//! per database turns them into a [`Cause`], one total function goes on from there.

mod said;

use diesel::result::{ConnectionError, DatabaseErrorInformation, DatabaseErrorKind, Error};

use crate::store::StoreError;

/// An error and what helps against it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failure {
    pub(super) error: StoreError,
    pub(super) cure: Cure,
}

/// What helps against a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cure {
    /// Nothing: the answer is final.
    None,
    /// Running the transaction again: a deadlock or a serialization failure.
    Again,
    /// A new connection.
    Reconnect,
    /// A new connection for whoever comes next; whether this transaction was committed is unknown.
    Abandon,
    /// Reading the catalogue again: a table or column is not what it was.
    Relearn,
}

impl Failure {
    /// A failure that may come of an outdated catalogue.
    pub(super) fn stale(error: StoreError) -> Self {
        Self { error, cure: Cure::Relearn }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self { error, cure: Cure::None }
    }
}

/// Why a statement failed.
#[derive(Debug, Clone, PartialEq)]
enum Cause {
    /// Constraint, index or `table.column`.
    Unique(String),
    /// Constraint or column, if known.
    Violated(String),
    Denied,
    Timeout,
    Busy,
    Deadlock,
    /// The connection is gone or the server goes away.
    Lost,
    /// The connection is fine but its state is not.
    Spoilt,
    /// A table, column or type is not what the catalogue said.
    Mismatch,
    TooBig,
}

fn failure(cause: Cause, said: String) -> Failure {
    let (error, cure) = match cause {
        Cause::Unique(constraint) => (StoreError::AlreadyExists { constraint }, Cure::None),
        Cause::Violated(constraint) => {
            (StoreError::ConstraintViolated { constraint, reason: said }, Cure::None)
        }
        Cause::Denied => (StoreError::Denied(said), Cure::None),
        Cause::Timeout => (StoreError::Timeout(said), Cure::None),
        Cause::Busy => (StoreError::Unavailable(said), Cure::None),
        Cause::Deadlock => (StoreError::Unavailable(said), Cure::Again),
        Cause::Lost | Cause::Spoilt => (StoreError::Unavailable(said), Cure::Reconnect),
        Cause::Mismatch => (StoreError::Corrupt(said), Cure::Relearn),
        Cause::TooBig => (StoreError::LimitExceeded(said), Cure::None),
    };
    Failure { error, cure }
}

/// Sorts a diesel error; `classify` knows the texts of the database.
fn sort(error: Error, classify: fn(&DatabaseErrorKind, &dyn DatabaseErrorInformation) -> Cause) -> Failure {
    match error {
        Error::DatabaseError(kind, said) => {
            let cause = match kind {
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => Cause::Lost,
                DatabaseErrorKind::SerializationFailure => Cause::Deadlock,
                DatabaseErrorKind::ReadOnlyTransaction => Cause::Denied,
                _ => classify(&kind, said.as_ref()),
            };
            failure(cause, said.message().to_owned())
        }
        Error::InvalidCString(_) => failure(Cause::Violated(String::new()), "the text contains NUL".into()),
        Error::SerializationError(e) => failure(Cause::Violated(String::new()), e.to_string()),
        Error::DeserializationError(e) => StoreError::Corrupt(e.to_string()).into(),
        Error::RollbackErrorOnCommit { commit_error, .. } => sort(*commit_error, classify),
        Error::BrokenTransactionManager
        | Error::AlreadyInTransaction
        | Error::NotInTransaction
        | Error::RollbackTransaction => failure(Cause::Spoilt, error.to_string()),
        other => StoreError::Corrupt(other.to_string()).into(),
    }
}

/// PostgreSQL.
#[cfg(feature = "postgres")]
pub(super) fn postgres(error: Error) -> Failure {
    sort(error, said::postgres_cause)
}

/// MySQL and MariaDB.
#[cfg(feature = "mysql")]
pub(super) fn mysql(error: Error) -> Failure {
    sort(error, said::mysql_cause)
}

/// SQLite.
#[cfg(feature = "sqlite")]
pub(super) fn sqlite(error: Error) -> Failure {
    sort(error, said::sqlite_cause)
}

/// Why no connection could be made.
pub(super) fn connecting(error: &ConnectionError) -> StoreError {
    let said = match error {
        ConnectionError::BadConnection(said) => said.trim().to_owned(),
        other => other.to_string(),
    };
    let has = |phrases: &[&str]| phrases.iter().any(|p| said.contains(p));
    if has(&[
        "authentication failed",
        "Access denied",
        "pg_hba.conf",
        "no password supplied",
        "permission denied",
    ]) || (said.contains("role \"") && said.contains("does not exist"))
    {
        StoreError::Denied(said)
    } else if has(&["Unknown database"]) || (said.contains("database \"") && said.contains("does not exist"))
    {
        StoreError::Corrupt(said)
    } else {
        StoreError::Unavailable(said)
    }
}

#[cfg(test)]
mod tests;
