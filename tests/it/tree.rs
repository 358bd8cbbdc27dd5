//! Parents that are told by paths, in front of every database: `tests/fixtures/tree`.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::support::{Answer, Backend, Client, Gateway, Options, TestStore};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn everywhere(test: impl Fn(&TestStore, &Client)) {
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tree/mapping.toml");
    let tables = include_str!("../fixtures/tree/tables.sql");
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(store) = TestStore::of_statements(backend, tables, mapping.clone()) else { continue };
        // Shown when the test fails, to tell which store it was.
        eprintln!("in front of {}", backend.name());
        let gateway = Gateway::start(&store, &Options::default());
        test(&store, &gateway.client());
    }
}

fn listed(client: &Client, endpoint: &str, filter: &str) -> Vec<Json> {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("filter", filter).finish();
    let answer = client.get(&format!("{endpoint}?{query}"));
    assert_eq!(answer.status, 200, "{filter}: {answer}");
    answer.json["Resources"].as_array().cloned().unwrap_or_default()
}

fn id(client: &Client, login: &str) -> String {
    let found = listed(client, "/Users", &format!("userName eq \"{login}\""));
    found[0]["id"].as_str().unwrap().to_owned()
}

fn below(client: &Client, login: &str) -> Vec<String> {
    let filter = format!("{ENTERPRISE}:manager.value eq \"{}\"", id(client, login));
    let list = listed(client, "/Users", &filter);
    let mut names: Vec<String> = list.iter().map(|r| r["userName"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn put_below(client: &Client, login: &str, manager: Option<&str>) -> Answer {
    let path = format!("/Users/{}", id(client, login));
    let name = format!("{ENTERPRISE}:manager");
    client.patch(
        &path,
        match manager {
            Some(manager) => {
                json!([{ "op": "replace", "path": name, "value": { "value": id(client, manager) } }])
            }
            None => json!([{ "op": "remove", "path": name }]),
        },
    )
}

fn moved(answer: &Answer) {
    assert!([200, 204].contains(&answer.status), "{answer}");
}

fn places(store: &TestStore) -> Vec<String> {
    let select = "select concat(login, place) as v from staff where place is not null order by login";
    store.tables().query(select).into_iter().flatten().collect()
}

#[test]
fn the_one_before_the_last_on_the_path_is_the_manager() {
    everywhere(|store, client| {
        let bob = client.get(&format!("/Users/{}", id(client, "bob")));
        assert_eq!(bob.json[ENTERPRISE]["manager"]["value"], json!(id(client, "ann")));
        for nobody in ["ann", "dan", "lee"] {
            let user = client.get(&format!("/Users/{}", id(client, nobody)));
            assert_eq!(user.json[ENTERPRISE], Json::Null, "{nobody}: {user}");
        }
        assert_eq!(below(client, "ann"), ["bob", "kim"], "one level below");
        assert_eq!(below(client, "bob"), ["eva"]);
        assert_eq!(below(client, "eva"), [""; 0]);
        let filter = format!("not ({ENTERPRISE}:manager pr)");
        assert_eq!(listed(client, "/Users", &filter).len(), 3);
        let before = places(store);
        let rename = json!([{ "op": "replace", "path": "userName", "value": "daniel" }]);
        moved(&client.patch(&format!("/Users/{}", id(client, "dan")), rename));
        assert!(places(store).contains(&"daniel/7/11/".to_owned()), "{before:?}");
    });
}

#[test]
fn who_moves_takes_along_what_lies_below() {
    everywhere(|store, client| {
        moved(&put_below(client, "bob", Some("kim")));
        let expect = ["ann/1/", "bob/1/40/4/", "dan/7/11/", "eva/1/40/4/9/", "kim/1/40/", "old/1/40/4/10/"];
        assert_eq!(places(store), expect, "also rows that are not ours");
        for (login, manager) in [("kim", "eva"), ("ann", "ann"), ("bob", "eva"), ("bob", "lee")] {
            let answer = put_below(client, login, Some(manager));
            assert_eq!((answer.status, &answer.json["scimType"]), (400, &json!("invalidValue")), "{answer}");
        }
        assert_eq!(places(store), expect);
        moved(&put_below(client, "bob", None));
        let expect = ["ann/1/", "bob/4/", "dan/7/11/", "eva/4/9/", "kim/1/40/", "old/4/10/"];
        assert_eq!(places(store), expect);
        let manager = json!({ "manager": { "value": id(client, "eva") } });
        let body = json!({ "schemas": [USER, ENTERPRISE], "userName": "new", ENTERPRISE: manager });
        assert_eq!(client.post("/Users", &body).status, 201);
        let body = json!({ "schemas": [USER], "userName": "top" });
        assert_eq!(client.post("/Users", &body).status, 201);
        assert_eq!(below(client, "eva"), ["new"]);
        let made: Vec<String> =
            places(store).into_iter().filter(|p| p.starts_with("new") || p.starts_with("top")).collect();
        assert_eq!(made, ["new/4/9/42/", "top/43/"]);
        // Who lies below somebody that goes comes to lie at the top.
        assert_eq!(client.delete(&format!("/Users/{}", id(client, "bob"))).status, 204);
        let expect = ["ann/1/", "dan/7/11/", "eva/9/", "kim/1/40/", "new/9/42/", "old/10/", "top/43/"];
        assert_eq!(places(store), expect);
    });
}

#[test]
fn a_name_on_paths_changes_on_all_of_them() {
    everywhere(|store, client| {
        let unit = |code: &str| {
            let found = listed(client, "/Units", &format!("code eq \"{code}\""));
            format!("/Units/{}", found[0]["id"].as_str().unwrap())
        };
        let paths = || -> Vec<String> {
            store
                .tables()
                .query("select path as v from unit order by unit_id")
                .into_iter()
                .flatten()
                .collect()
        };
        let rename = |name: &str| json!([{ "op": "replace", "path": "code", "value": name }]);
        moved(&client.patch(&unit("B"), rename("X")));
        assert_eq!(paths(), ["A", "A.X", "A.X.C", "A.BB"]);
        let answer = client.patch(&unit("X"), rename("x.y"));
        assert_eq!((answer.status, &answer.json["scimType"]), (400, &json!("invalidValue")), "{answer}");
        let parent = client.get(&unit("C")).json["parent"]["value"].clone();
        assert_eq!(unit("X"), format!("/Units/{}", parent.as_str().unwrap()));
        moved(&client.patch(&unit("C"), json!([{ "op": "remove", "path": "parent" }])));
        moved(&client.patch(&unit("A"), rename("Z")));
        assert_eq!(paths(), ["Z", "Z.X", "C", "Z.BB"]);
    });
}
