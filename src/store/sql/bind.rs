//! Values on their way into a column: each becomes a bind of the column's type,
//! or is refused before the server has to.

use bigdecimal::{BigDecimal, ToPrimitive as _};

use crate::store::{
    FieldKind, StoreError, Value,
    coerce::{format_time, number, to_utc, try_coerce},
    sql::{
        catalogue::{Class, Column},
        dialect::Flavour,
        statement::{Bind, Sql},
    },
};

/// Writes the values of a cell as the new content of a column.
///
/// # Errors
///
/// [`StoreError::ConstraintViolated`] if the column cannot hold them.
pub(super) fn push_cell(
    sql: &mut Sql,
    flavour: Flavour,
    column: &Column,
    values: &[Value],
) -> Result<(), StoreError> {
    let bind = cell(flavour, column, values)?;
    let casts = flavour == Flavour::Postgres && bind != Bind::Null;
    match column.class {
        // These are not sent in binary form, but parsed by the server.
        Class::Other | Class::Uuid if casts => {
            sql.raw("CAST(CAST(").bind(bind).raw(" AS text) AS ").type_name(&column.type_name).raw(")");
        }
        Class::Texts if casts => {
            sql.raw("CAST(").bind(bind).raw(" AS text[])");
        }
        _ => {
            sql.bind(bind);
        }
    }
    Ok(())
}

fn refused(column: &Column, reason: impl Into<String>) -> StoreError {
    StoreError::ConstraintViolated { constraint: column.name.clone(), reason: reason.into() }
}

fn cell(flavour: Flavour, column: &Column, values: &[Value]) -> Result<Bind, StoreError> {
    if values.iter().any(|v| matches!(v, Value::Text(text) if text.contains('\0'))) {
        return Err(refused(column, "the text contains NUL"));
    }
    // PostgreSQL would refuse it without saying which column it is, and a lax MySQL would cut it.
    let too_long = |v: &Value| match (v, column.length) {
        // Blanks at the end are cut by standard SQL.
        (Value::Text(text), Some(length)) => text.trim_end_matches(' ').chars().count() > length,
        _ => false,
    };
    // The same with numbers.
    let (least, most) = match column.type_name.as_str() {
        "smallint" => (i64::from(i16::MIN), i64::from(i16::MAX)),
        "integer" => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    if flavour == Flavour::Postgres
        && values.iter().any(|v| matches!(v, Value::Int(number) if !(least..=most).contains(number)))
    {
        return Err(refused(column, "the number is out of range"));
    }
    if values.iter().any(too_long) {
        return Err(refused(column, "the text is too long"));
    }
    match values {
        [] => Ok(Bind::Null),
        values if column.class == Class::Texts => {
            Ok(Bind::Texts(values.iter().map(Value::to_text).collect()))
        }
        [value] => bind(flavour, column, value)
            .ok_or_else(|| refused(column, "the value has another type than the column")),
        _ => Err(refused(column, "the column holds one value")),
    }
}

fn bind(flavour: Flavour, column: &Column, value: &Value) -> Option<Bind> {
    let lite = flavour == Flavour::Sqlite;
    Some(match column.class {
        Class::Text | Class::Other | Class::Texts => Bind::text(written(value)?),
        Class::Uuid => {
            let text = written(value)?;
            uuid::Uuid::try_parse(&text).ok()?;
            Bind::text(text)
        }
        Class::Untyped => match value {
            Value::Int(i) => Bind::Int(*i),
            Value::Bool(b) => Bind::Int((*b).into()),
            Value::Bytes(bytes) => Bind::Bytes(bytes.clone()),
            other => Bind::text(written(other)?),
        },
        Class::Int => {
            let number = number(value)?;
            if !number.is_integer() {
                return None;
            }
            match number.to_i64() {
                Some(i) => Bind::Int(i),
                None if lite => return None,
                None => Bind::Decimal(number),
            }
        }
        Class::Decimal if lite => Bind::text(number(value)?.to_plain_string()),
        Class::Decimal => Bind::Decimal(number(value)?),
        Class::Float => Bind::Float(number(value).as_ref().and_then(BigDecimal::to_f64)?),
        Class::Bool => match (value, number(value)) {
            (_, Some(n)) => Bind::Bool(n != 0),
            _ => match try_coerce(value, FieldKind::Bool)? {
                Value::Bool(b) => Bind::Bool(b),
                _ => return None,
            },
        },
        Class::Date => match try_coerce(value, FieldKind::Date)? {
            Value::Date(date) if lite => Bind::text(date.to_string()),
            Value::Date(date) => Bind::Date(date),
            _ => return None,
        },
        Class::Time | Class::ZonedTime => match try_coerce(value, FieldKind::Time)? {
            Value::Time(time) if lite => Bind::text(format_time(time)),
            Value::Time(time) if column.class == Class::ZonedTime => Bind::ZonedTime(time),
            Value::Time(time) => Bind::Time(to_utc(time)),
            _ => return None,
        },
        Class::Bytes => match try_coerce(value, FieldKind::Bytes)? {
            Value::Bytes(bytes) => Bind::Bytes(bytes),
            _ => return None,
        },
    })
}

/// A value as text in a column: instants the way databases write them.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::Time(time) => Some(format_time(*time)),
        other => match try_coerce(other, FieldKind::Text)? {
            Value::Text(text) => Some(text),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_of_the_columns_type() {
        let t = |s: &str| Value::from(s);
        let time = try_coerce(&t("2026-11-23T10:11:12Z"), FieldKind::Time).unwrap();
        let cases: &[(Flavour, Class, Value, Option<Bind>)] = &[
            (Flavour::Postgres, Class::Int, t("5"), Some(Bind::Int(5))),
            (Flavour::Postgres, Class::Int, t("five"), None),
            (Flavour::Postgres, Class::Int, t(""), None),
            (Flavour::Postgres, Class::Bool, t("t"), Some(Bind::Bool(true))),
            (Flavour::Postgres, Class::Bool, t("0"), Some(Bind::Bool(false))),
            (Flavour::Postgres, Class::Text, Value::Int(5), Some(Bind::text("5"))),
            (Flavour::Postgres, Class::Date, t("tomorrow"), None),
            (Flavour::Postgres, Class::Uuid, t("no uuid"), None),
            (Flavour::Sqlite, Class::Text, time.clone(), Some(Bind::text("2026-11-23 10:11:12"))),
            (Flavour::Sqlite, Class::Time, time.clone(), Some(Bind::text("2026-11-23 10:11:12"))),
            (Flavour::Sqlite, Class::Date, time, Some(Bind::text("2026-11-23"))),
            (Flavour::Sqlite, Class::Untyped, Value::Int(5), Some(Bind::Int(5))),
        ];
        for (flavour, class, value, expect) in cases {
            let column = Column::new("c", *class);
            assert_eq!(&bind(*flavour, &column, value), expect, "{value:?} into {class:?}");
        }
    }

    #[test]
    fn refusals_name_the_column() {
        let column = Column::new("uid", Class::Text);
        let two = [Value::from("a"), Value::from("b")];
        for values in [&two[..], &["a\0b".into()]] {
            let refused = cell(Flavour::Sqlite, &column, values).unwrap_err();
            assert!(
                matches!(&refused, StoreError::ConstraintViolated { constraint, .. } if constraint == "uid"),
                "{refused:?}"
            );
        }
    }
}
