//! Strategies for stored and sent values.

use proptest::{collection::vec, prelude::*, sample::select as pick};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use crate::{scim::Json, store::Value};

/// What codecs, templates, folding and trimming stumble over.
const AWKWARD: &[&str] = &[
    "a", "b", "A", "é", "É", "ß", "K", "\u{212A}", "1", "0", " ", "-", "_", ",", "$", "\\", "\\24", "\\5c",
    "%", "'", "\"", "*", "\n", "\r\n", "x:", "😀", "/", "h://",
];

/// Text that is not empty.
pub(super) fn text() -> BoxedStrategy<String> {
    vec(pick(AWKWARD), 1..4).prop_map(|parts| parts.concat()).boxed()
}

/// A sent text.
pub(super) fn sent() -> BoxedStrategy<Json> {
    text().prop_map(Json::from).boxed()
}

/// A stored cell: nothing, empty text, a number that no [`text`] spells, or what `value` gives.
pub(super) fn cell(value: BoxedStrategy<Value>) -> BoxedStrategy<Vec<Value>> {
    prop_oneof![
        2 => Just(Vec::new()),
        1 => Just(vec![Value::from("")]),
        1 => (20..23_i64).prop_map(|i| vec![i.into()]),
        6 => value.prop_map(|v| vec![v]),
    ]
    .boxed()
}

/// A stored cell of any text.
pub(super) fn any_text() -> BoxedStrategy<Vec<Value>> {
    cell(text().prop_map(Value::from).boxed())
}

/// One of these values, or one of another kind.
pub(super) fn some_of(values: Vec<Value>) -> BoxedStrategy<Vec<Value>> {
    prop_oneof![4 => pick(values).prop_map(|v| vec![v]), 1 => any_text()].boxed()
}

/// Instants, whole or not, before and after 1970.
pub(super) fn instant() -> BoxedStrategy<OffsetDateTime> {
    let seconds = prop_oneof![-86_401..86_401_i64, 1_700_000_000..1_700_200_000_i64];
    let midnight = (-3..20_000_i64).prop_map(|d| d * 86_400);
    (prop_oneof![seconds, midnight], pick(vec![0, 0, 500_000_000, 123_000_000, 123_456_789]))
        .prop_map(|(s, n)| OffsetDateTime::from_unix_timestamp(s).unwrap().replace_nanosecond(n).unwrap())
        .boxed()
}

/// An instant as a client writes it, in some zone.
pub(super) fn sent_instant() -> BoxedStrategy<Json> {
    (instant(), pick(vec![0_i8, 2, -5]))
        .prop_map(|(when, hours)| {
            let zone = UtcOffset::from_hms(hours, 0, 0).unwrap();
            when.to_offset(zone).format(&Rfc3339).unwrap().into()
        })
        .boxed()
}

/// A sent instant, cut to a multiple of `millis`, in the form that all answers have.
pub(super) fn cut(json: &Json, millis: i64) -> Option<Json> {
    let when = OffsetDateTime::parse(json.as_str()?, &Rfc3339).ok()?;
    let all = i64::try_from(when.unix_timestamp_nanos().div_euclid(1_000_000)).ok()?;
    let whole = all.div_euclid(millis) * millis;
    let when = OffsetDateTime::from_unix_timestamp_nanos(i128::from(whole) * 1_000_000).ok()?;
    Some(when.format(&Rfc3339).ok()?.into())
}
