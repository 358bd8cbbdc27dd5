//! What each database says, and what is understood.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind};

use super::{
    said::{mysql_cause, postgres_cause, sqlite_cause},
    *,
};

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
        (K::Unknown, Said("sorry, too many clients already / too many connections", None, None), Cause::Busy),
        (K::Unknown, Said("terminating connection due to administrator command", None, None), Cause::Lost),
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
        (K::UniqueViolation, "Duplicate entry 'it's for key 'y'' for key 'uid'", Cause::Unique("uid".into())),
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
        (K::Unknown, "cannot store TEXT value in INTEGER column t.age", violated("t.age")),
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
