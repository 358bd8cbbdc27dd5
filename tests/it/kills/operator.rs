//! What an operator sees of a write that was cut short, and what they can do about it.

use std::{path::Path, process::Command};

use serde_json::{Value as Json, json};
use ureq::http::Method;

use crate::{
    kills::look::open_writes,
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

/// A gateway that died in the middle of a change of a user, between store and own database; and the login.
fn cut_short(store: &TestStore) -> (Gateway, String) {
    let login = format!("{}@example.com", unique("j"));
    let gateway = Gateway::start(store, &Options::default());
    let user = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": login,
        "displayName": "Jo", "name": { "givenName": "Jo", "familyName": "Doe" }, "active": true });
    let id = gateway.client().post("/Users", &user).id();
    let operations = json!([{ "op": "replace", "path": "displayName", "value": "Secret Name" },
        { "op": "replace", "path": "externalId", "value": "secret-id" }]);
    let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations });
    // The record takes the first two places, the store's transaction the third.
    let mut gateway = gateway.restart_with("SCIMGATE_DIE_AT=4");
    let path = format!("/Users/{id}");
    gateway.client().try_send(&Method::PATCH, &path, Some(&body)).unwrap_err();
    assert!(gateway.has_died(true));
    assert_eq!(open_writes(&gateway), ["change"]);
    (gateway, login)
}

#[test]
fn an_operator_sees_an_open_write_and_brings_it_to_its_end() {
    let Some(store) = TestStore::fresh(Backend::Sqlite) else { return };
    let (gateway, login) = cut_short(&store);
    let directory = gateway.directory();
    let (code, listed) = journal(directory, &["list", "--json"]);
    let entry: Json = serde_json::from_str(listed.trim()).unwrap();
    assert_eq!((code, &entry["kind"], &entry["state"]), (0, &json!("change"), &json!("open")));
    assert_eq!(entry["attributes"], json!(["displayName", "externalId"]));
    let id = entry["id"].as_str().unwrap();
    let shown = journal(directory, &["show", id]).1;
    assert!(!shown.to_lowercase().contains("secret"), "values are not for everybody: {shown}");
    let shown = journal(directory, &["show", id, "--values"]).1;
    assert!(shown.contains("Secret Name") && shown.contains("secret-id"), "{shown}");
    assert_eq!(journal(directory, &["show", "nothing"]).0, 5);

    let resolved = journal(directory, &["resolve", id]);
    assert_eq!((resolved.0, resolved.1.trim()), (0, "done"));
    assert_eq!(journal(directory, &["list"]), (0, String::new()));
    let found = crate::every_store::find(&gateway.restart().client(), &login);
    assert_eq!(found["Resources"][0]["externalId"], "secret-id", "{found}");
    assert_eq!(found["Resources"][0]["displayName"], "Secret Name", "{found}");
}

#[test]
fn an_operator_gives_a_write_up() {
    let Some(store) = TestStore::fresh(Backend::Sqlite) else { return };
    let (gateway, login) = cut_short(&store);
    let listed = journal(gateway.directory(), &["list"]).1;
    let id = listed.split_whitespace().next().unwrap();
    let given_up = journal(gateway.directory(), &["resolve", id, "--give-up"]);
    assert_eq!((given_up.0, given_up.1.trim()), (0, "given up; the store is as it is"));
    assert_eq!(open_writes(&gateway), [""; 0]);
    let found = crate::every_store::find(&gateway.restart().client(), &login);
    assert_eq!(found["Resources"][0]["externalId"], Json::Null, "{found}");
}
