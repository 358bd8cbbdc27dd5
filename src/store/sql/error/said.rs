//! The texts of the databases, one function for each.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind};

use crate::store::sql::error::Cause;

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
pub(super) fn postgres_cause(kind: &DatabaseErrorKind, said: &dyn DatabaseErrorInformation) -> Cause {
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
pub(super) fn mysql_cause(kind: &DatabaseErrorKind, said: &dyn DatabaseErrorInformation) -> Cause {
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
pub(super) fn sqlite_cause(kind: &DatabaseErrorKind, said: &dyn DatabaseErrorInformation) -> Cause {
    let text = said.message();
    let name = text.split_once("constraint failed: ").map(|(_, name)| name);
    // STRICT tables: "cannot store TEXT value in INTEGER column t.age".
    let strict = || text.strip_prefix("cannot store ")?.rsplit_once(" column ").map(|(_, name)| name);
    let name = name.or_else(strict).unwrap_or_default().to_owned();
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
