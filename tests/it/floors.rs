//! Rows that stay when a list would become empty, in front of every database: `tests/fixtures/floors`.

use std::{path::Path, sync::Arc};

use scimgate::scim::{precondition::Preconditions, resource::Selection};
use serde_json::{Value as Json, json};

use crate::{
    in_process::Counted,
    live::check,
    support::{Answer, Backend, Client, Gateway, Options, TestStore},
};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ROLES: &str =
    "select concat(person_id, ' ', role, ' ', granted, ' ', scope) as v from person_role order by 1";
const LANGS: &str = "select concat(person_id, ' ', lang) as v from person_lang order by 1";
const CREWS: &str = "select concat(crew_id, ' ', person_id, ' ', post) as v from crew_member order by 1";

fn everywhere(test: impl Fn(&TestStore, &Client)) {
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/floors/mapping.toml");
    let tables = include_str!("../fixtures/floors/tables.sql");
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(store) = TestStore::of_statements(backend, tables, mapping.clone()) else { continue };
        // Shown when the test fails, to tell which store it was.
        eprintln!("in front of {}", backend.name());
        let gateway = Gateway::start(&store, &Options::default());
        test(&store, &gateway.client());
    }
}

fn rows(store: &TestStore, select: &str) -> Vec<String> {
    store.tables().query(select).into_iter().flatten().collect()
}

fn found(client: &Client, endpoint: &str, filter: &str) -> Json {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("filter", filter).finish();
    let answer = client.get(&format!("{endpoint}?{query}"));
    assert_eq!(answer.status, 200, "{filter}: {answer}");
    answer.json
}

fn path(client: &Client, endpoint: &str, attribute: &str, name: &str) -> String {
    let list = found(client, endpoint, &format!("{attribute} eq \"{name}\""));
    format!("{endpoint}/{}", list["Resources"][0]["id"].as_str().unwrap())
}

fn user(client: &Client, name: &str) -> String {
    path(client, "/Users", "userName", name)
}

fn group(client: &Client, name: &str) -> String {
    path(client, "/Groups", "displayName", name)
}

fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

fn done(answer: Answer) {
    assert!([200, 201, 204].contains(&answer.status), "{answer}");
}

fn add(attribute: &str, value: &str) -> Json {
    json!([{ "op": "add", "path": attribute, "value": [{ "value": value }] }])
}

fn remove(attribute: &str, value: &str) -> Json {
    json!([{ "op": "remove", "path": format!("{attribute}[value eq \"{value}\"]") }])
}

#[test]
fn the_last_row_is_followed_by_one_that_nobody_sees() {
    everywhere(|store, client| {
        let made = client.post("/Users", &json!({ "schemas": [USER], "userName": "new" }));
        assert_eq!((made.status, &made.json["roles"]), (201, &Json::Null), "{made}");
        let all = [
            "1 admin hand app",
            "1 editor hand app",
            "2 admin hand app",
            "2 owner hand db",
            "4 guest auto app",
        ];
        assert_eq!(rows(store, ROLES), all);
        let new = format!("/Users/{}", made.id());
        assert_eq!(client.get(&new).json["roles"], Json::Null);
        // It is neither found nor counted.
        for (filter, expect) in [
            ("roles pr", 2),
            ("roles.value eq \"guest\"", 0),
            ("not (roles pr)", 2),
            ("roles[value sw \"g\"]", 0),
            ("userName eq \"nobody\"", 0),
        ] {
            assert_eq!(found(client, "/Users", filter)["totalResults"], expect, "{filter}");
        }
        // It stays where it is while others come and go.
        done(client.patch(&new, add("roles", "editor")));
        assert_eq!(client.get(&new).json["roles"], json!([{ "value": "editor" }]));
        assert_eq!(rows(store, ROLES)[4..], ["4 editor auto app", "4 guest auto app"]);
        done(client.patch(&new, remove("roles", "editor")));
        assert_eq!(rows(store, ROLES), all);
        // Who has another row left needs none.
        let ann = user(client, "ann");
        done(client.patch(&ann, remove("roles", "editor")));
        assert_eq!(rows(store, ROLES)[..2], ["1 admin hand app", "2 admin hand app"]);
        done(client.put(&ann, &json!({ "schemas": [USER], "userName": "ann" })));
        assert_eq!(rows(store, ROLES)[..2], ["1 guest auto app", "2 admin hand app"]);
        // Rows of others are no row of the list.
        done(client.patch(&user(client, "bob"), json!([{ "op": "remove", "path": "roles" }])));
        assert_eq!(rows(store, ROLES)[1..3], ["2 guest auto app", "2 owner hand db"]);
        // Another row in the place of the last one leaves nothing to fill.
        let mut body = json!({ "schemas": [USER], "userName": "two", "roles": [{ "value": "a" }] });
        let two = client.post("/Users", &body);
        assert_eq!(two.status, 201, "{two}");
        body["roles"] = json!([{ "value": "b" }]);
        done(client.put(&format!("/Users/{}", two.id()), &body));
        assert_eq!(rows(store, ROLES)[4..], ["5 b auto app"]);
        // With the resource goes all that is its own.
        assert_eq!(client.delete(&new).status, 204);
        assert_eq!(rows(store, ROLES)[3..], ["5 b auto app"]);
    });
}

#[test]
fn what_stands_for_nothing_is_not_to_be_given() {
    everywhere(|store, client| {
        let before = store.dump();
        let ann = user(client, "ann");
        for answer in [
            client.patch(&ann, add("roles", "guest")),
            client.post(
                "/Users",
                &json!({ "schemas": [USER], "userName": "x", "roles": [{ "value": "guest" }] }),
            ),
        ] {
            assert_eq!((answer.status, &answer.json["scimType"]), (400, &json!("invalidValue")), "{answer}");
        }
        assert_eq!(store.dump(), before);
        let (code, text) = check(store, store.mapping());
        assert_eq!(code, 0, "{text}");
    });
}

#[test]
fn a_crew_is_never_without_a_member() {
    everywhere(|store, client| {
        let (ann, bob, eve) = (user(client, "ann"), user(client, "bob"), user(client, "eve"));
        let made = client.post("/Groups", &json!({ "schemas": [GROUP], "displayName": "Green" }));
        assert_eq!(made.status, 201, "{made}");
        let all = ["1 1 chief", "2 1 chief", "2 2 crew", "3 0 crew"];
        assert_eq!(rows(store, CREWS), all);
        assert_eq!(found(client, "/Groups", "members pr")["totalResults"], 2);
        let (red, blue) = (group(client, "Red"), group(client, "Blue"));
        // Members that come and go without the list being read.
        done(client.patch(&red, add("members", id(&eve))));
        done(client.patch(&red, remove("members", id(&ann))));
        assert_eq!(rows(store, CREWS), ["1 3 crew", "2 1 chief", "2 2 crew", "3 0 crew"]);
        done(client.patch(&red, remove("members", id(&eve))));
        assert_eq!(rows(store, CREWS)[..1], ["1 0 crew"]);
        assert_eq!(client.get(&red).json["members"], Json::Null);
        done(client.patch(&red, add("members", id(&eve))));
        assert_eq!(rows(store, CREWS)[..2], ["1 0 crew", "1 3 crew"]);
        // Members that are deleted.
        assert_eq!(client.delete(&bob).status, 204);
        assert_eq!(rows(store, CREWS), ["1 0 crew", "1 3 crew", "2 1 chief", "3 0 crew"]);
        assert_eq!(client.delete(&ann).status, 204);
        assert_eq!(rows(store, CREWS), ["1 0 crew", "1 3 crew", "2 0 crew", "3 0 crew"]);
        // The whole list at once.
        done(client.put(&red, &json!({ "schemas": [GROUP], "displayName": "Red" })));
        assert_eq!(rows(store, CREWS), ["1 0 crew", "2 0 crew", "3 0 crew"]);
        assert_eq!(client.delete(&blue).status, 204);
        assert_eq!(rows(store, CREWS), ["1 0 crew", "3 0 crew"]);
    });
}

#[test]
fn a_fallback_is_shown() {
    everywhere(|store, client| {
        let made = client.post("/Users", &json!({ "schemas": [USER], "userName": "new" }));
        assert_eq!(made.json["entitlements"], json!([{ "value": "en" }]), "{made}");
        assert_eq!(found(client, "/Users", "entitlements.value eq \"en\"")["totalResults"], 1);
        let new = format!("/Users/{}", made.id());
        done(client.patch(&new, remove("entitlements", "en")));
        assert_eq!(rows(store, LANGS), ["1 de", "4 en"]);
        done(client.patch(&new, add("entitlements", "fr")));
        done(client.patch(&new, remove("entitlements", "en")));
        assert_eq!(rows(store, LANGS), ["1 de", "4 fr"]);
        let ann = user(client, "ann");
        done(client.put(&ann, &json!({ "schemas": [USER], "userName": "ann" })));
        assert_eq!(rows(store, LANGS), ["1 en", "4 fr"]);
        assert_eq!(client.get(&ann).json["entitlements"], json!([{ "value": "en" }]));
    });
}

#[test]
fn of_two_who_take_the_last_ones_one_leaves_the_row() {
    everywhere(|store, one| {
        let second = Gateway::start(store, &Options::default());
        let other = second.client();
        let members = [user(one, "ann"), user(&other, "bob")];
        let crews = [group(one, "Blue"), group(&other, "Blue")];
        for client in [one, &other] {
            assert_eq!(found(client, "/Users", "userName pr")["totalResults"], 3);
        }
        for _ in 0..5 {
            store.tables().execute("delete from crew_member where crew_id = 2");
            store.tables().execute("insert into crew_member values (2, 1, 'crew'), (2, 2, 'crew')");
            std::thread::scope(|scope| {
                for ((client, crew), member) in [one, &other].into_iter().zip(&crews).zip(&members) {
                    scope.spawn(move || done(client.patch(crew, remove("members", id(member)))));
                }
            });
            assert_eq!(rows(store, CREWS), ["1 1 chief", "2 0 crew"]);
        }
    });
}

/// The value that a directory takes from a group just before our change of it, and the members that the change leaves.
#[test]
fn who_takes_the_last_value_of_a_list_leaves_the_placeholder() {
    let Some(store) = TestStore::fresh(Backend::OpenLdap) else { return };
    let (suffix, store) = (store.suffix().to_owned(), Arc::new(store));
    let dn = |name: &str| format!("uid={name},ou=people,{suffix}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let counted = Counted::over(&store);
        let people = counted.list("Users", &[("filter", "userName sw \"person\"")]).await;
        let id_of = |name: &str| {
            let is_it = |user: &&Json| user["userName"] == name;
            people["Resources"].as_array().unwrap().iter().find(is_it).unwrap()["id"].clone()
        };
        // One whose name leads to nobody, and one who stays.
        for (number, (going, stays)) in [("gone", None), ("person2", Some("person2"))].into_iter().enumerate()
        {
            let name = format!("list{number}");
            let group = format!("cn={name},ou=groups,{suffix}");
            store.directory().add(&format!(
                "dn: {group}\nobjectClass: groupOfNames\ncn: {name}\nmember: {}\nmember: {}\n",
                dn("person1"),
                dn(going)
            ));
            let found = counted.list("Groups", &[("filter", &format!("displayName eq \"{name}\""))]).await;
            let id = found["Resources"][0]["id"].as_str().unwrap().to_owned();
            let body = match stays {
                Some(stays) => {
                    json!({ "schemas": [GROUP], "displayName": name, "members": [{ "value": id_of(stays) }] })
                }
                None => json!({ "schemas": [GROUP], "displayName": name }),
            };
            let ldif = format!("dn: {group}\nchangetype: modify\ndelete: member\nmember: {}\n", dn(going));
            let directory = Arc::clone(&store);
            counted.store.before_next_write(move || directory.directory().modify(&ldif));
            let (ty, always, all) = (counted.ty("Groups"), Preconditions::default(), Selection::default());
            let put = counted.gateway.replace(&counted.context, ty, &id, &always, &body, &all).await;
            assert_eq!(put.unwrap().get("members"), None, "{name}");
            let placeholder = format!("cn=nobody,{suffix}");
            assert_eq!(store.directory().values(&group, "member"), Some(vec![placeholder]), "{name}");
        }
    });
}
