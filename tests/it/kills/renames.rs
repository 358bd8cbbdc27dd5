//! Two gateways on one PostgreSQL database of ids: one is killed when the store knows the new key of somebody and our own
//! database does not yet. Who comes to the old key by way of the other one comes behind the rename.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use ureq::http::Method;

use super::{look::open_writes, quiet, replicas::open};
use crate::{
    renames::{MAPPING, TABLES, user},
    support::{Answer, Backend, Client, Gateway, Options, TestStore, unique},
};

/// Within this time the other one has finished what the one left; its lease runs out after ten seconds.
const PATIENCE: Duration = Duration::from_secs(30);

fn renamed(name: &str) -> Json {
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "userName", "value": name }] })
}

/// A rename that a gateway dies over as soon as the store has done it: the id, and the name that was left.
fn cut_short(
    store: &TestStore,
    (database, options): &(TestStore, Options),
    client: &Client,
) -> (String, String) {
    // The lease of the one that is to die may be renewed meanwhile, and then it dies earlier.
    for _ in 0..5 {
        let old = unique("old");
        let id = client.post("/Users", &user(&old)).id();
        // Four places of the lease, two of the record, and one before the store's transaction.
        let environment = vec![("SCIMGATE_DIE_AT", "8".to_owned())];
        let mut one = Gateway::start(store, &Options { environment, ..options.clone() });
        let path = format!("/Users/{id}");
        let sent = one.client().try_send(&Method::PATCH, &path, Some(&renamed(&format!("{old}-new"))));
        assert!(one.has_died(sent.is_err()));
        let login = format!("select login as v from account where login = '{old}-new'");
        if store.tables().query(&login).len() == 1 && open(database) > 0 {
            return (id, old);
        }
    }
    panic!("it never dies where it should");
}

/// Asks until it is served.
fn served(ask: impl Fn() -> Answer) -> Answer {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = ask();
        if answer.status != 503 {
            return answer;
        }
        assert!(Instant::now() < deadline, "it is never served: {answer}");
        thread::sleep(Duration::from_millis(200));
    }
}

fn comes(backend: Backend, come: impl Fn(&Client, &str) -> Answer) {
    let folder = TempDir::new().unwrap();
    let mapping = folder.path().join("mapping.toml");
    std::fs::write(&mapping, MAPPING).unwrap();
    let Some(store) = TestStore::of_statements(backend, TABLES, mapping) else { return };
    let Some(shared) = store.shared_ids("scan = false") else { return };
    let other = Gateway::start(&store, &shared.1);
    let client = other.client();
    let (id, old) = cut_short(&store, &shared, &client);
    let answer = served(|| come(&client, &old));
    assert!(answer.status < 300, "{answer}");
    assert_ne!(answer.id(), id);
    assert_eq!(answer.json["userName"], json!(old), "{answer}");
    let found = client.get(&format!("/Users/{id}"));
    assert_eq!((found.status, &found.json["userName"]), (200, &json!(format!("{old}-new"))), "{found}");
    let found = client.get(&format!("/Users/{}", answer.id()));
    assert_eq!((found.status, &found.json["userName"]), (200, &json!(old)), "{found}");
    assert_eq!(open(&shared.0), 0);
}

#[test]
fn a_new_one_by_the_old_name_comes_behind_the_rename() {
    comes(Backend::Postgres, |client, old| client.post("/Users", &user(old)));
}

#[test]
fn another_one_comes_to_the_old_name_behind_the_rename() {
    comes(Backend::Sqlite, |client, old| {
        let all = client.get("/Users?filter=displayName%20eq%20%22made%20as%20lee%22");
        let lee = match all.json["Resources"][0]["id"].as_str() {
            Some(id) => id.to_owned(),
            None => client.post("/Users", &user("lee")).id(),
        };
        client.patch(&format!("/Users/{lee}"), renamed(old)["Operations"].clone())
    });
}

/// Nor does an operator bury somebody whose rename was cut short.
#[test]
fn verify_takes_nobody_for_gone_whose_rename_is_open() {
    let folder = TempDir::new().unwrap();
    let mapping = folder.path().join("mapping.toml");
    std::fs::write(&mapping, MAPPING).unwrap();
    let Some(store) = TestStore::of_statements(Backend::Sqlite, TABLES, mapping) else { return };
    let gateway = Gateway::start(&store, &quiet());
    let path = format!("/Users/{}", gateway.client().post("/Users", &user("ann")).id());
    // The record takes the first two places, the store's transaction the third.
    let mut gateway = gateway.restart_with("SCIMGATE_DIE_AT=4");
    let sent = gateway.client().try_send(&Method::PATCH, &path, Some(&renamed("bob")));
    assert!(gateway.has_died(sent.is_err()));
    assert_eq!(open_writes(&gateway), ["change"]);
    let directory = gateway.directory();
    let verified = Command::new(env!("CARGO_BIN_EXE_scimgate"))
        .args(["correlate", "verify", "--fix", "--yes", "--config"])
        .arg(directory.join("scimgate.toml"))
        .current_dir(directory)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    let gateway = gateway.restart();
    let found = gateway.client().get(&path);
    assert_eq!((found.status, &found.json["userName"]), (200, &json!("bob")), "{found}\n{said}");
}
