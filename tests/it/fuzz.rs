//! Requests that nobody thought of: valid ones and mutations of them, for a bounded number of cases.
//! Whatever comes, the answer is a SCIM answer and never a fault of ours, no handler panics, and the
//! gateway goes on (S-20, S-21). `fuzz/` has targets that run for as long as one likes.

mod request;
mod words;

use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::json;
use ureq::http::Method;

use self::request::{Request, request};
use crate::support::{Answer, Backend, Client, Gateway, Options, TestStore};

#[test]
fn any_request_in_front_of_sqlite() {
    run(Backend::Sqlite, "tolerant", 300);
}

#[test]
fn any_request_by_the_letter_in_front_of_sqlite() {
    run(Backend::Sqlite, "rfc", 150);
}

#[test]
fn any_request_in_front_of_openldap() {
    run(Backend::OpenLdap, "tolerant", 120);
}

#[test]
fn any_request_in_front_of_postgres() {
    run(Backend::Postgres, "interop-strict", 100);
}

fn run(backend: Backend, mode: &str, cases: u32) {
    // S-20, S-21, S-28, 7644-3.12-a, 7644-3.12-b, 7644-3.12-c, HTTP-a
    let Some(store) = TestStore::fresh(backend) else { return };
    let options = Options { client: format!("mode = \"{mode}\""), ..Options::default() };
    let gateway = Gateway::start(&store, &options);
    let client = gateway.client();
    let ids = |path: &str| -> Vec<String> {
        let found = client.get(path).json;
        found["Resources"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect()
    };
    let (users, groups) = (ids("/Users?count=5"), ids("/Groups?count=3"));
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let outcome = TestRunner::new(config).run(&request(users, groups), |request| {
        let answer = send(&client, &request);
        check(&request, &answer).map_err(TestCaseError::fail)
    });
    if let Err(error) = outcome {
        panic!("in front of {}, {mode}: {error}\n{}", backend.name(), gateway.log());
    }
    let log = gateway.log();
    assert!(!log.contains("a fault of ours") && !log.contains("panicked"), "{log}");
    assert_eq!(client.get("/Users?count=1").status, 200);
    let memory = gateway.peak_memory();
    assert!(memory < 512 * 1024 * 1024, "{memory} bytes");
    println!("{cases} requests in front of {}, {mode}", backend.name());
}

fn send(client: &Client, request: &Request) -> Answer {
    let method: Method = request.method.parse().unwrap();
    let headers: Vec<(&str, &str)> = request.headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let body = request.body.as_deref().filter(|_| ["POST", "PUT", "PATCH"].contains(&request.method));
    client.send_text(&method, &request.target, body, &headers)
}

/// What every answer must be.
fn check(request: &Request, answer: &Answer) -> Result<(), String> {
    let problem = |what: &str| Err(format!("{what}: {answer} to {request:?}"));
    if answer.status >= 500 && answer.status != 501 {
        return problem("a fault of ours");
    }
    let has_body = !answer.json.is_null();
    let may_have_body = request.method != "HEAD" && ![204, 304].contains(&answer.status);
    if has_body != may_have_body {
        return problem("a body where none belongs, or none");
    }
    if has_body && !["application/scim+json", "application/json"].contains(&answer.header("content-type")) {
        return problem("another media type");
    }
    let schemas = &answer.json["schemas"];
    let error = json!(["urn:ietf:params:scim:api:messages:2.0:Error"]);
    match answer.status {
        200 | 201 if may_have_body && !schemas.is_array() => problem("no schemas"),
        400.. if may_have_body => {
            let status = answer.json["status"] == json!(answer.status.to_string());
            let detail = answer.json["detail"].as_str().is_some_and(|detail| !detail.is_empty());
            let has_type = answer.json["scimType"].is_string();
            let wants_type = answer.status == 400 || answer.json["scimType"] == "uniqueness";
            if *schemas == error && status && detail && has_type == wants_type {
                return Ok(());
            }
            problem("no SCIM error")
        }
        _ => Ok(()),
    }
}
