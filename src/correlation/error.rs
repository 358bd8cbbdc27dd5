//! What can go wrong with our own database.

use diesel::result::{DatabaseErrorKind, Error};

/// A failure of our own database. The texts are for the operator's log.
#[derive(Debug, thiserror::Error)]
pub enum CorrelationError {
    /// The database cannot be reached, is locked by another program, or has no room.
    #[error("the correlation database is unavailable: {0}")]
    Unavailable(String),
    /// The connection broke; the statement may be repeated.
    #[error("the connection to the correlation database broke: {0}")]
    Disconnected(String),
    /// Too many requests wait for the database, or one waited for too long.
    #[error("the correlation database is overloaded")]
    Busy,
    /// The tables cannot be brought to the form that this version needs.
    #[error("migration of the correlation database failed: {0}")]
    Migration(String),
    /// The URL names a kind of database that this program was built without.
    #[error("this program was built without support for {0}")]
    Unsupported(String),
    /// This is a rehearsal: what is kept of a resource does not change.
    #[error("this is a rehearsal")]
    Rehearsed,
    /// A record of the journal belongs to another replica by now, which took this one for dead.
    #[error("another replica has taken over")]
    Adopted,
    /// The database refused a statement.
    #[error("the correlation database refused a statement: {0}")]
    Refused(#[source] Error),
}

impl CorrelationError {
    /// True if trying again later may help: the answer to the client is 503.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Disconnected(_) | Self::Busy)
    }
}

impl From<Error> for CorrelationError {
    fn from(error: Error) -> Self {
        match error {
            Error::DatabaseError(
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
                what,
            ) => Self::Disconnected(what.message().to_owned()),
            Error::BrokenTransactionManager => Self::Disconnected("inside a transaction".to_owned()),
            Error::DatabaseError(DatabaseErrorKind::Unknown, what) if is_passing(what.message()) => {
                Self::Unavailable(what.message().to_owned())
            }
            Error::DatabaseError(DatabaseErrorKind::SerializationFailure, what) => {
                Self::Unavailable(what.message().to_owned())
            }
            other => Self::Refused(other),
        }
    }
}

/// True for errors that pass by themselves or with the operator's help. Neither
/// driver gives their codes, only their texts.
fn is_passing(message: &str) -> bool {
    [
        // SQLite: SQLITE_BUSY, SQLITE_FULL, SQLITE_IOERR, SQLITE_READONLY, SQLITE_CANTOPEN.
        "database is locked",
        "database or disk is full",
        "disk I/O error",
        "attempt to write a readonly database",
        "unable to open database file",
        // PostgreSQL: 57014, 57P01, 57P03, 53300, 55P03, 25006.
        "due to statement timeout",
        "terminating connection",
        "the database system is",
        "too many clients",
        "lock timeout",
        "read-only transaction",
    ]
    .iter()
    .any(|text| message.contains(text))
}
