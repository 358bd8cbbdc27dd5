//! Queries through HTTP in front of every store: the order of the answer, its
//! pages, and queries over all resource types.

mod paging;
mod root;
mod searchable;
mod sorting;

use serde_json::{Value as Json, json};

use crate::support::{Backend, Client, Gateway, Options, TestStore};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Runs a test in front of every store whose server is there.
fn everywhere(test: impl Fn(&TestStore, Gateway)) {
    for store in Backend::ALL.into_iter().filter_map(TestStore::fresh) {
        // Shown when the test fails, to tell which store it was.
        eprintln!("in front of {}", store.backend().name());
        let gateway = Gateway::start(&store, &Options::default());
        test(&store, gateway);
    }
}

/// A query; the parameters are encoded here.
fn list(client: &Client, path: &str, parameters: &[(&str, &str)]) -> Json {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let answer = client.get(&format!("{path}?{query}"));
    assert_eq!(answer.status, 200, "{parameters:?}: {answer}");
    answer.json
}

/// Status and `scimType` of a query that is refused.
fn refused(client: &Client, path: &str, parameters: &[(&str, &str)]) -> (u16, String) {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let answer = client.get(&format!("{path}?{query}"));
    (answer.status, answer.json["scimType"].as_str().unwrap_or("").to_owned())
}

fn resources(answer: &Json) -> &Vec<Json> {
    answer["Resources"].as_array().unwrap()
}

fn ids(answer: &Json) -> Vec<String> {
    resources(answer).iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect()
}

/// Makes a user with a login of its own and more attributes; its id.
fn create(client: &Client, login: &str, more: Json) -> String {
    let mut body = json!({ "schemas": [USER], "userName": format!("{login}@example.com"),
        "displayName": login, "name": { "familyName": "Sorted", "givenName": "Some" } });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = client.post("/Users", &body);
    assert_eq!(answer.status, 201, "{answer}");
    answer.id()
}
