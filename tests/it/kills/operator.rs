//! What an operator sees of a write that was cut short, and what they can do about it.

use std::{path::Path, process::Command};

use serde_json::{Value as Json, json};
use ureq::http::Method;

use crate::{
    kills::{look::open_writes, quiet},
    support::{Backend, Gateway, Options, TestStore, unique},
};

/// Runs `scimgate journal …` with the settings of a directory: its exit code and what it printed.
fn journal(directory: &Path, arguments: &[&str]) -> (i32, String) {
    let (command, rest) = arguments.split_first().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_scimgate"))
        .args(["journal", command, "--config"])
        .arg(directory.join("scimgate.toml"))
        .args(rest)
        .current_dir(directory)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

/// A gateway that died between the store's commit and that of its own database, and the request that it had.
fn cut_short(store: &TestStore) -> (Gateway, Json) {
    let user = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": format!("{}@example.com", unique("j")), "externalId": "secret-id",
        "displayName": "Secret Name", "name": { "givenName": "Jo", "familyName": "Doe" }, "active": true });
    // The record takes the first two places, the store's transaction the third.
    let environment = vec![("SCIMGATE_DIE_AT", "4".to_owned())];
    let mut gateway = Gateway::start(store, &Options { environment, ..quiet() });
    gateway.client().try_send(&Method::POST, "/Users", Some(&user)).unwrap_err();
    assert!(gateway.has_died(true));
    assert_eq!(open_writes(&gateway), ["create"]);
    (gateway, user)
}

#[test]
fn an_operator_sees_an_open_write_and_brings_it_to_its_end() {
    let Some(store) = TestStore::fresh(Backend::Sqlite) else { return };
    let (gateway, user) = cut_short(&store);
    let directory = gateway.directory();
    let (code, listed) = journal(directory, &["list", "--json"]);
    let entry: Json = serde_json::from_str(listed.trim()).unwrap();
    assert_eq!((code, &entry["kind"], &entry["state"]), (0, &json!("create"), &json!("open")));
    assert!(entry["attributes"].as_array().unwrap().contains(&json!("displayName")), "{entry}");
    let id = entry["id"].as_str().unwrap();
    let shown = journal(directory, &["show", id]).1;
    assert!(!shown.to_lowercase().contains("secret"), "values are not for everybody: {shown}");
    let shown = journal(directory, &["show", id, "--values"]).1;
    assert!(shown.contains("Secret Name") && shown.contains("secret-id"), "{shown}");
    assert_eq!(journal(directory, &["show", "nothing"]).0, 5);

    let resolved = journal(directory, &["resolve", id]);
    assert_eq!((resolved.0, resolved.1.trim()), (0, "done"));
    // Its client has not been told, and is when it asks again; once.
    assert!(journal(directory, &["list"]).1.contains("  made  create User "));
    let gateway = gateway.restart_with("");
    let made = gateway.client().post("/Users", &user);
    assert_eq!((made.status, &made.json["externalId"]), (201, &json!("secret-id")), "{made}");
    assert_eq!(gateway.client().post("/Users", &user).status, 409);
    assert_eq!(journal(gateway.directory(), &["list"]), (0, String::new()));
}

#[test]
fn an_operator_gives_a_write_up() {
    let Some(store) = TestStore::fresh(Backend::Sqlite) else { return };
    let (gateway, user) = cut_short(&store);
    let listed = journal(gateway.directory(), &["list"]).1;
    let id = listed.split_whitespace().next().unwrap();
    let given_up = journal(gateway.directory(), &["resolve", id, "--give-up"]);
    assert_eq!((given_up.0, given_up.1.trim()), (0, "given up; the store is as it is"));
    assert_eq!(open_writes(&gateway), [""; 0]);
    // What the store holds is a user like any other.
    assert_eq!(gateway.restart_with("").client().post("/Users", &user).status, 409);
}
