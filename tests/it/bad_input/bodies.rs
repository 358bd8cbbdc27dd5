//! Bodies: no JSON, no SCIM, wrong types, too deep, too large, of another media type.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use serde_json::{Value as Json, json};
use ureq::http::Method;

use super::{ENTERPRISE, GROUP, NOBODY, USER, everywhere};
use crate::support::{Backend, Gateway, Options, TestStore, unique};

const SCIM: [(&str, &str); 1] = [("content-type", "application/scim+json")];

#[test]
fn what_is_no_json_object_is_refused() {
    // 7644-3.12-a..c: `invalidSyntax`; S-21, S-28
    let deep = |open: &str, close: &str| open.repeat(10_000) + &close.repeat(10_000);
    let bodies: Vec<Vec<u8>> = vec![
        b"".into(),
        b"{".into(),
        b"{\"userName\": }".into(),
        b"{\"userName\": \"a\"} {}".into(),
        b"{'userName': 'a'}".into(),
        b"{\"userName\": \"a\", \"userName\": \"b\"}".into(),
        b"{\"userName\": \"a\", \"USERNAME\": \"b\"}".into(),
        b"{\"userName\": NaN}".into(),
        b"{\"userName\": \"\\ud800\"}".into(),
        b"{\"userName\": \"\xff\"}".into(),
        b"userName=a".into(),
        b"[]".into(),
        b"null".into(),
        b"\"text\"".into(),
        b"7".into(),
        deep("[", "]").into(),
        deep("{\"a\":", "}").into(),
        format!("{{\"userName\": \"a\", \"emails\": {}}}", deep("[", "]")).into(),
        "[".repeat(1_000_000).into(),
    ];
    everywhere(|site| {
        let before = site.store.dump();
        for body in &bodies {
            let shown: String = String::from_utf8_lossy(body).chars().take(60).collect();
            for (method, path) in [
                (Method::POST, "/Users".to_owned()),
                (Method::PUT, format!("/Users/{}", site.user)),
                (Method::PATCH, format!("/Users/{}", site.user)),
                (Method::POST, "/Users/.search".to_owned()),
            ] {
                let answer = site.client.send_text(&method, &path, Some(body), &SCIM);
                site.refused(&format!("{method} {path} {shown}"), &before, &answer, 400, "invalidSyntax");
            }
        }
    });
}

#[test]
fn values_of_the_wrong_type_are_refused() {
    // 7644-3.12-a..c: `invalidValue`
    let values = [
        json!({ "userName": 7 }),
        json!({ "userName": true }),
        json!({ "userName": ["a", "b"] }),
        json!({ "userName": { "value": "a" } }),
        json!({ "displayName": 7 }),
        json!({ "displayName": { "a": 1 } }),
        json!({ "active": "perhaps" }),
        json!({ "active": 2 }),
        json!({ "active": [true, false] }),
        json!({ "name": "Ann Lee" }),
        json!({ "name": ["Ann", "Lee"] }),
        json!({ "name": { "givenName": 7 } }),
        json!({ "name": { "givenName": ["Ann", "Lee"] } }),
        json!({ "emails": 7 }),
        json!({ "emails": [7] }),
        json!({ "emails": [[{ "value": "a@x.example" }]] }),
        json!({ "emails": [{ "value": 7 }] }),
        json!({ "phoneNumbers": [{ "value": { "number": 1 } }] }),
        json!({ ENTERPRISE: 7 }),
        json!({ ENTERPRISE: { "department": 7 } }),
        json!({ ENTERPRISE: { "manager": { "value": 7 } } }),
        json!({ "password": 7 }),
        json!({ "password": { "value": "x" } }),
        json!({ "userName": "a\u{0}b" }),
        json!({ "displayName": "a\u{0}b" }),
        json!({ "name": { "familyName": "\u{0}" } }),
        json!({ "emails": [{ "value": "a\u{0}@x.example", "type": "work" }] }),
        json!({ ENTERPRISE: { "department": "a\u{0}b" } }),
        json!({ "password": "a\u{0}b" }),
    ];
    // The directory's mapping has no `primary`; what is not mapped does not matter.
    let primaries = [
        json!({ "emails": [{ "value": "a@x.example", "primary": "perhaps" }] }),
        json!({ "emails": [{ "value": "a@x.example", "type": "work", "primary": true },
                           { "value": "b@x.example", "type": "home", "primary": true }] }),
    ];
    everywhere(|site| {
        let primaries = if matches!(site.store.backend(), Backend::OpenLdap | Backend::Ds389) {
            &[]
        } else {
            primaries.as_slice()
        };
        let values: Vec<&Json> = values.iter().chain(primaries).collect();
        let mut cases = Vec::new();
        for value in &values {
            let mut body = json!({ "schemas": [USER], "userName": unique("wrong"), "displayName": "Wrong" });
            let members = value.as_object().unwrap().clone();
            body.as_object_mut().unwrap().extend(members);
            cases.push(("/Users", body, 400, "invalidValue"));
        }
        site.all_refused(&Method::POST, &cases);
        let replaced: Vec<_> =
            cases.into_iter().map(|(_, body, s, t)| ("/Users/{user}", body, s, t)).collect();
        site.all_refused(&Method::PUT, &replaced);
        let patched: Vec<_> = values
            .iter()
            .map(|value| {
                let body = json!({ "Operations": [{ "op": "replace", "value": value }] });
                ("/Users/{user}", body, 400, "invalidValue")
            })
            .collect();
        site.all_refused(&Method::PATCH, &patched);
    });
}

#[test]
fn resources_that_are_not_whole_or_not_alone_are_refused() {
    everywhere(|site| {
        let name = unique("half");
        let users = [
            ("/Users", json!({ "schemas": [USER] }), 400, "invalidValue"),
            ("/Users", json!({ "schemas": [USER], "userName": "" }), 400, "invalidValue"),
            ("/Users", json!({ "schemas": [USER], "userName": null }), 400, "invalidValue"),
            ("/Users", json!({ "schemas": { "a": 1 }, "userName": name }), 400, "invalidSyntax"),
            ("/Users", json!({ "schemas": [7], "userName": name }), 400, "invalidSyntax"),
            ("/Users", json!({ "schemas": [USER], "userName": "{taken}" }), 409, "uniqueness"),
            ("/Groups", json!({ "schemas": [GROUP] }), 400, "invalidValue"),
            ("/Groups", json!({ "schemas": [GROUP], "displayName": "" }), 400, "invalidValue"),
            ("/Groups", json!({ "schemas": [GROUP], "displayName": "Board" }), 409, "uniqueness"),
            ("/Groups", json!({ "schemas": [GROUP], "displayName": "BOARD" }), 409, "uniqueness"),
        ];
        site.all_refused(&Method::POST, &users);
        let capitals = site.taken.to_uppercase();
        let again = [
            (
                "/Users",
                json!({ "schemas": [USER], "userName": capitals, "displayName": "X" }),
                409,
                "uniqueness",
            ),
            // S-29: full-width letters are the same name.
            ("/Users", json!({ "schemas": [USER], "userName": wide(&site.taken) }), 409, "uniqueness"),
        ];
        site.all_refused(&Method::POST, &again);
        let replaced = [
            ("/Users/{user}", json!({ "schemas": [USER] }), 400, "invalidValue"),
            ("/Users/{user}", json!({ "schemas": [USER], "userName": "{taken}" }), 409, "uniqueness"),
            ("/Groups/{group}", json!({ "schemas": [GROUP] }), 400, "invalidValue"),
            ("/Groups/{group}", json!({ "schemas": [GROUP], "displayName": "All Staff" }), 409, "uniqueness"),
        ];
        site.all_refused(&Method::PUT, &replaced);
    });
}

/// The same text in full-width forms.
fn wide(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '!'..='~' => char::from_u32(u32::from(c) + 0xFEE0).unwrap(),
            other => other,
        })
        .collect()
}

#[test]
fn members_and_managers_that_nobody_is_are_refused() {
    // O-09: the default is to reject, and nothing of the request is written.
    everywhere(|site| {
        let strange =
            [NOBODY, "x", "", "*)(uid=*", "' OR 1=1 --", "../../Users", "cn=admin,dc=example,dc=com"];
        let mut made = Vec::new();
        let mut added = Vec::new();
        for id in strange.iter().filter(|id| !id.is_empty()) {
            let members = json!([{ "value": "{user}" }, { "value": id }]);
            made.push((
                "/Groups",
                json!({ "schemas": [GROUP], "displayName": unique("g"), "members": members }),
                400,
                "invalidValue",
            ));
            for op in ["add", "replace"] {
                let operation = json!({ "op": op, "path": "members", "value": members });
                added.push(("/Groups/{group}", json!({ "Operations": [operation] }), 400, "invalidValue"));
            }
        }
        for id in [NOBODY, "x", "' OR 1=1 --", "cn=admin,dc=example,dc=com"] {
            let manager = json!({ "manager": { "value": id } });
            made.push((
                "/Users",
                json!({ "schemas": [USER], "userName": unique("u"), ENTERPRISE: manager }),
                400,
                "invalidValue",
            ));
            let operation = json!({ "op": "add", "path": format!("{ENTERPRISE}:manager"), "value": id });
            added.push(("/Users/{user}", json!({ "Operations": [operation] }), 400, "invalidValue"));
        }
        site.all_refused(&Method::POST, &made);
        site.all_refused(&Method::PATCH, &added);
        let whole = json!({ "schemas": [GROUP], "displayName": "Board", "members": [{ "value": NOBODY }] });
        site.all_refused(&Method::PUT, &[("/Groups/{group}", whole, 400, "invalidValue")]);
    });
}

#[test]
fn bodies_of_another_media_type_are_refused() {
    // 7644-3.8-c
    everywhere(|site| {
        let before = site.store.dump();
        let body = json!({ "schemas": [USER], "userName": unique("media") }).to_string();
        for headers in [
            [("content-type", "text/plain"), ("accept", "*/*")],
            [("content-type", "application/xml"), ("accept", "*/*")],
            [("content-type", "application/x-www-form-urlencoded"), ("accept", "*/*")],
            [("content-type", "application/scim+json; charset=iso-8859-1"), ("accept", "*/*")],
            [("content-type", "application/scim+json"), ("content-encoding", "gzip")],
        ] {
            let answer = site.client.send_text(&Method::POST, "/Users", Some(body.as_bytes()), &headers);
            site.refused(&format!("{headers:?}"), &before, &answer, 415, "");
        }
    });
}

/// 50 MB, of which a sane server wants to see nothing.
const LARGE: usize = 50 * 1024 * 1024;

/// Starts a request of this body framing, sends `filling` again and again as long as the server
/// takes it, and returns what it answered and how much it took.
fn flood(gateway: &Gateway, authorization: &str, framing: &str, filling: &[u8]) -> (String, usize) {
    let address = gateway.address().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "POST /scim/v2/Users HTTP/1.1\r\nHost: {address}\r\n{authorization}\
         Content-Type: application/scim+json\r\n{framing}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut sent = 0;
    while !filling.is_empty() && sent < LARGE {
        // The server closes the connection once it has answered.
        let Ok(written) = stream.write(filling) else { break };
        sent += written;
    }
    let mut answer = [0; 2048];
    let mut length = 0;
    while let Ok(read @ 1..) = stream.read(&mut answer[length..]) {
        length += read;
        let text = String::from_utf8_lossy(&answer[..length]);
        if text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.ends_with('}')) {
            break;
        }
    }
    (String::from_utf8_lossy(&answer[..length]).into_owned(), sent)
}

#[test]
fn a_body_of_50_mb_is_refused_without_being_kept() {
    // S-21, S-07: announced, in pieces, and by a stranger.
    let Some(store) = TestStore::fresh(Backend::Sqlite) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let before = store.dump();
    let token = "Authorization: Bearer test-token\r\n";
    let announced = format!("Content-Length: {LARGE}");
    let piece = [b"100000\r\n".as_slice(), &[b'['; 0x10_0000], b"\r\n"].concat();
    let memory = gateway.peak_memory();
    for (authorization, framing, filling, status) in [
        // Whoever announces a body that is too large is told so before sending it; so is a stranger.
        (token, announced.as_str(), [].as_slice(), "413"),
        ("", &announced, &[], "401"),
        ("Authorization: Bearer wrong\r\n", &announced, &[], "401"),
        ("", "Transfer-Encoding: chunked", &[], "401"),
        // Whoever does not announce it is told when it becomes too large.
        (token, "Transfer-Encoding: chunked", &piece, "413"),
    ] {
        let (answer, sent) = flood(&gateway, authorization, framing, filling);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{framing}, {sent} sent: {answer:?}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        assert_eq!(body["status"], status, "{answer}");
    }
    let grown = gateway.peak_memory().saturating_sub(memory);
    assert!(grown < 16 * 1024 * 1024, "{grown} bytes more than before");
    assert_eq!(store.dump(), before);
    assert_eq!(gateway.client().get("/Users?count=1").status, 200);
}
