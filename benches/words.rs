//! What the pure parts cost, in microseconds: `cargo bench --bench words`.
//!
//! Parsing of filters, application of PATCH requests, and the projection of a
//! resource on what a client wants to see. No store, no HTTP.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use scimgate::scim::{
    ENTERPRISE, Object, USER,
    filter::{
        eval,
        parse::{FilterRules, parse},
    },
    patch::{self, PatchRules},
    resource::Selection,
    schemas::user_type,
};
use serde_json::{Value, json};

/// How long each operation is repeated in each round.
const ROUND: Duration = Duration::from_millis(200);
/// Rounds, of which the fastest counts: what is slower was disturbed.
const ROUNDS: usize = 5;

fn main() {
    let ty = user_type();
    for (name, text) in [
        ("userName eq", r#"userName eq "user00001@example.com""#),
        ("value path", r#"emails[type eq "work" and value co "@example.com"]"#),
        ("ten comparisons", &[r#"(title eq "Engineer" or not (active eq false))"#; 5].join(" and ")),
    ] {
        let rules = FilterRules::default();
        report("parse a filter", name, || parse(text, &rules).unwrap());
        let filter = eval::resolve(&parse(text, &rules).unwrap(), &ty).unwrap();
        let user = user();
        report("evaluate a filter", name, || eval::matches(&filter, &ty, &user));
    }
    for (name, operations) in [
        ("replace active", json!([{"op": "replace", "path": "active", "value": false}])),
        (
            "work address",
            json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "ada@example.org"}]),
        ),
        ("ten attributes", ten_attributes()),
    ] {
        let body = json!({"schemas": [patch::PATCH_OP], "Operations": operations});
        let rules = PatchRules::default();
        report("parse a PATCH", name, || patch::parse_request(&body, &ty, &rules).unwrap());
        let operations = patch::parse_request(&body, &ty, &rules).unwrap().operations;
        let user = user();
        report("apply a PATCH", name, || {
            let mut user = user.clone();
            patch::apply(&operations, &ty, &mut user, &rules).unwrap();
            user
        });
    }
    for (name, attributes, excluded) in [
        ("everything", None, None),
        ("two attributes", Some("userName,emails.value"), None),
        ("without groups", None, Some("groups")),
    ] {
        report("read a selection", name, || Selection::parse(attributes, excluded, &ty).unwrap());
        let selection = Selection::parse(attributes, excluded, &ty).unwrap();
        let user = user();
        report("project a copy of a user", name, || selection.project(user.clone(), &ty));
    }
    let user = user();
    report("write JSON", "a user", || serde_json::to_string(&user).unwrap());
}

/// Prints how long an operation takes.
fn report<T>(what: &str, name: &str, mut operation: impl FnMut() -> T) {
    let round = |operation: &mut dyn FnMut() -> T| {
        let (start, mut count) = (Instant::now(), 0_u32);
        while start.elapsed() < ROUND {
            for _ in 0..100 {
                black_box(operation());
            }
            count += 100;
        }
        start.elapsed().as_secs_f64() * 1e6 / f64::from(count)
    };
    let best = (0..ROUNDS).map(|_| round(&mut operation)).min_by(f64::total_cmp).unwrap_or_default();
    println!("{what:<24} {name:<20} {best:>8.2} µs");
}

fn user() -> Object {
    let user = json!({
        "schemas": [USER, ENTERPRISE],
        "id": "c2c3fd0c-6b2e-5ef1-a8c4-0a1a6c0e6d77",
        "userName": "user00001@example.com",
        "name": {"givenName": "Ada", "familyName": "Byron", "formatted": "Ada Byron"},
        "displayName": "Ada Byron",
        "title": "Engineer",
        "userType": "Employee",
        "preferredLanguage": "de",
        "active": true,
        "emails": [
            {"value": "ada@example.com", "type": "work", "primary": true},
            {"value": "ada.1@example.com", "type": "home"},
        ],
        "phoneNumbers": [
            {"value": "+49 30 100001", "type": "work"},
            {"value": "+49 171 200001", "type": "mobile"},
        ],
        "addresses": [{
            "streetAddress": "Unter den Linden 1", "locality": "Berlin", "region": "Berlin",
            "postalCode": "10117", "type": "work",
        }],
        "groups": [
            {"value": "0c8d5d3e-98c4-5a5f-8a37-0d7c8b7f2b11", "display": "team000", "type": "direct"},
            {"value": "6f0c1df6-0d05-5a4c-9e8b-1b7b4e0a5d22", "display": "team001", "type": "direct"},
        ],
        ENTERPRISE: {"employeeNumber": "1", "department": "1", "organization": "Example", "division": "Division 1"},
        "meta": {"resourceType": "User", "version": "W/\"c2c3fd0c6b2e5ef1a8c4\""},
    });
    match user {
        Value::Object(user) => user,
        _ => Object::new(),
    }
}

fn ten_attributes() -> Value {
    let names = ["userName", "displayName", "title", "nickName", "userType", "locale", "timezone"];
    let paths = names.map(str::to_owned).into_iter().chain([
        "name.givenName".to_owned(),
        "name.familyName".to_owned(),
        format!("{ENTERPRISE}:department"),
    ]);
    paths.map(|path| json!({"op": "replace", "path": path, "value": "a new value"})).collect()
}
