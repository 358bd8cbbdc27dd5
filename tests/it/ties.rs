//! Conditions that compare fields with each other, types that are like others, and references at nobody, in
//! front of every database: `tests/fixtures/ties`.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::support::{Backend, Client, Gateway, Options, TestStore};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn everywhere(test: impl Fn(&TestStore, &Client)) {
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ties/mapping.toml");
    let tables = include_str!("../fixtures/ties/tables.sql");
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(store) = TestStore::of_statements(backend, tables, mapping.clone()) else { continue };
        // Shown when the test fails, to tell which store it was.
        eprintln!("in front of {}", backend.name());
        let gateway = Gateway::start(&store, &Options::default());
        test(&store, &gateway.client());
    }
}

fn listed(client: &Client, endpoint: &str, query: &str) -> Vec<Json> {
    let answer = client.get(&format!("{endpoint}?{query}"));
    assert_eq!(answer.status, 200, "{query}: {answer}");
    let list = answer.json["Resources"].as_array().cloned().unwrap_or_default();
    assert_eq!(answer.json["totalResults"], json!(list.len()), "{answer}");
    list
}

fn found(client: &Client, endpoint: &str, filter: &str) -> Vec<String> {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("filter", filter).finish();
    let list = listed(client, endpoint, &query);
    let mut names: Vec<String> = list.iter().map(|r| r["userName"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn path(client: &Client, login: &str) -> String {
    let query = format!("filter=userName%20eq%20%22{login}%22");
    format!("/Users/{}", listed(client, "/Users", &query)[0]["id"].as_str().unwrap())
}

fn column(store: &TestStore, select: &str) -> Vec<String> {
    store.tables().query(select).into_iter().flatten().collect()
}

fn changed(client: &Client, path: &str, operations: Json) {
    let answer = client.patch(path, operations);
    assert!([200, 204].contains(&answer.status), "{answer}");
}

#[test]
fn a_row_is_ours_by_what_its_fields_say_of_each_other() {
    everywhere(|store, client| {
        for (filter, expect) in [
            ("userName pr", &["ann", "bob", "dan", "eva"][..]),
            ("active eq true", &["ann", "bob", "eva"]),
            ("active eq false", &["dan"]),
            ("active eq false and userName sw \"D\"", &["dan"]),
            ("entitlements.value eq \"A1\"", &["ann"]),
            ("entitlements.value eq \"B1\"", &[]),
            ("entitlements.value eq \"A0\"", &[]),
            ("entitlements pr", &["ann", "eva"]),
        ] {
            assert_eq!(found(client, "/Users", filter), expect, "{filter}");
        }
        let ann = path(client, "ann");
        assert_eq!(client.get(&ann).json["entitlements"], json!([{ "value": "A1" }]));
        // A new row of the list gets what ties it to the row above.
        changed(client, &ann, json!([{ "op": "add", "path": "entitlements", "value": [{ "value": "A9" }] }]));
        assert_eq!(column(store, "select team as v from desk where label = 'A9'"), ["a"]);
        // And the rows follow it.
        changed(client, &ann, json!([{ "op": "replace", "path": "title", "value": "c" }]));
        let teams = "select concat(label, team) as v from desk where member_id = 1 order by label";
        assert_eq!(column(store, teams), ["A0a", "A1c", "A9c", "B1b"]);
        changed(client, &ann, json!([{ "op": "remove", "path": "entitlements" }]));
        assert_eq!(column(store, teams), ["A0a", "B1b"]);
        changed(client, &ann, json!([{ "op": "replace", "path": "active", "value": false }]));
        assert_eq!(
            column(store, "select login as v from member where ended = started order by login"),
            ["ann", "dan"]
        );
        assert_eq!(client.get(&ann).json["active"], json!(false));
    });
}

#[test]
fn a_type_is_like_another_but_for_what_it_says_itself() {
    everywhere(|store, client| {
        assert_eq!(found(client, "/Robots", "userName pr"), ["r2"]);
        assert_eq!(found(client, "/Users", "userName eq \"r2\""), [""; 0]);
        let robot = json!({ "schemas": ["urn:example:Robot"], "userName": "c3", "title": "b" });
        let made = client.post("/Robots", &robot);
        assert_eq!(made.status, 201, "{made}");
        let select = "select concat(kind, team) as v from member where login = 'c3' and started is not null";
        assert_eq!(column(store, select), ["robotb"]);
    });
}

#[test]
fn a_reference_at_nobody_is_neither_shown_nor_kept() {
    everywhere(|store, client| {
        let bob = path(client, "bob");
        assert_eq!(client.get(&bob).json[ENTERPRISE], Json::Null);
        let title = json!([{ "op": "replace", "path": "title", "value": "z" }]);
        let answer = client.patch(&bob, title.clone());
        assert_eq!((answer.status, &answer.json["scimType"]), (409, &Json::Null), "{answer}");
        let detail = answer.json["detail"].as_str().unwrap();
        for word in ["manager", "boss", "member_id = 2", "99"] {
            assert!(detail.contains(word), "{word}: {detail}");
        }
        assert_eq!(column(store, "select team as v from member where member_id = 2"), ["a"]);
        let body = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bob", "active": true, "title": "z" });
        assert_eq!(client.put(&bob, &body).status, 409, "a PUT would keep it, too");
        // Another one takes its place.
        let ann = path(client, "ann");
        let id = ann.rsplit('/').next().unwrap();
        changed(
            client,
            &bob,
            json!([{ "op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": { "value": id } }]),
        );
        changed(client, &bob, title);
        assert_eq!(column(store, "select concat(boss, '') as v from member where team = 'z'"), ["1"]);
    });
}

#[test]
fn what_a_reference_asked_for_at_its_target_goes_with_the_last_one() {
    everywhere(|store, client| {
        let chiefs = || {
            column(
                store,
                "select concat(member_id, '') as v from post where role = 'chief' order by member_id",
            )
        };
        let (ann, bob, eva) = (path(client, "ann"), path(client, "bob"), path(client, "eva"));
        let dan = path(client, "dan");
        let manager = format!("{ENTERPRISE}:manager");
        let under = |whom: &str| {
            let id = whom.rsplit('/').next().unwrap();
            json!([{ "op": "replace", "path": manager, "value": { "value": id } }])
        };
        let under_nobody = json!([{ "op": "remove", "path": manager }]);
        changed(client, &bob, under(&ann));
        assert_eq!(chiefs(), ["1"], "it was there");
        changed(client, &bob, under_nobody.clone());
        assert_eq!(chiefs(), ["1"], "eva's still asks for it");
        changed(client, &eva, under(&dan));
        assert_eq!(chiefs(), ["5"], "the one comes, the other goes");
        changed(client, &bob, under(&dan));
        assert_eq!(client.delete(&eva).status, 204);
        assert_eq!(chiefs(), ["5"]);
        assert_eq!(client.delete(&bob).status, 204);
        assert_eq!(chiefs(), [""; 0], "who is deleted asks for nothing");
        assert_eq!(column(store, "select role as v from post"), ["cook"]);
    });
}
