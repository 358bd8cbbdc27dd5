//! Rows that hang on two others which do not hang on each other, in front of every database:
//! `tests/fixtures/pairs`.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::support::{Backend, Client, Gateway, Options, TestStore};

fn everywhere(test: impl Fn(&TestStore, &Client)) {
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pairs/mapping.toml");
    for (backend, key) in [
        (Backend::Sqlite, "integer primary key"),
        (Backend::Postgres, "serial primary key"),
        (Backend::MariaDb, "integer primary key auto_increment"),
    ] {
        let tables = include_str!("../fixtures/pairs/tables.sql").replace("{key}", key);
        let Some(store) = TestStore::of_statements(backend, &tables, mapping.clone()) else { continue };
        // Shown when the test fails, to tell which store it was.
        eprintln!("in front of {}", backend.name());
        let gateway = Gateway::start(&store, &Options::default());
        test(&store, &gateway.client());
    }
}

fn found(client: &Client, filter: &str) -> Vec<String> {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("filter", filter).finish();
    let answer = client.get(&format!("/Users?{query}"));
    assert_eq!(answer.status, 200, "{filter}: {answer}");
    let list = answer.json["Resources"].as_array().cloned().unwrap_or_default();
    let mut names: Vec<String> = list.iter().map(|r| r["userName"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn path(client: &Client, login: &str) -> String {
    let answer = client.get(&format!("/Users?filter=userName%20eq%20%22{login}%22"));
    format!("/Users/{}", answer.json["Resources"][0]["id"].as_str().unwrap())
}

fn changed(client: &Client, path: &str, operations: Json) {
    let answer = client.patch(path, operations);
    assert!([200, 204].contains(&answer.status), "{answer}");
}

fn column(store: &TestStore, select: &str) -> Vec<String> {
    store.tables().query(select).into_iter().flatten().collect()
}

/// Every row of the tables that hang on two, with who it is that both belong to.
fn seats(store: &TestStore) -> Vec<String> {
    column(
        store,
        "select concat(a.person_id, '/', d.person_id, ' ', label, ' ', coalesce(note, '-')) as v from seat join account a on a.acc_no = acc join desk d on d.desk_no = desk order by acc, desk",
    )
}

fn permits(store: &TestStore) -> Vec<String> {
    column(
        store,
        "select concat(a.person_id, '/', d.person_id, ' ', tag) as v from permit join account a on a.acc_no = acc join desk d on d.desk_no = desk order by acc, desk, tag",
    )
}

const FOREIGN_SEATS: [&str; 2] = ["1/2 door of two people", "2/3 stairs of two people"];

#[test]
fn only_rows_that_hang_on_both_are_read_and_found() {
    everywhere(|_, client| {
        let ann = client.get(&path(client, "ann")).json;
        assert_eq!(
            (&ann["displayName"], &ann["title"], &ann["nickName"]),
            (&json!("Ann"), &json!("A1"), &json!("window"))
        );
        assert_eq!(ann["entitlements"], json!([{ "value": "alarm" }]));
        assert_eq!(ann["profileUrl"], json!("http://example.com/ann"));
        let bob = client.get(&path(client, "bob")).json;
        assert_eq!((&bob["nickName"], &bob["entitlements"]), (&Json::Null, &json!([{ "value": "alarm" }])));
        for (filter, expect) in [
            ("nickName eq \"window\"", &["ann"][..]),
            ("nickName eq \"door\"", &[]),
            ("not (nickName eq \"door\")", &["ann", "bob", "eva"]),
            ("nickName ne \"window\"", &["bob", "eva"]),
            ("nickName pr", &["ann"]),
            ("not (nickName pr)", &["bob", "eva"]),
            ("entitlements.value eq \"garage\"", &[]),
            ("entitlements[value eq \"alarm\"]", &["ann", "bob"]),
            ("not (entitlements pr)", &["eva"]),
            ("profileUrl co \"not\"", &[]),
        ] {
            assert_eq!(found(client, filter), expect, "{filter}");
        }
    });
}

#[test]
fn a_new_row_comes_after_both_and_goes_before_them() {
    everywhere(|store, client| {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "dan",
            "nickName": "corner", "title": "D1", "displayName": "Dan", "profileUrl": "http://example.com/dan",
            "entitlements": [{ "value": "roof" }, { "value": "alarm" }],
        });
        let made = client.post("/Users", &body);
        assert_eq!(made.status, 201, "{made}");
        for name in ["nickName", "title", "displayName", "profileUrl"] {
            assert_eq!(made.json[name], body[name], "{made}");
        }
        assert_eq!(seats(store).last().unwrap(), "4/4 corner -");
        assert_eq!(permits(store)[3..], ["4/4 alarm", "4/4 roof"]);
        // Another name upstairs is followed, where the row above is not the one that has it.
        let dan = path(client, "dan");
        changed(client, &dan, json!([{ "op": "replace", "path": "userName", "value": "dave" }]));
        assert_eq!(column(store, "select login as v from page order by login"), ["ann", "bob", "dave"]);
        assert_eq!(client.get(&dan).json["profileUrl"], json!("http://example.com/dan"));
        let gone = client.delete(&dan);
        assert_eq!(gone.status, 204, "{gone}");
        assert_eq!(column(store, "select shown as v from account order by acc_no"), ["Ann", "Bob"]);
        assert_eq!(column(store, "select room as v from desk order by desk_no"), ["A1", "B1", "C1"]);
        assert_eq!(seats(store).len(), 3);
    });
}

#[test]
fn what_it_hangs_on_is_made_for_it_and_goes_with_it() {
    everywhere(|store, client| {
        // Eva has a desk and no account.
        let eva = path(client, "eva");
        changed(client, &eva, json!([{ "op": "add", "path": "nickName", "value": "attic" }]));
        assert_eq!(seats(store).last().unwrap(), "3/3 attic -");
        changed(client, &eva, json!([{ "op": "remove", "path": "nickName" }]));
        assert_eq!(seats(store)[1..], FOREIGN_SEATS);
        assert_eq!(
            column(store, "select concat(person_id, '') as v from account order by acc_no"),
            ["1", "2"]
        );
        assert_eq!(column(store, "select room as v from desk order by desk_no"), ["A1", "B1", "C1"]);
    });
}

#[test]
fn a_change_touches_only_what_it_says() {
    everywhere(|store, client| {
        let ann = path(client, "ann");
        changed(
            client,
            &ann,
            json!([
                { "op": "replace", "path": "nickName", "value": "aisle" },
                { "op": "add", "path": "entitlements", "value": [{ "value": "lift" }] },
            ]),
        );
        assert_eq!(seats(store), ["1/1 aisle keep", FOREIGN_SEATS[0], FOREIGN_SEATS[1]]);
        assert_eq!(permits(store), ["1/1 alarm", "1/1 lift", "1/2 garage", "2/2 alarm"]);
        // What one of the two is called is of no account, and it stays while something hangs on it.
        changed(client, &ann, json!([{ "op": "replace", "path": "title", "value": "A2" }]));
        changed(client, &ann, json!([{ "op": "remove", "path": "title" }]));
        assert_eq!(client.get(&ann).json["nickName"], json!("aisle"));
        changed(
            client,
            &ann,
            json!([{ "op": "remove", "path": "nickName" }, { "op": "remove", "path": "entitlements" }]),
        );
        assert_eq!(seats(store), FOREIGN_SEATS);
        assert_eq!(permits(store), ["1/2 garage", "2/2 alarm"]);
        let read = client.get(&ann).json;
        assert_eq!((&read["displayName"], &read["title"]), (&json!("Ann"), &Json::Null));
    });
}

#[test]
fn a_version_covers_the_rows_that_hang_on_both() {
    everywhere(|store, client| {
        let ann = path(client, "ann");
        let version = client.get(&ann).json["meta"]["version"].as_str().unwrap().to_owned();
        // A row of two people's is none of hers.
        store.tables().execute("update seat set label = 'hall' where acc = 1 and desk = 2");
        assert_eq!(client.get(&ann).json["meta"]["version"], json!(version));
        store.tables().execute("update seat set label = 'hall' where acc = 1 and desk = 1");
        assert_ne!(client.get(&ann).json["meta"]["version"], json!(version));
    });
}
