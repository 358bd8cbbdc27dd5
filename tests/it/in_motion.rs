//! Members whose names change, or who go, at the very moment in which a group comes to name them or does so no longer.
//! Directories that keep references in step by themselves do it behind the change of the name, so what was taken away
//! in between comes back, or what was added stays.

use std::{
    collections::BTreeSet,
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use serde_json::{Value as Json, json};

use crate::support::{Answer, Backend, Client, Gateway, Options, TestStore, unique};

const DIRECTORIES: [Backend; 3] = [Backend::OpenLdap, Backend::Ds389, Backend::ActiveDirectory];
const TABLES: &str = "create table account (login varchar(60) primary key, label varchar(60));\
    create table team (name varchar(60) primary key);\
    create table seat (team varchar(60) not null, login varchar(60) not null, primary key (team, login));";
/// Seats name people by their logins, which change.
const LOGINS: &str = r#"
[User]
table = "account"
key = "login"
id = "minted"
[User.attributes]
userName = "login"
displayName = "label"
[Group]
table = "team"
key = "name"
id = "minted"
[Group.part.seat]
table = "seat"
on = { team = "name" }
many = true
[Group.attributes]
displayName = "name"
members = { rows = "seat", each = { value = { field = "login", ref = "User", by = "login" } } }
"#;
const ROUNDS: u64 = 30;
/// Members of the group, each of whom changes in each round.
const MEMBERS: usize = 8;

/// 389-ds 2.3 may block itself for good when many write and search at once, so it has one member at a time.
fn crowd(store: &TestStore) -> usize {
    if store.backend() == Backend::Ds389 { 1 } else { MEMBERS }
}

fn user(login: &str) -> Json {
    json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": login,
        "displayName": login, "name": { "givenName": "Kay", "familyName": "Moves" } })
}

fn group(name: &str) -> Json {
    json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name })
}

fn add(ids: &[String]) -> Json {
    let members: Vec<Json> = ids.iter().map(|id| json!({ "value": id })).collect();
    json!([{ "op": "add", "path": "members", "value": members }])
}

fn remove(id: &str) -> Json {
    json!([{ "op": "remove", "path": format!("members[value eq \"{id}\"]") }])
}

fn members(client: &Client, path: &str) -> Vec<String> {
    let read = served(|| client.get(path));
    assert_eq!(read.status, 200, "{read}");
    let members = read.json["members"].as_array().cloned().unwrap_or_default();
    members.iter().filter_map(|member| member["value"].as_str().map(str::to_owned)).collect()
}

/// Two requests about each of several users at once, the second a little later, and later from round to round.
fn at_once(
    round: u64,
    ids: &[String],
    first: impl Fn(&str) -> Answer + Sync,
    second: impl Fn(&str) -> Answer + Sync,
) {
    thread::scope(|scope| {
        for (at, id) in (0..).zip(ids) {
            let (first, second) = (&first, &second);
            scope.spawn(move || first(id));
            scope.spawn(move || {
                thread::sleep(Duration::from_micros((round * 631 + at * 377) % 12_000));
                second(id)
            });
        }
    });
}

/// Asks until it is served: a busy directory may take too long.
fn served(ask: impl Fn() -> Answer) -> Answer {
    for _ in 0..30 {
        let answer = ask();
        if answer.status != 503 {
            return answer;
        }
        thread::sleep(Duration::from_millis(200));
    }
    panic!("it is never served");
}

fn done(ask: impl Fn() -> Answer) -> Answer {
    let answer = served(ask);
    assert!(answer.status < 300, "{answer}");
    answer
}

/// The id of what is made, or was made by a request that was not answered.
fn made(client: &Client, path: &str, body: &Json) -> String {
    let answer = served(|| client.post(path, body));
    assert_eq!(answer.status, 201, "{answer}");
    answer.id()
}

fn everywhere(test: impl Fn(&TestStore, &Client)) {
    for store in DIRECTORIES.into_iter().filter_map(TestStore::fresh) {
        eprintln!("in front of {}", store.backend().name());
        let gateway = Gateway::start(&store, &Options::default());
        test(&store, &gateway.client());
    }
}

fn taken_away(store: &TestStore, client: &Client) {
    let path = format!("/Groups/{}", made(client, "/Groups", &group(&unique("g"))));
    let users = (0..crowd(store)).map(|_| made(client, "/Users", &user(&unique("u"))));
    let ids: Vec<String> = users.collect();
    for round in 0..ROUNDS {
        done(|| client.patch(&path, add(&ids)));
        assert_eq!(members(client, &path).len(), ids.len());
        let rename = |id: &str| {
            let new = json!([{ "op": "replace", "path": "userName", "value": unique("u") }]);
            done(|| client.patch(&format!("/Users/{id}"), new.clone()))
        };
        at_once(round, &ids, rename, |id| done(|| client.patch(&path, remove(id))));
        let left = members(client, &path);
        assert!(left.is_empty(), "{}, round {round}: {left:?}", store.backend().name());
    }
}

#[test]
fn who_is_taken_away_while_being_renamed_stays_away() {
    everywhere(taken_away);
}

/// The new list comes with a new name of the group.
#[test]
fn who_is_left_out_of_a_new_list_while_being_renamed_stays_away() {
    everywhere(|store, client| {
        let path = format!("/Groups/{}", made(client, "/Groups", &group(&unique("g"))));
        let users = (0..crowd(store)).map(|_| made(client, "/Users", &user(&unique("u"))));
        let ids: Vec<String> = users.collect();
        let kept = made(client, "/Users", &user(&unique("u")));
        for round in 0..ROUNDS {
            done(|| client.patch(&path, add(&ids)));
            let rename = |id: &str| {
                let new = json!([{ "op": "replace", "path": "userName", "value": unique("u") }]);
                done(|| client.patch(&format!("/Users/{id}"), new.clone()))
            };
            let mut list = group(&unique("g"));
            list["members"] = json!([{ "value": kept }]);
            // One request is for all of them.
            at_once(round, &ids, rename, |id| match id == ids[0] {
                true => done(|| client.put(&path, &list)),
                false => served(|| client.get(&path)),
            });
            let left = members(client, &path);
            assert_eq!(left, std::slice::from_ref(&kept), "{}, round {round}", store.backend().name());
        }
    });
}

#[test]
fn who_is_added_while_being_deleted_is_in_no_list() {
    everywhere(|store, client| {
        let name = unique("g");
        let path = format!("/Groups/{}", made(client, "/Groups", &group(&name)));
        let before = store.group(&name, "member");
        for round in 0..ROUNDS {
            let users = (0..crowd(store)).map(|_| made(client, "/Users", &user(&unique("u"))));
            let ids: Vec<String> = users.collect();
            let delete = |id: &str| {
                let gone = served(|| client.delete(&format!("/Users/{id}")));
                assert!([204, 404].contains(&gone.status), "{gone}");
                gone
            };
            at_once(round, &ids, delete, |id| {
                let added = served(|| client.patch(&path, add(&[id.to_owned()])));
                // Nobody by this id: the request came too late.
                assert!([200, 204, 400].contains(&added.status), "{added}");
                added
            });
            assert_eq!(store.group(&name, "member"), before, "{}, round {round}", store.backend().name());
        }
    });
}

/// Where lists hold logins, whoever takes somebody out looks the login up first.
#[test]
fn who_is_taken_out_of_a_table_while_being_renamed_stays_away() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("mapping.toml");
    std::fs::write(&file, LOGINS).unwrap();
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(store) = TestStore::of_statements(backend, TABLES, file.clone()) else { continue };
        eprintln!("in front of {}", backend.name());
        let gateway = Gateway::start(&store, &Options::default());
        let (client, is_over) = (gateway.client(), AtomicBool::new(false));
        thread::scope(|scope| {
            let looks = scope.spawn(|| {
                let mut seen = BTreeSet::new();
                while !is_over.load(Ordering::Relaxed) {
                    let listed = served(|| client.get("/Users?attributes=userName"));
                    let users = listed.json["Resources"].as_array().cloned().unwrap_or_default();
                    seen.extend(users.iter().filter_map(|user| user["id"].as_str().map(str::to_owned)));
                }
                seen
            });
            let test = std::panic::catch_unwind(AssertUnwindSafe(|| taken_away(&store, &client)));
            is_over.store(true, Ordering::Relaxed);
            let seen = looks.join().unwrap();
            test.unwrap();
            assert_eq!(seen.len(), MEMBERS, "{}: nobody is seen under another id", backend.name());
        });
    }
}
