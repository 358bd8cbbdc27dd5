//! Mutability, returned, uniqueness, required and canonical values hold for attributes of a type of one's own.

use serde_json::{Value as Json, json};

use super::{DEVICE, INVENTORY, assert_holds, device, everywhere, find, make, path, plain, query, refused};
use crate::support::{Backend, TestStore};

fn stored(store: &TestStore, name: &str, column: &str, attribute: &str) -> Vec<String> {
    match store.backend() {
        Backend::OpenLdap => {
            store.directory().values(&format!("cn={name},ou=devices,dc=example,dc=com"), attribute).unwrap()
        }
        _ => {
            let text = if store.backend() == Backend::MariaDb { "char" } else { "text" };
            let select = format!("select cast({column} as {text}) as v from devices where name = '{name}'");
            store.tables().query(&select).into_iter().flatten().collect()
        }
    }
}

#[test]
fn what_is_immutable_is_set_once() {
    // 7644-3.5.1-c, 7644-3.5.2-e
    everywhere(|_, gateway| {
        let client = gateway.client();
        let made = make(&client, &device("desk", json!({ "size": { "unit": "cm" } })));
        let path = path(&made);
        let patch = |op: &str, name: &str, value: Json| {
            client.patch(&path, json!([{ "op": op, "path": name, "value": value }]))
        };
        // Not set yet: by PATCH, then never again.
        assert_eq!(patch("add", "batch", "B1".into()).json["batch"], "B1");
        assert_eq!(patch("add", "size.origin", "NL".into()).json["size"]["origin"], "NL");
        let before = client.get(&path).json;
        for answer in [
            patch("replace", "batch", "B2".into()),
            patch("add", "batch", "B2".into()),
            patch("remove", "batch", Json::Null),
            patch("replace", "size.origin", "BE".into()),
            patch("remove", "size.origin", Json::Null),
            patch("replace", "serialNumber", "SN-other".into()),
            // With case: it is another number.
            patch("replace", "serialNumber", "sn-desk".into()),
            client.put(&path, &device("desk", json!({ "batch": "B2", "size": { "unit": "cm" } }))),
            client.put(&path, &device("desk", json!({ "serialNumber": "other" }))),
        ] {
            refused(&answer, 400, "mutability");
        }
        assert_eq!(client.get(&path).json, before, "nothing was changed");
        assert_eq!(patch("replace", "batch", "b1".into()).status, 200, "the same without case");
        // Left out it stays.
        let put = client.put(&path, &device("desk", json!({ "size": { "unit": "in" } })));
        assert_eq!(put.status, 200, "{put}");
        assert_holds(&put.json, json!({ "batch": "B1", "size": { "unit": "in", "origin": "NL" } }));
    });
}

#[test]
fn an_immutable_list_of_references_is_set_once() {
    // 7644-3.5.2-e
    everywhere(|store, gateway| {
        let client = gateway.client();
        let (one, two) = (make(&client, &plain("one")).id(), make(&client, &plain("two")).id());
        let path = path(&make(&client, &plain("desk")));
        let patch = |op: &str, id: &str| {
            client.patch(&path, json!([{ "op": op, "path": "peers", "value": [{ "value": id }] }]))
        };
        let set = patch("add", &one);
        assert_holds(&set.json, json!({ "peers": [{ "value": one }] }));
        let before = store.dump();
        for answer in [
            patch("add", &two),
            patch("replace", &two),
            patch("remove", &one),
            client.patch(&path, json!([{ "op": "remove", "path": format!("peers[value eq \"{one}\"]") }])),
            client.put(&path, &device("desk", json!({ "peers": [{ "value": two }] }))),
        ] {
            refused(&answer, 400, "mutability");
        }
        assert_eq!(patch("add", &one).status, 200, "it is there already");
        assert_eq!(store.dump(), before);
    });
}

#[test]
fn what_is_read_only_is_ignored_or_refused() {
    // 7644-3.3-a, 7644-3.5.1-d, 7644-3.5.2-e
    everywhere(|store, gateway| {
        let client = gateway.client();
        let mine = json!({ "assetNumber": "mine", "size": { "unit": "cm", "checksum": "mine" } });
        let made = make(&client, &device("desk", mine.clone()));
        let path = path(&made);
        let number = made.json["assetNumber"].clone();
        assert!(number.is_string() && number != "mine", "{made}");
        assert_eq!(made.json["size"]["checksum"], "C-cm");
        let put = client.put(&path, &device("desk", mine));
        assert_eq!(put.status, 200, "{put}");
        assert_holds(&put.json, json!({ "assetNumber": number, "size": { "checksum": "C-cm" } }));
        for name in ["assetNumber", "size.checksum", "meta.version", "id"] {
            for op in ["add", "replace", "remove"] {
                let answer = client.patch(&path, json!([{ "op": op, "path": name, "value": "x" }]));
                refused(&answer, 400, "mutability");
            }
        }
        assert_eq!(stored(store, "desk", "asset_number", "deviceAssetNumber"), [number.as_str().unwrap()]);
        assert_eq!(find(&client, &format!("assetNumber eq {number}")), ["desk"]);
    });
}

#[test]
fn what_is_write_only_is_never_seen() {
    // 7643-7-ret-b, D-9
    everywhere(|store, gateway| {
        let client = gateway.client();
        let made =
            make(&client, &device("desk", json!({ "secret": "Tr0ub4dor", "pin": 4711, "hint": "Xyzzy" })));
        let path = path(&made);
        let put = client.put(&path, &plain("desk"));
        assert_eq!(
            stored(store, "desk", "secret", "deviceSecret"),
            ["Tr0ub4dor"],
            "PUT without it leaves it"
        );
        assert_eq!(stored(store, "desk", "pin", "devicePin"), ["4711"]);
        let patched = client
            .patch(&path, json!([{ "op": "replace", "value": { "secret": "Sw0rdfish", "pin": 4712 } }]));
        assert_eq!(stored(store, "desk", "secret", "deviceSecret"), ["Sw0rdfish"]);
        assert_eq!(stored(store, "desk", "pin", "devicePin"), ["4712"]);
        let named = client.get(&format!("{path}?attributes=secret,pin,hint,displayName"));
        let listed = client.get("/Things?attributes=secret,pin,hint");
        for answer in [&made, &put, &patched, &client.get(&path), &named, &listed] {
            assert!([200, 201].contains(&answer.status), "{answer}");
            let text = answer.json.to_string();
            for secret in ["Tr0ub4dor", "Sw0rdfish", "4711", "4712", "Xyzzy"] {
                assert!(!text.contains(secret), "{answer}");
            }
        }
        for filter in ["secret eq \"Sw0rdfish\"", "pin gt 1", "hint pr", "not (secret pr)", "hint eq null"] {
            refused(&client.get(&query(filter)), 400, "invalidFilter");
        }
        let removed = client.patch(&path, json!([{ "op": "remove", "path": "secret" }]));
        assert_eq!(removed.status, 200, "{removed}");
        assert!(stored(store, "desk", "secret", "deviceSecret").is_empty());
        assert!(!gateway.log().contains("Sw0rdfish"));
    });
}

#[test]
fn what_is_returned_depends_on_what_is_asked() {
    // 7644-3.9-c, 7644-3.9-d, 7644-3.9-e, 7643-7-ret-a, 7643-7-ret-c
    everywhere(|_, gateway| {
        let client = gateway.client();
        let body = json!({
            "remark": "R", "comment": "C", "size": { "unit": "cm", "height": 1, "whisper": "W" },
            super::extension("Fixed"): { "tag": "T" }, super::extension("Fixed:Deeper"): { "tag": "D" },
        });
        let made = make(&client, &device("desk", body));
        let (fixed, deeper) = (super::extension("Fixed"), super::extension("Fixed:Deeper"));
        let get = |query: &str| client.get(&format!("{}?{query}", path(&made))).json;
        let always = json!({ "serialNumber": "SN-desk", "id": "$any", "schemas": "$any", fixed.as_str(): { "tag": "T" } });
        for (query, there, gone) in [
            (
                "",
                json!({ "comment": "C", "size": { "unit": "cm", "height": 1, "whisper": null } }),
                &["remark", &deeper][..],
            ),
            ("attributes=remark", json!({ "remark": "R" }), &["comment", "size", &deeper]),
            ("attributes=displayName", json!({ "displayName": "desk" }), &["comment", "remark", INVENTORY]),
            (
                "attributes=size.whisper",
                json!({ "size": { "unit": "cm", "whisper": "W", "height": null } }),
                &["remark"],
            ),
            (
                "attributes=size",
                json!({ "size": { "unit": "cm", "whisper": null, "height": 1 } }),
                &["remark"],
            ),
            (
                "excludedAttributes=serialNumber,comment,size.unit",
                json!({ "size": { "unit": "cm" } }),
                &["comment", "remark"],
            ),
            (&format!("excludedAttributes={fixed}"), json!({ "comment": "C" }), &["remark"]),
            (
                &format!("attributes={deeper}:tag"),
                json!({ deeper.as_str(): { "tag": "D" } }),
                &["comment", INVENTORY],
            ),
        ] {
            let answer = get(query);
            assert_holds(&answer, always.clone());
            assert_holds(&answer, there);
            for name in gone {
                assert_eq!(answer.get(*name), None, "{query}: {answer}");
            }
        }
        // It can be asked for in a filter, though it is not shown.
        assert_eq!(find(&client, "remark eq \"r\""), ["desk"]);
    });
}

#[test]
fn what_is_unique_is_claimed_once() {
    // 7644-3.3-e, 7644-3.5.1-h, 7644-3.5.2-l
    everywhere(|store, gateway| {
        let client = gateway.client();
        make(&client, &device("desk", json!({ "place": 7 })));
        let before = store.dump();
        for twin in [
            json!({ "displayName": "DESK", "serialNumber": "other" }),
            json!({ "displayName": "lamp", "serialNumber": "SN-desk" }),
            json!({ "displayName": "lamp", "serialNumber": "other", "place": 7 }),
        ] {
            refused(&client.post("/Things", &device("lamp", twin)), 409, "uniqueness");
        }
        assert_eq!(store.dump(), before);
        // Serial numbers differ by case.
        let lamp = make(&client, &device("lamp", json!({ "serialNumber": "sn-DESK", "place": 8 })));
        for value in [json!({ "place": 7 }), json!({ "displayName": "Desk" })] {
            refused(
                &client.patch(&path(&lamp), json!([{ "op": "replace", "value": value }])),
                409,
                "uniqueness",
            );
        }
        let put = device("lamp", json!({ "serialNumber": "sn-DESK", "place": 7 }));
        refused(&client.put(&path(&lamp), &put), 409, "uniqueness");
        assert_eq!(
            client
                .patch(&path(&lamp), json!([{ "op": "replace", "path": "displayName", "value": "LAMP" }]))
                .status,
            200
        );
        // Two at once: one of them.
        let answers: Vec<u16> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|n| {
                    let client = client.clone();
                    scope.spawn(move || {
                        client.post("/Things", &device(&format!("n{n}"), json!({ "place": 99 }))).status
                    })
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert_eq!(answers.iter().filter(|s| **s == 201).count(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|s| **s == 409).count(), 3, "{answers:?}");
    });
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_written() {
    // 7644-3.3-g, 7644-3.5.1-e, 7643-2.3.1-a, 7643-2.3.2-a, 7643-2.3.3-a, 7643-2.3.5-a, 7643-2.3.6-a
    everywhere(|store, gateway| {
        let client = gateway.client();
        let made = make(
            &client,
            &device("desk", json!({ "model": "LAPTOP", "colour": "any", "size": { "unit": "cm" } })),
        );
        assert_holds(&made.json, json!({ "model": "laptop", "colour": "any" }));
        let before = store.dump();
        let bad = [
            json!({ "displayName": null }),
            json!({ "displayName": "" }),
            json!({ "model": "toaster" }),
            json!({ "inUse": 1 }),
            json!({ "ports": 1.5 }),
            json!({ "ports": 1e2 }),
            json!({ "ports": "1" }),
            json!({ "place": 9_223_372_036_854_775_808_u64 }),
            json!({ "weight": "1.5" }),
            json!({ "boughtAt": "2026-01-31" }),
            json!({ "boughtAt": "2026-02-30T00:00:00Z" }),
            json!({ "boughtAt": 5 }),
            json!({ "image": "not base64" }),
            json!({ "homepage": 5 }),
            json!({ "replaces": "https://elsewhere.example/scim/v2/Things/1" }),
            json!({ "replaces": "../Things/none" }),
            json!({ "replaces": format!("../Users/{}", made.id()) }),
            json!({ "related": [format!("{}/scim/v2/Things/none", gateway.address())] }),
            json!({ "holder": { "value": "none" } }),
            json!({ "site": { "value": made.id() } }),
            json!({ "tags": [1] }),
            json!({ "channels": [1, 2.5] }),
            json!({ "flags": [1] }),
            json!({ "services": ["yesterday"] }),
            json!({ "size": { "height": 1 } }),
            json!({ "size": [1] }),
            json!({ "size": { "unit": "cm", "stamp": "*" } }),
            json!({ "parts": [{ "type": "main", "count": 1 }] }),
            json!({ "parts": [{ "value": "x", "type": "main", "hot": "perhaps" }] }),
            json!({ INVENTORY: { "owner": null } }),
            json!({ INVENTORY: { "owner": "Lee", "value": true } }),
        ];
        for part in bad {
            let mut body = device("lamp", json!({}));
            body.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
            refused(&client.post("/Things", &body), 400, "invalidValue");
            body["displayName"] = part.get("displayName").cloned().unwrap_or_else(|| "desk".into());
            body["serialNumber"] = "SN-desk".into();
            refused(&client.put(&path(&made), &body), 400, "invalidValue");
            let patch = client.patch(&path(&made), json!([{ "op": "replace", "value": part }]));
            // What it has already it keeps: these change only a part of it.
            let is_merge = part == json!({ "size": { "height": 1 } });
            if is_merge {
                assert_eq!(patch.status, 200, "{patch}");
                let undo = client.patch(&path(&made), json!([{ "op": "remove", "path": "size.height" }]));
                assert_eq!(undo.status, 200, "{undo}");
            } else {
                assert_eq!(patch.status, 400, "{part}: {patch}");
            }
        }
        assert_eq!(without_times(store.dump()), without_times(before));
        for name in ["displayName", "serialNumber", "size.unit", INVENTORY] {
            let answer = client.patch(&path(&made), json!([{ "op": "remove", "path": name }]));
            refused(&answer, 400, "mutability");
        }
        refused(
            &client.post("/Things", &json!({ "schemas": [DEVICE], "displayName": "x" })),
            400,
            "invalidValue",
        );
    });
}

/// A directory notes when an entry was changed, and by which change.
fn without_times(dump: Vec<String>) -> Vec<String> {
    let volatile = ["modifyTimestamp", "entryCSN", "contextCSN", "pwd"];
    dump.into_iter()
        .map(|line| {
            let parts = line.split("(\"").filter(|part| !volatile.iter().any(|v| part.starts_with(v)));
            parts.collect::<Vec<_>>().join("(\"")
        })
        .collect()
}
