//! A resource whose creation is not known to have come to its end, and which somebody else has seen: whoever changes or
//! deletes it does so behind the creation.

use std::{fs, thread, time::Duration};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::{Answer, Backend, Client, Fuse, Gateway, Loss, Options, TestStore, Wire, unique};

fn person(name: &str) -> Json {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("{name}@example.com"),
        "externalId": format!("ext-{name}"), "displayName": "Kay", "title": "Made",
        "name": { "givenName": "Kay", "familyName": name },
    })
}

/// The directory, which goes last, a gateway, and the wire by which it reaches the directory.
fn behind_a_wire(store: TestStore, options: &Options) -> (TestStore, Gateway, Wire) {
    let wire = Wire::to(store.address());
    let store = store.by_way_of(wire.address).with_settings("grace_ms = 0\n");
    let gateway = Gateway::start(&store, options);
    (store, gateway, wire)
}

/// Has somebody made, while the answer of the directory is lost, and all that follows.
fn half_make(wire: &Wire, client: &Client, body: &Json) {
    wire.arm(Some(Fuse { after: 1, loss: Loss::Answer, comes_back: false }));
    let lost = client.post("/Users", body);
    assert_eq!(lost.status, 503, "{lost}");
}

/// Somebody is made, and nobody is told; as soon as the directory answers again, somebody else comes.
fn seen_and_then(come: impl Fn(&Client, &str) -> Answer, expect: impl Fn(&Client, &str, &Json)) {
    let Some(store) = TestStore::fresh(Backend::OpenLdap) else { return };
    let (_store, gateway, wire) = behind_a_wire(store, &Options::default());
    let client = gateway.client();
    // What is left is tried every two seconds: not always before somebody comes.
    for round in 0..5 {
        let name = unique("half");
        half_make(&wire, &client, &person(&name));
        wire.mend();
        let found = client.get(&format!("/Users?filter=userName%20eq%20%22{name}@example.com%22"));
        let id = found.json["Resources"][0]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{round}: {found}"))
            .to_owned();
        let answer = come(&client, &id);
        assert!(answer.status < 300, "{round}: {answer}");
        let again = client.post("/Users", &person(&name));
        eprintln!("{round}: the creation, sent again: {}", again.status);
        expect(&client, &id, &again.json);
    }
}

#[test]
fn a_change_of_what_is_half_made_is_not_set_back() {
    let change = json!([{ "op": "replace", "path": "title", "value": "Changed" },
        { "op": "replace", "path": "externalId", "value": "changed" }]);
    seen_and_then(
        |client, id| {
            let changed = client.patch(&format!("/Users/{id}"), change.clone());
            // What only our own database keeps is there by then.
            assert_eq!(
                (&changed.json["title"], &changed.json["externalId"]),
                (&json!("Changed"), &json!("changed"))
            );
            changed
        },
        |client, id, again| {
            let now = client.get(&format!("/Users/{id}")).json;
            assert_eq!((&now["title"], &now["externalId"]), (&json!("Changed"), &json!("changed")), "{now}");
            assert!(again["id"] == now["id"] || again["status"] == "409", "{again}");
        },
    );
}

#[test]
fn what_is_deleted_while_it_is_half_made_is_gone() {
    seen_and_then(
        |client, id| client.delete(&format!("/Users/{id}")),
        |client, id, again| {
            assert_eq!(client.get(&format!("/Users/{id}")).status, 404);
            // Whoever asks for it after that asks for another one.
            assert!(again["id"].is_string() && again["id"] != id, "{again}");
        },
    );
}

/// With `adopt = "link"`, the request that is sent again finds what it has half made, and does not take it for somebody else's.
#[test]
fn what_is_half_made_is_not_taken_over() {
    let Some(store) = TestStore::fresh(Backend::OpenLdap) else { return };
    let folder = TempDir::new().unwrap();
    let mapping = folder.path().join("mapping.toml");
    let text = fs::read_to_string(store.mapping()).unwrap();
    fs::write(&mapping, format!("{text}[User]\nadopt = \"link\"\n")).unwrap();
    let store = store.with_mapping(mapping);
    let (_store, gateway, wire) = behind_a_wire(store, &Options::default());
    let client = gateway.client();
    for with_password in [false, true] {
        let name = unique("half");
        let mut body = person(&name);
        if with_password {
            body["password"] = "Correct-Horse-7".into();
        }
        half_make(&wire, &client, &body);
        wire.mend();
        let made = client.post("/Users", &body);
        assert_eq!(made.status, 201, "{made}");
        // Whoever brings to an end what was left has been there by then.
        thread::sleep(Duration::from_secs(5));
        let now = client.get(&format!("/Users/{}", made.id()));
        assert_eq!((now.status, &now.json["title"]), (200, &json!("Made")), "{now}");
    }
}

/// The other of two gateways waits for the creation, too.
#[test]
fn what_is_half_made_by_another_process_is_waited_for() {
    let Some(store) = TestStore::fresh(Backend::OpenLdap) else { return };
    let Some((_database, options)) = store.shared_ids("") else { return };
    let other = Gateway::start(&store, &options);
    let (_store, one, wire) = behind_a_wire(store, &options);
    let name = unique("half");
    half_make(&wire, &one.client(), &person(&name));
    // The way of the one stays broken: it cannot finish, and the other one must not go on before.
    let client = other.client();
    let found = client.get(&format!("/Users?filter=userName%20eq%20%22{name}@example.com%22"));
    let path = format!("/Users/{}", found.json["Resources"][0]["id"].as_str().unwrap());
    let change = json!([{ "op": "replace", "path": "title", "value": "Changed" }]);
    let early = client.patch(&path, change.clone());
    assert_eq!(early.status, 503, "{early}");
    wire.mend();
    let changed = (0..100).map(|_| {
        thread::sleep(Duration::from_millis(100));
        client.patch(&path, change.clone())
    });
    let changed = changed.into_iter().find(|answer| answer.status != 503).expect("it comes to its end");
    assert_eq!(changed.status, 200, "{changed}");
    thread::sleep(Duration::from_secs(5));
    assert_eq!(client.get(&path).json["title"], "Changed");
}
