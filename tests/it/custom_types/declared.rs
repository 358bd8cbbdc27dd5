//! Discovery publishes what the mapping file declares, and nothing else.

use std::{fs, path::Path};

use serde_json::{Map, Value as Json, json};

use super::{DEVICE, INVENTORY, everywhere, extension};

/// The declarations of the fixture, as the file has them.
fn declared() -> Json {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/devices/schema.toml");
    toml::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// A declared attribute as RFC 7643 §7 publishes it, with the defaults of §2.2.
fn published(name: &str, written: &Json) -> Json {
    let short = json!({ "type": written });
    let written = if written.is_string() { &short } else { written };
    let data_type = written.get("type").cloned().unwrap_or_else(|| "string".into());
    let is_exact = data_type == "binary" || data_type == "reference";
    let is_secret = written.get("mutability") == Some(&"writeOnly".into());
    let of = |key: &str, default: Json| written.get(key).cloned().unwrap_or(default);
    let mut out = json!({
        "name": name, "type": data_type, "multiValued": of("multiValued", false.into()),
        "description": of("description", "".into()), "required": of("required", false.into()),
        "caseExact": of("caseExact", is_exact.into()), "mutability": of("mutability", "readWrite".into()),
        "returned": of("returned", if is_secret { "never" } else { "default" }.into()),
        "uniqueness": of("uniqueness", "none".into()),
    });
    let out_map = out.as_object_mut().unwrap();
    for key in ["canonicalValues", "referenceTypes"] {
        out_map.extend(written.get(key).map(|list| (key.to_owned(), list.clone())));
    }
    if data_type == "reference" && written.get("referenceTypes").is_none() {
        out_map.insert("referenceTypes".into(), json!(["uri"]));
    }
    if let Some(Json::Object(subs)) = written.get("subAttributes") {
        out_map.insert("subAttributes".into(), by_name(subs.iter().map(|(n, s)| published(n, s))));
    }
    out
}

/// Attributes by name: their order means nothing.
fn by_name(attributes: impl Iterator<Item = Json>) -> Json {
    let named = attributes.map(|mut attribute| {
        if let Some(Json::Array(subs)) = attribute.get("subAttributes").cloned() {
            attribute["subAttributes"] = by_name(subs.into_iter());
        }
        (attribute["name"].as_str().unwrap().to_owned(), attribute)
    });
    Json::Object(named.collect::<Map<_, _>>())
}

#[test]
fn every_characteristic_is_published_as_it_is_declared() {
    // 7643-7-a, 7643-6-a, 7643-2.2-a, 7643-2.3.1-a, 7644-4-b, 7644-3.2-c
    let declared = declared();
    everywhere(|_, gateway| {
        let client = gateway.client();
        let list = client.get("/Schemas");
        for (urn, schema) in declared["schema"].as_object().unwrap() {
            let single = client.get(&format!("/Schemas/{urn}"));
            assert_eq!(single.status, 200, "{single}");
            let found = single.json["attributes"].as_array().unwrap().iter().cloned();
            let expected = schema["attributes"].as_object().unwrap();
            let expected = by_name(expected.iter().map(|(name, written)| published(name, written)));
            assert_eq!(by_name(found), expected, "{urn}");
            let last = urn.rsplit(':').next().unwrap();
            assert_eq!(single.json["id"], json!(urn));
            assert_eq!(single.json["name"], schema.get("name").cloned().unwrap_or_else(|| last.into()));
            assert!(list.json["Resources"].as_array().unwrap().contains(&single.json), "{urn}");
        }
        let types = client.get("/ResourceTypes");
        assert_eq!(types.json["totalResults"], 4, "{types}");
        let device = client.get("/ResourceTypes/Device");
        assert_eq!(device.json["endpoint"], "/Things");
        assert_eq!(device.json["schema"], DEVICE);
        assert_eq!(device.json["description"], "Devices");
        let extensions = device.json["schemaExtensions"].as_array().unwrap();
        assert_eq!(extensions.len(), 13);
        assert_eq!(extensions[0], json!({ "schema": INVENTORY, "required": true }));
        assert_eq!(extensions[12], json!({ "schema": extension("Fixed:Deeper"), "required": false }));
        // Groups have members of a type of the file's own.
        let group = client.get("/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group");
        let members = group.json["attributes"].as_array().unwrap().iter().find(|a| a["name"] == "members");
        let subs = members.unwrap()["subAttributes"].as_array().unwrap();
        let sub = |name: &str| subs.iter().find(|s| s["name"] == name).unwrap().clone();
        assert_eq!(sub("type")["canonicalValues"], json!(["User", "Device"]));
        assert_eq!(sub("$ref")["referenceTypes"], json!(["User", "Device"]));
        assert_eq!(client.get("/Things").json["totalResults"], 0);
        assert_eq!(client.get("/Devices").status, 404);
    });
}
