//! What differs between the databases, on the wire and around a statement.
//!
//! [`Wire`] binds and decodes values for one diesel back end; [`Dialect`] is a
//! connection of any of them. How conditions are *written* for each database
//! stands in [`predicate`](super::predicate).

#[cfg(feature = "mysql")]
pub(super) mod mysql;
#[cfg(feature = "postgres")]
pub(super) mod postgres;
#[cfg(feature = "sqlite")]
pub(super) mod sqlite;

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use diesel::{
    QueryResult, QueryableByName,
    backend::Backend,
    deserialize,
    query_builder::AstPass,
    row::{Field as _, NamedRow},
};

use crate::store::{
    StoreError, Value,
    sql::{
        catalogue::Table,
        error::Failure,
        statement::{Bind, Sql},
    },
};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    Sqlite,
    Postgres,
    Mysql,
}

impl Flavour {
    /// Most values that one list or one statement may bind.
    pub(super) fn most_binds(self) -> usize {
        match self {
            Self::Sqlite => 32_000,
            Self::Postgres | Self::Mysql => 65_000,
        }
    }
}

/// Session settings of a new connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Session {
    pub(super) statement_timeout_secs: u64,
    pub(super) settings: BTreeMap<String, String>,
}

/// How values travel to and from one kind of server.
pub(super) trait Wire: Backend {
    /// Binds a value.
    fn push<'b>(value: &'b Bind, out: AstPass<'_, 'b, Self>) -> QueryResult<()>;

    /// Decodes a value by the type the server says it has; none if it stands for nothing.
    fn decode(value: Self::RawValue<'_>) -> deserialize::Result<Vec<Value>>;
}

/// A connection to a database.
pub(super) trait Dialect: Send {
    fn flavour(&self) -> Flavour;

    /// Sets time-outs and the mapping's session settings.
    fn prepare(&mut self, session: &Session) -> Result<(), Failure>;

    /// Runs a statement that answers rows.
    fn rows(&mut self, sql: &Sql) -> Result<Vec<Vec<Vec<Value>>>, Failure>;

    /// Runs a statement that answers a number of rows.
    fn execute(&mut self, sql: &Sql) -> Result<usize, Failure>;

    /// Begins a transaction that may write, or a savepoint inside one.
    fn begin(&mut self) -> Result<(), Failure>;

    /// Commits the transaction or releases the savepoint.
    fn commit(&mut self) -> Result<(), Failure>;

    /// Rolls back the transaction, or to the savepoint.
    fn roll_back(&mut self) -> Result<(), Failure>;

    /// Rolls back savepoints and transaction, if there are any.
    fn roll_back_all(&mut self) -> Result<(), Failure>;

    /// Checks that the server answers.
    fn ping(&mut self) -> Result<(), Failure>;

    /// True if the connection itself knows that it is of no use any more.
    fn is_broken(&mut self) -> bool;

    /// Reads the columns of a table; `None` if there is no such table.
    fn describe(&mut self, table: &str) -> Result<Option<Table>, Failure>;

    /// True if nothing that it is told is carried out.
    fn pretends(&self) -> bool {
        false
    }

    /// Name and version of the server.
    fn version(&mut self) -> Result<String, Failure>;
}

/// Implements what reads the same for every diesel connection.
macro_rules! common_dialect {
    ($failure:path, $begin:expr) => {
        fn rows(&mut self, sql: &Sql) -> Result<Vec<Vec<Vec<Value>>>, Failure> {
            let rows: Vec<AnyRow> = sql.load(self).map_err($failure)?;
            Ok(rows.into_iter().map(|row| row.0).collect())
        }

        fn execute(&mut self, sql: &Sql) -> Result<usize, Failure> {
            diesel::RunQueryDsl::execute(sql, self).map_err($failure)
        }

        fn begin(&mut self) -> Result<(), Failure> {
            let depth = AnsiTransactionManager::transaction_manager_status_mut(self)
                .transaction_depth()
                .map_err($failure)?;
            match depth {
                None => AnsiTransactionManager::begin_transaction_sql(self, $begin),
                Some(_) => AnsiTransactionManager::begin_transaction(self),
            }
            .map_err($failure)
        }

        fn commit(&mut self) -> Result<(), Failure> {
            AnsiTransactionManager::commit_transaction(self).map_err($failure)
        }

        fn roll_back(&mut self) -> Result<(), Failure> {
            AnsiTransactionManager::rollback_transaction(self).map_err($failure)
        }

        fn roll_back_all(&mut self) -> Result<(), Failure> {
            while AnsiTransactionManager::transaction_manager_status_mut(self)
                .transaction_depth()
                .map_err($failure)?
                .is_some()
            {
                self.roll_back()?;
            }
            Ok(())
        }

        fn ping(&mut self) -> Result<(), Failure> {
            diesel::r2d2::R2D2Connection::ping(self).map_err($failure)
        }

        fn is_broken(&mut self) -> bool {
            diesel::r2d2::R2D2Connection::is_broken(self)
        }
    };
}
pub(super) use common_dialect;

/// A row of any shape.
pub(super) struct AnyRow(pub(super) Vec<Vec<Value>>);

impl<DB: Wire> QueryableByName<DB> for AnyRow {
    fn build<'a>(row: &impl NamedRow<'a, DB>) -> deserialize::Result<Self> {
        let cell = |index: usize| -> deserialize::Result<Vec<Value>> {
            let field = diesel::row::Row::get(row, index).ok_or("the row is too short")?;
            match field.value() {
                None => Ok(Vec::new()),
                Some(value) => {
                    DB::decode(value).map_err(|e| format!("column {index} of the answer: {e}").into())
                }
            }
        };
        Ok(Self((0..diesel::row::Row::field_count(row)).map(cell).collect::<deserialize::Result<_>>()?))
    }
}

/// Text if the bytes are text.
pub(super) fn text_or_bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::Text(text.to_owned()),
        Err(_) => Value::Bytes(bytes.to_vec()),
    }
}

/// A floating number in its shortest spelling; NaN and the infinities are texts.
pub(super) fn decimal(spelling: &str) -> Value {
    match spelling.parse::<BigDecimal>() {
        Ok(number) => Value::Decimal(number),
        Err(_) => Value::Text(spelling.to_owned()),
    }
}

/// An isolation level as statements name it; `None` for a word that is none.
pub(super) fn isolation(text: &str) -> Option<&'static str> {
    Some(match text {
        "read committed" => "READ COMMITTED",
        "repeatable read" => "REPEATABLE READ",
        "serializable" => "SERIALIZABLE",
        _ => return None,
    })
}

/// Checks the name of a session setting.
///
/// # Errors
///
/// [`StoreError::Unsupported`] for anything but letters, digits, `_` and `.`.
pub(super) fn check_setting(name: &str) -> Result<(), StoreError> {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic());
    if first && name.len() <= 63 && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.') {
        return Ok(());
    }
    Err(StoreError::Unsupported(format!("{name:?} is no name of a session setting")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_session_settings_are_checked() {
        for good in ["sql_mode", "search_path", "pg_trgm.similarity_threshold"] {
            assert!(check_setting(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "x;drop table t", "a'", "1a", "ä", "@@global.x"] {
            assert!(check_setting(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn floats_keep_their_shortest_spelling() {
        assert_eq!(decimal("12.345").to_text(), "12.345");
        assert_eq!(decimal("NaN"), Value::from("NaN"));
    }
}
