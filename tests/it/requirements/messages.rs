//! Errors and messages (RFC 7644 §3.1, §3.8, §3.12).

use serde_json::{Value as Json, json};
use ureq::http::Method;

use super::{USER, assert_refused, create, person};
use crate::support::{Backend, Gateway, Options, TestStore, unique};

#[test]
fn every_refusal_is_an_error_message_with_the_status_of_the_answer() {
    // 7644-3.12-a, 7644-3.12-b, 7644-3.12-c, HTTP-a
    let Some(store) = TestStore::fresh(Backend::Sqlite) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let (path, _) = create(&client, "/Users", &person(&unique("err")));
    let json_type = ("content-type", "application/scim+json");
    let send = |method: Method, path: &str, body: Option<&str>, headers: &[(&str, &str)]| {
        client.send_text(&method, path, body.map(str::as_bytes), headers)
    };
    let user = person("x").to_string();
    let cases: [(u16, &str, crate::support::Answer); 11] = [
        (400, "invalidSyntax", send(Method::POST, "/Users", Some("{"), &[json_type])),
        (400, "invalidFilter", client.get("/Users?filter=x")),
        (400, "invalidValue", client.get("/Users?count=x")),
        (401, "", client.with_authorization(None).get("/Users")),
        (403, "", client.get("/Schemas?filter=id%20pr")),
        (404, "", client.get("/Users/x")),
        (404, "", client.get("/nothing/here")),
        (405, "", client.delete("/Users")),
        (406, "", send(Method::GET, &path, None, &[("accept", "text/html")])),
        (412, "", send(Method::PUT, &path, Some(&user), &[json_type, ("if-match", "\"x\"")])),
        (415, "", send(Method::POST, "/Users", Some(&user), &[("content-type", "text/plain")])),
    ];
    for (status, scim_type, answer) in cases {
        assert_refused(&answer, status, scim_type);
        assert!(answer.json["detail"].as_str().is_some_and(|d| !d.is_empty()), "{answer}");
        assert!(answer.header("content-type").ends_with("json"), "{answer}");
    }
}

#[test]
fn every_message_names_its_schema() {
    // 7644-3.1-a, 7644-3.8-a
    let Some(store) = TestStore::fresh(Backend::Sqlite) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let mut body = person(&unique("Ünï-"));
    body["displayName"] = json!("Łukasz 🙂 \u{0645}");
    let (path, made) = create(&client, "/Users", &body);
    assert_eq!(made.json["displayName"], body["displayName"], "UTF-8 there and back");
    for path in [
        path.as_str(),
        "/Users?count=1",
        "/Groups?count=1",
        "/ServiceProviderConfig",
        "/ResourceTypes",
        "/Schemas",
        "/Users/x",
    ] {
        let answer = client.get(path);
        let schemas = answer.json["schemas"].as_array();
        let named = schemas
            .is_some_and(|list| list.iter().all(|urn| urn.as_str().is_some_and(|u| u.starts_with("urn:"))));
        assert!(named && !schemas.unwrap().is_empty(), "{path}: {answer}");
    }
    assert!(made.json["schemas"].as_array().unwrap().contains(&json!(USER)));
    // A version that is not served is no endpoint; without one the latest is meant only below the base.
    for unknown in ["v1", "v3"] {
        // 7644-3.13-a
        let other = gateway.address().to_owned() + "/scim/" + unknown + "/Users";
        let answer =
            ureq::get(&other).config().http_status_as_error(false).proxy(None).build().call().unwrap();
        assert_eq!(answer.status(), 404);
    }
}

#[test]
fn a_client_without_a_right_is_told_so() {
    // 7644-2-b, 7644-2-c, 7644-4-e
    let Some(store) = TestStore::fresh(Backend::Sqlite) else { return };
    let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest("reader"));
    let reader =
        format!("[[clients]]\nname = \"reader\"\ntokens = [\"sha256:{hash}\"]\nscopes = [\"read\"]\n");
    let gateway = Gateway::start(&store, &Options { client: reader, ..Options::default() });
    let client = gateway.client().with_authorization(Some("Bearer reader"));
    assert_eq!(client.get("/Users?count=1").status, 200);
    for path in ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas", "/ResourceTypes/User"] {
        assert_eq!(client.get(path).status, 200, "{path}");
    }
    let before = store.dump();
    let (path, _) = create(&gateway.client(), "/Users", &person(&unique("right")));
    assert_refused(&client.post("/Users", &person(&unique("no"))), 403, "");
    assert_refused(&client.put(&path, &person("x")), 403, "");
    assert_refused(&client.patch(&path, json!([{ "op": "remove", "path": "title" }])), 403, "");
    assert_refused(&client.delete(&path), 403, "");
    assert_eq!(gateway.client().delete(&path).status, 204);
    assert_eq!(store.dump(), before);
    // The scheme is published, and named where credentials are missing.
    let config = client.get("/ServiceProviderConfig").json;
    assert_eq!(config["authenticationSchemes"][0]["type"], "oauthbearertoken");
    let anonymous = gateway.client().with_authorization(None).get("/Users");
    assert!(anonymous.header("www-authenticate").starts_with("Bearer"), "{:?}", anonymous.headers);
    assert_eq!(anonymous.json["Resources"], Json::Null);
}
