//! PATCH operations on resources in memory (RFC 7644 §3.5.2).

mod strict;

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::scim::{
    ENTERPRISE, USER,
    schema::Mutability,
    schemas::{group_type, user_type},
    value::is_absent,
};

fn object(value: &Json) -> Object {
    value.as_object().unwrap().clone()
}

/// Runs operations; the resource afterwards, or the `scimType` of the error.
fn run_with(before: &Json, operations: &Json, ty: &ResourceType, rules: &PatchRules) -> Result<Json, String> {
    let body = json!({"schemas": [PATCH_OP], "Operations": operations});
    let mut resource = object(before);
    let outcome =
        parse_request(&body, ty, rules).and_then(|r| apply(&r.operations, ty, &mut resource, rules));
    match outcome {
        Ok(changed) => {
            assert_eq!(changed, resource != object(before));
            Ok(Json::Object(resource))
        }
        Err(error) => {
            assert_eq!(resource, object(before), "atomic");
            Err(error.scim_type().map_or("", |k| k.as_str()).to_owned())
        }
    }
}

fn run(before: &Json, operation: Json) -> Result<Json, String> {
    run_with(before, &json!([operation]), &user_type(), &PatchRules::default())
}

fn rfc(before: &Json, operation: Json) -> Result<Json, String> {
    run_with(before, &json!([operation]), &user_type(), &PatchRules::of(Mode::Rfc))
}

fn bob() -> Json {
    json!({
        "schemas": [USER], "id": "1", "userName": "bob", "title": "Boss",
        "emails": [{"value": "a@x", "type": "work", "primary": true}, {"value": "b@x", "type": "home"}],
    })
}

#[test]
fn envelopes_are_checked() {
    // 7644-3.5.2-a, 7644-3.5.2-b, P-rem-0, P-add-1, P-any-1
    let ty = user_type();
    let operation = json!({"op": "remove", "path": "title"});
    let parse = |body: Json, rules: &PatchRules| {
        parse_request(&body, &ty, rules)
            .map_err(|e| format!("{} {}", e.status(), e.scim_type().map_or("", |k| k.as_str())))
    };
    assert!(parse(json!({"Operations": [operation]}), &PatchRules::default()).is_ok());
    let bodies = [
        json!({"Operations": [operation]}),
        json!({"schemas": [USER], "Operations": [operation]}),
        json!({"schemas": [PATCH_OP]}),
        json!({"schemas": [PATCH_OP], "Operations": []}),
        json!({"schemas": [PATCH_OP], "Operations": operation}),
        json!({"schemas": [PATCH_OP], "Operations": [{"op": "move", "path": "title"}]}),
        json!({"schemas": [PATCH_OP], "Operations": ["x"]}),
        json!([]),
    ];
    for body in bodies {
        assert_eq!(
            parse(body.clone(), &PatchRules::of(Mode::Rfc)),
            Err("400 invalidSyntax".into()),
            "{body}"
        );
    }
    for (operation, kind) in [
        (json!({"op": "remove"}), "noTarget"),
        (json!({"op": "add"}), "invalidValue"),
        (json!({"op": "add", "value": "x"}), "invalidValue"),
        (json!({"op": "add", "path": "title"}), "invalidValue"),
        (json!({"op": "add", "path": 5, "value": 1}), "invalidPath"),
        (json!({"op": "add", "path": "nope", "value": 1}), "invalidPath"),
    ] {
        assert_eq!(run(&bob(), operation.clone()), Err(kind.into()), "{operation}");
    }
    let many = vec![operation; 1001];
    assert_eq!(
        parse(json!({"schemas": [PATCH_OP], "Operations": many}), &PatchRules::of(Mode::Rfc)),
        Err("413 ".into())
    );
}

#[test]
fn requests_become_one_operation_for_each_path() {
    let body = json!({"Operations": [{"op": "Replace", "value": {
        "TITLE": "x", "id": "1", "name": {"givenName": "B"}, ENTERPRISE: {"Department": "D", "manager.value": "m"}, "schemas": [],
    }}]});
    let operations = parse_request(&body, &user_type(), &PatchRules::default()).unwrap().operations;
    let mut paths: Vec<String> = operations.iter().map(|o| o.path.as_ref().unwrap().to_string()).collect();
    paths.sort();
    let department = format!("{ENTERPRISE}:department");
    let manager = format!("{ENTERPRISE}:manager.value");
    assert_eq!(paths, ["name", "title", &department, &manager]);
}

#[test]
fn operations_without_a_path_can_be_applied_as_they_are() {
    let mut resource = object(&bob());
    let operation = Operation { op: Op::Replace, path: None, value: Some(json!({"title": "Chief"})) };
    assert_eq!(apply(&[operation], &user_type(), &mut resource, &PatchRules::default()), Ok(true));
    assert_eq!(resource["title"], json!("Chief"));
}

#[test]
fn read_only_attributes() {
    // 7644-3.5.2-e, P-any-3, D-14
    for path in ["id", "meta", "meta.version", "groups", "groups[value eq \"g\"].display"] {
        for op in ["add", "replace", "remove"] {
            let operation = json!({"op": op, "path": path, "value": "x"});
            assert_eq!(run(&bob(), operation), Err("mutability".into()), "{op} {path}");
        }
    }
    let echo = json!({"op": "replace", "value": {"id": "2", "schemas": [], "groups": [], "title": "Chief"}});
    assert_eq!(run(&bob(), echo.clone()).unwrap()["title"], json!("Chief"));
    assert_eq!(rfc(&bob(), echo), Err("mutability".into()));
}

#[test]
fn schemas_go_with_their_attributes() {
    // P-any-3, 7644-3.5.2-h
    let mut before = bob();
    before["schemas"] = json!([USER, ENTERPRISE]);
    before[ENTERPRISE] = json!({"department": "IT"});
    let set = |op: &str, value: Json| json!({"op": op, "path": "schemas", "value": value});
    for same in [
        set("add", json!([ENTERPRISE])),
        set("add", json!(USER.to_uppercase())),
        set("replace", json!([ENTERPRISE, USER])),
    ] {
        assert_eq!(rfc(&before, same.clone()), Ok(before.clone()), "{same}");
    }
    assert_eq!(rfc(&before, set("replace", json!([USER]))), Ok(bob()));
    for (wrong, kind) in [
        (set("replace", json!([ENTERPRISE])), "mutability"),
        (json!({"op": "remove", "path": "schemas"}), "mutability"),
        (set("add", json!(["urn:x"])), "invalidValue"),
        (set("replace", json!([USER, 5])), "invalidValue"),
        (set("replace", json!({"value": USER})), "invalidValue"),
    ] {
        assert_eq!(rfc(&before, wrong.clone()), Err(kind.into()), "{wrong}");
        assert_eq!(run(&before, wrong), Ok(before.clone()), "tolerant: it follows from the attributes");
    }
}

#[test]
fn required_attributes_stay() {
    // P-rem-5, 7644-3.5.2-l
    assert_eq!(run(&bob(), json!({"op": "remove", "path": "userName"})), Err("mutability".into()));
    for value in [json!(null), json!("")] {
        assert_eq!(
            run(&bob(), json!({"op": "replace", "path": "userName", "value": value})),
            Err("invalidValue".into())
        );
    }
    let mut ty = user_type();
    let emails = ty.core.attributes.iter_mut().find(|a| a.name == "emails").unwrap();
    emails.required = true;
    emails.sub_attributes.iter_mut().filter(|s| s.name == "type").for_each(|s| s.required = true);
    let run = |operation: Json| run_with(&bob(), &json!([operation]), &ty, &PatchRules::default());
    assert_eq!(run(json!({"op": "remove", "path": "emails[value pr]"})), Err("mutability".into()));
    assert_eq!(run(json!({"op": "replace", "path": "emails", "value": []})), Err("invalidValue".into()));
    assert_eq!(
        run(json!({"op": "add", "path": "emails", "value": {"value": "c@x"}})),
        Err("invalidValue".into())
    );
    assert_eq!(run(json!({"op": "remove", "path": "emails[value pr].type"})), Err("mutability".into()));
    assert!(run(json!({"op": "remove", "path": "emails[type eq \"home\"]"})).is_ok());
}

#[test]
fn immutable_attributes_can_be_set_once() {
    // 7644-3.5.2-e
    let mut ty = user_type();
    ty.core
        .attributes
        .iter_mut()
        .filter(|a| a.name == "title")
        .for_each(|a| a.mutability = Mutability::Immutable);
    let run =
        |before: &Json, operation: Json| run_with(before, &json!([operation]), &ty, &PatchRules::default());
    assert!(
        run(
            &json!({"schemas": [USER], "userName": "x"}),
            json!({"op": "add", "path": "title", "value": "Boss"})
        )
        .is_ok()
    );
    assert!(run(&bob(), json!({"op": "replace", "path": "title", "value": "Boss"})).is_ok());
    assert_eq!(
        run(&bob(), json!({"op": "replace", "path": "title", "value": "X"})),
        Err("mutability".into())
    );
    assert_eq!(run(&bob(), json!({"op": "remove", "path": "title"})), Err("mutability".into()));

    let group = json!({"schemas": [], "displayName": "g", "members": [{"value": "a"}]});
    for operation in [
        json!({"op": "replace", "path": "members[value eq \"a\"].value", "value": "b"}),
        json!({"op": "remove", "path": "members[value eq \"a\"].value"}),
    ] {
        let outcome = run_with(&group, &json!([operation]), &group_type(), &PatchRules::default());
        assert_eq!(outcome, Err("mutability".into()));
    }
}

#[test]
fn primary_moves() {
    // 7644-3.5.2-i
    let emails = |operation: Json| run(&bob(), operation).map(|r| r["emails"].clone());
    let moved = json!([{"value": "a@x", "type": "work", "primary": false}, {"value": "b@x", "type": "home", "primary": true}]);
    for operation in [
        json!({"op": "add", "path": "emails", "value": {"value": "b@x", "type": "home", "primary": true}}),
        json!({"op": "replace", "path": "emails[type eq \"home\"].primary", "value": true}),
        json!({"op": "add", "path": "emails[type eq \"home\"]", "value": {"primary": true}}),
        json!({"op": "replace", "path": "emails[type eq \"home\"]", "value": {"value": "b@x", "type": "home", "primary": true}}),
    ] {
        assert_eq!(emails(operation.clone()).as_ref(), Ok(&moved), "{operation}");
    }
    let both = json!({"op": "replace", "path": "emails[value pr].primary", "value": true});
    assert_eq!(emails(both), Err("invalidValue".into()));
}

#[test]
fn missing_elements_are_made_for_equalities_only() {
    // D-3, D-4, P-rep-6
    let set = |path: &str| json!({"op": "replace", "path": path, "value": "c@x"});
    let made = |path: &str| run(&bob(), set(path)).map(|r| r["emails"][2].clone());
    assert_eq!(made(r#"emails[type eq "other"].value"#), Ok(json!({"type": "other", "value": "c@x"})));
    assert_eq!(
        made(r#"emails[type eq "other" and primary eq true].value"#),
        Ok(json!({"type": "other", "primary": true, "value": "c@x"}))
    );
    for path in [
        r#"emails[type ne "work" and type ne "home"].value"#,
        r#"emails[type eq "x" or type eq "y"].value"#,
        r#"emails[value eq "old@x"].value"#,
        r#"emails[type eq "x" and type eq "y"].value"#,
    ] {
        assert_eq!(made(path), Err("noTarget".into()), "{path}");
    }
    assert_eq!(rfc(&bob(), set(r#"emails[type eq "other"].value"#)), Err("noTarget".into()));
    let whole = json!({"op": "replace", "path": "emails[type eq \"other\"]", "value": {"value": "c@x"}});
    assert_eq!(run(&bob(), whole), Err("noTarget".into()));
    assert_eq!(rfc(&bob(), json!({"op": "remove", "path": "emails[type eq \"other\"]"})), Ok(bob()));
}

#[test]
fn values_that_are_nothing_unassign() {
    // P-rep-3, P-rep-7, P-rem-4
    for value in [json!(null), json!("")] {
        let after = run(&bob(), json!({"op": "replace", "path": "title", "value": value})).unwrap();
        assert!(after.get("title").is_none());
    }
    assert_eq!(run(&bob(), json!({"op": "add", "path": "title", "value": null})), Ok(bob()));
    for operation in [
        json!({"op": "replace", "path": "emails", "value": []}),
        json!({"op": "replace", "path": "emails", "value": null}),
        json!({"op": "replace", "value": {"emails": []}}),
        json!({"op": "replace", "path": "emails.value", "value": null}),
        json!({"op": "replace", "path": "emails[value pr]", "value": null}),
    ] {
        assert!(run(&bob(), operation.clone()).unwrap().get("emails").is_none(), "{operation}");
    }
}

#[test]
fn what_loses_its_value_goes() {
    // P-rem-4, E-10, E-11
    let before = json!({
        "schemas": [USER, ENTERPRISE], "userName": "u",
        "emails": [{"value": "a@x", "type": "work", "display": "A"}, {"value": "b@x"}],
        ENTERPRISE: {"department": "IT", "manager": {"value": "m"}},
    });
    for operation in [
        json!({"op": "remove", "path": "emails[type eq \"work\"].value"}),
        json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": ""}),
        json!({"op": "replace", "path": "emails[type eq \"work\"]", "value": null}),
    ] {
        let after = run(&before, operation.clone()).unwrap();
        assert_eq!(after["emails"], json!([{"value": "b@x"}]), "{operation}");
    }
    let display = run(&before, json!({"op": "remove", "path": "emails[type eq \"work\"].display"})).unwrap();
    assert_eq!(display["emails"], json!([{"value": "a@x", "type": "work"}, {"value": "b@x"}]));
    let manager = json!({"op": "remove", "path": format!("{ENTERPRISE}:manager.value")});
    assert_eq!(run(&before, manager).unwrap()[ENTERPRISE], json!({"department": "IT"}));
}

#[test]
fn a_value_list_on_remove_never_means_all() {
    // P-rem-2
    let remove = |value: Json| json!([{"op": "remove", "path": "emails", "value": value}]);
    for mode in [Mode::Tolerant, Mode::Rfc, Mode::Strict] {
        let run = |value: Json| run_with(&bob(), &remove(value), &user_type(), &PatchRules::of(mode));
        assert_eq!(
            run(json!([{"value": "a@x"}])).unwrap()["emails"],
            json!([{"value": "b@x", "type": "home"}])
        );
        assert_eq!(run(json!([])), Ok(bob()), "{mode:?}");
        assert_eq!(run(json!([{"value": "nobody"}])), Ok(bob()), "{mode:?}");
        assert_eq!(run(Json::Null).unwrap().get("emails"), None, "{mode:?}: null is no list");
    }
}

#[test]
fn an_account_is_not_switched_by_leaving_out_how_it_is() {
    // 7644-3.5.1-i: what mappings publish as always there.
    let mut ty = user_type();
    ty.core.attributes.iter_mut().find(|a| a.name == "active").unwrap().required = true;
    let off = json!({"schemas": [USER], "userName": "u", "active": false});
    for operation in [
        json!({"op": "remove", "path": "active"}),
        json!({"op": "replace", "path": "active", "value": null}),
        json!({"op": "replace", "value": {"active": null}}),
    ] {
        assert_eq!(run_with(&off, &json!([operation]), &ty, &PatchRules::default()), Ok(off.clone()));
    }
}

#[test]
fn without_effect_nothing_changes() {
    // 7644-3.5.2-k
    for operation in [
        json!({"op": "replace", "path": "title", "value": "Boss"}),
        json!({"op": "add", "path": "emails", "value": {"value": "b@x", "type": "home"}}),
        json!({"op": "replace", "path": "emails", "value": [{"value": "b@x", "type": "home"}, {"value": "a@x", "type": "work", "primary": true}]}),
        json!({"op": "remove", "path": "nickName"}),
        json!({"op": "remove", "path": ENTERPRISE}),
    ] {
        assert_eq!(run(&bob(), operation.clone()), Ok(bob()), "{operation}");
    }
}

#[test]
fn a_replaced_member_keeps_what_describes_it() {
    let member = |id: &str| json!({"value": id, "type": "User", "$ref": format!("../Users/{id}")});
    let group = json!({"schemas": [], "displayName": "g", "members": [member("a"), member("b")]});
    let run = |operation: Json| run_with(&group, &json!([operation]), &group_type(), &PatchRules::default());
    let same = json!({"op": "replace", "path": "members", "value": [{"value": "b"}, {"value": "a"}]});
    assert_eq!(run(same), Ok(group.clone()));
    let other =
        run(json!({"op": "replace", "path": "members", "value": [{"value": "b"}, {"value": "c"}]})).unwrap();
    assert_eq!(other["members"], json!([member("b"), {"value": "c"}]));
}

#[test]
fn large_groups() {
    let member = |i: usize| json!({"value": format!("2819c223-7f76-453a-919d-{i:012}")});
    let group =
        json!({"schemas": [], "displayName": "g", "members": (0..10_000).map(member).collect::<Vec<_>>()});
    let ty = group_type();
    let run = |operations: Json| run_with(&group, &operations, &ty, &PatchRules::default()).unwrap();
    let started = Instant::now();
    let added = run(
        json!([{"op": "add", "path": "members", "value": (9_500..10_500).map(member).collect::<Vec<_>>()}]),
    );
    assert_eq!(added["members"].as_array().unwrap().len(), 10_500);
    let removed = run(
        json!([{"op": "remove", "path": "members", "value": (0..1_000).map(member).collect::<Vec<_>>()}]),
    );
    assert_eq!(removed["members"].as_array().unwrap().len(), 9_000);
    let replaced = run(
        json!([{"op": "replace", "path": "members", "value": (1..10_001).map(member).collect::<Vec<_>>()}]),
    );
    assert_eq!(replaced["members"].as_array().unwrap().len(), 10_000);
    // One pass is some milliseconds; 1,000 × 10,000 comparisons of keys would be far more than this.
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let one_by_one: Vec<Json> =
        (0..100).map(|i| json!({"op": "remove", "path": format!("members[value eq \"{}\"]", member(i)["value"].as_str().unwrap())})).collect();
    assert_eq!(run(Json::Array(one_by_one))["members"].as_array().unwrap().len(), 9_900);
}

/// Paths, sound and unsound ones.
fn path() -> impl Strategy<Value = Json> {
    let paths = [
        "userName",
        "title",
        "name",
        "name.givenName",
        "emails",
        "emails.value",
        "emails.primary",
        "active",
        "id",
        "schemas",
        "emails[type eq \"work\"]",
        "emails[type eq \"work\"].value",
        "emails[primary eq true].display",
        "emails[value pr].primary",
        "groups",
        "unknown",
        "emails[",
        "x509Certificates",
        "password",
        "roles[value eq \"a\" or type pr].value",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
    ];
    prop_oneof![8 => prop::sample::select(paths.to_vec()).prop_map(Json::from), 1 => Just(Json::Null)]
}

fn value() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (0..5i64).prop_map(Json::from),
        prop::sample::select(vec!["", "a", "b", "work", "home", "aGVsbG8="]).prop_map(Json::from),
    ];
    let keys = vec![
        "value",
        "type",
        "primary",
        "display",
        "$ref",
        "givenName",
        "title",
        "emails",
        "userName",
        "id",
        "name.givenName",
    ];
    scalar.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map(prop::sample::select(keys.clone()), inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

fn operation() -> impl Strategy<Value = Json> {
    (prop::sample::select(vec!["add", "remove", "replace"]), path(), prop::option::of(value())).prop_map(
        |(op, path, value)| {
            let mut operation = json!({"op": op, "path": path});
            if let Some(value) = value {
                operation["value"] = value;
            }
            operation
        },
    )
}

/// True if there is no null, no empty text, list or object anywhere.
fn is_canonical(value: &Json) -> bool {
    let inside = match value {
        Json::Array(list) => list.iter().all(is_canonical),
        Json::Object(object) => object.values().all(is_canonical),
        _ => true,
    };
    inside && !is_absent(value)
}

proptest! {
    #[test]
    fn any_request_succeeds_or_changes_nothing(operations in prop::collection::vec(operation(), 1..5)) {
        for rules in [PatchRules::default(), PatchRules::of(Mode::Rfc)] {
            let ty = user_type();
            // `run_with` checks that an error leaves the resource alone.
            if let Ok(after) = run_with(&bob(), &Json::Array(operations.clone()), &ty, &rules) {
                prop_assert!(is_canonical(&after), "{}", after);
                prop_assert_eq!(&after["id"], &json!("1"));
                let primaries = after["emails"].as_array().map_or(0, |l| l.iter().filter(|e| e["primary"] == true).count());
                prop_assert!(primaries <= 1, "{}", after);
                let twice = run_with(&after, &json!([{"op": "add", "value": {"emails": after["emails"]}}]), &ty, &rules);
                prop_assert_eq!(twice, Ok(after));
            }
        }
    }
}
