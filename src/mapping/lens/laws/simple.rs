//! Lenses of simple values: fields, maps, texts, states, constants, alternatives.

use proptest::{prelude::*, sample::select as pick};
use serde_json::json;

use super::{
    Case,
    values::{any_text, cell, cut, instant, sent, sent_instant, some_of, text},
};
use crate::{scim::Json, store::Value};

#[test]
fn a_field() {
    for attribute in ["text", "word"] {
        let mapping = if attribute == "text" {
            "'urn:example:Laws:text' = 'c'"
        } else {
            "'urn:example:Laws:word' = 'c'"
        };
        Case::of(attribute, mapping, any_text(), sent()).holds();
    }
    Case::of("text", "'urn:example:Laws:text' = { field = 'c', match = 'exact' }", any_text(), sent())
        .holds();
}

/// A value that is stored as no value is refused.
#[test]
fn what_reads_as_nothing() {
    let dash = || cell(prop_oneof![Just("-".to_owned()), text()].prop_map(Value::from).boxed());
    let sent = || prop_oneof![Just(json!("-")), sent()].boxed();
    for mapping in [
        "'urn:example:Laws:text' = { field = 'c', nothing = '-' }",
        "'urn:example:Laws:text' = { field = 'c', nothing = ['', '@none', '-'] }",
        "'urn:example:Laws:text' = { field = 'c', nothing = ['@none', '-'] }",
    ] {
        Case { refuses: |v| *v == json!("-"), ..Case::of("text", mapping, dash(), sent()) }.holds();
    }
}

#[test]
fn booleans() {
    let stored = vec![Value::Bool(true), Value::Bool(false), 1.into(), 0.into()];
    let stored = prop_oneof![4 => pick(stored).prop_map(|v| vec![v]), 1 => Just(Vec::new())].boxed();
    let sent = any::<bool>().prop_map(Json::from).boxed();
    Case::of("vip", "'urn:example:Laws:vip' = 'c'", stored, sent).holds();
}

#[test]
fn numbers() {
    let stored = (-3..4_i64).prop_map(|i| vec![Value::from(i)]);
    let stored = prop_oneof![4 => stored, 1 => Just(Vec::new())].boxed();
    let whole = (-3..4_i64).prop_map(Json::from).boxed();
    Case::of("level", "'urn:example:Laws:level' = 'c'", stored.clone(), whole).holds();
    let parts = (-12..12_i32).prop_map(|n| json!(f64::from(n) / 4.0)).boxed();
    Case::of("weight", "'urn:example:Laws:weight' = 'c'", stored, parts).holds();
}

#[test]
fn binary_and_references() {
    use base64::Engine as _;
    let bytes = proptest::collection::vec(any::<u8>(), 1..4).boxed();
    let stored = bytes.clone().prop_map(|b| vec![Value::Bytes(b)]);
    let stored = prop_oneof![4 => stored, 1 => Just(Vec::new())].boxed();
    let sent_bytes = bytes.prop_map(|b| base64::engine::general_purpose::STANDARD.encode(b).into()).boxed();
    Case::of("badge", "'urn:example:Laws:badge' = 'c'", stored, sent_bytes).holds();
    Case::of("site", "'urn:example:Laws:site' = 'c'", any_text(), sent()).holds();
}

/// Answers show milliseconds; the field keeps all digits.
#[test]
fn instants() {
    let stored = instant().prop_map(|t| vec![Value::Time(t)]);
    let stored = prop_oneof![4 => stored, 1 => Just(Vec::new())].boxed();
    let case = Case::of("since", "'urn:example:Laws:since' = 'c'", stored, sent_instant());
    Case { reads_as: |v| cut(v, 1), ..case }.holds();
}

fn words() -> BoxedStrategy<Json> {
    prop_oneof![4 => pick(vec![json!("on"), json!("off"), json!("gone")]), 1 => sent()].boxed()
}

fn letters() -> BoxedStrategy<Vec<Value>> {
    some_of(vec!["A".into(), "B".into(), "D".into(), "X".into(), "a".into()])
}

fn is_word(json: &Json) -> bool {
    ["on", "off"].iter().any(|w| json.as_str().is_some_and(|t| t.eq_ignore_ascii_case(w)))
}

fn lower_words(json: &Json) -> Option<Json> {
    if is_word(json) { Some(json.as_str()?.to_lowercase().into()) } else { Some(json.clone()) }
}

/// Of several stored values for one shown value the old one stays; unknown ones read as nothing.
#[test]
fn maps_refuse_what_they_do_not_name() {
    let mapping = "'urn:example:Laws:text' = { field = 'c', map = [['A', 'on'], ['B', 'on'], ['D', 'off']] }";
    let case = Case::of("text", mapping, letters(), words());
    Case { refuses: |v| !is_word(v), reads_as: lower_words, ..case }.holds();
}

/// Of a map that keeps other values, those that are stored names of others are refused.
#[test]
fn maps_that_keep() {
    let mapping =
        "'urn:example:Laws:text' = { field = 'c', map = [['A', 'on'], ['B', 'off']], else = 'keep' }";
    let sent = prop_oneof![3 => words(), 1 => Just(json!("A"))].boxed();
    let case = Case::of("text", mapping, letters(), sent);
    Case { refuses: |v| *v == json!("A"), reads_as: lower_words, ..case }.holds();
}

/// `else` reads as a value that is never written: it stays where it is, and is refused elsewhere.
#[test]
fn maps_with_a_value_for_the_rest() {
    let mapping = "'urn:example:Laws:vip' = { field = 'c', map = [['@none', true], ['D', false]], else = true, \
                   accept_loss = 'others count as true' }";
    let sent = any::<bool>().prop_map(Json::from).boxed();
    Case { always: true, ..Case::of("vip", mapping, letters(), sent) }.holds();
}

/// A text is refused if its parts would compose another one.
#[test]
fn texts() {
    let parts = || cell(pick(vec!["Ana", "Ana Maria", "Silva"]).prop_map(Value::from).boxed());
    let sent = || {
        let word = pick(vec!["Ana", "B", "", " ", "Ana Maria", "\n"]);
        (word.clone(), word).prop_map(|(a, b)| format!("{a} {b}").into()).boxed()
    };
    let fits = |json: &Json| {
        let text = json.as_str().unwrap_or_default();
        text.split_once(' ').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty())
    };
    assert!(fits(&json!("a b")) && !fits(&json!(" b")));
    let case = Case::of("text", "'urn:example:Laws:text' = { text = '{c} {d}' }", parts(), sent());
    Case {
        columns: &["c", "d"],
        refuses: |v| v.as_str().unwrap().split_once(' ').is_none_or(|(a, b)| a.is_empty() || b.is_empty()),
        ..case
    }
    .holds();
    let mapping = "'urn:example:Laws:text' = { text = ['{c} {d}', '{c}'] }";
    let case = Case::of("text", mapping, parts(), prop_oneof![sent(), Just(json!("Cher"))].boxed());
    Case {
        columns: &["c", "d"],
        refuses: |v| v.as_str().unwrap().split_once(' ').is_some_and(|(a, b)| a.is_empty() || b.is_empty()),
        ..case
    }
    .holds();
}

/// A composed text that cannot be written stands behind one of our own.
#[test]
fn alternatives() {
    let mapping = "nickName = ['@side', { text = '{c} {d}', write = 'no' }]";
    Case { always: true, columns: &[], ..Case::of("nickName", mapping, any_text(), sent()) }.holds();
    let mapping = "nickName = [{ field = 'c' }, { field = 'd', write = 'no' }]";
    Case { always: true, ..Case::of("nickName", mapping, any_text(), sent()) }.holds();
}

#[test]
fn states() {
    let letters = some_of(vec!["A".into(), "L".into(), "T".into()]);
    // A column of bits holds numbers.
    let bits = prop_oneof![4 => (0..8_i64).prop_map(|i| vec![i.into()]), 1 => Just(Vec::new())].boxed();
    let flags = some_of(vec!["[U          ]".into(), "[UXD        ]".into(), "UD".into(), "[LUX]".into()]);
    for (mapping, stored) in [
        (
            "active = { read = { c = { ne = 'T' } }, true = { c = 'A', d = '@none' }, \
             false = { c = 'T', d = '@today' } }",
            letters.clone(),
        ),
        (
            "active = { read = { c = ['A', 'L'], d = '@none' }, true = { c = 'A', d = '@none' }, \
             false = { c = 'T' } }",
            letters,
        ),
        (
            "active = { read = { c = { no_bits = 2 }, d = ['@none', { gt = 4 }] }, \
             true = { c = { clear_bits = 2 }, d = '@none' }, false = { c = { set_bits = 2 } } }",
            bits,
        ),
        (
            "active = { read = { c = { no_letters = 'DL' } }, true = { c = { clear_letters = 'DL' } }, \
             false = { c = { set_letters = 'D' } } }",
            flags,
        ),
    ] {
        let case = Case::of("active", mapping, stored, any::<bool>().prop_map(Json::from).boxed());
        Case { always: true, columns: &["c", "d"], ..case }.holds();
    }
}

#[test]
fn complex_values() {
    let mapping =
        "name = { sub = { givenName = 'c', familyName = { field = 'd', nothing = ['', '@none'] } } }";
    let part = || proptest::option::of(sent());
    let sent = (part(), part()).prop_map(|(given, family)| {
        let pairs = [("givenName", given), ("familyName", family)];
        pairs.into_iter().filter_map(|(k, v)| Some((k.to_owned(), v?))).collect::<crate::scim::Object>()
    });
    let sent = sent.prop_filter("something", |o| !o.is_empty()).prop_map(Json::Object).boxed();
    let case = Case::of("name", mapping, any_text(), sent);
    Case {
        columns: &["c", "d"],
        paths: &["givenName", "familyName"],
        literals: super::values::sent(),
        ..case
    }
    .holds();
}

/// Never read, and never changed by what is read.
#[test]
fn passwords() {
    let mapping = "password = { field = 'c', scheme = 'ssha' }";
    Case { reads_as: |_| None, ..Case::of("password", mapping, any_text(), sent()) }.holds();
}
