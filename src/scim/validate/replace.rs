//! PUT: the wanted resource over the current one (RFC 7644 §3.5.1).

use std::collections::HashMap;

use crate::scim::{
    Json, Object,
    attribute::AttrPath,
    error::ScimError,
    resource::set_schemas,
    schema::{DataType, Mutability, ResourceType, Schema, SchemaAttribute},
    validate::{
        check_required_if,
        intake::{element_key, is_reference},
    },
    value,
};

/// Lays a normalised resource over the current one, attribute by attribute.
///
/// Read-only attributes stay. An immutable attribute that has a value must be
/// given unchanged or not at all. A write-only attribute that is not given
/// stays, because no client can read it back; so does `active`, because a
/// client that does not speak of it must not disable an account. Everything
/// else is as given, and what is not given is cleared.
///
/// # Errors
///
/// 400 `mutability` if an immutable attribute would change, 400
/// `invalidValue` if a required attribute would be missing.
pub fn merge_replace(current: &Object, wanted: Object, ty: &ResourceType) -> Result<Object, ScimError> {
    let mut wanted = wanted;
    let mut merged = Object::new();
    for (schema, _) in &ty.extensions {
        let part = |from: Option<Json>| match from {
            Some(Json::Object(part)) => part,
            _ => Object::new(),
        };
        let now = part(current.get(&schema.id).cloned());
        let part = merge_part(&now, part(wanted.remove(&schema.id)), schema, Some(&schema.id))?;
        if !part.is_empty() {
            merged.insert(schema.id.clone(), Json::Object(part));
        }
    }
    merged.extend(merge_part(current, wanted, &ty.core, None)?);
    set_schemas(&mut merged, ty);
    check_required_if(&merged, ty, |a| a.mutability != Mutability::WriteOnly)?;
    Ok(merged)
}

fn merge_part(
    current: &Object,
    mut wanted: Object,
    schema: &Schema,
    urn: Option<&str>,
) -> Result<Object, ScimError> {
    let mut merged = Object::new();
    for attribute in &schema.attributes {
        let now = current.get(&attribute.name).filter(|v| !value::is_absent(v));
        let path = AttrPath { urn: urn.map(str::to_owned), name: attribute.name.clone(), sub: None };
        let is_active = urn.is_none() && attribute.name == "active";
        let value = match (attribute.mutability, now, wanted.remove(&attribute.name)) {
            (Mutability::ReadOnly, now, _) => now.cloned(),
            (Mutability::Immutable, Some(now), Some(given)) => {
                check_unchanged(attribute, now, &given, &path)?;
                Some(now.clone())
            }
            (Mutability::Immutable | Mutability::WriteOnly, now, None) => now.cloned(),
            (Mutability::ReadWrite, now, None) if is_active => now.cloned(),
            (_, Some(now), Some(given)) => Some(merge_value(attribute, now, given, &path)?),
            (_, _, given) => given,
        };
        if let Some(value) = value {
            merged.insert(attribute.name.clone(), value);
        }
    }
    Ok(merged)
}

/// 400 `mutability` unless both are the same value of an immutable attribute.
pub(crate) fn check_unchanged(
    attribute: &SchemaAttribute,
    now: &Json,
    given: &Json,
    path: &AttrPath,
) -> Result<(), ScimError> {
    if value::same(attribute, now, given) {
        return Ok(());
    }
    Err(ScimError::mutability(format!("Attribute `{path}` is immutable and has another value already.")))
}

fn merge_value(
    attribute: &SchemaAttribute,
    now: &Json,
    given: Json,
    path: &AttrPath,
) -> Result<Json, ScimError> {
    match (now, given) {
        (Json::Array(now), Json::Array(given)) => Ok(Json::Array(carry_over(attribute, now, given))),
        (Json::Object(now), Json::Object(given)) if attribute.data_type == DataType::Complex => {
            Ok(Json::Object(merge_complex(attribute, now, given, path)?))
        }
        (_, given) => Ok(given),
    }
}

/// Keeps what a client cannot write of a single complex value, as long as it is about the same thing.
pub(crate) fn merge_complex(
    attribute: &SchemaAttribute,
    now: &Object,
    given: Object,
    path: &AttrPath,
) -> Result<Object, ScimError> {
    let is_same_thing =
        attribute.find_sub("value").is_none_or(|sub| match (now.get("value"), given.get("value")) {
            (Some(now), Some(given)) => value::same(sub, now, given),
            (now, given) => now.is_none() && given.is_none(),
        });
    let mut merged = given;
    for sub in &attribute.sub_attributes {
        let Some(value) = now.get(&sub.name) else { continue };
        match (sub.mutability, merged.get(&sub.name)) {
            (Mutability::Immutable, Some(given)) => {
                let path = AttrPath { sub: Some(sub.name.clone()), ..path.clone() };
                check_unchanged(sub, value, given, &path)?;
            }
            (Mutability::Immutable, None) => {}
            (Mutability::ReadOnly, _) if is_same_thing => {}
            (Mutability::ReadOnly | Mutability::ReadWrite | Mutability::WriteOnly, _) => continue,
        }
        merged.insert(sub.name.clone(), value.clone());
    }
    Ok(merged)
}

/// Lays a whole list over the current one, element by element.
///
/// An element that was there keeps what a client cannot change of it. A list
/// with the same elements in another order is the current list, so that it
/// does not count as a change.
pub(crate) fn carry_over(attribute: &SchemaAttribute, now: &[Json], given: Vec<Json>) -> Vec<Json> {
    let index: HashMap<String, &Json> = now.iter().map(|e| (element_key(attribute, e), e)).collect();
    let is_kept =
        |sub: &&SchemaAttribute| matches!(sub.mutability, Mutability::ReadOnly | Mutability::Immutable);
    let kept: Vec<&str> = attribute.sub_attributes.iter().filter(is_kept).map(|s| s.name.as_str()).collect();
    let mut unchanged = now.len() == given.len() && index.len() == now.len();
    let merged = given
        .into_iter()
        .map(|mut element| {
            let old = index.get(&element_key(attribute, &element));
            if let (Some(Json::Object(old)), Json::Object(new)) = (old, &mut element) {
                let values =
                    kept.iter().filter_map(|name| Some(((*name).to_owned(), old.get(*name)?.clone())));
                new.extend(values);
            }
            unchanged &= old.is_some_and(|old| **old == element);
            element
        })
        .collect();
    if unchanged { now.to_vec() } else { merged }
}

/// After a change of `value` in a reference, drops what described the old target and was not given anew.
pub(crate) fn forget_old_target(attribute: &SchemaAttribute, before: &Object, after: &mut Object) {
    if !is_reference(attribute) || before.get("value") == after.get("value") {
        return;
    }
    let is_stale = |sub: &&SchemaAttribute| sub.name == "$ref" || sub.mutability == Mutability::ReadOnly;
    for sub in attribute.sub_attributes.iter().filter(is_stale) {
        if before.get(&sub.name).is_some() && before.get(&sub.name) == after.get(&sub.name) {
            after.remove(&sub.name);
        }
    }
}
