//! `/Me` in front of every store (RFC 7644 §3.11).

use serde_json::{Value as Json, json};
use ureq::http::Method;

use crate::support::{Backend, Client, Gateway, Options, TestStore};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

fn start(store: &TestStore, me: &str, scopes: &'static str) -> Gateway {
    let options = Options { client: format!("{me}\n"), scopes: Some(scopes), ..Options::default() };
    Gateway::start(store, &options)
}

fn me(name: &str) -> String {
    format!("me = {{ type = \"User\", filter = 'userName eq \"{name}\"' }}")
}

fn create(client: &Client, name: &str) -> String {
    let body = json!({ "schemas": [USER], "userName": name, "displayName": "Service" });
    let made = client.post("/Users", &body);
    assert_eq!(made.status, 201, "{made}");
    made.id()
}

#[test]
fn the_resource_that_stands_for_a_client_is_served_in_place() {
    // 7644-3.11-a
    for store in Backend::EVERY.into_iter().filter_map(TestStore::fresh) {
        eprintln!("in front of {}", store.backend().name());
        let gateway = start(&store, &me("scim-service"), "all");
        let client = gateway.client();
        // Nobody yet.
        for method in [Method::GET, Method::DELETE] {
            let answer = client.send(method, "/Me", None, &[]);
            assert_eq!((answer.status, &answer.json["status"]), (404, &json!("404")), "{answer}");
        }
        let id = create(&client, "scim-service");
        let location = format!("{}/scim/v2/Users/{id}", gateway.address());
        let read = client.get("/Me?attributes=userName");
        assert_eq!((read.status, &read.json["userName"]), (200, &json!("scim-service")), "{read}");
        assert_eq!((read.header("location"), read.json.get("displayName")), (location.as_str(), None));
        let tag = client.get("/Me").header("etag").to_owned();
        assert_eq!(client.send(Method::GET, "/Me/", None, &[("if-none-match", &tag)]).status, 304);
        let head = client.send(Method::HEAD, "/Me", None, &[]);
        assert_eq!((head.status, head.header("location"), &head.json), (200, location.as_str(), &Json::Null));

        let patched = client.patch("/Me", json!([{ "op": "add", "path": "title", "value": "Robot" }]));
        assert_eq!((patched.status, &patched.json["title"]), (200, &json!("Robot")), "{patched}");
        let body = json!({ "schemas": [USER], "userName": "scim-service", "displayName": "Other" });
        let stale = client.send(Method::PUT, "/Me", Some(&body), &[("if-match", &tag)]);
        assert_eq!(stale.status, 412, "{stale}");
        let replaced = client.put("/Me", &body);
        assert_eq!((replaced.status, &replaced.json["displayName"]), (200, &json!("Other")), "{replaced}");
        assert_eq!(replaced.header("location"), location);
        assert_eq!(client.get(&format!("/Users/{id}")).json["displayName"], "Other");
        assert_eq!(client.patch("/Me", json!([{ "op": "add", "path": "nosuch", "value": 1 }])).status, 400);

        // Nobody registers here.
        for method in [Method::POST, Method::OPTIONS] {
            let answer = client.send(method, "/Me", Some(&body), &[]);
            assert_eq!(answer.status, 405, "{answer}");
            assert_eq!(answer.header("allow"), "GET, HEAD, PUT, PATCH, DELETE");
        }
        assert_eq!(client.delete("/Me").status, 204);
        assert_eq!(client.get("/Me").status, 404);
        assert_eq!(client.get(&format!("/Users/{id}")).status, 404);
    }
}

#[test]
fn a_filter_that_several_meet_means_nobody() {
    let store = TestStore::fresh(Backend::Sqlite).unwrap();
    let gateway = start(&store, "me = { type = \"User\", filter = 'userName sw \"person\"' }", "all");
    let before = store.dump();
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(gateway.client().send(method, "/Me", None, &[]).status, 404);
    }
    assert_eq!(store.dump(), before);
}

#[test]
fn me_needs_the_rights_of_the_resource_and_a_setting() {
    // 7644-3.11-a, S-11
    let store = TestStore::fresh(Backend::Sqlite).unwrap();
    let gateway = start(&store, &me("person1"), "read");
    let client = gateway.client();
    assert_eq!(client.get("/Me").status, 200);
    assert_eq!(client.patch("/Me", json!([])).status, 403);
    let gateway = start(&store, &me("person1"), "groups");
    assert_eq!(gateway.client().get("/Me").status, 403);
    let gateway = start(&store, "", "all");
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::DELETE, Method::POST] {
        let answer = gateway.client().send(method.clone(), "/Me", None, &[]);
        assert_eq!(answer.status, 501, "{method}: {answer}");
    }
}

#[test]
fn a_setting_that_the_mapping_cannot_answer_ends_the_start() {
    let store = TestStore::fresh(Backend::Sqlite).unwrap();
    for (client, expected) in [
        ("me = { type = \"Robot\", filter = 'userName eq \"a\"' }", "no resource type of this name"),
        ("me = { type = \"User\", filter = 'userName is \"a\"' }", "clients[0].me"),
        ("me = { type = \"User\", filter = 'password eq \"a\"' }", "password"),
        ("me = { type = \"User\" }", "filter"),
    ] {
        let options = Options { client: format!("{client}\n"), ..Options::default() };
        let (code, said) = Gateway::fail_to_start_with(&store, &options);
        assert_eq!(code, Some(1), "{client}: {said}");
        assert!(said.contains(expected), "{client}: {said}");
    }
}
