//! Deviations in names: URNs, paths and keys.

use crate::scim::{
    Json, Object,
    attribute::AttrPath,
    filter::parse::FilterRules,
    path::PatchPath,
    schema::{ResourceType, Schema},
    schemas,
};

/// A path as it should be: whole URNs, and a URN where an extension's attribute lacks it.
pub(super) fn repair_path(path: &str, ty: &ResourceType) -> String {
    let path = path.trim();
    let path = repair_urn(path, ty).unwrap_or_else(|| path.to_owned());
    qualify(&path, ty).unwrap_or(path)
}

/// Repairs the URNs among the keys of an object.
pub(super) fn repair_keys(object: &mut Object, ty: &ResourceType) {
    rename_keys(object, |key| repair_urn(key, ty));
}

/// Qualifies keys that name an attribute of an extension without its URN.
pub(super) fn qualify_keys(object: &mut Object, ty: &ResourceType) {
    rename_keys(object, |key| qualify(key, ty));
}

fn rename_keys(object: &mut Object, rename: impl Fn(&str) -> Option<String>) {
    let renames: Vec<_> = object.keys().filter_map(|key| Some((key.clone(), rename(key)?))).collect();
    for (old, new) in renames {
        if let Some(value) = object.remove(&old) {
            object.entry(new).or_insert(value);
        }
    }
}

/// Repairs the URNs in `schemas`, and drops those that the resource type does not have.
///
/// Entra adds `http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group` to groups.
pub(super) fn repair_schemas(body: &mut Object, ty: &ResourceType) {
    let list = body.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case("schemas"));
    let Some((_, Json::Array(list))) = list else { return };
    for urn in list.iter_mut() {
        if let Some(repaired) = urn.as_str().and_then(|text| repair_urn(text, ty)) {
            *urn = repaired.into();
        }
    }
    // What is no text at all is an error, but not ours.
    list.retain(|urn| urn.as_str().is_none_or(|text| ty.find_schema(text).is_some()));
}

/// `urn:…:enterprise:2.0User…` → `urn:…:enterprise:2.0:User…`: a sample of Microsoft's has lost the last colon.
fn repair_urn(text: &str, ty: &ResourceType) -> Option<String> {
    let schemas = std::iter::once(&ty.core).chain(ty.extensions.iter().map(|(schema, _)| schema));
    schemas.into_iter().find_map(|schema| {
        let (head, tail) = schema.id.rsplit_once(':')?;
        let malformed = head.len() + tail.len();
        let (start, rest) = text.split_at_checked(malformed)?;
        let is_it = start.eq_ignore_ascii_case(&format!("{head}{tail}"))
            && (rest.is_empty() || rest.starts_with(':'));
        is_it.then(|| format!("{}{rest}", schema.id))
    })
}

/// `manager` → `urn:…:enterprise:2.0:User:manager`: Entra's documentation has such paths.
///
/// Only if the core schema has no such attribute and exactly one extension has it.
fn qualify(path: &str, ty: &ResourceType) -> Option<String> {
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let name = path.get(..end)?.trim_end();
    (!name.contains(':')).then(|| owner(name, ty).map(|urn| format!("{urn}:{path}")))?
}

/// As [`qualify`], for a path of a filter: Entra asks for `manager eq "…"`.
pub(super) fn qualify_attribute(path: &mut AttrPath, ty: &ResourceType) {
    if path.urn.is_none() {
        path.urn = owner(&path.name, ty).map(str::to_owned);
    }
}

/// The only extension that has the attribute, if the core schema has not.
fn owner<'t>(name: &str, ty: &'t ResourceType) -> Option<&'t str> {
    if ty.core.find(name).is_some() {
        return None;
    }
    let mut owners = ty.extensions.iter().filter(|(schema, _)| schema.find(name).is_some());
    match (owners.next(), owners.next()) {
        (Some((schema, _)), None) => Some(&schema.id),
        _ => None,
    }
}

/// True if the standard's schemas have what the path names, and this resource type has not:
/// providers' default mappings send `emails[type eq "work"].primary` or `timezone` to everybody.
pub(super) fn is_left_out(path: &str, ty: &ResourceType) -> bool {
    let rules = FilterRules::tolerant();
    if PatchPath::parse(path, ty, &rules).is_ok() {
        return false;
    }
    let Some(core) = schemas::standard(&ty.core.id) else { return false };
    let extension = |(schema, required): &(Schema, bool)| Some((schemas::standard(&schema.id)?, *required));
    let standard = ResourceType {
        core: schemas::with_common(core),
        extensions: ty.extensions.iter().filter_map(extension).collect(),
        ..ResourceType::default()
    };
    PatchPath::parse(path, &standard, &rules).is_ok()
}
