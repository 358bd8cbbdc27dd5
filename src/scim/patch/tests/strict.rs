//! Where the modes part: what is ignored, what is made, and what the interoperability profile refuses.

use super::*;

fn outcome(operation: &Json, mode: Mode) -> Result<Json, String> {
    run_with(&bob(), &json!([operation]), &user_type(), &PatchRules::of(mode))
}

#[test]
fn names_that_nobody_defines_are_counted_or_refused() {
    // D-6
    let ty = user_type();
    let parse = |operation: &Json, mode: Mode| {
        let body = json!({"schemas": [PATCH_OP], "Operations": [operation]});
        parse_request(&body, &ty, &PatchRules::of(mode)).map(|request| request.ignored)
    };
    let many = json!([{"value": "c@x", "colour": "red"}, {"value": "d@x", "size": 1, "colour": "blue"}]);
    for (operation, count) in [
        (json!({"op": "add", "path": "name", "value": {"givenName": "B", "colour": "red"}}), 1),
        (json!({"op": "replace", "path": "emails", "value": many}), 3),
        (json!({"op": "remove", "path": "emails", "value": [{"value": "a@x", "colour": "red"}]}), 1),
        (json!({"op": "add", "path": ENTERPRISE, "value": {"department": "D", "colour": "red"}}), 1),
        (json!({"op": "add", "path": "title", "value": "x"}), 0),
    ] {
        for mode in [Mode::Tolerant, Mode::Rfc] {
            assert_eq!(parse(&operation, mode), Ok(count), "{mode:?}: {operation}");
        }
        let strict = parse(&operation, Mode::Strict).map_err(|e| e.scim_type().unwrap().as_str());
        assert_eq!(strict, if count == 0 { Ok(0) } else { Err("invalidSyntax") }, "{operation}");
    }
    let whole = json!({"op": "add", "value": {"colour": "red", "title": "x", "name.givenName": "B"}});
    assert_eq!(parse(&whole, Mode::Tolerant), Ok(1));
    assert_eq!(parse(&whole, Mode::Rfc), Ok(2), "a path as a key is a dialect");
}

#[test]
fn elements_that_are_not_there() {
    // D-4, P-add-5, P-rep-6
    let operation = |op: &str| json!({"op": op, "path": "emails[type eq \"other\"].value", "value": "c@x"});
    for (mode, replaced) in [(Mode::Tolerant, true), (Mode::Rfc, false), (Mode::Strict, false)] {
        let made = outcome(&operation("add"), mode).unwrap();
        assert_eq!(made["emails"][2], json!({"value": "c@x", "type": "other"}), "{mode:?}");
        let expected = if replaced { Ok(made) } else { Err("noTarget".to_owned()) };
        assert_eq!(outcome(&operation("replace"), mode), expected, "{mode:?}");
    }
}

#[test]
fn the_interoperability_profile_has_one_target_and_whole_values() {
    // B.6, P-rep-2
    for (operation, kind) in [
        (json!({"op": "replace", "value": {"title": "x"}}), "invalidSyntax"),
        (json!({"op": "add", "path": "emails[type eq \"work\"]", "value": {"display": "x"}}), "invalidPath"),
        (json!({"op": "remove", "path": "emails[type eq \"work\"]"}), "invalidPath"),
        (json!({"op": "replace", "path": "emails[value pr].display", "value": "x"}), "invalidFilter"),
        (json!({"op": "remove", "path": "emails[value pr].type"}), "invalidFilter"),
    ] {
        assert_eq!(outcome(&operation, Mode::Strict), Err(kind.to_owned()), "{operation}");
        assert!(outcome(&operation, Mode::Rfc).is_ok(), "{operation}");
    }
    let mut named = bob();
    named["name"] = json!({"givenName": "Bob", "familyName": "Ray"});
    let operation = json!([{"op": "replace", "path": "name", "value": {"familyName": "Lee"}}]);
    let name = |mode: Mode| {
        run_with(&named, &operation, &user_type(), &PatchRules::of(mode)).unwrap()["name"].clone()
    };
    assert_eq!(name(Mode::Rfc), json!({"givenName": "Bob", "familyName": "Lee"}));
    assert_eq!(name(Mode::Strict), json!({"familyName": "Lee"}));
}

#[test]
fn members_go_by_their_id_in_every_mode() {
    // P-rem-3; the interoperability profile has no such path, IPSIE demands it.
    let group = json!({"displayName": "g", "members": [{"value": "1"}, {"value": "2"}]});
    let remove = |filter: &str| json!([{"op": "remove", "path": format!("members[{filter}]")}]);
    let run =
        |filter: &str, mode: Mode| run_with(&group, &remove(filter), &group_type(), &PatchRules::of(mode));
    for mode in [Mode::Tolerant, Mode::Rfc, Mode::Strict] {
        assert_eq!(run("value eq \"1\"", mode).unwrap()["members"], json!([{"value": "2"}]), "{mode:?}");
    }
    assert_eq!(run("value pr", Mode::Strict), Err("invalidFilter".into()));
    assert!(run("value pr", Mode::Rfc).is_ok());
}
