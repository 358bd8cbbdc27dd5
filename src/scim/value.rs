//! Values of attributes: what fits a data type, and when two values are the
//! same (RFC 7643 §2.3).

use std::cmp::Ordering;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use time::{
    OffsetDateTime, PrimitiveDateTime, UtcOffset,
    format_description::well_known::{Iso8601, Rfc3339},
};

use crate::scim::{
    Json,
    schema::{DataType, SchemaAttribute},
    text::comparable,
};

/// Reads an `xsd:dateTime`; one without an offset is UTC. `None` if it is not a date with a time.
#[must_use]
pub fn instant(text: &str) -> Option<OffsetDateTime> {
    if !text.contains(['T', 't']) {
        return None;
    }
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .or_else(|| OffsetDateTime::parse(text, &Iso8601::DEFAULT).ok())
        .or_else(|| PrimitiveDateTime::parse(text, &Iso8601::DEFAULT).ok().map(PrimitiveDateTime::assume_utc))
}

/// Decodes base64 in either alphabet, with or without padding (RFC 4648 §4, §5).
#[must_use]
pub fn bytes(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [alphabet::STANDARD, alphabet::URL_SAFE]
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, config).decode(text).ok())
}

/// Reads `true` or `false` in any case, as some clients write booleans.
#[must_use]
pub fn boolean(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// True if the attribute has no data: null, `""`, `[]` or `{}` (RFC 7643 §2.5).
#[must_use]
pub fn is_absent(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(list) => list.iter().all(is_absent),
        Json::Object(object) => object.values().all(is_absent),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Compares two numbers by value, whatever their spelling.
#[must_use]
pub fn compare_numbers(a: &Json, b: &Json) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        return Some(a.cmp(&b));
    }
    if let (Some(a), Some(b)) = (a.as_u64(), b.as_u64()) {
        return Some(a.cmp(&b));
    }
    a.as_f64()?.partial_cmp(&b.as_f64()?)
}

/// True if both values are the same value of this attribute: instants, numbers and, by `caseExact`, text.
#[must_use]
pub fn same(attribute: &SchemaAttribute, a: &Json, b: &Json) -> bool {
    if a == b {
        return true;
    }
    match (a, b) {
        (Json::String(a), Json::String(b)) => match attribute.data_type {
            DataType::DateTime => instant(a).is_some_and(|a| Some(a) == instant(b)),
            DataType::Binary => bytes(a).is_some_and(|a| Some(a) == bytes(b)),
            DataType::Reference => same_reference(a, b),
            _ => comparable(a, attribute.case_exact) == comparable(b, attribute.case_exact),
        },
        (Json::Number(_), Json::Number(_)) => compare_numbers(a, b) == Some(Ordering::Equal),
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, value)| {
                    right.get(name).is_some_and(|other| match attribute.find_sub(name) {
                        Some(sub) => same(sub, value, other),
                        None => value == other,
                    })
                })
        }
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(a, b)| same(attribute, a, b))
        }
        _ => false,
    }
}

/// True if two URIs name the same resource: equal, or one is the relative form of the other.
#[must_use]
pub fn same_reference(a: &str, b: &str) -> bool {
    let is_end_of = |absolute: &str, relative: &str| {
        let tail = relative.trim_start_matches("../").trim_start_matches('/');
        absolute.contains("://")
            && !relative.contains("://")
            && tail.contains('/')
            && absolute.strip_suffix(tail).is_some_and(|head| head.ends_with('/'))
    };
    a == b || is_end_of(a, b) || is_end_of(b, a)
}

/// What a JSON value is, for an error's text.
#[must_use]
pub fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

/// What a data type wants, for an error's text.
#[must_use]
pub fn wanted(data_type: DataType) -> &'static str {
    match data_type {
        DataType::String => "a string",
        DataType::Boolean => "a boolean",
        DataType::Decimal => "a number",
        DataType::Integer => "a number without fraction",
        DataType::DateTime => "a date and time such as `2011-05-13T04:42:34Z`",
        DataType::Binary => "base64 text",
        DataType::Reference => "a URI as a string",
        DataType::Complex => "an object",
    }
}

/// True if a scalar fits the data type; complex is never a scalar.
#[must_use]
pub fn fits(data_type: DataType, value: &Json) -> bool {
    match (data_type, value) {
        (DataType::String | DataType::Reference, Json::String(text)) => !text.contains('\0'),
        (DataType::Boolean, Json::Bool(_)) | (DataType::Decimal, Json::Number(_)) => true,
        (DataType::Integer, Json::Number(number)) => !number.is_f64(),
        (DataType::DateTime, Json::String(text)) => instant(text).is_some(),
        (DataType::Binary, Json::String(text)) => bytes(text).is_some(),
        _ => false,
    }
}

/// The one spelling of a value that [`fits`] its type: instants in UTC, bytes as padded base64, decimals
/// with a point (RFC 7643 §2.3.3, §2.3.5, §2.3.6). So equal values are equal JSON.
#[must_use]
pub fn canonical(data_type: DataType, value: &Json) -> Json {
    let spelled = match (data_type, value) {
        (DataType::DateTime, Json::String(text)) => {
            instant(text).and_then(|t| t.to_offset(UtcOffset::UTC).format(&Rfc3339).ok()).map(Json::from)
        }
        (DataType::Binary, Json::String(text)) => bytes(text).map(|bytes| STANDARD.encode(bytes).into()),
        (DataType::Decimal, Json::Number(number)) => number.as_i64().map(decimal_of_integer),
        (DataType::Integer, Json::Number(number)) if number.is_f64() => {
            number.as_f64().and_then(integer_of_decimal)
        }
        _ => None,
    };
    spelled.unwrap_or_else(|| value.clone())
}

/// A whole number as a decimal, `5.0`; one that a double cannot hold exactly stays as it is.
#[must_use]
pub fn decimal_of_integer(number: i64) -> Json {
    #[expect(clippy::cast_precision_loss, reason = "those that would lose digits are not cast")]
    let exact = (number.unsigned_abs() <= 1 << 53).then_some(number as f64);
    exact.and_then(serde_json::Number::from_f64).map_or_else(|| number.into(), Json::Number)
}

/// A decimal without a fraction as a whole number, `5`; none that a double cannot hold exactly.
fn integer_of_decimal(number: f64) -> Option<Json> {
    #[expect(clippy::cast_possible_truncation, reason = "those that would lose digits are not cast")]
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then(|| Json::from(number as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dates_need_a_time_and_compare_as_instants() {
        // 7643-2.3.5-a
        for good in [
            "2011-05-13T04:42:34Z",
            "2011-05-13T04:42:34.123Z",
            "2011-05-13T06:42:34+02:00",
            "2011-05-13T04:42:34",
        ] {
            assert!(instant(good).is_some(), "{good}");
        }
        for bad in ["2011-05-13", "yesterday", "", "2011-05-13T", "2011-13-13T04:42:34Z"] {
            assert!(instant(bad).is_none(), "{bad}");
        }
        assert_eq!(instant("2011-05-13T06:42:34+02:00"), instant("2011-05-13T04:42:34Z"));
    }

    #[test]
    fn a_relative_reference_equals_its_absolute_form() {
        assert!(same_reference("https://x.example/scim/v2/Users/a", "../Users/a"));
        assert!(same_reference("/scim/v2/Users/a", "https://x.example/scim/v2/Users/a"));
        assert!(!same_reference("https://x.example/scim/v2/Users/a", "a"));
        assert!(!same_reference("https://x.example/scim/v2/Users/a", "../Users/b"));
    }

    #[test]
    fn numbers_compare_by_value() {
        assert_eq!(compare_numbers(&json!(1), &json!(1.0)), Some(Ordering::Equal));
        assert_eq!(compare_numbers(&json!(u64::MAX), &json!(1)), Some(Ordering::Greater));
        assert!(!fits(DataType::Integer, &json!(1.5)));
        assert!(fits(DataType::Decimal, &json!(1)));
    }

    #[test]
    fn binary_is_base64_in_both_alphabets() {
        // 7643-2.3.6-a
        assert!(fits(DataType::Binary, &json!("aGVsbG8=")) && fits(DataType::Binary, &json!("aGVsbG8")));
        assert!(fits(DataType::Binary, &json!("-_-_")) && !fits(DataType::Binary, &json!("a b")));
    }

    #[test]
    fn equal_values_have_one_spelling() {
        // 7643-2.3.3-a, 7643-2.3.5-a, 7643-2.3.6-a
        use DataType::{Binary, DateTime, Decimal, Integer, String};
        for (data_type, given, spelled) in [
            (DateTime, json!("2011-05-13T06:42:34+02:00"), json!("2011-05-13T04:42:34Z")),
            (DateTime, json!("2011-05-13T04:42:34.250"), json!("2011-05-13T04:42:34.25Z")),
            (Binary, json!("-_-_"), json!("+/+/")),
            (Binary, json!("aGVsbG8"), json!("aGVsbG8=")),
            (Decimal, json!(5), json!(5.0)),
            (Decimal, json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_993_i64)),
            (Decimal, json!(-0.5), json!(-0.5)),
            (Integer, json!(5), json!(5)),
            (Integer, json!(9.0), json!(9)),
            (Integer, json!(9.5), json!(9.5)),
            (Integer, json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_993_i64)),
            (String, json!("2011-05-13T06:42:34+02:00"), json!("2011-05-13T06:42:34+02:00")),
        ] {
            assert_eq!(canonical(data_type, &given), spelled, "{given}");
        }
    }
}
