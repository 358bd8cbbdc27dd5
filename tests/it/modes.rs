//! `mode = "rfc"`: a client whose deviations are errors, next to one whose deviations are understood.

use serde_json::{Value as Json, json};

use crate::support::{Answer, Backend, Gateway, Options, TestStore};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// A gateway with a client of this mode, in front of the demo's schema.
fn start(mode: &str) -> (TestStore, Gateway) {
    let store = TestStore::fresh(Backend::Sqlite).unwrap();
    let client = format!("mode = \"{mode}\"\n");
    let gateway = Gateway::start(&store, &Options { client, ..Options::default() });
    (store, gateway)
}

fn outcome(answer: &Answer) -> (u16, Json) {
    (answer.status, answer.json["scimType"].clone())
}

#[test]
fn deviations_are_understood_or_refused_as_the_client_is_set_up() {
    let user = |more: Json| {
        let mut body =
            json!({ "schemas": [USER], "userName": "mode.test", "name": { "familyName": "Test" } });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let operation = |operation: Json| json!([operation]);
    for (mode, tolerant) in [("tolerant", true), ("rfc", false)] {
        let (_store, gateway) = start(mode);
        let client = gateway.client();
        let expect = |answer: &Answer, good: u16, scim_type: &str, what: &str| {
            let expected = if tolerant { (good, Json::Null) } else { (400, scim_type.into()) };
            assert_eq!(outcome(answer), expected, "{mode}: {what}: {answer}");
        };
        // E-05: a value without quotes.
        expect(&client.get("/Users?filter=externalId%20eq%20jyoung"), 200, "invalidFilter", "unquoted");
        // E-04: an attribute of an extension without its URN.
        expect(&client.get("/Users?filter=department%20eq%20%22x%22"), 200, "invalidFilter", "no URN");
        // D-6, and E-06: a boolean as text.
        let body = user(json!({ "favouriteColour": "green" }));
        expect(&client.post("/Users", &body), 201, "invalidSyntax", "unknown attribute");
        let body = user(json!({ "userName": "mode.boolean", "active": "True" }));
        expect(&client.post("/Users", &body), 201, "invalidValue", "boolean as text");
        // What is right is right for everybody.
        let made = client.post("/Users", &user(json!({ "userName": "mode.plain" })));
        assert_eq!(made.status, 201, "{made}");
        let path = format!("/Users/{}", made.id());
        // D-4 (E-11): replacing in an element that is not there.
        let absent = operation(
            json!({ "op": "replace", "path": "emails[type eq \"work\"].value", "value": "m@x.example" }),
        );
        expect(&client.patch(&path, absent), 200, "noTarget", "no element");
        let nobody = client.patch(&path, operation(json!({ "op": "add", "path": "nosuch", "value": 1 })));
        assert_eq!(outcome(&nobody), (400, "invalidPath".into()), "{mode}");
    }
}
