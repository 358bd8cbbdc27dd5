//! Filters on values of every data type find the same in front of every store.

use serde_json::json;

use super::{device, everywhere, find, make, plain, query, refused};

#[test]
fn every_operator_on_every_data_type() {
    // 7644-3.4.2.2-e, 7644-3.4.2.2-f, 7644-3.4.2.2-g, 7644-3.4.2.2-k, D-1, 7643-2.3.6-a
    everywhere(|_, gateway| {
        let client = gateway.client();
        let zero = make(&client, &plain("zero"));
        let uri = format!("{}/scim/v2/Things/{}", gateway.address(), zero.id());
        let user = client.post("/Users", &json!({ "userName": "ann", "displayName": "Ann Lee" })).id();
        make(
            &client,
            &device(
                "one",
                json!({
                    "comment": "Straße 50%", "mark": "Aa", "inUse": true, "ports": 9, "weight": 9.5, "place": 9_007_199_254_740_993_i64,
                    "boughtAt": "2026-01-31T08:00:00Z", "image": "AAE=", "homepage": "https://x.example/A", "replaces": uri,
                    "tags": ["red", "Blue"], "flags": [true], "channels": [1, 20], "readings": [9.5], "keys": ["AAE="],
                    "services": ["2026-01-31T08:00:00Z", "2027-01-31T08:00:00Z"], "links": ["https://x.example/1"], "related": [uri],
                    "holder": { "value": user }, "size": { "unit": "cm", "height": 9, "depth": 9.5, "exact": true },
                    "parts": [
                        { "type": "main", "value": "engine", "count": 9, "hot": true, "since": "2026-01-31T08:00:00Z", "code": "AAE=" },
                        { "type": "spare", "value": "wheel", "count": 1, "load": 0.5 },
                    ],
                }),
            ),
        );
        make(
            &client,
            &device(
                "two",
                json!({
                    "comment": "strasse", "mark": "aa", "inUse": false, "ports": 10, "weight": 10, "place": 9_007_199_254_740_992_i64,
                    "boughtAt": "2026-01-31T08:00:01Z", "image": "AAI=", "homepage": "https://x.example/a", "replaces": uri,
                    "tags": ["green"], "flags": [false], "channels": [10], "readings": [10, -1], "keys": ["/w==", "AAI="],
                    "services": ["2025-01-31T08:00:00Z"], "links": ["https://x.example/2"],
                    "size": { "unit": "in", "height": 10, "depth": 10, "exact": false },
                    "parts": [{ "type": "main", "value": "Wheel", "count": 10, "load": 10 }],
                }),
            ),
        );
        let all: &[&str] = &["one", "two", "zero"];
        let cases: Vec<(String, &[&str])> = vec![
            // string
            ("comment eq \"STRASSE 50%\"".into(), &[]),
            ("comment eq \"straße 50%\"".into(), &["one"]),
            ("comment co \"0%\"".into(), &["one"]),
            ("comment sw \"STR\"".into(), &["one", "two"]),
            ("comment ew \"SSE\"".into(), &["two"]),
            ("comment gt \"strasse\"".into(), &["one"]),
            ("comment ne \"strasse\"".into(), &["one", "zero"]),
            ("not (comment pr)".into(), &["zero"]),
            ("comment eq null".into(), &["zero"]),
            ("mark eq \"aa\"".into(), &["two"]),
            ("mark sw \"A\"".into(), &["one"]),
            ("mark lt \"a\"".into(), &["one"]),
            ("serialNumber eq \"sn-one\"".into(), &[]),
            ("displayName eq \"ONE\"".into(), &["one"]),
            // boolean
            ("inUse eq true".into(), &["one"]),
            ("inUse eq false".into(), &["two"]),
            ("inUse ne true".into(), &["two", "zero"]),
            ("inUse pr".into(), &["one", "two"]),
            ("inUse eq \"True\"".into(), &["one"]),
            // integer and decimal: by value, not as text
            ("ports eq 9".into(), &["one"]),
            ("ports eq 9.0".into(), &["one"]),
            ("ports eq 9.5".into(), &[]),
            ("ports gt 9".into(), &["two"]),
            ("ports gt 9.5".into(), &["two"]),
            ("ports ge 9".into(), &["one", "two"]),
            ("ports lt 10".into(), &["one"]),
            ("ports le 10".into(), &["one", "two"]),
            ("ports ne 9".into(), &["two", "zero"]),
            ("place eq 9007199254740993".into(), &["one"]),
            ("place gt 9007199254740992".into(), &["one"]),
            ("weight eq 9.5".into(), &["one"]),
            ("weight eq 10".into(), &["two"]),
            ("weight eq 10.00".into(), &["two"]),
            ("weight gt 9.5".into(), &["two"]),
            ("weight lt 10".into(), &["one"]),
            ("weight pr".into(), &["one", "two"]),
            // dateTime: instants
            ("boughtAt eq \"2026-01-31T09:00:00+01:00\"".into(), &["one"]),
            ("boughtAt gt \"2026-01-31T08:00:00Z\"".into(), &["two"]),
            ("boughtAt ge \"2026-01-31T08:00:00Z\"".into(), &["one", "two"]),
            ("boughtAt lt \"2026-01-31T03:00:01-05:00\"".into(), &["one"]),
            ("boughtAt le \"2026-01-31T08:00:00.999Z\"".into(), &["one"]),
            ("boughtAt ne \"2026-01-31T08:00:00Z\"".into(), &["two", "zero"]),
            // binary: bytes
            ("image eq \"AAE\"".into(), &["one"]),
            ("image ne \"AAE=\"".into(), &["two", "zero"]),
            ("image pr".into(), &["one", "two"]),
            // references
            ("homepage eq \"https://x.example/a\"".into(), &["two"]),
            ("homepage sw \"https://x.example/\"".into(), &["one", "two"]),
            ("homepage co \"/A\"".into(), &["one"]),
            (format!("replaces eq \"{uri}\""), &["one", "two"]),
            (format!("replaces eq \"../Things/{}\"", zero.id()), &["one", "two"]),
            (format!("related eq \"{uri}\""), &["one"]),
            ("replaces eq \"../Things/none\"".into(), &[]),
            ("replaces co \"/Things/\"".into(), &["one", "two"]),
            ("not (replaces pr)".into(), &["zero"]),
            (format!("holder.value eq \"{user}\""), &["one"]),
            (format!("holder eq \"{user}\""), &["one"]),
            ("holder.display sw \"ann\"".into(), &["one"]),
            ("holder pr".into(), &["one"]),
            // lists
            ("tags eq \"BLUE\"".into(), &["one"]),
            ("tags co \"r\"".into(), &["one", "two"]),
            ("tags sw \"g\"".into(), &["two"]),
            ("tags pr".into(), &["one", "two"]),
            ("not (tags eq \"red\")".into(), &["two", "zero"]),
            ("flags eq true".into(), &["one"]),
            ("channels eq 20".into(), &["one"]),
            ("channels gt 9".into(), &["one", "two"]),
            ("channels lt 2".into(), &["one"]),
            ("readings gt 9.5".into(), &["two"]),
            ("readings eq -1".into(), &["two"]),
            ("services ge \"2027-01-01T00:00:00Z\"".into(), &["one"]),
            ("services eq \"2025-01-31T08:00:00Z\"".into(), &["two"]),
            ("keys eq \"/w\"".into(), &["two"]),
            ("links eq \"https://x.example/1\"".into(), &["one"]),
            // complex
            ("size.height gt 9".into(), &["two"]),
            ("size.depth le 9.5".into(), &["one"]),
            ("size.unit eq \"CM\"".into(), &["one"]),
            ("size.exact eq false".into(), &["two"]),
            ("size[unit eq \"in\" and height ge 10]".into(), &["two"]),
            ("size pr".into(), &["one", "two"]),
            ("parts[type eq \"main\" and count gt 9]".into(), &["two"]),
            ("parts[type eq \"spare\" and count gt 1]".into(), &[]),
            ("parts.type eq \"spare\" and parts.count gt 1".into(), &["one"]),
            ("parts eq \"WHEEL\"".into(), &["one", "two"]),
            ("parts[value eq \"wheel\" and not (load gt 1)]".into(), &["one"]),
            ("parts.load lt 1".into(), &["one"]),
            ("parts.since le \"2026-01-31T08:00:00Z\"".into(), &["one"]),
            ("parts.code eq \"AAE=\"".into(), &["one"]),
            ("parts[hot eq true]".into(), &["one"]),
            // all together
            ("id pr".into(), all),
            ("ports gt 9 or weight eq 9.5".into(), &["one", "two"]),
            ("urn:example:params:scim:schemas:core:2.0:Device:ports eq 9".into(), &["one"]),
            ("schemas eq \"urn:example:params:scim:schemas:extension:2.0:Inventory\"".into(), all),
            ("urn:example:params:scim:schemas:extension:2.0:Inventory:owner eq \"LEE\"".into(), all),
            ("not (urn:example:params:scim:schemas:extension:2.0:Fixed:Deeper:tag pr)".into(), all),
        ];
        let mut wrong = Vec::new();
        for (filter, expected) in cases {
            let found = find(&client, &filter);
            if found != expected {
                wrong.push(format!("{filter}: expected {expected:?}, found {found:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn every_data_type_is_sorted_by_value() {
    // 7644-3.4.2.3-b, 7644-3.4.2.3-d, 7644-3.4.2.3-e
    everywhere(|_, gateway| {
        let client = gateway.client();
        for (name, weight, ports, place, bought, comment, height) in [
            ("a", 9.5, 9, 20, "2026-01-31T09:00:00+02:00", "b", 2),
            ("b", 10.0, 10, 3, "2026-01-31T08:00:00Z", "C", 1),
            ("c", -100.25, -1, -5, "2025-12-31T23:00:00-05:00", "A", 30),
        ] {
            make(
                &client,
                &device(
                    name,
                    json!({
                        "weight": weight, "ports": ports, "place": place, "boughtAt": bought, "comment": comment,
                        "size": { "unit": "cm", "height": height },
                    }),
                ),
            );
        }
        make(&client, &plain("none"));
        let sorted = |by: &str, order: &str| -> Vec<String> {
            let answer = client.get(&format!("/Things?sortBy={by}&sortOrder={order}"));
            assert_eq!(answer.status, 200, "{answer}");
            let all = answer.json["Resources"].as_array().unwrap().clone();
            all.iter().map(|r| r["displayName"].as_str().unwrap().to_owned()).collect()
        };
        for (by, mut expected) in [
            ("weight", ["c", "a", "b", "none"]),
            ("ports", ["c", "a", "b", "none"]),
            ("place", ["c", "b", "a", "none"]),
            ("boughtAt", ["c", "a", "b", "none"]),
            ("comment", ["c", "a", "b", "none"]),
            ("size.height", ["b", "a", "c", "none"]),
        ] {
            assert_eq!(sorted(by, "ascending"), expected, "{by}");
            expected.reverse();
            assert_eq!(sorted(by, "descending"), expected, "{by}");
        }
    });
}

#[test]
fn operators_that_a_type_does_not_know_are_refused() {
    // 7644-3.4.2.2-d, 7643-2.3.6-a
    everywhere(|_, gateway| {
        let client = gateway.client();
        for filter in [
            "inUse gt true",
            "inUse le false",
            "inUse co \"t\"",
            "inUse sw \"t\"",
            "inUse eq 1",
            "image gt \"AAE=\"",
            "image lt \"AAE=\"",
            "image co \"AA\"",
            "image ew \"=\"",
            "image eq \"*\"",
            "ports co 1",
            "ports sw \"1\"",
            "ports eq \"many\"",
            "weight ew 5",
            "weight eq true",
            "boughtAt co \"2026\"",
            "boughtAt sw \"2026\"",
            "boughtAt eq \"2026\"",
            "boughtAt gt \"2026-01-31\"",
            "flags gt true",
            "keys ge \"AA==\"",
            "channels co 1",
            "services ew \"Z\"",
            "size eq \"cm\"",
            "size gt 1",
            "size.nothing eq 1",
            "parts.code gt \"AA==\"",
            "parts[hot gt true]",
            "tags[value eq \"x\"]",
            "nothing eq 1",
            "urn:example:nothing:x eq 1",
            "ports gt null",
        ] {
            refused(&client.get(&query(filter)), 400, "invalidFilter");
        }
    });
}
