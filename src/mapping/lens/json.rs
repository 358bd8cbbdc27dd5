//! JSON values of SCIM and values of fields: the last step of reading and the
//! first of writing, by the attribute's data type (RFC 7643 §2.3).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bigdecimal::{BigDecimal, ToPrimitive as _};
use time::{
    OffsetDateTime, PrimitiveDateTime, UtcOffset, format_description::well_known::Rfc3339,
    macros::format_description,
};

use crate::{
    scim::{
        Json,
        schema::DataType,
        value::{self, decimal_of_integer},
    },
    store::Value,
};

/// A stored value as SCIM shows it; `None` if it cannot be of that type.
#[must_use]
pub fn to_json(value: &Value, data_type: DataType) -> Option<Json> {
    Some(match data_type {
        DataType::Boolean => Json::Bool(truth(value)?),
        DataType::Integer => match value {
            Value::Int(i) => (*i).into(),
            other => other.to_text().trim().parse::<i64>().ok()?.into(),
        },
        DataType::Decimal => {
            let number: BigDecimal = value.to_text().trim().parse().ok()?;
            match number.to_i64().filter(|_| number.is_integer()) {
                Some(whole) => decimal_of_integer(whole),
                None => serde_json::Number::from_f64(number.to_f64()?).map(Json::Number)?,
            }
        }
        DataType::DateTime => instant(value)?.into(),
        DataType::Binary => match value {
            Value::Bytes(bytes) => STANDARD.encode(bytes).into(),
            other => other.to_text().into(),
        },
        DataType::String | DataType::Reference | DataType::Complex => match value {
            Value::Time(_) => instant(value)?.into(),
            other => Some(other.to_text()).filter(|t| !t.is_empty())?.into(),
        },
    })
}

/// A SCIM value on its way to a field; `None` if the JSON is not of that type.
#[must_use]
pub fn from_json(json: &Json, data_type: DataType) -> Option<Value> {
    Some(match (data_type, json) {
        (DataType::Boolean, Json::Bool(b)) => Value::Bool(*b),
        (DataType::Integer, Json::Number(n)) => Value::Int(n.as_i64()?),
        (DataType::Decimal, Json::Number(n)) => Value::Decimal(n.to_string().parse().ok()?),
        (DataType::DateTime, Json::String(text)) => {
            Value::Time(value::instant(text)?.to_offset(UtcOffset::UTC))
        }
        (DataType::Binary, Json::String(text)) => Value::Bytes(value::bytes(text)?),
        (DataType::String | DataType::Reference, Json::String(text)) => Value::Text(text.clone()),
        _ => return None,
    })
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(b) => Some(*b),
        Value::Int(i) => Some(*i != 0),
        other => match other.to_text().to_ascii_lowercase().as_str() {
            "true" | "t" | "1" | "yes" | "y" => Some(true),
            "false" | "f" | "0" | "no" | "n" => Some(false),
            _ => None,
        },
    }
}

fn instant(value: &Value) -> Option<String> {
    let when = match value {
        Value::Time(t) => t.to_offset(UtcOffset::UTC),
        Value::Date(d) => d.midnight().assume_utc(),
        other => parse_instant(&other.to_text())?,
    };
    // Milliseconds are what every client's parser takes.
    let millis = when.replace_millisecond(when.millisecond()).ok()?;
    millis.format(&Rfc3339).ok()
}

/// Reads an instant in RFC 3339 form or as `YYYY-MM-DD HH:MM:SS` (UTC).
fn parse_instant(text: &str) -> Option<OffsetDateTime> {
    if let Ok(when) = OffsetDateTime::parse(text, &Rfc3339) {
        return Some(when.to_offset(UtcOffset::UTC));
    }
    let plain = text.get(..19)?.replace('T', " ");
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    PrimitiveDateTime::parse(&plain, format).ok().map(PrimitiveDateTime::assume_utc)
}

/// True if two SCIM values of this type are the same under SCIM's comparison.
#[must_use]
pub fn same_json(a: &Json, b: &Json, case_exact: bool) -> bool {
    match (a, b) {
        (Json::String(a), Json::String(b)) if !case_exact => {
            crate::store::Fold::Case.apply(a) == crate::store::Fold::Case.apply(b)
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_reads_what_stores_hold() {
        assert_eq!(to_json(&Value::Int(1), DataType::Boolean), Some(true.into()));
        assert_eq!(to_json(&"F".into(), DataType::Boolean), Some(false.into()));
        assert_eq!(to_json(&"42".into(), DataType::Integer), Some(42.into()));
        assert_eq!(
            to_json(&"2026-01-02 03:04:05".into(), DataType::DateTime),
            Some("2026-01-02T03:04:05Z".into())
        );
        assert_eq!(to_json(&Value::Bytes(vec![1, 2]), DataType::Binary), Some("AQI=".into()));
        assert_eq!(to_json(&Value::Int(5), DataType::Decimal), Some(5.0.into()), "7643-2.3.3-a");
        let long = Value::Decimal("9007199254740993".parse().unwrap());
        assert_eq!(to_json(&long, DataType::Decimal), Some(9_007_199_254_740_993_i64.into()));
        assert_eq!(to_json(&"".into(), DataType::String), None, "an empty string is nothing");
    }

    #[test]
    fn wrong_json_types_are_refused() {
        assert_eq!(from_json(&"true".into(), DataType::Boolean), None);
        assert_eq!(from_json(&1.into(), DataType::String), None);
        assert_eq!(from_json(&"2026-01-02".into(), DataType::DateTime), None, "7643-2.3.5-a");
    }
}
