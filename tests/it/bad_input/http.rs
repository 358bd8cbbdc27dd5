//! Requests that HTTP itself refuses, in front of every store: who is not known, what is not there,
//! methods, media types, and what headers say of every answer.

use serde_json::{Value as Json, json};
use ureq::http::Method;

use super::{ERROR, NOBODY, Site, USER, everywhere};
use crate::support::{Answer, unique};

const SCIM: (&str, &str) = ("content-type", "application/scim+json");

fn methods() -> Vec<Method> {
    vec![Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS]
}

/// Every endpoint, with the methods that it has.
const ENDPOINTS: [(&str, &str); 9] = [
    ("/Users", "GET, HEAD, POST"),
    ("/Groups/", "GET, HEAD, POST"),
    ("/Users/{user}", "GET, HEAD, PUT, PATCH, DELETE"),
    ("/Users/.search", "POST"),
    ("/Bulk", "POST"),
    ("/ServiceProviderConfig", "GET, HEAD"),
    ("/ResourceTypes", "GET, HEAD"),
    ("/ResourceTypes/User", "GET, HEAD"),
    ("/Schemas/urn:ietf:params:scim:schemas:core:2.0:User", "GET, HEAD"),
];

/// A body of a kind that no endpoint takes, so that nothing is done where the method is allowed.
fn ask(site: &Site, method: &Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let body = (*method != Method::GET && *method != Method::HEAD).then_some(&b"{}"[..]);
    site.client.send_text(method, &site.fill(path), body, headers)
}

fn is_error(answer: &Answer) -> bool {
    answer.json["schemas"] == json!([ERROR]) && answer.json["status"] == json!(answer.status.to_string())
}

#[test]
fn a_method_that_an_endpoint_does_not_have_is_named_with_those_it_has() {
    // 7644-3.2-d, 7644-4-d, HTTP-a
    everywhere(|site| {
        let before = site.store.dump();
        for (path, allow) in ENDPOINTS {
            for method in methods().iter().filter(|m| !allow.split(", ").any(|a| a == m.as_str())) {
                let answer = ask(site, method, path, &[SCIM]);
                let what = format!("{method} {path}");
                assert_eq!((answer.status, answer.header("allow")), (405, allow), "{what}: {answer}");
                assert!(*method == Method::HEAD || is_error(&answer), "{what}: {answer}");
                assert_eq!(answer.header("content-type"), "application/scim+json", "{what}");
                assert_eq!(answer.header("cache-control"), "no-store", "{what}");
            }
        }
        assert_eq!(site.store.dump(), before);
    });
}

#[test]
fn what_can_be_got_has_a_head() {
    // HTTP-a, HTTP-b, 7644-3.12-hdr
    everywhere(|site| {
        for (path, _) in ENDPOINTS.iter().filter(|(_, allow)| allow.contains("GET")) {
            for path in [(*path).to_owned(), format!("{}/", path.trim_end_matches('/'))] {
                let (got, head) = (ask(site, &Method::GET, &path, &[]), ask(site, &Method::HEAD, &path, &[]));
                assert_eq!((got.status, head.status, &head.json), (200, 200, &Json::Null), "{path}: {got}");
                for name in ["content-type", "cache-control", "etag", "location", "content-length"] {
                    assert_eq!(head.header(name), got.header(name), "{name} of {path}");
                }
                assert_eq!(got.header("cache-control"), "no-store", "{path}");
            }
        }
        // The headers of one resource do not depend on what is shown of it.
        let path = format!("/Users/{}", site.user);
        let whole = site.client.get(&path);
        for query in ["attributes=userName", "excludedAttributes=meta", "attributes=meta.location"] {
            let part = site.client.get(&format!("{path}?{query}"));
            assert_eq!(part.header("location"), whole.json["meta"]["location"].as_str().unwrap(), "{query}");
            assert_eq!(part.json["meta"].is_null(), !query.contains("attributes=meta.l"), "{query}: {part}");
            assert!(part.json["meta"]["version"].is_null(), "{query}: {part}");
        }
    });
}

#[test]
fn nobody_and_nothing_is_refused_before_anything_is_done() {
    // 7644-2-a, 7644-3.2-b, 7644-3.4.1-b, 7644-3.8-b, 7644-3.8-c, S-07
    everywhere(|site| {
        let before = site.store.dump();
        let user = json!({ "schemas": [USER], "userName": unique("http"), "displayName": "x" }).to_string();
        let nobody = format!("/Users/{NOBODY}");
        let stranger = site.client.with_authorization(Some("Bearer sg_nobody"));
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let own = match method {
                Method::POST => "/Users".to_owned(),
                _ => format!("/Users/{}", site.user),
            };
            let answer = stranger.send_text(&method, &own, Some(user.as_bytes()), &[SCIM]);
            assert_eq!(answer.status, 401, "{method}: {answer}");
            assert!(answer.header("www-authenticate").starts_with("Bearer "), "{method}");
            assert_eq!(answer.header("cache-control"), "no-store", "{method}");
            for path in ["/Nothing", "/users", "/Users/a/b", "/v1/Users", "/Users%2Fx", "//Users"] {
                let answer = site.client.send_text(&method, path, Some(user.as_bytes()), &[SCIM]);
                let is_gone = answer.status == 404 || (answer.status == 405 && path == "/Users%2Fx");
                assert!(is_gone && is_error(&answer), "{method} {path}: {answer}");
            }
            if method != Method::POST {
                let body = match method {
                    Method::PATCH => r#"{"Operations": [{"op": "add", "path": "title", "value": "x"}]}"#,
                    _ => user.as_str(),
                };
                let answer = site.client.send_text(&method, &nobody, Some(body.as_bytes()), &[SCIM]);
                assert!(answer.status == 404 && is_error(&answer), "{method}: {answer}");
            }
            if method != Method::DELETE {
                let answer = site.client.send_text(
                    &method,
                    &own,
                    Some(user.as_bytes()),
                    &[SCIM, ("accept", "text/html")],
                );
                assert!(answer.status == 406 && is_error(&answer), "{method}: {answer}");
                let types = [("content-type", "application/xml")];
                let answer = site.client.send_text(&method, &own, Some(user.as_bytes()), &types);
                assert!(answer.status == 415 && is_error(&answer), "{method}: {answer}");
                let large = format!("{{\"displayName\": \"{}\"}}", "x".repeat(3 << 20));
                let answer = site.client.send_text(&method, &own, Some(large.as_bytes()), &[SCIM]);
                assert!(answer.status == 413 && is_error(&answer), "{method}: {answer}");
            }
        }
        // Errors come in the type that was asked for, too.
        let answer = site.client.send(Method::GET, &nobody, None, &[("accept", "application/json")]);
        assert_eq!((answer.status, answer.header("content-type")), (404, "application/json"));
        assert_eq!(site.store.dump(), before);
    });
}
