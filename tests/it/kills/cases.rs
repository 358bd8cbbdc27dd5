//! The kinds of request, each with what it needs and how its outcome is told.

use serde_json::{Value as Json, json};
use ureq::http::Method;

use crate::support::Client;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// A request to be sent.
pub(super) struct Prepared {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Json>,
}

/// A kind of request.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// Makes what it needs, under a name of its own.
    pub(super) prepare: fn(&Client, &str) -> Prepared,
    /// Looks whether it was carried out, once.
    pub(super) check: fn(&Client, &str, &str),
}

pub(super) const CASES: &[Case] = &[
    Case { name: "create a user", prepare: create_user, check: user_is_there },
    Case { name: "create a group", prepare: create_group, check: group_is_there },
    Case { name: "rename a user in groups", prepare: rename_user, check: user_is_renamed },
    Case { name: "replace a user", prepare: replace_user, check: user_is_replaced },
    Case { name: "deactivate a user", prepare: deactivate_user, check: user_is_inactive },
    Case { name: "a new password of a deactivated user", prepare: new_password, check: user_is_inactive },
    Case { name: "add a member", prepare: add_member, check: group_has_two },
    Case { name: "delete a user in groups", prepare: delete_user, check: user_is_gone },
    Case { name: "delete a group", prepare: delete_group, check: group_is_gone },
];

/// Somebody with a password, `name@example.com`.
pub(super) fn person(name: &str) -> Json {
    json!({
        "schemas": [USER], "userName": format!("{name}@example.com"), "externalId": format!("ext-{name}"),
        "displayName": format!("Kay {name}"), "name": { "givenName": "Kay", "familyName": name }, "active": true,
        "emails": [{ "value": format!("{name}@example.com"), "type": "work", "primary": true }],
        "password": "Correct-Horse-7",
    })
}

/// The id of a new resource.
pub(super) fn made(client: &Client, path: &str, body: &Json) -> String {
    let answer = client.post(path, body);
    assert_eq!(answer.status, 201, "{answer}");
    answer.id()
}

/// The body of a PATCH.
pub(super) fn operations(operations: &Json) -> Json {
    let schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
    json!({ "schemas": [schema], "Operations": operations })
}

fn patch(path: String, wanted: &Json) -> Prepared {
    Prepared { method: Method::PATCH, path, body: Some(operations(wanted)) }
}

/// `Team name`, with members.
pub(super) fn group(name: &str, members: &[&str]) -> Json {
    let members: Vec<Json> = members.iter().map(|id| json!({ "value": id })).collect();
    json!({ "schemas": [GROUP], "displayName": format!("Team {name}"), "externalId": format!("ext-{name}"),
        "members": members })
}

/// The only resource that a filter finds.
pub(super) fn only(client: &Client, what: &str, path: &str, filter: &str) -> Json {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("filter", filter).finish();
    let answer = client.get(&format!("{path}?{query}"));
    assert_eq!(answer.status, 200, "{what}: {answer}");
    assert_eq!(answer.json["totalResults"], 1, "{what}: {answer}");
    answer.json["Resources"][0].clone()
}

fn user(client: &Client, name: &str, what: &str) -> Json {
    only(client, what, "/Users", &format!("userName eq \"{name}@example.com\""))
}

fn team(client: &Client, name: &str, what: &str) -> Json {
    only(client, what, "/Groups", &format!("displayName eq \"Team {name}\""))
}

fn create_user(_: &Client, name: &str) -> Prepared {
    Prepared { method: Method::POST, path: "/Users".to_owned(), body: Some(person(name)) }
}

fn user_is_there(client: &Client, name: &str, what: &str) {
    let found = user(client, name, what);
    assert_eq!(found["externalId"], format!("ext-{name}"), "{what}: {found}");
    assert_eq!(found["active"], true, "{what}: {found}");
    assert_eq!(found["emails"][0]["value"], format!("{name}@example.com"), "{what}: {found}");
}

fn create_group(client: &Client, name: &str) -> Prepared {
    let id = made(client, "/Users", &person(name));
    Prepared { method: Method::POST, path: "/Groups".to_owned(), body: Some(group(name, &[&id])) }
}

fn group_is_there(client: &Client, name: &str, what: &str) {
    let found = team(client, name, what);
    assert_eq!(found["externalId"], format!("ext-{name}"), "{what}: {found}");
    assert_eq!(members(client, &found), 1, "{what}: {found}");
}

/// How many members a group has, read by its id.
fn members(client: &Client, group: &Json) -> usize {
    let whole = client.get(&format!("/Groups/{}", group["id"].as_str().unwrap()));
    whole.json["members"].as_array().map_or(0, Vec::len)
}

fn rename_user(client: &Client, name: &str) -> Prepared {
    let id = made(client, "/Users", &person(name));
    made(client, "/Groups", &group(name, &[&id]));
    let to = format!("{name}-new@example.com");
    patch(
        format!("/Users/{id}"),
        &json!([{ "op": "replace", "path": "userName", "value": to },
            { "op": "replace", "path": "displayName", "value": format!("Kim {name}") },
            { "op": "replace", "path": "externalId", "value": format!("new-{name}") }]),
    )
}

fn user_is_renamed(client: &Client, name: &str, what: &str) {
    let found = user(client, &format!("{name}-new"), what);
    assert_eq!(found["displayName"], format!("Kim {name}"), "{what}: {found}");
    assert_eq!(found["externalId"], format!("new-{name}"), "{what}: {found}");
    let list = client.get(&format!("/Groups/{}", team(client, name, what)["id"].as_str().unwrap()));
    assert_eq!(list.json["members"][0]["value"], found["id"], "{what}: {list}");
    assert_eq!(list.json["members"].as_array().map_or(0, Vec::len), 1, "{what}: {list}");
}

fn replace_user(client: &Client, name: &str) -> Prepared {
    let id = made(client, "/Users", &person(name));
    let mut body = person(name);
    body["displayName"] = format!("Kim {name}").into();
    body["externalId"] = format!("new-{name}").into();
    body["password"] = "Correct-Horse-8".into();
    body["emails"] = json!([{ "value": format!("{name}.new@example.com"), "type": "work", "primary": true }]);
    Prepared { method: Method::PUT, path: format!("/Users/{id}"), body: Some(body) }
}

fn user_is_replaced(client: &Client, name: &str, what: &str) {
    let found = user(client, name, what);
    assert_eq!(found["displayName"], format!("Kim {name}"), "{what}: {found}");
    assert_eq!(found["externalId"], format!("new-{name}"), "{what}: {found}");
    assert_eq!(found["emails"][0]["value"], format!("{name}.new@example.com"), "{what}: {found}");
}

fn deactivate_user(client: &Client, name: &str) -> Prepared {
    let id = made(client, "/Users", &person(name));
    patch(format!("/Users/{id}"), &json!([{ "op": "replace", "path": "active", "value": false }]))
}

fn user_is_inactive(client: &Client, name: &str, what: &str) {
    let found = user(client, name, what);
    assert_eq!(found["active"], false, "{what}: {found}");
    assert_eq!(found["externalId"], format!("ext-{name}"), "{what}: {found}");
}

fn new_password(client: &Client, name: &str) -> Prepared {
    let mut leaver = person(name);
    leaver["active"] = false.into();
    let id = made(client, "/Users", &leaver);
    patch(
        format!("/Users/{id}"),
        &json!([{ "op": "replace", "path": "password", "value": "Correct-Horse-8" }]),
    )
}

fn add_member(client: &Client, name: &str) -> Prepared {
    let first = made(client, "/Users", &person(name));
    let second = made(client, "/Users", &person(&format!("{name}-b")));
    let id = made(client, "/Groups", &group(name, &[&first]));
    patch(
        format!("/Groups/{id}"),
        &json!([{ "op": "add", "path": "members", "value": [{ "value": second }] }]),
    )
}

fn group_has_two(client: &Client, name: &str, what: &str) {
    let found = team(client, name, what);
    assert_eq!(members(client, &found), 2, "{what}: {found}");
}

fn delete_user(client: &Client, name: &str) -> Prepared {
    let id = made(client, "/Users", &person(name));
    made(client, "/Groups", &group(name, &[&id]));
    Prepared { method: Method::DELETE, path: format!("/Users/{id}"), body: None }
}

fn user_is_gone(client: &Client, name: &str, what: &str) {
    let query = format!("/Users?filter=userName%20eq%20%22{name}%40example.com%22");
    let answer = client.get(&query);
    assert_eq!(answer.json["totalResults"], 0, "{what}: {answer}");
    let found = team(client, name, what);
    assert_eq!(members(client, &found), 0, "{what}: {found}");
}

fn delete_group(client: &Client, name: &str) -> Prepared {
    let user = made(client, "/Users", &person(name));
    let id = made(client, "/Groups", &group(name, &[&user]));
    Prepared { method: Method::DELETE, path: format!("/Groups/{id}"), body: None }
}

fn group_is_gone(client: &Client, name: &str, what: &str) {
    let answer = client.get(&format!("/Groups?filter=displayName%20eq%20%22Team%20{name}%22"));
    assert_eq!(answer.json["totalResults"], 0, "{what}: {answer}");
    let found = user(client, name, what);
    assert_eq!(found["groups"].as_array().map_or(0, Vec::len), 0, "{what}: {found}");
}
