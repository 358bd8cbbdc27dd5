//! A required extension is required; others come and go.

use std::fs;

use serde_json::json;

use super::{DEVICE, INVENTORY, assert_holds, device, everywhere, extension, make, path, plain, refused};
use crate::support::{Backend, Gateway, Options, TestStore};

#[test]
fn a_required_extension_is_required() {
    // 7643-6-a, 7643-3-a, 7643-3.3-a
    everywhere(|store, gateway| {
        let client = gateway.client();
        let before = store.dump();
        let without = json!({ "schemas": [DEVICE], "displayName": "desk", "serialNumber": "1" });
        refused(&client.post("/Things", &without), 400, "invalidValue");
        // Its URN alone is not enough, nor is anything else of it but what it requires.
        let mut named = without.clone();
        named["schemas"] = json!([DEVICE, INVENTORY]);
        refused(&client.post("/Things", &named), 400, "invalidValue");
        named[INVENTORY] = json!({});
        refused(&client.post("/Things", &named), 400, "invalidValue");
        named[INVENTORY] = json!({ "value": 5 });
        refused(&client.post("/Things", &named), 400, "invalidValue");
        assert_eq!(store.dump(), before);

        let made = make(&client, &plain("desk"));
        assert_eq!(made.json["schemas"], json!([DEVICE, INVENTORY]));
        let before = store.dump();
        let mut without = plain("desk");
        without.as_object_mut().unwrap().remove(INVENTORY);
        refused(&client.put(&path(&made), &without), 400, "invalidValue");
        for remove in [INVENTORY.to_owned(), format!("{INVENTORY}:owner")] {
            let answer = client.patch(&path(&made), json!([{ "op": "remove", "path": remove }]));
            refused(&answer, 400, "mutability");
        }
        let emptied = client.patch(
            &path(&made),
            json!([{ "op": "replace", "path": format!("{INVENTORY}:owner"), "value": "" }]),
        );
        refused(&emptied, 400, "invalidValue");
        assert_eq!(store.dump(), before);
        let changed = client
            .patch(&path(&made), json!([{ "op": "replace", "value": { INVENTORY: { "owner": "Ray" } } }]));
        assert_holds(&changed.json, json!({ INVENTORY: { "owner": "Ray" } }));
    });
}

#[test]
fn a_dozen_extensions_on_one_resource() {
    // 7643-3-a, 7643-3.3-a, 7644-3.10-a
    everywhere(|_, gateway| {
        let client = gateway.client();
        let values = json!({
            extension("Note"): { "text": "x" }, extension("Level"): { "level": 1 }, extension("Ratio"): { "ratio": 0.5 },
            extension("Checked"): { "checked": true }, extension("Time"): { "at": "2026-01-31T08:00:00Z" },
            extension("Blob"): { "blob": "AAE=" }, extension("Url"): { "url": "https://x.example/" },
            extension("Codes"): { "codes": [1, 2] }, extension("Where"): { "where": { "floor": 1, "room": "A" } },
            extension("Fixed"): { "tag": "T" },
        });
        // Names of schemas match without case; a writeOnly value leaves no trace, not even its schema.
        let mut body = device("desk", values.clone());
        body[extension("Hidden")] = json!({ "key": "Xyzzy" });
        body[extension("fixed:deeper").to_uppercase()] = json!({ "TAG": "D" });
        let made = make(&client, &body);
        assert_holds(&made.json, values.clone());
        let schemas = made.json["schemas"].as_array().unwrap();
        assert_eq!(schemas.len(), 12, "{made}");
        assert!(!made.json.to_string().contains("Hidden"), "{made}");
        let only = client.get(&format!("{}?attributes={}", path(&made), extension("Where")));
        assert_holds(
            &only.json,
            json!({ extension("Where"): { "where": { "floor": 1, "room": "A" } }, INVENTORY: null }),
        );
        let deeper = client.get(&format!("{}?attributes={}:tag", path(&made), extension("Fixed:Deeper")));
        assert_holds(
            &deeper.json,
            json!({ extension("Fixed:Deeper"): { "tag": "D" }, extension("Fixed"): { "tag": "T" } }),
        );
        // PUT with the required one alone: the others go, but for what is immutable.
        let put = client.put(&path(&made), &plain("desk"));
        assert_eq!(put.json["schemas"], json!([DEVICE, INVENTORY, extension("Fixed")]), "{put}");
    });
}

#[test]
fn a_built_in_type_can_require_an_extension_too() {
    // 7643-6-a
    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
    let store = TestStore::fresh(Backend::Sqlite).unwrap();
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("required.toml");
    let base = store.mapping().display().to_string();
    let text = format!(
        "extends = \"{base}\"\n[type.User]\nendpoint = \"Staff\"\nschemaExtensions = \
         [{{ schema = \"{{E}}\", required = true }}]\n"
    );
    fs::write(&file, text).unwrap();
    let store = store.with_mapping(file);
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let user = client.get("/ResourceTypes/User").json;
    assert_eq!(user["schemaExtensions"], json!([{ "schema": ENTERPRISE, "required": true }]));
    assert_eq!(user["endpoint"], "/Staff");
    let body =
        json!({ "schemas": [USER], "userName": "new", "active": true, "name": { "familyName": "New" } });
    refused(&client.post("/Staff", &body), 400, "invalidValue");
    let mut body = body;
    body[ENTERPRISE] = json!({ "department": "Engineering" });
    let made = client.post("/Staff", &body);
    assert_eq!(made.status, 201, "{made}");
    assert_eq!(made.json["schemas"], json!([USER, ENTERPRISE]));
    let removed =
        client.patch(&format!("/Staff/{}", made.id()), json!([{ "op": "remove", "path": ENTERPRISE }]));
    assert_eq!(removed.status, 400, "{removed}");
}
