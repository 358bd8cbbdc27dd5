//! Values of every data type of RFC 7643 §2.3, in a resource type of a mapping's own.

use std::fs;

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use ureq::http::Method;

use super::Site;
use crate::support::{Backend, Options, TestStore, mismatches};

const THING: &str = "urn:example:schemas:Thing";

const TABLES: &str = "
create table things (
    thing_id integer primary key autoincrement, name text not null unique, size integer, ratio numeric,
    since timestamp, bytes blob, lit integer, link text, kind text, serial text
);
create table thing_tags (
    tag_id integer primary key, thing_id integer not null references things on delete cascade, tag text not null
)";

const MAPPING: &str = r#"
[schema."urn:example:schemas:Thing".attributes]
name = { type = "string", required = true, uniqueness = "server" }
size = "integer"
ratio = "decimal"
since = "dateTime"
bytes = "binary"
lit = "boolean"
link = { type = "reference", referenceTypes = ["external"] }
kind = { type = "string" }
serial = { type = "string", mutability = "immutable" }
tags = { type = "string", multiValued = true }

[type.Thing]
schema = "urn:example:schemas:Thing"

[Thing]
table = "things"
key = "thing_id"

[Thing.part.tag]
table = "thing_tags"
on = { thing_id = "thing_id" }
key = "tag_id"
many = true

[Thing.attributes]
name = "name"
size = "size"
ratio = "ratio"
since = "since"
bytes = "bytes"
lit = { field = "lit", map = [[1, true], [0, false]] }
link = "link"
kind = { field = "kind", map = [["B", "big"], ["S", "small"]] }
serial = "serial"
tags = { rows = "tag", each = { value = "tag" } }
"#;

/// A gateway with the type, and a thing in the store.
fn start(mode: &str, directory: &TempDir) -> Option<(Site, String)> {
    let store = TestStore::fresh(Backend::Sqlite)?;
    store.tables().execute(TABLES);
    let file = directory.path().join("things.toml");
    fs::write(&file, format!("extends = \"{}\"\n{MAPPING}", store.mapping().display())).unwrap();
    let options = Options { client: format!("mode = \"{mode}\""), ..Options::default() };
    let site = Site::new(store.with_mapping(file), &options);
    let made = site.client.post("/Things", &thing());
    assert_eq!(made.status, 201, "{made}");
    let wrong = mismatches(&thing(), &made.json);
    assert!(wrong.is_empty(), "{wrong:?}");
    let path = format!("/Things/{}", made.id());
    Some((site, path))
}

fn thing() -> Json {
    json!({
        "schemas": [THING], "name": "one", "size": 7, "ratio": 1.5, "since": "2026-01-31T08:00:00Z",
        "bytes": "aGVsbG8=", "lit": true, "link": "https://x.example/a", "kind": "big", "serial": "S-1",
        "tags": ["a", "b"],
    })
}

#[test]
fn values_that_are_none_of_their_type_are_refused() {
    // 7643-2.3.1-a, 7643-2.3.2-a, 7643-2.3.3-a, 7643-2.3.5-a, 7643-2.3.6-a, 7643-2.3.7-a, P-any-2
    let directory = TempDir::new().unwrap();
    let values = [
        ("name", json!(7)),
        ("name", json!(["one", "two"])),
        ("size", json!(1.5)),
        ("size", json!("7")),
        ("size", json!(true)),
        ("size", serde_json::from_str("1e2").unwrap()),
        ("size", serde_json::from_str("7.0").unwrap()),
        ("ratio", json!("1.5")),
        ("ratio", json!(false)),
        ("since", json!("2026-01-31")),
        ("since", json!("08:00:00Z")),
        ("since", json!("2026-02-30T08:00:00Z")),
        ("since", json!("yesterday")),
        ("since", json!(1_770_000_000)),
        ("bytes", json!("a b")),
        ("bytes", json!("?")),
        ("bytes", json!(7)),
        ("lit", json!("perhaps")),
        ("lit", json!(1)),
        ("link", json!(7)),
        ("link", json!({ "value": "https://x.example/a" })),
        ("kind", json!("medium")),
        ("kind", json!(7)),
        ("tags", json!([7])),
        ("tags", json!([["a"]])),
        ("tags", json!([{ "value": "a" }])),
    ];
    for mode in ["tolerant", "rfc"] {
        let Some((mut site, path)) = start(mode, &directory) else { return };
        let before = site.store.dump();
        let schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
        for (name, value) in &values {
            let mut body = thing();
            body[*name] = value.clone();
            let patch = json!({ "schemas": [schema], "Operations": [{ "op": "replace", "path": name, "value": value }] });
            for (method, path, body) in [
                (Method::POST, "/Things", &body),
                (Method::PUT, &path, &body),
                (Method::PATCH, &path, &patch),
            ] {
                let mut body = body.clone();
                if method == Method::POST && *name != "name" {
                    body["name"] = json!("two");
                }
                let answer = site.client.send(method.clone(), path, Some(&body), &[]);
                let what = format!("{mode}: {method} {name} {value}");
                site.refused(&what, &before, &answer, 400, "invalidValue");
            }
        }
        assert!(site.wrong.is_empty(), "{}", site.wrong.join("\n"));
    }
}

#[test]
fn values_beyond_what_the_store_can_hold_are_refused() {
    let directory = TempDir::new().unwrap();
    let Some((mut site, path)) = start("tolerant", &directory) else { return };
    let before = site.store.dump();
    for (name, text) in [
        ("size", "9223372036854775808"),
        ("size", "18446744073709551615"),
        ("size", "100000000000000000000000"),
        ("since", "\"0000-00-00T00:00:00Z\""),
        ("since", "\"99999-01-01T00:00:00Z\""),
        ("ratio", "1e400"),
    ] {
        let value = format!("{{\"schemas\":[\"{THING}\"],\"name\":\"two\",\"{name}\":{text}}}");
        for (method, path) in [(Method::POST, "/Things"), (Method::PUT, &path)] {
            let headers = [("content-type", "application/scim+json")];
            let answer = site.client.send_text(&method, path, Some(value.as_bytes()), &headers);
            let kind = if name == "ratio" { "invalidSyntax" } else { "invalidValue" };
            site.refused(&format!("{method} {name} {text}"), &before, &answer, 400, kind);
        }
    }
    assert!(site.wrong.is_empty(), "{}", site.wrong.join("\n"));
}

#[test]
fn what_may_not_change_does_not() {
    // 7644-3.5.1-c, 7644-3.5.2-e, 7644-3.5.1-e, P-rem-5, 7644-3.3-g
    let directory = TempDir::new().unwrap();
    let Some((mut site, path)) = start("tolerant", &directory) else { return };
    let before = site.store.dump();
    let with = |name: &str, value: Json| {
        let mut body = thing();
        body[name] = value;
        body
    };
    let patch =
        |operation: Json| json!({ "Operations": [{ "op": "add", "path": "size", "value": 8 }, operation] });
    let cases = [
        (Method::PUT, with("serial", json!("S-2")), "mutability"),
        (Method::PUT, with("name", Json::Null), "invalidValue"),
        (Method::PATCH, patch(json!({ "op": "replace", "path": "serial", "value": "S-2" })), "mutability"),
        (Method::PATCH, patch(json!({ "op": "add", "path": "serial", "value": "S-2" })), "mutability"),
        (Method::PATCH, patch(json!({ "op": "remove", "path": "serial" })), "mutability"),
        (Method::PATCH, patch(json!({ "op": "remove", "path": "name" })), "mutability"),
        (Method::PATCH, patch(json!({ "op": "replace", "path": "name", "value": null })), "invalidValue"),
    ];
    for (method, body, kind) in cases {
        let answer = site.client.send(method.clone(), &path, Some(&body), &[]);
        site.refused(&format!("{method} {body}"), &before, &answer, 400, kind);
    }
    let answer = site.client.post("/Things", &with("name", Json::Null));
    site.refused("POST without a name", &before, &answer, 400, "invalidValue");
    let answer = site.client.post("/Things", &thing());
    site.refused("POST again", &before, &answer, 409, "uniqueness");
    assert!(site.wrong.is_empty(), "{}", site.wrong.join("\n"));
    // The same value again is no change; one that is not given stays.
    for body in [thing(), with("serial", Json::Null)] {
        let put = site.client.put(&path, &body);
        assert_eq!((put.status, &put.json["serial"]), (200, &json!("S-1")), "{put}");
    }
    // P-add-2, 7644-3.5.2-e: what has no value yet may be given one.
    let made = site.client.post("/Things", &json!({ "schemas": [THING], "name": "two" }));
    let path = format!("/Things/{}", made.id());
    let set = site.client.patch(&path, json!([{ "op": "add", "path": "serial", "value": "S-2" }]));
    assert_eq!((set.status, &set.json["serial"]), (200, &json!("S-2")), "{set}");
}
