//! SQLite: dynamic types, ASCII-only case folding of its own, one writer.

use diesel::{
    QueryResult, RunQueryDsl as _, SqliteConnection,
    connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _},
    deserialize::{self, FromSql},
    query_builder::AstPass,
    sql_types as st,
    sqlite::{Sqlite, SqliteType},
};

use crate::store::{
    StoreError, Value,
    coerce::parse_time,
    sql::{
        catalogue::{Class, Column, Table},
        dialect::{AnyRow, Dialect, Flavour, Session, Wire, check_setting, common_dialect, decimal},
        error::{self, Failure},
        fold::Lower,
        predicate,
        statement::{Bind, Sql},
    },
    value,
};

#[diesel::declare_sql_function]
extern "SQL" {
    /// Unicode's simple case folding of a text.
    fn scim_fold(text: st::Nullable<st::Text>) -> st::Nullable<st::Text>;

    /// The instant that a text spells, in a form that sorts.
    fn scim_time(text: st::Nullable<st::Text>) -> st::Nullable<st::Text>;
}

impl Wire for Sqlite {
    fn push<'b>(value: &'b Bind, mut out: AstPass<'_, 'b, Self>) -> QueryResult<()> {
        match value {
            Bind::Null => out.push_bind_param::<st::Nullable<st::Text>, _>(&None::<String>),
            Bind::Text(text) => out.push_bind_param::<st::Text, _>(&text.0),
            Bind::Int(i) => out.push_bind_param::<st::BigInt, _>(i),
            Bind::Float(f) => out.push_bind_param::<st::Double, _>(f),
            Bind::Bool(b) => out.push_bind_param::<st::Bool, _>(b),
            Bind::Bytes(bytes) => out.push_bind_param::<st::Binary, _>(bytes),
            Bind::Decimal(_)
            | Bind::Date(_)
            | Bind::Time(_)
            | Bind::ZonedTime(_)
            | Bind::Texts(_)
            | Bind::Ints(_) => Err(diesel::result::Error::QueryBuilderError(
                "SQLite has no such type; it is bound as text or number".into(),
            )),
        }
    }

    fn decode(value: Self::RawValue<'_>) -> deserialize::Result<Vec<Value>> {
        Ok(vec![match value.value_type() {
            None => return Ok(Vec::new()),
            Some(SqliteType::SmallInt | SqliteType::Integer | SqliteType::Long) => {
                Value::Int(FromSql::<st::BigInt, Sqlite>::from_sql(value)?)
            }
            Some(SqliteType::Float | SqliteType::Double) => {
                let number: f64 = FromSql::<st::Double, Sqlite>::from_sql(value)?;
                decimal(&number.to_string())
            }
            Some(SqliteType::Binary) => Value::Bytes(FromSql::<st::Binary, Sqlite>::from_sql(value)?),
            Some(SqliteType::Text) => Value::Text(FromSql::<st::Text, Sqlite>::from_sql(value)?),
        }])
    }
}

impl Dialect for SqliteConnection {
    common_dialect!(error::sqlite, "BEGIN IMMEDIATE");

    fn flavour(&self) -> Flavour {
        Flavour::Sqlite
    }

    fn prepare(&mut self, session: &Session) -> Result<(), Failure> {
        let timeout =
            format!("PRAGMA busy_timeout = {};", session.statement_timeout_secs.saturating_mul(1000));
        self.batch_execute(&timeout).map_err(error::sqlite)?;
        self.batch_execute("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;")
            .map_err(error::sqlite)?;
        // Lets readers read while one writes. It stays in the file, so it need not succeed each time,
        // and cannot while another program holds a lock.
        if let Err(refused) = self.batch_execute("PRAGMA journal_mode = WAL;") {
            tracing::debug!(%refused, "the journal mode of the SQLite file was not changed");
        }
        scim_fold_utils::register_impl(self, |text: Option<String>| text.map(|t| value::fold(&t)))
            .map_err(error::sqlite)?;
        let time = |text: Option<String>| text.and_then(|t| parse_time(&t)).map(predicate::fixed);
        scim_time_utils::register_impl(self, time).map_err(error::sqlite)?;
        for (name, value) in &session.settings {
            check_setting(name)?;
            // A pragma takes no bind, so only plain words and numbers are let through.
            let is_level = name == "isolation";
            if value.is_empty()
                || !is_level && !value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
            {
                return Err(
                    StoreError::Unsupported(format!("session.{name}: {value:?} is no plain word")).into()
                );
            }
            // A transaction has the file to itself: every isolation level is that.
            if name == "isolation" {
                continue;
            }
            self.batch_execute(&format!("PRAGMA {name} = {value};")).map_err(error::sqlite)?;
        }
        Ok(())
    }

    fn describe(&mut self, table: &str) -> Result<Option<Table>, Failure> {
        let mut sql = Sql::new();
        sql.uncached();
        sql.raw("SELECT name, type, \"notnull\", pk FROM ");
        match table.split_once('.') {
            Some((schema, table)) => {
                sql.raw("pragma_table_xinfo(").bind(Bind::text(table)).raw(", ").bind(Bind::text(schema));
            }
            None => {
                sql.raw("pragma_table_xinfo(").bind(Bind::text(table));
            }
        }
        sql.raw(")");
        let rows = self.rows(&sql)?;
        let keys = rows.iter().filter(|row| row.get(3).is_some_and(|pk| pk != &[Value::Int(0)])).count();
        let columns: Vec<Column> = rows.iter().map(|row| column(row, keys)).collect();
        Ok((!columns.is_empty()).then_some(Table { columns }))
    }

    fn version(&mut self) -> Result<String, Failure> {
        let mut sql = Sql::new();
        sql.raw("SELECT sqlite_version()");
        let rows = self.rows(&sql)?;
        let version = rows.first().and_then(|r| r.first()?.first()).map(Value::to_text).unwrap_or_default();
        Ok(format!("SQLite {version}"))
    }
}

fn column(row: &[Vec<Value>], keys: usize) -> Column {
    let text = |index: usize| row.get(index).and_then(|c| c.first()).map(Value::to_text).unwrap_or_default();
    let declared = text(1).to_uppercase();
    let mut column = Column::new(text(0), class(&declared));
    column.generated = keys == 1 && text(3) == "1" && declared == "INTEGER";
    column.nullable = text(2) == "0" && text(3) == "0";
    column.lower = Lower::Unicode;
    column.type_name = declared;
    column
}

/// The class by SQLite's rules of affinity, dates told apart by the words other databases use.
fn class(declared: &str) -> Class {
    let has = |words: &[&str]| words.iter().any(|w| declared.contains(w));
    if declared.is_empty() || has(&["BLOB"]) {
        Class::Untyped
    } else if has(&["INT"]) {
        Class::Int
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        Class::Text
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        Class::Float
    } else if has(&["TIME"]) {
        Class::Time
    } else if has(&["DATE"]) {
        Class::Date
    } else if has(&["BOOL"]) {
        Class::Int
    } else if has(&["DEC", "NUM"]) {
        Class::Decimal
    } else {
        Class::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_have_their_class() {
        for (declared, expect) in [
            ("INTEGER", Class::Int),
            ("BIGINT UNSIGNED", Class::Int),
            ("VARCHAR(20)", Class::Text),
            ("DATETIME", Class::Time),
            ("TIMESTAMP", Class::Time),
            ("DATE", Class::Date),
            ("BOOLEAN", Class::Int),
            ("DECIMAL(10,2)", Class::Decimal),
            ("", Class::Untyped),
            ("JSON", Class::Other),
        ] {
            assert_eq!(class(declared), expect, "{declared}");
        }
    }
}
