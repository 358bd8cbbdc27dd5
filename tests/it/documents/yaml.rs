//! Settings in YAML, as Rails applications keep them: changed where a client changes something, and as they
//! were to the last byte elsewhere.

use serde_json::{Value as Json, json};

use super::{find, on_tables, patch, path, stored, user};
use crate::support::{Client, TestStore};

fn everywhere(test: impl Fn(&TestStore, &Client)) {
    on_tables(include_str!("../../fixtures/documents/yaml.sql"), "yaml.toml", test);
}

#[test]
fn settings_are_read_and_found() {
    everywhere(|_, client| {
        let ann = user(client, "ann");
        for (attribute, expect) in [
            ("timezone", json!("Europe/Berlin")),
            ("locale", json!("up")),
            ("title", json!("Ann\n  Lee\n")),
            ("nickName", Json::Null),
            ("roles", json!([{ "value": "alpha" }, { "value": "two words" }])),
            ("entitlements", json!([{ "value": "a.org" }, { "value": "b.org" }])),
        ] {
            assert_eq!(ann[attribute], expect, "{attribute}");
        }
        assert_eq!(user(client, "dan")["timezone"], Json::Null, "no YAML");
        for (filter, expect) in [
            ("timezone eq \"europe/berlin\"", &["ann"][..]),
            ("locale eq \"up\"", &["ann"]),
            ("roles.value eq \"two words\"", &["ann"]),
            ("not (timezone pr)", &["bob", "cid", "dan"]),
        ] {
            assert_eq!(find(client, filter), expect, "{filter}");
        }
    });
}

#[test]
fn a_change_leaves_every_other_byte() {
    everywhere(|store, client| {
        let before = stored(store, "ann", "settings").unwrap();
        let ann = path(client, "ann");
        patch(
            client,
            &ann,
            json!([
                { "op": "replace", "path": "timezone", "value": "UTC: \"0\"" },
                { "op": "replace", "path": "locale", "value": "down" },
                { "op": "add", "path": "nickName", "value": "yes" },
                { "op": "remove", "path": "roles[value eq \"alpha\"]" },
                { "op": "add", "path": "roles", "value": [{ "value": "# 3" }] },
            ]),
        );
        let expect = before
            .replace("\"Europe/Berlin\"", "\"UTC: \\\"0\\\"\"")
            .replace(":asc ", ":desc ")
            .replace("      Lee\n", "      Lee\n  nick: 'yes'\n")
            .replace("- alpha\n", "")
            .replace("# long\n", "# long\n- '# 3'\n");
        assert_eq!(stored(store, "ann", "settings").unwrap(), expect);
        let read = user(client, "ann");
        assert_eq!((&read["nickName"], &read["timezone"]), (&json!("yes"), &json!("UTC: \"0\"")));
        // What is as it should be already is not written.
        patch(client, &ann, json!([{ "op": "replace", "path": "nickName", "value": "yes" }]));
        assert_eq!(stored(store, "ann", "settings").unwrap(), expect);
        patch(
            client,
            &ann,
            json!([{ "op": "remove", "path": "roles" }, { "op": "remove", "path": "title" }]),
        );
        let now = stored(store, "ann", "settings").unwrap();
        assert!(now.contains("\nrecent: []\nmail:\n") && !now.contains("signature"), "{now}");
    });
}

#[test]
fn a_first_value_makes_a_document() {
    everywhere(|store, client| {
        for (name, expect) in [("bob", "---\ntime_zone: UTC\n"), ("cid", "---\ntime_zone: UTC\n")] {
            patch(client, &path(client, name), json!([{ "op": "add", "path": "timezone", "value": "UTC" }]));
            assert_eq!(stored(store, name, "settings").unwrap(), expect);
        }
        patch(
            client,
            &path(client, "cid"),
            json!([{ "op": "add", "path": "roles", "value": [{ "value": "x" }] }]),
        );
        assert_eq!(stored(store, "cid", "settings").unwrap(), "---\ntime_zone: UTC\nrecent:\n- x\n");
    });
}

#[test]
fn what_would_change_more_is_refused() {
    everywhere(|store, client| {
        let before = stored(store, "ann", "settings").unwrap();
        let more = json!([{ "op": "add", "path": "entitlements", "value": [{ "value": "c.org" }] }]);
        let answer = client.patch(&path(client, "ann"), more);
        assert_eq!((answer.status, &answer.json["scimType"]), (400, &json!("invalidValue")), "{answer}");
        assert!(answer.json["detail"].as_str().unwrap().contains("anchor"), "{answer}");
        assert_eq!(stored(store, "ann", "settings").unwrap(), before);
        let zone = json!([{ "op": "add", "path": "timezone", "value": "UTC" }]);
        let answer = client.patch(&path(client, "dan"), zone);
        assert_eq!(answer.status, 409, "{answer}");
        assert_eq!(stored(store, "dan", "settings").unwrap(), "a: [");
    });
}
