//! Bodies by client: Microsoft Entra ID (`E`), Okta (`O`), OneLogin (`OL`), JumpCloud (`JC`), Keycloak (`KC`).

use super::*;
use crate::scim::{
    ENTERPRISE, GROUP, USER,
    schemas::{group_type, user_type},
};

/// Expands `ENT` in keys and paths, as the vectors write it.
fn expand(value: &Json) -> Json {
    let text = value
        .to_string()
        .replace("\"ENT\"", &format!("\"{ENTERPRISE}\""))
        .replace("\"ENT:", &format!("\"{ENTERPRISE}:"));
    serde_json::from_str(&text).unwrap()
}

/// Runs operations on a resource and checks the attributes in `expected`; null means absent.
#[track_caller]
fn check(ty: &ResourceType, before: &Json, operations: &Json, expected: &Json) {
    let before = create(&expand(before), ty).unwrap();
    let after = patch(&before, &expand(operations), ty).unwrap_or_else(|e| panic!("{operations}: {e}"));
    for (name, value) in expand(expected).as_object().unwrap() {
        assert_eq!(after.get(name).unwrap_or(&Json::Null), value, "{name} after {operations}");
    }
}

#[track_caller]
fn user(before: &Json, operations: &Json, expected: &Json) {
    let mut before = before.clone();
    before["userName"] = json!("bob");
    check(&user_type(), &before, operations, expected);
}

#[track_caller]
fn group(members: &Json, operations: &Json, expected: &Json) {
    check(&group_type(), &json!({"displayName": "Finance", "members": members}), operations, expected);
}

#[test]
fn e_06_create() {
    let body = expand(&json!({
        "schemas": [USER, "ENT"], "externalId": "0a21f0f2", "userName": "bob@contoso.example", "active": "True",
        "addresses": null, "displayName": "Bob", "emails": [{"type": "work", "value": "bob@contoso.example", "primary": true}],
        "meta": {"resourceType": "User"}, "name": {"familyName": "Ray", "givenName": "Bob"}, "roles": [], "title": null,
        "ENT": {"department": "IT", "manager": "m1"},
    }));
    let expected = expand(&json!({
        "schemas": [USER, "ENT"], "externalId": "0a21f0f2", "userName": "bob@contoso.example", "active": true,
        "displayName": "Bob", "emails": [{"type": "work", "value": "bob@contoso.example", "primary": true}],
        "name": {"familyName": "Ray", "givenName": "Bob"}, "ENT": {"department": "IT", "manager": {"value": "m1"}},
    }));
    assert_eq!(Json::Object(create(&body, &user_type()).unwrap()), expected);

    // The extension's URN is missing from `schemas`, or an unknown one is there, or names have another case.
    for schemas in [json!([USER]), json!([USER, "urn:example:nope"]), Json::Null] {
        let mut body = body.clone();
        body["schemas"] = schemas;
        let user = body.as_object_mut().unwrap();
        let name = user.remove("userName").unwrap();
        user.insert("USERNAME".into(), name);
        assert_eq!(Json::Object(create(&body, &user_type()).unwrap()), expected);
    }
}

#[test]
fn a_urn_that_lost_its_last_colon() {
    let broken = ENTERPRISE.replace(":User", "User");
    let body = json!({"schemas": [USER, broken], "userName": "bob", broken.clone(): {"department": "IT"}});
    let bob = create(&body, &user_type()).unwrap();
    assert_eq!(bob[ENTERPRISE], json!({"department": "IT"}));
    user(
        &json!({}),
        &json!([
            {"op": "Add", "path": format!("{broken}:department"), "value": "Sales"},
            {"op": "Add", "value": {format!("{broken}:division"): "D"}},
        ]),
        &json!({"ENT": {"department": "Sales", "division": "D"}}),
    );
}

#[test]
fn e_07_capitals_and_string_booleans() {
    let operations = [
        json!({"op": "Replace", "path": "active", "value": "False"}),
        json!({"op": "Replace", "path": "active", "value": false}),
        json!({"op": "replace", "path": "Active", "value": "false"}),
        json!({"op": "REPLACE", "path": "active", "value": "FALSE"}),
        json!({"op": "Replace", "value": {"active": "False"}}),
        json!({"Op": "Replace", "Path": "active", "Value": "False"}),
        json!({"op": "Add", "path": "active", "value": ["False"]}),
    ];
    for operation in operations {
        user(&json!({"active": true}), &json!([operation]), &json!({"active": false}));
    }
    let bob = create(&json!({"userName": "bob"}), &user_type()).unwrap();
    let error =
        patch(&bob, &json!([{"op": "replace", "path": "active", "value": "no"}]), &user_type()).unwrap_err();
    assert_eq!(error.detail(), "Attribute `active` must be a boolean; a string was given.");
}

#[test]
fn e_08_paths_as_keys() {
    user(
        &json!({"name": {"givenName": "Bob", "middleName": "X"}, "active": true}),
        &json!([{"op": "replace", "value": {
            "displayName": "Bob R", "name.givenName": "Robert", "name.familyName": "Ray",
            "ENT:department": "Sales", "ENT:manager": "m2", "active": "False",
            "emails[type eq \"work\"].value": "r@x.example", "unknown.thing": 1,
        }}]),
        &json!({
            "displayName": "Bob R", "name": {"givenName": "Robert", "familyName": "Ray", "middleName": "X"},
            "ENT": {"department": "Sales", "manager": {"value": "m2"}}, "active": false,
            "emails": [{"type": "work", "value": "r@x.example"}],
            "name.givenName": null, "unknown.thing": null, "schemas": [USER, "ENT"],
        }),
    );
}

#[test]
fn e_09_extension_attributes() {
    let cases = [
        (json!({"op": "Add", "path": "ENT:department", "value": "Sales"}), json!({"department": "Sales"})),
        (
            json!({"op": "add", "path": "ENT", "value": {"department": "Sales"}}),
            json!({"department": "Sales"}),
        ),
        (json!({"op": "add", "value": {"ENT": {"department": "Sales"}}}), json!({"department": "Sales"})),
        (json!({"op": "add", "value": {"ENT:department": "Sales"}}), json!({"department": "Sales"})),
        (
            json!({"op": "Replace", "path": "ENT:employeeNumber", "value": "42"}),
            json!({"employeeNumber": "42"}),
        ),
        (json!({"op": "Remove", "path": "ENT:costCenter"}), json!(null)),
    ];
    for (operation, part) in cases {
        let schemas = if part.is_null() { json!([USER]) } else { json!([USER, "ENT"]) };
        user(&json!({}), &json!([operation]), &json!({"ENT": part, "schemas": schemas}));
    }
    let before = json!({"ENT": {"costCenter": "1"}});
    // 7644-3.5.2-h
    for operation in
        [json!({"op": "Remove", "path": "ENT:costCenter"}), json!({"op": "remove", "path": "ENT"})]
    {
        user(&before, &json!([operation]), &json!({"ENT": null, "schemas": [USER]}));
    }
}

#[test]
fn e_10_manager() {
    let sets = [
        json!({"op": "Add", "path": "ENT:manager", "value": "271"}),
        json!({"op": "Replace", "path": "ENT:manager", "value": {"value": "271"}}),
        json!({"op": "Add", "path": "ENT:manager.value", "value": "271"}),
        json!({"op": "Add", "path": "manager", "value": [{"value": "271"}]}),
        json!({"op": "Add", "value": {"manager": "271"}}),
        json!({"op": "Replace", "path": "ENT:manager", "value": {"managerId": "271"}}),
    ];
    let before = json!({"ENT": {"manager": {"value": "1", "$ref": "../Users/1"}}});
    for operation in sets {
        user(&json!({}), &json!([operation.clone()]), &json!({"ENT": {"manager": {"value": "271"}}}));
        // What described the old manager must not describe the new one.
        user(&before, &json!([operation]), &json!({"ENT": {"manager": {"value": "271"}}}));
    }
    user(
        &json!({}),
        &json!([{"op": "Add", "path": "manager", "value": [{"$ref": "http://x/Users/271", "value": "271"}]}]),
        &json!({"ENT": {"manager": {"value": "271", "$ref": "http://x/Users/271"}}}),
    );
    let removes = [
        json!({"op": "Replace", "path": "ENT:manager", "value": ""}),
        json!({"op": "Replace", "path": "ENT:manager", "value": null}),
        json!({"op": "Replace", "path": "ENT:manager", "value": {"value": ""}}),
        json!({"op": "Replace", "path": "ENT:manager", "value": {"value": null}}),
        json!({"op": "Replace", "path": "ENT:manager.value", "value": ""}),
        json!({"op": "Remove", "path": "ENT:manager"}),
        json!({"op": "Remove", "path": "manager"}),
        json!({"op": "Replace", "value": {"ENT:manager": ""}}),
    ];
    for operation in removes {
        user(&before, &json!([operation]), &json!({"ENT": null}));
        user(&json!({}), &json!([operation, operation]), &json!({"ENT": null}));
    }
}

#[test]
fn e_11_filtered_elements() {
    let cases = [
        (
            json!({"op": "Add", "path": "emails[type eq \"work\"].value", "value": "a@x"}),
            json!([{"type": "work", "value": "a@x"}]),
        ),
        (
            json!({"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "b@x"}),
            json!([{"type": "work", "value": "b@x"}]),
        ),
        (
            json!({"op": "Replace", "path": "emails[type eq \"work\"].Value", "value": "b@x"}),
            json!([{"type": "work", "value": "b@x"}]),
        ),
        (json!({"op": "Add", "path": "emails[type eq \"work\"].primary", "value": true}), json!(null)),
    ];
    for (operation, emails) in cases {
        user(&json!({}), &json!([operation]), &json!({"emails": emails}));
    }
    user(
        &json!({"emails": [{"type": "home", "value": "h@x", "primary": true}]}),
        &json!([
            {"op": "Add", "path": "emails[type eq \"work\"].primary", "value": "True"},
            {"op": "Add", "path": "emails[type eq \"work\"].value", "value": "a@x"},
        ]),
        &json!({"emails": [
            {"type": "home", "value": "h@x", "primary": false},
            {"type": "work", "value": "a@x", "primary": true},
        ]}),
    );
    user(
        &json!({}),
        &json!([
            {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+1 (425) 555-0100"},
            {"op": "Add", "path": "addresses[type eq \"work\"].Formatted", "value": "1 Street"},
        ]),
        &json!({
            "phoneNumbers": [{"type": "mobile", "value": "+1 (425) 555-0100"}],
            "addresses": [{"type": "work", "formatted": "1 Street"}],
        }),
    );
    let two = json!({"emails": [{"type": "work", "value": "a@x", "primary": true}, {"type": "home", "value": "h@x"}]});
    for operation in [
        json!({"op": "Remove", "path": "emails[type eq \"work\"].value"}),
        json!({"op": "Remove", "path": "emails", "value": [{"type": "work", "value": "a@x"}]}),
        json!({"op": "Remove", "path": "emails", "value": [{"value": "A@x"}]}),
        json!({"op": "Remove", "path": "emails", "value": "a@x"}),
    ] {
        user(&two, &json!([operation]), &json!({"emails": [{"type": "home", "value": "h@x"}]}));
    }
    user(
        &two,
        &json!([{"op": "Remove", "path": "emails", "value": [{"type": "other", "value": "a@x"}]}]),
        &two,
    );
}

#[test]
fn e_12_roles() {
    let packed = r#"{"id":"4","value":"Admin","displayName":"Admin"}"#;
    let admin = json!({"roles": [{"value": "Admin", "display": "Admin"}]});
    for value in [json!([{"value": packed}]), json!([packed]), json!({"value": packed})] {
        user(&json!({}), &json!([{"op": "Add", "path": "roles", "value": value}]), &admin);
    }
    let literal = json!([{"value": "{not json"}]);
    user(
        &json!({}),
        &json!([{"op": "Add", "path": "roles", "value": literal.clone()}]),
        &json!({"roles": literal}),
    );
    let operations = json!([
        {"op": "Replace", "path": "roles[primary eq \"True\"].display", "value": "Admin"},
        {"op": "Replace", "path": "roles[primary eq \"True\"].value", "value": "Admin"},
    ]);
    user(
        &json!({}),
        &operations,
        &json!({"roles": [{"primary": true, "value": "Admin", "display": "Admin"}]}),
    );
    user(
        &json!({"roles": [{"primary": "True", "value": "User", "display": "User", "type": "x"}]}),
        &operations,
        &json!({"roles": [{"primary": true, "value": "Admin", "display": "Admin", "type": "x"}]}),
    );
    user(
        &json!({"roles": [{"value": "a"}, {"value": "b"}]}),
        &json!([{"op": "Replace", "path": "roles", "value": [{"value": "c", "primary": "False"}]}]),
        &json!({"roles": [{"value": "c", "primary": false}]}),
    );
}

#[test]
fn e_13_groups() {
    let body = json!({
        "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": "8aa1", "displayName": "Finance", "meta": {"resourceType": "Group"},
    });
    let expected = json!({"schemas": [GROUP], "externalId": "8aa1", "displayName": "Finance"});
    assert_eq!(Json::Object(create(&body, &group_type()).unwrap()), expected);

    let (u1, both) = (json!([{"value": "u1"}]), json!([{"value": "u1"}, {"value": "u2"}]));
    let cases = [
        (
            json!([]),
            json!({"op": "Add", "path": "members", "value": [{"$ref": null, "value": "u1"}]}),
            u1.clone(),
        ),
        (
            u1.clone(),
            json!({"op": "Add", "path": "members", "value": [{"$ref": null, "value": "u1"}]}),
            u1.clone(),
        ),
        (
            json!([]),
            json!({"op": "add", "path": "members", "value": [{"value": "u1"}, {"value": "u2"}]}),
            both.clone(),
        ),
        (
            both.clone(),
            json!({"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "u2"}]}),
            u1.clone(),
        ),
        (both.clone(), json!({"op": "remove", "path": "members[value eq \"u2\"]"}), u1.clone()),
        (both.clone(), json!({"op": "remove", "path": "members[value eq \"zz\"]"}), both.clone()),
        (both.clone(), json!({"op": "remove", "path": "members", "value": []}), both.clone()),
        (both.clone(), json!({"op": "Remove", "path": "members"}), json!(null)),
        (both.clone(), json!({"op": "Replace", "path": "displayName", "value": "Finance 2"}), both.clone()),
        (
            both.clone(),
            json!({"op": "replace", "value": {"externalId": "x", "displayName": "F"}}),
            both.clone(),
        ),
        (
            both.clone(),
            json!({"op": "Replace", "path": "members", "value": [{"value": "u9"}]}),
            json!([{"value": "u9"}]),
        ),
    ];
    for (before, operation, after) in cases {
        group(&before, &json!([operation]), &json!({"members": after}));
    }
}

#[test]
fn e_15_many_operations() {
    user(
        &json!({"externalId": "0"}),
        &json!([
            {"op": "remove", "path": "externalId"},
            {"op": "add", "path": "externalId", "value": "a"},
            {"op": "replace", "path": "externalId", "value": "b"},
        ]),
        &json!({"externalId": "b"}),
    );
    group(
        &json!([{"value": "u2"}]),
        &json!([
            {"op": "add", "path": "members", "value": [{"value": "u1"}]},
            {"op": "remove", "path": "members[value eq \"u2\"]"},
        ]),
        &json!({"members": [{"value": "u1"}]}),
    );
    let mut operations =
        vec![json!({"op": "Add", "path": "emails[type eq \"work\"].primary", "value": true})];
    for part in ["givenName", "familyName", "formatted", "middleName", "honorificPrefix", "honorificSuffix"] {
        operations.push(json!({"op": "Add", "path": format!("name.{part}"), "value": part}));
    }
    for part in ["formatted", "streetAddress", "locality", "region", "postalCode", "country"] {
        operations
            .push(json!({"op": "Add", "path": format!("addresses[type eq \"work\"].{part}"), "value": part}));
    }
    for kind in ["work", "mobile", "fax"] {
        operations.push(
            json!({"op": "Add", "path": format!("phoneNumbers[type eq \"{kind}\"].value"), "value": kind}),
        );
    }
    for part in ["employeeNumber", "costCenter", "organization", "division", "department"] {
        operations.push(json!({"op": "Add", "path": format!("ENT:{part}"), "value": part}));
    }
    operations.push(json!({"op": "Add", "path": "emails[type eq \"work\"].value", "value": "w@x"}));
    user(
        &json!({}),
        &Json::Array(operations),
        &json!({
            "emails": [{"type": "work", "primary": true, "value": "w@x"}],
            "phoneNumbers": [{"type": "work", "value": "work"}, {"type": "mobile", "value": "mobile"}, {"type": "fax", "value": "fax"}],
            "addresses": [{
                "type": "work", "formatted": "formatted", "streetAddress": "streetAddress", "locality": "locality",
                "region": "region", "postalCode": "postalCode", "country": "country",
            }],
        }),
    );
}

#[test]
fn o_03_to_06_users() {
    let body = json!({
        "schemas": [USER], "userName": "t@x", "name": {"givenName": "T", "familyName": "U"},
        "emails": [{"primary": true, "value": "t@x", "type": "work"}], "displayName": "T U", "locale": "en-US",
        "externalId": "00u1", "groups": [], "password": "1mz050nq", "active": true,
    });
    let created = create(&body, &user_type()).unwrap();
    assert_eq!((&created["password"], created.get("groups")), (&json!("1mz050nq"), None));
    user(
        &json!({"active": true}),
        &json!([{"op": "replace", "value": {"active": false}}]),
        &json!({"active": false}),
    );
    user(&json!({}), &json!([{"op": "replace", "value": {"password": "new"}}]), &json!({"password": "new"}));
}

#[test]
fn o_07_groups() {
    let both = json!([{"value": "u1"}, {"value": "u2"}]);
    let rename = json!({"op": "replace", "value": {"id": "g1", "displayName": "Test"}});
    group(&both, &json!([rename]), &json!({"members": both, "displayName": "Test", "id": null}));
    group(
        &json!([{"value": "u1"}]),
        &json!([
            {"op": "remove", "path": "members[value eq \"u1\"]"},
            {"op": "add", "path": "members", "value": [{"value": "u2", "display": "a@x"}]},
        ]),
        &json!({"members": [{"value": "u2"}]}),
    );
    group(
        &json!([{"value": "u3"}]),
        &json!([{"op": "replace", "path": "members", "value": both}]),
        &json!({"members": both}),
    );
    group(&both, &json!([{"op": "replace", "path": "members", "value": []}]), &json!({"members": null}));
    let push = json!({"op": "replace", "value": {"id": "g1", "displayName": "T", "members": []}});
    group(&both, &json!([push]), &json!({"members": null, "displayName": "T"}));
}

#[test]
fn ol_01_create() {
    let body = expand(&json!({
        "schemas": [USER], "id": null, "userName": "u", "active": "true", "meta": {}, "name": {"givenName": "G"},
        "emails": [{"value": "u@x", "type": "work", "primary": true}], "ENT": {"manager": {"managerId": "m1"}},
    }));
    let user = create(&body, &user_type()).unwrap();
    assert_eq!((user.get("id"), &user["active"]), (None, &json!(true)));
    assert_eq!(user[ENTERPRISE], json!({"manager": {"value": "m1"}}));
}

#[test]
fn jc_and_kc_groups_and_users() {
    let both = json!([{"value": "u1"}, {"value": "u2"}]);
    let remove = json!({"op": "remove", "path": "members", "value": [{"value": "u1"}]});
    group(&both, &json!([remove]), &json!({"members": [{"value": "u2"}]}));
    // KC-01, KC-02, KC-03, KC-06
    user(
        &json!({"active": true}),
        &json!([{"op": "replace", "path": "active", "value": "false"}]),
        &json!({"active": false}),
    );
    group(&both, &json!([{"op": "remove", "path": "members", "value": null}]), &json!({"members": null}));
    let emails = json!([{"value": "a@x", "primary": true}]);
    let created = create(&json!({"userName": "u", "emails": emails}), &user_type()).unwrap();
    assert_eq!(created["emails"], emails);
    group(
        &both,
        &json!([{"op": "replace", "path": "members", "value": [{"value": "u2"}]}]),
        &json!({"members": [{"value": "u2"}]}),
    );
}

#[test]
fn other_envelopes() {
    let ty = user_type();
    let operation = json!({"op": "replace", "path": "active", "value": "False"});
    for mut body in [
        json!([operation]),
        json!({"operations": [operation]}),
        json!({"Schemas": [PATCH_OP], "OPERATIONS": [operation]}),
    ] {
        adapt_patch(&mut body, &ty);
        let request = parse_request(&body, &ty, &PatchRules::default()).unwrap();
        assert_eq!(request.operations[0].value, Some(json!(false)));
    }
}

#[test]
fn what_follows_the_rfc_is_left_alone() {
    let user = expand(&json!({
        "schemas": [USER, "ENT"], "userName": "true", "displayName": "{\"value\": \"x\"}", "active": false,
        "emails": [{"value": "true", "primary": true}], "ENT": {"manager": {"value": "m1"}},
    }));
    let mut adapted = user.clone();
    adapt_resource(&mut adapted, &user_type());
    assert_eq!(adapted, user);
    let patch = expand(&json!({"schemas": [PATCH_OP], "Operations": [
        {"op": "add", "path": "ENT:manager", "value": {"value": "m1"}},
        {"op": "replace", "value": {"name": {"givenName": "false"}, "active": true}},
        {"op": "remove", "path": "emails[type eq \"work\"]"},
    ]}));
    let mut adapted = patch.clone();
    adapt_patch(&mut adapted, &user_type());
    assert_eq!(adapted, patch);
}
