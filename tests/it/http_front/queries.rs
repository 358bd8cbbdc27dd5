//! Whose queries they are: what a client may see, and cursors of others.

use actix_web::http::Method;
use scimgate::config::ServerSettings;
use serde_json::json;

use super::fixture::{Fixture, user};

#[actix_web::test]
async fn the_root_shows_what_the_client_may_read() {
    // 7644-3.4.2.1-a, S-11, 7644-2-c
    let fixture = Fixture::new(ServerSettings::default()).await;
    for name in ["one", "two"] {
        assert_eq!(fixture.send(Method::POST, "/scim/v2/Users", &user(name)).await.status, 201);
    }
    let group =
        json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Some Body"});
    assert_eq!(fixture.send(Method::POST, "/scim/v2/Groups", &group).await.status, 201);
    for (token, query, found) in [
        (&fixture.all, "", 3),
        (&fixture.reader, "", 3),
        (&fixture.groups, "", 1),
        (&fixture.groups, "filter=displayName+eq+%22some+body%22", 1),
        (&fixture.groups, "filter=userName+pr", 0),
        (&fixture.groups, "filter=meta.resourceType+eq+%22User%22", 0),
        (&fixture.reader, "filter=meta.resourceType+eq+%22User%22", 2),
    ] {
        let request = fixture.of(token, Method::GET, &format!("/scim/v2?{query}"));
        let answer = fixture.answer(request).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.json()["totalResults"], found, "{query}: {}", answer.body);
    }
}

#[actix_web::test]
async fn a_cursor_is_good_for_its_client_only() {
    // 9865-f, 9865-h, 9865-m, S-10
    let fixture = Fixture::new(ServerSettings::default()).await;
    for name in ["one", "two", "three"] {
        assert_eq!(fixture.send(Method::POST, "/scim/v2/Users", &user(name)).await.status, 201);
    }
    let page = async |token: &str, cursor: &str| {
        let path = format!("/scim/v2/Users?cursor={cursor}&count=1");
        fixture.answer(fixture.of(token, Method::GET, &path)).await
    };
    let first = page(&fixture.all, "").await.json();
    let cursor = first["nextCursor"].as_str().unwrap();
    assert_eq!(page(&fixture.all, cursor).await.status, 200);
    let (foreign, forged) = (page(&fixture.reader, cursor).await, page(&fixture.all, "forged").await);
    foreign.is_error(400, "another client's");
    assert_eq!(foreign.json()["scimType"], "invalidCursor");
    assert_eq!(foreign.body, forged.body, "nobody learns whether it was good for somebody");
    // Authorized as each page is, before the cursor is looked at.
    page(&fixture.groups, cursor).await.is_error(403, "no right");
}
