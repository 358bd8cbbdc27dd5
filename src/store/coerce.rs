//! Values from one type into another, and the texts of dates and times.
//!
//! Stores hold numbers in text columns and dates in text; mapping files write
//! every constant as they please. Here is the one rule: **the type of the
//! stored value decides**, and a value that cannot become of that type is
//! simply not equal to it. Knows no store.

use bigdecimal::{BigDecimal, ToPrimitive as _};
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcOffset, format_description::well_known::Rfc3339};

use crate::store::{FieldKind, Value};

/// Texts longer than this are no numbers to us. Nor are texts with an exponent: no database that is asked for
/// the number in a text column would find them, and expanding them costs memory.
const MOST_DIGITS: usize = 100;

/// The value as the declared type; unchanged if it cannot be, so that whoever
/// reads it can tell what is wrong with it.
#[must_use]
pub fn coerce(value: Value, kind: FieldKind) -> Value {
    try_coerce(&value, kind).unwrap_or(value)
}

/// The value as another type, or `None` if it has no such form.
#[must_use]
pub fn try_coerce(value: &Value, kind: FieldKind) -> Option<Value> {
    match kind {
        FieldKind::Any => Some(value.clone()),
        FieldKind::Text | FieldKind::Dn => match value {
            Value::Bytes(bytes) => String::from_utf8(bytes.clone()).ok().map(Value::Text),
            other => Some(Value::Text(other.to_text())),
        },
        FieldKind::Int => parse_integer(value).map(Value::Int),
        FieldKind::Bool => parse_bool(value).map(Value::Bool),
        FieldKind::Decimal => number(value).map(Value::Decimal),
        FieldKind::Date => match value {
            Value::Date(_) => Some(value.clone()),
            Value::Time(time) => Some(Value::Date(time.to_offset(UtcOffset::UTC).date())),
            Value::Text(text) => parse_time(text).map(|t| Value::Date(t.date())),
            _ => None,
        },
        FieldKind::Time => match value {
            Value::Time(_) => Some(value.clone()),
            Value::Date(date) => Some(Value::Time(date.midnight().assume_utc())),
            Value::Text(text) => parse_time(text).map(Value::Time),
            _ => None,
        },
        FieldKind::Bytes => match value {
            Value::Bytes(_) => Some(value.clone()),
            Value::Text(text) => Some(Value::Bytes(text.clone().into_bytes())),
            _ => None,
        },
    }
}

/// The type a value has.
#[must_use]
pub fn kind_of(value: &Value) -> FieldKind {
    match value {
        Value::Text(_) => FieldKind::Text,
        Value::Int(_) => FieldKind::Int,
        Value::Bool(_) => FieldKind::Bool,
        Value::Decimal(_) => FieldKind::Decimal,
        Value::Date(_) => FieldKind::Date,
        Value::Time(_) => FieldKind::Time,
        Value::Bytes(_) => FieldKind::Bytes,
    }
}

/// The value as a number, if it is one or spells one.
#[must_use]
pub fn number(value: &Value) -> Option<BigDecimal> {
    match value {
        Value::Int(i) => Some((*i).into()),
        Value::Bool(b) => Some(i64::from(*b).into()),
        Value::Decimal(d) => Some(d.clone()),
        Value::Text(text) => parse_number(text),
        Value::Date(_) | Value::Time(_) | Value::Bytes(_) => None,
    }
}

fn parse_number(text: &str) -> Option<BigDecimal> {
    let text = text.trim();
    if text.len() > MOST_DIGITS
        || !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.'))
    {
        return None;
    }
    text.parse().ok()
}

fn parse_integer(value: &Value) -> Option<i64> {
    if let Value::Int(i) = value {
        return Some(*i);
    }
    let number = number(value)?;
    if number.is_integer() { number.to_i64() } else { None }
}

fn parse_bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(b) => Some(*b),
        Value::Int(0) => Some(false),
        Value::Int(1) => Some(true),
        Value::Text(text) if TRUE_WORDS.iter().any(|w| text.eq_ignore_ascii_case(w)) => Some(true),
        Value::Text(text) if FALSE_WORDS.iter().any(|w| text.eq_ignore_ascii_case(w)) => Some(false),
        _ => None,
    }
}

/// Texts that mean true, in lower case.
pub const TRUE_WORDS: &[&str] = &["true", "t", "1"];
/// Texts that mean false, in lower case.
pub const FALSE_WORDS: &[&str] = &["false", "f", "0"];

/// Reads a date or an instant as databases write them; without a zone it is UTC.
///
/// ```
/// use scimgate::store::coerce::parse_time;
/// assert_eq!(parse_time("2026-11-23 10:11:12"), parse_time("2026-11-23T11:11:12+01:00"));
/// ```
#[must_use]
pub fn parse_time(text: &str) -> Option<OffsetDateTime> {
    let text = text.trim();
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, time.trim()),
        None => (text, "00:00:00"),
    };
    let zone = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at_checked(zone)?;
    let clock = if clock.len() == 5 { format!("{clock}:00") } else { clock.to_owned() };
    let zone = match zone.len() {
        0 => "Z".to_owned(),
        3 => format!("{zone}:00"),
        5 if !zone.contains(':') => {
            let (hours, minutes) = zone.split_at_checked(3)?;
            format!("{hours}:{minutes}")
        }
        _ => zone.to_ascii_uppercase(),
    };
    OffsetDateTime::parse(&format!("{date}T{clock}{zone}"), &Rfc3339)
        .ok()
        .map(|t| t.to_offset(UtcOffset::UTC))
}

/// An instant as SQL writes it without a zone: `YYYY-MM-DD HH:MM:SS`, and microseconds if there are any.
#[must_use]
pub fn format_time(time: OffsetDateTime) -> String {
    let time = to_utc(time);
    let (date, clock) = (time.date(), time.time());
    let text = format!("{date} {:02}:{:02}:{:02}", clock.hour(), clock.minute(), clock.second());
    match clock.microsecond() {
        0 => text,
        micro => format!("{text}.{micro:06}"),
    }
}

/// The UTC clock reading of an instant.
#[must_use]
pub fn to_utc(time: OffsetDateTime) -> PrimitiveDateTime {
    let time = time.to_offset(UtcOffset::UTC);
    PrimitiveDateTime::new(time.date(), time.time())
}

/// The instant a day begins, and the one the next day begins.
#[must_use]
pub fn day(date: Date) -> (OffsetDateTime, OffsetDateTime) {
    let next = date.next_day().unwrap_or(Date::MAX);
    (date.midnight().assume_utc(), next.midnight().assume_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_common_form() {
        let expect = parse_time("2026-11-23T10:11:12Z");
        assert!(expect.is_some());
        for text in [
            "2026-11-23 10:11:12",
            "2026-11-23 10:11:12+00",
            "2026-11-23T12:11:12+02:00",
            "2026-11-23T08:41:12-0130",
            " 2026-11-23 10:11:12Z ",
        ] {
            assert_eq!(parse_time(text), expect, "{text}");
        }
        assert_eq!(parse_time("2026-11-23"), parse_time("2026-11-23 00:00"));
        for text in ["", "infinity", "0000-00-00", "23.11.2026", "2026-11-23 25:00:00", "é"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_written_without_zone() {
        let time = parse_time("2026-11-23T11:11:12.5+01:00").unwrap();
        assert_eq!(format_time(time), "2026-11-23 10:11:12.500000");
        assert_eq!(parse_time(&format_time(time)), Some(time));
    }

    #[test]
    fn coercion_table() {
        let t = |s: &str| Value::from(s);
        let cases: &[(Value, FieldKind, Option<Value>)] = &[
            (t(" 5 "), FieldKind::Int, Some(Value::Int(5))),
            (t("5.0"), FieldKind::Int, Some(Value::Int(5))),
            (t("5.5"), FieldKind::Int, None),
            (t("5 apples"), FieldKind::Int, None),
            (t("99999999999999999999"), FieldKind::Int, None),
            (t("1e1000000000"), FieldKind::Decimal, None),
            (t("5e0"), FieldKind::Int, None),
            (t("-0.50"), FieldKind::Decimal, Some(Value::Decimal("-0.5".parse().unwrap()))),
            (t("T"), FieldKind::Bool, Some(Value::Bool(true))),
            (Value::Int(0), FieldKind::Bool, Some(Value::Bool(false))),
            (Value::Int(2), FieldKind::Bool, None),
            (Value::Bool(true), FieldKind::Int, Some(Value::Int(1))),
            (Value::Bytes(vec![0xff]), FieldKind::Text, None),
            (Value::Bytes(b"abc".to_vec()), FieldKind::Text, Some(t("abc"))),
            (t("2026-11-23 10:00:00"), FieldKind::Date, try_coerce(&t("2026-11-23"), FieldKind::Date)),
        ];
        for (value, kind, expect) in cases {
            assert_eq!(&try_coerce(value, *kind), expect, "{value:?} as {kind:?}");
        }
    }
}
