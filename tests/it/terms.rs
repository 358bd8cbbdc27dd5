//! Terms around lenses, joint kinds, uniqueness wherever a value lies, and groups within groups, in
//! front of every database: `tests/fixtures/terms`.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::support::{Answer, Backend, Client, Gateway, Options, TestStore};

const STAFF: &str = "urn:example:Staff";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn everywhere(test: impl Fn(&TestStore, &Client)) {
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/terms/mapping.toml");
    let tables = include_str!("../fixtures/terms/tables.sql");
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(store) = TestStore::of_statements(backend, tables, mapping.clone()) else { continue };
        // Shown when the test fails, to tell which store it was.
        eprintln!("in front of {}", backend.name());
        let gateway = Gateway::start(&store, &Options::default());
        test(&store, &gateway.client());
    }
}

fn found(client: &Client, endpoint: &str, filter: &str) -> Vec<String> {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("filter", filter)
        .append_pair("sortBy", "userName")
        .finish();
    let answer = client.get(&format!("{endpoint}?{query}"));
    assert_eq!(answer.status, 200, "{filter}: {answer}");
    let list = answer.json["Resources"].as_array().cloned().unwrap_or_default();
    list.iter().map(|r| r["userName"].as_str().unwrap().to_owned()).collect()
}

fn path(client: &Client, login: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("filter", &format!("userName eq \"{login}\""))
        .finish();
    let answer = client.get(&format!("/Users?{query}"));
    format!("/Users/{}", answer.json["Resources"][0]["id"].as_str().unwrap())
}

fn user(login: &str, mut more: Json) -> Json {
    let fixed = json!({ "userName": login, "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"] });
    more.as_object_mut().unwrap().extend(fixed.as_object().unwrap().clone());
    more
}

fn column(store: &TestStore, select: &str) -> Vec<String> {
    store.tables().query(select).into_iter().flatten().collect()
}

fn refused(answer: &Answer, status: u16, scim_type: &str) {
    assert_eq!((answer.status, &answer.json["scimType"]), (status, &json!(scim_type)), "{answer}");
}

#[test]
fn an_attribute_lies_where_its_condition_says() {
    everywhere(|store, client| {
        assert_eq!(found(client, "/Users", "title eq \"COOK\""), ["ann"]);
        assert_eq!(found(client, "/Users", "title eq \"none\""), [""; 0], "another field shows for bob");
        let ann = path(client, "ann");
        let answer = client.patch(
            &ann,
            json!([{ "op": "replace", "path": "userType", "value": "Contractor" },
                   { "op": "replace", "path": "title", "value": "Baker" }]),
        );
        assert!([200, 204].contains(&answer.status), "{answer}");
        assert_eq!(column(store, "select job as v from person where person_id = 1"), ["Cook"]);
        assert_eq!(column(store, "select contract as v from person where person_id = 1"), ["Baker"]);
        // A value that no map has is dropped, as the mapping says, and with it the condition of the title.
        refused(
            &client.post("/Users", &user("eve", json!({ "userType": "Robot", "title": "x" }))),
            400,
            "invalidValue",
        );
        let made = client.post("/Users", &user("eve", json!({ "userType": "Robot" })));
        assert_eq!((made.status, &made.json["userType"]), (201, &Json::Null), "{made}");
    });
}

#[test]
fn a_kind_is_said_once_and_foreign_rows_stay() {
    everywhere(|store, client| {
        let ann = path(client, "ann");
        let before = client.get(&ann).json["emails"].clone();
        assert_eq!(before, json!([{ "value": "ann@x.org", "type": "work", "primary": true }]));
        for (filter, expect) in [
            ("emails[type eq \"work\" and primary eq true]", &["ann"][..]),
            ("emails[type eq \"work\" and primary eq false]", &["bob"]),
            ("emails.value eq \"else@x.org\"", &[]),
            ("emails pr", &["ann", "bob"]),
        ] {
            assert_eq!(found(client, "/Users", filter), expect, "{filter}");
        }
        let body = user(
            "ann",
            json!({ ENTERPRISE: { "costCenter": "1" }, "userType": "Employee", "emails": [{ "value": "new@x.org", "type": "home" }, { "value": "ann@x.org", "type": "work" }] }),
        );
        let answer = client.put(&ann, &body);
        assert_eq!(answer.status, 200, "{answer}");
        assert_eq!(
            column(store, "select mark as v from mail where person_id = 1 order by mail_id"),
            ["W", "?", "H"]
        );
        // The new row's box is a name that no other row has.
        assert_eq!(column(store, "select box as v from mail where address = 'new@x.org'"), ["ann_2"]);
        let other =
            json!([{ "op": "add", "path": "emails", "value": [{ "value": "c@x", "type": "other" }] }]);
        refused(&client.patch(&ann, other), 400, "invalidValue");
    });
}

#[test]
fn values_that_may_only_go_go() {
    everywhere(|store, client| {
        let ann = path(client, "ann");
        let add = json!([{ "op": "add", "path": "entitlements", "value": [{ "value": "roof" }] }]);
        refused(&client.patch(&ann, add), 400, "mutability");
        assert_eq!(column(store, "select changed as v from person where changed = 1"), [""; 0]);
        let remove = json!([{ "op": "remove", "path": "entitlements[value eq \"safe\"]" }]);
        assert!([200, 204].contains(&client.patch(&ann, remove.clone()).status));
        assert_eq!(column(store, "select code as v from grant_of"), ["door"]);
        assert_eq!(column(store, "select login as v from person where changed = 1"), ["ann"]);
    });
}

#[test]
fn values_are_unique_wherever_they_lie() {
    everywhere(|_, client| {
        let mail = |address: &str| json!({ "emails": [{ "value": address, "type": "work" }] });
        refused(&client.post("/Users", &user("eve", mail("ANN@x.org"))), 409, "uniqueness");
        // What is not shown is in use all the same.
        refused(&client.post("/Users", &user("eve", mail("else@x.org"))), 409, "uniqueness");
        assert_eq!(client.post("/Users", &user("eve", mail("eve@x.org"))).status, 201);
        let number = |n: &str| json!({ ENTERPRISE: { "employeeNumber": n } });
        refused(&client.post("/Users", &user("fay", number("1"))), 409, "uniqueness");
        let made = client.post("/Users", &user("fay", number("2")));
        assert_eq!(made.status, 201, "{made}");
        // Nor may somebody come along with a number that is taken there.
        let bob = path(client, "bob");
        let moves = json!([{ "op": "replace", "path": format!("{ENTERPRISE}:costCenter"), "value": "1" }]);
        refused(&client.patch(&bob, moves), 409, "uniqueness");

        let card = |n: &str| json!({ STAFF: { "card": n }, "schemas": [STAFF] });
        let gil = client.post("/Users", &user("gil", card("C-1")));
        assert_eq!(gil.status, 201, "{gil}");
        refused(&client.post("/Users", &user("hal", card("c-1"))), 409, "uniqueness");
        let mut same = user("gil", card("C-1"));
        same[ENTERPRISE] = json!({ "costCenter": "1" });
        let again = client.put(&format!("/Users/{}", gil.id()), &same);
        assert_eq!(again.status, 200, "{again}");
        assert_eq!(client.delete(&format!("/Users/{}", gil.id())).status, 204);
        assert_eq!(client.post("/Users", &user("hal", card("c-1"))).status, 201, "it is free again");
    });
}

#[test]
fn what_our_own_database_keeps_is_found_and_sorted_by() {
    everywhere(|store, client| {
        for (login, nick) in [("ida", "Zoë"), ("jim", "anna"), ("kim", "Ben")] {
            let body = user(
                login,
                json!({ "nickName": nick, "addresses": [{ "locality": format!("{nick}ville"), "type": "work" }],
                        STAFF: { "hobbies": ["chess", login] } }),
            );
            assert_eq!(client.post("/Users", &body).status, 201);
        }
        for (filter, expect) in [
            ("nickName eq \"ZOË\"", &["ida"][..]),
            ("nickName eq \"Zo\"", &[]),
            ("addresses.locality eq \"annaville\"", &["jim"]),
            ("urn:example:Staff:hobbies eq \"chess\" and not (nickName eq \"ben\")", &["ida", "jim"]),
            ("nickName eq \"anna\" or userName eq \"ann\"", &["ann", "jim"]),
            ("nickName pr", &["ida", "jim", "kim"]),
        ] {
            assert_eq!(found(client, "/Users", filter), expect, "{filter}");
        }
        let sorted = client.get("/Users?sortBy=nickName&filter=nickName%20pr");
        let names: Vec<&str> = sorted.json["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["nickName"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["anna", "Ben", "Zoë"]);
        // A counter within a text went on from the largest.
        assert_eq!(column(store, "select badge as v from person where login = 'ida'"), ["B0042"]);
    });
}

#[test]
fn members_of_groups_within_groups_are_indirect() {
    everywhere(|_, client| {
        let groups = |login: &str| -> Vec<(String, String)> {
            let list = client.get(&path(client, login)).json["groups"].clone();
            let text = |g: &Json, name: &str| g[name].as_str().unwrap().to_owned();
            list.as_array().into_iter().flatten().map(|g| (text(g, "display"), text(g, "type"))).collect()
        };
        let is = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
        };
        assert_eq!(groups("ann"), is(&[("All", "indirect"), ("Tools", "direct")]));
        assert_eq!(groups("bob"), is(&[]));
        // A circle, and a way that is both.
        let teams = client.get("/Groups").json["Resources"].clone();
        let id = |name: &str| {
            let team = teams.as_array().unwrap().iter().find(|t| t["displayName"] == name).unwrap();
            team["id"].as_str().unwrap().to_owned()
        };
        let add = |group: &str, value: &str| {
            let op = json!([{ "op": "add", "path": "members", "value": [{ "value": value }] }]);
            let answer = client.patch(&format!("/Groups/{group}"), op);
            assert!([200, 204].contains(&answer.status), "{answer}");
        };
        add(&id("Tools"), &id("All"));
        let bob = path(client, "bob");
        add(&id("All"), bob.strip_prefix("/Users/").unwrap());
        assert_eq!(groups("bob"), is(&[("All", "direct"), ("Tools", "indirect")]));
        assert_eq!(groups("ann"), is(&[("All", "indirect"), ("Tools", "direct")]));
    });
}

#[test]
fn a_row_that_left_the_scope_is_not_touched() {
    everywhere(|store, client| {
        let ann = path(client, "ann");
        let before = store.dump();
        // Another program takes her out of scope.
        store.tables().execute("update person set gone = 1 where person_id = 1");
        let gone = store.dump();
        assert_ne!(before, gone);
        let patch = json!([{ "op": "replace", "path": "title", "value": "Boss" }]);
        assert_eq!(client.patch(&ann, patch).status, 404);
        assert_eq!(client.delete(&ann).status, 404);
        assert_eq!(store.dump(), gone);
    });
}
