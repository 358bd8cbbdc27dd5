//! PostgreSQL: strict types, so every value is bound as its column's type.

use std::io::Write as _;

use bigdecimal::BigDecimal;
use diesel::{
    PgConnection, QueryResult, RunQueryDsl as _,
    connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _},
    deserialize::{self, FromSql},
    pg::{Pg, PgTypeMetadata, PgValue},
    query_builder::{AstPass, QueryId},
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{self as st, HasSqlType, SqlType},
};
use time::{Date, OffsetDateTime, PrimitiveDateTime};

use crate::store::{
    Value,
    sql::{
        catalogue::{Class, Column, Table},
        dialect::{
            AnyRow, Dialect, Flavour, Session, Wire, check_setting, common_dialect, decimal, text_or_bytes,
        },
        error::{self, Failure},
        fold::Lower,
        statement::{Bind, Sql, Text},
    },
};

/// A parameter without a type: the server gives it the type of the column it meets.
#[derive(Debug, Clone, Copy, SqlType, QueryId)]
pub(in crate::store::sql) struct Inferred;

impl HasSqlType<Inferred> for Pg {
    fn metadata(_: &mut Self::MetadataLookup) -> PgTypeMetadata {
        PgTypeMetadata::new(0, 0)
    }
}

impl ToSql<Inferred, Pg> for Text {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}

impl Wire for Pg {
    fn push<'b>(value: &'b Bind, mut out: AstPass<'_, 'b, Self>) -> QueryResult<()> {
        match value {
            Bind::Null => out.push_bind_param::<st::Nullable<Inferred>, Option<Text>>(&None),
            Bind::Text(text) => out.push_bind_param::<Inferred, _>(text),
            Bind::Int(i) => out.push_bind_param::<st::BigInt, _>(i),
            Bind::Float(f) => out.push_bind_param::<st::Double, _>(f),
            Bind::Bool(b) => out.push_bind_param::<st::Bool, _>(b),
            Bind::Decimal(d) => out.push_bind_param::<st::Numeric, _>(d),
            Bind::Date(d) => out.push_bind_param::<st::Date, _>(d),
            Bind::Time(t) => out.push_bind_param::<st::Timestamp, _>(t),
            Bind::ZonedTime(t) => out.push_bind_param::<st::Timestamptz, _>(t),
            Bind::Bytes(bytes) => out.push_bind_param::<st::Binary, _>(bytes),
            Bind::Texts(texts) => out.push_bind_param::<st::Array<st::Text>, _>(texts),
            Bind::Ints(ints) => out.push_bind_param::<st::Array<st::BigInt>, _>(ints),
        }
    }

    fn decode(value: PgValue<'_>) -> deserialize::Result<Vec<Value>> {
        let bytes = value.as_bytes();
        // The infinities are the largest and smallest numbers; they are no dates to us.
        let infinite = match bytes {
            [0x7f, rest @ ..] if rest.iter().all(|b| *b == 0xff) => Some("infinity"),
            [0x80, rest @ ..] if rest.iter().all(|b| *b == 0) => Some("-infinity"),
            _ => None,
        };
        Ok(vec![match (value.get_oid().get(), infinite) {
            (1082 | 1114 | 1184, Some(word)) => Value::from(word),
            (16, _) => Value::Bool(FromSql::<st::Bool, Pg>::from_sql(value)?),
            (17, _) => Value::Bytes(bytes.to_vec()),
            (20, _) => Value::Int(FromSql::<st::BigInt, Pg>::from_sql(value)?),
            (21, _) => Value::Int(<i16 as FromSql<st::SmallInt, Pg>>::from_sql(value)?.into()),
            (23, _) => Value::Int(<i32 as FromSql<st::Integer, Pg>>::from_sql(value)?.into()),
            (26, _) => Value::Int(<u32 as FromSql<st::Oid, Pg>>::from_sql(value)?.into()),
            (700, _) => decimal(&<f32 as FromSql<st::Float, Pg>>::from_sql(value)?.to_string()),
            (701, _) => decimal(&<f64 as FromSql<st::Double, Pg>>::from_sql(value)?.to_string()),
            (1082, _) => Value::Date(<Date as FromSql<st::Date, Pg>>::from_sql(value)?),
            (1114, _) => {
                Value::Time(<PrimitiveDateTime as FromSql<st::Timestamp, Pg>>::from_sql(value)?.assume_utc())
            }
            (1184, _) => Value::Time(<OffsetDateTime as FromSql<st::Timestamptz, Pg>>::from_sql(value)?),
            (1700, _) => match <BigDecimal as FromSql<st::Numeric, Pg>>::from_sql(value) {
                Ok(number) => Value::Decimal(number),
                Err(_) => Value::from("NaN"),
            },
            (2950, _) => Value::Text(<uuid::Uuid as FromSql<st::Uuid, Pg>>::from_sql(value)?.to_string()),
            // Version byte, then the text.
            (3802, _) => text_or_bytes(bytes.get(1..).unwrap_or_default()),
            (1042, _) => Value::Text(std::str::from_utf8(bytes)?.trim_end_matches(' ').to_owned()),
            (1009 | 1014 | 1015, _) => {
                let texts: Vec<Option<String>> =
                    FromSql::<st::Array<st::Nullable<st::Text>>, Pg>::from_sql(value)?;
                return Ok(texts.into_iter().flatten().map(Value::Text).collect());
            }
            // Text, and every text-like type whose number differs from database to database.
            _ => text_or_bytes(bytes),
        }])
    }
}

impl Dialect for PgConnection {
    common_dialect!(error::postgres, "BEGIN");

    fn flavour(&self) -> Flavour {
        Flavour::Postgres
    }

    fn prepare(&mut self, session: &Session) -> Result<(), Failure> {
        // Errors are told apart by their English texts. Not everyone may ask for them.
        if let Err(refused) = self.batch_execute("SET lc_messages TO 'C'") {
            tracing::debug!(%refused, "the server's language cannot be chosen");
        }
        let milliseconds = session.statement_timeout_secs.saturating_mul(1000).to_string();
        let fixed = [("statement_timeout", milliseconds.as_str()), ("application_name", "scimgate")];
        let fixed = fixed.map(|(name, value)| (name, value.to_owned()));
        // Foreign keys are always checked here, at the end of a transaction where they are deferrable.
        let own = session.settings.iter().filter(|(name, _)| name.as_str() != "foreign_keys");
        let own = own.map(|(name, value)| setting(name, value));
        for (name, value) in fixed.into_iter().chain(own) {
            check_setting(name)?;
            let mut sql = Sql::new();
            sql.uncached();
            sql.raw("SELECT set_config(").bind(Bind::text(name)).raw(", ").bind(Bind::text(value));
            sql.raw(", false)");
            self.rows(&sql)?;
        }
        Ok(())
    }

    fn describe(&mut self, table: &str) -> Result<Option<Table>, Failure> {
        let quoted: Vec<String> =
            table.split('.').map(|p| format!("\"{}\"", p.replace('"', "\"\""))).collect();
        let mut sql = Sql::new();
        sql.raw(COLUMNS).bind(Bind::text(quoted.join("."))).raw(" AS text)) ORDER BY a.attnum");
        let columns: Vec<Column> = self.rows(&sql)?.iter().map(|row| column(row)).collect();
        Ok((!columns.is_empty()).then_some(Table { columns }))
    }

    fn version(&mut self) -> Result<String, Failure> {
        let mut sql = Sql::new();
        sql.raw("SELECT current_setting('server_version')");
        let rows = self.rows(&sql)?;
        let version = rows.first().and_then(|r| r.first()?.first()).map(Value::to_text).unwrap_or_default();
        Ok(format!("PostgreSQL {version}"))
    }
}

/// A session setting in PostgreSQL's words: mapping files say `time_zone` for every database, and an
/// offset such as `+02:00` as people write it, whose sign PostgreSQL would read the other way round.
fn setting<'n>(name: &'n str, value: &str) -> (&'n str, String) {
    if name == "isolation" {
        return ("default_transaction_isolation", value.to_owned());
    }
    if name != "time_zone" {
        return (name, value.to_owned());
    }
    let turned = match value.split_at_checked(1) {
        Some(("+", offset)) => format!("<{value}>-{offset}"),
        Some(("-", offset)) => format!("<{value}>+{offset}"),
        _ => value.to_owned(),
    };
    ("timezone", turned)
}

/// Columns of a table with base types (of domains too), and what the database's own collation does.
const COLUMNS: &str = "SELECT a.attname, \
    COALESCE(b.typname, t.typname), COALESCE(b.typtype, t.typtype)::text, \
    format_type(COALESCE(b.oid, t.oid), NULL), NOT a.attnotnull, \
    a.attidentity <> '' OR COALESCE(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', FALSE), \
    COALESCE(c.collname, ''), COALESCE(c.collisdeterministic, TRUE), \
    (SELECT datcollate FROM pg_database WHERE datname = current_database()), lower('IÉ'), \
    CASE WHEN COALESCE(b.typname, t.typname) IN ('varchar', 'bpchar') \
    THEN (CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END) - 4 END, \
    CASE WHEN t.typtype = 'd' THEN t.typname END \
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
    LEFT JOIN pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype \
    LEFT JOIN pg_collation c ON c.oid = a.attcollation \
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
    WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = to_regclass(CAST(";

fn column(row: &[Vec<Value>]) -> Column {
    let text = |index: usize| row.get(index).and_then(|c| c.first()).map(Value::to_text).unwrap_or_default();
    let is = |index: usize| text(index) == "true";
    let (type_name, type_type, collation, database) = (text(1), text(2), text(6), text(8));
    let mut column = Column::new(text(0), class(&type_name, &type_type));
    column.type_name = text(3);
    column.nullable = is(4);
    // Without a length the modifier is -1.
    column.length = text(10).parse().ok();
    column.domain = text(11);
    column.generated = is(5);
    column.coarse = type_name == "citext" || !is(7);
    column.padded = type_name == "bpchar";
    let effective = if collation == "default" { database.as_str() } else { collation.as_str() };
    column.unordered = !matches!(effective, "C" | "POSIX" | "C.UTF-8" | "C.utf8" | "ucs_basic");
    column.lower = match (collation.as_str(), text(9).as_str()) {
        ("C" | "POSIX" | "ucs_basic", _) | ("default" | "", "iÉ") => Lower::Ascii,
        ("default" | "", "ié") => Lower::Unicode,
        ("default" | "", _) => Lower::Odd,
        (name, _) if name.starts_with("tr") || name.starts_with("az") => Lower::Odd,
        _ => Lower::Unicode,
    };
    column.collation = collation;
    column
}

fn class(name: &str, kind: &str) -> Class {
    match name {
        "text" | "varchar" | "bpchar" | "citext" | "name" => Class::Text,
        "int2" | "int4" | "int8" | "oid" => Class::Int,
        "bool" => Class::Bool,
        "numeric" => Class::Decimal,
        "float4" | "float8" => Class::Float,
        "date" => Class::Date,
        "timestamp" => Class::Time,
        "timestamptz" => Class::ZonedTime,
        "bytea" => Class::Bytes,
        "uuid" if kind == "b" => Class::Uuid,
        "_text" | "_varchar" | "_bpchar" => Class::Texts,
        _ => Class::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_zones_are_said_as_postgresql_says_them() {
        for (written, said) in [("UTC", "UTC"), ("+02:00", "<+02:00>-02:00"), ("-05:00", "<-05:00>+05:00")] {
            assert_eq!(setting("time_zone", written), ("timezone", said.to_owned()), "{written}");
        }
        assert_eq!(setting("search_path", "+hr"), ("search_path", "+hr".to_owned()));
    }
}
