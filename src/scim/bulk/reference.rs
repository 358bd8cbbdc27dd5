//! References from one bulk operation to the resource that another one makes
//! (RFC 7644 §3.7.2): `bulkId:qwerty` wherever the id of a resource may stand.
//!
//! That is a whole string, the last segment of a `$ref`, and a quoted value in
//! the path of a PATCH operation: `members[value eq "bulkId:qwerty"]`.

use std::ops::Range;

use serde_json::json;

use crate::scim::{Json, Object, bulk::PREFIX, patch::PATCH_OP};

/// The `bulkId`s that a document refers to, in the order of their places; some perhaps several times.
#[must_use]
pub fn find(document: &Json) -> Vec<String> {
    let mut found = Vec::new();
    walk("", document, &mut |text, range| found.extend(name(text, &range).map(str::to_owned)));
    found
}

/// The document with ids instead of the references that `id` knows.
#[must_use]
pub fn resolve(document: &Json, id: &dyn Fn(&str) -> Option<String>) -> Json {
    resolve_at("", document, id)
}

fn resolve_at(key: &str, value: &Json, id: &dyn Fn(&str) -> Option<String>) -> Json {
    match value {
        Json::String(text) => {
            let mut done = String::with_capacity(text.len());
            let mut end = 0;
            for range in places(key, text) {
                let known = name(text, &range).and_then(id);
                done.push_str(text.get(end..range.start).unwrap_or_default());
                done.push_str(known.as_deref().or(text.get(range.clone())).unwrap_or_default());
                end = range.end;
            }
            done.push_str(text.get(end..).unwrap_or_default());
            Json::String(done)
        }
        Json::Array(list) => list.iter().map(|v| resolve_at(key, v, id)).collect(),
        Json::Object(object) => {
            object.iter().map(|(key, value)| (key.clone(), resolve_at(key, value, id))).collect()
        }
        other => other.clone(),
    }
}

/// Attribute paths and values that were left out of a resource, references still in them.
pub type LeftOut = Vec<(String, Json)>;

/// A new resource whose references form a circle, in two parts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cut {
    /// The resource without the references that lead nowhere yet.
    pub first: Json,
    /// What is added later.
    pub later: LeftOut,
}

/// Leaves the references that `is_open` names out of a new resource (RFC 7644 §3.7.1).
#[must_use]
pub fn cut(resource: &Json, is_open: &dyn Fn(&str) -> bool) -> Cut {
    let Json::Object(attributes) = resource else {
        return Cut { first: resource.clone(), later: Vec::new() };
    };
    let mut later = Vec::new();
    let first = cut_attributes(attributes, "", is_open, &mut later);
    Cut { first: Json::Object(first), later }
}

fn cut_attributes(
    attributes: &Object,
    prefix: &str,
    is_open: &dyn Fn(&str) -> bool,
    later: &mut Vec<(String, Json)>,
) -> Object {
    let mut first = Object::new();
    for (key, value) in attributes {
        let path = format!("{prefix}{key}");
        match value {
            _ if !has_open(key, value, is_open) => {
                first.insert(key.clone(), value.clone());
            }
            Json::Object(extension) if prefix.is_empty() && key.contains(':') => {
                let rest = cut_attributes(extension, &format!("{key}:"), is_open, later);
                if !rest.is_empty() {
                    first.insert(key.clone(), Json::Object(rest));
                }
            }
            Json::Array(list) => {
                let (open, closed): (Vec<Json>, Vec<Json>) =
                    list.iter().cloned().partition(|element| has_open(key, element, is_open));
                later.push((path, Json::Array(open)));
                if !closed.is_empty() {
                    first.insert(key.clone(), Json::Array(closed));
                }
            }
            _ => later.push((path, value.clone())),
        }
    }
    first
}

fn has_open(key: &str, value: &Json, is_open: &dyn Fn(&str) -> bool) -> bool {
    let mut open = false;
    walk(key, value, &mut |text, range| open |= name(text, &range).is_some_and(is_open));
    open
}

/// The PATCH request that adds what was left out.
#[must_use]
pub fn completion(later: &[(String, Json)], id: &dyn Fn(&str) -> Option<String>) -> Json {
    let operation = |(path, value): &(String, Json)| {
        let key = path.rsplit(':').next().unwrap_or(path);
        json!({ "op": "add", "path": path, "value": resolve_at(key, value, id) })
    };
    let operations: Vec<Json> = later.iter().map(operation).collect();
    json!({ "schemas": [PATCH_OP], "Operations": operations })
}

fn walk(key: &str, value: &Json, found: &mut dyn FnMut(&str, Range<usize>)) {
    match value {
        Json::String(text) => places(key, text).into_iter().for_each(|range| found(text, range)),
        Json::Array(list) => list.iter().for_each(|v| walk(key, v, found)),
        Json::Object(object) => object.iter().for_each(|(key, value)| walk(key, value, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// Where in a string references stand, `bulkId:` included.
fn places(key: &str, text: &str) -> Vec<Range<usize>> {
    if text.starts_with(PREFIX) {
        return std::iter::once(0..text.len()).collect();
    }
    if key.eq_ignore_ascii_case("$ref") {
        let start = text.rfind('/').map_or(0, |slash| slash + 1);
        let is_one = text.get(start..).is_some_and(|last| last.starts_with(PREFIX));
        return is_one.then_some(start..text.len()).into_iter().collect();
    }
    if !key.eq_ignore_ascii_case("path") {
        return Vec::new();
    }
    let quoted = format!("\"{PREFIX}");
    let place = |(at, _): (usize, &str)| {
        let start = at + 1;
        let length = text.get(start..)?.find('"')?;
        Some(start..start + length)
    };
    text.match_indices(&quoted).filter_map(place).collect()
}

fn name<'t>(text: &'t str, range: &Range<usize>) -> Option<&'t str> {
    text.get(range.clone())?.strip_prefix(PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::ENTERPRISE;

    fn id(name: &str) -> Option<String> {
        (name != "open").then(|| format!("<{name}>"))
    }

    #[test]
    fn references_stand_where_ids_may_stand() {
        // 7644-3.7.2-a
        let document = json!({
            "displayName": "about bulkId:no",
            "members": [{ "value": "bulkId:a", "$ref": "../Users/bulkId:a" }, { "value": "x" }],
            ENTERPRISE: { "manager": "bulkId:b" },
            "Operations": [
                { "op": "remove", "path": "members[value eq \"bulkId:c\" or value eq \"bulkId:open\"]" },
                { "op": "add", "path": "members", "value": ["bulkId:d"] },
            ],
        });
        let mut found = find(&document);
        found.sort();
        assert_eq!(found, ["a", "a", "b", "c", "d", "open"]);
        let expected = json!({
            "displayName": "about bulkId:no",
            "members": [{ "value": "<a>", "$ref": "../Users/<a>" }, { "value": "x" }],
            ENTERPRISE: { "manager": "<b>" },
            "Operations": [
                { "op": "remove", "path": "members[value eq \"<c>\" or value eq \"bulkId:open\"]" },
                { "op": "add", "path": "members", "value": ["<d>"] },
            ],
        });
        assert_eq!(resolve(&document, &id), expected);
    }

    #[test]
    fn a_circle_is_cut_where_it_is_open() {
        // 7644-3.7.1-a
        let is_open = |name: &str| name == "open";
        let document = json!({
            "displayName": "a", "members": [{ "value": "bulkId:open" }, { "value": "bulkId:b" }],
            ENTERPRISE: { "department": "x", "manager": { "value": "bulkId:open" } },
        });
        let parts = cut(&document, &is_open);
        let first = json!({
            "displayName": "a", "members": [{ "value": "bulkId:b" }], ENTERPRISE: { "department": "x" },
        });
        assert_eq!(parts.first, first);
        let patch = completion(&parts.later, &|_| Some("7".into()));
        let expected = json!([
            { "op": "add", "path": "members", "value": [{ "value": "7" }] },
            { "op": "add", "path": format!("{ENTERPRISE}:manager"), "value": { "value": "7" } },
        ]);
        assert_eq!(patch["Operations"], expected);
        // What is left out whole leaves nothing behind.
        let alone =
            json!({ "members": [{ "value": "bulkId:open" }], ENTERPRISE: { "manager": "bulkId:open" } });
        assert_eq!(cut(&alone, &is_open).first, json!({}));
        assert_eq!(cut(&document, &|_| false), Cut { first: document, later: Vec::new() });
    }
}
