//! Groups without a row of their own, in front of every database: names that the rows of people hold, or
//! those of a link table. `tests/fixtures/names`.

mod tools;

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::support::{Answer, Backend, Client, Gateway, Options, TestStore};

const TABLES: &str = include_str!("../fixtures/names/tables.sql");
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn everywhere(mapping: &str, test: impl Fn(&TestStore, &Client)) {
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/names").join(mapping);
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(store) = TestStore::of_statements(backend, TABLES, mapping.clone()) else { continue };
        // Shown when the test fails, to tell which store it was.
        eprintln!("in front of {}", backend.name());
        let gateway = Gateway::start(&store, &Options::default());
        test(&store, &gateway.client());
    }
}

fn query(client: &Client, endpoint: &str, pairs: &[(&str, &str)]) -> Json {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let answer = client.get(&format!("{endpoint}?{query}"));
    assert_eq!(answer.status, 200, "{pairs:?}: {answer}");
    answer.json
}

fn names(list: &Json) -> Vec<&str> {
    let resources = list["Resources"].as_array().map_or(&[][..], Vec::as_slice);
    resources.iter().filter_map(|r| r["displayName"].as_str()).collect()
}

fn groups(client: &Client) -> Vec<String> {
    let list = query(client, "/Groups", &[("sortBy", "displayName"), ("attributes", "displayName")]);
    assert_eq!(list["totalResults"], json!(names(&list).len()), "{list}");
    names(&list).into_iter().map(str::to_owned).collect()
}

fn path_of(client: &Client, endpoint: &str, attribute: &str, name: &str) -> String {
    let list = query(client, endpoint, &[("filter", &format!("{attribute} eq \"{name}\""))]);
    assert_eq!(list["totalResults"], 1, "{name}: {list}");
    format!("{endpoint}/{}", list["Resources"][0]["id"].as_str().unwrap())
}

fn group(client: &Client, name: &str) -> String {
    path_of(client, "/Groups", "displayName", name)
}

fn user_id(client: &Client, name: &str) -> String {
    path_of(client, "/Users", "userName", name).trim_start_matches("/Users/").to_owned()
}

fn post(client: &Client, name: &str, members: &[&str]) -> Answer {
    let members: Vec<Json> = members.iter().map(|id| json!({ "value": id })).collect();
    client.post("/Groups", &json!({ "schemas": [GROUP], "displayName": name, "members": members }))
}

fn member(op: &str, id: &str) -> Json {
    match op {
        "remove" => json!([{ "op": "remove", "path": format!("members[value eq \"{id}\"]") }]),
        _ => json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]),
    }
}

fn done(answer: &Answer) {
    assert!([200, 201, 204].contains(&answer.status), "{answer}");
}

fn members(client: &Client, path: &str) -> Vec<String> {
    let answer = client.get(path);
    assert_eq!(answer.status, 200, "{answer}");
    let list = answer.json["members"].as_array().cloned().unwrap_or_default();
    list.iter().map(|m| m["value"].as_str().unwrap().to_owned()).collect()
}

fn rows(store: &TestStore, select: &str) -> Vec<String> {
    store.tables().query(select).into_iter().map(Option::unwrap_or_default).collect()
}

const DEPTS: &str = "select dept as v from staff order by id";
const TEAMS: &str = "select team as v from staff order by id";

#[test]
fn names_in_columns_of_people_are_groups() {
    everywhere("departments.toml", |_, client| {
        assert_eq!(groups(client), ["Day", "Night", "Ops", "Sales"]);
        let page =
            query(client, "/Groups", &[("sortBy", "displayName"), ("startIndex", "2"), ("count", "2")]);
        assert_eq!((names(&page), &page["totalResults"]), (vec!["Night", "Ops"], &json!(4)), "{page}");
        for (filter, expect) in [
            ("displayName eq \"SALES\"", &["Sales"][..]),
            ("displayName sw \"O\" or displayName co \"ay\"", &["Day", "Ops"]),
            ("displayName eq \"Robots\"", &[]),
            ("not (displayName eq \"Sales\")", &["Day", "Night", "Ops"]),
        ] {
            let found = query(client, "/Groups", &[("sortBy", "displayName"), ("filter", filter)]);
            assert_eq!(names(&found), expect, "{filter}");
        }
        let (ann, bob) = (user_id(client, "ann"), user_id(client, "bob"));
        let mut found = members(client, &group(client, "Sales"));
        found.sort();
        let mut expect = [ann.clone(), bob];
        expect.sort();
        assert_eq!(found, expect);
        let of_ann = query(client, "/Groups", &[("filter", &format!("members.value eq \"{ann}\""))]);
        assert_eq!(of_ann["totalResults"], 2, "{of_ann}");
        let user = client.get(&format!("/Users/{ann}")).json;
        let shown: Vec<_> =
            user["groups"].as_array().unwrap().iter().map(|g| (&g["display"], &g["type"])).collect();
        assert_eq!(
            shown,
            [(&json!("Sales"), &json!("direct")), (&json!("Night"), &json!("direct"))],
            "{user}"
        );
        let in_ops = format!("groups.value eq \"{}\"", group(client, "Ops").trim_start_matches("/Groups/"));
        let found = query(client, "/Users", &[("filter", &in_ops)]);
        assert_eq!(found["Resources"][0]["userName"], "eve", "{found}");
    });
}

#[test]
fn a_group_without_members_lives_with_us_until_a_row_names_it() {
    everywhere("departments.toml", |store, client| {
        let before = store.dump();
        let made = post(client, "Legal", &[]);
        assert_eq!((made.status, &made.json["displayName"]), (201, &json!("Legal")), "{made}");
        let path = format!("/Groups/{}", made.id());
        assert_eq!(store.dump(), before, "no row names it");
        assert_eq!(groups(client), ["Day", "Legal", "Night", "Ops", "Sales"]);
        assert_eq!(group(client, "legal"), path);
        let found = query(client, "/Groups", &[("filter", "displayName co \"ega\"")]);
        assert_eq!(names(&found), ["Legal"]);
        for name in ["Legal", "LEGAL", "Sales"] {
            let again = post(client, name, &[]);
            assert_eq!(
                (again.status, &again.json["scimType"]),
                (409, &json!("uniqueness")),
                "{name}: {again}"
            );
        }
        let eve = user_id(client, "eve");
        // Both columns of eve are full.
        let full = client.patch(&path, member("add", &eve));
        assert_eq!(full.status, 409, "{full}");
        assert_eq!(store.dump(), before);
        let bob = user_id(client, "bob");
        done(&client.patch(&path, member("add", &bob)));
        assert_eq!(rows(store, TEAMS), ["Night", "Legal", "Day", "Loop"]);
        done(&client.patch(&path, member("remove", &bob)));
        assert_eq!(store.dump(), before, "what the row held before is there again");
        assert_eq!(members(client, &path), [""; 0], "and the group stays");
        assert_eq!(client.delete(&path).status, 204);
        assert_eq!(client.get(&path).status, 404);
        assert_eq!(groups(client), ["Day", "Night", "Ops", "Sales"]);
        let anew = post(client, "Legal", &[&bob]);
        assert_eq!(anew.status, 201, "{anew}");
        assert_ne!(format!("/Groups/{}", anew.id()), path);
        assert_eq!(rows(store, TEAMS), ["Night", "Legal", "Day", "Loop"]);
    });
}

#[test]
fn who_has_one_place_for_groups_moves() {
    everywhere("department.toml", |store, client| {
        assert_eq!(groups(client), ["Sales"], "what is protected is not shown");
        let taken = post(client, "Ops", &[]);
        assert_eq!(taken.status, 409, "its name stays taken: {taken}");
        let (ann, bob, eve) = (user_id(client, "ann"), user_id(client, "bob"), user_id(client, "eve"));
        let made = post(client, "Legal", &[&ann]);
        assert_eq!(made.status, 201, "{made}");
        assert_eq!(rows(store, DEPTS), ["Legal", "Sales", "Ops", "Robots"]);
        // A pointer at what is not ours is not replaced.
        let path = format!("/Groups/{}", made.id());
        let refused = client.patch(&path, member("add", &eve));
        assert_eq!(refused.status, 400, "{refused}");
        // The client that moved ann takes her out of where she was; she is not there any more.
        done(&client.patch(&group(client, "Sales"), member("remove", &ann)));
        assert_eq!(rows(store, DEPTS), ["Legal", "Sales", "Ops", "Robots"]);
        // Rename: every row that names it, and who comes by the same request.
        let body = json!({ "schemas": [GROUP], "displayName": "Law", "members": [{ "value": ann }, { "value": bob }] });
        let renamed = client.put(&path, &body);
        assert_eq!((renamed.status, &renamed.json["displayName"]), (200, &json!("Law")), "{renamed}");
        assert_eq!(rows(store, DEPTS), ["Law", "Law", "Ops", "Robots"]);
        // Nobody is in Sales now, and no client has made or changed it.
        assert_eq!(groups(client), ["Law"]);
        let clash = client.patch(&path, json!([{ "op": "replace", "path": "displayName", "value": "ops" }]));
        assert_eq!(clash.status, 409, "{clash}");
        // The old name is free for another group, which is another resource.
        store.tables().execute("update staff set dept = 'Legal' where id = 2");
        let other = group(client, "Legal");
        assert_ne!(other, path);
        // One that nobody made goes with the last row that names it.
        store.tables().execute("update staff set dept = null where id = 2");
        assert_eq!(client.get(&other).status, 404);
        // Deleting takes the name out of the rows.
        assert_eq!(client.delete(&path).status, 204);
        assert_eq!(rows(store, DEPTS), ["", "", "Ops", "Robots"]);
        assert_eq!(groups(client), [""; 0]);
    });
}

#[test]
fn the_column_can_be_an_attribute_of_people_too() {
    everywhere("departments.toml", |store, client| {
        let bob = format!("/Users/{}", user_id(client, "bob"));
        let path = format!("{ENTERPRISE}:department");
        done(&client.patch(&bob, json!([{ "op": "replace", "path": path, "value": "Archive" }])));
        assert_eq!(rows(store, DEPTS), ["Sales", "Archive", "Ops", "Robots"]);
        assert_eq!(members(client, &group(client, "Archive")).len(), 1);
        // Names that are gone from all rows are gone.
        let ops = group(client, "Ops");
        done(
            &client.patch(
                &format!("/Users/{}", user_id(client, "eve")),
                json!([{ "op": "remove", "path": path }]),
            ),
        );
        assert_eq!(client.get(&ops).status, 404);
        assert_eq!(groups(client), ["Archive", "Day", "Night", "Sales"]);
    });
}

#[test]
fn roles_are_texts_of_the_rows_that_grant_them() {
    everywhere("roles.toml", |store, client| {
        let grants = |store: &TestStore| {
            let mut roles = rows(store, "select role as v from grants");
            roles.sort_by_key(|role| role.to_lowercase());
            roles
        };
        // Grants of another scope are not ours.
        assert_eq!(groups(client), ["admin", "Editor"]);
        let admin = group(client, "admin");
        let (ann, bob, eve) = (user_id(client, "ann"), user_id(client, "bob"), user_id(client, "eve"));
        assert_eq!(members(client, &admin).len(), 2);
        let of_bob = query(
            client,
            "/Groups",
            &[("sortBy", "displayName"), ("filter", &format!("members.value eq \"{bob}\""))],
        );
        assert_eq!(names(&of_bob), ["admin", "Editor"], "{of_bob}");
        let shown = client.get(&format!("/Users/{ann}")).json;
        assert_eq!(shown["groups"][0]["display"], "admin", "{shown}");
        let made = post(client, "auditor", &[]);
        assert_eq!(made.status, 201, "{made}");
        let auditor = format!("/Groups/{}", made.id());
        let none = query(client, "/Groups", &[("filter", "not (members pr)")]);
        assert_eq!(names(&none), ["auditor"], "{none}");
        done(&client.patch(&auditor, member("add", &eve)));
        assert_eq!(grants(store), ["admin", "admin", "auditor", "Editor", "owner"]);
        assert_eq!(rows(store, "select scope as v from grants where role = 'auditor'"), ["app"]);
        done(
            &client.patch(&auditor, json!([{ "op": "replace", "path": "displayName", "value": "reviewer" }])),
        );
        assert_eq!(grants(store), ["admin", "admin", "Editor", "owner", "reviewer"]);
        assert_eq!(members(client, &auditor), std::slice::from_ref(&eve));
        done(&client.patch(&auditor, member("remove", &eve)));
        assert_eq!(grants(store), ["admin", "admin", "Editor", "owner"]);
        assert_eq!(groups(client), ["admin", "Editor", "reviewer"], "it stays");
        assert_eq!(client.delete(&admin).status, 204);
        assert_eq!(grants(store), ["Editor", "owner"]);
        assert_eq!(groups(client), ["Editor", "reviewer"]);
        // Somebody who goes takes the grants along, and with the last one the role, which nobody made.
        assert_eq!(client.delete(&format!("/Users/{bob}")).status, 204);
        assert_eq!(groups(client), ["reviewer"]);
    });
}

#[test]
fn a_role_that_is_there_is_taken_over() {
    everywhere("roles.toml", |store, client| {
        let (before, admin) = (store.dump(), group(client, "admin"));
        let body = json!({ "schemas": [GROUP], "displayName": "admin", "externalId": "r-1" });
        let taken = client.post("/Groups", &body);
        assert_eq!((taken.status, format!("/Groups/{}", taken.id())), (201, admin.clone()), "{taken}");
        assert_eq!(store.dump(), before, "nothing differs");
        assert_eq!(members(client, &admin).len(), 2);
        let again = client.post("/Groups", &body);
        assert_eq!((again.status, &again.json["scimType"]), (409, &json!("uniqueness")), "{again}");
        // From now on it is there whether a row names it or not.
        store.tables().execute("delete from grants where role = 'admin'");
        assert_eq!(client.get(&admin).json["externalId"], "r-1");
    });
}

#[test]
fn a_new_name_is_for_rows_of_ours() {
    everywhere("departments.toml", |store, client| {
        store.tables().execute("insert into staff values (5, 'arm', 'Sales', 'Night', 'r')");
        let law = json!([{ "op": "replace", "path": "displayName", "value": "Law" }]);
        done(&client.patch(&group(client, "Sales"), law));
        assert_eq!(rows(store, DEPTS), ["Law", "Law", "Ops", "Robots", "Sales"]);
        assert_eq!(client.delete(&group(client, "Night")).status, 204);
        assert_eq!(rows(store, TEAMS), ["", "", "Day", "Loop", "Night"]);
    });
    everywhere("roles.toml", |store, client| {
        store.tables().execute("insert into grants values (3, 'admin', 'db')");
        let root = json!([{ "op": "replace", "path": "displayName", "value": "root" }]);
        done(&client.patch(&group(client, "admin"), root));
        let all = "select concat(staff_id, ' ', role, ' ', scope) as v from grants order by 1";
        assert_eq!(
            rows(store, all),
            ["1 root app", "2 Editor app", "2 root app", "3 admin db", "3 owner db"]
        );
    });
}
