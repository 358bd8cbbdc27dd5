//! The log line of a request, and answers when things go wrong behind the front.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::http::{
    Method,
    header::{self, HeaderName},
};
use futures_util::future::{self, LocalBoxFuture};
use scimgate::{
    config::ServerSettings,
    store::{Bag, Coverage, Predicate, ReadStore, Report, Row, Select, Step, Store, StoreError},
};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::fixture::{Fixture, user};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What was logged on this thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn listen() -> (Lines, tracing::subscriber::DefaultGuard) {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(lines.clone())
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .finish();
    (lines, tracing::subscriber::set_default(subscriber))
}

#[actix_web::test]
async fn the_log_names_routes_and_no_values() {
    // S-06, S-13
    let fixture = Fixture::new(ServerSettings::default()).await;
    let (lines, _guard) = listen();
    let made = fixture.send(Method::POST, "/scim/v2/Users", &user("canary-name")).await;
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "userName eq \"canary-search\"",
    });
    fixture.send(Method::POST, "/scim/v2/Users/.search", &search).await;
    for path in [
        "/scim/v2/Users?filter=userName%20eq%20%22canary-filter%22&canary-key=1".to_owned(),
        "/scim/v2/Users?filter=canary-broken%20(".to_owned(),
        "/scim/v2/Users/canary-id".to_owned(),
        "/scim/v2/canary-path".to_owned(),
        format!("/scim/v2/Users/{id}"),
    ] {
        fixture.answer(fixture.request(Method::GET, &path)).await;
    }
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [
            { "op": "add", "path": "phoneNumbers[value eq \"canary-phone\"].display", "value": "canary-value" },
            { "op": "replace", "value": { "canaryKey": "canary-value", "displayName": "canary-display" } },
            { "op": "remove", "path": "emails[value eq \"canary-mail\"]" },
        ],
    });
    fixture.send(Method::PATCH, &format!("/scim/v2/Users/{id}"), &patch).await;
    let stranger = fixture.of("canary-token", Method::GET, "/scim/v2/Users/canary-id");
    fixture.answer(stranger).await;
    let odd = Method::from_bytes(b"CANARY-METHOD").unwrap();
    fixture.answer(fixture.request(odd, "/scim/v2/Users")).await;
    let forged = fixture.request(Method::GET, "/scim/v2/Users").insert_header((REQUEST_ID, "canary id"));
    fixture.answer(forged).await;

    let text = lines.text();
    assert!(!text.to_lowercase().contains("canary"), "{text}");
    assert!(!text.contains(&fixture.all), "the token is in the log");
    for line in [
        "POST /scim/v2/Users answered 201",
        "POST /scim/v2/Users/.search answered 200",
        "GET /scim/v2/Users answered 200",
        "GET /scim/v2/Users answered 400",
        "GET /scim/v2/Users/{id} answered 404",
        "GET /scim/v2/Users/{id} answered 200",
        "GET /scim/v2/Users/{id} answered 401",
        "PATCH /scim/v2/Users/{id} answered 200",
        "an operation on a standard attribute that is not mapped changes nothing",
        "ignored attributes that the mapping does not have",
        "GET unknown answered 404",
        "other /scim/v2/Users answered 405",
    ] {
        assert_eq!(
            text.matches(line).count(),
            1 + usize::from(line.ends_with("Users answered 200") && line.starts_with("GET")),
            "{line} in\n{text}"
        );
    }
    for field in ["http.status=201", "client=\"idp\"", "client=\"-\"", "duration_ms=", "http.route="] {
        assert!(text.contains(field), "{field} in\n{text}");
    }
}

#[actix_web::test]
async fn a_sane_request_id_comes_back_and_stands_in_the_log() {
    let fixture = Fixture::new(ServerSettings::default()).await;
    let (lines, _guard) = listen();
    let request = fixture.request(Method::GET, "/scim/v2/Users").insert_header((REQUEST_ID, "trace-7"));
    assert_eq!(fixture.answer(request).await.header(REQUEST_ID), "trace-7");
    assert!(lines.text().contains("request.id=trace-7"), "{}", lines.text());
    let forged = fixture.request(Method::GET, "/scim/v2/Users").insert_header((REQUEST_ID, "a b"));
    let id = fixture.answer(forged).await.header(REQUEST_ID).to_owned();
    assert!(!id.is_empty() && id != "a b");
}

/// A store in which something is wrong.
pub(crate) enum Broken {
    Slow(Duration),
    Down,
    Silent,
    Panicking,
}

impl Broken {
    fn act<T: 'static>(&self) -> LocalBoxFuture<'_, Result<T, StoreError>> {
        match self {
            Self::Slow(_) => Box::pin(future::ready(Err(StoreError::Unsupported("nothing to read".into())))),
            Self::Down => {
                Box::pin(future::ready(Err(StoreError::Unavailable("secret-host: refused".into()))))
            }
            Self::Silent => Box::pin(future::pending()),
            Self::Panicking => Box::pin(async { panic!("a fault of the store") }),
        }
    }
}

impl ReadStore for Broken {
    fn select(&self, _: Select) -> LocalBoxFuture<'_, Result<Vec<Row>, StoreError>> {
        self.act()
    }

    fn count(&self, _: Arc<Bag>, _: Predicate) -> LocalBoxFuture<'_, Result<u64, StoreError>> {
        self.act()
    }

    fn coverage(&self, _: &Bag, _: &Predicate) -> Coverage {
        Coverage::Exact
    }

    fn probe(&self) -> LocalBoxFuture<'_, Result<String, StoreError>> {
        if let Self::Slow(delay) = *self {
            return Box::pin(async move {
                tokio::time::sleep(delay).await;
                Ok("slow".to_owned())
            });
        }
        self.act()
    }
}

impl Store for Broken {
    fn apply(&self, _: Vec<Step>) -> LocalBoxFuture<'_, Result<Vec<Report>, StoreError>> {
        self.act()
    }
}

#[actix_web::test]
async fn a_broken_store_gives_a_clean_answer() {
    // R-02, S-17
    for (store, status) in [(Broken::Down, 503), (Broken::Silent, 503), (Broken::Panicking, 500)] {
        let settings = ServerSettings { request_timeout_secs: 1, ..ServerSettings::default() };
        let fixture = Fixture::over(settings, Arc::new(store)).await;
        for request in [
            fixture.request(Method::GET, "/scim/v2/Users?filter=userName%20eq%20%22x%22"),
            fixture.request(Method::POST, "/scim/v2/Users").set_json(user("x")),
        ] {
            let answer = fixture.answer(request.insert_header((REQUEST_ID, "r1"))).await;
            answer.is_error(status, "broken store");
            assert_eq!(answer.headers.contains_key(header::RETRY_AFTER), status == 503);
            assert_eq!(answer.header(REQUEST_ID), "r1");
            assert!(!answer.body.contains("secret-host"), "{}", answer.body);
        }
    }
}

#[actix_web::test]
async fn health_tells_alive_from_ready_and_nothing_else() {
    //
    let healthy = Fixture::new(ServerSettings::default()).await;
    let down = Fixture::over(ServerSettings::default(), Arc::new(Broken::Down)).await;
    for (fixture, path, status, body) in [
        (&healthy, "/health/live", 200, "ok\n"),
        (&healthy, "/health/ready", 200, "ok\n"),
        (&down, "/health/live", 200, "ok\n"),
        (&down, "/health/ready", 503, "unavailable\n"),
    ] {
        let anonymous = actix_web::test::TestRequest::get().uri(path);
        let answer = fixture.answer(anonymous).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, body), "{path}");
    }
    healthy.answer(actix_web::test::TestRequest::post().uri("/health/live")).await.is_error(405, "POST");
}
