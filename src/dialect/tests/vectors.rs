//! The collected PATCH vectors, in both modes.

use serde_json::{Value, json};

use super::*;
use crate::scim::{
    schemas::{group_type, user_type},
    validate::Mode,
    value::is_absent,
};

/// A resource as the vectors compare it: no ids, no order, a false `primary` is absent.
fn comparable(resource: &Object) -> Object {
    let mut resource = resource.clone();
    resource.retain(|name, value| {
        !["schemas", "id", "meta", "password"].contains(&name.as_str()) && !is_absent(value)
    });
    for value in resource.values_mut() {
        let Json::Array(list) = value else { continue };
        for element in list.iter_mut().filter_map(Json::as_object_mut) {
            element.retain(|name, value| name != "primary" || *value == true);
        }
        list.sort_by_key(ToString::to_string);
    }
    resource
}

/// Fills in what the vectors leave open.
fn fill(value: &Value) -> Value {
    let mut text = value.to_string();
    for (hole, name) in
        [("{{u}}", "u-1"), ("{{id}}", "id-1"), ("{{m1}}", "m-1"), ("{{m2}}", "m-2"), ("{{m3}}", "m-3")]
    {
        text = text.replace(hole, name);
    }
    assert!(!text.contains("{{"), "{text}");
    serde_json::from_str(&text).unwrap()
}

fn type_of(vector: &Value) -> ResourceType {
    if vector["type"] == "User" { user_type() } else { group_type() }
}

/// Runs a vector; the outcome is what the resource is afterwards, and the error if there was one.
fn run(vector: &Value, rules: &PatchRules, adapts: bool) -> (Object, Option<ScimError>) {
    let ty = type_of(vector);
    let mut before = create(&vector["before"], &ty).unwrap();
    before.insert("id".into(), json!("id-1"));
    let mut body = match vector.get("body") {
        Some(body) => body.clone(),
        None => json!({"schemas": [PATCH_OP], "Operations": vector["operations"]}),
    };
    if adapts {
        adapt_patch(&mut body, &ty);
    }
    let mut after = before.clone();
    let outcome = parse_request(&body, &ty, rules).and_then(|r| apply(&r.operations, &ty, &mut after, rules));
    if outcome.is_err() {
        assert_eq!(after, before, "nothing changes on errors");
    }
    (comparable(&after), outcome.err())
}

/// True if the outcome is the one that the vector expects.
fn is_expected(vector: &Value, (after, error): &(Object, Option<ScimError>)) -> bool {
    match (vector.get("error"), error) {
        (None, None) => *after == comparable(&create(&vector["after"], &type_of(vector)).unwrap()),
        (Some(expected), Some(error)) => {
            let kind = error.scim_type().map(|k| json!(k.as_str()));
            let kinds = expected["scimType"].as_array().unwrap();
            expected["status"] == error.status() && kind.is_some_and(|kind| kinds.contains(&kind))
        }
        _ => false,
    }
}

/// Runs every vector of these classes and collects those whose outcome `is_fine` refuses.
fn check(
    classes: &[(&str, usize)],
    rules: &PatchRules,
    adapts: bool,
    is_fine: impl Fn(&Value, &(Object, Option<ScimError>)) -> bool,
) {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/vectors/patch.json");
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    for (class, count) in classes {
        let vectors: Vec<Value> = vectors["vectors"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|v| v["class"] == *class)
            .map(fill)
            .collect();
        assert_eq!(vectors.len(), *count);
        let wrong: Vec<String> = vectors
            .iter()
            .filter_map(|vector| {
                let outcome = run(vector, rules, adapts);
                (!is_fine(vector, &outcome)).then(|| format!("{}: {outcome:?}", vector["name"]))
            })
            .collect();
        assert!(wrong.is_empty(), "{class}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn what_the_rfc_demands_holds_under_its_rules() {
    check(&[("must", 106)], &PatchRules::of(Mode::Rfc), false, is_expected);
}

#[test]
fn what_the_rfc_demands_and_what_clients_send_holds_for_clients() {
    // D-4 is the one place where tolerance contradicts the RFC.
    let made = "replace: filter matches nothing -> noTarget";
    check(&[("must", 106), ("lenient", 11)], &PatchRules::default(), true, |vector, outcome| {
        if vector["name"] == made { outcome.1.is_none() } else { is_expected(vector, outcome) }
    });
    let strict_about_targets = PatchRules { create_missing: false, ..PatchRules::default() };
    check(&[("must", 106)], &strict_about_targets, true, is_expected);
}

#[test]
fn where_readings_differ_tolerance_decides() {
    check(&[("either", 11)], &PatchRules::of(Mode::Rfc), false, is_expected);
    let understood = [
        "replace: filter on an empty attribute -> noTarget",
        "wrong type: string for multi-valued complex",
        "envelope: body without schemas",
    ];
    check(&[("either", 11)], &PatchRules::default(), true, |vector, outcome| {
        let is_understood = understood.iter().any(|name| vector["name"] == *name);
        if is_understood { outcome.1.is_none() } else { is_expected(vector, outcome) }
    });
}
