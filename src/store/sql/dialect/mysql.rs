//! MySQL and MariaDB: coarse collations, dates that are zero, no RETURNING.

use bigdecimal::BigDecimal;
use diesel::{
    MysqlConnection, QueryResult, RunQueryDsl as _,
    connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _},
    deserialize::{self, FromSql},
    mysql::{Mysql, MysqlType, MysqlValue, data_types::MysqlTime},
    query_builder::AstPass,
    sql_types as st,
};
use time::{Date, Month};

use crate::store::{
    Value,
    sql::{
        catalogue::{Class, Column, Table},
        dialect::{
            AnyRow, Dialect, Flavour, Session, Wire, check_setting, common_dialect, decimal, isolation,
            text_or_bytes,
        },
        error::{self, Failure},
        fold::Lower,
        predicate,
        statement::{Bind, Sql},
    },
};

impl Wire for Mysql {
    fn push<'b>(value: &'b Bind, mut out: AstPass<'_, 'b, Self>) -> QueryResult<()> {
        match value {
            Bind::Null => out.push_bind_param::<st::Nullable<st::Text>, _>(&None::<String>),
            Bind::Text(text) => out.push_bind_param::<st::Text, _>(&text.0),
            Bind::Int(i) => out.push_bind_param::<st::BigInt, _>(i),
            Bind::Float(f) => out.push_bind_param::<st::Double, _>(f),
            Bind::Bool(b) => out.push_bind_param::<st::Bool, _>(b),
            Bind::Decimal(d) => out.push_bind_param::<st::Numeric, _>(d),
            Bind::Date(d) => out.push_bind_param::<st::Date, _>(d),
            Bind::Time(t) => out.push_bind_param::<st::Datetime, _>(t),
            Bind::ZonedTime(t) => out.push_bind_param::<st::Datetime, _>(t),
            Bind::Bytes(bytes) => out.push_bind_param::<st::Binary, _>(bytes),
            Bind::Texts(_) | Bind::Ints(_) => {
                Err(diesel::result::Error::QueryBuilderError("MySQL has no arrays".into()))
            }
        }
    }

    fn decode(value: MysqlValue<'_>) -> deserialize::Result<Vec<Value>> {
        use MysqlType as T;
        let bytes = value.as_bytes();
        Ok(vec![match value.value_type() {
            T::Tiny
            | T::Short
            | T::Long
            | T::LongLong
            | T::UnsignedTiny
            | T::UnsignedShort
            | T::UnsignedLong => Value::Int(FromSql::<st::BigInt, Mysql>::from_sql(value)?),
            T::UnsignedLongLong => {
                let number: u64 = FromSql::<st::Unsigned<st::BigInt>, Mysql>::from_sql(value)?;
                i64::try_from(number).map_or_else(|_| Value::Decimal(number.into()), Value::Int)
            }
            T::Float => decimal(&<f32 as FromSql<st::Float, Mysql>>::from_sql(value)?.to_string()),
            T::Double => decimal(&<f64 as FromSql<st::Double, Mysql>>::from_sql(value)?.to_string()),
            T::Numeric => Value::Decimal(<BigDecimal as FromSql<st::Numeric, Mysql>>::from_sql(value)?),
            T::Date | T::DateTime | T::Timestamp => {
                let is_date = value.value_type() == T::Date;
                return time(FromSql::<st::Timestamp, Mysql>::from_sql(value)?, is_date);
            }
            T::Time => clock(FromSql::<st::Time, Mysql>::from_sql(value)?),
            T::Bit => Value::Int(bytes.iter().fold(0, |all, byte| (all << 8) | i64::from(*byte))),
            T::Blob => Value::Bytes(bytes.to_vec()),
            _ => text_or_bytes(bytes),
        }])
    }
}

/// A date or instant; nothing for a date that is zero or has a zero in it.
fn time(read: MysqlTime, is_date: bool) -> deserialize::Result<Vec<Value>> {
    if read.month == 0 || read.day == 0 {
        return Ok(Vec::new());
    }
    let month = Month::try_from(u8::try_from(read.month)?)?;
    let date = Date::from_calendar_date(read.year.try_into()?, month, read.day.try_into()?)?;
    if is_date {
        return Ok(vec![Value::Date(date)]);
    }
    let (hour, minute, second) = (read.hour.try_into()?, read.minute.try_into()?, read.second.try_into()?);
    let instant = date.with_hms_micro(hour, minute, second, read.second_part.try_into()?)?;
    Ok(vec![Value::Time(instant.assume_utc())])
}

/// A span of time is text to us.
fn clock(read: MysqlTime) -> Value {
    let sign = if read.neg { "-" } else { "" };
    let hours = read.day * 24 + read.hour;
    Value::Text(format!("{sign}{hours:02}:{:02}:{:02}", read.minute, read.second))
}

impl Dialect for MysqlConnection {
    common_dialect!(error::mysql, "START TRANSACTION");

    fn flavour(&self) -> Flavour {
        Flavour::Mysql
    }

    fn prepare(&mut self, session: &Session) -> Result<(), Failure> {
        let seconds = session.statement_timeout_secs;
        // The time limit has another name and unit in either product; MySQL knows none for writes.
        let limit = if is_mariadb(&self.version()?) {
            ("max_statement_time", seconds.to_string())
        } else {
            ("max_execution_time", seconds.saturating_mul(1000).to_string())
        };
        let fixed = [
            limit,
            ("innodb_lock_wait_timeout", seconds.max(1).to_string()),
            ("lc_messages", "en_US".into()),
        ];
        // MariaDB and MySQL have different names for the level, and the same statement.
        if let Some(level) = session.settings.get("isolation").and_then(|text| isolation(text)) {
            let statement = format!("SET SESSION TRANSACTION ISOLATION LEVEL {level}");
            self.batch_execute(&statement).map_err(error::mysql)?;
        }
        let own = session.settings.iter().filter(|(name, _)| name.as_str() != "isolation");
        let own = own.map(|(name, value)| match name.as_str() {
            "foreign_keys" => ("foreign_key_checks", if value == "off" { "0" } else { "1" }.to_owned()),
            name => (name, value.clone()),
        });
        for (name, value) in fixed.into_iter().chain(own) {
            check_setting(name)?;
            let value = value.parse().map_or_else(|_| Bind::text(value), Bind::Int);
            let mut sql = Sql::new();
            sql.uncached();
            sql.raw("SET SESSION ").ident(name).raw(" = ").bind(value);
            self.execute(&sql)?;
        }
        Ok(())
    }

    fn describe(&mut self, table: &str) -> Result<Option<Table>, Failure> {
        let (schema, table) = match table.split_once('.') {
            Some((schema, table)) => (Bind::text(schema), table),
            None => (Bind::Null, table),
        };
        let mut sql = Sql::new();
        sql.raw(COLUMNS).bind(schema).raw(", DATABASE()) AND table_name = ").bind(Bind::text(table));
        sql.raw(" ORDER BY ordinal_position");
        let columns: Vec<Column> = self.rows(&sql)?.iter().map(|row| column(row)).collect();
        Ok((!columns.is_empty()).then_some(Table { columns }))
    }

    fn version(&mut self) -> Result<String, Failure> {
        let mut sql = Sql::new();
        sql.raw("SELECT VERSION()");
        let rows = self.rows(&sql)?;
        let version = rows.first().and_then(|r| r.first()?.first()).map(text).unwrap_or_default();
        let product = if is_mariadb(&version) { "MariaDB" } else { "MySQL" };
        Ok(format!("{product} {version}"))
    }
}

const COLUMNS: &str = "SELECT column_name, data_type, column_type, collation_name, is_nullable, extra, \
    IF(data_type IN ('char', 'varchar'), character_maximum_length, NULL) \
    FROM information_schema.columns WHERE table_schema = COALESCE(";

fn is_mariadb(version: &str) -> bool {
    version.contains("MariaDB")
}

/// A value of the catalogue, which some servers send as bytes.
fn text(value: &Value) -> String {
    match value {
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => other.to_text(),
    }
}

fn column(row: &[Vec<Value>]) -> Column {
    let text = |index: usize| row.get(index).and_then(|c| c.first()).map(text).unwrap_or_default();
    let collation = text(3).to_lowercase();
    let mut column = Column::new(text(0), class(&text(1).to_lowercase()));
    column.type_name = text(2);
    column.nullable = text(4).eq_ignore_ascii_case("yes");
    column.length = text(6).parse().ok();
    column.generated = text(5).to_lowercase().contains("auto_increment");
    // Even binary collations ignore trailing blanks.
    column.coarse = column.class == Class::Text;
    column.unordered = column.coarse;
    // Comparisons of other columns are written with a collation that ignores case.
    column.lower = if !predicate::is_caseless(&collation) || collation.starts_with("utf8") {
        Lower::Collation
    } else {
        Lower::Ascii
    };
    column.collation = collation;
    column
}

fn class(name: &str) -> Class {
    match name {
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => Class::Text,
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" | "bit" => Class::Int,
        "decimal" => Class::Decimal,
        "float" | "double" => Class::Float,
        "date" => Class::Date,
        "datetime" | "timestamp" => Class::Time,
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Class::Bytes,
        "uuid" => Class::Uuid,
        _ => Class::Other,
    }
}

#[cfg(test)]
mod tests {
    use diesel::mysql::data_types::MysqlTimestampType;

    use super::*;

    #[test]
    fn a_span_of_time_is_text() {
        let span = MysqlTime::new(0, 0, 1, 2, 3, 4, 0, true, MysqlTimestampType::MYSQL_TIMESTAMP_TIME, 0);
        assert_eq!(clock(span), Value::from("-26:03:04"));
    }
}
