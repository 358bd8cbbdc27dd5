//! Parts whose rows lie in a document of one column, in front of every database:
//! what is read, found and written, byte for byte, also by several at once.

mod nested;
mod yaml;

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::support::{Backend, Client, Gateway, Options, TestStore, mismatches};

fn everywhere(test: impl Fn(&TestStore, &Client)) {
    on_tables(include_str!("../fixtures/documents/people.sql"), "mapping.toml", test);
}

/// Runs a test on each database, with tables of its own behind a mapping of `tests/fixtures/documents`.
fn on_tables(statements: &str, mapping: &str, test: impl Fn(&TestStore, &Client)) {
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/documents").join(mapping);
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        // In MariaDB's literals a backslash is written twice.
        let statements = match backend {
            Backend::MariaDb => statements.replace('\\', "\\\\"),
            _ => statements.to_owned(),
        };
        let Some(store) = TestStore::of_statements(backend, &statements, mapping.clone()) else { continue };
        // Shown when the test fails, to tell which store it was.
        eprintln!("in front of {}", backend.name());
        let gateway = Gateway::start(&store, &Options::default());
        test(&store, &gateway.client());
        assert!(!gateway.log().contains("a fault of ours"), "{}", gateway.log());
    }
}

fn find(client: &Client, filter: &str) -> Vec<String> {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("filter", filter).finish();
    let answer = client.get(&format!("/Users?{query}"));
    assert_eq!(answer.status, 200, "{filter}: {answer}");
    let found = answer.json["Resources"].as_array().cloned().unwrap_or_default();
    assert_eq!(answer.json["totalResults"], json!(found.len()), "{filter}: {answer}");
    let mut names: Vec<String> = found.iter().map(|r| r["userName"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn user(client: &Client, name: &str) -> Json {
    let answer = client.get(&format!("/Users?filter=userName%20eq%20%22{name}%22"));
    answer.json["Resources"][0].clone()
}

fn path(client: &Client, name: &str) -> String {
    format!("/Users/{}", user(client, name)["id"].as_str().unwrap())
}

fn stored(store: &TestStore, name: &str, column: &str) -> Option<String> {
    store.tables().query(&format!("select {column} as v from person where login = '{name}'")).remove(0)
}

fn number(store: &TestStore, name: &str) -> i64 {
    let text = if store.backend() == Backend::MariaDb { "char" } else { "text" };
    stored(store, name, &format!("cast(marks as {text})")).unwrap().parse().unwrap()
}

fn patch(client: &Client, path: &str, operations: Json) {
    let answer = client.patch(path, operations);
    assert!([200, 204].contains(&answer.status), "{answer}");
}

#[test]
fn what_lies_in_documents_is_read() {
    everywhere(|_, client| {
        let ann = json!({ "userName": "ann", "title": "Cook", "phoneNumbers": [{ "type": "work", "value": "+1" }],
            "emails": [{ "value": "a@x.example" }], "profileUrl": "https://ann.example", "userType": "SMTP",
            "roles": [{ "value": "red" }, { "value": "green" }, { "value": "blue" }],
            "entitlements": [{ "value": "read" }, { "value": "write" }, { "value": "own" }],
            "nickName": "Ann", "displayName": "x", "preferredLanguage": "de" });
        let dora = json!({ "userName": "dora", "roles": [{ "value": "reddish" }], "entitlements": [{ "value": "read" }],
            "profileUrl": "https://dora.example", "nickName": "Dora" });
        for (name, expected) in [
            ("ann", ann),
            ("bob", json!({ "userName": "bob" })),
            ("cid", json!({ "userName": "cid" })),
            ("dora", dora),
        ] {
            let mut shown = user(client, name);
            for key in ["id", "meta", "schemas"] {
                shown.as_object_mut().unwrap().remove(key);
            }
            let wrong = mismatches(&expected, &shown);
            assert!(wrong.is_empty(), "{}\nin {shown:#}", wrong.join("\n"));
        }
    });
}

#[test]
fn what_lies_in_documents_is_found() {
    everywhere(|_, client| {
        for (filter, expected) in [
            ("title eq \"COOK\"", &["ann"] as &[&str]),
            ("not (title eq \"cook\")", &["bob", "cid", "dora"]),
            ("title pr", &["ann"]),
            ("roles.value eq \"red\"", &["ann"]),
            ("roles.value sw \"RED\"", &["ann", "dora"]),
            ("not (roles.value eq \"red\")", &["bob", "cid", "dora"]),
            ("roles pr", &["ann", "dora"]),
            ("entitlements.value eq \"read\"", &["ann", "dora"]),
            ("entitlements.value eq \"own\" and roles.value eq \"blue\"", &["ann"]),
            ("not (entitlements.value eq \"read\")", &["bob", "cid"]),
            ("entitlements.value eq \"last\"", &[]),
            ("emails.value eq \"A@X.example\"", &["ann"]),
            ("phoneNumbers[type eq \"work\" and value eq \"+1\"]", &["ann"]),
            ("userType eq \"smtp\" or nickName eq \"dora\"", &["ann", "dora"]),
            ("displayName pr", &["ann"]),
            ("preferredLanguage eq \"de\"", &["ann"]),
        ] {
            assert_eq!(find(client, filter), expected, "{filter}");
        }
    });
}

#[test]
fn a_change_is_made_in_place() {
    everywhere(|store, client| {
        let ann = path(client, "ann");
        patch(
            client,
            &ann,
            json!([
                { "op": "replace", "path": "title", "value": "Chef" },
                { "op": "add", "path": "emails", "value": [{ "value": "é@x.example" }] },
                { "op": "remove", "path": "roles[value eq \"green\"]" },
                { "op": "add", "path": "roles", "value": [{ "value": "gold" }] },
                { "op": "remove", "path": "entitlements[value eq \"read\"]" },
                { "op": "add", "path": "entitlements", "value": [{ "value": "last" }] },
                { "op": "replace", "path": "profileUrl", "value": "https://new.example" },
                { "op": "replace", "path": "userType", "value": "smtp" },
                { "op": "replace", "path": "displayName", "value": "y" },
                { "op": "remove", "path": "preferredLanguage" },
            ]),
        );
        let text = |column: &str| stored(store, "ann", column).unwrap();
        assert_eq!(
            text("note"),
            "{\"title\": \"Chef\", \"phone\": {\"value\": \"+1\", \"public\": true}, \"mails\": [{\"value\": \"a@x.example\", \
             \"n\": 1.50}, {\"verified\": false, \"value\": \"é@x.example\"}], \"ids\": [1e400, null]}"
        );
        assert_eq!(
            (text("tags"), text("page")),
            ("red,,blue,gold".into(), "https://new.example Home page".into())
        );
        assert_eq!(
            (text("proxy"), text("gecos"), text("packed")),
            ("smtp:a:b".into(), "Ann,12,,y".into(), "e30=".into())
        );
        assert_eq!(number(store, "ann"), 40 | 1 << 62);
        // What is sent again changes nothing.
        let before = store.tables().snapshot();
        patch(client, &ann, json!([{ "op": "replace", "path": "title", "value": "Chef" }]));
        assert_eq!(store.tables().snapshot().changes_since(&before), Vec::<String>::new());
        // What was no document becomes one.
        for name in ["bob", "cid"] {
            patch(
                client,
                &path(client, name),
                json!([
                    { "op": "add", "path": "phoneNumbers", "value": [{ "type": "work", "value": "+2" }] },
                    { "op": "add", "path": "roles", "value": [{ "value": "red" }] },
                    { "op": "add", "path": "entitlements", "value": [{ "value": "write" }] },
                    { "op": "add", "path": "preferredLanguage", "value": "fr" },
                ]),
            );
            let text = |column: &str| stored(store, name, column).unwrap();
            assert_eq!(
                (text("note"), text("tags")),
                ("{\"phone\":{\"value\":\"+2\"}}".into(), "red".into()),
                "{name}"
            );
            assert_eq!((number(store, name), text("packed")), (8, "eyJsYW5nIjoiZnIifQ==".into()), "{name}");
        }
    });
}

#[test]
fn what_has_no_place_or_cannot_be_read_is_refused() {
    everywhere(|store, client| {
        let before = store.tables().snapshot();
        for (name, operations, status) in [
            ("ann", json!([{ "op": "add", "path": "roles", "value": [{ "value": "a,b" }] }]), 400),
            ("ann", json!([{ "op": "add", "path": "entitlements", "value": [{ "value": "other" }] }]), 400),
            ("ann", json!([{ "op": "replace", "path": "profileUrl", "value": "two words" }]), 400),
            ("dora", json!([{ "op": "add", "path": "title", "value": "Cook" }]), 409),
            ("dora", json!([{ "op": "add", "path": "userType", "value": "a:b" }]), 400),
        ] {
            let answer = client.patch(&path(client, name), operations.clone());
            assert_eq!(answer.status, status, "{operations}: {answer}");
            assert!(!answer.json["detail"].as_str().unwrap().contains("a,b"), "{answer}");
        }
        assert_eq!(store.tables().snapshot().changes_since(&before), Vec::<String>::new());
        // A text that counts as none is replaced.
        patch(
            client,
            &path(client, "dora"),
            json!([{ "op": "add", "path": "preferredLanguage", "value": "it" }]),
        );
        assert_eq!(stored(store, "dora", "packed").unwrap(), "eyJsYW5nIjoiaXQifQ==");
    });
}

#[test]
fn changes_of_one_document_at_once_all_count() {
    everywhere(|store, client| {
        let ann = path(client, "ann");
        // Another program changes the same text all the while.
        std::thread::scope(|scope| {
            let ann = &ann;
            for n in 0..4 {
                let client = client.clone();
                scope.spawn(move || {
                    let add =
                        json!([{ "op": "add", "path": "emails", "value": [{ "value": format!("m{n}@x") }] }]);
                    patch(&client, ann, add);
                });
            }
            for n in 0..4 {
                scope.spawn(move || {
                    let wait =
                        if store.backend() == Backend::Sqlite { "pragma busy_timeout = 20000;" } else { "" };
                    let set = format!("replace(note, '\"ids\":', '\"k{n}\": {n}, \"ids\":')");
                    store
                        .tables()
                        .execute(&format!("{wait}update person set note = {set} where login = 'ann'"));
                });
            }
        });
        let note: Json =
            serde_json::from_str(&stored(store, "ann", "replace(note, '1e400', '1')").unwrap()).unwrap();
        assert_eq!(note["mails"].as_array().unwrap().len(), 5, "{note:#}");
        assert!((0..4).all(|n| note[format!("k{n}")] == json!(n)), "{note:#}");
    });
}
