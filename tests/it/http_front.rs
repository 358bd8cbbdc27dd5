//! The HTTP front: who gets in, which methods and media types there are, what
//! the headers say, and what the log does not.

mod fixture;
mod listener;
mod logged;
mod queries;
mod resources;

use actix_web::{
    http::{Method, header},
    test::TestRequest,
};
use scimgate::config::ServerSettings;
use serde_json::json;

use self::fixture::{Fixture, user};

#[actix_web::test]
async fn nobody_learns_anything_without_a_token() {
    // S-07, 7644-2-a
    let fixture = Fixture::new(ServerSettings::default()).await;
    let mut bodies = Vec::new();
    for (method, path) in [
        (Method::GET, "/scim/v2/Users"),
        (Method::GET, "/scim/v2/Users/no-such-id"),
        (Method::GET, "/scim/v2/ServiceProviderConfig"),
        (Method::GET, "/scim/v2/nothing/here"),
        (Method::PATCH, "/scim/v2/Schemas"),
        (Method::POST, "/scim/v2/Users"),
        (Method::GET, "/scim/v2/Me"),
    ] {
        for (credentials, challenge) in [
            (None, r#"Bearer realm="scim""#),
            (Some("Bearer sg_wrong"), r#"Bearer realm="scim", error="invalid_token""#),
            (Some("Basic YTpi"), r#"Bearer realm="scim", error="invalid_token""#),
        ] {
            // The media types are wrong and the body is no JSON: neither is looked at.
            let mut request = TestRequest::with_uri(path)
                .method(method.clone())
                .insert_header((header::CONTENT_TYPE, "text/plain"))
                .insert_header((header::ACCEPT, "text/html"))
                .set_payload("{");
            if let Some(credentials) = credentials {
                request = request.insert_header((header::AUTHORIZATION, credentials));
            }
            let answer = fixture.answer(request).await;
            answer.is_error(401, path);
            assert_eq!(answer.header(header::WWW_AUTHENTICATE), challenge, "{path}");
            bodies.push(answer.body);
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "every refusal has the same body");
}

#[actix_web::test]
async fn the_body_of_a_stranger_is_not_read() {
    let fixture = Fixture::new(ServerSettings { max_body_bytes: 1024, ..ServerSettings::default() }).await;
    let large = || "x".repeat(5000);
    let stranger = TestRequest::post().uri("/scim/v2/Users").set_payload(large());
    fixture.answer(stranger).await.is_error(401, "stranger");
    let known = fixture.request(Method::POST, "/scim/v2/Users").set_payload(large());
    fixture.answer(known).await.is_error(413, "known client");
    // S-11: nor that of a client that may not write.
    let reader = fixture.of(&fixture.reader, Method::POST, "/scim/v2/Users").set_payload(large());
    fixture.answer(reader).await.is_error(403, "reader");
}

#[actix_web::test]
async fn scopes_limit_what_a_client_may_do() {
    // S-11
    let fixture = Fixture::new(ServerSettings::default()).await;
    for (token, method, path, status) in [
        (&fixture.reader, Method::GET, "/scim/v2/Users", 200),
        (&fixture.reader, Method::GET, "/scim/v2/Schemas", 200),
        (&fixture.reader, Method::DELETE, "/scim/v2/Users/x", 403),
        (&fixture.reader, Method::PUT, "/scim/v2/Users/x", 403),
        (&fixture.reader, Method::PATCH, "/scim/v2/Users/x", 403),
        (&fixture.groups, Method::GET, "/scim/v2/Users", 403),
        (&fixture.groups, Method::GET, "/scim/v2/Users/x", 403),
        (&fixture.groups, Method::POST, "/scim/v2/Users/.search", 403),
        (&fixture.groups, Method::GET, "/scim/v2/Groups", 200),
        (&fixture.groups, Method::GET, "/scim/v2", 200),
        (&fixture.groups, Method::DELETE, "/scim/v2/Groups/x", 404),
        (&fixture.all, Method::DELETE, "/scim/v2/Users/x", 404),
    ] {
        let answer = fixture.answer(fixture.of(token, method.clone(), path)).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
    }
}

#[actix_web::test]
async fn unknown_paths_and_methods_are_scim_errors() {
    // 7644-3.2-a, 7644-3.2-d, 7644-3.4.3-b, 7644-3.11-a, 7644-4-b, 7644-4-d
    let fixture = Fixture::new(ServerSettings::default()).await;
    let collection = "GET, HEAD, POST";
    let resource = "GET, HEAD, PUT, PATCH, DELETE";
    for (method, path, status, allow) in [
        (Method::GET, "/scim/v2/Nothing", 404, ""),
        (Method::GET, "/scim/v2/users", 404, ""),
        (Method::GET, "/scim/v2/Users/a/b", 404, ""),
        (Method::GET, "/scim/v2/Users/no-such-id", 404, ""),
        (Method::GET, "/elsewhere", 404, ""),
        (Method::GET, "/", 404, ""),
        (Method::GET, "/scim/v2/Schemas/urn:nothing", 404, ""),
        (Method::GET, "/scim/v2/ResourceTypes/Nothing", 404, ""),
        (Method::PUT, "/scim/v2/Users", 405, collection),
        (Method::DELETE, "/scim/v2/Users/", 405, collection),
        (Method::OPTIONS, "/scim/v2/Users", 405, collection),
        (Method::from_bytes(b"BREW").unwrap(), "/scim/v2/Users", 405, collection),
        (Method::TRACE, "/scim/v2/Users/x", 405, resource),
        (Method::POST, "/scim/v2/Users/x", 405, resource),
        (Method::GET, "/scim/v2/Users/.search", 405, "POST"),
        (Method::DELETE, "/scim/v2/Users/.search", 405, "POST"),
        (Method::POST, "/scim/v2/ServiceProviderConfig", 405, "GET, HEAD"),
        (Method::PUT, "/scim/v2/Schemas", 405, "GET, HEAD"),
        (Method::PATCH, "/scim/v2/Schemas/urn:x", 405, "GET, HEAD"),
        (Method::DELETE, "/scim/v2/ResourceTypes/User", 405, "GET, HEAD"),
        (Method::GET, "/scim/v2/Me", 501, ""),
        (Method::PATCH, "/scim/v2/Me", 501, ""),
        (Method::POST, "/scim/v2/Me/", 501, ""),
        (Method::GET, "/scim/v2/Bulk", 405, "POST"),
        (Method::OPTIONS, "/scim/v2/Bulk/", 405, "POST"),
        (Method::GET, "/scim/v2/.search", 405, "POST"),
        (Method::POST, "/scim/v2", 405, "GET, HEAD"),
        (Method::PATCH, "/scim/v2/", 405, "GET, HEAD"),
    ] {
        let answer = fixture.answer(fixture.request(method.clone(), path)).await;
        answer.is_error(status, &format!("{method} {path}"));
        assert_eq!(answer.header(header::ALLOW), allow, "{method} {path}");
    }
}

#[actix_web::test]
async fn discovery_is_complete_and_cannot_be_filtered() {
    // 7644-4-a, 7644-4-b, 7644-4-c
    let fixture = Fixture::new(ServerSettings::default()).await;
    let get = async |path: &str| fixture.answer(fixture.request(Method::GET, path)).await;
    let config = get("/scim/v2/ServiceProviderConfig?attributes=id&count=0").await;
    assert_eq!(config.status, 200);
    assert!(config.json()["patch"]["supported"].as_bool().unwrap());
    for (list, key) in [("/scim/v2/ResourceTypes", "name"), ("/scim/v2/Schemas/", "id")] {
        let all = get(list).await.json();
        assert_eq!(all["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]), "{list}");
        let items = all["Resources"].as_array().unwrap();
        assert_eq!(all["totalResults"], items.len(), "{list}");
        assert!(items.len() >= 2, "{list}");
        for item in items {
            let path = format!("{}/{}", list.trim_end_matches('/'), item[key].as_str().unwrap());
            let one = get(&path).await;
            assert_eq!(&one.json(), item, "{path}");
            let location = item["meta"]["location"].as_str().unwrap();
            assert_eq!(location, format!("http://idm.example.com{path}"));
        }
    }
    for path in ["/scim/v2/ServiceProviderConfig", "/scim/v2/ResourceTypes", "/scim/v2/Schemas"] {
        get(&format!("{path}?filter=id%20pr")).await.is_error(403, path);
    }
}

#[actix_web::test]
async fn answers_come_in_the_type_that_was_asked_for() {
    // 7644-3.8-b, 7644-3.12-hdr
    let fixture = Fixture::new(ServerSettings::default()).await;
    for path in ["/scim/v2/Users", "/scim/v2/Schemas", "/scim/v2/Users/no-such-id", "/scim/v2/Nothing"] {
        for (accept, expected) in [
            ("*/*", "application/scim+json"),
            ("application/scim+json", "application/scim+json"),
            ("application/json", "application/json"),
        ] {
            let request = fixture.request(Method::GET, path).insert_header((header::ACCEPT, accept));
            let answer = fixture.answer(request).await;
            assert_eq!(answer.header(header::CONTENT_TYPE), expected, "{path} {accept}");
            assert_eq!(answer.header(header::CACHE_CONTROL), "no-store", "{path}");
        }
        let request = fixture.request(Method::GET, path).insert_header((header::ACCEPT, "text/html"));
        fixture.answer(request).await.is_error(406, path);
    }
}

#[actix_web::test]
async fn bodies_must_be_scim_or_json() {
    // 7644-3.8-c
    let fixture = Fixture::new(ServerSettings::default()).await;
    for (number, (media, status)) in [
        (Some("application/scim+json"), 201),
        (Some("application/scim+json; charset=utf-8"), 201),
        (Some("application/json"), 201),
        (None, 201),
        (Some("text/plain"), 415),
        (Some("application/xml"), 415),
        (Some("application/json; charset=latin1"), 415),
    ]
    .into_iter()
    .enumerate()
    {
        let mut request = fixture
            .request(Method::POST, "/scim/v2/Users")
            .set_payload(user(&format!("media{number}")).to_string());
        if let Some(media) = media {
            request = request.insert_header((header::CONTENT_TYPE, media));
        }
        let answer = fixture.answer(request).await;
        assert_eq!(answer.status, status, "{media:?}: {}", answer.body);
        if status == 415 {
            answer.is_error(415, "media type");
        }
    }
    for bad in ["", "{", "[]", "\"x\"", r#"{"userName":"a","userName":"b"}"#] {
        let request = fixture.request(Method::POST, "/scim/v2/Users").set_payload(bad.to_owned());
        let answer = fixture.answer(request).await;
        answer.is_error(400, bad);
        assert_eq!(answer.json()["scimType"], "invalidSyntax", "{bad}");
    }
}
