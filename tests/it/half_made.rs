//! A resource whose creation is not known to have come to its end, and which somebody else has seen: whoever changes or
//! deletes it does so behind the creation.

use serde_json::{Value as Json, json};

use crate::support::{Answer, Backend, Client, Fuse, Gateway, Loss, Options, TestStore, Wire, unique};

fn person(name: &str) -> Json {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("{name}@example.com"),
        "externalId": format!("ext-{name}"), "displayName": "Kay", "title": "Made",
        "name": { "givenName": "Kay", "familyName": name },
    })
}

/// Somebody is made, and nobody is told; as soon as the directory answers again, somebody else comes.
fn seen_and_then(come: impl Fn(&Client, &str) -> Answer, expect: impl Fn(&Client, &str, &Json)) {
    let Some(store) = TestStore::fresh(Backend::OpenLdap) else { return };
    let wire = Wire::to(store.address());
    let store = store.by_way_of(wire.address).with_settings("grace_ms = 0\n");
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    // What is left is tried every two seconds: not always before somebody comes.
    for round in 0..5 {
        let name = unique("half");
        wire.arm(Some(Fuse { after: 1, loss: Loss::Answer, comes_back: false }));
        let lost = client.post("/Users", &person(&name));
        assert_eq!(lost.status, 503, "{lost}");
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
