//! Rows of name and value whose names lie in another table, in front of every database:
//! `tests/fixtures/slots`.

use std::path::Path;

use serde_json::{Value as Json, json};
use ureq::http::Method;

use crate::{
    live,
    support::{Backend, Client, Gateway, Options, TestStore},
};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn stores() -> Vec<TestStore> {
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/slots/mapping.toml");
    let tables = include_str!("../fixtures/slots/tables.sql");
    let of = |backend| {
        let key = match backend {
            Backend::Postgres => "serial PRIMARY KEY",
            Backend::MariaDb => "integer AUTO_INCREMENT PRIMARY KEY",
            _ => "integer PRIMARY KEY",
        };
        TestStore::of_statements(backend, &tables.replace("{KEY}", key), mapping.clone())
    };
    [Backend::Sqlite, Backend::Postgres, Backend::MariaDb].into_iter().filter_map(of).collect()
}

fn everywhere(test: impl Fn(&TestStore, &Client)) {
    for store in stores() {
        eprintln!("in front of {}", store.backend().name());
        let gateway = Gateway::start(&store, &Options::default());
        test(&store, &gateway.client());
    }
}

fn found(client: &Client, filter: &str) -> Vec<String> {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("filter", filter)
        .append_pair("sortBy", "userName")
        .finish();
    let answer = client.get(&format!("/Users?{query}"));
    assert_eq!(answer.status, 200, "{filter}: {answer}");
    let list = answer.json["Resources"].as_array().cloned().unwrap_or_default();
    list.iter().map(|r| r["userName"].as_str().unwrap().to_owned()).collect()
}

fn user(client: &Client, name: &str) -> Json {
    let answer = client.get(&format!("/Users?filter=userName%20eq%20%22{name}%22"));
    answer.json["Resources"][0].clone()
}

fn path(client: &Client, name: &str) -> String {
    format!("/Users/{}", user(client, name)["id"].as_str().unwrap())
}

/// `user.field = data` of every row, by its number.
fn data(store: &TestStore) -> Vec<String> {
    let select = "select concat(userid, '.', fieldid, ' = ', data, ' ', dataformat) as v from user_info_data \
        order by userid, fieldid";
    store.tables().query(select).into_iter().flatten().collect()
}

fn patched(client: &Client, at: &str, operations: Json) {
    let answer = client.patch(at, operations);
    assert!([200, 204].contains(&answer.status), "{answer}");
}

#[test]
fn a_value_is_found_by_the_name_of_its_field() {
    everywhere(|_, client| {
        let ann = user(client, "ann");
        assert_eq!(ann[ENTERPRISE], json!({ "department": "Tools" }), "the other `badge` is no text");
        assert_eq!(user(client, "bob")[ENTERPRISE], json!({ "employeeNumber": "B-8" }));
        let number = format!("{ENTERPRISE}:employeeNumber");
        let department = format!("{ENTERPRISE}:department");
        for (filter, expected) in [
            (format!("{department} eq \"tools\""), &["ann"] as &[&str]),
            (format!("{department} eq \"B-8\""), &[]),
            (format!("not ({department} pr)"), &["bob"]),
            (format!("{number} eq \"b-8\""), &["bob"]),
            (format!("{number} eq \"B-0\""), &[]),
            (format!("{number} ne \"B-8\""), &["ann"]),
            (format!("{number} sw \"B\" or {department} co \"ool\""), &["ann", "bob"]),
            ("title pr".to_owned(), &[]),
        ] {
            assert_eq!(found(client, &filter), expected, "{filter}");
        }
    });
}

#[test]
fn a_value_is_written_by_the_name_of_its_field() {
    everywhere(|store, client| {
        let (ann, bob) = (path(client, "ann"), user(client, "bob")["id"].clone());
        patched(
            client,
            &ann,
            json!([{ "op": "replace", "path": format!("{ENTERPRISE}:department"), "value": "Sales" },
                { "op": "add", "path": format!("{ENTERPRISE}:employeeNumber"), "value": "B-7" },
                { "op": "add", "path": format!("{ENTERPRISE}:manager.value"), "value": bob }]),
        );
        let rows = [
            "7.1 = XL 0",
            "7.2 = B-7 1",
            "7.3 = Sales 0",
            "7.4 = B-0 0",
            "7.5 = 8 1",
            "8.2 = B-8 0",
            "8.99 = lost 0",
        ];
        assert_eq!(data(store), rows);
        assert_eq!(found(client, &format!("{ENTERPRISE}:manager.value eq {bob}")), ["ann"]);
        // Taken, whoever has it.
        let taken =
            json!([{ "op": "replace", "path": format!("{ENTERPRISE}:employeeNumber"), "value": "b-8" }]);
        assert_eq!(client.patch(&ann, taken).status, 409);

        // By version, too: what was read must still be so.
        let mut body = client.get(&ann);
        let version = body.json["meta"]["version"].as_str().unwrap().to_owned();
        body.json[ENTERPRISE] = json!({ "employeeNumber": "B-70" });
        let answer = client.send(Method::PUT, &ann, Some(&body.json), &[("if-match", &version)]);
        assert_eq!(answer.status, 200, "{answer}");
        assert_eq!(
            data(store),
            ["7.1 = XL 0", "7.2 = B-70 1", "7.4 = B-0 0", "8.2 = B-8 0", "8.99 = lost 0"]
        );

        let made = client.post(
            "/Users",
            &json!({ "schemas": [USER, ENTERPRISE], "userName": "eve", ENTERPRISE: { "department": "Ops" } }),
        );
        assert_eq!(made.status, 201, "{made}");
        assert_eq!(made.json[ENTERPRISE], json!({ "department": "Ops" }));
        assert!(data(store).iter().any(|row| row.ends_with(".3 = Ops 1")), "{:?}", data(store));
        assert_eq!(client.delete(&format!("/Users/{}", made.id())).status, 204);
        assert_eq!(client.delete(&ann).status, 204);
        assert_eq!(data(store), ["8.2 = B-8 0", "8.99 = lost 0"]);
    });
}

#[test]
fn a_name_that_is_not_there_is_the_mappings_mistake() {
    everywhere(|store, client| {
        let before = data(store);
        let ann = path(client, "ann");
        let both = json!([{ "op": "replace", "path": format!("{ENTERPRISE}:department"), "value": "Sales" },
            { "op": "add", "path": "title", "value": "Cook" }]);
        let answer = client.patch(&ann, both);
        assert_eq!(answer.status, 500, "{answer}");
        assert_eq!(data(store), before);

        let (code, text) = live::check(store, store.mapping());
        assert_eq!(code, 1, "{text}");
        assert!(text.contains("error[slot-missing]") && text.contains("`no such`"), "{text}");
        assert!(!text.contains("`badge`") && !text.contains("column-missing"), "{text}");
    });
}
