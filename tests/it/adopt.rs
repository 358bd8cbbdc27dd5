//! A POST of somebody whom the store has already, in front of every store.

use std::thread;

use serde_json::{Value as Json, json};

use crate::{
    every_store::{find, login},
    support::{Answer, Backend, Fuse, Gateway, Loss, Options, TestStore, Wire},
};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// The store's own mapping, which takes over what is there, and shows nobody of a name of our choice.
fn linking(store: TestStore, more: &str) -> (TestStore, tempfile::TempDir) {
    let directory = tempfile::TempDir::new().unwrap();
    let mapping = directory.path().join("link.toml");
    let text = format!("extends = \"{}\"\n[User]\nadopt = \"link\"\n{more}", store.mapping().display());
    std::fs::write(&mapping, text).unwrap();
    (store.with_mapping(mapping), directory)
}

fn everywhere(more: impl Fn(&TestStore) -> String, test: impl Fn(&TestStore, Gateway)) {
    for store in Backend::EVERY.into_iter().filter_map(TestStore::fresh) {
        eprintln!("in front of {}", store.backend().name());
        let more = more(&store);
        let (store, _directory) = linking(store, &more);
        let gateway = Gateway::start(&store, &Options::default());
        test(&store, gateway);
    }
}

#[test]
fn whom_the_store_has_is_taken_over_once() {
    everywhere(
        |_| String::new(),
        |store, gateway| {
            let client = gateway.client();
            let name = login(store, 2);
            let before = find(&client, &name)["Resources"][0].clone();
            let rows = store.dump();
            let body = json!({
                "schemas": [USER], "userName": name, "externalId": "x-2", "active": true,
                "name": { "givenName": "Georg" },
            });
            let taken = client.post("/Users", &body);
            assert_eq!(
                (taken.status, taken.id()),
                (201, before["id"].as_str().unwrap().to_owned()),
                "{taken}"
            );
            let path = format!("/Users/{}", taken.id());
            assert_eq!(taken.header("location"), format!("{}/scim/v2{path}", gateway.address()));
            // What the POST gives is there, and what it does not give stays.
            let now = client.get(&path).json;
            assert_eq!(now, taken.json);
            assert_eq!((&now["externalId"], &now["name"]["givenName"]), (&json!("x-2"), &json!("Georg")));
            assert_eq!(now["name"]["familyName"], before["name"]["familyName"]);
            for kept in ["emails", "groups", "displayName"] {
                assert_eq!(now[kept], before[kept], "{kept}");
            }
            let changed = store.dump().iter().filter(|row| !rows.contains(row)).count();
            assert!(changed <= 1, "one row or entry: {changed}");
            let again = client.post("/Users", &body);
            assert_eq!((again.status, &again.json["scimType"]), (409, &json!("uniqueness")), "{again}");
            let other = client.post("/Users", &json!({ "schemas": [USER], "userName": name, "active": true, "displayName": "X", "name": { "familyName": "X" } }));
            assert_eq!(other.status, 409, "{other}");
        },
    );
}

/// Of many at once, beside others who change the same person, one takes over.
#[test]
fn of_many_who_take_over_at_once_one_does() {
    everywhere(
        |_| String::new(),
        |store, gateway| {
            let client = gateway.client();
            for number in [2, 3] {
                let name = login(store, number);
                let id = find(&client, &name)["Resources"][0]["id"].as_str().unwrap().to_owned();
                let path = format!("/Users/{id}");
                let post = |title: &str| {
                    let body = json!({ "schemas": [USER], "userName": name, "active": true, "displayName": title,
                        "name": { "familyName": "X" } });
                    client.post("/Users", &body)
                };
                let change = |note: &str| {
                    client.patch(&path, json!([{ "op": "replace", "path": "displayName", "value": note }]))
                };
                let answers: Vec<Answer> = thread::scope(|scope| {
                    let (post, change) = (&post, &change);
                    let posts: Vec<_> =
                        (0..12).map(|n| scope.spawn(move || post(&format!("Post {n}")))).collect();
                    let changes: Vec<_> =
                        (0..4).map(|n| scope.spawn(move || change(&format!("Change {n}")))).collect();
                    for one in changes {
                        let changed = one.join().unwrap();
                        assert!([200, 204].contains(&changed.status), "{changed}");
                    }
                    posts.into_iter().map(|one| one.join().unwrap()).collect()
                });
                let taken: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
                assert_eq!(taken.len(), 1, "{answers:#?}");
                assert_eq!(taken[0].id(), id);
                assert!(answers.iter().all(|a| a.status == 201 || a.status == 409), "{answers:#?}");
                let late = post("Late");
                assert_eq!(late.status, 409, "{late}");
                assert_ne!(client.get(&path).json["displayName"], "Late");
            }
        },
    );
}

/// The answer of the directory to the change is lost: who takes over is told the truth, and nobody does so behind them.
#[test]
fn who_takes_over_while_the_connection_breaks_is_told_so() {
    let Some(store) = TestStore::fresh(Backend::OpenLdap) else { return };
    let (store, _directory) = linking(store, "");
    let wire = Wire::to(store.address());
    let store = store.by_way_of(wire.address).with_settings("grace_ms = 0\n");
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let cases = [(2, true, true), (3, false, true), (4, true, false), (5, false, false)];
    for (number, has_external_id, comes_back) in cases {
        let name = login(&store, number);
        let mut body = json!({ "schemas": [USER], "userName": name, "active": true, "displayName": "Taken" });
        if has_external_id {
            body["externalId"] = format!("x-{number}").into();
        }
        let found = find(&client, &name)["Resources"][0]["id"].as_str().unwrap().to_owned();
        wire.arm(Some(Fuse { after: 1, loss: Loss::Answer, comes_back }));
        let first = client.post("/Users", &body);
        assert!(wire.is_broken(), "{first}");
        wire.mend();
        match comes_back {
            true => assert_eq!((first.status, first.id()), (201, found.clone()), "{first}"),
            false => {
                assert_eq!(first.status, 503, "{first}");
                let again = client.post("/Users", &body);
                // With an id of a client it cannot be told from what another one has taken over.
                assert!(again.status == 201 || has_external_id && again.status == 409, "{again}");
            }
        }
        body["displayName"] = "Another".into();
        let late = client.post("/Users", &body);
        assert_eq!((late.status, &late.json["scimType"]), (409, &json!("uniqueness")), "{late}");
        let now = client.get(&format!("/Users/{found}")).json;
        assert_eq!(
            (&now["displayName"], &now["externalId"]),
            (&json!("Taken"), &body["externalId"]),
            "{now}"
        );
    }
}

#[test]
fn whom_a_client_made_or_owns_is_not_taken_over() {
    everywhere(
        |_| String::new(),
        |store, gateway| {
            let client = gateway.client();
            let body = |name: &str| {
                let email = format!("{}@example.com", name.split('@').next().unwrap());
                json!({
                    "schemas": [USER], "userName": name, "active": true, "displayName": "Zoë",
                    "name": { "givenName": "Zoë", "familyName": "O" },
                    "emails": [{ "value": email, "type": "work", "primary": true }],
                })
            };
            let name = "made@example.com";
            let made = client.post("/Users", &body(name));
            assert_eq!(made.status, 201, "{made}");
            let again = client.post("/Users", &body(name));
            assert_eq!((again.status, &again.json["scimType"]), (409, &json!("uniqueness")), "{again}");
            // Who has a client id is somebody's.
            let owned = login(store, 3);
            let found = find(&client, &owned)["Resources"][0]["id"].as_str().unwrap().to_owned();
            let given = json!([{ "op": "add", "path": "externalId", "value": "hr-3" }]);
            let answer = client.patch(&format!("/Users/{found}"), given);
            assert!([200, 204].contains(&answer.status), "{answer}");
            let refused = client.post("/Users", &body(&owned));
            assert_eq!((refused.status, &refused.json["scimType"]), (409, &json!("uniqueness")), "{refused}");
            assert_eq!(client.get(&format!("/Users/{found}")).json["externalId"], "hr-3");
        },
    );
}

#[test]
fn what_is_protected_is_not_taken_over() {
    everywhere(
        |store| {
            let field = match store.backend() {
                Backend::OpenLdap | Backend::Ds389 => "uid",
                Backend::ActiveDirectory => "userPrincipalName",
                Backend::Postgres => "user_name",
                _ => "login",
            };
            format!("protect = {{ {field} = \"{}\" }}\n", login(store, 2))
        },
        |store, gateway| {
            let client = gateway.client();
            assert_eq!(find(&client, &login(store, 2))["totalResults"], 0);
            let rows = store.dump();
            let body = json!({
                "schemas": [USER], "userName": login(store, 2), "active": true, "displayName": "Eve",
                "name": { "givenName": "Eve", "familyName": "Lee" },
            });
            let refused = client.post("/Users", &body);
            assert_eq!(
                (refused.status, &refused.json["scimType"]),
                (409, &Json::from("uniqueness")),
                "{refused}"
            );
            assert_eq!(store.dump(), rows);
        },
    );
}
