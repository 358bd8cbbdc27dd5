//! History tables of the application: what changes through the gateway is told there, in the same
//! transaction, in front of every database: `tests/fixtures/logs`.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::support::{Backend, Client, Gateway, Options, TestStore};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn everywhere(test: impl Fn(&TestStore, &Client)) {
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/logs/mapping.toml");
    let tables = include_str!("../fixtures/logs/tables.sql");
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let key = match backend {
            Backend::Postgres => "serial PRIMARY KEY",
            Backend::MariaDb => "integer AUTO_INCREMENT PRIMARY KEY",
            _ => "integer PRIMARY KEY",
        };
        let tables = tables.replace("{KEY}", key);
        let Some(store) = TestStore::of_statements(backend, &tables, mapping.clone()) else { continue };
        eprintln!("in front of {}", backend.name());
        let gateway = Gateway::start(&store, &Options::default());
        test(&store, &gateway.client());
    }
}

fn path(client: &Client, endpoint: &str) -> String {
    let answer = client.get(endpoint);
    format!("{endpoint}/{}", answer.json["Resources"][0]["id"].as_str().unwrap())
}

/// The texts of a column, in the order of another.
fn sorted(store: &TestStore, table: &str, column: &str, order: &str) -> Vec<String> {
    let select = format!("select concat({column}, '') as v from {table} order by {order}");
    store
        .tables()
        .query(&select)
        .into_iter()
        .map(|v| v.filter(|v| !v.is_empty()).unwrap_or("~".into()))
        .collect()
}

fn one(store: &TestStore, expression: &str, table: &str) -> String {
    let select = format!("select concat({expression}, '') as v from {table}");
    store.tables().query(&select).remove(0).unwrap_or_default()
}

/// `user field: old > new` of all audit rows.
fn audit(store: &TestStore) -> Vec<String> {
    let [users, fields, old, new] =
        ["user_id", "what", "before_it", "after_it"].map(|column| sorted(store, "audit", column, "audit_id"));
    (0..users.len()).map(|i| format!("{} {}: {} > {}", users[i], fields[i], old[i], new[i])).collect()
}

fn actions(store: &TestStore) -> Vec<String> {
    let [modules, actions, objects, infos] =
        ["module", "action", "object", "info"].map(|column| sorted(store, "action_log", column, "action_id"));
    (0..modules.len())
        .map(|i| [&modules[i], &actions[i], &objects[i], &infos[i]].map(String::as_str).join(" "))
        .collect()
}

fn patched(client: &Client, at: &str, operations: Json) {
    let answer = client.patch(at, operations);
    assert!([200, 204].contains(&answer.status), "{answer}");
}

#[test]
fn each_changed_field_has_a_row_and_each_change_one() {
    everywhere(|store, client| {
        let ann = path(client, "/Users");
        let operations = json!([
            { "op": "replace", "path": "name.familyName", "value": "Ray" },
            { "op": "replace", "path": "active", "value": false },
            { "op": "replace", "path": "phoneNumbers[type eq \"work\"].value", "value": "+2" },
            { "op": "replace", "path": format!("{ENTERPRISE}:department"), "value": "Sales" },
            { "op": "add", "path": "preferredLanguage", "value": "de" },
            { "op": "add", "path": "emails", "value": [{ "value": "b@x.org", "type": "home" }] },
            { "op": "replace", "path": "password", "value": "t0p secret!" },
        ]);
        patched(client, &ann, operations.clone());
        let mut told = audit(store);
        told.sort();
        assert_eq!(
            told,
            [
                "7 dept.name: Tools > Sales",
                "7 doc.phone: +1 > +2",
                "7 mail.address: ~ > b@x.org",
                "7 mail.kind: ~ > home",
                "7 setting.lang: ~ > de",
                "7 state: A > D",
                "7 surname: Lee > Ray",
            ]
        );
        assert_eq!(actions(store), ["MEMBERS MODIFY 7 ann (Sales)"]);
        assert_eq!(one(store, "count(distinct author)", "audit"), "1");
        assert!(one(store, "min(happened)", "audit").starts_with('2'));
        assert_eq!(one(store, "count(*)", "person where changed is not null"), "1");

        // What changes nothing is not told; what is refused neither.
        let same = json!([{ "op": "replace", "path": "name.familyName", "value": "Ray" }]);
        patched(client, &ann, same);
        let unknown =
            json!([{ "op": "replace", "path": format!("{ENTERPRISE}:department"), "value": "None" }]);
        assert_eq!(client.patch(&ann, unknown).status, 400);
        assert_eq!((audit(store).len(), actions(store).len()), (7, 1));

        // A new password is a change, and nobody is told which.
        patched(client, &ann, json!([{ "op": "replace", "path": "password", "value": "0ther secret!" }]));
        assert_eq!((audit(store).len(), actions(store).len()), (7, 2));
        let hash = one(store, "secret", "person");
        for text in audit(store).into_iter().chain(actions(store)) {
            assert!(!text.contains(&hash) && !text.contains("secret"), "{text}");
        }
        // The table of the log refuses a row: nothing of the request is there.
        let refused = json!([{ "op": "replace", "path": "userName", "value": "anna" },
            { "op": "replace", "path": "name.familyName", "value": "forbidden" }]);
        assert_eq!(client.patch(&ann, refused).status, 400);
        assert_eq!(one(store, "login", "person"), "ann");
        assert_eq!((audit(store).len(), actions(store).len()), (7, 2));
        // What is too long for its column is cut, where the file says so.
        let long = format!("{}@x.org", "z".repeat(100));
        patched(
            client,
            &ann,
            json!([{ "op": "replace", "path": "emails[type eq \"home\"].value", "value": long }]),
        );
        assert_eq!(one(store, "count(*)", "audit where length(after_it) = 100"), "1");
    });
}

#[test]
fn a_new_resource_is_told_by_its_generated_key_and_a_deleted_one_as_it_was() {
    everywhere(|store, client| {
        let body = json!({ "schemas": [USER], "userName": "bob", "name": { "familyName": "Ray", "middleName": "" },
            "password": "t0p secret!", "emails": [{ "value": "bob@x.org" }], ENTERPRISE: { "department": "Tools" } });
        let made = client.post("/Users", &body);
        assert_eq!(made.status, 201, "{made}");
        let key = one(store, "person_id", "person where login = 'bob'");
        let mut told = audit(store);
        told.sort();
        let rows = [
            "dept.name: ~ > Tools",
            "login: ~ > bob",
            "mail.address: ~ > bob@x.org",
            "state: ~ > A",
            "surname: ~ > Ray",
        ];
        assert_eq!(told, rows.map(|row| format!("{key} {row}")));
        assert_eq!(actions(store), [format!("MEMBERS ADD {key} bob (Tools)")]);

        assert_eq!(client.delete(&format!("/Users/{}", made.id())).status, 204);
        let mut gone = audit(store).split_off(5);
        gone.sort();
        let rows = [
            "dept.name: Tools > ~",
            "login: bob > ~",
            "mail.address: bob@x.org > ~",
            "state: A > ~",
            "surname: Ray > ~",
        ];
        assert_eq!(gone, rows.map(|row| format!("{key} {row}")));
        assert_eq!(actions(store)[1..], [format!("MEMBERS DELETE {key} bob (Tools)")]);

        // `when` is about the resource.
        let ghost = client.post("/Users", &json!({ "schemas": [USER], "userName": "ghost" }));
        assert_eq!(ghost.status, 201, "{ghost}");
        assert_eq!(actions(store).len(), 2);
    });
}

#[test]
fn members_that_come_and_go_are_told() {
    everywhere(|store, client| {
        let staff = path(client, "/Groups");
        let ann = client.get("/Users").json["Resources"][0]["id"].clone();
        let bob = client.post("/Users", &json!({ "schemas": [USER], "userName": "ghost" }));
        let key = one(store, "person_id", "person where login = 'ghost'");
        patched(
            client,
            &staff,
            json!([{ "op": "add", "path": "members", "value": [{ "value": bob.id() }, { "value": ann }] }]),
        );
        let remove = json!([{ "op": "remove", "path": format!("members[value eq {ann}]") }]);
        patched(client, &staff, remove.clone());
        patched(client, &staff, remove);
        patched(client, &staff, json!([{ "op": "replace", "path": "displayName", "value": "All" }]));
        // What has no value takes the text before it along.
        assert_eq!(
            actions(store),
            [format!("TEAMS link.person_id 5  +{key}"), "TEAMS link.person_id 5 -7".to_owned()]
        );
        assert_eq!(sorted(store, "team_person", "person_id", "person_id"), [key]);
    });
}
