//! A resource from a client against its schema (RFC 7643 §2, §7; RFC 7644 §3.3, §3.5.1).
//!
//! [`normalise`] turns what a client sent into a canonical resource,
//! [`merge_replace`] lays it over the current one for PUT. Both work on JSON
//! alone; uniqueness and references are the business of whoever stores it.

pub(crate) mod intake;
pub(crate) mod replace;

pub use self::replace::merge_replace;

use crate::scim::{
    Json, Object,
    attribute::AttrPath,
    error::ScimError,
    resource::set_schemas,
    schema::{Mutability, ResourceType, Schema, SchemaAttribute},
    text,
    validate::intake::{Intake, Origin},
    value,
};

/// How closely a message must follow the RFCs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// What real clients send is understood where its meaning is clear.
    #[default]
    Tolerant,
    /// Only what the RFCs describe.
    Rfc,
    /// Only what the SCIM interoperability profile (draft-zollner-scim-interop-profile) allows of that:
    /// names that nobody defines are errors, operations of a PATCH have paths and one target.
    Strict,
}

/// Rules for resources from clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// How closely the resource must follow the RFCs.
    pub mode: Mode,
}

/// What a resource from a client is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// POST: required attributes must be there.
    Create,
    /// PUT: what is missing may come from the current resource, see [`merge_replace`].
    Replace,
}

/// A canonical resource, and what did not make it there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Normalised {
    /// The resource: schema spelling, writable attributes only, no nulls, `schemas` as it should be.
    pub resource: Object,
    /// Names of attributes that the schema does not know, for the log.
    pub ignored: Vec<String>,
    /// Attributes that the client set to null or `[]`: a default must not fill them (RFC 7644 §3.3).
    pub cleared: Vec<AttrPath>,
}

/// Turns the body of a POST or PUT into a canonical resource.
///
/// Names match without case; read-only attributes are left out, and so are
/// attributes that the schema does not know, except in strict mode (D-6).
///
/// # Errors
///
/// 400 `invalidSyntax` if `schemas` is not as the mode wants it, or an attribute
/// is unknown in strict mode; 400 `invalidValue` if a value does not fit its attribute or, for
/// [`Purpose::Create`], a required attribute is missing.
pub fn normalise(
    body: &Object,
    ty: &ResourceType,
    rules: &Rules,
    purpose: Purpose,
) -> Result<Normalised, ScimError> {
    check_schemas(body, ty, rules.mode)?;
    let mut intake = Intake::new(rules.mode, Origin::Body);
    let mut resource = Object::new();
    for (key, value) in body {
        if key.eq_ignore_ascii_case("schemas") {
            continue;
        }
        let Some(schema) = ty.find_schema(key) else {
            take(&mut intake, &ty.core, None, (key, value), &mut resource)?;
            continue;
        };
        let urn = (schema.id != ty.core.id).then_some(schema.id.as_str());
        match (value, urn) {
            (Json::Object(part), None) => {
                for entry in part {
                    take(&mut intake, schema, None, entry, &mut resource)?;
                }
            }
            (Json::Object(part), Some(urn)) => {
                let mut taken = Object::new();
                for entry in part {
                    take(&mut intake, schema, Some(urn), entry, &mut taken)?;
                }
                if !taken.is_empty() {
                    resource.insert(urn.to_owned(), Json::Object(taken));
                }
            }
            (absent, _) if value::is_absent(absent) => {}
            (other, _) => return Err(intake::misfit(key, "an object", other)),
        }
    }
    if let (Mode::Strict, Some(name)) = (rules.mode, intake.ignored.first()) {
        return Err(not_an_attribute(name));
    }
    set_schemas(&mut resource, ty);
    if purpose == Purpose::Create {
        check_required(&resource, ty)?;
    }
    Ok(Normalised { resource, ignored: intake.ignored, cleared: intake.cleared })
}

/// The error for a name that no schema of the type has, where those are not ignored (D-6).
pub(crate) fn not_an_attribute(name: &str) -> ScimError {
    ScimError::invalid_syntax(format!("`{name}` is not an attribute."))
}

/// Takes one attribute of a body into `target`, if the schema knows it and clients may write it.
fn take(
    intake: &mut Intake,
    schema: &Schema,
    urn: Option<&str>,
    (key, value): (&String, &Json),
    target: &mut Object,
) -> Result<(), ScimError> {
    let path = |name: &str| AttrPath { urn: urn.map(str::to_owned), name: name.to_owned(), sub: None };
    let Some(attribute) = schema.find(key) else {
        intake.ignored.push(path(key).to_string());
        return Ok(());
    };
    if attribute.mutability == Mutability::ReadOnly {
        return Ok(());
    }
    let path = path(&attribute.name);
    match intake.attribute(&path, attribute, value)? {
        Some(value) => {
            target.insert(attribute.name.clone(), value);
        }
        None => intake.cleared.push(path),
    }
    Ok(())
}

/// Checks the attribute `schemas` of a body (RFC 7643 §3).
fn check_schemas(body: &Object, ty: &ResourceType, mode: Mode) -> Result<(), ScimError> {
    let list = match text::find(body, "schemas") {
        Some(Json::Array(list)) => list.as_slice(),
        None | Some(Json::Null) if mode == Mode::Tolerant => return Ok(()),
        None | Some(Json::Null) => {
            return Err(ScimError::invalid_syntax("The attribute `schemas` is missing."));
        }
        Some(Json::String(_)) if mode == Mode::Tolerant => return Ok(()),
        Some(_) => return Err(ScimError::invalid_syntax("`schemas` must be an array of schema URNs.")),
    };
    let mut seen: Vec<&str> = Vec::with_capacity(list.len());
    for urn in list {
        let Some(urn) = urn.as_str() else {
            return Err(ScimError::invalid_syntax("`schemas` must be an array of schema URNs."));
        };
        let problem = match ty.find_schema(urn) {
            _ if mode == Mode::Tolerant => None,
            None => Some("is not a schema of this resource type"),
            Some(_) => seen.iter().any(|other| other.eq_ignore_ascii_case(urn)).then_some("is there twice"),
        };
        if let Some(problem) = problem {
            return Err(ScimError::invalid_syntax(format!("`{urn}` in `schemas` {problem}.")));
        }
        seen.push(urn);
    }
    let has_core = seen.iter().any(|urn| urn.eq_ignore_ascii_case(&ty.core.id));
    if mode != Mode::Tolerant && !has_core {
        return Err(ScimError::invalid_syntax(format!("`schemas` does not name `{}`.", ty.core.id)));
    }
    Ok(())
}

/// Checks that every required attribute that clients may write is there.
///
/// # Errors
///
/// 400 `invalidValue` naming the first that is missing.
pub fn check_required(resource: &Object, ty: &ResourceType) -> Result<(), ScimError> {
    check_required_if(resource, ty, |_| true)
}

fn check_required_if(
    resource: &Object,
    ty: &ResourceType,
    counts: impl Fn(&SchemaAttribute) -> bool,
) -> Result<(), ScimError> {
    check_part(resource, &ty.core, None, &counts)?;
    for (schema, required) in &ty.extensions {
        match resource.get(&schema.id).and_then(Json::as_object) {
            Some(part) => check_part(part, schema, Some(&schema.id), &counts)?,
            None if *required => {
                return Err(ScimError::invalid_value(format!("The extension `{}` is required.", schema.id)));
            }
            None => {}
        }
    }
    Ok(())
}

fn check_part(
    part: &Object,
    schema: &Schema,
    urn: Option<&str>,
    counts: &impl Fn(&SchemaAttribute) -> bool,
) -> Result<(), ScimError> {
    for attribute in schema.attributes.iter().filter(|a| a.mutability != Mutability::ReadOnly) {
        let path = AttrPath { urn: urn.map(str::to_owned), name: attribute.name.clone(), sub: None };
        match part.get(&attribute.name).filter(|v| !value::is_absent(v)) {
            Some(value) => check_sub_attributes(value, attribute, &path)?,
            None if attribute.required && counts(attribute) => {
                return Err(ScimError::invalid_value(format!("Attribute `{path}` is required.")));
            }
            None => {}
        }
    }
    Ok(())
}

/// Checks that each element of a complex attribute has its required sub-attributes.
pub(crate) fn check_sub_attributes(
    value: &Json,
    attribute: &SchemaAttribute,
    path: &AttrPath,
) -> Result<(), ScimError> {
    let mut required =
        attribute.sub_attributes.iter().filter(|s| s.required && s.mutability != Mutability::ReadOnly);
    required.try_for_each(|sub| {
        let has = |element: &Json| {
            element.get(&sub.name).is_some_and(|v| !value::is_absent(v)) || is_read_only(attribute, element)
        };
        let all = match value {
            Json::Array(list) => list.iter().all(has),
            single => has(single),
        };
        if all {
            return Ok(());
        }
        let path = AttrPath { sub: Some(sub.name.clone()), ..path.clone() };
        Err(ScimError::invalid_value(format!("Attribute `{path}` is required.")))
    })
}

/// True if a complex value has nothing that clients may write: it is the store's alone.
fn is_read_only(attribute: &SchemaAttribute, element: &Json) -> bool {
    let is_ours =
        |name: &String| attribute.find_sub(name).is_some_and(|s| s.mutability == Mutability::ReadOnly);
    element.as_object().is_some_and(|object| object.keys().all(is_ours))
}

#[cfg(test)]
mod tests;
