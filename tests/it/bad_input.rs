//! Requests that are wrong, hostile or come at a bad time, in front of every store: each is refused
//! with the error that RFC 7644 §3.12 names (standards A.2), or carried out to the letter; the rest
//! of the store stays as it was. Looked at with the store's own tools, not through the gateway.

mod attack;
mod bodies;
mod http;
mod outage;
mod patches;
mod queries;
mod types;

use serde_json::{Value as Json, json};
use ureq::http::Method;

use crate::support::{Answer, Backend, Client, Gateway, Options, TestStore};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// A well-formed id that nobody has.
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// A store with a gateway in front of it, and what tests need to know of the two.
struct Site {
    store: TestStore,
    gateway: Gateway,
    client: Client,
    /// Id of a user.
    user: String,
    /// Id of a group with members.
    group: String,
    /// Login of another user.
    taken: String,
    wrong: Vec<String>,
}

/// Runs a test in front of every store whose server is there.
fn everywhere(test: impl Fn(&mut Site)) {
    let mut wrong = Vec::new();
    for store in Backend::ALL.into_iter().filter_map(TestStore::fresh) {
        let name = store.backend().name();
        // Shown when the test fails, to tell which store it was.
        eprintln!("in front of {name}");
        let mut site = Site::new(store, &Options::default());
        test(&mut site);
        assert!(
            !site.gateway.log().contains("a fault of ours"),
            "a handler panicked:\n{}",
            site.gateway.log()
        );
        wrong.extend(site.wrong.drain(..).map(|line| format!("{name}: {line}")));
    }
    assert!(wrong.is_empty(), "{} mistakes:\n{}", wrong.len(), wrong.join("\n"));
}

impl Site {
    fn new(store: TestStore, options: &Options) -> Self {
        let gateway = Gateway::start(&store, options);
        let client = gateway.client();
        let text = |answer: &Answer, pointer: &str| {
            let value = answer.json.pointer(pointer).and_then(Json::as_str);
            value.unwrap_or_else(|| panic!("no {pointer} in {answer}")).to_owned()
        };
        let users = client.get("/Users?count=2");
        let groups = client.get("/Groups?filter=displayName%20eq%20%22Board%22");
        Self {
            user: text(&users, "/Resources/0/id"),
            taken: text(&users, "/Resources/1/userName"),
            group: text(&groups, "/Resources/0/id"),
            wrong: Vec::new(),
            store,
            gateway,
            client,
        }
    }

    /// Fills in the ids of the site.
    fn fill(&self, text: &str) -> String {
        let text = text.replace("{user}", &self.user).replace("{group}", &self.group);
        text.replace("{taken}", &self.taken).replace("{nobody}", NOBODY)
    }

    fn send(&self, method: &Method, path: &str, body: &Json) -> Answer {
        let body = self.fill(&body.to_string());
        let headers = [("content-type", "application/scim+json")];
        self.client.send_text(method, &self.fill(path), Some(body.as_bytes()), &headers)
    }

    /// The answer must be this refusal, `""` standing for no `scimType`, and the store as it was.
    fn refused(&mut self, what: &str, before: &[String], answer: &Answer, status: u16, scim_type: &str) {
        let is_as_it_should_be = answer.json["schemas"] == json!([ERROR])
            && answer.json["status"] == json!(answer.status.to_string())
            && answer.json["detail"].as_str().is_some_and(|detail| !detail.is_empty())
            && answer.header("content-type") == "application/scim+json";
        let kind = answer.json["scimType"].as_str().unwrap_or("");
        if answer.status != status || kind != scim_type || !is_as_it_should_be {
            self.wrong.push(format!(
                "{what}: expected {status} {scim_type}, got {} {}",
                answer.status, answer.json
            ));
        }
        for word in ["SELECT", "INSERT", "UPDATE", "dc=", "hr.", "constraint", "objectClass"] {
            let detail = answer.json["detail"].as_str().unwrap_or("");
            if detail.contains(word) {
                self.wrong.push(format!("{what}: the store shows through in {detail:?}"));
            }
        }
        let after = self.store.dump();
        if before != after {
            let new = after.iter().filter(|line| !before.contains(line));
            let lines: Vec<String> = new.map(|line| line.chars().take(400).collect()).collect();
            self.wrong.push(format!("{what}: the store has changed: {}", lines.join("\n    ")));
        }
    }

    /// Sends requests of which each must be refused.
    fn all_refused(&mut self, method: &Method, cases: &[(&str, Json, u16, &str)]) {
        let before = self.store.dump();
        for (path, body, status, scim_type) in cases {
            let answer = self.send(method, path, body);
            let what = format!("{method} {path} {body}");
            self.refused(&what, &before, &answer, *status, scim_type);
        }
    }
}

/// A query string of one parameter.
fn query(name: &str, value: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish()
}
