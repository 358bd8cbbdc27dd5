//! Single values from clients: type, spelling, canonical form.

use std::collections::HashSet;

use crate::scim::{
    Json, Object,
    attribute::AttrPath,
    error::ScimError,
    schema::{DataType, Mutability, SchemaAttribute},
    text::comparable,
    validate::Mode,
    value,
};

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A whole resource.
    Body,
    /// A PATCH operation, which may add one element to a list without an array around it.
    Patch,
}

/// Takes values in, and notes what it had to leave out.
pub(crate) struct Intake {
    mode: Mode,
    origin: Origin,
    /// Names that the schema does not know.
    pub(crate) ignored: Vec<String>,
    /// What was given as null or empty.
    pub(crate) cleared: Vec<AttrPath>,
}

impl Intake {
    pub(crate) fn new(mode: Mode, origin: Origin) -> Self {
        Self { mode, origin, ignored: Vec::new(), cleared: Vec::new() }
    }

    /// The canonical value of an attribute; `None` if the client gave nothing.
    pub(crate) fn attribute(
        &mut self,
        path: &AttrPath,
        attribute: &SchemaAttribute,
        value: &Json,
    ) -> Result<Option<Json>, ScimError> {
        if !attribute.multi_valued {
            return self.single(path, attribute, value);
        }
        let list = self.list(path, attribute, value)?;
        Ok((!list.is_empty()).then_some(Json::Array(list)))
    }

    /// The canonical elements of a multi-valued attribute.
    pub(crate) fn list(
        &mut self,
        path: &AttrPath,
        attribute: &SchemaAttribute,
        value: &Json,
    ) -> Result<Vec<Json>, ScimError> {
        let given = match value {
            Json::Array(list) => list.as_slice(),
            Json::Null => &[],
            one if self.mode == Mode::Tolerant || self.origin == Origin::Patch => std::slice::from_ref(one),
            other => return Err(misfit(path, "an array", other)),
        };
        let mut list = Vec::with_capacity(given.len());
        let mut seen = HashSet::with_capacity(given.len());
        for element in given {
            let Some(element) = self.single(path, attribute, element)? else { continue };
            if seen.insert(element_key(attribute, &element)) {
                list.push(element);
            }
        }
        if list.iter().filter(|e| is_primary(e)).count() > 1 {
            return Err(ScimError::invalid_value(format!("`{path}` has more than one primary value.")));
        }
        Ok(list)
    }

    /// The canonical form of one value, or of one element of a list.
    pub(crate) fn single(
        &mut self,
        path: &AttrPath,
        attribute: &SchemaAttribute,
        value: &Json,
    ) -> Result<Option<Json>, ScimError> {
        match value {
            Json::Null => Ok(None),
            Json::String(text) if text.is_empty() => Ok(None),
            Json::Object(object) if attribute.data_type == DataType::Complex => {
                self.complex(path, attribute, object)
            }
            scalar if attribute.data_type == DataType::Complex => match self.as_object(attribute, scalar) {
                Some(object) => self.complex(path, attribute, &object),
                None => Err(misfit(path, "an object", scalar)),
            },
            scalar => scalar_of(path, attribute, scalar).map(Some),
        }
    }

    /// A scalar as the `value` of a complex attribute: `"m1"` means `{"value": "m1"}` in tolerant mode.
    pub(crate) fn as_object(&self, attribute: &SchemaAttribute, value: &Json) -> Option<Object> {
        let fits = |sub: &&SchemaAttribute| value::fits(sub.data_type, value);
        let sub = attribute.find_sub("value").filter(fits).filter(|_| self.mode == Mode::Tolerant)?;
        Some(Object::from_iter([(sub.name.clone(), value.clone())]))
    }

    fn complex(
        &mut self,
        path: &AttrPath,
        attribute: &SchemaAttribute,
        object: &Object,
    ) -> Result<Option<Json>, ScimError> {
        let mut taken = Object::new();
        for (key, value) in object {
            let path = |name: &str| AttrPath { sub: Some(name.to_owned()), ..path.clone() };
            let Some(sub) = attribute.find_sub(key) else {
                self.ignored.push(path(key).to_string());
                continue;
            };
            if sub.mutability == Mutability::ReadOnly {
                continue;
            }
            let path = path(&sub.name);
            match self.attribute(&path, sub, value)? {
                Some(value) => {
                    taken.insert(sub.name.clone(), value);
                }
                None if !attribute.multi_valued => self.cleared.push(path),
                None => {}
            }
        }
        Ok(has_data(attribute, &taken).then_some(Json::Object(taken)))
    }
}

fn scalar_of(path: &AttrPath, attribute: &SchemaAttribute, value: &Json) -> Result<Json, ScimError> {
    if !value::fits(attribute.data_type, value) {
        let error = match value {
            Json::String(text) if text.contains('\0') => {
                ScimError::invalid_value(format!("Attribute `{path}` must not contain the character NUL."))
            }
            Json::String(_) if matches!(attribute.data_type, DataType::DateTime | DataType::Binary) => {
                let wanted = value::wanted(attribute.data_type);
                ScimError::invalid_value(format!("Attribute `{path}` must be {wanted}; the text is none."))
            }
            other => misfit(path, value::wanted(attribute.data_type), other),
        };
        return Err(error);
    }
    if attribute.restrictive {
        let given = value.as_str().unwrap_or_default();
        let exact = attribute.case_exact;
        let same = |canonical: &&String| comparable(canonical, exact) == comparable(given, exact);
        return match attribute.canonical_values.iter().find(same) {
            Some(canonical) => Ok(canonical.as_str().into()),
            None => Err(ScimError::invalid_value(format!(
                "Attribute `{path}` must be one of {}.",
                attribute.canonical_values.join(", ")
            ))),
        };
    }
    Ok(value::canonical(attribute.data_type, value))
}

/// 400 `invalidValue` naming what was expected and what was found.
pub(crate) fn misfit(path: impl std::fmt::Display, wanted: &str, found: &Json) -> ScimError {
    ScimError::invalid_value(format!(
        "Attribute `{path}` must be {wanted}; {} was given.",
        value::kind(found)
    ))
}

/// True if an element is more than a label: something besides `type` and `primary`.
pub(crate) fn has_data(attribute: &SchemaAttribute, element: &Object) -> bool {
    let is_label = |name: &str| attribute.multi_valued && matches!(name, "type" | "primary");
    let only_labels = attribute.sub_attributes.iter().all(|s| is_label(&s.name));
    element.iter().any(|(name, value)| (only_labels || !is_label(name)) && !value::is_absent(value))
}

/// True if the element is the primary one.
pub(crate) fn is_primary(element: &Json) -> bool {
    element.get("primary") == Some(&Json::Bool(true))
}

/// True if the attribute refers to other resources, so that `value` alone identifies an element.
pub(crate) fn is_reference(attribute: &SchemaAttribute) -> bool {
    attribute.find_sub("$ref").is_some()
}

/// What makes two elements of a list the same (RFC 7643 §2.4): `value` and `type`, else all but `primary`.
pub(crate) fn element_key(attribute: &SchemaAttribute, element: &Json) -> String {
    let text = |attribute: &SchemaAttribute, value: &Json| match value {
        Json::String(text) => comparable(text, attribute.case_exact).into_owned(),
        other => other.to_string(),
    };
    let Json::Object(object) = element else { return text(attribute, element) };
    let part = |name: &str| Some(text(attribute.find_sub(name)?, object.get(name)?));
    match part("value") {
        Some(value) if is_reference(attribute) => value,
        Some(value) => format!("{value}\0{}", part("type").unwrap_or_default()),
        None => {
            let parts = object.iter().filter(|(name, _)| *name != "primary");
            parts.map(|(name, value)| format!("{name}\0{value}\0")).collect()
        }
    }
}

/// As comparing two [`element_key`]s, without building them.
pub(crate) fn is_same_element(attribute: &SchemaAttribute, a: &Json, b: &Json) -> bool {
    let (Some(a_value), Some(b_value)) = (a.get("value"), b.get("value")) else {
        return element_key(attribute, a) == element_key(attribute, b);
    };
    let same = |name: &str, a: &Json, b: &Json| match (a, b, attribute.find_sub(name)) {
        (Json::String(a), Json::String(b), Some(sub)) => {
            a == b || comparable(a, sub.case_exact) == comparable(b, sub.case_exact)
        }
        _ => a == b,
    };
    let kind = |element: &Json| element.get("type").cloned().unwrap_or_else(|| "".into());
    same("value", a_value, b_value) && (is_reference(attribute) || same("type", &kind(a), &kind(b)))
}
