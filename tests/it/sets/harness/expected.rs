//! Compares what SCIM shows with a list of all users and groups, in which `{{user:K}}` stands for the
//! id of the user whose native key is K.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::Site;

const KINDS: [(&str, &str, &str); 2] =
    [("users", "/Users", "userName"), ("groups", "/Groups", "displayName")];
/// What every server says in its own way.
const FREE: [&str; 3] = ["$ref", "location", "version"];

impl Site {
    /// Ids of the placeholders, by the names of whom they stand for.
    pub(super) fn find_ids(&self) -> BTreeMap<String, String> {
        let mut ids = BTreeMap::new();
        for (kind, endpoint, name) in KINDS {
            let shown = self.all(endpoint, 100);
            for expected in self.expected[kind].as_array().unwrap() {
                if let Some(found) = shown.iter().find(|r| r[name] == expected[name]) {
                    ids.insert(text(&expected["id"]), text(&found["id"]));
                }
            }
        }
        ids
    }

    /// All resources, read in pages.
    pub(in crate::sets) fn all(&self, endpoint: &str, count: usize) -> Vec<Json> {
        let mut all: Vec<Json> = Vec::new();
        loop {
            let page = self.get(&format!("{endpoint}?startIndex={}&count={count}", all.len() + 1));
            let found = page["Resources"].as_array().cloned().unwrap_or_default();
            let is_last = found.is_empty();
            all.extend(found);
            if is_last || all.len() as u64 >= page["totalResults"].as_u64().unwrap() {
                assert_eq!(page["totalResults"], all.len(), "total of {endpoint} in pages of {count}");
                return all;
            }
        }
    }

    /// Each way in which what is shown differs from the list.
    pub(in crate::sets) fn differences(&self) -> Vec<String> {
        let mut wrong = BTreeSet::new();
        for (kind, endpoint, _) in KINDS {
            let expected = self.expected[kind].as_array().unwrap();
            for count in [100, 7] {
                let shown = self.all(endpoint, count);
                let ids: BTreeSet<String> = shown.iter().map(|r| text(&r["id"])).collect();
                assert_eq!(ids.len(), shown.len(), "somebody is shown twice in pages of {count}");
                wrong.extend(self.compare_all(expected, &shown));
            }
            for resource in expected {
                if let Some(id) = self.ids.get(&text(&resource["id"])) {
                    let shown = self.get(&format!("{endpoint}/{id}"));
                    wrong.extend(self.compare_all(std::slice::from_ref(resource), &[shown]));
                }
            }
        }
        wrong.into_iter().collect()
    }

    fn compare_all(&self, expected: &[Json], shown: &[Json]) -> Vec<String> {
        let shown: Vec<Json> = shown.iter().map(|r| self.with_placeholders(r)).collect();
        let mut wrong = Vec::new();
        for resource in &shown {
            if !expected.iter().any(|e| e["id"] == resource["id"]) {
                wrong.push(format!("{}: nobody expects {resource}", text(&resource["id"])));
            }
        }
        for resource in expected {
            let id = text(&resource["id"]);
            match shown.iter().find(|r| r["id"] == resource["id"]) {
                None => wrong.push(format!("{id}: is not shown")),
                Some(found) => compare(&id, resource, found, &mut wrong),
            }
        }
        wrong
    }

    fn with_placeholders(&self, json: &Json) -> Json {
        match json {
            Json::String(id) => {
                let found = self.ids.iter().find(|(_, known)| *known == id);
                found.map_or_else(|| json.clone(), |(placeholder, _)| placeholder.as_str().into())
            }
            Json::Array(list) => list.iter().map(|j| self.with_placeholders(j)).collect(),
            Json::Object(members) => {
                let members = members.iter().map(|(k, v)| (k.clone(), self.with_placeholders(v)));
                Json::Object(members.collect())
            }
            _ => json.clone(),
        }
    }
}

/// Nothing may be shown that is not expected, but for times of our own database, the names of managers,
/// and marks that say no. Lists have no order.
fn compare(path: &str, expected: &Json, shown: &Json, wrong: &mut Vec<String>) {
    match (expected, shown) {
        (Json::Object(expected), Json::Object(shown)) => {
            for (name, value) in expected {
                let path = format!("{path} {name}");
                match shown.get(name) {
                    Some(found) => compare(&path, value, found, wrong),
                    None => wrong.push(format!("{path}: expected {value}, nothing is shown")),
                }
            }
            for (name, value) in shown.iter().filter(|(name, _)| !expected.contains_key(*name)) {
                let is_free = match name.as_str() {
                    "created" | "lastModified" => path.ends_with(" meta"),
                    "displayName" => path.ends_with(" manager"),
                    "primary" => value == false,
                    name => FREE.contains(&name),
                };
                if !is_free {
                    wrong.push(format!("{path} {name}: nothing is expected, shown is {value}"));
                }
            }
        }
        (Json::Array(expected), Json::Array(shown)) if expected.len() == shown.len() => {
            let mut free: Vec<&Json> = shown.iter().collect();
            let mut alone = Vec::new();
            for element in expected {
                match free.iter().position(|found| is_same(element, found)) {
                    Some(at) => drop(free.remove(at)),
                    None => alone.push(element),
                }
            }
            for (element, found) in alone.into_iter().zip(free) {
                compare(&format!("{path}[]"), element, found, wrong);
            }
        }
        _ if expected == shown => {}
        _ => wrong.push(format!("{path}: expected {expected}, shown is {shown}")),
    }
}

fn is_same(expected: &Json, shown: &Json) -> bool {
    let mut wrong = Vec::new();
    compare("", expected, shown, &mut wrong);
    wrong.is_empty()
}

fn text(json: &Json) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

#[test]
fn differences_are_seen() {
    use serde_json::json;
    for (expected, shown, count) in [
        (json!({ "a": 1 }), json!({ "a": 1, "$ref": "x" }), 0),
        (json!({ "a": 1 }), json!({ "a": 1, "b": 2 }), 1),
        (json!({ "a": 1 }), json!({ "b": 1 }), 2),
        (json!([{ "v": 1 }, { "v": 2 }]), json!([{ "v": 2, "primary": false }, { "v": 1 }]), 0),
        (json!([{ "v": 1 }, { "v": 2 }]), json!([{ "v": 2, "primary": true }, { "v": 1 }]), 1),
        (json!([1, 1]), json!([1, 2]), 1),
        (json!([1]), json!([1, 1]), 1),
        (json!({ "meta": {} }), json!({ "meta": { "created": "t" } }), 0),
    ] {
        let mut wrong = Vec::new();
        compare("r", &expected, &shown, &mut wrong);
        assert_eq!(wrong.len(), count, "{expected} / {shown}: {wrong:?}");
    }
}
