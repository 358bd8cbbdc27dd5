//! The time forms of stores: each turns into an instant (or a date) and back.

use time::{
    Date, Duration, OffsetDateTime, PrimitiveDateTime, UtcOffset,
    format_description::{BorrowedFormatItem, OwnedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

use crate::{
    mapping::codec::{CodecError, Stored, wrong},
    store::Value,
};

/// A form of time in a store.
#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    Date,
    /// A timestamp without zone, meant at this offset.
    DateTime(UtcOffset),
    Epoch,
    EpochMillis,
    /// Days since 1970-01-01.
    Days,
    GeneralizedTime,
    /// 100-nanosecond steps since 1601-01-01 UTC (Active Directory).
    FileTime,
    /// Own format, in the notation of the `time` crate: `[year]-[month]-[day]`.
    Custom(OwnedFormatItem, String),
}

const FILETIME_EPOCH_SECS: i64 = -11_644_473_600;
const GENERALIZED: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day][hour][minute][second]Z");
const PLAIN: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

impl Form {
    /// Parses a form; `Ok(None)` if no time form has this name.
    pub(super) fn parse(name: &str, argument: Option<&str>) -> Result<Option<Self>, String> {
        Ok(Some(match name {
            "date" => Self::Date,
            "datetime" => Self::DateTime(match argument {
                None | Some("UTC" | "Z") => UtcOffset::UTC,
                Some(text) => {
                    parse_offset(text).ok_or("`datetime:` takes UTC or an offset such as +01:00")?
                }
            }),
            "epoch" => Self::Epoch,
            "epoch_ms" => Self::EpochMillis,
            "days" => Self::Days,
            "generalized_time" => Self::GeneralizedTime,
            "filetime" => Self::FileTime,
            "time" => {
                let text = argument.ok_or("`time:FORMAT` needs a format")?;
                let format = time::format_description::parse_owned::<2>(text).map_err(|e| e.to_string())?;
                Self::Custom(format, text.to_owned())
            }
            _ => return Ok(None),
        }))
    }

    /// What the stored form is.
    pub(super) fn stored(&self) -> Stored {
        match self {
            Self::Date => Stored::Day,
            Self::DateTime(_) => Stored::Time,
            Self::Epoch | Self::EpochMillis | Self::Days | Self::FileTime => Stored::Number,
            Self::GeneralizedTime | Self::Custom(..) => Stored::Text,
        }
    }

    /// True if the stored form is coarser than an instant.
    pub(super) fn loses(&self) -> bool {
        !matches!(self, Self::FileTime)
    }

    /// True if the stored values are ordered as the instants are.
    pub(super) fn keeps_order(&self) -> bool {
        !matches!(self, Self::Custom(..) | Self::GeneralizedTime)
    }

    pub(super) fn decode(&self, value: &Value) -> Result<Value, CodecError> {
        let int = || value.to_text().trim().parse::<i64>().map_err(|_| wrong("a whole number"));
        let instant =
            |secs: i64| OffsetDateTime::from_unix_timestamp(secs).map_err(|_| wrong("a time in range"));
        Ok(match self {
            Self::Date => match value {
                Value::Date(d) => Value::Time(d.midnight().assume_utc()),
                Value::Time(t) => Value::Time(t.date().midnight().assume_utc()),
                other => Value::Time(parse_date(&other.to_text())?.midnight().assume_utc()),
            },
            Self::DateTime(offset) => match value {
                Value::Time(t) => Value::Time(
                    PrimitiveDateTime::new(t.date(), t.time())
                        .assume_offset(*offset)
                        .to_offset(UtcOffset::UTC),
                ),
                other => Value::Time(parse_plain(&other.to_text(), *offset)?),
            },
            Self::Epoch => Value::Time(instant(int()?)?),
            Self::EpochMillis => {
                let millis = int()?;
                Value::Time(
                    instant(millis.div_euclid(1000))? + Duration::milliseconds(millis.rem_euclid(1000)),
                )
            }
            Self::Days => Value::Time(instant(int()?.saturating_mul(86_400))?),
            Self::GeneralizedTime => match value {
                Value::Time(t) => Value::Time(*t),
                other => Value::Time(parse_generalized(&other.to_text())?),
            },
            Self::FileTime => {
                let ticks = int()?;
                let base = instant(FILETIME_EPOCH_SECS)?;
                Value::Time(
                    base + Duration::seconds(ticks / 10_000_000)
                        + Duration::nanoseconds(ticks % 10_000_000 * 100),
                )
            }
            Self::Custom(format, _) => {
                let text = value.to_text();
                let date_time = PrimitiveDateTime::parse(&text, format)
                    .or_else(|_| Date::parse(&text, format).map(Date::midnight))
                    .map_err(|_| wrong("a time in the mapping's format"))?;
                Value::Time(date_time.assume_utc())
            }
        })
    }

    pub(super) fn encode(&self, value: &Value) -> Result<Value, CodecError> {
        let when = match value {
            Value::Time(t) => *t,
            Value::Date(d) => d.midnight().assume_utc(),
            other => OffsetDateTime::parse(&other.to_text(), &Rfc3339)
                .map_err(|_| wrong("a date and time such as 2026-01-31T08:00:00Z"))?,
        };
        let utc = when.to_offset(UtcOffset::UTC);
        Ok(match self {
            Self::Date => Value::Date(utc.date()),
            Self::DateTime(offset) => {
                let local = when.to_offset(*offset);
                Value::Time(PrimitiveDateTime::new(local.date(), local.time()).assume_utc())
            }
            Self::Epoch => Value::Int(utc.unix_timestamp()),
            Self::EpochMillis => Value::Int(utc.unix_timestamp() * 1000 + i64::from(utc.millisecond())),
            Self::Days => Value::Int(utc.unix_timestamp().div_euclid(86_400)),
            Self::GeneralizedTime => utc.format(GENERALIZED).map_err(|_| wrong("a time in range"))?.into(),
            Self::FileTime => Value::Int(
                (utc.unix_timestamp() - FILETIME_EPOCH_SECS) * 10_000_000 + i64::from(utc.nanosecond()) / 100,
            ),
            Self::Custom(format, _) => {
                utc.format(format).map_err(|_| wrong("a time that the mapping's format can express"))?.into()
            }
        })
    }
}

fn parse_offset(text: &str) -> Option<UtcOffset> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    UtcOffset::from_hms(sign * hours.parse::<i8>().ok()?, sign * minutes.parse::<i8>().ok()?, 0).ok()
}

fn parse_date(text: &str) -> Result<Date, CodecError> {
    let day = text.get(..10).unwrap_or(text);
    Date::parse(day, format_description!("[year]-[month]-[day]")).map_err(|_| wrong("a date"))
}

fn parse_plain(text: &str, offset: UtcOffset) -> Result<OffsetDateTime, CodecError> {
    if let Ok(full) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(full.to_offset(UtcOffset::UTC));
    }
    let text = text.trim_end_matches('Z').replace('T', " ");
    let (seconds, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let plain = PrimitiveDateTime::parse(seconds, PLAIN)
        .or_else(|_| parse_date(seconds).map(Date::midnight))
        .map_err(|_| wrong("a timestamp"))?;
    let nanos: String = format!("{fraction:0<9}").chars().take(9).collect();
    let nanos = nanos.parse().unwrap_or(0);
    Ok(plain.assume_offset(offset).to_offset(UtcOffset::UTC) + Duration::nanoseconds(nanos))
}

/// RFC 4517 §3.3.13: minutes and seconds optional, a fraction, `Z` or an offset.
pub(crate) fn parse_generalized(text: &str) -> Result<OffsetDateTime, CodecError> {
    let bad = || wrong("a generalized time such as 20260131080000Z");
    let (body, offset) = match text.strip_suffix('Z') {
        Some(body) => (body, UtcOffset::UTC),
        None => {
            let at = text.rfind(['+', '-']).ok_or_else(bad)?;
            let (body, zone) = text.split_at(at);
            let zone = match zone.len() {
                3 => format!("{zone}:00"),
                5 => format!("{}:{}", zone.get(..3).ok_or_else(bad)?, zone.get(3..).ok_or_else(bad)?),
                _ => return Err(bad()),
            };
            (body, parse_offset(&zone).ok_or_else(bad)?)
        }
    };
    let (digits, fraction) = body.split_once(['.', ',']).unwrap_or((body, ""));
    let padded = match digits.len() {
        10 => format!("{digits}0000"),
        12 => format!("{digits}00"),
        14 => digits.to_owned(),
        _ => return Err(bad()),
    };
    let format = format_description!("[year][month][day][hour][minute][second]");
    let plain = PrimitiveDateTime::parse(&padded, format).map_err(|_| bad())?;
    let unit = match digits.len() {
        10 => 3600.0,
        12 => 60.0,
        _ => 1.0,
    };
    let part: f64 = format!("0.{fraction}0").parse().map_err(|_| bad())?;
    Ok(plain.assume_offset(offset).to_offset(UtcOffset::UTC) + Duration::seconds_f64(part * unit))
}
