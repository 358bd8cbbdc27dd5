//! Filters against a resource type and against resources in memory
//! (RFC 7644 §3.4.2.2).
//!
//! [`resolve`] checks a filter and brings it into one form, so that whoever
//! translates it need not know the leniencies: names in the schema's spelling,
//! no URN for core attributes, `emails co "x"` as `emails.value co "x"`,
//! literals in the type of their attribute, `eq null` as `not (… pr)`.
//! [`matches()`] takes filters in either form.
//!
//! Where the RFC is silent: an absent value meets `ne`, and `ne` on several
//! values holds if one of them differs; an empty string is absent; an absent
//! `primary` is false (RFC 7643 §2.4).

use std::cmp::Ordering;

use crate::scim::{
    Json, Object,
    attribute::AttrPath,
    error::ScimError,
    filter::{CompareOp, Filter},
    resource::schemas_of,
    schema::{DataType, ResourceType, Returned, SchemaAttribute},
    text::comparable,
    value,
};

/// What the paths of a filter are relative to.
#[derive(Clone, Copy)]
enum Scope<'a> {
    Resource(&'a ResourceType),
    /// Inside the brackets of a value path on this attribute.
    Element(&'a SchemaAttribute),
}

/// A path of a filter, found in its scope.
struct Found<'a> {
    /// The path in the schema's spelling.
    path: AttrPath,
    leaf: &'a SchemaAttribute,
    /// True if the attribute or its sub-attribute is never returned.
    secret: bool,
}

impl<'a> Scope<'a> {
    fn find(self, path: &AttrPath) -> Option<Found<'a>> {
        match self {
            Self::Resource(ty) => {
                let found = ty.resolve(path)?;
                let leaf = found.sub.unwrap_or(found.attribute);
                let secret = [found.attribute, leaf].iter().any(|a| a.returned == Returned::Never);
                let path = AttrPath {
                    urn: found.extension.map(str::to_owned),
                    name: found.attribute.name.clone(),
                    sub: found.sub.map(|s| s.name.clone()),
                };
                Some(Found { path, leaf, secret })
            }
            Self::Element(attribute) => {
                let leaf =
                    attribute.find_sub(&path.name).filter(|_| path.urn.is_none() && path.sub.is_none())?;
                let secret = leaf.returned == Returned::Never;
                Some(Found { path: AttrPath::new(&leaf.name), leaf, secret })
            }
        }
    }

    /// As [`Scope::find`]; a complex attribute stands for its `value`.
    fn find_comparable(self, path: &AttrPath) -> Option<Found<'a>> {
        let found = self.find(path)?;
        if found.leaf.data_type != DataType::Complex || found.path.sub.is_some() {
            return Some(found);
        }
        match found.leaf.find_sub("value") {
            Some(value) => {
                let path = AttrPath { sub: Some(value.name.clone()), ..found.path };
                Some(Found { path, leaf: value, secret: found.secret || value.returned == Returned::Never })
            }
            None => Some(found),
        }
    }
}

/// Checks a filter against a resource type.
///
/// # Errors
///
/// As [`resolve`].
pub fn check(filter: &Filter, ty: &ResourceType) -> Result<(), ScimError> {
    resolve(filter, ty).map(drop)
}

/// Checks a filter and brings it into the one form described above.
///
/// # Errors
///
/// 400 `invalidFilter` if an attribute is unknown or never returned, if it
/// cannot be compared with that operator, or if the value does not fit it.
pub fn resolve(filter: &Filter, ty: &ResourceType) -> Result<Filter, ScimError> {
    resolve_in(filter, Scope::Resource(ty))
}

/// As [`resolve`], for a filter whose paths are relative to elements of `attribute`.
///
/// # Errors
///
/// As [`resolve`].
pub fn resolve_element(filter: &Filter, attribute: &SchemaAttribute) -> Result<Filter, ScimError> {
    resolve_in(filter, Scope::Element(attribute))
}

fn resolve_in(filter: &Filter, scope: Scope<'_>) -> Result<Filter, ScimError> {
    let all = |parts: &[Filter]| parts.iter().map(|part| resolve_in(part, scope)).collect::<Result<_, _>>();
    Ok(match filter {
        Filter::Or(parts) => Filter::Or(all(parts)?),
        Filter::And(parts) => Filter::And(all(parts)?),
        Filter::Not(inner) => Filter::Not(Box::new(resolve_in(inner, scope)?)),
        Filter::Present(path) => Filter::Present(known(scope.find(path), path)?.path),
        Filter::Compare(path, op, literal) => resolve_compare(scope, path, *op, literal)?,
        Filter::Element(path, inner) => {
            let found = known(scope.find(path), path)?;
            if found.leaf.data_type != DataType::Complex {
                return Err(ScimError::invalid_filter(format!("Attribute `{path}` has no sub-attributes.")));
            }
            Filter::Element(found.path, Box::new(resolve_in(inner, Scope::Element(found.leaf))?))
        }
    })
}

fn known<'a>(found: Option<Found<'a>>, path: &AttrPath) -> Result<Found<'a>, ScimError> {
    match found {
        None => Err(ScimError::invalid_filter(format!("Attribute `{path}` is not known here."))),
        Some(found) if found.secret => {
            Err(ScimError::invalid_filter(format!("Attribute `{path}` cannot be used in a filter.")))
        }
        Some(found) => Ok(found),
    }
}

fn resolve_compare(
    scope: Scope<'_>,
    path: &AttrPath,
    op: CompareOp,
    literal: &Json,
) -> Result<Filter, ScimError> {
    if literal.is_null() {
        let present = Filter::Present(known(scope.find(path), path)?.path);
        return match op {
            CompareOp::Eq => Ok(Filter::Not(Box::new(present))),
            CompareOp::Ne => Ok(present),
            _ => Err(ScimError::invalid_filter(format!("`{}` cannot compare with null.", op.as_str()))),
        };
    }
    let found = known(scope.find_comparable(path), path)?;
    if !can_compare(found.leaf.data_type, op) {
        return Err(ScimError::invalid_filter(format!(
            "Attribute `{path}` cannot be compared with `{}`: its values are {}.",
            op.as_str(),
            plural(found.leaf.data_type)
        )));
    }
    match typed(found.leaf.data_type, literal) {
        Some(literal) => Ok(Filter::Compare(found.path, op, literal)),
        None => Err(ScimError::invalid_filter(format!(
            "Attribute `{path}` compares with {}, not with {literal}.",
            value::wanted(found.leaf.data_type)
        ))),
    }
}

fn can_compare(data_type: DataType, op: CompareOp) -> bool {
    use CompareOp::{Eq, Ge, Gt, Le, Lt, Ne};
    match data_type {
        DataType::String | DataType::Reference => true,
        DataType::Boolean | DataType::Binary => matches!(op, Eq | Ne),
        DataType::Decimal | DataType::Integer | DataType::DateTime => {
            matches!(op, Eq | Ne | Gt | Ge | Lt | Le)
        }
        DataType::Complex => false,
    }
}

fn plural(data_type: DataType) -> &'static str {
    match data_type {
        DataType::String => "strings",
        DataType::Boolean => "booleans",
        DataType::Decimal | DataType::Integer => "numbers",
        DataType::DateTime => "dates",
        DataType::Binary => "binary",
        DataType::Reference => "references",
        DataType::Complex => "complex, and no sub-attribute is named",
    }
}

/// The literal in the attribute's type; `None` if it does not fit.
fn typed(data_type: DataType, literal: &Json) -> Option<Json> {
    let literal = match (data_type, literal) {
        (DataType::String | DataType::Reference, Json::Number(_) | Json::Bool(_)) => {
            return Some(literal.to_string().into());
        }
        // A filter may look for text that no value may have.
        (DataType::String | DataType::Reference, Json::String(_)) => return Some(literal.clone()),
        (DataType::Boolean, Json::String(text)) => value::boolean(text)?.into(),
        (DataType::Decimal | DataType::Integer, Json::String(text)) => {
            serde_json::from_str::<serde_json::Number>(text).ok()?.into()
        }
        // Comparing an integer with 1.5 is sound.
        (DataType::Integer, Json::Number(_)) => return Some(value::canonical(data_type, literal)),
        _ => literal.clone(),
    };
    value::fits(data_type, &literal).then(|| value::canonical(data_type, &literal))
}

/// True if the resource meets the filter.
///
/// Attributes that the type does not have are absent (RFC 7644 §3.4.2.1).
#[must_use]
pub fn matches(filter: &Filter, ty: &ResourceType, resource: &Object) -> bool {
    let scope = Scope::Resource(ty);
    meets(filter, scope, &|path| {
        let Some(found) = scope.find(path) else { return Vec::new() };
        if found.path.urn.is_none() && found.path.name == "schemas" {
            return schemas_of(resource, ty).into_iter().map(Json::from).map(Item::Made).collect();
        }
        let container = match &found.path.urn {
            None => Some(resource),
            Some(urn) => resource.get(urn).and_then(Json::as_object),
        };
        let mut items = Vec::new();
        each(container.and_then(|c| c.get(&found.path.name)), &mut |value| match &found.path.sub {
            None => items.push(Item::Stored(value)),
            Some(sub) => {
                let stored = value.as_object().and_then(|v| v.get(sub));
                each(stored, &mut |value| items.push(Item::Stored(value)));
                if stored.is_none() {
                    items.extend(default_of(found.leaf));
                }
            }
        });
        items
    })
}

/// True if one element of a complex attribute meets a filter whose paths are relative to it.
#[must_use]
pub fn matches_element(filter: &Filter, attribute: &SchemaAttribute, element: &Object) -> bool {
    let scope = Scope::Element(attribute);
    meets(filter, scope, &|path| {
        let Some(sub) = attribute.find_sub(&path.name) else { return Vec::new() };
        let mut items = Vec::new();
        let stored = element.get(&sub.name);
        each(stored, &mut |value| items.push(Item::Stored(value)));
        if stored.is_none() {
            items.extend(default_of(sub));
        }
        items
    })
}

/// A value that a path leads to.
enum Item<'a> {
    Stored(&'a Json),
    Made(Json),
}

impl Item<'_> {
    fn get(&self) -> &Json {
        match self {
            Self::Stored(value) => value,
            Self::Made(value) => value,
        }
    }
}

/// What stands for an absent sub-attribute (RFC 7643 §2.4: an absent `primary` is false).
fn default_of(sub: &SchemaAttribute) -> Option<Item<'static>> {
    (sub.data_type == DataType::Boolean && sub.name == "primary").then_some(Item::Made(Json::Bool(false)))
}

fn each<'a>(value: Option<&'a Json>, visit: &mut dyn FnMut(&'a Json)) {
    match value {
        Some(Json::Array(list)) => list.iter().filter(|v| !value::is_absent(v)).for_each(visit),
        Some(value) if !value::is_absent(value) => visit(value),
        _ => {}
    }
}

/// Finds the values that a path leads to.
type Lookup<'r, 'f> = dyn Fn(&AttrPath) -> Vec<Item<'r>> + 'f;

fn meets(filter: &Filter, scope: Scope<'_>, values: &Lookup<'_, '_>) -> bool {
    match filter {
        Filter::Or(parts) => parts.iter().any(|part| meets(part, scope, values)),
        Filter::And(parts) => parts.iter().all(|part| meets(part, scope, values)),
        Filter::Not(inner) => !meets(inner, scope, values),
        Filter::Present(path) => is_present(path, values),
        Filter::Compare(path, op, Json::Null) => is_present(path, values) == (*op == CompareOp::Ne),
        Filter::Compare(path, op, literal) => {
            let Some(found) = scope.find_comparable(path) else { return *op == CompareOp::Ne };
            let Some(literal) = typed(found.leaf.data_type, literal) else { return *op == CompareOp::Ne };
            let found_values = values(&found.path);
            if found_values.is_empty() {
                return *op == CompareOp::Ne;
            }
            found_values.iter().any(|item| compare(found.leaf, *op, item.get(), &literal))
        }
        Filter::Element(path, inner) => {
            let Some(found) = scope.find(path) else { return false };
            let elements = values(&found.path);
            let mut objects = elements.iter().filter_map(|item| item.get().as_object());
            objects.any(|element| matches_element(inner, found.leaf, element))
        }
    }
}

/// A `primary` that is only implied counts for comparisons, not for `pr`.
fn is_present(path: &AttrPath, values: &Lookup<'_, '_>) -> bool {
    let implied = |item: &Item<'_>| matches!(item, Item::Made(Json::Bool(_)));
    values(path).iter().any(|item| !implied(item))
}

fn compare(attribute: &SchemaAttribute, op: CompareOp, stored: &Json, literal: &Json) -> bool {
    let order = |order: Option<Ordering>| match op {
        CompareOp::Gt => order == Some(Ordering::Greater),
        CompareOp::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        CompareOp::Lt => order == Some(Ordering::Less),
        CompareOp::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        CompareOp::Eq | CompareOp::Ne | CompareOp::Co | CompareOp::Sw | CompareOp::Ew => false,
    };
    match op {
        CompareOp::Eq => return value::same(attribute, stored, literal),
        CompareOp::Ne => return !value::same(attribute, stored, literal),
        _ => {}
    }
    match (stored, literal) {
        (Json::String(a), Json::String(b)) if attribute.data_type == DataType::DateTime => {
            order(value::instant(a).zip(value::instant(b)).map(|(a, b)| a.cmp(&b)))
        }
        (Json::String(a), Json::String(b)) => {
            let (a, b) = (comparable(a, attribute.case_exact), comparable(b, attribute.case_exact));
            match op {
                CompareOp::Co => a.contains(b.as_ref()),
                CompareOp::Sw => a.starts_with(b.as_ref()),
                CompareOp::Ew => a.ends_with(b.as_ref()),
                _ => order(Some(a.cmp(&b))),
            }
        }
        _ => order(value::compare_numbers(stored, literal)),
    }
}

/// Every attribute path of a filter, as full paths, without duplicates, in order of appearance.
#[must_use]
pub fn paths(filter: &Filter) -> Vec<AttrPath> {
    let mut found = Vec::new();
    collect(filter, None, &mut found);
    found
}

fn collect(filter: &Filter, parent: Option<&AttrPath>, found: &mut Vec<AttrPath>) {
    match filter {
        Filter::Or(parts) | Filter::And(parts) => parts.iter().for_each(|part| collect(part, parent, found)),
        Filter::Not(inner) => collect(inner, parent, found),
        Filter::Element(path, inner) => collect(inner, Some(path), found),
        Filter::Present(path) | Filter::Compare(path, _, _) => {
            let full = match parent {
                None => path.clone(),
                Some(parent) => AttrPath { sub: Some(path.name.clone()), ..parent.clone() },
            };
            if !found.contains(&full) {
                found.push(full);
            }
        }
    }
}

#[cfg(test)]
mod tests;
