//! What a database says went wrong, as a [`StoreError`] and what helps against it.
//!
//! diesel passes on a kind and a text, not the SQLSTATE or error number, so the
//! texts of the servers are read; connections ask for English ones. One function
//! per database turns them into a [`Cause`], one total function goes on from there.

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
    sort(error, postgres_cause)
}

/// MySQL and MariaDB.
#[cfg(feature = "mysql")]
pub(super) fn mysql(error: Error) -> Failure {
    sort(error, mysql_cause)
}

/// SQLite.
#[cfg(feature = "sqlite")]
pub(super) fn sqlite(error: Error) -> Failure {
    sort(error, sqlite_cause)
}

/// The first cause one of whose phrases stands in the text.
fn by_phrase(said: &str, table: &[(Cause, &[&str])]) -> Option<Cause> {
    table.iter().find(|(_, phrases)| phrases.iter().any(|p| said.contains(p))).map(|(c, _)| c.clone())
}

/// The text between the last `start` and the next `end`.
fn between<'a>(said: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = said.rsplit_once(start)?;
    rest.split_once(end).map(|(found, _)| found)
}

#[cfg(any(feature = "postgres", test))]
fn postgres_cause(kind: &DatabaseErrorKind, said: &dyn DatabaseErrorInformation) -> Cause {
    let name = said.constraint_name().map(str::to_owned);
    let column = match (said.table_name(), said.column_name()) {
        (Some(table), Some(column)) => Some(format!("{table}.{column}")),
        (_, column) => column.map(str::to_owned),
    };
    let name = name.or(column).unwrap_or_default();
    if matches!(kind, DatabaseErrorKind::UniqueViolation | DatabaseErrorKind::ExclusionViolation) {
        return Cause::Unique(name);
    }
    if !matches!(kind, DatabaseErrorKind::Unknown) {
        return Cause::Violated(name);
    }
    let phrases: &[(Cause, &[&str])] = &[
        (Cause::Deadlock, &["deadlock detected", "could not serialize"]),
        (Cause::Timeout, &["canceling statement", "lock timeout"]),
        (Cause::Denied, &["permission denied", "row-level security", "must be owner"]),
        (
            Cause::Busy,
            &["too many connections", "remaining connection slots", "out of memory", "No space left"],
        ),
        (Cause::Lost, &["terminating connection", "server closed the connection", "the database system is"]),
        (Cause::Spoilt, &["current transaction is aborted", "cached plan must not change"]),
        (
            Cause::Mismatch,
            &[
                "\" does not exist",
                "operator does not exist",
                "does not exist: ",
                "could not determine data type",
                "syntax error at",
                "but expression is of type",
            ],
        ),
    ];
    // Data exceptions, and what a trigger of the application says.
    by_phrase(said.message(), phrases).unwrap_or(Cause::Violated(name))
}

#[cfg(any(feature = "mysql", test))]
fn mysql_cause(kind: &DatabaseErrorKind, said: &dyn DatabaseErrorInformation) -> Cause {
    let text = said.message();
    if matches!(kind, DatabaseErrorKind::UniqueViolation) {
        return Cause::Unique(between(text, "for key '", "'").unwrap_or_default().to_owned());
    }
    let column = || between(text, "column `", "` at row").or_else(|| between(text, "olumn '", "'"));
    let name = between(text, "CONSTRAINT `", "`")
        .or_else(|| between(text, "onstraint '", "'"))
        .or_else(column)
        .or_else(|| between(text, "Field '", "'"))
        .map(|name| name.rsplit("`.`").next().unwrap_or(name).to_owned())
        .unwrap_or_default();
    if !matches!(kind, DatabaseErrorKind::Unknown) {
        return Cause::Violated(name);
    }
    let phrases: &[(Cause, &[&str])] = &[
        (Cause::Deadlock, &["Deadlock found", "Record has changed since last read"]),
        (Cause::Timeout, &["Lock wait timeout", "execution was interrupted", "execution time exceeded"]),
        (Cause::Denied, &["command denied", "Access denied", "read-only", "read only"]),
        (Cause::Busy, &["Too many connections", "is full", "Out of memory"]),
        (
            Cause::Lost,
            &[
                "gone away",
                "Lost connection",
                "Can't connect",
                "Connection was killed",
                "shutdown in progress",
            ],
        ),
        (Cause::Spoilt, &["SAVEPOINT "]),
        (Cause::TooBig, &["max_allowed_packet", "too many placeholders"]),
        (
            Cause::Mismatch,
            &["doesn't exist", "Unknown column", "SQL syntax", "Illegal mix of collations", "Unknown table"],
        ),
    ];
    by_phrase(text, phrases).unwrap_or(Cause::Violated(name))
}

#[cfg(any(feature = "sqlite", test))]
fn sqlite_cause(kind: &DatabaseErrorKind, said: &dyn DatabaseErrorInformation) -> Cause {
    let text = said.message();
    let name = text.split_once("constraint failed: ").map_or("", |(_, name)| name).to_owned();
    if matches!(kind, DatabaseErrorKind::UniqueViolation) {
        return Cause::Unique(name);
    }
    if !matches!(kind, DatabaseErrorKind::Unknown) {
        return Cause::Violated(name);
    }
    let phrases: &[(Cause, &[&str])] = &[
        (Cause::Busy, &["is locked", "is full", "disk I/O", "unable to open"]),
        (Cause::Denied, &["readonly database", "access permission", "not authorized"]),
        (Cause::Timeout, &["interrupted"]),
        (Cause::TooBig, &["too many SQL variables", "too large", "too big"]),
        (
            Cause::Mismatch,
            &[
                "no such",
                "syntax error",
                "has no column",
                "not a database",
                "malformed",
                "schema has changed",
            ],
        ),
    ];
    by_phrase(text, phrases).unwrap_or(Cause::Violated(name))
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
mod tests {
    use super::*;

    /// What a server said, with the names it gave apart from the text.
    struct Said(&'static str, Option<&'static str>, Option<&'static str>);

    impl DatabaseErrorInformation for Said {
        fn message(&self) -> &str {
            self.0
        }
        fn details(&self) -> Option<&str> {
            None
        }
        fn hint(&self) -> Option<&str> {
            None
        }
        fn table_name(&self) -> Option<&str> {
            self.2.map(|_| "t")
        }
        fn column_name(&self) -> Option<&str> {
            self.2
        }
        fn constraint_name(&self) -> Option<&str> {
            self.1
        }
        fn statement_position(&self) -> Option<i32> {
            None
        }
    }

    use DatabaseErrorKind as K;

    fn violated(name: &str) -> Cause {
        Cause::Violated(name.into())
    }

    #[test]
    fn postgres_table() {
        let cases = [
            (
                K::UniqueViolation,
                Said("duplicate key …", Some("t_uid_key"), None),
                Cause::Unique("t_uid_key".into()),
            ),
            (K::ForeignKeyViolation, Said("insert … violates", Some("t_fk"), None), violated("t_fk")),
            (K::NotNullViolation, Said("null value in column", None, Some("uid")), violated("t.uid")),
            (K::CheckViolation, Said("new row violates", Some("t_check"), None), violated("t_check")),
            (K::Unknown, Said("value too long for type character varying(3)", None, None), violated("")),
            (K::Unknown, Said("invalid input value for enum mood: \"x\"", None, None), violated("")),
            (K::Unknown, Said("invalid byte sequence for encoding \"UTF8\": 0x00", None, None), violated("")),
            (K::Unknown, Said("integer out of range", None, None), violated("")),
            (K::Unknown, Said("the login is reserved (said by a trigger)", None, None), violated("")),
            (K::Unknown, Said("deadlock detected", None, None), Cause::Deadlock),
            (K::Unknown, Said("canceling statement due to statement timeout", None, None), Cause::Timeout),
            (K::Unknown, Said("permission denied for table t", None, None), Cause::Denied),
            (
                K::Unknown,
                Said("sorry, too many clients already / too many connections", None, None),
                Cause::Busy,
            ),
            (
                K::Unknown,
                Said("terminating connection due to administrator command", None, None),
                Cause::Lost,
            ),
            (K::Unknown, Said("the database system is starting up", None, None), Cause::Lost),
            (K::Unknown, Said("cached plan must not change result type", None, None), Cause::Spoilt),
            (K::Unknown, Said("column \"x\" does not exist", None, None), Cause::Mismatch),
            (K::Unknown, Said("operator does not exist: text = integer", None, None), Cause::Mismatch),
        ];
        for (kind, said, expect) in cases {
            assert_eq!(postgres_cause(&kind, &said), expect, "{}", said.0);
        }
    }

    #[test]
    fn mysql_table() {
        let cases = [
            (
                K::UniqueViolation,
                "Duplicate entry 'it's for key 'y'' for key 'uid'",
                Cause::Unique("uid".into()),
            ),
            (
                K::ForeignKeyViolation,
                "Cannot add or update a child row: a foreign key constraint fails (`d`.`t`, CONSTRAINT `t_fk` \
                 FOREIGN KEY (`a`) REFERENCES `b` (`id`))",
                violated("t_fk"),
            ),
            (K::NotNullViolation, "Column 'uid' cannot be null", violated("uid")),
            (K::NotNullViolation, "Field 'uid' doesn't have a default value", violated("uid")),
            (K::CheckViolation, "Check constraint 't_chk_1' is violated.", violated("t_chk_1")),
            (K::Unknown, "CONSTRAINT `t.age` failed for `d`.`t`", violated("t.age")),
            (K::Unknown, "Data too long for column 'uid' at row 1", violated("uid")),
            (K::Unknown, "Incorrect integer value: 'x' for column `d`.`t`.`age` at row 1", violated("age")),
            (K::Unknown, "Lock wait timeout exceeded; try restarting transaction", Cause::Timeout),
            (K::Unknown, "Query execution was interrupted (max_statement_time exceeded)", Cause::Timeout),
            (K::Unknown, "INSERT command denied to user 'u'@'h' for table 't'", Cause::Denied),
            (K::Unknown, "Too many connections", Cause::Busy),
            (K::Unknown, "MySQL server has gone away", Cause::Lost),
            (K::Unknown, "Server has gone away", Cause::Lost),
            (K::Unknown, "Lost connection to server during query", Cause::Lost),
            (K::Unknown, "Table 'd.t' doesn't exist", Cause::Mismatch),
            (K::Unknown, "Unknown column 't0.x' in 'field list'", Cause::Mismatch),
            (K::Unknown, "Got a packet bigger than 'max_allowed_packet' bytes", Cause::TooBig),
        ];
        for (kind, said, expect) in cases {
            assert_eq!(mysql_cause(&kind, &said.to_owned()), expect, "{said}");
        }
    }

    #[test]
    fn sqlite_table() {
        let cases = [
            (K::UniqueViolation, "UNIQUE constraint failed: t.a, t.b", Cause::Unique("t.a, t.b".into())),
            (K::NotNullViolation, "NOT NULL constraint failed: t.a", violated("t.a")),
            (K::CheckViolation, "CHECK constraint failed: age", violated("age")),
            (K::ForeignKeyViolation, "FOREIGN KEY constraint failed", violated("")),
            (K::Unknown, "datatype mismatch", violated("")),
            (K::Unknown, "database is locked", Cause::Busy),
            (K::Unknown, "unable to open database file", Cause::Busy),
            (K::Unknown, "attempt to write a readonly database", Cause::Denied),
            (K::Unknown, "no such column: t0.x", Cause::Mismatch),
            (K::Unknown, "file is not a database", Cause::Mismatch),
            (K::Unknown, "too many SQL variables", Cause::TooBig),
        ];
        for (kind, said, expect) in cases {
            assert_eq!(sqlite_cause(&kind, &said.to_owned()), expect, "{said}");
        }
    }

    #[test]
    fn every_cause_has_an_error_and_a_cure() {
        let lost = failure(Cause::Lost, "gone".into());
        assert_eq!((lost.error, lost.cure), (StoreError::Unavailable("gone".into()), Cure::Reconnect));
        assert_eq!(failure(Cause::Deadlock, String::new()).cure, Cure::Again);
        assert_eq!(failure(Cause::Mismatch, String::new()).cure, Cure::Relearn);
    }

    #[test]
    fn connecting_table() {
        let bad = |said: &str| connecting(&ConnectionError::BadConnection(said.into()));
        for said in [
            "connection to server failed: FATAL:  password authentication failed for user \"u\"",
            "Access denied for user 'u'@'localhost' (using password: YES)",
            "FATAL:  role \"nobody\" does not exist",
        ] {
            assert!(matches!(bad(said), StoreError::Denied(_)), "{said}");
        }
        for said in ["Unknown database 'x'", "FATAL:  database \"x\" does not exist"] {
            assert!(matches!(bad(said), StoreError::Corrupt(_)), "{said}");
        }
        for said in
            ["connection refused", "Can't connect to server on 'h' (115)", "Unable to open the database file"]
        {
            assert!(matches!(bad(said), StoreError::Unavailable(_)), "{said}");
        }
    }
}
