//! POST (RFC 7644 §3.3).

use serde_json::json;

use super::{ENTERPRISE, GROUP, assert_refused, create, person, total};
use crate::{
    every_store::{assert_holds, everywhere},
    support::unique,
};

#[test]
fn a_new_resource_is_answered_as_the_store_then_has_it() {
    // 7644-3.3-d, 7644-3.3-f, 7644-3.3.1-a, 7643-3.1-meta, 7644-3.1-a
    everywhere(|_, gateway| {
        let client = gateway.client();
        for (endpoint, body, name) in [
            ("/Users", person(&unique("new")), "User"),
            ("/Groups", json!({ "schemas": [GROUP], "displayName": unique("New ") }), "Group"),
        ] {
            let (path, made) = create(&client, endpoint, &body);
            let url = format!("{}/scim/v2{path}", gateway.address());
            assert_eq!(made.header("location"), url);
            assert_holds(&made.json, json!({ "meta": { "location": url, "resourceType": name } }));
            assert_holds(&made.json, body);
            assert_eq!(client.get(&path).json, made.json, "what is answered is what is there");
        }
    });
}

#[test]
fn what_only_the_server_gives_is_not_taken_from_the_client() {
    // 7644-3.3-a, 7644-3.3-h, 7643-3.1-id, 7643-4.1-c
    everywhere(|store, gateway| {
        let client = gateway.client();
        let mut body = person(&unique("own"));
        body["id"] = json!("chosen-by-the-client");
        body["meta"] =
            json!({ "resourceType": "Robot", "created": "1999-01-01T00:00:00Z", "version": "W/\"x\"" });
        body["groups"] = json!([{ "value": "nobody" }]);
        let (path, made) = create(&client, "/Users", &body);
        assert_ne!(made.id(), "chosen-by-the-client");
        assert_holds(&made.json, json!({ "groups": null, "meta": { "resourceType": "User" } }));
        assert_ne!(made.json["meta"]["created"], "1999-01-01T00:00:00Z");
        assert_refused(&client.get("/Users/chosen-by-the-client"), 404, "");
        drop((path, store));
    });
}

#[test]
fn a_value_in_use_is_a_conflict_and_changes_nothing() {
    // 7644-3.3-e, 7643-4.1-a, 7644-5-a
    everywhere(|store, gateway| {
        let client = gateway.client();
        let login = unique("Taken");
        create(&client, "/Users", &person(&login));
        let before = store.dump();
        // The same login in other letters, also in full-width ones, is the same login.
        let wide: String = login.chars().map(|c| char::from_u32(u32::from(c) + 0xFEE0).unwrap()).collect();
        for same in [login.clone(), login.to_uppercase(), login.to_lowercase(), wide] {
            let mut body = person(&same);
            body["emails"] = json!([]);
            assert_refused(&client.post("/Users", &body), 409, "uniqueness");
        }
        assert_eq!(store.dump(), before);
    });
}

#[test]
fn what_is_required_must_be_there() {
    // 7644-3.3-g, D-10, 7643-4.2-a
    everywhere(|store, gateway| {
        let client = gateway.client();
        let before = store.dump();
        for (endpoint, name) in [("/Users", "userName"), ("/Groups", "displayName")] {
            let mut body = person(&unique("x"));
            body["schemas"] = json!([if endpoint == "/Users" { super::USER } else { GROUP }]);
            for missing in [json!(null), json!("")] {
                body[name] = missing;
                assert_refused(&client.post(endpoint, &body), 400, "invalidValue");
            }
            body.as_object_mut().unwrap().remove(name);
            assert_refused(&client.post(endpoint, &body), 400, "invalidValue");
            let schema = client.get("/Schemas");
            let published = schema.json["Resources"].as_array().unwrap().iter().any(|schema| {
                let attributes = schema["attributes"].as_array().unwrap();
                attributes.iter().any(|a| a["name"] == name && a["required"] == true)
            });
            assert!(published, "{name} is published as required");
        }
        assert_eq!(store.dump(), before);
    });
}

#[test]
fn null_and_empty_lists_leave_an_attribute_unset() {
    // 7644-3.3-c, 7643-2.5-a, 7644-3.3-b, D-12
    everywhere(|_, gateway| {
        let client = gateway.client();
        let mut body = person(&unique("null"));
        body["title"] = json!(null);
        body["phoneNumbers"] = json!([]);
        body.as_object_mut().unwrap().remove("active");
        let (path, made) = create(&client, "/Users", &body);
        assert_holds(&made.json, json!({ "title": null, "phoneNumbers": null }));
        // A client that says nothing about it makes an account that works.
        assert_holds(&client.get(&path).json, json!({ "active": true, "title": null }));
    });
}

#[test]
fn an_extension_lies_under_its_urn() {
    // 7643-3.3-a, 7643-4.3-a, 7643-3-a
    everywhere(|_, gateway| {
        let client = gateway.client();
        let (boss, _) = create(&client, "/Users", &person(&unique("boss")));
        let boss = boss.rsplit('/').next().unwrap();
        let mut body = person(&unique("ext"));
        body["schemas"] = json!([super::USER, ENTERPRISE]);
        body[ENTERPRISE] = json!({ "employeeNumber": unique("7"), "manager": { "value": boss } });
        let (path, made) = create(&client, "/Users", &body);
        assert_holds(&made.json, body.clone());
        let manager = &made.json[ENTERPRISE]["manager"];
        assert!(manager["$ref"].as_str().is_some_and(|url| url.ends_with(&format!("/Users/{boss}"))));
        assert_eq!(total(&client, "/Users", &format!("{ENTERPRISE}:manager.value eq \"{boss}\"")), 1);
        assert_holds(&client.get(&path).json, json!({ "schemas": [super::USER, ENTERPRISE] }));
        let (_, plain) = create(&client, "/Users", &person(&unique("plain")));
        assert_eq!(plain.json["schemas"], json!([super::USER]), "named only where it has data");
    });
}

#[test]
fn a_clients_own_id_keeps_its_case() {
    // 7643-3.1-ext
    everywhere(|_, gateway| {
        let client = gateway.client();
        let mut body = person(&unique("ext"));
        let external = unique("Ab");
        body["externalId"] = json!(external);
        create(&client, "/Users", &body);
        assert_eq!(total(&client, "/Users", &format!("externalId eq \"{external}\"")), 1);
        assert_eq!(total(&client, "/Users", &format!("externalId eq \"{}\"", external.to_lowercase())), 0);
    });
}
