//! PATCH: bodies, operations, paths and values that cannot be right (RFC 7644 §3.5.2). A request
//! that fails in its last operation has done nothing.

use serde_json::{Value as Json, json};
use ureq::http::Method;

use super::{ENTERPRISE, GROUP, USER, everywhere};

const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

#[test]
fn operations_that_cannot_be_right_are_refused() {
    let operations = [
        (json!({}), "invalidSyntax"),
        (json!(7), "invalidSyntax"),
        (json!({ "path": "title", "value": "x" }), "invalidSyntax"),
        (json!({ "op": "move", "path": "title", "value": "x" }), "invalidSyntax"),
        (json!({ "op": 7, "path": "title", "value": "x" }), "invalidSyntax"),
        (json!({ "op": "replace", "path": 7, "value": "x" }), "invalidPath"),
        (json!({ "op": "replace", "path": "title[", "value": "x" }), "invalidPath"),
        (json!({ "op": "replace", "path": "shoeSize", "value": "x" }), "invalidPath"),
        (json!({ "op": "replace", "path": "name.shoeSize", "value": "x" }), "invalidPath"),
        (json!({ "op": "replace", "path": "emails[type eq", "value": "x" }), "invalidPath"),
        (json!({ "op": "replace", "path": "*)(uid=*", "value": "x" }), "invalidPath"),
        (json!({ "op": "replace", "path": "urn:example:x:title", "value": "x" }), "invalidPath"),
        (json!({ "op": "replace", "path": "title" }), "invalidValue"),
        (json!({ "op": "add", "path": "title" }), "invalidValue"),
        (json!({ "op": "add" }), "invalidValue"),
        (json!({ "op": "add", "value": "x" }), "invalidValue"),
        (json!({ "op": "replace", "value": 7 }), "invalidValue"),
        (json!({ "op": "replace", "path": "active", "value": "perhaps" }), "invalidValue"),
        (json!({ "op": "replace", "path": "title", "value": { "a": 1 } }), "invalidValue"),
        (json!({ "op": "remove" }), "noTarget"),
        (
            json!({ "op": "replace", "path": "emails[value eq \"nobody\"]", "value": { "value": "x" } }),
            "noTarget",
        ),
        (json!({ "op": "replace", "path": "emails[value eq \"nobody\"].value", "value": "x" }), "noTarget"),
        (json!({ "op": "replace", "path": "id", "value": "x" }), "mutability"),
        (json!({ "op": "replace", "path": "meta.created", "value": "2020-01-01T00:00:00Z" }), "mutability"),
        (json!({ "op": "add", "path": "groups", "value": [{ "value": "{group}" }] }), "mutability"),
        (json!({ "op": "remove", "path": "groups" }), "mutability"),
        (json!({ "op": "remove", "path": "userName" }), "mutability"),
        (json!({ "op": "replace", "path": "userName", "value": "" }), "invalidValue"),
        (json!({ "op": "replace", "path": "userName", "value": null }), "invalidValue"),
        (json!({ "op": "replace", "path": "userName", "value": "{taken}" }), "uniqueness"),
    ];
    everywhere(|site| {
        let mut cases: Vec<(&str, Json, u16, &str)> = Vec::new();
        // What goes before has no effect either.
        let first = json!({ "op": "replace", "path": "title", "value": "Changed" });
        for (operation, scim_type) in &operations {
            let status = if *scim_type == "uniqueness" { 409 } else { 400 };
            let body = json!({ "schemas": [PATCH], "Operations": [first, operation] });
            cases.push(("/Users/{user}", body, status, scim_type));
        }
        site.all_refused(&Method::PATCH, &cases);
    });
}

#[test]
fn bodies_that_are_no_patch_are_refused() {
    let operation = json!({ "op": "replace", "path": "title", "value": "x" });
    let many = vec![operation.clone(); 1001];
    let cases = [
        ("/Users/{user}", json!({}), 400, "invalidSyntax"),
        ("/Users/{user}", json!({ "schemas": [PATCH] }), 400, "invalidSyntax"),
        ("/Users/{user}", json!({ "schemas": [PATCH], "Operations": [] }), 400, "invalidSyntax"),
        ("/Users/{user}", json!({ "schemas": [PATCH], "Operations": "x" }), 400, "invalidSyntax"),
        ("/Users/{user}", json!({ "schemas": [USER], "Operations": [operation] }), 400, "invalidSyntax"),
        ("/Users/{user}", json!({ "schemas": [PATCH], "Operations": many }), 413, ""),
        (
            "/Groups/{group}",
            json!({ "Operations": [{ "op": "remove", "path": "displayName" }] }),
            400,
            "mutability",
        ),
        (
            "/Groups/{group}",
            json!({ "Operations": [{ "op": "add", "path": "members", "value": [{}, 7] }] }),
            400,
            "invalidValue",
        ),
        (
            "/Groups/{group}",
            json!({ "Operations": [{ "op": "add", "path": "members[", "value": [] }] }),
            400,
            "invalidPath",
        ),
        (
            "/Groups/{group}",
            json!({ "Operations": [{ "op": "replace", "path": "displayName", "value": "All Staff" }] }),
            409,
            "uniqueness",
        ),
    ];
    everywhere(|site| site.all_refused(&Method::PATCH, &cases));
}

#[test]
fn what_only_clients_by_the_letter_are_told() {
    // Modes "rfc" and "interop-strict": what tolerant clients get away with is an error, and the store
    // is left alone (D-4, D-6, D-14). `tests/it/modes.rs` has what each mode answers.
    use crate::support::{Backend, Options, TestStore};
    let patch = |operation: Json| json!({ "schemas": [PATCH], "Operations": [operation] });
    let both = [
        (
            "/Users/{user}",
            json!({ "Operations": [{ "op": "add", "path": "title", "value": "x" }] }),
            400,
            "invalidSyntax",
        ),
        (
            "/Users/{user}",
            patch(json!({ "op": "replace", "path": "active", "value": "False" })),
            400,
            "invalidValue",
        ),
        (
            "/Users/{user}",
            patch(
                json!({ "op": "replace", "path": "emails[type eq \"other\"].value", "value": "a@x.example" }),
            ),
            400,
            "noTarget",
        ),
        (
            "/Groups/{group}",
            patch(json!({ "op": "add", "path": "members", "value": "{user}" })),
            400,
            "invalidValue",
        ),
    ];
    let strict = [
        ("/Users/{user}", patch(json!({ "op": "add", "value": { "title": "x" } })), 400, "invalidSyntax"),
        (
            "/Users/{user}",
            patch(json!({ "op": "add", "path": "name", "value": { "shoe": 46 } })),
            400,
            "invalidSyntax",
        ),
        (
            "/Users/{user}",
            patch(json!({ "op": "add", "path": "emails[value pr]", "value": { "type": "other" } })),
            400,
            "invalidPath",
        ),
        (
            "/Groups/{group}",
            patch(json!({ "op": "remove", "path": "members[value pr]" })),
            400,
            "invalidFilter",
        ),
        (
            "/Groups/{group}",
            patch(json!({ "op": "add", "path": "members", "value": [{ "value": "{user}", "shoe": 46 }] })),
            400,
            "invalidSyntax",
        ),
    ];
    let created = [
        ("/Users", json!({ "userName": "letter" }), 400, "invalidSyntax"),
        ("/Users", json!({ "schemas": "x", "userName": "letter" }), 400, "invalidSyntax"),
        ("/Users", json!({ "schemas": [GROUP], "userName": "letter" }), 400, "invalidSyntax"),
        ("/Users", json!({ "schemas": [USER, USER], "userName": "letter" }), 400, "invalidSyntax"),
        ("/Users", json!({ "schemas": [USER], "userName": ["letter"] }), 400, "invalidValue"),
        ("/Users", json!({ "schemas": [USER], "userName": "letter", "active": "True" }), 400, "invalidValue"),
        ("/Groups", json!({ "schemas": [GROUP, ENTERPRISE], "displayName": "letter" }), 400, "invalidSyntax"),
    ];
    let unknown =
        [("/Users", json!({ "schemas": [USER], "userName": "letter", "shoe": 46 }), 400, "invalidSyntax")];
    for backend in [Backend::Sqlite, Backend::OpenLdap] {
        for mode in ["rfc", "interop-strict"] {
            let Some(store) = TestStore::fresh(backend) else { continue };
            let options = Options { client: format!("mode = \"{mode}\""), ..Options::default() };
            let mut site = super::Site::new(store, &options);
            site.all_refused(&Method::PATCH, &both);
            site.all_refused(&Method::POST, &created);
            if mode == "interop-strict" {
                site.all_refused(&Method::PATCH, &strict);
                site.all_refused(&Method::POST, &unknown);
            }
            let place = format!("{mode} in front of {}", backend.name());
            assert!(site.wrong.is_empty(), "{place}:\n{}", site.wrong.join("\n"));
        }
    }
}
