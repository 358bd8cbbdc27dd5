//! Bodies of POST and PUT, and the resources or errors that come of them.

use serde_json::json;

use super::*;
use crate::scim::{
    ENTERPRISE, GROUP, USER,
    schema::DataType,
    schemas::{group_type, user_type},
};

fn read(body: &Json, mode: Mode) -> Result<Normalised, ScimError> {
    normalise(body.as_object().unwrap(), &user_type(), &Rules { mode }, Purpose::Create)
}

/// Checks what becomes of one attribute, in both modes.
#[track_caller]
fn check(attribute: &str, given: Json, taken: Json) {
    for mode in [Mode::Tolerant, Mode::Rfc] {
        let body = json!({"schemas": [USER], "userName": "u", attribute: given.clone()});
        let resource = read(&body, mode).unwrap().resource;
        assert_eq!(resource.get(attribute).unwrap_or(&Json::Null), &taken, "{mode:?}");
    }
}

/// Checks that a body is refused, with this `scimType` and detail.
#[track_caller]
fn refused(result: Result<Normalised, ScimError>, kind: &str, detail: &str) {
    let error = result.unwrap_err();
    assert_eq!((error.status(), error.scim_type().unwrap().as_str()), (400, kind));
    assert_eq!(error.detail(), detail);
}

#[test]
fn names_take_the_schema_spelling_and_read_only_goes() {
    // 7643-2.1-a, 7644-3.3-a, 7643-3.1-meta
    let body = json!({
        "SCHEMAS": [USER.to_uppercase()], "USERNAME": "bob", "id": "x", "meta": {"version": "1"}, "Name": {"GIVENNAME": "Bob"},
        "groups": [{"value": "g"}], "favouriteColour": "red", "emails": [{"value": "a@x", "colour": "red"}],
        ENTERPRISE.to_lowercase(): {"Department": "IT", "floor": 3, "manager": {"value": "m", "displayName": "M"}},
    });
    let taken = read(&body, Mode::Tolerant).unwrap();
    let expected = json!({
        "schemas": [USER, ENTERPRISE], "userName": "bob", "name": {"givenName": "Bob"}, "emails": [{"value": "a@x"}],
        ENTERPRISE: {"department": "IT", "manager": {"value": "m"}},
    });
    assert_eq!(Json::Object(taken.resource), expected);
    let mut ignored = taken.ignored;
    ignored.sort();
    assert_eq!(ignored, ["emails.colour", "favouriteColour", &format!("{ENTERPRISE}:floor")]);
}

#[test]
fn nothing_is_absent_and_told() {
    // 7644-3.3-c, 7643-2.5-a
    let body = json!({
        "schemas": [USER], "userName": "u", "title": null, "emails": [], "nickName": "", "roles": [{"value": null}],
        "name": {"givenName": null, "familyName": "R"}, "phoneNumbers": [{"type": "work", "primary": true}],
    });
    let taken = read(&body, Mode::Rfc).unwrap();
    let expected = json!({"schemas": [USER], "userName": "u", "name": {"familyName": "R"}});
    assert_eq!(Json::Object(taken.resource), expected);
    let mut cleared: Vec<String> = taken.cleared.iter().map(ToString::to_string).collect();
    cleared.sort();
    assert_eq!(cleared, ["emails", "name.givenName", "nickName", "phoneNumbers", "roles", "title"]);
}

#[test]
fn values_are_kept_verbatim() {
    // 7643-4.1-d
    for text in [" padded ", "+1 (425) 555-0100", "ÀÉ", "not/a zone"] {
        check("timezone", json!(text), json!(text));
    }
    check("active", json!(false), json!(false));
    check("x509Certificates", json!([{"value": "aGVsbG8="}]), json!([{"value": "aGVsbG8="}]));
}

#[test]
fn lists_have_no_twins_and_one_primary() {
    // 7643-2.4-a, 7643-2.4-b
    check(
        "emails",
        json!([
            {"value": "a@x", "type": "work"}, {"value": "A@X", "type": "Work", "display": "again"},
            {"value": "a@x", "type": "home"}, {"value": "b@x", "primary": true},
        ]),
        json!([{"value": "a@x", "type": "work"}, {"value": "a@x", "type": "home"}, {"value": "b@x", "primary": true}]),
    );
    let two = json!({"schemas": [USER], "userName": "u", "emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]});
    refused(read(&two, Mode::Tolerant), "invalidValue", "`emails` has more than one primary value.");
    let members = json!({"schemas": [GROUP], "displayName": "g", "members": [{"value": "a"}, {"value": "a", "type": "User"}, {"value": "A"}]});
    let group =
        normalise(members.as_object().unwrap(), &group_type(), &Rules::default(), Purpose::Create).unwrap();
    assert_eq!(group.resource["members"], json!([{"value": "a"}, {"value": "A"}]));
}

#[test]
fn wrong_types_are_named() {
    // A.2: wrong JSON type is invalidValue
    let cases = [
        (json!({"title": 5}), "Attribute `title` must be a string; a number was given."),
        (json!({"title": ["a"]}), "Attribute `title` must be a string; an array was given."),
        (json!({"active": "maybe"}), "Attribute `active` must be a boolean; a string was given."),
        (json!({"name": "Bob"}), "Attribute `name` must be an object; a string was given."),
        (json!({"emails": [["a@x"]]}), "Attribute `emails` must be an object; an array was given."),
        (json!({"emails": [{"value": 5}]}), "Attribute `emails.value` must be a string; a number was given."),
        (
            json!({"x509Certificates": [{"value": "?"}]}),
            "Attribute `x509Certificates.value` must be base64 text; the text is none.",
        ),
        (json!({"title": "a\u{0}b"}), "Attribute `title` must not contain the character NUL."),
        (
            json!({ENTERPRISE: "x"}),
            "Attribute `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User` must be an object; a string was given.",
        ),
    ];
    for (part, detail) in cases {
        let mut body = json!({"schemas": [USER], "userName": "u"});
        body.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        for mode in [Mode::Tolerant, Mode::Rfc] {
            refused(read(&body, mode), "invalidValue", detail);
        }
    }
}

#[test]
fn data_types_beyond_the_standard_schemas() {
    // 7643-2.3.1-a, 7643-2.3.3-a, 7643-2.3.5-a
    let mut ty = user_type();
    let mut push = |name: &str, data_type, restrictive: bool| {
        let canonical_values = vec!["Red".to_owned(), "Blue".to_owned()];
        let name = name.to_owned();
        ty.core.attributes.push(SchemaAttribute {
            name,
            data_type,
            restrictive,
            canonical_values,
            ..Default::default()
        });
    };
    push("born", DataType::DateTime, false);
    push("size", DataType::Integer, false);
    push("rate", DataType::Decimal, false);
    push("colour", DataType::String, true);
    push("shade", DataType::String, false);
    let read = |part: Json| {
        let mut body = json!({"userName": "u"});
        body.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        normalise(body.as_object().unwrap(), &ty, &Rules::default(), Purpose::Create)
    };
    let good = json!({"born": "2011-05-13T04:42:34Z", "size": 5, "rate": 5, "colour": "red", "shade": "any"});
    let taken = read(good).unwrap().resource;
    assert_eq!((&taken["rate"], &taken["colour"]), (&json!(5.0), &json!("Red")));
    for bad in [
        json!({"born": "2011-05-13"}),
        json!({"size": 5.5}),
        json!({"rate": "5"}),
        json!({"colour": "green"}),
    ] {
        let error = read(bad.clone()).expect_err(&bad.to_string());
        assert_eq!(error.scim_type().unwrap().as_str(), "invalidValue");
    }
}

#[test]
fn what_only_the_store_says_of_a_complex_value_asks_nothing_of_clients() {
    let mut ty = user_type();
    let sub = |name: &str, required, mutability| SchemaAttribute {
        name: name.into(),
        required,
        mutability,
        ..Default::default()
    };
    ty.core.attributes.push(SchemaAttribute {
        name: "size".into(),
        data_type: DataType::Complex,
        sub_attributes: vec![
            sub("unit", true, Mutability::ReadWrite),
            sub("height", false, Mutability::ReadWrite),
            sub("checksum", false, Mutability::ReadOnly),
        ],
        ..Default::default()
    });
    let check = |size: Json| {
        let resource = json!({"schemas": [USER], "userName": "u", "size": size});
        check_required(resource.as_object().unwrap(), &ty)
    };
    assert!(check(json!({"checksum": "c"})).is_ok());
    assert!(check(json!({"checksum": "c", "unit": "cm"})).is_ok());
    assert!(check(json!({"checksum": "c", "height": "1"})).is_err());
}

#[test]
fn tolerance_understands_shorthand() {
    let body =
        json!({"userName": "u", "emails": "a@x", "roles": {"value": "r"}, ENTERPRISE: {"manager": "m1"}});
    let user = read(&body, Mode::Tolerant).unwrap().resource;
    assert_eq!(user["emails"], json!([{"value": "a@x"}]));
    assert_eq!(user["roles"], json!([{"value": "r"}]));
    assert_eq!(user[ENTERPRISE], json!({"manager": {"value": "m1"}}));
    for part in [json!({"emails": "a@x"}), json!({"emails": {"value": "a@x"}}), json!({"emails": ["a@x"]})] {
        let mut body = json!({"schemas": [USER], "userName": "u"});
        body.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        assert!(read(&body, Mode::Rfc).is_err(), "{part}");
    }
}

#[test]
fn schemas_are_checked_under_the_rfc() {
    // 7643-3-a, D-6
    let urn = "urn:example:x";
    let cases = [
        (json!({}), "The attribute `schemas` is missing."),
        (json!({"schemas": []}), "`schemas` does not name `urn:ietf:params:scim:schemas:core:2.0:User`."),
        (
            json!({"schemas": [USER, urn]}),
            "`urn:example:x` in `schemas` is not a schema of this resource type.",
        ),
        (
            json!({"schemas": [USER, USER.to_uppercase()]}),
            "`URN:IETF:PARAMS:SCIM:SCHEMAS:CORE:2.0:USER` in `schemas` is there twice.",
        ),
        (json!({"schemas": USER}), "`schemas` must be an array of schema URNs."),
    ];
    for (mut body, detail) in cases {
        body["userName"] = json!("u");
        refused(read(&body, Mode::Rfc), "invalidSyntax", detail);
        refused(read(&body, Mode::Strict), "invalidSyntax", detail);
        assert_eq!(read(&body, Mode::Tolerant).unwrap().resource["schemas"], json!([USER]));
    }
    refused(
        read(&json!({"schemas": [5], "userName": "u"}), Mode::Tolerant),
        "invalidSyntax",
        "`schemas` must be an array of schema URNs.",
    );
}

#[test]
fn names_that_nobody_defines_are_errors_in_strict_mode_alone() {
    // D-6
    for (part, name) in [
        (json!({"favouriteColour": "red"}), "favouriteColour"),
        (json!({"name": {"colour": "red"}}), "name.colour"),
        (json!({"emails": [{"value": "a@x", "colour": "red"}]}), "emails.colour"),
        (json!({"urn:example:x": {"a": 1}}), "urn:example:x"),
        (json!({ENTERPRISE: {"floor": 3}}), &format!("{ENTERPRISE}:floor")),
    ] {
        let mut body = json!({"schemas": [USER], "userName": "u"});
        body.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        for mode in [Mode::Tolerant, Mode::Rfc] {
            assert_eq!(read(&body, mode).unwrap().ignored, [name], "{mode:?}");
        }
        refused(read(&body, Mode::Strict), "invalidSyntax", &format!("`{name}` is not an attribute."));
    }
}

#[test]
fn required_attributes_must_be_there() {
    // 7644-3.3-g, 7643-6-a, D-10
    for body in [
        json!({"schemas": [USER]}),
        json!({"schemas": [USER], "userName": ""}),
        json!({"schemas": [USER], "userName": null}),
    ] {
        refused(read(&body, Mode::Rfc), "invalidValue", "Attribute `userName` is required.");
    }
    assert!(check_required(&Object::new(), &group_type()).unwrap_err().detail().contains("displayName"));
    let mut ty = user_type();
    ty.extensions[0].1 = true;
    let bob = json!({"userName": "bob"});
    assert_eq!(
        check_required(bob.as_object().unwrap(), &ty).unwrap_err().detail(),
        format!("The extension `{ENTERPRISE}` is required.")
    );
    let manager = ty.extensions[0].0.attributes.iter_mut().find(|a| a.name == "manager").unwrap();
    manager.sub_attributes[0].required = true;
    let bob = json!({"userName": "bob", ENTERPRISE: {"manager": {"$ref": "x"}}});
    assert_eq!(
        check_required(bob.as_object().unwrap(), &ty).unwrap_err().detail(),
        format!("Attribute `{ENTERPRISE}:manager.value` is required.")
    );
}

/// PUT of `wanted` over `current`.
fn replace(current: &Json, wanted: &Json, ty: &ResourceType) -> Result<Json, ScimError> {
    let wanted = normalise(wanted.as_object().unwrap(), ty, &Rules::default(), Purpose::Replace)?.resource;
    merge_replace(current.as_object().unwrap(), wanted, ty).map(Json::Object)
}

#[test]
fn put_replaces_what_clients_may_write() {
    // 7644-3.5.1-a, 7644-3.5.1-b, 7644-3.5.1-d, 7644-3.5.1-g, 7644-3.5.1-i
    let current = json!({
        "schemas": [USER, ENTERPRISE], "id": "1", "meta": {"version": "1"}, "groups": [{"value": "g"}], "userName": "bob",
        "title": "Boss", "password": "secret", "active": false, "emails": [{"value": "a@x"}, {"value": "b@x"}],
        ENTERPRISE: {"department": "IT", "manager": {"value": "m", "displayName": "M"}},
    });
    let wanted = json!({
        "id": "2", "meta": {"version": "9"}, "groups": [], "userName": "robert", "emails": [{"value": "c@x"}],
        ENTERPRISE: {"manager": {"value": "m"}},
    });
    let expected = json!({
        "schemas": [USER, ENTERPRISE], "id": "1", "meta": {"version": "1"}, "groups": [{"value": "g"}], "userName": "robert",
        "password": "secret", "active": false, "emails": [{"value": "c@x"}],
        ENTERPRISE: {"manager": {"value": "m", "displayName": "M"}},
    });
    assert_eq!(replace(&current, &wanted, &user_type()), Ok(expected));

    let other_manager = json!({"userName": "bob", ENTERPRISE: {"manager": {"value": "n"}}});
    let replaced = replace(&current, &other_manager, &user_type()).unwrap();
    assert_eq!(replaced[ENTERPRISE], json!({"manager": {"value": "n"}}), "M is not n's name");
    // 7644-3.5.1-e
    let error = replace(&current, &json!({"title": "x"}), &user_type()).unwrap_err();
    assert_eq!(error.detail(), "Attribute `userName` is required.");
}

#[test]
fn put_respects_immutable_attributes() {
    // 7644-3.5.1-c
    let mut ty = user_type();
    ty.core
        .attributes
        .iter_mut()
        .filter(|a| a.name == "nickName")
        .for_each(|a| a.mutability = Mutability::Immutable);
    let current = json!({"userName": "bob", "nickName": "Bob"});
    let kept = |wanted: Json| replace(&current, &wanted, &ty).map(|r| r["nickName"].clone());
    assert_eq!(kept(json!({"userName": "bob"})), Ok(json!("Bob")));
    assert_eq!(
        kept(json!({"userName": "bob", "nickName": "BOB"})),
        Ok(json!("Bob")),
        "not case-exact: the same value"
    );
    let error = kept(json!({"userName": "bob", "nickName": "Rob"})).unwrap_err();
    assert_eq!(error.scim_type().unwrap().as_str(), "mutability");
    let unset =
        replace(&json!({"userName": "bob"}), &json!({"userName": "bob", "nickName": "Rob"}), &ty).unwrap();
    assert_eq!(unset["nickName"], json!("Rob"));
}

#[test]
fn put_of_the_same_members_changes_nothing() {
    // 7644-3.5.2-k, KC-04
    let member = |i: usize| json!({"value": format!("u{i}"), "type": "User", "$ref": format!("../Users/u{i}"), "display": "x"});
    let current =
        json!({"schemas": [GROUP], "displayName": "g", "members": (0..1000).map(member).collect::<Vec<_>>()});
    let values = |range: std::ops::Range<usize>| -> Vec<Json> {
        range.rev().map(|i| json!({"value": format!("u{i}")})).collect()
    };
    let same = json!({"displayName": "g", "members": values(0..1000)});
    assert_eq!(replace(&current, &same, &group_type()), Ok(current.clone()));
    let fewer = json!({"displayName": "g", "members": values(0..2)});
    assert_eq!(replace(&current, &fewer, &group_type()).unwrap()["members"], json!([member(1), member(0)]));
}
