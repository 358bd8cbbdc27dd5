//! A store that is down, out of reach or refuses us: 503 with `Retry-After`, never "not found"
//! and never an empty list; afterwards everything is as before.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};
use ureq::http::Method;

use super::{ERROR, GROUP, Site, USER, query};
use crate::support::{Answer, Backend, Gateway, Options, Proxy, TestStore, unique};

/// The stores behind a network.
const SERVERS: [Backend; 3] = [Backend::OpenLdap, Backend::Postgres, Backend::MariaDb];

fn assert_unavailable(what: &str, answer: &Answer) {
    assert_eq!(answer.status, 503, "{what}: {answer}");
    assert_eq!(answer.json["schemas"], json!([ERROR]), "{what}: {answer}");
    assert_eq!(answer.json["status"], "503", "{what}: {answer}");
    let seconds: u64 = answer.header("retry-after").parse().unwrap_or(0);
    assert!((1..=300).contains(&seconds), "{what}: Retry-After {seconds}");
}

/// One request of every kind.
fn requests(site: &Site) -> Vec<(Method, String, Option<Json>)> {
    let (user, group) = (format!("/Users/{}", site.user), format!("/Groups/{}", site.group));
    let new = json!({ "schemas": [USER], "userName": unique("outage"), "displayName": "Outage" });
    let whole = json!({ "schemas": [USER], "userName": site.taken.replace("person", "other") });
    let patch = |operation: Json| Some(json!({ "Operations": [operation] }));
    let add = json!({ "op": "add", "path": "members", "value": [{ "value": site.user }] });
    vec![
        (Method::GET, user.clone(), None),
        (Method::GET, format!("/Users/{}", super::NOBODY), None),
        (Method::GET, "/Users?count=5".to_owned(), None),
        (Method::GET, "/Users?count=0".to_owned(), None),
        (Method::GET, format!("/Users?{}", query("filter", "userName eq \"nobody\"")), None),
        (Method::GET, format!("/Users?{}", query("filter", "displayName co \"e\"")), None),
        (Method::POST, "/Users/.search".to_owned(), Some(json!({ "filter": "userName eq \"nobody\"" }))),
        (Method::GET, group.clone(), None),
        (Method::GET, "/Groups?excludedAttributes=members".to_owned(), None),
        (Method::POST, "/Users".to_owned(), Some(new)),
        (
            Method::POST,
            "/Groups".to_owned(),
            Some(json!({ "schemas": [GROUP], "displayName": unique("outage") })),
        ),
        (Method::PUT, user.clone(), Some(whole)),
        (Method::PATCH, user.clone(), patch(json!({ "op": "replace", "path": "title", "value": "Lost" }))),
        (Method::PATCH, group.clone(), patch(add)),
        (Method::DELETE, user, None),
        (Method::DELETE, group, None),
    ]
}

#[test]
fn a_store_that_is_down_is_never_an_empty_answer() {
    for backend in SERVERS {
        let Some(store) = TestStore::fresh(backend) else { continue };
        eprintln!("in front of {}", backend.name());
        let proxy = Proxy::to(store.address());
        let site = Site::new(store.by_way_of(proxy.address), &Options::default());
        let path = format!("/Users/{}", site.user);
        let user = site.client.get(&path).json;
        let id = &user["id"];
        for round in ["first", "second"] {
            let before = site.store.dump();
            proxy.set_down(true);
            proxy.cut();
            for (method, path, body) in requests(&site) {
                let answer = site.client.send(method.clone(), &path, body.as_ref(), &[]);
                // Nobody ever had this id: that is known without the store.
                if path.ends_with(super::NOBODY) && answer.status == 404 {
                    continue;
                }
                assert_unavailable(&format!("{round} outage: {method} {path}"), &answer);
            }
            assert_eq!(site.store.dump(), before, "the store, after the requests of the {round} outage");
            proxy.set_down(false);
            recover(&site);
            // The same user under the same id, who can be changed again.
            let title = format!("After the {round}");
            let changed = site.client.patch(&path, json!([{ "op": "add", "path": "title", "value": title }]));
            assert_eq!(
                (changed.status, &changed.json["id"], &changed.json["title"]),
                (200, id, &json!(title))
            );
        }
    }
}

/// Waits until the gateway serves again.
fn recover(site: &Site) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = site.client.get("/Users?count=1");
        if answer.status == 200 {
            return;
        }
        assert_unavailable("meanwhile", &answer);
        assert!(Instant::now() < deadline, "it does not recover");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_bulk_request_without_its_store_tries_no_more_than_it_must() {
    // R-02, 7644-3.7-d
    for backend in SERVERS {
        let Some(store) = TestStore::fresh(backend) else { continue };
        let proxy = Proxy::to(store.address());
        let site = Site::new(store.by_way_of(proxy.address), &Options::default());
        let before = site.store.dump();
        let operations: Vec<Json> = (0..200)
            .map(|n| {
                let data = json!({ "schemas": [USER], "userName": unique("bulk"), "displayName": "Bulk" });
                json!({ "method": "POST", "path": "/Users", "bulkId": n.to_string(), "data": data })
            })
            .collect();
        proxy.set_down(true);
        proxy.cut();
        let answer = site.client.post("/Bulk", &json!({ "Operations": operations }));
        assert_eq!(answer.status, 200, "{answer}");
        let done = answer.json["Operations"].as_array().unwrap();
        assert_eq!(done.len(), 200);
        for one in done {
            assert_eq!((&one["status"], &one["response"]["status"]), (&json!("503"), &json!("503")), "{one}");
        }
        proxy.set_down(false);
        recover(&site);
        assert_eq!(site.store.dump(), before);
    }
}

#[test]
fn a_gateway_that_starts_before_its_store_serves_once_it_is_there() {
    for backend in SERVERS {
        let Some(store) = TestStore::fresh(backend) else { continue };
        let proxy = Proxy::to(store.address());
        proxy.set_down(true);
        let store = store.by_way_of(proxy.address);
        let gateway = Gateway::start(&store, &Options::default());
        assert_unavailable(backend.name(), &gateway.client().get("/Users?count=1"));
        proxy.set_down(false);
        let deadline = Instant::now() + Duration::from_secs(30);
        while gateway.client().get("/Users?count=1").status != 200 {
            assert!(Instant::now() < deadline, "{} does not recover", backend.name());
            thread::sleep(Duration::from_millis(100));
        }
    }
}

#[test]
fn a_wrong_password_ends_the_start_with_a_clear_message() {
    for backend in SERVERS {
        let Some(store) = TestStore::fresh(backend) else { continue };
        let settings = store.settings();
        let start = settings.find("password = \"").unwrap() + "password = \"".len();
        let length = settings[start..].find('"').unwrap();
        let right = &settings[start..start + length];
        let wrong = format!("{}not-the-{right}{}", &settings[..start], &settings[start + length..]);
        let (code, said) = Gateway::fail_to_start(&store, &wrong);
        assert_eq!(code, Some(3), "{}: {said}", backend.name());
        assert!(said.contains("[stores.main]") && said.contains("password"), "{}: {said}", backend.name());
        assert!(!said.contains("not-the-"), "the password itself is not shown: {said}");
        assert!(!said.contains("listening"), "{said}");
    }
}
