//! Values of every data type are created, read, changed and cleared.

use serde_json::{Value as Json, json};

use super::{
    DEVICE, INVENTORY, assert_holds, device, everywhere, extension, find, make, path, plain, refused,
};
use crate::support::{Backend, Client, Gateway, TestStore};

/// A site and a user to point at: their ids.
fn targets(client: &Client) -> (String, String) {
    let site = client.post("/Sites", &json!({ "displayName": "Attic" }));
    let user = client.post("/Users", &json!({ "userName": "ann", "displayName": "Ann Lee" }));
    assert_eq!((site.status, user.status), (201, 201), "{site} {user}");
    (site.id(), user.id())
}

/// Everything that a client can set, in canonical spelling.
fn full(gateway: &Gateway, other: &str, (site, user): &(String, String)) -> Json {
    let uri = format!("{}/scim/v2/Things/{other}", gateway.address());
    device(
        "desk",
        json!({
            "comment": "Zoë's, *new* (50%)", "mark": "Aa", "inUse": false, "ports": -7, "weight": 12.5,
            "boughtAt": "2026-01-31T08:00:00Z", "image": "/wD+", "homepage": "https://x.example/a?b=c",
            "manual": "urn:example:book", "replaces": uri,
            "tags": ["red", "Blue"], "marks": ["a", "A"], "flags": [true, false],
            "channels": [1, 9_007_199_254_740_993_i64], "readings": [0.25, 5.0, -1.5],
            "services": ["2026-01-31T08:00:00Z", "2025-12-01T00:00:00Z"], "keys": ["AAE=", "/////w=="],
            "links": ["https://x.example/1", "https://x.example/2"], "related": [uri],
            "batch": "B1", "place": 12, "model": "Printer", "colour": "green",
            "size": { "unit": "cm", "height": 3, "depth": 1.25, "exact": true, "measuredAt": "2026-02-01T00:00:00Z",
                      "drawing": "https://x.example/d", "stamp": "AQI=", "origin": "NL" },
            "holder": { "value": user }, "site": { "value": site },
            "parts": [
                { "type": "main", "value": "engine", "primary": true, "count": 2, "load": 7.5, "hot": true,
                  "since": "2026-03-01T00:00:00Z", "sheet": "https://x.example/s", "code": "AQI=", "maker": "M" },
                { "type": "spare", "value": "wheel", "primary": false, "hot": false },
            ],
            INVENTORY: { "owner": "Lee", "value": 99.95 },
        }),
    )
}

#[test]
fn a_device_with_everything_lives_and_goes() {
    // 7643-2.3.2-a, 7643-2.3.3-a, 7643-2.3.5-a, 7643-2.3.6-a, 7643-2.3.7-a, 7643-2.3.8-a, 7643-2.4-a, 7644-3.3-d
    everywhere(|store, gateway| {
        let client = gateway.client();
        let other = make(&client, &plain("other"));
        let ids = targets(&client);
        let body = full(gateway, &other.id(), &ids);
        let made = make(&client, &body);
        let mut expected = body.clone();
        expected["schemas"] = json!([DEVICE, INVENTORY]);
        expected["size"]["checksum"] = "C-cm".into();
        expected["assetNumber"] = "$any".into();
        expected["holder"]["display"] = "Ann Lee".into();
        expected["holder"]["$ref"] = format!("{}/scim/v2/Users/{}", gateway.address(), ids.1).into();
        expected["site"]["display"] = "Attic".into();
        expected["meta"] = json!({ "resourceType": "Device", "location": "$any" });
        assert_holds(&made.json, expected.clone());
        let read = client.get(&path(&made));
        assert_holds(&read.json, expected.clone());
        assert_eq!(read.json["weight"].to_string(), "12.5");
        assert_eq!(read.json["readings"].as_array().unwrap().len(), 3);
        assert!(read.json["readings"].to_string().contains("5.0"), "a decimal has a point: {read}");
        assert_stored(store);
        // A reference to a resource can be read.
        let uri = read.json["replaces"].as_str().unwrap();
        assert_eq!(client.get(uri.rsplit_once("/scim/v2").unwrap().1).json["displayName"], "other");

        // What is put as it was read changes nothing.
        let put = client.put(&path(&made), &read.json);
        assert_eq!(put.status, 200, "{put}");
        assert_holds(&put.json, expected);
        assert_eq!(put.json["meta"]["version"], read.json["meta"]["version"], "{put}");

        // What is not put goes; what clients cannot see, or cannot change, stays.
        let put = client.put(&path(&made), &plain("desk"));
        assert_eq!(put.status, 200, "{put}");
        for gone in [
            "comment", "mark", "inUse", "ports", "weight", "boughtAt", "image", "homepage", "manual",
            "replaces", "tags", "marks", "flags", "channels", "readings", "services", "keys", "links",
            "related", "place", "model", "colour", "holder", "site", "parts",
        ] {
            assert_eq!(put.json.get(gone), None, "{gone} in {put}");
        }
        assert_eq!(put.json["batch"], "B1");
        assert_eq!(put.json["assetNumber"], read.json["assetNumber"]);
        assert_eq!(client.delete(&path(&made)).status, 204);
        assert_eq!(client.get(&path(&made)).status, 404);
        assert_eq!(find(&client, "serialNumber pr"), ["other"]);
    });
}

/// The device lies in the store as other programs expect it.
fn assert_stored(store: &TestStore) {
    if store.backend() == Backend::OpenLdap {
        let dn = "cn=desk,ou=devices,dc=example,dc=com";
        let values = |name: &str| store.directory().values(dn, name).unwrap();
        assert_eq!(values("deviceInUse"), ["FALSE"]);
        assert_eq!(values("devicePorts"), ["-7"]);
        assert_eq!(values("deviceBoughtAt"), ["20260131080000Z"]);
        assert_eq!(values("deviceReadings"), ["-1.5", "0.25", "5"]);
        assert_eq!(values("deviceFlags"), ["FALSE", "TRUE"]);
        assert_eq!(values("deviceSite"), ["ou=Attic,ou=sites,dc=example,dc=com"]);
        assert_eq!(values("deviceReplaces"), ["cn=other,ou=devices,dc=example,dc=com"]);
        return;
    }
    let one =
        |select: &str| store.tables().query(&format!("select {select}")).pop().flatten().unwrap_or_default();
    assert_eq!(one("cast(ports as char(2)) as v from devices where name = 'desk'"), "-7");
    assert_eq!(
        one("name as v from devices d where exists (select 1 from devices e where e.replaces_id = d.id)"),
        "other"
    );
    assert_eq!(one("case when in_use then 'yes' else 'no' end as v from devices where name = 'desk'"), "no");
    assert_eq!(
        one("case when weight = 12.5 then 'same' else 'other' end as v from devices where name = 'desk'"),
        "same"
    );
    assert_eq!(
        one(
            "case when count(*) = 3 and sum(v) = 3.75 then 'same' else 'other' end as v from device_readings"
        ),
        "same"
    );
    assert_eq!(
        one("case when length(image) = 3 then 'bytes' else 'text' end as v from devices where name = 'desk'"),
        "bytes"
    );
}

#[test]
fn values_come_in_many_spellings_and_leave_in_one() {
    // 7643-2.3.3-a, 7643-2.3.5-a, 7643-2.3.6-a, 7643-2.3.7-a, 7643-2.1-a, 7643-2.4-b
    everywhere(|_, gateway| {
        let client = gateway.client();
        let other = make(&client, &plain("other"));
        let made = make(
            &client,
            &device(
                "desk",
                json!({
                    "BOUGHTAT": "2026-01-31T09:30:00+01:30", "image": "_wD-", "weight": 5, "place": 9_223_372_036_854_775_807_i64,
                    "services": ["2026-01-31T03:00:00-05:00", "2026-01-31T08:00:00Z"], "readings": [5, 5.0],
                    "keys": ["AAE", "AAE="], "related": [format!("../Things/{}", other.id())], "Tags": ["x", "X"],
                }),
            ),
        );
        let uri = format!("{}/scim/v2/Things/{}", gateway.address(), other.id());
        let expected = json!({
            "boughtAt": "2026-01-31T08:00:00Z", "image": "/wD+", "weight": 5.0, "place": 9_223_372_036_854_775_807_i64,
            "services": ["2026-01-31T08:00:00Z"], "readings": [5.0], "keys": ["AAE="], "related": [uri], "tags": ["x"],
        });
        assert_holds(&made.json, expected.clone());
        let again = client.patch(
            &path(&made),
            json!([{ "op": "replace", "value": {
            "boughtAt": "2026-01-31T10:00:00+02:00", "weight": 5, "image": "_wD-",
            "services": ["2026-01-31T09:00:00+01:00"], "related": [format!("/scim/v2/Things/{}", other.id())],
        } }]),
        );
        assert_eq!(again.status, 200, "{again}");
        assert_holds(&again.json, expected);
        assert_eq!(again.json["meta"]["version"], made.json["meta"]["version"], "nothing was written");
    });
}

#[test]
fn numbers_that_the_store_cannot_hold_are_refused() {
    // 7643-2.3.3-a
    everywhere(|store, gateway| {
        let client = gateway.client();
        let made =
            make(&client, &device("desk", json!({ "ports": 2_147_483_647, "weight": 123_456_789.25 })));
        assert_holds(&made.json, json!({ "ports": 2_147_483_647, "weight": 123_456_789.25 }));
        let large = client
            .patch(&path(&made), json!([{ "op": "replace", "path": "ports", "value": 2_147_483_648_i64 }]));
        match store.backend() {
            Backend::Postgres | Backend::MariaDb => refused(&large, 400, "invalidValue"),
            _ => {
                assert_eq!(large.json["ports"], 2_147_483_648_i64, "{large}")
            }
        }
    });
}

#[test]
fn every_attribute_is_patched_by_every_operation() {
    // 7644-3.5.2-f, 7644-3.5.2-k
    everywhere(|_, gateway| {
        let client = gateway.client();
        let other = make(&client, &plain("other"));
        let uri = format!("{}/scim/v2/Things/{}", gateway.address(), other.id());
        let ids = targets(&client);
        let made = make(&client, &plain("desk"));
        let path = path(&made);
        let patch = |operations: Json| {
            let answer = client.patch(&path, operations.clone());
            assert_eq!(answer.status, 200, "{operations}: {answer}");
            answer.json
        };
        let singles = [
            ("comment", json!("a"), json!("b")),
            ("mark", json!("a"), json!("A")),
            ("inUse", json!(true), json!(false)),
            ("ports", json!(1), json!(-2)),
            ("weight", json!(1.5), json!(0.001)),
            ("boughtAt", json!("2026-01-31T08:00:00Z"), json!("2026-01-31T08:00:01Z")),
            ("image", json!("AAE="), json!("/w==")),
            ("homepage", json!("https://x.example/"), json!("https://x.example/A")),
            ("manual", json!("urn:example:1"), json!("urn:example:2")),
            ("replaces", json!(uri), json!(format!("{}/scim/v2/Things/{}", gateway.address(), made.id()))),
            ("place", json!(1), json!(2)),
            ("size.height", json!(1), json!(2)),
            ("size.depth", json!(1.5), json!(2.5)),
            ("size.exact", json!(true), json!(false)),
            ("size.measuredAt", json!("2026-01-31T08:00:00Z"), json!("2027-01-31T08:00:00Z")),
            ("size.stamp", json!("AAE="), json!("AAI=")),
        ];
        patch(json!([{ "op": "add", "path": "size.unit", "value": "cm" }]));
        for (name, first, second) in singles {
            let pointer = format!("/{}", name.replace('.', "/"));
            for (op, value) in [("add", &first), ("replace", &second), ("add", &first)] {
                let answer = patch(json!([{ "op": op, "path": name, "value": value }]));
                assert_eq!(answer.pointer(&pointer), Some(value), "{op} {name}");
            }
            let answer = patch(json!([{ "op": "remove", "path": name }]));
            assert_eq!(answer.pointer(&pointer), None, "remove {name}");
        }
        let lists = [
            ("tags", json!("a"), json!("b")),
            ("marks", json!("a"), json!("A")),
            ("flags", json!(true), json!(false)),
            ("channels", json!(1), json!(2)),
            ("readings", json!(1.5), json!(2.25)),
            ("services", json!("2026-01-31T08:00:00Z"), json!("2027-01-31T08:00:00Z")),
            ("keys", json!("AAE="), json!("/w==")),
            ("links", json!("https://x.example/a"), json!("https://x.example/A")),
            ("related", json!(uri), json!(format!("{}/scim/v2/Things/{}", gateway.address(), made.id()))),
        ];
        for (name, first, second) in lists {
            let answer = patch(json!([{ "op": "add", "path": name, "value": [first] }]));
            assert_holds(&answer, json!({ name: [first] }));
            let answer = patch(json!([{ "op": "add", "path": name, "value": [first, second] }]));
            assert_holds(&answer, json!({ name: [first, second] }));
            let answer = patch(json!([{ "op": "replace", "path": name, "value": [second] }]));
            assert_holds(&answer, json!({ name: [second] }));
            let answer = patch(json!([{ "op": "add", "path": name, "value": first }]));
            assert_holds(&answer, json!({ name: [first, second] }));
            let answer = patch(json!([{ "op": "remove", "path": name, "value": [second] }]));
            assert_holds(&answer, json!({ name: [first] }));
            let answer = patch(json!([{ "op": "remove", "path": name }]));
            assert_holds(&answer, json!({ name: null }));
        }
        for (name, id) in [("site", &ids.0), ("holder", &ids.1)] {
            let answer = patch(json!([{ "op": "add", "path": name, "value": { "value": id } }]));
            assert_holds(&answer, json!({ name: { "value": id, "$ref": "$any", "display": "$any" } }));
            let answer = patch(json!([{ "op": "remove", "path": name }]));
            assert_holds(&answer, json!({ name: null }));
        }
    });
}

#[test]
fn elements_of_complex_lists_are_patched_one_by_one() {
    // 7644-3.5.2-i, 7643-2.4-a
    everywhere(|_, gateway| {
        let client = gateway.client();
        let made = make(
            &client,
            &device("desk", json!({ "parts": [{ "type": "main", "value": "engine", "count": 2 }] })),
        );
        let patch = |operations: Json| {
            let answer = client.patch(&path(&made), operations.clone());
            assert_eq!(answer.status, 200, "{operations}: {answer}");
            answer.json
        };
        let answer = patch(json!([
            { "op": "add", "path": "parts", "value": [{ "type": "spare", "value": "wheel", "load": 2 }] },
            { "op": "replace", "path": "parts[type eq \"main\"].count", "value": 3 },
            { "op": "add", "path": "parts[value eq \"WHEEL\"].since", "value": "2026-01-31T09:00:00+01:00" },
            { "op": "add", "path": "parts[load ge 2].hot", "value": true },
        ]));
        assert_holds(
            &answer,
            json!({ "parts": [
            { "type": "main", "value": "engine", "count": 3 },
            { "type": "spare", "value": "wheel", "load": 2.0, "hot": true, "since": "2026-01-31T08:00:00Z" },
        ] }),
        );
        let answer = patch(json!([
            { "op": "remove", "path": "parts[since lt \"2026-01-31T08:00:01Z\"].load" },
            { "op": "remove", "path": "parts[count gt 2]" },
        ]));
        assert_holds(
            &answer,
            json!({ "parts": [{ "type": "spare", "value": "wheel", "load": null, "hot": true }] }),
        );
    });
}

#[test]
fn extension_values_of_every_type_come_and_go() {
    // 7643-3.3-a, 7644-3.5.2-h
    everywhere(|_, gateway| {
        let client = gateway.client();
        let made = make(&client, &plain("desk"));
        let values = [
            ("Note", "text", json!("x")),
            ("Level", "level", json!(-5)),
            ("Ratio", "ratio", json!(0.5)),
            ("Checked", "checked", json!(false)),
            ("Time", "at", json!("2026-01-31T08:00:00Z")),
            ("Blob", "blob", json!("AAE=")),
            ("Url", "url", json!("https://x.example/u")),
            ("Codes", "codes", json!([1, 2])),
            ("Where", "where", json!({ "floor": 2, "room": "B" })),
            ("Fixed", "tag", json!("T")),
        ];
        for (name, attribute, value) in &values {
            let urn = extension(name);
            let add = json!([{ "op": "add", "path": format!("{urn}:{attribute}"), "value": value }]);
            let answer = client.patch(&path(&made), add);
            assert_eq!(answer.status, 200, "{answer}");
            assert_holds(&answer.json, json!({ urn.as_str(): { *attribute: value } }));
            assert!(answer.json["schemas"].as_array().unwrap().contains(&json!(urn)), "{answer}");
        }
        let all = client.get(&path(&made));
        assert_eq!(all.json["schemas"].as_array().unwrap().len(), 2 + values.len(), "{all}");
        for (name, attribute, value) in values.iter().filter(|(name, ..)| *name != "Fixed") {
            let urn = extension(name);
            let filter = match value {
                Json::Array(_) => format!("{urn}:{attribute} eq 2"),
                Json::Object(_) => format!("{urn}:{attribute}.room eq \"b\""),
                one => format!("{urn}:{attribute} eq {one}"),
            };
            assert_eq!(find(&client, &filter), ["desk"], "{filter}");
            let answer =
                client.patch(&path(&made), json!([{ "op": "remove", "path": format!("{urn}:{attribute}") }]));
            assert_eq!(answer.status, 200, "{answer}");
            assert_holds(&answer.json, json!({ urn.as_str(): null }));
            assert!(!answer.json["schemas"].as_array().unwrap().contains(&json!(urn)), "{answer}");
        }
    });
}

#[test]
fn bulk_references_stand_in_every_kind_of_reference() {
    // 7644-3.7.2-a
    everywhere(|_, gateway| {
        let client = gateway.client();
        let post = |id: &str, path: &str, data: Json| json!({ "method": "POST", "bulkId": id, "path": path, "data": data });
        let desk = json!({
            "replaces": "bulkId:old", "related": ["bulkId:old"], "holder": { "value": "bulkId:ann" },
            "peers": [{ "value": "bulkId:old" }],
        });
        let answer = client.post(
            "/Bulk",
            &json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
                "Operations": [
                    post("new", "/Things", device("desk", desk)),
                    post("old", "/Things", plain("old")),
                    post("ann", "/Users", json!({ "userName": "ann" })),
                ],
            }),
        );
        assert_eq!(answer.status, 200, "{answer}");
        let location = |index: usize| {
            answer.json["Operations"][index]["location"].as_str().unwrap_or_default().to_owned()
        };
        let path = |index: usize| location(index).rsplit_once("/scim/v2").unwrap_or_default().1.to_owned();
        let id = |index: usize| location(index).rsplit_once('/').unwrap_or_default().1.to_owned();
        assert_holds(
            &client.get(&path(0)).json,
            json!({
                "replaces": location(1), "related": [location(1)], "holder": { "value": id(2) },
                "peers": [{ "value": id(1) }],
            }),
        );
    });
}
