//! Field lenses with codecs of every kind.

use proptest::{prelude::*, sample::select as pick};
use serde_json::json;
use time::OffsetDateTime;

use super::{
    Case,
    values::{any_text, cell, cut, instant, sent, sent_instant, text},
};
use crate::{scim::Json, store::Value};

fn string(json: &Json) -> &str {
    json.as_str().unwrap_or_default()
}

fn coded(mapping: &'static str, attribute: &'static str, reads_as: fn(&Json) -> Option<Json>) -> Case {
    Case { reads_as, ..Case::of(attribute, mapping, any_text(), sent()) }
}

#[test]
fn letters() {
    // `ß` has no capital of its own.
    let lower = |v: &Json| Some(string(v).to_lowercase().into());
    let upper = |v: &Json| Some(string(v).to_uppercase().replace("SS", "ß").into());
    coded("'urn:example:Laws:text' = { field = 'c', codec = 'lower' }", "text", lower).holds();
    coded("'urn:example:Laws:word' = { field = 'c', codec = 'lower' }", "word", lower).holds();
    coded("'urn:example:Laws:text' = { field = 'c', codec = 'upper' }", "text", upper).holds();
}

/// What has no normal form is refused.
#[test]
fn trimming() {
    let trim = |v: &Json| Some(string(v).trim().into());
    let case = coded("'urn:example:Laws:text' = { field = 'c', codec = 'trim' }", "text", trim);
    Case { refuses: |v| string(v).trim().is_empty(), ..case }.holds();
    let digits = |v: &Json| Some(string(v).replace(|c: char| !c.is_ascii_digit(), "").into());
    let case = coded("'urn:example:Laws:text' = { field = 'c', codec = 'digits' }", "text", digits);
    Case { refuses: |v| !string(v).contains(|c: char| c.is_ascii_digit()), ..case }.holds();
}

#[test]
fn parts_of_text() {
    let swap = |v: &Json| Some(string(v).replace('_', "-").into());
    coded("'urn:example:Laws:text' = { field = 'c', codec = 'swap:_:-' }", "text", swap).holds();
    let same = |v: &Json| Some(v.clone());
    let case = coded("'urn:example:Laws:text' = { field = 'c', codec = 'prefix:a' }", "text", same);
    Case { refuses: |v| !string(v).starts_with('a'), ..case }.holds();
    let case = coded("'urn:example:Laws:text' = { field = 'c', codec = 'suffix:a' }", "text", same);
    Case { refuses: |v| !string(v).ends_with('a'), ..case }.holds();
    coded("'urn:example:Laws:text' = { field = 'c', codec = 'strip:a' }", "text", same).holds();
    coded("'urn:example:Laws:text' = { field = 'c', codec = 'strip_end:a' }", "text", same).holds();
}

/// The items after the first are not ours.
#[test]
fn the_head_of_a_list() {
    let head = |v: &Json| Some(string(v).trim().into());
    let stored = cell(pick(vec!["a,b", "a, b", ",b", "a", " a ,b,c"]).prop_map(Value::from).boxed());
    let mapping = "'urn:example:Laws:text' = { field = 'c', codec = 'head:,' }";
    let case = Case { reads_as: head, ..Case::of("text", mapping, stored.clone(), sent()) };
    Case { refuses: |v| string(v).contains(',') || string(v).trim().is_empty(), ..case }.holds();
    let mapping = super::world::mapping(mapping);
    let world = super::World::new(
        &mapping,
        &super::world::people(Just(vec!["a, b".into()]).boxed())
            .new_tree(&mut proptest::test_runner::TestRunner::deterministic())
            .unwrap()
            .current(),
    );
    let record = world.load(1).unwrap();
    let current = world.read(&record, &crate::scim::Object::new());
    let mut wanted = current.clone();
    super::world::set(&mut wanted, "text", Some(json!("z")));
    world.write(&record, &current, &wanted).unwrap();
    assert_eq!(world.values(&world.load(1).unwrap(), "c"), vec![Value::from("z, b")]);
}

/// Lines end alike, whatever the client's ends are.
#[test]
fn lines() {
    let lf = |v: &Json| Some(string(v).replace("\r\n", "\n").into());
    coded("'urn:example:Laws:text' = { field = 'c', codec = 'postal' }", "text", lf).holds();
    coded("'urn:example:Laws:text' = { field = 'c', codec = 'crlf' }", "text", lf).holds();
}

#[test]
fn bytes() {
    let raw = proptest::collection::vec(any::<u8>(), 1..4);
    let stored = prop_oneof![4 => raw.prop_map(|b| vec![Value::Bytes(b)]), 1 => Just(Vec::new())].boxed();
    let hex = pick(vec![json!("00ff"), json!("ab"), json!("AB"), json!("no"), json!("a")]).boxed();
    for (mapping, attribute) in [
        ("'urn:example:Laws:text' = { field = 'c', codec = 'hex' }", "text"),
        ("'urn:example:Laws:word' = { field = 'c', codec = 'hex' }", "word"),
    ] {
        let case = Case::of(attribute, mapping, stored.clone(), hex.clone());
        let reads_as = |v: &Json| Some(string(v).to_lowercase().into());
        Case { refuses: |v| hex::decode(string(v)).is_err(), reads_as, ..case }.holds();
    }
    let base64 = pick(vec![json!("AAE="), json!("AA=="), json!("AA"), json!("no!")]).boxed();
    let mapping = "'urn:example:Laws:word' = { field = 'c', codec = 'base64' }";
    let case = Case::of("word", mapping, stored, base64);
    Case { refuses: |v| !string(v).ends_with('='), ..case }.holds();
}

/// Names and letters are one country; what no list has is refused, and read as it stands.
#[test]
fn countries() {
    let stored = cell(pick(vec!["IE", "ie", "TR", "XK", "Erin"]).prop_map(Value::from).boxed());
    let names = ["Ireland", "ireland", "IE", "irl", "Turkey", "Türkiye", "tr", "XK", "Atlantis"];
    let sent = pick(names.to_vec()).prop_map(Json::from).boxed();
    let refuses = |v: &Json| matches!(string(v), "XK" | "Atlantis");
    fn pick_name(v: &Json, irish: &str, turkish: &str) -> Option<Json> {
        Some(if string(v).to_lowercase().starts_with('i') { irish } else { turkish }.into())
    }
    for attribute in ["text", "word"] {
        let mapping = format!("'urn:example:Laws:{attribute}' = {{ field = 'c', codec = 'country' }}").leak();
        let reads_as = |v: &Json| pick_name(v, "IE", "TR");
        let case = Case::of(attribute, mapping, stored.clone(), sent.clone());
        Case { refuses, reads_as, ..case }.holds();
        let mapping =
            format!("'urn:example:Laws:{attribute}' = {{ field = 'c', codec = 'country:name' }}").leak();
        let reads_as = |v: &Json| pick_name(v, "Ireland", "Türkiye");
        let case = Case::of(attribute, mapping, stored.clone(), sent.clone());
        Case { refuses, reads_as, ..case }.holds();
    }
}

#[test]
fn guids() {
    let raw =
        pick(vec![[0_u8; 16], [7; 16], *b"0123456789abcdef"]).prop_map(|b| vec![Value::Bytes(b.to_vec())]);
    let stored = prop_oneof![4 => raw, 1 => Just(Vec::new()), 1 => Just(vec![Value::Bytes(vec![1])])].boxed();
    let sent = pick(vec![
        json!("07070707-0707-0707-0707-070707070707"),
        json!("{07070707-0707-0707-0707-070707070707}"),
        json!("33323130-3534-3736-3839-616263646566"),
        json!("33323130-3534-3736-3839-61626364656F"),
        json!("none"),
    ])
    .boxed();
    let case = Case::of("word", "'urn:example:Laws:word' = { field = 'c', codec = 'guid_le' }", stored, sent);
    let reads_as = |v: &Json| Some(string(v).parse::<uuid::Uuid>().ok()?.to_string().into());
    Case { refuses: |v| v == "none", reads_as, ..case }.holds();
}

#[test]
fn words_for_numbers_and_truths() {
    let stored = cell(pick(vec!["7", "007", "1.50", "x"]).prop_map(Value::from).boxed());
    let level = (0..9_i64).prop_map(Json::from).boxed();
    Case::of("level", "'urn:example:Laws:level' = { field = 'c', codec = 'number' }", stored, level).holds();
    let stored = cell(pick(vec!["Y", "y", "N", "x"]).prop_map(Value::from).boxed());
    let truth = any::<bool>().prop_map(Json::from).boxed();
    Case::of("vip", "'urn:example:Laws:vip' = { field = 'c', codec = 'bool:Y:N' }", stored, truth).holds();
}

/// A form of time keeps a multiple of its unit.
struct Time {
    mapping: &'static str,
    reads_as: fn(&Json) -> Option<Json>,
    stored: fn(OffsetDateTime) -> Value,
}

const TIMES: &[Time] = &[
    Time {
        mapping: "'urn:example:Laws:since' = { field = 'c', codec = 'date' }",
        reads_as: |v| cut(v, 86_400_000),
        stored: |t| Value::Date(t.date()),
    },
    Time {
        mapping: "'urn:example:Laws:since' = { field = 'c', codec = 'date' }",
        reads_as: |v| cut(v, 86_400_000),
        stored: Value::Time,
    },
    Time {
        mapping: "'urn:example:Laws:since' = { field = 'c', codec = 'datetime:UTC' }",
        reads_as: |v| cut(v, 1),
        stored: Value::Time,
    },
    Time {
        mapping: "'urn:example:Laws:since' = { field = 'c', codec = 'datetime:UTC' }",
        reads_as: |v| cut(v, 1),
        stored: |t| crate::store::coerce::format_time(t).into(),
    },
    Time {
        mapping: "'urn:example:Laws:since' = { field = 'c', codec = 'datetime:+01:30' }",
        reads_as: |v| cut(v, 1),
        stored: Value::Time,
    },
    Time {
        mapping: "'urn:example:Laws:since' = { field = 'c', codec = 'epoch' }",
        reads_as: |v| cut(v, 1000),
        stored: |t| t.unix_timestamp().into(),
    },
    Time {
        mapping: "'urn:example:Laws:since' = { field = 'c', codec = 'epoch' }\n[User.fields]\nc = { type = 'int' }",
        reads_as: |v| cut(v, 1000),
        stored: |t| t.unix_timestamp().to_string().into(),
    },
    Time {
        mapping: "'urn:example:Laws:since' = { field = 'c', codec = 'epoch_ms' }",
        reads_as: |v| cut(v, 1),
        stored: |t| (t.unix_timestamp() * 1000 + i64::from(t.millisecond())).into(),
    },
    Time {
        mapping: "'urn:example:Laws:since' = { field = 'c', codec = 'days' }",
        reads_as: |v| cut(v, 86_400_000),
        stored: |t| t.unix_timestamp().div_euclid(86_400).into(),
    },
    Time {
        mapping: "'urn:example:Laws:since' = { field = 'c', codec = 'generalized_time' }",
        reads_as: |v| cut(v, 1000),
        // In their usual spelling: a directory compares them by their meaning.
        stored: |t| {
            let (d, c) = (t.date(), t.time());
            let month = u8::from(d.month());
            let (h, m, s) = (c.hour(), c.minute(), c.second());
            format!("{:04}{month:02}{:02}{h:02}{m:02}{s:02}Z", d.year(), d.day()).into()
        },
    },
    Time {
        mapping: "'urn:example:Laws:since' = { field = 'c', codec = 'filetime' }",
        reads_as: |v| cut(v, 1),
        stored: |t| {
            ((t.unix_timestamp() + 11_644_473_600) * 10_000_000 + i64::from(t.nanosecond()) / 100).into()
        },
    },
    Time {
        mapping: "'urn:example:Laws:since' = { field = 'c', codec = 'time:[year]/[month]/[day] [hour]:[minute]' }",
        reads_as: |v| cut(v, 60_000),
        stored: |t| {
            let (d, c) = (t.date(), t.time());
            let month = u8::from(d.month());
            format!("{:04}/{month:02}/{:02} {:02}:{:02}", d.year(), d.day(), c.hour(), c.minute()).into()
        },
    },
];

#[test]
fn times() {
    for time in TIMES {
        let own = instant().prop_map(|t| vec![(time.stored)(t)]);
        // A column of numbers holds numbers; in text anything may stand.
        let is_number = matches!((time.stored)(OffsetDateTime::UNIX_EPOCH), Value::Int(_))
            || time.mapping.contains("int");
        let stored = prop_oneof![
            6 => own,
            1 => Just(Vec::new()),
            1 => text().prop_map(move |t| if is_number { Vec::new() } else { vec![format!("no time: {t}").into()] }),
        ];
        let case = Case::of("since", time.mapping, stored.boxed(), sent_instant());
        Case { reads_as: time.reads_as, ..case }.holds();
    }
}
