//! Operations that cannot be done fail alone, and change nothing.

use serde_json::{Value as Json, json};
use ureq::http::Method;

use super::{
    ENTERPRISE, ERROR, GROUP, USER, bulk, everywhere, everywhere_with, group, path, post, request, sorted,
    statuses, user,
};
use crate::support::{Options, unique};

#[test]
fn operations_that_cannot_be_right_fail_alone() {
    // 7644-3.7-b, 7644-3.7-e, 7644-3.7.2-a, E 7916
    everywhere(|store, client| {
        let made = client.post("/Users", &user(&unique("there")));
        let at = format!("/Users/{}", made.id());
        let nobody = "/Users/00000000-0000-4000-8000-000000000000";
        let cases: Vec<(Json, &str, Json)> = vec![
            (json!({ "method": "GET", "path": at }), "400", json!("invalidSyntax")),
            (json!({ "path": at }), "400", json!("invalidSyntax")),
            (json!({ "method": 7, "path": at }), "400", json!("invalidSyntax")),
            (json!("DELETE"), "400", json!("invalidSyntax")),
            (json!({ "method": "DELETE" }), "400", json!("invalidSyntax")),
            (json!({ "method": "DELETE", "path": "/Users" }), "400", json!("invalidSyntax")),
            (json!({ "method": "DELETE", "path": format!("{at}/x") }), "400", json!("invalidSyntax")),
            (json!({ "method": "DELETE", "path": "/Nothing/1" }), "400", json!("invalidSyntax")),
            (post("/Bulk", "b1", request(&json!([]))), "400", json!("invalidSyntax")),
            (post("/Users/.search", "b2", json!({})), "400", json!("invalidSyntax")),
            (post("/Schemas", "b3", json!({})), "400", json!("invalidSyntax")),
            (post(&at, "b4", user("x")), "400", json!("invalidSyntax")),
            (json!({ "method": "POST", "path": "/Users", "data": user("x") }), "400", json!("invalidSyntax")),
            (json!({ "method": "POST", "path": "/Users", "bulkId": "b5" }), "400", json!("invalidSyntax")),
            (json!({ "method": "PUT", "path": at }), "400", json!("invalidSyntax")),
            (json!({ "method": "PATCH", "path": at, "data": [] }), "400", json!("invalidSyntax")),
            (json!({ "method": "PATCH", "path": at, "data": "x" }), "400", json!("invalidSyntax")),
            (post("/Users", "b6", json!({ "schemas": [USER] })), "400", json!("invalidValue")),
            (post("/Users", "b7", json!([])), "400", json!("invalidSyntax")),
            (post("/Groups", "b8", group(&unique("g"), &["bulkId:nobody"])), "400", json!("invalidValue")),
            // Refers to one that fails.
            (post("/Groups", "b9", group(&unique("g"), &["bulkId:b6"])), "400", json!("invalidValue")),
            (json!({ "method": "DELETE", "path": "/Users/bulkId:b7" }), "400", json!("invalidValue")),
            (json!({ "method": "DELETE", "path": "/Users/bulkId:x" }), "400", json!("invalidValue")),
            (json!({ "method": "DELETE", "path": nobody }), "404", Json::Null),
            (
                json!({ "method": "PATCH", "path": nobody, "data": [{ "op": "add", "path": "title", "value": "x" }] }),
                "404",
                Json::Null,
            ),
            (
                json!({ "method": "PATCH", "path": at, "data": [{ "op": "add", "path": "nosuch", "value": "x" }] }),
                "400",
                json!("invalidPath"),
            ),
            (json!({ "method": "DELETE", "path": at, "version": "W/\"other\"" }), "412", Json::Null),
            (
                json!({ "method": "PUT", "path": at, "version": "W/\"other\"", "data": user("x") }),
                "412",
                Json::Null,
            ),
            (
                json!({ "method": "PATCH", "path": at, "version": "W/\"other\"", "data": [{ "op": "add", "path": "title", "value": "x" }] }),
                "412",
                Json::Null,
            ),
        ];
        let before = store.dump();
        let operations: Json = cases.iter().map(|(operation, ..)| operation.clone()).collect();
        let done = bulk(client, operations);
        assert_eq!(done.len(), cases.len());
        for ((operation, status, scim_type), outcome) in cases.iter().zip(&done) {
            let response = &outcome["response"];
            assert_eq!(
                (&outcome["status"], &response["status"]),
                (&json!(status), &json!(status)),
                "{operation}: {outcome}"
            );
            assert_eq!(
                (&response["schemas"], &response["scimType"]),
                (&json!([ERROR]), scim_type),
                "{operation}: {outcome}"
            );
            assert_eq!(outcome.get("bulkId"), operation.get("bulkId"), "{operation}");
        }
        assert_eq!(store.dump(), before);
        // Those around a bad one are done; the second use of a bulkId is a bad one.
        let [a, b] = ["a", "b"].map(unique);
        let done = bulk(
            client,
            json!([
                post("/Users", "q", user(&a)),
                7,
                post("/Users", "q", user(&unique("c"))),
                post("/Users", "r", user(&b))
            ]),
        );
        assert_eq!(statuses(&done), ["201", "400", "400", "201"]);
        assert_eq!(client.get(&path(&done[3])).status, 200);
        // A version that is right lets the operation pass.
        let version = client.get(&at).json["meta"]["version"].clone();
        let done = bulk(client, json!([{ "method": "DELETE", "path": at, "version": version }]));
        assert_eq!(statuses(&done), ["204"]);
    });
}

#[test]
fn requests_that_are_no_bulk_request_are_refused_as_a_whole() {
    // 7644-3.12-a..c: `invalidSyntax`, 415, 405; S-28
    everywhere(|store, client| {
        let before = store.dump();
        let operation = post("/Users", "1", user(&unique("no")));
        for body in [
            json!([]),
            json!({ "Operations": {} }),
            json!({ "schemas": [USER], "Operations": [operation] }),
            json!({ "Operations": [], "failOnErrors": 1 }),
            json!({ "Operations": [operation], "failOnErrors": "many" }),
        ] {
            let answer = client.post("/Bulk", &body);
            assert_eq!(
                (answer.status, &answer.json["scimType"]),
                (400, &json!("invalidSyntax")),
                "{body}: {answer}"
            );
        }
        let deep = format!("{{\"Operations\": {}{}}}", "[".repeat(1000), "]".repeat(1000));
        let scim = [("content-type", "application/scim+json")];
        for text in ["{", deep.as_str(), "{\"Operations\": [], \"Operations\": []}"] {
            let answer = client.send_text(&Method::POST, "/Bulk", Some(text.as_bytes()), &scim);
            assert_eq!(answer.status, 400, "{answer}");
        }
        let text = request(&json!([operation])).to_string();
        let plain = [("content-type", "text/plain")];
        assert_eq!(client.send_text(&Method::POST, "/Bulk", Some(text.as_bytes()), &plain).status, 415);
        for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
            let answer = client.send(method, "/Bulk", None, &[]);
            assert_eq!((answer.status, answer.header("allow")), (405, "POST"), "{answer}");
        }
        assert_eq!(store.dump(), before);
    });
}

#[test]
fn each_operation_needs_its_own_right() {
    // S-11, 7644-2-c
    let options = Options { scopes: Some("groups"), ..Options::default() };
    everywhere_with(&options, |store, client| {
        let logins = sorted(store.logins());
        let name = unique("crew");
        let done = bulk(
            client,
            json!([
                post("/Users", "u", user(&unique("u"))),
                post("/Groups", "g", json!({ "schemas": [GROUP], "displayName": name })),
                post("/Groups", "h", group(&unique("h"), &["bulkId:u"])),
            ]),
        );
        assert_eq!(statuses(&done), ["403", "201", "400"], "{done:#?}");
        assert_eq!(sorted(store.logins()), logins);
        assert!(store.group_names().contains(&name));
    });
    let options = Options { scopes: Some("read"), ..Options::default() };
    everywhere_with(&options, |_, client| {
        assert_eq!(client.post("/Bulk", &request(&json!([7]))).status, 403);
        assert_eq!(client.with_authorization(None).post("/Bulk", &request(&json!([7]))).status, 401);
    });
}

#[test]
fn secrets_of_a_bulk_request_are_not_repeated() {
    // S-14
    everywhere(|_, client| {
        let mut body = user(&unique("secret"));
        body["password"] = "Canary-17-bulk!".into();
        body[ENTERPRISE] = json!({ "department": "x" });
        let answer = client.post("/Bulk", &request(&json!([post("/Users", "s", body)])));
        assert_eq!(answer.status, 200, "{answer}");
        assert!(!answer.json.to_string().contains("Canary"), "{answer}");
    });
}
