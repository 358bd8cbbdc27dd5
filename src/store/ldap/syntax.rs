//! Values as LDAP strings and back (RFC 4517): integers, booleans, generalized time, octets.
//!
//! A field's declared [`FieldKind`] decides, never the look of the octets: a
//! photo that happens to be UTF-8 stays octets. A value that does not fit its
//! declared kind stays text (or octets), so that one odd entry cannot spoil a
//! listing; the mapping reports it where it is used.

use bigdecimal::BigDecimal;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use crate::store::{FieldKind, Value};

/// The octets of a value.
pub(super) fn encode(value: &Value, kind: FieldKind) -> Vec<u8> {
    match value {
        Value::Text(text) if kind == FieldKind::Bool => text.to_ascii_uppercase().into_bytes(),
        Value::Bool(true) => b"TRUE".to_vec(),
        Value::Bool(false) => b"FALSE".to_vec(),
        Value::Bytes(bytes) => bytes.clone(),
        Value::Time(time) => generalized_time(*time).into_bytes(),
        Value::Date(date) => generalized_time(date.midnight().assume_utc()).into_bytes(),
        Value::Text(_) | Value::Int(_) | Value::Decimal(_) => value.to_text().into_bytes(),
    }
}

/// The value of some octets.
pub(super) fn decode(octets: Vec<u8>, kind: FieldKind) -> Value {
    if kind == FieldKind::Bytes {
        return Value::Bytes(octets);
    }
    let text = match String::from_utf8(octets) {
        Ok(text) => text,
        Err(error) => return Value::Bytes(error.into_bytes()),
    };
    let typed = match kind {
        FieldKind::Int => text.parse().ok().map(Value::Int),
        FieldKind::Bool if text.eq_ignore_ascii_case("TRUE") => Some(Value::Bool(true)),
        FieldKind::Bool if text.eq_ignore_ascii_case("FALSE") => Some(Value::Bool(false)),
        FieldKind::Decimal => text.parse::<BigDecimal>().ok().map(Value::Decimal),
        FieldKind::Time => parse_generalized_time(&text).map(Value::Time),
        FieldKind::Date => parse_generalized_time(&text).map(|t| Value::Date(t.date())),
        FieldKind::Bool | FieldKind::Any | FieldKind::Text | FieldKind::Bytes | FieldKind::Dn => None,
    };
    typed.unwrap_or(Value::Text(text))
}

/// RFC 4517 §3.3.13, in UTC, with a fraction only if there is one.
fn generalized_time(time: OffsetDateTime) -> String {
    let t = time.to_offset(UtcOffset::UTC);
    let mut text = format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}",
        t.year(),
        u8::from(t.month()),
        t.day(),
        t.hour(),
        t.minute(),
        t.second()
    );
    if t.microsecond() != 0 {
        text.push_str(format!(".{:06}", t.microsecond()).trim_end_matches('0'));
    }
    text.push('Z');
    text
}

/// Reads `YYYYMMDDHH[MM[SS]][(.|,)fraction](Z|±HH[MM])`.
fn parse_generalized_time(text: &str) -> Option<OffsetDateTime> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, rest) = text.split_at_checked(digits_end)?;
    let number = |from: usize, to: usize| digits.get(from..to).and_then(|d| d.parse::<u8>().ok());
    let year = digits.get(..4)?.parse().ok()?;
    let date = Date::from_calendar_date(year, Month::try_from(number(4, 6)?).ok()?, number(6, 8)?).ok()?;
    let (minute, second, unit_nanos) = match digits.len() {
        10 => (0, 0, 3_600_000_000_000_u128),
        12 => (number(10, 12)?, 0, 60_000_000_000),
        14 => (number(10, 12)?, number(12, 14)?.min(59), 1_000_000_000),
        _ => return None,
    };
    let (fraction, zone) = match rest.strip_prefix(['.', ',']) {
        Some(rest) => rest.split_at_checked(rest.find(|c: char| !c.is_ascii_digit())?)?,
        None => ("", rest),
    };
    let time = Time::from_hms(number(8, 10)?, minute, second).ok()?;
    let local = PrimitiveDateTime::new(date, time).assume_offset(parse_zone(zone)?);
    let fraction = fraction.get(..fraction.len().min(9))?;
    let nanos = match fraction {
        "" => 0,
        f => f.parse::<u128>().ok()? * unit_nanos / 10_u128.pow(u32::try_from(f.len()).ok()?),
    };
    local.checked_add(time::Duration::nanoseconds(i64::try_from(nanos).ok()?))
}

fn parse_zone(zone: &str) -> Option<UtcOffset> {
    if zone == "Z" {
        return Some(UtcOffset::UTC);
    }
    let sign = match zone.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let hours: i8 = zone.get(1..3)?.parse().ok()?;
    let minutes: i8 = match zone.len() {
        3 => 0,
        5 => zone.get(3..5)?.parse().ok()?,
        _ => return None,
    };
    UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn values_survive_the_wire() {
        for (value, kind, octets) in [
            (Value::from("Zoë"), FieldKind::Text, "Zoë".as_bytes()),
            (Value::Int(-7), FieldKind::Int, b"-7"),
            (Value::Bool(true), FieldKind::Bool, b"TRUE"),
            (Value::Bool(false), FieldKind::Bool, b"FALSE"),
            (Value::Time(datetime!(2026-11-25 03:04:05 UTC)), FieldKind::Time, b"20261125030405Z"),
            (Value::Time(datetime!(2026-11-25 03:04:05.25 UTC)), FieldKind::Time, b"20261125030405.25Z"),
            (Value::Date(date!(2026 - 11 - 25)), FieldKind::Date, b"20261125000000Z"),
            (Value::Bytes(vec![0xff, 0]), FieldKind::Bytes, &[0xff, 0]),
            (Value::Bytes(b"text".to_vec()), FieldKind::Bytes, b"text"),
        ] {
            assert_eq!(encode(&value, kind), octets);
            assert_eq!(decode(octets.to_vec(), kind), value);
        }
    }

    #[test]
    fn generalized_time_in_all_its_forms() {
        for (text, expect) in [
            ("2026112503Z", datetime!(2026-11-25 03:00:00 UTC)),
            ("202611250304Z", datetime!(2026-11-25 03:04:00 UTC)),
            ("20261125030405.0Z", datetime!(2026-11-25 03:04:05 UTC)),
            ("20261125030405,123456Z", datetime!(2026-11-25 03:04:05.123456 UTC)),
            ("2026112503.5Z", datetime!(2026-11-25 03:30:00 UTC)),
            ("20261125030405+0130", datetime!(2026-11-25 03:04:05 +1:30)),
            ("20261125030405-05", datetime!(2026-11-25 03:04:05 -5)),
            ("20261231235960Z", datetime!(2026-12-31 23:59:59 UTC)),
        ] {
            assert_eq!(parse_generalized_time(text), Some(expect), "{text}");
        }
        for text in
            ["", "2026", "20261125", "20261325030405Z", "20261125030405", "20261125030405.Z9", "2026112503é"]
        {
            assert_eq!(parse_generalized_time(text), None, "{text}");
        }
    }

    #[test]
    fn a_value_of_the_wrong_kind_stays_what_it_is() {
        assert_eq!(decode(b"many".to_vec(), FieldKind::Int), "many".into());
        assert_eq!(decode(b"maybe".to_vec(), FieldKind::Bool), "maybe".into());
        assert_eq!(decode(vec![0xff], FieldKind::Text), Value::Bytes(vec![0xff]));
    }
}
