//! Requests at the same time: what each of them did is there afterwards (R-06, O-10).

use futures_util::future::join;
use scimgate::scim::{patch::PATCH_OP, precondition::Preconditions};
use serde_json::{Value as Json, json};
use tokio::sync::oneshot;

use crate::{
    in_process::Counted,
    support::{Answer, Backend, Client, Gateway, Options, TestStore, unique},
};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

fn everywhere(test: impl Fn(&TestStore, &Client)) {
    for store in Backend::EVERY.into_iter().filter_map(TestStore::fresh) {
        eprintln!("in front of {}", store.backend().name());
        let gateway = Gateway::start(&store, &Options::default());
        test(&store, &gateway.client());
        assert!(!gateway.log().contains("a fault of ours"), "{}", gateway.log());
    }
}

/// Sends requests at once; the answers come in the order of the requests.
fn at_once<T: Sync>(
    client: &Client,
    inputs: &[T],
    send: impl Fn(&Client, &T) -> Answer + Sync,
) -> Vec<Answer> {
    std::thread::scope(|scope| {
        let send = &send;
        let running: Vec<_> =
            inputs.iter().map(|input| scope.spawn(move || send(&client.clone(), input))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn of_many_creates_of_one_login_one_succeeds() {
    everywhere(|store, client| {
        let name = unique("race");
        // Names that differ in case are one name.
        let names: Vec<String> =
            (0..64).map(|n| if n % 2 == 0 { name.clone() } else { name.to_uppercase() }).collect();
        let answers = at_once(client, &names, |client, name| {
            client.post("/Users", &json!({ "schemas": [USER], "userName": name, "displayName": "Race" }))
        });
        let created: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert_eq!(created.len(), 1, "{answers:#?}");
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            assert_eq!((answer.status, &answer.json["scimType"]), (409, &json!("uniqueness")), "{answer}");
        }
        let stored = store.logins().into_iter().filter(|login| login.eq_ignore_ascii_case(&name)).count();
        assert_eq!(stored, 1);
        let read = client.get(&format!("/Users/{}", created[0].id()));
        assert_eq!(read.json["userName"], created[0].json["userName"]);
    });
}

#[test]
fn changes_of_different_attributes_all_survive() {
    everywhere(|_, client| {
        let name = unique("busy");
        let user =
            client.post("/Users", &json!({ "schemas": [USER], "userName": name, "displayName": "Busy" }));
        let path = format!("/Users/{}", user.id());
        let department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
        let changes = [
            ("title", json!("Diver"), "/title"),
            ("name.givenName", json!("Ann"), "/name/givenName"),
            ("name.familyName", json!("Lee"), "/name/familyName"),
            ("nickName", json!("annie"), "/nickName"),
            ("externalId", json!("x-1"), "/externalId"),
            ("preferredLanguage", json!("ga"), "/preferredLanguage"),
            ("emails", json!([{ "value": "ann@x.example", "type": "work" }]), "/emails/0/value"),
            (
                department,
                json!("Finance"),
                "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department",
            ),
        ];
        let answers = at_once(client, &changes, |client, (attribute, value, _)| {
            client.patch(&path, json!([{ "op": "add", "path": attribute, "value": value }]))
        });
        for answer in &answers {
            assert_eq!(answer.status, 200, "{answer}");
        }
        let read = client.get(&path).json;
        for (attribute, value, pointer) in &changes {
            let value = value.pointer("/0/value").unwrap_or(value);
            assert_eq!(read.pointer(pointer), Some(value), "{attribute} in {read:#}");
        }
    });
}

#[test]
fn members_that_come_and_go_at_once_end_up_right() {
    everywhere(|_, client| {
        let ids: Vec<String> = (0..12)
            .map(|_| client.post("/Users", &json!({ "schemas": [USER], "userName": unique("m") })).id())
            .collect();
        let (leaving, coming) = ids.split_at(6);
        let members: Vec<Json> = leaving.iter().map(|id| json!({ "value": id })).collect();
        let group = json!({ "schemas": [GROUP], "displayName": unique("crowd"), "members": members });
        let path = format!("/Groups/{}", client.post("/Groups", &group).id());
        let operations: Vec<Json> = leaving
            .iter()
            .map(|id| json!({ "op": "remove", "path": format!("members[value eq \"{id}\"]") }))
            .chain(
                coming.iter().map(|id| json!({ "op": "add", "path": "members", "value": [{ "value": id }] })),
            )
            .collect();
        for answer in
            at_once(client, &operations, |client, operation| client.patch(&path, json!([operation])))
        {
            assert!([200, 204].contains(&answer.status), "{answer}");
        }
        let read = client.get(&path).json;
        let mut found: Vec<&str> =
            read["members"].as_array().unwrap().iter().filter_map(|m| m["value"].as_str()).collect();
        let mut expected: Vec<&str> = coming.iter().map(String::as_str).collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
    });
}

#[test]
fn a_user_that_is_deleted_while_it_is_changed_is_gone() {
    everywhere(|store, client| {
        let name = unique("leaver");
        let user =
            client.post("/Users", &json!({ "schemas": [USER], "userName": name, "displayName": "Leaver" }));
        let path = format!("/Users/{}", user.id());
        let answers = at_once(client, &[0, 1, 2, 3, 4, 5], |client, n| match n {
            3 => client.delete(&path),
            n => client.patch(&path, json!([{ "op": "replace", "path": "title", "value": n.to_string() }])),
        });
        for (n, answer) in answers.iter().enumerate() {
            let fine: &[u16] = if n == 3 { &[204] } else { &[200, 404] };
            assert!(fine.contains(&answer.status), "{answer}");
        }
        assert_eq!(client.get(&path).status, 404);
        assert!(!store.logins().contains(&name));
    });
}

/// What was read before a deletion and is shown behind it is not taken for another resource of the same key.
#[test]
fn what_is_deleted_while_it_is_read_gets_no_other_id() {
    for store in Backend::ALL.into_iter().filter_map(TestStore::fresh) {
        actix_web::rt::System::new().block_on(async {
            let counted = Counted::over(&store);
            let (users, all) = (counted.ty("Users"), counted.without("Users", "meta"));
            let name = unique("gone");
            let body = json!({ "schemas": [USER], "userName": name, "displayName": "Gone", "active": true });
            let made = counted.gateway.create(&counted.context, users, &body, &all).await.unwrap();
            let id = made["id"].as_str().unwrap();
            let (read, go_on) = counted.store.hold_next_read();
            let filter = format!("userName eq \"{name}\"");
            let query = [("filter", filter.as_str())];
            let list = counted.list("Users", &query);
            let deletion = async {
                read.await.unwrap();
                let conditions = Preconditions::default();
                counted.gateway.delete(&counted.context, users, id, &conditions).await.unwrap();
                go_on.send(()).unwrap();
            };
            let (shown, ()) = join(list, deletion).await;
            let ids = shown["Resources"].as_array().into_iter().flatten().map(|user| &user["id"]);
            let others: Vec<&Json> = ids.filter(|shown| *shown != id).collect();
            assert!(others.is_empty(), "{}: {others:?}", store.backend().name());
        });
    }
}

/// A user and a group with it as its only member, made in this process.
async fn user_in_group(counted: &Counted, name: &str) -> (String, String) {
    let user = json!({ "schemas": [USER], "userName": name, "displayName": "Moves" });
    let make = async |endpoint: &str, body: &Json| {
        let (ty, all) = (counted.ty(endpoint), counted.without(endpoint, "meta"));
        let made = counted.gateway.create(&counted.context, ty, body, &all).await.unwrap();
        made["id"].as_str().unwrap().to_owned()
    };
    let user = make("Users", &user).await;
    let group =
        json!({ "schemas": [GROUP], "displayName": format!("g-{name}"), "members": [{ "value": user }] });
    let group = make("Groups", &group).await;
    (user, group)
}

/// Renames the user as soon as something was read, which goes on then.
async fn rename_after_read(
    counted: &Counted,
    (id, name): (&str, &str),
    (read, go_on): (oneshot::Receiver<()>, oneshot::Sender<()>),
) {
    read.await.unwrap();
    let operation = json!({ "op": "replace", "path": "userName", "value": name });
    let body = json!({ "schemas": [PATCH_OP], "Operations": [operation] });
    let (ty, all) = (counted.ty("Users"), counted.without("Users", "meta"));
    counted.gateway.patch(&counted.context, ty, id, &Preconditions::default(), &body, &all).await.unwrap();
    go_on.send(()).unwrap();
}

fn members(groups: &Json) -> Vec<&Json> {
    let members = groups["Resources"][0]["members"].as_array();
    members.into_iter().flatten().map(|member| &member["value"]).collect()
}

/// In a directory a list holds names, and a member that gets another one is a member all the while.
#[test]
fn a_member_that_is_renamed_stays_one_and_can_be_removed() {
    for store in [Backend::OpenLdap, Backend::ActiveDirectory].into_iter().filter_map(TestStore::fresh) {
        actix_web::rt::System::new().block_on(async {
            let counted = Counted::over(&store);
            let name = unique("mv");
            let (user, group) = user_in_group(&counted, &name).await;
            let filter = format!("displayName eq \"g-{name}\"");
            let query = [("filter", filter.as_str())];
            let what = store.backend().name();

            let gate = counted.store.hold_next_read();
            let renamed = format!("{name}-b");
            let shown =
                join(counted.list("Groups", &query), rename_after_read(&counted, (&user, &renamed), gate));
            let (shown, ()) = shown.await;
            assert_eq!(members(&shown), [&json!(user)], "{what}: {shown}");

            let gate = counted.store.hold_next_read();
            let renamed = format!("{name}-c");
            let (ty, all) = (counted.ty("Groups"), counted.without("Groups", "meta"));
            let empty = json!({ "schemas": [GROUP], "displayName": format!("g-{name}") });
            let conditions = Preconditions::default();
            let replaced = counted.gateway.replace(&counted.context, ty, &group, &conditions, &empty, &all);
            let (replaced, ()) = join(replaced, rename_after_read(&counted, (&user, &renamed), gate)).await;
            replaced.unwrap();
            let shown = counted.list("Groups", &query).await;
            assert!(members(&shown).is_empty(), "{what}: {shown}");
        });
    }
}

/// Where the login is the key, the store has the new one a moment before our own database.
#[test]
fn who_is_renamed_while_somebody_looks_keeps_the_id() {
    let folder = tempfile::TempDir::new().unwrap();
    let mapping = folder.path().join("mapping.toml");
    let text = "[User]\ntable = \"account\"\nkey = \"login\"\nid = \"minted\"\n[User.attributes]\nuserName = \"login\"\n";
    std::fs::write(&mapping, text).unwrap();
    let tables = "create table account (login varchar(40) primary key);";
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(store) = TestStore::of_statements(backend, tables, mapping.clone()) else { continue };
        actix_web::rt::System::new().block_on(async {
            let counted = Counted::over(&store);
            let (users, all) = (counted.ty("Users"), counted.without("Users", "meta"));
            let body = json!({ "schemas": [USER], "userName": "ann" });
            let made = counted.gateway.create(&counted.context, users, &body, &all).await.unwrap();
            let id = made["id"].as_str().unwrap();
            let (written, go_on) = counted.store.hold_next_write();
            let operation = json!({ "op": "replace", "path": "userName", "value": "lee" });
            let body = json!({ "schemas": [PATCH_OP], "Operations": [operation] });
            let open = Preconditions::default();
            let rename = counted.gateway.patch(&counted.context, users, id, &open, &body, &all);
            let look = async {
                written.await.unwrap();
                let soon = async {
                    actix_web::rt::time::sleep(std::time::Duration::from_millis(100)).await;
                    go_on.send(()).unwrap();
                };
                join(counted.gateway.retrieve(&counted.context, users, id, &all), soon).await.0
            };
            let (renamed, looked) = join(rename, look).await;
            let renamed = renamed.unwrap().unwrap();
            assert_eq!(
                (&renamed["id"], &renamed["userName"]),
                (&json!(id), &json!("lee")),
                "{}",
                backend.name()
            );
            assert_eq!(looked.unwrap()["userName"], "lee", "{}", backend.name());
        });
    }
}
