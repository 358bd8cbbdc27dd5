//! Circles of references are made in two passes (7644-3.7.1-a).

use serde_json::json;

use super::{ENTERPRISE, bulk, everywhere, group, id, members, path, post, sorted, statuses, user};
use crate::support::{Backend, Gateway, Options, TestStore, unique};

#[test]
fn people_may_manage_each_other() {
    // 7644-3.7.1-a
    everywhere(|_, client| {
        let names = ["a", "b", "c"].map(unique);
        let managed = |name: &str, manager: &str| {
            let mut body = user(name);
            body[ENTERPRISE] =
                json!({ "department": "Circle", "manager": { "value": format!("bulkId:{manager}") } });
            body
        };
        let done = bulk(
            client,
            json!([
                post("/Users", "a", managed(&names[0], "b")),
                post("/Users", "b", managed(&names[1], "c")),
                { "method": "PATCH", "path": "/Users/bulkId:a", "data": [{ "op": "add", "path": "title", "value": "Head" }] },
                post("/Users", "c", managed(&names[2], "a")),
            ]),
        );
        assert_eq!(statuses(&done), ["201", "201", "200", "201"], "{done:#?}");
        for (one, manager) in [(0, 1), (1, 3), (3, 0)] {
            let read = client.get(&path(&done[one])).json;
            assert_eq!(read[ENTERPRISE]["manager"]["value"], json!(id(&done[manager])), "{read:#}");
            assert_eq!(read[ENTERPRISE]["department"], "Circle");
        }
        assert_eq!(client.get(&path(&done[0])).json["title"], "Head");
    });
}

#[test]
fn groups_may_contain_each_other() {
    // 7644-3.7.1-a
    everywhere(|store, client| {
        let [a, b, member] = ["a", "b", "m"].map(unique);
        let before = store.group_names().len();
        let done = bulk(
            client,
            json!([
                post("/Groups", "a", group(&a, &["bulkId:b", "bulkId:m"])),
                post("/Groups", "b", group(&b, &["bulkId:a"])),
                post("/Users", "m", user(&member)),
            ]),
        );
        match store.backend() {
            Backend::OpenLdap | Backend::Ds389 | Backend::ActiveDirectory => {
                assert_eq!(statuses(&done), ["201", "201", "201"], "{done:#?}");
                assert_eq!(members(client, &path(&done[0])), sorted(vec![id(&done[1]), id(&done[2])]));
                assert_eq!(members(client, &path(&done[1])), [id(&done[0])]);
            }
            // These link tables hold people only: the circle cannot be closed, and nothing of it stays.
            Backend::Sqlite | Backend::Postgres | Backend::MariaDb => {
                assert_eq!(statuses(&done), ["409", "400", "201"], "{done:#?}");
                assert!(done[0].get("location").is_none(), "{done:#?}");
                assert_eq!(store.group_names().len(), before);
            }
        }
    });
}

#[test]
fn a_circle_that_cannot_be_closed_leaves_nothing_of_the_resource_that_needs_it() {
    // 7644-3.7.1-a: 409 after an attempt
    everywhere(|store, client| {
        let [a, taken] = ["a", "taken"].map(unique);
        client.post("/Users", &user(&taken));
        let managed = |name: &str, manager: &str| {
            let mut body = user(name);
            body[ENTERPRISE] = json!({ "manager": { "value": manager } });
            body
        };
        let operations = json!([
            post("/Users", "a", managed(&a, "bulkId:b")),
            post("/Users", "b", managed(&taken, "bulkId:a")),
            { "method": "PATCH", "path": "/Users/bulkId:a", "data": [{ "op": "add", "path": "title", "value": "x" }] },
        ]);
        let before = store.logins().len();
        let done = bulk(client, operations);
        assert_eq!(statuses(&done), ["409", "409", "400"], "{done:#?}");
        assert_eq!(done[1]["response"]["scimType"], "uniqueness");
        assert!(done[0]["response"]["detail"].as_str().unwrap().contains("bulkId:b"), "{done:#?}");
        assert_eq!(store.logins().len(), before);
        // Oneself is a circle too.
        let alone = unique("self");
        let done = bulk(client, json!([post("/Users", "s", managed(&alone, "bulkId:s"))]));
        assert_eq!(statuses(&done), ["201"]);
        let read = client.get(&path(&done[0])).json;
        assert_eq!(read[ENTERPRISE]["manager"]["value"], json!(id(&done[0])));
    });
}

#[test]
fn rows_of_a_link_table_may_form_a_circle() {
    // 7644-3.7.1-a, in tables: groups that contain groups
    let store = TestStore::fresh(Backend::Sqlite).unwrap();
    store.tables().execute(
        "create table clubs (id integer primary key autoincrement, name text not null unique); \
         create table club_clubs (club integer not null references clubs, inner_club integer not null \
         references clubs, primary key (club, inner_club));",
    );
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("clubs.toml");
    std::fs::write(
        &file,
        "sql = { store = \"main\" }\n[Group]\ntable = \"clubs\"\nkey = \"id\"\n[Group.part]\n\
         inner = { table = \"club_clubs\", on = { club = \"id\" }, many = true }\n[Group.attributes]\n\
         displayName = { field = \"name\", unique = \"fold\" }\n\
         members = { rows = \"inner\", each = { value = { field = \"inner_club\", ref = \"Group\" } } }\n",
    )
    .unwrap();
    let store = store.with_mapping(file);
    let gateway = Gateway::start(&store, &Options::default());
    let client = &gateway.client();
    let done = bulk(
        client,
        json!([
            post("/Groups", "a", group("a", &["bulkId:b", "bulkId:c"])),
            post("/Groups", "b", group("b", &["bulkId:c"])),
            { "method": "PATCH", "path": "/Groups/bulkId:a", "data": [
                { "op": "remove", "path": "members[value eq \"bulkId:b\"]" },
            ] },
            post("/Groups", "c", group("c", &["bulkId:a", "bulkId:b", "bulkId:c"])),
        ]),
    );
    assert_eq!(statuses(&done), ["201", "201", "200", "201"], "{done:#?}");
    let [a, b, c] = [0, 1, 3].map(|n| id(&done[n]));
    assert_eq!(members(client, &path(&done[0])), std::slice::from_ref(&c));
    assert_eq!(members(client, &path(&done[1])), std::slice::from_ref(&c));
    assert_eq!(members(client, &path(&done[3])), sorted(vec![a, b, c]));
}
