//! Headers and status codes of the resource endpoints.

use actix_web::http::{Method, header};
use scimgate::config::ServerSettings;
use serde_json::json;

use super::fixture::{Answer, Fixture, user};

async fn created(fixture: &Fixture, name: &str) -> Answer {
    let answer = fixture.send(Method::POST, "/scim/v2/Users", &user(name)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer
}

fn id(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn location_and_etag_accompany_every_resource() {
    // 7644-3.3-d, 7644-3.4.1-a, 7644-3.14-a, A.12
    let fixture = Fixture::new(ServerSettings::default()).await;
    let made = created(&fixture, "loc").await;
    let path = format!("/scim/v2/Users/{}", id(&made));
    let read = fixture.answer(fixture.request(Method::GET, &path)).await;
    let replaced = fixture.send(Method::PUT, &path, &user("loc")).await;
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "displayName", "value": "Changed"}],
    });
    let patched = fixture.send(Method::PATCH, &path, &patch).await;
    for (answer, status) in [(&made, 201), (&read, 200), (&replaced, 200), (&patched, 200)] {
        assert_eq!(answer.status, status, "{}", answer.body);
        let meta = &answer.json()["meta"];
        assert_eq!(answer.header(header::LOCATION), format!("http://idm.example.com{path}"));
        assert_eq!(answer.header(header::LOCATION), meta["location"].as_str().unwrap());
        assert_eq!(answer.header(header::ETAG), meta["version"].as_str().unwrap());
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    }
}

#[actix_web::test]
async fn conditions_are_honoured() {
    // 7644-3.14-b, 7644-3.14-c
    let fixture = Fixture::new(ServerSettings::default()).await;
    let made = created(&fixture, "cond").await;
    let path = format!("/scim/v2/Users/{}", id(&made));
    let tag = made.header(header::ETAG).to_owned();
    let read = async |condition: &str| {
        let request = fixture.request(Method::GET, &path).insert_header((header::IF_NONE_MATCH, condition));
        fixture.answer(request).await
    };
    let known = read(&tag).await;
    assert_eq!((known.status, known.body.as_str()), (304, ""));
    assert_eq!(known.header(header::ETAG), tag);
    assert_eq!(read("W/\"other\"").await.status, 200);
    let delete = async |condition: &str| {
        let request = fixture.request(Method::DELETE, &path).insert_header((header::IF_MATCH, condition));
        fixture.answer(request).await
    };
    delete("W/\"other\"").await.is_error(412, "stale");
    let gone = delete(&tag).await;
    assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    fixture.answer(fixture.request(Method::GET, &path)).await.is_error(404, "deleted");
}

#[actix_web::test]
async fn paths_and_queries_are_decoded_once() {
    // HTTP-b, HTTP-c, A.12
    let fixture = Fixture::new(ServerSettings::default()).await;
    let made = created(&fixture, "some body+x").await;
    let id = id(&made);
    let encoded: String = id.bytes().map(|b| format!("%{b:02X}")).collect();
    for path in [format!("/scim/v2/Users/{id}/"), format!("/scim/v2/Users/{encoded}")] {
        assert_eq!(fixture.answer(fixture.request(Method::GET, &path)).await.status, 200, "{path}");
    }
    let twice = encoded.replace('%', "%25");
    let path = format!("/scim/v2/Users/{twice}");
    fixture.answer(fixture.request(Method::GET, &path)).await.is_error(404, "encoded twice");
    for (query, found) in [
        ("filter=userName+eq+%22some+body%2Bx%22", 1),
        ("filter=userName%20eq%20%22some%20body%2Bx%22&aadOptscim062020", 1),
        ("filter=userName+eq+%22some+body+x%22", 0),
        ("count=0", 1),
    ] {
        let path = format!("/scim/v2/Users/?{query}");
        let answer = fixture.answer(fixture.request(Method::GET, &path)).await;
        assert_eq!(answer.json()["totalResults"], found, "{query}: {}", answer.body);
    }
}

#[actix_web::test]
async fn search_is_a_query_in_a_body() {
    // 7644-3.4.3-a
    let fixture = Fixture::new(ServerSettings::default()).await;
    created(&fixture, "one").await;
    created(&fixture, "two").await;
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "userName eq \"TWO\"",
        "attributes": ["userName"],
    });
    let answer = fixture.send(Method::POST, "/scim/v2/Users/.search", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let list = answer.json();
    assert_eq!(list["totalResults"], 1);
    assert_eq!(list["Resources"][0]["userName"], "two");
    assert!(list["Resources"][0].get("displayName").is_none());
}

#[actix_web::test]
async fn attributes_are_selected_on_every_operation() {
    // 7644-3.9-a
    let fixture = Fixture::new(ServerSettings::default()).await;
    let made = fixture.send(Method::POST, "/scim/v2/Users?attributes=userName", &user("sel")).await;
    let path = format!("/scim/v2/Users/{}", id(&made));
    let replaced =
        fixture.send(Method::PUT, &format!("{path}?excludedAttributes=displayName"), &user("sel")).await;
    let read = fixture.answer(fixture.request(Method::GET, &format!("{path}?attributes=userName"))).await;
    for answer in [&made, &replaced, &read] {
        assert_eq!(answer.json()["userName"], "sel", "{}", answer.body);
        assert!(answer.json().get("displayName").is_none(), "{}", answer.body);
    }
}

#[actix_web::test]
async fn deviations_are_understood_only_for_tolerant_clients() {
    let fixture = Fixture::new(ServerSettings::default()).await;
    let path = format!("/scim/v2/Users/{}", id(&created(&fixture, "dev").await));
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "Replace", "value": {"active": "False"}}],
    });
    let strict = fixture.of(&fixture.strict, Method::PATCH, &path).set_json(&patch);
    assert_eq!(fixture.answer(strict).await.status, 400);
    let tolerant = fixture.send(Method::PATCH, &path, &patch).await;
    assert_eq!(tolerant.status, 200, "{}", tolerant.body);
    assert_eq!(tolerant.json()["active"], false);
}
