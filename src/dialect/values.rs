//! Deviations in values.

use crate::scim::{
    Json, Object,
    schema::{DataType, SchemaAttribute},
    value::boolean,
};

/// Applies every repair that fits the attribute to a value of it.
pub(super) fn adapt(attribute: &SchemaAttribute, value: &mut Json) {
    read_boolean(attribute, value);
    unwrap_single(attribute, value);
    match value {
        Json::Array(list) => list.iter_mut().for_each(|element| adapt_element(attribute, element)),
        element => adapt_element(attribute, element),
    }
}

fn adapt_element(attribute: &SchemaAttribute, element: &mut Json) {
    read_boolean(attribute, element);
    unpack_role(attribute, element);
    let Json::Object(object) = element else { return };
    name_reference(attribute, object);
    for (key, value) in object {
        if let Some(sub) = attribute.find_sub(key) {
            adapt(sub, value);
        }
    }
}

/// `"False"` → `false`: Entra's default job, OneLogin, Keycloak.
fn read_boolean(attribute: &SchemaAttribute, value: &mut Json) {
    if attribute.data_type == DataType::Boolean
        && let Some(truth) = value.as_str().and_then(boolean)
    {
        *value = truth.into();
    }
}

/// `[{"value": "271"}]` → `{"value": "271"}` where the schema has one value: Entra's samples for `manager`.
fn unwrap_single(attribute: &SchemaAttribute, value: &mut Json) {
    if attribute.multi_valued {
        return;
    }
    if let Json::Array(list) = value
        && list.len() == 1
        && let Some(only) = list.pop()
    {
        *value = only;
    }
}

/// `{"value": "{\"id\":\"4\",\"value\":\"Admin\",\"displayName\":\"Admin\"}"}` → `{"value": "Admin", "display": "Admin"}`.
///
/// Entra's `AppRoleAssignmentsComplex` writes a role as JSON inside the string.
fn unpack_role(attribute: &SchemaAttribute, element: &mut Json) {
    if attribute.name != "roles" {
        return;
    }
    let packed = match &*element {
        Json::Object(object) => object.get("value").and_then(Json::as_str),
        other => other.as_str(),
    };
    let Some(Ok(Json::Object(role))) = packed.map(serde_json::from_str::<Json>) else { return };
    let Some(name) = role.get("value").filter(|v| v.is_string()) else { return };
    let mut unpacked = match std::mem::take(element) {
        Json::Object(object) => object,
        _ => Object::new(),
    };
    unpacked.insert("value".into(), name.clone());
    if let Some(display) = role.get("displayName").or_else(|| role.get("display")).filter(|v| v.is_string()) {
        unpacked.entry("display").or_insert_with(|| display.clone());
    }
    *element = Json::Object(unpacked);
}

/// `{"managerId": "m1"}` → `{"value": "m1"}`: OneLogin's templates name the id after the attribute.
fn name_reference(attribute: &SchemaAttribute, object: &mut Object) {
    if attribute.find_sub("$ref").is_none() || object.keys().any(|key| key.eq_ignore_ascii_case("value")) {
        return;
    }
    let alias = format!("{}Id", attribute.name);
    if attribute.find_sub(&alias).is_some() {
        return;
    }
    let Some(key) = object.keys().find(|key| key.eq_ignore_ascii_case(&alias)).cloned() else { return };
    if let Some(id) = object.remove(&key) {
        object.insert("value".into(), id);
    }
}
