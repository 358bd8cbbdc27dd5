//! Documents within documents: the inner is closed first, the outer keeps all else.

use serde_json::json;

use super::{find, on_tables, patch, path, stored, user};
use crate::support::{Client, TestStore};

fn everywhere(test: impl Fn(&TestStore, &Client)) {
    on_tables(include_str!("../../fixtures/documents/nested.sql"), "nested.toml", test);
}

#[test]
fn a_document_within_a_document_is_read_and_found() {
    everywhere(|_, client| {
        let ann = user(client, "ann");
        assert_eq!(ann["preferredLanguage"], json!("de"));
        assert_eq!(ann["roles"], json!([{ "value": "ops" }]));
        assert_eq!(ann["entitlements"], json!([{ "value": "read" }, { "value": "write" }]));
        assert_eq!(ann["emails"], json!([{ "value": "a@x.org", "type": "work" }, { "value": "b@x.org" }]));
        assert_eq!(ann["photos"], json!([{ "value": "red" }, { "value": "blu" }]));
        assert_eq!(user(client, "cid")["preferredLanguage"], json!(null), "no JSON");
        for (filter, expected) in [
            ("preferredLanguage eq \"DE\"", &["ann"] as &[&str]),
            ("not (preferredLanguage pr)", &["bob", "cid"]),
            ("roles.value eq \"ops\"", &["ann"]),
            ("roles.value eq \"op\"", &[]),
            ("entitlements.value eq \"write\"", &["ann"]),
            ("not (entitlements.value eq \"write\")", &["bob", "cid"]),
            ("emails[type eq \"work\" and value eq \"a@x.org\"]", &["ann"]),
            ("emails[type eq \"work\" and value eq \"b@x.org\"]", &[]),
            ("photos.value eq \"blu\"", &["ann"]),
            ("photos.value eq \"bl\"", &[]),
        ] {
            assert_eq!(find(client, filter), expected, "{filter}");
        }
    });
}

#[test]
fn the_inner_document_is_closed_into_the_outer() {
    everywhere(|store, client| {
        let ann = path(client, "ann");
        patch(
            client,
            &ann,
            json!([{ "op": "replace", "path": "preferredLanguage", "value": "fr" },
                { "op": "add", "path": "roles", "value": [{ "value": "dév" }] },
                { "op": "remove", "path": "entitlements[value eq \"read\"]" },
                { "op": "replace", "path": "emails[value eq \"a@x.org\"].type", "value": "home" },
                { "op": "add", "path": "photos", "value": [{ "value": "tan" }] }]),
        );
        assert_eq!(
            stored(store, "ann", "note").unwrap(),
            r#"{"n": 1.50, "prefs": "{\"lang\": \"fr\", \"x\": [1]}", "roles": "a:2:{i:0;s:3:\"ops\";i:1;s:4:\"dév\";}", "marks": 8, "items": [{"address": "a@x.org", "info": "main,home,z"}, {"address": "b@x.org", "info": null}]}"#
        );
        assert_eq!(
            stored(store, "ann", "packed").unwrap(),
            r#"a:2:{s:1:"n";d:0.5;s:6:"groups";s:11:"red,blu,tan";}"#
        );
        // Nothing is written where nothing changes, and what has no place is refused as a whole.
        let before = stored(store, "ann", "note");
        patch(client, &ann, json!([{ "op": "replace", "path": "preferredLanguage", "value": "fr" }]));
        let comma = json!([{ "op": "replace", "path": "preferredLanguage", "value": "it" },
            { "op": "add", "path": "photos", "value": [{ "value": "a,b" }] }]);
        let answer = client.patch(&ann, comma);
        assert_eq!((answer.status, &answer.json["scimType"]), (400, &json!("invalidValue")), "{answer}");
        assert_eq!(stored(store, "ann", "note"), before);

        // The last value takes its inner document along.
        let clear = json!([{ "op": "remove", "path": "roles" }, { "op": "remove", "path": "photos" }]);
        patch(client, &ann, clear);
        assert_eq!(user(client, "ann")["roles"], json!(null));
        assert_eq!(find(client, "photos pr"), [""; 0]);
    });
}

#[test]
fn missing_documents_are_made_and_unreadable_ones_left() {
    everywhere(|store, client| {
        let bob = path(client, "bob");
        let add = json!([{ "op": "add", "path": "preferredLanguage", "value": "nl" },
            { "op": "add", "path": "entitlements", "value": [{ "value": "write" }] }]);
        patch(client, &bob, add);
        let note: serde_json::Value = serde_json::from_str(&stored(store, "bob", "note").unwrap()).unwrap();
        assert_eq!(note, json!({ "prefs": "{\"lang\":\"nl\"}", "marks": 8 }));
        assert_eq!(user(client, "bob")["preferredLanguage"], json!("nl"));

        let cid = path(client, "cid");
        let before = stored(store, "cid", "note");
        let answer = client.patch(&cid, json!([{ "op": "add", "path": "preferredLanguage", "value": "nl" }]));
        assert_eq!(answer.status, 409, "{answer}");
        assert_eq!(stored(store, "cid", "note"), before);
        patch(client, &cid, json!([{ "op": "add", "path": "roles", "value": [{ "value": "ops" }] }]));
        assert_eq!(
            stored(store, "cid", "note").unwrap(),
            r#"{"prefs": "{\"lang\":", "roles": "a:1:{i:0;s:3:\"ops\";}", "marks": null}"#
        );
        assert_eq!(client.delete(&cid).status, 204);
    });
}
