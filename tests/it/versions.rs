//! Versions of resources in front of every store (RFC 7644 §3.14): conditions on every method, and
//! that a version which was named is still the one that is changed.

mod meanwhile;

use serde_json::{Value as Json, json};
use ureq::http::Method;

use crate::support::{Answer, Backend, Client, Gateway, Options, TestStore, unique};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

fn everywhere(test: impl Fn(&TestStore, &Gateway)) {
    on(&Backend::EVERY, test);
}

/// Where a version can be claimed; other directories are read again just before the change (`docs/operations.md`).
fn where_versions_are_claimed(test: impl Fn(&TestStore, &Gateway)) {
    on(&Backend::ALL, test);
}

fn on(backends: &[Backend], test: impl Fn(&TestStore, &Gateway)) {
    for store in backends.iter().copied().filter_map(TestStore::fresh) {
        eprintln!("in front of {}", store.backend().name());
        let gateway = Gateway::start(&store, &Options::default());
        test(&store, &gateway);
        assert!(!gateway.log().contains("a fault of ours"), "{}", gateway.log());
    }
}

fn user(name: &str, title: &str) -> Json {
    json!({ "schemas": [USER], "userName": name, "displayName": "Version", "title": title })
}

fn replace(path: &str, value: &str) -> Json {
    let operation = json!({ "op": "replace", "path": path, "value": value });
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation] })
}

/// The path of a resource at another gateway, which has a database of its own.
fn introduce(client: &Client, endpoint: &str, attribute: &str, value: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("filter", &format!("{attribute} eq \"{value}\""))
        .finish();
    let found = client.get(&format!("{endpoint}?{query}"));
    assert_eq!(found.json["totalResults"], 1, "{found}");
    format!("{endpoint}/{}", found.json["Resources"][0]["id"].as_str().unwrap())
}

fn version(client: &Client, path: &str) -> String {
    let read = client.get(path);
    assert_eq!(read.status, 200, "{read}");
    let version = read.json["meta"]["version"].as_str().unwrap().to_owned();
    assert_eq!(read.header("etag"), version);
    version
}

#[test]
fn a_read_of_some_attributes_may_depend_on_the_version() {
    // 7644-3.14-b, 7644-3.14-c, 7644-3.9-a
    everywhere(|_, gateway| {
        let client = gateway.client();
        let made = client.post("/Users", &user(&unique("part"), "x"));
        let path = format!("/Users/{}", made.id());
        let tag = version(&client, &path);
        for part in ["attributes=userName", "excludedAttributes=title"] {
            let read = |name: &str, value: &str| {
                let answer = client.send(Method::GET, &format!("{path}?{part}"), None, &[(name, value)]);
                (answer.status, answer.json.get("userName").is_some())
            };
            assert_eq!(read("If-None-Match", &tag), (304, false), "{part}");
            assert_eq!(read("If-None-Match", "W/\"other\""), (200, true), "{part}");
            assert_eq!(read("If-Match", &tag), (200, true), "{part}");
            assert_eq!(read("If-Match", "W/\"other\""), (412, false), "{part}");
        }
    });
}

#[test]
fn a_read_may_depend_on_the_version() {
    // 7644-3.14-a, 7644-3.14-b, HTTP-a
    everywhere(|_, gateway| {
        let client = gateway.client();
        let made = client.post("/Users", &user(&unique("read"), "x"));
        let path = format!("/Users/{}", made.id());
        let tag = version(&client, &path);
        assert_eq!(made.header("etag"), tag);
        let other = "W/\"other\"";
        let bare = tag.trim_start_matches("W/").to_owned();
        let list = format!("{other}, {tag}");
        for (name, value, status) in [
            ("if-none-match", tag.as_str(), 304),
            ("if-none-match", &bare, 304),
            ("if-none-match", &list, 304),
            ("if-none-match", "*", 304),
            ("if-none-match", other, 200),
            ("if-none-match", "\"", 200),
            ("if-match", &tag, 200),
            ("if-match", "*", 200),
            ("if-match", &list, 200),
            ("if-match", other, 412),
        ] {
            for method in [Method::GET, Method::HEAD] {
                let answer = client.send(method.clone(), &path, None, &[(name, value)]);
                assert_eq!(answer.status, status, "{method} {name}: {value}: {answer}");
                let has_body = status != 304 && method == Method::GET;
                assert_eq!(answer.json != Json::Null, has_body, "{method} {name}: {value}: {answer}");
                assert_eq!(answer.header("etag"), if status == 412 { "" } else { &tag }, "{name}: {value}");
            }
        }
        let nobody = "/Users/00000000-0000-4000-8000-000000000000";
        for name in ["if-match", "if-none-match"] {
            assert_eq!(client.send(Method::GET, nobody, None, &[(name, "*")]).status, 404);
        }
        // Lists have no version, and neither has a collection that something is added to.
        let none = [("if-none-match", "*")];
        assert_eq!(client.send(Method::GET, "/Users?count=1", None, &none).status, 200);
        assert_eq!(client.send(Method::POST, "/Users", Some(&user(&unique("new"), "x")), &none).status, 201);
    });
}

#[test]
fn a_change_may_depend_on_the_version() {
    // 7644-3.14-c, D-15
    everywhere(|store, gateway| {
        let client = gateway.client();
        let name = unique("cond");
        let made = client.post("/Users", &user(&name, "x"));
        let path = format!("/Users/{}", made.id());
        let nobody = "/Users/00000000-0000-4000-8000-000000000000";
        let send = |method: &Method, path: &str, header: (&str, &str)| -> Answer {
            let body = match *method {
                Method::PUT => Some(user(&name, "y")),
                Method::PATCH => Some(replace("title", "z")),
                _ => None,
            };
            client.send(method.clone(), path, body.as_ref(), &[header])
        };
        let tag = version(&client, &path);
        let before = store.dump();
        for method in [Method::PUT, Method::PATCH, Method::DELETE] {
            for header in [
                ("if-match", "W/\"other\""),
                ("if-match", "\"a\", W/\"b\""),
                ("if-match", ""),
                ("if-match", "\""),
                ("if-none-match", tag.as_str()),
                ("if-none-match", "*"),
            ] {
                let answer = send(&method, &path, header);
                assert_eq!(answer.status, 412, "{method} {header:?}: {answer}");
                assert_eq!(answer.json["status"], "412");
            }
            assert_eq!(send(&method, nobody, ("if-match", "*")).status, 404);
        }
        assert_eq!(store.dump(), before);
        for (method, status) in [(Method::PUT, 200), (Method::PATCH, 200), (Method::DELETE, 204)] {
            // What holds lets the change pass.
            let tag = version(&client, &path);
            if method != Method::DELETE {
                assert_eq!(send(&method, &path, ("if-match", "*")).status, status);
                assert_eq!(send(&method, &path, ("if-none-match", "W/\"other\"")).status, status);
                let stale = send(&method, &path, ("if-match", &tag));
                assert_eq!(stale.status, 412, "{method}: {stale}");
            }
            let list = format!("W/\"other\", {}", version(&client, &path));
            let answer = send(&method, &path, ("if-match", &list));
            assert_eq!(answer.status, status, "{method}: {answer}");
            if status == 200 {
                assert_eq!(answer.header("etag"), version(&client, &path));
            }
        }
        assert_eq!(client.get(&path).status, 404);
    });
}

#[test]
fn what_changes_nothing_leaves_the_version() {
    // 7644-3.14-d, 7644-3.5.2-i
    everywhere(|_, gateway| {
        let client = gateway.client();
        let made = client.post("/Users", &user(&unique("same"), "x"));
        let path = format!("/Users/{}", made.id());
        let tag = version(&client, &path);
        let same = client.send(Method::PATCH, &path, Some(&replace("title", "x")), &[("if-match", &tag)]);
        assert_eq!((same.status, same.header("etag")), (200, tag.as_str()), "{same}");
        let other = client.send(Method::PATCH, &path, Some(&replace("title", "y")), &[("if-match", &tag)]);
        assert_eq!(other.status, 200, "{other}");
        assert_ne!(other.header("etag"), tag);
        assert_eq!(version(&client, &path), other.header("etag"));
    });
}

#[test]
fn of_two_changes_of_one_version_one_is_made() {
    // 7644-3.14-c: by two processes that know nothing of each other
    const ROUNDS: usize = 50;
    where_versions_are_claimed(|store, gateway| {
        let other = Gateway::start(store, &Options::default());
        let (one, two) = (gateway.client(), other.client());
        let name = unique("race");
        let path = format!("/Users/{}", one.post("/Users", &user(&name, "0")).id());
        assert_eq!(introduce(&two, "/Users", "userName", &name), path);
        let mut tag = version(&one, &path);
        for round in 0..ROUNDS {
            let value = format!("v{round}");
            let second = if round % 3 == 0 { "title" } else { "displayName" };
            let changes = [(&one, replace("title", &value)), (&two, replace(second, &value))];
            let answers: Vec<Answer> = std::thread::scope(|scope| {
                let running = changes.map(|(client, body)| {
                    let (path, tag, client) = (&path, &tag, client.clone());
                    scope.spawn(move || client.send(Method::PATCH, path, Some(&body), &[("if-match", tag)]))
                });
                running.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 412], "round {round}: {answers:#?}");
            let made = answers.iter().find(|answer| answer.status == 200).unwrap();
            made.header("etag").clone_into(&mut tag);
        }
    });
}

#[test]
fn a_resource_is_either_changed_or_deleted() {
    // 7644-3.14-c
    where_versions_are_claimed(|store, gateway| {
        let other = Gateway::start(store, &Options::default());
        let (one, two) = (gateway.client(), other.client());
        for round in 0..10 {
            let body = json!({ "schemas": [GROUP], "displayName": unique("race") });
            let path = format!("/Groups/{}", one.post("/Groups", &body).id());
            // A table's key may be used again, so the two may know the group by different ids.
            let there = introduce(&two, "/Groups", "displayName", body["displayName"].as_str().unwrap());
            let (tag, same) = (version(&one, &path), version(&two, &there));
            let name = unique("new");
            let [changed, deleted] = std::thread::scope(|scope| {
                let (path, name, one) = (&path, &name, one.clone());
                let change = scope.spawn(move || {
                    one.send(Method::PATCH, path, Some(&replace("displayName", name)), &[("if-match", &tag)])
                });
                let (two, there) = (two.clone(), &there);
                let delete =
                    scope.spawn(move || two.send(Method::DELETE, there, None, &[("if-match", &same)]));
                [change.join().unwrap(), delete.join().unwrap()]
            });
            let outcome = (changed.status, deleted.status);
            assert!(
                matches!(outcome, (200, 412) | (412 | 404, 204)),
                "round {round}: {outcome:?} {changed} {deleted}"
            );
            assert_eq!(store.group_names().contains(&name), changed.status == 200);
        }
    });
}

#[test]
fn members_and_managers_change_on_condition_of_a_version() {
    // 7644-3.14-c: with what a directory's overlays keep in step with them
    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    everywhere(|_, gateway| {
        let client = gateway.client();
        let ids = [0; 2].map(|_| client.post("/Users", &user(&unique("member"), "x")).id());
        let body =
            json!({ "schemas": [GROUP], "displayName": unique("crew"), "members": [{ "value": ids[0] }] });
        let group = client.post("/Groups", &body).id();
        let path = format!("/Groups/{group}");
        let patch = |path: &str, operation: Json, tag: &str| {
            let schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
            let body = json!({ "schemas": [schema], "Operations": [operation] });
            client.send(Method::PATCH, path, Some(&body), &[("if-match", tag)])
        };
        let tag = version(&client, &path);
        let add = json!({ "op": "add", "path": "members", "value": [{ "value": ids[1] }] });
        assert_eq!(patch(&path, add.clone(), &tag).status, 200);
        let remove = json!({ "op": "remove", "path": format!("members[value eq \"{}\"]", ids[0]) });
        assert_eq!(patch(&path, remove.clone(), &tag).status, 412);
        assert_eq!(patch(&path, remove, &version(&client, &path)).status, 200);
        let groups = |id: &str| {
            let read = client.get(&format!("/Users/{id}")).json;
            read["groups"]
                .as_array()
                .map_or(0, |list| list.iter().filter(|g| g["value"] == json!(group)).count())
        };
        assert_eq!((groups(&ids[0]), groups(&ids[1])), (0, 1));
        let person = format!("/Users/{}", ids[0]);
        let manager =
            json!({ "op": "add", "path": format!("{ENTERPRISE}:manager"), "value": { "value": ids[1] } });
        let changed = patch(&person, manager, &version(&client, &person));
        assert_eq!(changed.status, 200, "{changed}");
        assert_eq!(changed.json[ENTERPRISE]["manager"]["value"], json!(ids[1]));
        // A new name is a new DN in a directory.
        let name = unique("renamed");
        let rename = json!({ "op": "replace", "path": "displayName", "value": name });
        let renamed = patch(&path, rename, &version(&client, &path));
        assert_eq!((renamed.status, &renamed.json["displayName"]), (200, &json!(name)), "{renamed}");
        assert_eq!(groups(&ids[1]), 1);
        let tag = version(&client, &path);
        assert_eq!(client.send(Method::DELETE, &path, None, &[("if-match", &tag)]).status, 204);
        assert_eq!(groups(&ids[1]), 0);
    });
}
