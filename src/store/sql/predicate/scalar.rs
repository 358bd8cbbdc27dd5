//! Comparing numbers, truth values, dates and bits.

use bigdecimal::{BigDecimal, ToPrimitive as _};
use time::OffsetDateTime;

use crate::store::{
    FieldKind, Fold, Order, StoreError, Value,
    coerce::{number, to_utc, try_coerce},
    sql::{
        catalogue::Class,
        dialect::Flavour,
        predicate::{
            leaf::{Basis, Leaf, padded},
            operator, unsupported,
        },
        statement::{Bind, Sql},
    },
};

/// A number that is stored as text, NULL if it is none: pieces with the column between them.
fn text_as_number(flavour: Flavour) -> &'static [&'static str] {
    match flavour {
        Flavour::Postgres => &[
            "CASE WHEN CAST(",
            " AS text) ~ '^[[:space:]]*[-+]?([0-9]{1,90}[.]?[0-9]{0,90}|[.][0-9]{1,90})[[:space:]]*$' THEN CAST(CAST(",
            " AS text) AS numeric) END",
        ],
        Flavour::Mysql => &[
            "CASE WHEN ",
            " REGEXP '^[[:space:]]*[-+]?([0-9]{1,30}[.]?[0-9]{0,30}|[.][0-9]{1,30})[[:space:]]*$' THEN CAST(",
            " AS DECIMAL(65, 30)) END",
        ],
        Flavour::Sqlite => &[
            "CASE WHEN trim(",
            ") NOT GLOB '*[^-+.0-9]*' AND ",
            " GLOB '*[0-9]*' THEN CAST(",
            " AS NUMERIC) END",
        ],
    }
}

/// A number as SQLite holds it.
pub(super) fn sqlite_number(number: &BigDecimal) -> Bind {
    match integer(number) {
        Some(i) => Bind::Int(i),
        None => Bind::Float(number.to_f64().unwrap_or(f64::NAN)),
    }
}

fn integer(number: &BigDecimal) -> Option<i64> {
    if number.is_integer() { number.to_i64() } else { None }
}

impl Leaf<'_> {
    fn number_bind(&self, number: &BigDecimal) -> Bind {
        match (self.flavour, integer(number)) {
            (Flavour::Sqlite, _) => sqlite_number(number),
            (_, Some(i)) => Bind::Int(i),
            (_, None) => Bind::Decimal(number.clone()),
        }
    }

    /// The column as a number.
    pub(super) fn push_number(&self, sql: &mut Sql) {
        match (self.basis(), self.column.class, self.flavour) {
            (Basis::Text | Basis::CastText | Basis::Untyped, _, flavour) => {
                for (index, piece) in text_as_number(flavour).iter().enumerate() {
                    if index > 0 {
                        self.push_column(sql);
                    }
                    sql.raw(piece);
                }
            }
            (Basis::Bool, ..) => {
                sql.raw("CAST(");
                self.push_column(sql);
                sql.raw(" AS integer)");
            }
            // The spelling of a binary float is what is read and compared.
            (_, Class::Float, Flavour::Postgres) => {
                sql.raw("CAST(CAST(");
                self.push_column(sql);
                sql.raw(" AS text) AS numeric)");
            }
            _ => self.push_column(sql),
        }
    }

    pub(super) fn numbers_one_of(&self, sql: &mut Sql, numbers: Vec<BigDecimal>) {
        let is_int = self.column.class == Class::Int;
        if is_int && self.flavour == Flavour::Postgres {
            let ints: Vec<i64> = numbers.iter().filter_map(integer).collect();
            self.push_column(sql);
            sql.raw(" = ANY(").bind(Bind::Ints(ints)).raw(")");
            return;
        }
        let numbers: Vec<_> = numbers.into_iter().filter(|n| !is_int || n.is_integer()).collect();
        if numbers.is_empty() {
            sql.raw("FALSE");
            return;
        }
        self.push_number(sql);
        sql.raw(" IN (").list(padded(numbers), ", ", |sql, n| {
            sql.bind(self.number_bind(&n));
        });
        sql.raw(")");
    }

    pub(super) fn number_ordered(&self, sql: &mut Sql, order: Order, value: &Value) {
        let Some(number) = number(value) else {
            sql.raw("FALSE");
            return;
        };
        self.push_number(sql);
        sql.raw(operator(order)).bind(self.number_bind(&number));
    }

    /// PostgreSQL's own truth values.
    pub(super) fn bools_one_of(&self, sql: &mut Sql, values: &[Value], fold: Fold) {
        let binds = values.iter().filter_map(|value| match self.declared {
            FieldKind::Text | FieldKind::Dn => match fold.apply(&value.to_text()).as_ref() {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            },
            _ => match try_coerce(value, FieldKind::Bool) {
                Some(Value::Bool(b)) => Some(b),
                // A number that spells a truth value in another way.
                _ => number(value).as_ref().and_then(integer).filter(|i| matches!(i, 0 | 1)).map(|i| i == 1),
            },
        });
        self.is_in(sql, binds.map(Bind::Bool).collect());
    }

    /// An instant as this column holds it.
    fn time_bind(&self, time: OffsetDateTime) -> Bind {
        match (self.flavour, self.column.class) {
            (Flavour::Sqlite, _) => Bind::text(fixed(time)),
            (_, Class::ZonedTime) => Bind::ZonedTime(time),
            _ => Bind::Time(to_utc(time)),
        }
    }

    /// The column as an instant.
    pub(super) fn push_time(&self, sql: &mut Sql) {
        match (self.flavour, self.column.class) {
            (Flavour::Sqlite, _) => {
                sql.raw("scim_time(");
                self.push_column(sql);
                sql.raw(")");
            }
            (Flavour::Postgres, Class::Date) => {
                sql.raw("CAST(");
                self.push_column(sql);
                sql.raw(" AS timestamp)");
            }
            _ => self.push_column(sql),
        }
    }

    /// MySQL: no part of the date is zero.
    pub(super) fn real_date(&self, sql: &mut Sql) {
        sql.raw("MONTH(");
        self.push_column(sql);
        sql.raw(") > 0 AND DAYOFMONTH(");
        self.push_column(sql);
        sql.raw(") > 0");
    }

    fn check_time(&self) -> Result<(), StoreError> {
        match (self.flavour, self.basis()) {
            (Flavour::Sqlite, _) | (_, Basis::Time) => Ok(()),
            _ => Err(unsupported(format!(
                "{} is compared with a date, but its type is {}",
                self.column.name, self.column.type_name
            ))),
        }
    }

    pub(super) fn times_one_of(&self, sql: &mut Sql, values: &[Value]) -> Result<(), StoreError> {
        self.check_time()?;
        if values.is_empty() {
            sql.raw("FALSE");
            return Ok(());
        }
        sql.list(values, " OR ", |sql, value| {
            sql.raw("(");
            self.time_is(sql, value);
            sql.raw(")");
        });
        Ok(())
    }

    /// The column is this instant, or an instant of this day.
    pub(super) fn time_is(&self, sql: &mut Sql, value: &Value) {
        let text = matches!(self.declared, FieldKind::Text | FieldKind::Dn);
        let usual = |value: &Value| {
            try_coerce(value, self.column.kind(FieldKind::Any))
                .is_some_and(|v| v.to_text() == value.to_text())
        };
        let span = self.span(value).filter(|_| !text || usual(value));
        match span {
            // What is no date here is still the text that a row may hold, in SQLite.
            None if self.flavour == Flavour::Sqlite => {
                self.push_column(sql);
                sql.raw(" = ").bind(Bind::text(value.to_text()));
            }
            None => {
                sql.raw("FALSE");
            }
            Some((first, None)) => {
                self.push_time(sql);
                sql.raw(" = ").bind(self.time_bind(first));
            }
            Some((first, Some(next))) => {
                self.push_time(sql);
                sql.raw(" >= ").bind(self.time_bind(first)).raw(" AND ");
                self.push_time(sql);
                sql.raw(" < ").bind(self.time_bind(next));
            }
        }
    }

    pub(super) fn time_ordered(&self, sql: &mut Sql, order: Order, value: &Value) -> Result<(), StoreError> {
        self.check_time()?;
        let Some((first, next)) = self.span(value) else {
            sql.raw("FALSE");
            return Ok(());
        };
        if self.flavour == Flavour::Mysql {
            self.real_date(sql);
            sql.raw(" AND ");
        }
        // A day begins with its first instant and is over with the next day's.
        let (order, bound) = match (order, next) {
            (Order::Le, Some(next)) => (Order::Lt, next),
            (Order::Gt, Some(next)) => (Order::Ge, next),
            (order, _) => (order, first),
        };
        self.push_time(sql);
        sql.raw(operator(order)).bind(self.time_bind(bound));
        Ok(())
    }

    /// The masked bits of the column are `wanted`.
    pub(super) fn bits(&self, sql: &mut Sql, mask: i64, wanted: i64) {
        if matches!(self.basis(), Basis::Time | Basis::Bytes) {
            sql.raw("FALSE");
            return;
        }
        // Whole numbers only; MySQL's operators are unsigned.
        sql.raw(if self.flavour == Flavour::Mysql { "CAST((" } else { "((" });
        if self.column.class == Class::Int {
            self.push_column(sql);
        } else {
            self.push_whole(sql);
        }
        sql.raw(" & ").bind(Bind::Int(mask));
        sql.raw(if self.flavour == Flavour::Mysql { ") AS SIGNED) = " } else { ")) = " });
        sql.bind(Bind::Int(wanted));
    }

    /// The column as the number it is declared to be, NULL if it is none.
    pub(super) fn push_declared_number(&self, sql: &mut Sql) {
        if self.declared == FieldKind::Int {
            self.push_whole(sql);
        } else {
            self.push_number(sql);
        }
    }

    /// The column as a whole number, NULL if it is none.
    fn push_whole(&self, sql: &mut Sql) {
        let (same, cast) = match self.flavour {
            Flavour::Postgres => {
                (" BETWEEN -9223372036854775808 AND 9223372036854775807 AND MOD(", " AS bigint) END")
            }
            Flavour::Mysql => {
                (" BETWEEN -9223372036854775808 AND 9223372036854775807 AND MOD(", " AS SIGNED) END")
            }
            Flavour::Sqlite => (" IS NOT NULL AND (", " AS INTEGER) END"),
        };
        sql.raw("CASE WHEN ");
        self.push_number(sql);
        sql.raw(same);
        self.push_number(sql);
        if self.flavour == Flavour::Sqlite {
            sql.raw(" - CAST(");
            self.push_number(sql);
            sql.raw(" AS INTEGER)) = 0 THEN CAST(");
        } else {
            sql.raw(", 1) = 0 THEN CAST(");
        }
        self.push_number(sql);
        sql.raw(cast);
    }
}

/// An instant as `scim_time` answers it: all of one width, so that order of text is order of time.
pub(in crate::store::sql) fn fixed(time: OffsetDateTime) -> String {
    let time = to_utc(time);
    let clock = time.time();
    let (hour, minute, second, micro) = (clock.hour(), clock.minute(), clock.second(), clock.microsecond());
    format!("{} {hour:02}:{minute:02}:{second:02}.{micro:06}", time.date())
}
