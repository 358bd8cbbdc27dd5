//! The table of PATCH (RFC 7644 §3.5.2, standards A.7), row by row, in front of every store whose
//! mapping has a place for everything: what is answered, what the resource is then, and that an error
//! or an operation without effect leaves it as it was, with its version.

use serde_json::{Value as Json, json};

use crate::{
    support::{Backend, Client, mismatches, unique},
    vectors::Site,
};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENT: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What comes of operations.
enum Then {
    /// The resource holds this.
    Holds(Json),
    /// It is what it was, with version and time.
    Same,
    /// The error with this status and `scimType`.
    Refused(u16, &'static str),
}
use Then::{Holds, Refused, Same};

/// Operations on a fresh user.
type Row = (Json, Then);

fn row(operation: Json, then: Then) -> Row {
    (json!([operation]), then)
}

fn work() -> Json {
    json!({ "value": "w@x.example", "type": "work", "primary": true })
}

fn home() -> Json {
    json!({ "value": "h@x.example", "type": "home" })
}

/// A user with something of everything.
fn person() -> Json {
    json!({
        "schemas": [USER, ENT], "userName": unique("table"), "title": "Boss", "active": true,
        "name": { "givenName": "Ann", "familyName": "Lee" },
        "emails": [work(), home()],
        "phoneNumbers": [{ "value": "1", "type": "work" }, { "value": "2", "type": "work" }, { "value": "3", "type": "home" }],
        ENT: { "department": "Finance", "costCenter": "7" },
    })
}

/// Runs rows, each on a user of its own, in front of every store.
fn check(rows: impl Fn() -> Vec<Row>) {
    let mut wrong = Vec::new();
    for backend in Backend::EVERY {
        let Some(site) = Site::start(backend, "tolerant") else { continue };
        let client = site.gateway.client();
        for (operations, then) in rows() {
            if let Err(problem) = try_row(&client, &operations, &then) {
                wrong.push(format!("{}: {operations}: {problem}", backend.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} mistakes:\n{}", wrong.len(), wrong.join("\n"));
}

fn try_row(client: &Client, operations: &Json, then: &Then) -> Result<(), String> {
    let made = client.post("/Users", &person());
    assert_eq!(made.status, 201, "{made}");
    let path = format!("/Users/{}", made.id());
    let before = client.get(&path);
    let answer = client.patch(&path, operations.clone());
    let after = client.get(&path);
    // 7644-3.5.2-j: the answer is the resource.
    if answer.status < 300 && answer.json != after.json {
        return Err(format!("the answer {answer} is not the resource {after}"));
    }
    let refused = (answer.status, answer.json["scimType"].as_str().unwrap_or(""));
    match then {
        Holds(expected) => {
            let wrong = mismatches(expected, &after.json);
            let is_fine = answer.status == 200 && wrong.is_empty() && before.json != after.json;
            if is_fine { Ok(()) } else { Err(format!("{} in {answer}", wrong.join(", "))) }
        }
        // 7644-3.5.2-k, with `meta`.
        Same if answer.status == 200 && before.json == after.json => Ok(()),
        Refused(status, kind) if refused == (*status, *kind) && before.json == after.json => Ok(()),
        Same | Refused(..) => Err(format!("{answer}, before {before}, after {after}")),
    }
}

#[test]
fn add() {
    check(|| {
        let op = |path: &str, value: Json| json!({ "op": "add", "path": path, "value": value });
        vec![
            // P-add-0
            row(
                json!({ "op": "add", "value": { "title": "Chief", "nickName": "A", "name": { "middleName": "B" } } }),
                Holds(
                    json!({ "title": "Chief", "nickName": "A", "name": { "givenName": "Ann", "middleName": "B" } }),
                ),
            ),
            // P-add-1
            row(json!({ "op": "add", "value": "x" }), Refused(400, "invalidValue")),
            row(json!({ "op": "add", "value": ["x"] }), Refused(400, "invalidValue")),
            row(json!({ "op": "add" }), Refused(400, "invalidValue")),
            // P-add-2
            row(op("nickName", json!("Annie")), Holds(json!({ "nickName": "Annie" }))),
            row(op("title", json!("Chief")), Holds(json!({ "title": "Chief" }))),
            row(
                op("name.middleName", json!("B")),
                Holds(json!({ "name": { "givenName": "Ann", "middleName": "B" } })),
            ),
            // P-add-3
            row(
                op("name", json!({ "familyName": "Ray", "middleName": "B" })),
                Holds(json!({ "name": { "givenName": "Ann", "familyName": "Ray", "middleName": "B" } })),
            ),
            // P-add-4
            row(
                op("emails", json!({ "value": "o@x.example", "type": "other" })),
                Holds(json!({ "emails": [work(), home(), { "value": "o@x.example", "type": "other" }] })),
            ),
            row(op("emails", json!([{ "value": "w@x.example", "type": "work" }])), Same),
            row(op("phoneNumbers", json!([{ "value": "3", "type": "home" }])), Same),
            row(
                op("emails", json!([home(), { "value": "h@x.example", "type": "other" }])),
                Holds(json!({ "emails": [work(), home(), { "value": "h@x.example", "type": "other" }] })),
            ),
            // P-add-5, D-4
            row(
                op("phoneNumbers[type eq \"work\"].display", json!("Desk")),
                Holds(json!({ "phoneNumbers": [
                    { "value": "1", "display": "Desk" }, { "value": "2", "display": "Desk" }, { "value": "3", "display": null },
                ] })),
            ),
            row(
                op("emails[type eq \"other\"].value", json!("o@x.example")),
                Holds(json!({ "emails": [work(), home(), { "value": "o@x.example", "type": "other" }] })),
            ),
            row(
                op("emails[type ne \"work\" and value sw \"z\"].value", json!("z")),
                Refused(400, "noTarget"),
            ),
            // P-add-6
            row(
                op(ENT, json!({ "department": "Sales", "division": "North" })),
                Holds(json!({ ENT: { "department": "Sales", "costCenter": "7", "division": "North" } })),
            ),
        ]
    });
}

#[test]
fn remove() {
    check(|| {
        let op = |path: &str| json!({ "op": "remove", "path": path });
        let phones = |list: Json| json!({ "phoneNumbers": list });
        vec![
            // P-rem-0
            row(json!({ "op": "remove" }), Refused(400, "noTarget")),
            row(json!({ "op": "remove", "value": { "title": "Boss" } }), Refused(400, "noTarget")),
            // P-rem-1
            row(op("title"), Holds(json!({ "title": null, "name": { "givenName": "Ann" } }))),
            row(op("name"), Holds(json!({ "name": null, "title": "Boss" }))),
            row(op("nickName"), Same),
            // P-rem-2
            row(op("emails"), Holds(json!({ "emails": null }))),
            row(
                json!({ "op": "remove", "path": "emails", "value": [{ "value": "h@x.example", "type": "home" }] }),
                Holds(json!({ "emails": [work()] })),
            ),
            row(json!({ "op": "remove", "path": "emails", "value": [] }), Same),
            // P-rem-3, D-3
            row(
                op("phoneNumbers[type eq \"work\"]"),
                Holds(phones(json!([{ "value": "3", "type": "home" }]))),
            ),
            row(op("phoneNumbers[value pr]"), Holds(phones(Json::Null))),
            row(op("phoneNumbers[type eq \"fax\"]"), Same),
            // P-rem-4
            row(
                op("emails[type eq \"work\"].primary"),
                Holds(json!({ "emails": [{ "value": "w@x.example", "type": "work" }, home()] })),
            ),
            row(op("emails[type eq \"work\"].value"), Holds(json!({ "emails": [home()] }))),
            // P-rem-5
            row(op("userName"), Refused(400, "mutability")),
            row(op("id"), Refused(400, "mutability")),
            row(op("groups"), Refused(400, "mutability")),
            // P-rem-6
            row(op("name.givenName"), Holds(json!({ "name": { "givenName": null, "familyName": "Lee" } }))),
            row(op("name.middleName"), Same),
        ]
    });
}

#[test]
fn replace() {
    check(|| {
        let op = |path: &str, value: Json| json!({ "op": "replace", "path": path, "value": value });
        let other = || json!({ "value": "o@x.example", "type": "other" });
        vec![
            // P-rep-0
            row(
                json!({ "op": "replace", "value": { "title": "Chief", "emails": [other()] } }),
                Holds(json!({ "title": "Chief", "emails": [other()], "name": { "givenName": "Ann" } })),
            ),
            // P-rep-1
            row(op("title", json!("Chief")), Holds(json!({ "title": "Chief" }))),
            row(op("nickName", json!("Annie")), Holds(json!({ "nickName": "Annie" }))),
            row(op("title", json!("Boss")), Same),
            // P-rep-2
            row(
                op("name", json!({ "familyName": "Ray" })),
                Holds(json!({ "name": { "givenName": "Ann", "familyName": "Ray" } })),
            ),
            // P-rep-3
            row(op("emails", json!([other()])), Holds(json!({ "emails": [other()] }))),
            row(op("emails", json!([])), Holds(json!({ "emails": null }))),
            row(op("emails", json!([home(), work()])), Same),
            // P-rep-4
            row(op("emails[type eq \"home\"]", other()), Holds(json!({ "emails": [work(), other()] }))),
            // P-rep-5
            row(
                op("phoneNumbers[type eq \"work\"].display", json!("Desk")),
                Holds(json!({ "phoneNumbers": [
                    { "value": "1", "display": "Desk" }, { "value": "2", "display": "Desk" }, { "value": "3", "display": null },
                ] })),
            ),
            // P-rep-6, D-4
            row(op("emails[type eq \"other\"]", other()), Refused(400, "noTarget")),
            row(op("emails[value sw \"z\"].display", json!("z")), Refused(400, "noTarget")),
            row(
                op("emails[type eq \"other\"].value", json!("o@x.example")),
                Holds(json!({ "emails": [work(), home(), other()] })),
            ),
            // P-rep-7
            row(op("title", Json::Null), Holds(json!({ "title": null }))),
            row(op("title", json!("")), Holds(json!({ "title": null }))),
            row(op("nickName", Json::Null), Same),
        ]
    });
}

#[test]
fn any_operation() {
    check(|| {
        let mut rows = Vec::new();
        for op in ["add", "replace"] {
            let with = |path: &str, value: Json| json!({ "op": op, "path": path, "value": value });
            // P-any-1
            for path in ["title", "name", "emails", "emails[type eq \"work\"].value"] {
                rows.push(row(json!({ "op": op, "path": path }), Refused(400, "invalidValue")));
            }
            // P-any-2
            for (path, value) in [
                ("title", json!(7)),
                ("title", json!({ "a": 1 })),
                ("title", json!(["a", "b"])),
                ("active", json!("perhaps")),
                ("active", json!(1)),
                ("name", json!("Ann Lee")),
                ("name", json!({ "givenName": 7 })),
                ("name.givenName", json!(true)),
                ("emails", json!(7)),
                ("emails", json!([[work()]])),
                ("emails", json!([{ "value": 7 }])),
                ("emails[type eq \"work\"].value", json!({ "value": "x" })),
                ("emails[type eq \"work\"].primary", json!("perhaps")),
            ] {
                rows.push(row(with(path, value), Refused(400, "invalidValue")));
            }
            // P-any-3, 7644-3.5.2-e
            for (path, value) in [
                ("id", json!("x")),
                ("meta", json!({ "version": "x" })),
                ("meta.created", json!("2020-01-01T00:00:00Z")),
                ("groups", json!([{ "value": "x" }])),
            ] {
                rows.push(row(with(path, value), Refused(400, "mutability")));
            }
            rows.push(row(with("schemas", json!(["urn:example:x"])), Same));
            // 7644-3.5.2-d
            for path in
                ["", " ", "nothing", "name.nothing", "name..givenName", "emails[", "emails]", "urn:x:y:title"]
            {
                let kind = if path.trim().is_empty() { "invalidValue" } else { "invalidPath" };
                rows.push(row(with(path, json!("x")), Refused(400, kind)));
            }
            rows.push(row(with("emails[type eq].value", json!("x")), Refused(400, "invalidFilter")));
            rows.push(row(with("emails[nothing pr].value", json!("x")), Refused(400, "invalidFilter")));
        }
        rows
    });
}

#[test]
fn operations_follow_each_other_all_or_none() {
    check(|| {
        let set = |value: &str| json!({ "op": "replace", "path": "title", "value": value });
        vec![
            // 7644-3.5.2-f
            (
                json!([set("a"), { "op": "remove", "path": "title" }, { "op": "add", "path": "title", "value": "c" }]),
                Holds(json!({ "title": "c" })),
            ),
            (
                json!([
                    { "op": "add", "path": "emails", "value": [{ "value": "o@x.example", "type": "other" }] },
                    { "op": "replace", "path": "emails[type eq \"other\"].value", "value": "p@x.example" },
                    { "op": "remove", "path": "emails[type eq \"home\"]" },
                ]),
                Holds(json!({ "emails": [work(), { "value": "p@x.example", "type": "other" }] })),
            ),
            // What comes back to where it was is no change.
            (json!([set("a"), set("Boss")]), Same),
            // 7644-3.5.2-g
            (
                json!([set("a"), { "op": "replace", "path": "nothing", "value": 1 }]),
                Refused(400, "invalidPath"),
            ),
            (json!([set("a"), { "op": "replace", "path": "id", "value": "x" }]), Refused(400, "mutability")),
            (
                json!([{ "op": "remove", "path": "emails" }, set("a"), { "op": "remove", "path": "userName" }]),
                Refused(400, "mutability"),
            ),
            (
                json!([set("a"), { "op": "add", "path": format!("{ENT}:manager"), "value": { "value": "nobody" } }]),
                Refused(400, "invalidValue"),
            ),
        ]
    });
}

#[test]
fn the_urn_of_an_extension_comes_and_goes_with_its_attributes() {
    // 7644-3.5.2-h
    check(|| {
        let remove = |path: &str| json!({ "op": "remove", "path": format!("{ENT}{path}") });
        vec![
            row(
                remove(":department"),
                Holds(json!({ "schemas": [USER, ENT], ENT: { "department": null, "costCenter": "7" } })),
            ),
            (
                json!([remove(":department"), remove(":costCenter")]),
                Holds(json!({ "schemas": [USER], ENT: null })),
            ),
            row(remove(""), Holds(json!({ "schemas": [USER], ENT: null }))),
            (
                json!([remove(""), { "op": "add", "path": format!("{ENT}:division"), "value": "North" }]),
                Holds(json!({ "schemas": [USER, ENT], ENT: { "division": "North", "department": null } })),
            ),
            row(
                json!({ "op": "replace", "value": { ENT: null } }),
                Holds(json!({ "schemas": [USER], ENT: null })),
            ),
        ]
    });
}

#[test]
fn one_element_is_primary() {
    // 7644-3.5.2-i, 7643-2.4-a
    check(|| {
        let work = || json!({ "value": "w@x.example", "type": "work", "primary": true });
        let plain = || json!({ "value": "w@x.example", "type": "work" });
        let no_longer = |element: Json| {
            let mut emails = vec![json!({ "value": "w@x.example", "type": "work", "primary": false })];
            emails.push(element);
            emails
        };
        let mut moved = no_longer(json!({ "value": "h@x.example", "type": "home" }));
        moved.push(json!({ "value": "o@x.example", "type": "other", "primary": true }));
        let chosen = no_longer(json!({ "value": "h@x.example", "type": "home", "primary": true }));
        vec![
            row(
                json!({ "op": "add", "path": "emails", "value": [{ "value": "o@x.example", "type": "other", "primary": true }] }),
                Holds(json!({ "emails": "$any" })),
            ),
            row(
                json!({ "op": "add", "path": "emails[type eq \"home\"].primary", "value": true }),
                Holds(json!({ "emails": "$any" })),
            ),
            row(
                json!({ "op": "replace", "path": "emails", "value": [work(), { "value": "h@x.example", "type": "home", "primary": true }] }),
                Refused(400, "invalidValue"),
            ),
            row(
                json!({ "op": "replace", "path": "phoneNumbers[type eq \"work\"].primary", "value": true }),
                Refused(400, "invalidValue"),
            ),
            row(json!({ "op": "add", "path": "emails", "value": [plain()] }), Same),
        ]
        .into_iter()
        .zip([Some(moved), Some(chosen), None, None, None])
        .map(|((operations, then), emails)| match emails {
            Some(emails) => (operations, Holds(json!({ "emails": primaries(&emails) }))),
            None => (operations, then),
        })
        .collect()
    });
}

/// Elements as they are expected: stores differ in whether a false `primary` is shown.
fn primaries(emails: &[Json]) -> Json {
    let shown = emails.iter().map(|email| {
        let mut email = email.clone();
        if email["primary"] == false {
            email.as_object_mut().unwrap().remove("primary");
        }
        email
    });
    shown.collect()
}

#[test]
fn what_is_required_and_unique_stays_so() {
    // 7644-3.5.2-l, D-10
    for backend in Backend::EVERY {
        let Some(site) = Site::start(backend, "tolerant") else { continue };
        let client = site.gateway.client();
        let (one, two) = (client.post("/Users", &person()), client.post("/Users", &person()));
        let group = |name: &str| client.post("/Groups", &json!({ "schemas": [GROUP], "displayName": name }));
        let (name, other) = (unique("one"), unique("two"));
        let (first, second) = (group(&name), group(&other));
        let expect = |path: String, operation: Json, status: u16, kind: &str| {
            let before = client.get(&path);
            let answer =
                client.patch(&path, json!([{ "op": "replace", "path": "title", "value": "x" }, operation]));
            let answer =
                if path.starts_with("/Groups") { client.patch(&path, json!([operation])) } else { answer };
            assert_eq!((answer.status, answer.json["scimType"].as_str()), (status, Some(kind)), "{answer}");
            assert_eq!(before.json, client.get(&path).json, "in front of {}", backend.name());
        };
        let taken = one.json["userName"].as_str().unwrap().to_uppercase();
        let user = || format!("/Users/{}", two.id());
        expect(user(), json!({ "op": "replace", "path": "userName", "value": taken }), 409, "uniqueness");
        expect(user(), json!({ "op": "replace", "path": "userName", "value": null }), 400, "invalidValue");
        expect(user(), json!({ "op": "replace", "value": { "userName": "" } }), 400, "invalidValue");
        let path = || format!("/Groups/{}", second.id());
        expect(path(), json!({ "op": "replace", "path": "displayName", "value": name }), 409, "uniqueness");
        expect(path(), json!({ "op": "remove", "path": "displayName" }), 400, "mutability");
        drop(first);
    }
}

#[test]
fn the_answer_is_the_resource_or_nothing() {
    // 7644-3.5.2-j, 7644-3.9-a
    use crate::support::{Gateway, Options, TestStore};
    for (profile, client, user, group) in [
        ("generic", "", 200, 200),
        ("entra", "", 200, 204),
        ("okta", "patch_response = \"minimal\"", 204, 204),
    ] {
        let Some(store) = TestStore::fresh(Backend::Sqlite) else { return };
        let options = Options { profile: Some(profile), client: client.to_owned(), ..Options::default() };
        let gateway = Gateway::start(&store, &options);
        let client = gateway.client();
        let made = client.post("/Users", &person());
        let crowd = client.post("/Groups", &json!({ "schemas": [GROUP], "displayName": unique("crowd") }));
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": made.id() }] }]);
        let title = json!([{ "op": "replace", "path": "title", "value": "Chief" }]);
        for (path, operations, status) in
            [(format!("/Users/{}", made.id()), title, user), (format!("/Groups/{}", crowd.id()), add, group)]
        {
            let answer = client.patch(&path, operations.clone());
            assert_eq!(answer.status, status, "{profile}: {answer}");
            assert_eq!(answer.json.is_null(), status == 204, "{profile}: {answer}");
            for query in ["attributes=displayName", "excludedAttributes=members"] {
                let answer = client.patch(&format!("{path}?{query}"), operations.clone());
                assert_eq!(answer.status, 200, "{profile}: {answer}");
                assert!(answer.json["id"].is_string() && answer.json.get("members").is_none(), "{answer}");
            }
        }
    }
}

#[test]
fn members_come_once_and_go_without_a_trace() {
    // P-add-4, P-rem-2, P-rem-3, 7644-3.5.2-k, 7643-2.4-b
    for backend in Backend::EVERY {
        let Some(site) = Site::start(backend, "tolerant") else { continue };
        let client = site.gateway.client();
        let ids: Vec<String> = (0..3).map(|_| client.post("/Users", &person()).id()).collect();
        let member = |i: usize| json!({ "value": ids[i] });
        let made = client.post(
            "/Groups",
            &json!({ "schemas": [GROUP], "displayName": unique("crowd"), "members": [member(0), member(0), member(1)] }),
        );
        let path = format!("/Groups/{}", made.id());
        let mut before = client.get(&path).json;
        for (operation, members) in [
            (json!({ "op": "add", "path": "members", "value": [member(0)] }), None),
            (json!({ "op": "add", "path": "members", "value": [member(1), member(0), member(1)] }), None),
            (json!({ "op": "remove", "path": "members", "value": [member(2)] }), None),
            (json!({ "op": "remove", "path": format!("members[value eq \"{}\"]", ids[2]) }), None),
            (json!({ "op": "remove", "path": "members[value eq \"nobody\"]" }), None),
            (json!({ "op": "replace", "path": "members", "value": [member(1), member(0)] }), None),
            (
                json!({ "op": "add", "path": "members", "value": [member(2), member(1)] }),
                Some(json!([member(0), member(1), member(2)])),
            ),
            (
                json!({ "op": "remove", "path": "members", "value": [member(0), member(0)] }),
                Some(json!([member(1), member(2)])),
            ),
            (
                json!({ "op": "replace", "path": "members", "value": [member(0), member(0)] }),
                Some(json!([member(0)])),
            ),
            (json!({ "op": "remove", "path": "members" }), Some(Json::Null)),
            (json!({ "op": "remove", "path": "members" }), None),
        ] {
            let answer = client.patch(&path, json!([operation]));
            assert_eq!(answer.status, 200, "{}: {operation}: {answer}", backend.name());
            let after = client.get(&path).json;
            match members {
                None => assert_eq!(after, before, "{}: {operation}", backend.name()),
                Some(members) => {
                    let wrong = mismatches(&json!({ "members": members }), &after);
                    assert!(wrong.is_empty(), "{}: {operation}: {wrong:?}", backend.name());
                    assert_ne!(after["meta"], before["meta"], "{}: {operation}", backend.name());
                }
            }
            before = after;
        }
        let body = json!({ "schemas": [GROUP], "displayName": before["displayName"], "members": [member(2), member(2)] });
        let put = client.put(&path, &body);
        assert_eq!(put.json["members"].as_array().map(Vec::len), Some(1), "{}: {put}", backend.name());
    }
}
