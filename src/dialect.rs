//! What real clients send instead of RFC 7643 and RFC 7644, brought into the
//! RFC's form before `scim` reads it.
//!
//! One function for each deviation, in `names` and `values`; each says who
//! sends it. Here are only deviations whose repair needs no more than the
//! schema. Those that change what an operation means live with the operation,
//! in the tolerant mode of `scim::patch` and `scim::validate`: paths as keys
//! of a value, a value list on `remove`, an element made for a filter, a plain
//! string for a reference.
//!
//! A body that follows the RFCs passes unchanged. Nothing here fails: what
//! cannot be repaired is left for `scim` to refuse.

mod names;
mod values;

use crate::scim::{
    Json, Object,
    attribute::AttrPath,
    filter::{Filter, parse::FilterRules},
    message::SearchRequest,
    patch::PATCH_OP,
    path::PatchPath,
    schema::{ResourceType, Schema},
    text,
};

/// Brings the body of a PATCH request into the RFC's form.
pub fn adapt_patch(body: &mut Json, ty: &ResourceType) {
    wrap_operations(body);
    let Json::Object(body) = body else { return };
    for key in ["schemas", "Operations"] {
        text::respell(body, key);
    }
    let Some(Json::Array(operations)) = body.get_mut("Operations") else { return };
    for operation in operations.iter_mut().filter_map(Json::as_object_mut) {
        for key in ["op", "path", "value"] {
            text::respell(operation, key);
        }
        adapt_operation(operation, ty);
    }
}

/// Brings the body of a POST or PUT into the RFC's form.
pub fn adapt_resource(body: &mut Json, ty: &ResourceType) {
    let Json::Object(body) = body else { return };
    names::repair_keys(body, ty);
    names::repair_schemas(body, ty);
    adapt_attributes(body, &ty.core, ty);
}

/// Brings the attribute paths of a query for resources of these types into the RFC's form.
pub fn adapt_search(query: &mut SearchRequest, types: &[&ResourceType]) {
    if let Some(filter) = &mut query.filter {
        adapt_filter(filter, types);
    }
    if let Some(by) = &mut query.sort_by {
        qualify(by, types);
    }
}

fn adapt_filter(filter: &mut Filter, types: &[&ResourceType]) {
    match filter {
        Filter::Or(parts) | Filter::And(parts) => {
            parts.iter_mut().for_each(|part| adapt_filter(part, types));
        }
        Filter::Not(inner) => adapt_filter(inner, types),
        // The paths inside of brackets are relative to the element.
        Filter::Present(path) | Filter::Compare(path, ..) | Filter::Element(path, _) => qualify(path, types),
    }
}

/// `department` → `urn:…:enterprise:2.0:User:department`, unless it is a core attribute of one of the types.
fn qualify(path: &mut AttrPath, types: &[&ResourceType]) {
    if types.iter().all(|ty| ty.core.find(&path.name).is_none()) {
        types.iter().for_each(|ty| names::qualify_attribute(path, ty));
    }
}

/// `[{"op": …}]` → `{"schemas": […], "Operations": [{"op": …}]}`.
///
/// The sample of RFC 7644 §3.7.3 has such a bulk operation; erratum 5050 says it should not.
fn wrap_operations(body: &mut Json) {
    if let Json::Array(list) = body {
        let operations = Json::Array(std::mem::take(list));
        *body = serde_json::json!({ "schemas": [PATCH_OP], "Operations": operations });
    }
}

fn adapt_operation(operation: &mut Object, ty: &ResourceType) {
    let path = match operation.get("path").and_then(Json::as_str) {
        Some(text) => {
            let text = names::repair_path(text, ty);
            if names::is_left_out(&text, ty) {
                return leave_out(operation);
            }
            operation.insert("path".into(), text.clone().into());
            (!text.is_empty()).then_some(text)
        }
        None => None,
    };
    let Some(value) = operation.get_mut("value") else { return };
    match (path, value) {
        (None, Json::Object(attributes)) => {
            names::repair_keys(attributes, ty);
            names::qualify_keys(attributes, ty);
            adapt_attributes(attributes, &ty.core, ty);
        }
        (Some(path), value) => adapt_at(&path, value, ty),
        (None, _) => {}
    }
}

/// Makes an operation one that changes nothing.
///
/// The log does not name the path: a filter in it would put somebody's data there.
fn leave_out(operation: &mut Object) {
    tracing::debug!("an operation on a standard attribute that is not mapped changes nothing");
    operation.remove("path");
    operation.insert("op".into(), "add".into());
    operation.insert("value".into(), Json::Object(Object::new()));
}

/// Adapts the values of an object with attributes, or paths, as keys.
fn adapt_attributes(attributes: &mut Object, schema: &Schema, ty: &ResourceType) {
    for (key, value) in attributes {
        match schema.find(key) {
            Some(attribute) => values::adapt(attribute, value),
            None if schema.id == ty.core.id => adapt_at(key, value, ty),
            None => adapt_at(&format!("{}:{key}", schema.id), value, ty),
        }
    }
}

/// Adapts the value of what a path names: a schema, an attribute or a sub-attribute.
fn adapt_at(path: &str, value: &mut Json, ty: &ResourceType) {
    let Ok(path) = PatchPath::parse(path, ty, &FilterRules::tolerant()) else { return };
    if path.attr.name.is_empty() {
        let schema = path.attr.urn.as_deref().and_then(|urn| ty.find_schema(urn));
        if let (Some(schema), Json::Object(part)) = (schema, value) {
            adapt_attributes(part, schema, ty);
        }
    } else if let Some(found) = ty.resolve(&path.target()) {
        values::adapt(found.leaf(), value);
    }
}

#[cfg(test)]
mod tests;
