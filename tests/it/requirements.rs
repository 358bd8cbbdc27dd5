//! What RFC 7643 and RFC 7644 demand of the life of a resource, in front of every store. The ids are those
//! of `docs/conformance.md`.

mod create;
mod delete;
mod messages;
mod read;
mod replace;

use serde_json::{Value as Json, json};

use crate::support::{Answer, Client};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// A user with everything that all shipped mappings have a place for.
fn person(login: &str) -> Json {
    json!({
        "schemas": [USER], "userName": login, "displayName": "Ida Noddack", "active": true,
        "title": "Chemist", "name": { "givenName": "Ida", "familyName": "Noddack" },
        "emails": [{ "value": format!("{login}.mail@example.com"), "type": "work" }],
    })
}

/// Creates it; the path of the new resource and the answer.
fn create(client: &Client, endpoint: &str, body: &Json) -> (String, Answer) {
    let answer = client.post(endpoint, body);
    assert_eq!(answer.status, 201, "{answer}");
    (format!("{endpoint}/{}", answer.id()), answer)
}

/// The answer is an error of the protocol with this status and `scimType` (`""` for none).
fn assert_refused(answer: &Answer, status: u16, scim_type: &str) {
    assert_eq!(answer.status, status, "{answer}");
    assert_eq!(answer.json["schemas"], json!([ERROR]), "{answer}");
    assert_eq!(answer.json["status"], json!(status.to_string()), "{answer}");
    assert_eq!(answer.json["scimType"].as_str().unwrap_or(""), scim_type, "{answer}");
}

/// A filter as a query string.
fn filter(text: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new()).append_pair("filter", text).finish()
}

/// How many resources meet a filter.
fn total(client: &Client, endpoint: &str, text: &str) -> Json {
    let answer = client.get(&format!("{endpoint}?{}", filter(text)));
    assert_eq!(answer.status, 200, "{answer}");
    answer.json["totalResults"].clone()
}
