//! A resource type of a mapping's own, with an attribute of every data type and every characteristic and
//! with thirteen extensions, in front of every store: `tests/fixtures/devices`.

mod characteristics;
mod declared;
mod extensions;
mod filters;
mod life;
mod members;

use serde_json::{Value as Json, json};

use crate::support::{Answer, Backend, Client, Gateway, Options, TestStore, mismatches};

const DEVICE: &str = "urn:example:params:scim:schemas:core:2.0:Device";
const INVENTORY: &str = "urn:example:params:scim:schemas:extension:2.0:Inventory";

/// Runs a test in front of every store whose server is there.
fn everywhere(test: impl Fn(&TestStore, &Gateway)) {
    for store in Backend::ALL.into_iter().filter_map(TestStore::of_devices) {
        // Shown when the test fails, to tell which store it was.
        eprintln!("in front of {}", store.backend().name());
        let gateway = Gateway::start(&store, &Options::default());
        test(&store, &gateway);
    }
}

/// The URN of an extension of the fixture.
fn extension(name: &str) -> String {
    format!("urn:example:params:scim:schemas:extension:2.0:{name}")
}

/// What every device must have.
fn plain(name: &str) -> Json {
    json!({
        "schemas": [DEVICE, INVENTORY], "displayName": name, "serialNumber": format!("SN-{name}"),
        INVENTORY: { "owner": "Lee" },
    })
}

/// A plain device with more members.
fn device(name: &str, more: Json) -> Json {
    let mut body = plain(name);
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn make(client: &Client, body: &Json) -> Answer {
    let made = client.post("/Things", body);
    assert_eq!(made.status, 201, "{made}");
    made
}

/// Where a device is.
fn path(answer: &Answer) -> String {
    format!("/Things/{}", answer.id())
}

#[track_caller]
fn assert_holds(actual: &Json, expected: Json) {
    let wrong = mismatches(&expected, actual);
    assert!(wrong.is_empty(), "{}\nin {actual:#}", wrong.join("\n"));
}

#[track_caller]
fn refused(answer: &Answer, status: u16, scim_type: &str) {
    assert_eq!((answer.status, answer.json["scimType"].as_str()), (status, Some(scim_type)), "{answer}");
    assert!(answer.json["detail"].as_str().is_some_and(|d| d.len() > 10), "{answer}");
}

fn query(filter: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("filter", filter).append_pair("attributes", "displayName");
    format!("/Things?{}", query.finish())
}

/// The names of the devices that a filter finds, in order.
#[track_caller]
fn find(client: &Client, filter: &str) -> Vec<String> {
    let answer = client.get(&query(filter));
    assert_eq!(answer.status, 200, "{filter}: {answer}");
    let resources = answer.json["Resources"].as_array().cloned().unwrap_or_default();
    assert_eq!(answer.json["totalResults"], json!(resources.len()), "{filter}: {answer}");
    let mut names: Vec<String> =
        resources.iter().map(|r| r["displayName"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}
