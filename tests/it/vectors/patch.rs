//! PATCH: a resource is made, patched and read back; on an error it is what it was.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use ureq::http::Method;

use super::{Site, conclude, fixture};
use crate::support::{Answer, Backend, Client, unique};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// D-4: the one vector of the RFC that a tolerant server answers otherwise.
const MADE: &str = "replace: filter matches nothing -> noTarget";

/// Of those with two readings, the ones that a tolerant server understands and the RFC does not.
const UNDERSTOOD: [&str; 3] = [
    "replace: filter on an empty attribute -> noTarget",
    "wrong type: string for multi-valued complex",
    "envelope: body without schemas",
];

#[test]
fn operations_in_front_of_sqlite() {
    run(Backend::Sqlite);
}

#[test]
fn operations_in_front_of_openldap() {
    run(Backend::OpenLdap);
}

#[test]
fn operations_in_front_of_389ds() {
    run(Backend::Ds389);
}

#[test]
fn operations_in_front_of_active_directory() {
    run(Backend::ActiveDirectory);
}

#[test]
fn operations_in_front_of_mariadb() {
    run(Backend::MariaDb);
}

#[test]
fn operations_in_front_of_postgres() {
    run(Backend::Postgres);
}

fn run(backend: Backend) {
    // 7644-3.5.2-a, 7644-3.5.2-b, 7644-3.5.2-c, 7644-3.5.2-d, 7644-3.5.2-e, 7644-3.5.2-f,
    // 7644-3.5.2-g, 7644-3.5.2-h, 7644-3.5.2-i, 7644-3.5.2-j, 7644-3.5.2-k, D-3, D-4, D-10
    for mode in ["tolerant", "rfc"] {
        let Some(site) = Site::start(backend, mode) else { return };
        let vectors = fixture("patch.json");
        let list = vectors["vectors"].as_array().unwrap();
        assert_eq!(list.len(), 128);
        let client = site.gateway.client();
        let people: Vec<String> = (0..3).map(|_| person(&client)).collect();
        let mut ran: BTreeMap<&str, usize> = BTreeMap::new();
        let mut wrong = Vec::new();
        for vector in list {
            *ran.entry(vector["class"].as_str().unwrap()).or_default() += 1;
            if let Err(problem) = try_one(&client, vector, &people, mode) {
                wrong.push(format!("{} ({}): {problem}", vector["name"], vector["class"]));
            }
        }
        conclude(&format!("PATCH, {}, {mode}", backend.name()), &ran, &wrong);
    }
}

/// The id of a new user.
fn person(client: &Client) -> String {
    let made = client.post("/Users", &json!({ "schemas": [USER], "userName": unique("member") }));
    assert_eq!(made.status, 201, "{made}");
    made.id()
}

fn try_one(client: &Client, vector: &Json, people: &[String], mode: &str) -> Result<(), String> {
    let (endpoint, schema) = if vector["type"] == "User" { ("/Users", USER) } else { ("/Groups", GROUP) };
    let mut names = vec![
        ("{{u}}", unique("v")),
        ("{{m1}}", people[0].clone()),
        ("{{m2}}", people[1].clone()),
        ("{{m3}}", people[2].clone()),
        // The managers of the vectors are people here.
        ("\"old\"", format!("{:?}", people[0])),
        ("\"new-manager-456\"", format!("{:?}", people[1])),
        ("\"271\"", format!("{:?}", people[2])),
        ("\"manager\":{\"value\":\"1\"}", format!("\"manager\":{{\"value\":{:?}}}", people[0])),
    ];
    let vector = &fill(vector, &names);
    let mut body = vector["before"].clone();
    let schemas = if body.get(ENTERPRISE).is_some() { vec![schema, ENTERPRISE] } else { vec![schema] };
    body.as_object_mut().unwrap().insert("schemas".into(), json!(schemas));
    let made = client.post(endpoint, &body);
    if made.status != 201 {
        return Err(format!("is not made: {made}"));
    }
    let path = format!("{endpoint}/{}", made.id());
    names.push(("{{id}}", made.id()));
    let vector = &fill(vector, &names);
    let default = json!({ "schemas": [PATCH], "Operations": vector["operations"] });
    let answer = client.send(Method::PATCH, &path, Some(vector.get("body").unwrap_or(&default)), &[]);
    let after = client.get(&path);
    judge(vector, mode, &made, &answer, &after)
}

fn judge(vector: &Json, mode: &str, before: &Answer, answer: &Answer, after: &Answer) -> Result<(), String> {
    let is_tolerant = mode == "tolerant";
    let show = || format!("{answer}\nbefore {}\nafter {}", before.json, after.json);
    if answer.status >= 500 {
        return Err(show());
    }
    if answer.status >= 400 {
        if before.json != after.json {
            return Err(format!("is refused and changes all the same: {}", show()));
        }
    } else if answer.status != 200 || answer.json != after.json {
        return Err(format!("does not answer with the resource: {}", show()));
    }
    let sets_password = vector["operations"].to_string().contains("password");
    let content = |answer: &Answer| {
        let mut json = answer.json.clone();
        json.as_object_mut().unwrap().remove("meta");
        json
    };
    if content(before) == content(after) && before.json != after.json && !sets_password {
        return Err(format!("changes nothing but the version: {}", show()));
    }
    let is_expected = match vector.get("error") {
        None => {
            let wanted = comparable(&vector["after"], &vector["after"]);
            answer.status == 200 && comparable(&after.json, &vector["after"]) == wanted
        }
        Some(error) => {
            let kinds = error["scimType"].as_array().unwrap();
            error["status"] == answer.status && kinds.contains(&answer.json["scimType"])
        }
    };
    let name = vector["name"].as_str().unwrap();
    let is_right = match vector["class"].as_str().unwrap() {
        "lenient" if !is_tolerant => true,
        _ if is_tolerant && (name == MADE || UNDERSTOOD.contains(&name)) => answer.status == 200,
        _ => is_expected,
    };
    if is_right {
        Ok(())
    } else {
        Err(format!("{}\nexpected {}", show(), vector.get("error").unwrap_or(&vector["after"])))
    }
}

/// Fills in what the vectors leave open.
fn fill(value: &Json, names: &[(&str, String)]) -> Json {
    let mut text = value.to_string();
    for (hole, name) in names {
        text = text.replace(hole, name);
    }
    serde_json::from_str(&text).unwrap()
}

/// A resource as the vectors compare it: no ids, no order, a false `primary` is absent, of references
/// only the id, and of what a server adds by itself only what the vector speaks of.
fn comparable(resource: &Json, wanted: &Json) -> Json {
    let mut resource = resource.clone();
    let top = resource.as_object_mut().unwrap();
    top.retain(|name, _| !["schemas", "id", "meta", "groups", "password"].contains(&name.as_str()));
    if wanted.get("active").is_none() && top.get("active") == Some(&Json::Bool(true)) {
        top.remove("active");
    }
    if let Some(name) = top.get_mut("name").and_then(Json::as_object_mut)
        && wanted["name"].get("formatted").is_none()
    {
        name.remove("formatted");
    }
    let only_id = |reference: &mut Json| {
        if let Some(reference) = reference.as_object_mut() {
            reference.retain(|name, _| name == "value");
        }
    };
    if let Some(members) = top.get_mut("members").and_then(Json::as_array_mut) {
        members.iter_mut().for_each(only_id);
    }
    if let Some(manager) = top.get_mut(ENTERPRISE).and_then(|part| part.get_mut("manager")) {
        only_id(manager);
    }
    for list in top.values_mut().filter_map(Json::as_array_mut) {
        for element in list.iter_mut().filter_map(Json::as_object_mut) {
            element.retain(|name, value| name != "primary" || *value == true);
        }
        list.sort_by_key(ToString::to_string);
    }
    prune(&mut resource);
    resource
}

/// Takes out what is nothing.
fn prune(value: &mut Json) {
    let Some(object) = value.as_object_mut() else { return };
    object.values_mut().for_each(prune);
    let is_nothing = |value: &Json| {
        value.is_null()
            || value.as_array().is_some_and(Vec::is_empty)
            || value.as_object().is_some_and(serde_json::Map::is_empty)
    };
    object.retain(|_, value| !is_nothing(value));
}
