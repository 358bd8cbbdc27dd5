//! The laws of lenses for every shipped mapping as a whole, through the gateway
//! and over the store in memory, with random resources of the published schema.
//!
//! - *PutGet*: what was sent is what is read, after POST and after PUT. What the
//!   mapping adds may stand beside it (`ADDED`): defaults of the store and
//!   texts that are composed of others.
//! - *GetPut*: sending back what was read writes nothing at all.
//! - *Delta*: a PATCH leaves the resource as the same operations do in memory,
//!   whether the gateway writes single members or the whole.
//! - *Frame*: nobody else's resource changes.
//!
//! `src/mapping/lens/laws` has the laws for each kind of lens, on rows that
//! others wrote.

mod house;
mod resources;

use std::{fs, path::Path};

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select as pick},
    test_runner::{Config, TestCaseResult, TestRunner},
};
use scimgate::{
    mapping::{Mapping, lens::Lens},
    scim::{
        ENTERPRISE, Json, Object,
        patch::{self, PATCH_OP, PatchRules},
    },
};
use serde_json::json;

use self::house::House;

/// Mappings that need entries or rows of theirs, or make values by themselves: `sets` and `set_laws` test each in
/// front of its own store.
const APPLICATIONS: [&str; 8] = [
    "drupal.toml",
    "eduperson.toml",
    "freeipa.toml",
    "koha.toml",
    "nextcloud.toml",
    "ofbiz.toml",
    "openldap-rfc2307bis.toml",
    "wordpress.toml",
];
/// What a mapping may add to what was sent.
const ADDED: &[&str] = &["active", "userType", "name.formatted"];
/// The same, where nobody is without a name to be shown by.
const ADDED_WITH_NAMES: &[&str] = &["active", "userType", "name.formatted", "displayName"];

fn added_by(mapping: &str) -> &'static [&'static str] {
    if mapping == "active-directory.toml" { ADDED_WITH_NAMES } else { ADDED }
}

/// What comes with every element or pointer.
const COMES_ALONG: &[&str] = &["type", "primary", "$ref", "display", "displayName"];

fn shipped() -> Vec<(String, Mapping)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings");
    let load = |name: &str| fs::read_to_string(folder.join(name));
    let names = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let names = names.filter(|name| !APPLICATIONS.contains(&name.as_str()));
    let mut all: Vec<(String, Mapping)> = names
        .map(|name| {
            let compiled = scimgate::mapping::compile::compile(&load(&name).unwrap(), &load);
            (name, compiled.unwrap_or_else(|d| panic!("{d}")).0)
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(all.len() >= 4, "the files were found");
    all
}

/// Names that an earlier case has taken in the same house say nothing of the law.
fn refused(error: &impl std::fmt::Display) -> TestCaseError {
    let said = error.to_string();
    if said.starts_with("409") { TestCaseError::reject(said) } else { TestCaseError::fail(said) }
}

fn check<S: Strategy>(name: &str, cases: u32, strategy: &S, law: impl Fn(S::Value) -> TestCaseResult) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
    if let Err(error) = TestRunner::new(config).run(strategy, law) {
        panic!("{name}: {error}");
    }
}

#[test]
fn what_is_sent_is_read_and_what_is_read_changes_nothing() {
    for (name, mapping) in shipped() {
        for endpoint in ["User", "Group"] {
            let house = House::new(&mapping);
            let resource = resources::any(&mapping.types[mapping.find_type(endpoint).unwrap()]);
            check(&format!("{name}, {endpoint}"), 48, &(resource.clone(), resource), |(first, second)| {
                let first = house.placed(endpoint, &first);
                let read = house.create(endpoint, &first).map_err(|e| refused(&e))?;
                shows(
                    &kept(&mapping, endpoint, &first),
                    &kept(&mapping, endpoint, &read),
                    added_by(&name),
                    "POST",
                )?;
                let id = read["id"].as_str().unwrap();
                prop_assert_eq!(&house.read(endpoint, id), &read, "the answer to POST");
                writes_nothing(&house, endpoint, &read)?;
                let others = house.others(id);
                let second = house.over(endpoint, house.placed(endpoint, &second), &read);
                let read = house.replace(endpoint, id, &second).map_err(|e| refused(&e))?;
                shows(
                    &kept(&mapping, endpoint, &second),
                    &kept(&mapping, endpoint, &read),
                    added_by(&name),
                    "PUT",
                )?;
                writes_nothing(&house, endpoint, &read)?;
                prop_assert_eq!(house.others(id), others, "Frame");
                Ok(())
            });
        }
    }
}

/// Sends back what was read.
fn writes_nothing(house: &House, endpoint: &str, read: &Object) -> TestCaseResult {
    let id = read["id"].as_str().unwrap();
    house.take_writes();
    let again = house.replace(endpoint, id, read).map_err(|e| refused(&e))?;
    prop_assert_eq!(house.take_writes(), Vec::<String>::new(), "GetPut");
    prop_assert_eq!(&again, read);
    Ok(())
}

/// What was sent is there, and nothing that the mapping does not add.
fn shows(sent: &Object, read: &Object, added: &[&str], how: &str) -> TestCaseResult {
    let flat = |resource: &Object| {
        let mut out: Vec<(String, Json)> = Vec::new();
        for (name, value) in resource.iter().filter(|(n, _)| !["id", "schemas", "meta"].contains(&n.as_str()))
        {
            match value {
                Json::Object(inner) => {
                    out.extend(inner.iter().map(|(n, v)| (format!("{name}.{n}"), v.clone())));
                }
                other => out.push((name.clone(), other.clone())),
            }
        }
        out
    };
    let (sent, read) = (flat(sent), flat(read));
    for (name, value) in &sent {
        let found = read.iter().find(|(n, _)| n == name).map(|(_, v)| v);
        let same = found.is_some_and(|found| contains(found, value));
        prop_assert!(same, "{how}: {name} was sent as {value} and reads as {found:?}");
    }
    let more = read.iter().find(|(n, _)| !sent.iter().any(|(s, _)| s == n) && !added.contains(&n.as_str()));
    prop_assert!(more.is_none(), "{how}: {more:?} was not sent");
    Ok(())
}

/// Elements in any order; each may have what comes along.
fn contains(read: &Json, sent: &Json) -> bool {
    match (read, sent) {
        (Json::Array(read), Json::Array(sent)) => {
            read.len() == sent.len() && sent.iter().all(|s| read.iter().any(|r| contains(r, s)))
        }
        (Json::Object(read), Json::Object(sent)) => {
            sent.iter().all(|(name, value)| read.get(name).is_some_and(|found| contains(found, value)))
                && read.keys().all(|k| sent.contains_key(k) || COMES_ALONG.contains(&k.as_str()))
        }
        (read, sent) => read == sent,
    }
}

#[derive(Debug, Clone)]
enum Edit {
    Add(Vec<Index>),
    Remove(Index),
    RemoveListed(Vec<Index>),
    Replace(Vec<Index>),
    Clear,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let some = || vec(any::<Index>(), 1..3);
    let edit = prop_oneof![
        3 => some().prop_map(Edit::Add),
        3 => any::<Index>().prop_map(Edit::Remove),
        2 => some().prop_map(Edit::RemoveListed),
        1 => some().prop_map(Edit::Replace),
        1 => Just(Edit::Clear),
    ];
    vec(edit, 1..4)
}

/// The operations of edits of a list whose elements are picked from `all`.
fn operations(list: &str, edits: &[Edit], all: &[Json]) -> Json {
    let picked = |picks: &[Index]| {
        let mut out: Vec<Json> = Vec::new();
        for element in picks.iter().map(|i| i.get(all)) {
            if !out.contains(element) {
                out.push(element.clone());
            }
        }
        out
    };
    let each = edits.iter().map(|edit| match edit {
        Edit::Add(picks) => json!({ "op": "add", "path": list, "value": picked(picks) }),
        Edit::Remove(index) => {
            let value = &index.get(all)["value"];
            json!({ "op": "remove", "path": format!("{list}[value eq {value}]") })
        }
        Edit::RemoveListed(picks) => json!({ "op": "remove", "path": list, "value": picked(picks) }),
        Edit::Replace(picks) => json!({ "op": "replace", "path": list, "value": picked(picks) }),
        Edit::Clear => json!({ "op": "remove", "path": list }),
    });
    json!({ "schemas": [PATCH_OP], "Operations": each.collect::<Vec<_>>() })
}

#[test]
fn a_patch_changes_lists_as_it_does_in_memory() {
    for (name, mapping) in shipped() {
        let house = House::new(&mapping);
        let people: Vec<Json> = house.people().iter().map(|id| json!({ "value": id })).collect();
        let mails: Vec<Json> =
            ["a@x", "b@x", "c@x"].iter().map(|v| json!({ "value": v, "type": "work" })).collect();
        for (endpoint, list, all) in [("Group", "members", &people), ("User", "emails", &mails)] {
            let start = vec(pick(all.clone()), 0..3);
            check(&format!("{name}, {list}"), 48, &(start, edits()), |(mut start, edits)| {
                start.dedup();
                start.sort_by_key(Json::to_string);
                start.dedup();
                let mut resource = house.placed(endpoint, &Object::new());
                resource.insert(list.to_owned(), start.into());
                let read = house.create(endpoint, &resource).unwrap();
                let id = read["id"].as_str().unwrap();
                let others = house.others(id);
                let body = operations(list, &edits, all);
                let (ty, rules) = (house.published(endpoint), PatchRules::default());
                let expected = patch::parse_request(&body, ty, &rules).and_then(|request| {
                    let mut expected = read.clone();
                    patch::apply(&request.operations, ty, &mut expected, &rules).map(|_| expected)
                });
                let found = house.patch(endpoint, id, &body);
                let after = house.read(endpoint, id);
                match (expected, found) {
                    (Ok(expected), Ok(())) => {
                        let list_of = |r: &Object| {
                            kept(&mapping, endpoint, r).get(list).cloned().unwrap_or_else(|| json!([]))
                        };
                        prop_assert!(
                            contains(&list_of(&after), &list_of(&expected)),
                            "Delta: {body} makes {} of {}, in memory {}",
                            list_of(&after),
                            list_of(&read),
                            list_of(&expected)
                        );
                    }
                    // Removing what is not there is an error or none, by the path taken.
                    (Err(_), Err(_)) => prop_assert_eq!(&after, &read),
                    (expected, found) => {
                        let said = (expected.map(drop), found);
                        prop_assert!(false, "Delta: {body} of {}: in memory and there {said:?}", read[list]);
                    }
                }
                writes_nothing(&house, endpoint, &after)?;
                prop_assert_eq!(house.others(id), others, "Frame");
                Ok(())
            });
        }
    }
}

/// A resource without what a mapping says does not read back: of a list whose elements may be stored as others,
/// or get their types by their places, the values and which one is primary are the client's.
fn kept(mapping: &Mapping, endpoint: &str, resource: &Object) -> Object {
    let ty = &mapping.types[mapping.find_type(endpoint).unwrap()];
    let may_be_others = |lens: &Lens| match lens {
        Lens::Rows(rows) => {
            rows.is_positional() || rows.kinds.as_ref().is_some_and(|kinds| kinds.other.is_some())
        }
        _ => false,
    };
    let mut kept = resource.clone();
    for rule in ty.rules.iter().filter(|rule| may_be_others(&rule.lens)) {
        if let Some(list) = kept.get_mut(&rule.attribute).and_then(Json::as_array_mut) {
            let is_primary = |element: &Json| element["primary"] == json!(true);
            // Of elements with one value the primary one stays.
            list.sort_by_key(|element| (element["value"].to_string(), !is_primary(element)));
            list.dedup_by_key(|element| element["value"].clone());
            for element in list {
                *element = match is_primary(element) {
                    true => json!({ "value": element["value"], "primary": true }),
                    false => json!({ "value": element["value"] }),
                };
            }
        }
    }
    kept
}

#[test]
fn the_comparison_of_resources_sees_differences() {
    let list = json!([{ "value": "a", "type": "work" }, { "value": "b" }]);
    assert!(contains(&list, &json!([{ "value": "b" }, { "value": "a" }])));
    assert!(!contains(&list, &json!([{ "value": "b" }])));
    assert!(!contains(&list, &json!([{ "value": "b", "type": "home" }, { "value": "a" }])));
    let sent = Object::from_iter([(ENTERPRISE.to_owned(), json!({ "department": "Sales" }))]);
    assert!(shows(&sent, &sent.clone(), ADDED, "").is_ok());
    assert!(shows(&sent, &Object::new(), ADDED, "").is_err());
    assert!(shows(&Object::new(), &sent, ADDED, "").is_err());
}
