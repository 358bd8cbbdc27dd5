//! Random resources of a published schema.

use proptest::{collection::vec, option, prelude::*, sample::select as pick};
use scimgate::{
    mapping::{
        TypeMapping,
        lens::{Lens, Slots},
    },
    scim::{
        Json, Object,
        schema::{DataType, Mutability, SchemaAttribute},
    },
};
use serde_json::json;

/// What codecs, look-ups, folding and escaping stumble over.
const AWKWARD: &[&str] =
    &["a", "B", "é", "ß", "1", " ", "-", "_", ",", "$", "\\", "\\24", "%", "'", "\"", "*", "\n", "(", "😀"];

/// A resource with any of the attributes that clients may write. Names and pointers are put in
/// later, since they depend on what is there: [`House::placed`](super::house::House::placed).
pub(super) fn any(mapping: &TypeMapping) -> BoxedStrategy<Object> {
    let ty = &mapping.resource_type;
    let mut core = ty.core.attributes.clone();
    for attribute in &mut core {
        let rule = mapping.find_rule(None, &attribute.name);
        let kind = attribute.sub_attributes.iter_mut().find(|s| s.name == "type");
        // What has no place in the store is kept in our own database.
        if let (Some(Lens::Slots(Slots { rest_side: true, .. })), Some(kind)) = (rule.map(|r| &r.lens), kind)
        {
            kind.canonical_values.push("odd one".to_owned());
        }
    }
    let mut all: Vec<BoxedStrategy<Object>> = vec![object(&core, 0.5)];
    for (schema, _) in &ty.extensions {
        let urn = schema.id.clone();
        let inner = object(&schema.attributes, 0.5);
        all.push(
            inner
                .prop_map(move |o| {
                    let entry = (!o.is_empty()).then(|| (urn.clone(), Json::Object(o)));
                    entry.into_iter().collect()
                })
                .boxed(),
        );
    }
    all.prop_map(|parts| parts.into_iter().flatten().collect()).boxed()
}

fn is_writable(attribute: &SchemaAttribute) -> bool {
    matches!(attribute.mutability, Mutability::ReadWrite | Mutability::Immutable)
        && !["id", "schemas", "meta", "$ref", "display"].contains(&attribute.name.as_str())
}

fn object(attributes: &[SchemaAttribute], chance: f64) -> BoxedStrategy<Object> {
    let writable: Vec<&SchemaAttribute> = attributes.iter().filter(|a| is_writable(a)).collect();
    let names: Vec<String> = writable.iter().map(|a| a.name.clone()).collect();
    let values: Vec<_> = writable.iter().map(|a| option::weighted(chance, value(a))).collect();
    values
        .prop_map(move |values| {
            names.iter().cloned().zip(values).filter_map(|(n, v)| Some((n, v?))).collect()
        })
        .boxed()
}

fn value(attribute: &SchemaAttribute) -> BoxedStrategy<Json> {
    match (attribute.multi_valued, attribute.data_type) {
        (true, DataType::Complex) => list(attribute),
        (true, _) => vec(scalar(attribute), 1..3).prop_map(distinct).boxed(),
        (false, DataType::Complex) => {
            let filled = object(&attribute.sub_attributes, 0.6);
            filled.prop_filter("something", |o| !o.is_empty()).prop_map(Json::Object).boxed()
        }
        _ => scalar(attribute),
    }
}

/// Elements with distinct values and types, at most one of them primary.
fn list(attribute: &SchemaAttribute) -> BoxedStrategy<Json> {
    let value = attribute.find_sub("value").filter(|v| is_writable(v)).map(scalar);
    let rest: Vec<SchemaAttribute> = attribute
        .sub_attributes
        .iter()
        .filter(|s| !["value", "primary", "type"].contains(&s.name.as_str()))
        .cloned()
        .collect();
    let (has_primary, has_value) = (attribute.find_sub("primary").is_some(), value.is_some());
    let element = (value.unwrap_or_else(|| Just(Json::Null).boxed()), object(&rest, 0.5))
        .prop_map(move |(value, mut object)| {
            if has_value {
                object.insert("value".to_owned(), value);
            }
            object
        })
        .prop_filter("something", |o| !o.is_empty());
    let types = attribute.find_sub("type").filter(|t| is_writable(t)).map(types).unwrap_or_default();
    let types = if types.is_empty() { Just(Vec::new()).boxed() } else { Just(types).prop_shuffle().boxed() };
    (vec(element, 1..4), types, option::of(0..3_usize))
        .prop_map(move |(elements, types, primary)| {
            let typed = elements.into_iter().zip(types.iter().map(Some).chain(std::iter::repeat(None)));
            let enough = types.len().max(if types.is_empty() { usize::MAX } else { 0 });
            let all = typed.take(enough).enumerate().map(|(i, (mut object, kind))| {
                object.extend(kind.map(|k| ("type".to_owned(), k.as_str().into())));
                if has_primary && primary == Some(i) {
                    object.insert("primary".into(), true.into());
                }
                Json::Object(object)
            });
            distinct(all.collect())
        })
        .boxed()
}

/// The types that an element may have: those that are published, and where any may be sent, another.
fn types(kind: &SchemaAttribute) -> Vec<String> {
    match kind.canonical_values.as_slice() {
        [] => ["work", "home", "odd one"].map(str::to_owned).to_vec(),
        known => known.to_vec(),
    }
}

fn distinct(list: Vec<Json>) -> Json {
    let value = |e: &Json| e.get("value").unwrap_or(e).clone();
    let mut kept: Vec<Json> = Vec::new();
    for element in list {
        if !kept.iter().any(|k| value(k) == value(&element)) {
            kept.push(element);
        }
    }
    kept.into()
}

fn scalar(attribute: &SchemaAttribute) -> BoxedStrategy<Json> {
    if !attribute.canonical_values.is_empty() {
        return pick(attribute.canonical_values.clone()).prop_map(Json::from).boxed();
    }
    // RFC 7643 §4.1.2: two letters of ISO 3166-1.
    if attribute.name == "country" {
        return pick(vec![json!("IE"), json!("TR"), json!("CI")]).boxed();
    }
    match attribute.data_type {
        DataType::Boolean => any_bool(),
        DataType::Integer => (-3..100_i64).prop_map(Json::from).boxed(),
        DataType::Decimal => (-8..8_i32).prop_map(|n| json!(f64::from(n) / 4.0)).boxed(),
        DataType::DateTime => Just(json!("2026-01-31T08:00:00Z")).boxed(),
        DataType::Binary => pick(vec![json!("AQID"), json!("AA==")]).boxed(),
        DataType::Reference => pick(vec![json!("https://x.example/1"), json!("https://x.example/A")]).boxed(),
        DataType::String | DataType::Complex => {
            let text = vec(pick(AWKWARD), 1..5).prop_map(|parts| parts.concat());
            // A dash alone is what `mappings/openldap.toml` stores for no name at all.
            text.prop_filter("no dash", |t| t != "-").prop_map(Json::from).boxed()
        }
    }
}

fn any_bool() -> BoxedStrategy<Json> {
    proptest::bool::ANY.prop_map(Json::from).boxed()
}
