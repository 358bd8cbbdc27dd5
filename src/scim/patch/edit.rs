//! One operation on one attribute of a resource.

mod schemas;

use std::collections::BTreeSet;

use crate::scim::{
    Json, Object,
    attribute::AttrPath,
    error::ScimError,
    patch::{Op, PatchRules, list::ListEdit},
    path::PatchPath,
    schema::{DataType, Mutability, ResourceType, SchemaAttribute},
    validate::{
        Mode, check_sub_attributes,
        intake::{Intake, Origin, element_key, has_data, misfit},
        replace::{forget_old_target, merge_complex},
    },
    value,
};

/// A copy of a resource on which operations run.
pub(super) struct Editor<'a> {
    ty: &'a ResourceType,
    rules: &'a PatchRules,
    resource: Object,
    /// Attributes that some operation was about.
    touched: BTreeSet<AttrPath>,
}

/// What an operation does to its attribute, all names found.
pub(super) struct Step<'a> {
    pub(super) op: Op,
    pub(super) path: &'a PatchPath,
    pub(super) attribute: &'a SchemaAttribute,
    pub(super) sub: Option<&'a SchemaAttribute>,
    pub(super) value: Option<&'a Json>,
    pub(super) rules: &'a PatchRules,
}

impl<'a> Editor<'a> {
    pub(super) fn new(ty: &'a ResourceType, rules: &'a PatchRules, resource: Object) -> Self {
        Self { ty, rules, resource, touched: BTreeSet::new() }
    }

    pub(super) fn apply(&mut self, op: Op, path: &PatchPath, value: Option<&Json>) -> Result<(), ScimError> {
        if path.attr.name.is_empty() {
            return self.remove_extension(path);
        }
        let unknown = || ScimError::invalid_path(format!("The path `{path}` names no attribute."));
        let found = self.ty.resolve(&path.target()).ok_or_else(unknown)?;
        let (attribute, sub) = (found.attribute, found.sub);
        if found.extension.is_none() && attribute.name == "schemas" {
            // What clients send along need not be meant; the list follows from the attributes that are there.
            return if self.rules.mode == Mode::Tolerant { Ok(()) } else { self.apply_schemas(op, value) };
        }
        if [Some(attribute), sub].into_iter().flatten().any(|a| a.mutability == Mutability::ReadOnly) {
            return Err(ScimError::mutability(format!("Attribute `{path}` is read-only.")));
        }
        if op == Op::Add && value.is_some_and(Json::is_null) {
            return Ok(());
        }
        self.touched.insert(path.attr.clone());
        let step = Step { op, path, attribute, sub, value, rules: self.rules };
        let before = self.take(path, attribute);
        let kept = (attribute.mutability == Mutability::Immutable).then(|| before.clone()).flatten();
        // Where there is always a value, taking it away leaves the one that is there, as with PUT: nobody
        // is switched on or off without being told so.
        let is_active = path.attr.urn.is_none() && attribute.name == "active" && attribute.required;
        let active = before.clone().filter(|_| is_active);
        let had_value = before.is_some();
        let after = if attribute.multi_valued { step.on_list(before) } else { step.on_single(before) }?;
        let after = match kept {
            Some(kept) if after.as_ref().is_some_and(|after| value::same(attribute, &kept, after)) => {
                Some(kept)
            }
            Some(_) => return Err(immutable(&path.attr)),
            None => after,
        };
        match after.or(active) {
            Some(value) => self.put(path, attribute, value),
            None if attribute.required && had_value => return Err(step.unassigned()),
            None => {}
        }
        Ok(())
    }

    fn take(&mut self, path: &PatchPath, attribute: &SchemaAttribute) -> Option<Json> {
        let part = match &path.attr.urn {
            None => &mut self.resource,
            Some(urn) => self.resource.get_mut(urn)?.as_object_mut()?,
        };
        part.remove(&attribute.name).filter(|v| !value::is_absent(v))
    }

    fn put(&mut self, path: &PatchPath, attribute: &SchemaAttribute, value: Json) {
        let part = match &path.attr.urn {
            None => Some(&mut self.resource),
            Some(urn) => {
                let empty = || Json::Object(Object::new());
                self.resource.entry(urn.as_str()).or_insert_with(empty).as_object_mut()
            }
        };
        if let Some(part) = part {
            part.insert(attribute.name.clone(), value);
        }
    }

    /// `remove` with the URN of an extension as its path removes each of its attributes.
    fn remove_extension(&mut self, path: &PatchPath) -> Result<(), ScimError> {
        let schema = path.attr.urn.as_deref().and_then(|urn| self.ty.find_schema(urn));
        let Some(schema) = schema.filter(|s| s.id != self.ty.core.id) else {
            return Err(ScimError::no_target("`remove` needs the path of an attribute."));
        };
        for attribute in schema.attributes.iter().filter(|a| a.mutability != Mutability::ReadOnly) {
            self.apply(Op::Remove, &PatchPath::attribute(Some(&schema.id), &attribute.name), None)?;
        }
        Ok(())
    }

    /// The resource after all operations: tidy, and complete where an operation touched it.
    pub(super) fn finish(mut self) -> Result<Object, ScimError> {
        for path in std::mem::take(&mut self.touched) {
            let Some(found) = self.ty.resolve(&path) else { continue };
            let attribute = found.attribute;
            let path = PatchPath { attr: path, filter: None, sub: None };
            let Some(mut value) = self.take(&path, attribute) else { continue };
            if let (Json::Array(list), DataType::Complex) = (&mut value, attribute.data_type) {
                let mut seen = std::collections::HashSet::with_capacity(list.len());
                list.retain(|element| {
                    let has_data = element.as_object().is_none_or(|e| has_data(attribute, e));
                    has_data && seen.insert(element_key(attribute, element))
                });
            }
            if value::is_absent(&value) {
                if attribute.required {
                    return Err(ScimError::invalid_value(format!("Attribute `{path}` is required.")));
                }
                continue;
            }
            check_sub_attributes(&value, attribute, &path.attr)?;
            self.put(&path, attribute, value);
        }
        for (schema, _) in &self.ty.extensions {
            if self.resource.get(&schema.id).is_some_and(value::is_absent) {
                self.resource.remove(&schema.id);
            }
        }
        Ok(self.resource)
    }
}

pub(super) fn immutable(path: &AttrPath) -> ScimError {
    ScimError::mutability(format!("Attribute `{path}` is immutable and has a value already."))
}

impl Step<'_> {
    pub(super) fn intake(&self) -> Intake {
        Intake::new(self.rules.mode, Origin::Patch)
    }

    /// The error for taking away what must not go.
    pub(super) fn unassigned(&self) -> ScimError {
        let path = self.path.target();
        match self.op {
            Op::Remove => {
                ScimError::mutability(format!("Attribute `{path}` is required and cannot be removed."))
            }
            Op::Add | Op::Replace => ScimError::invalid_value(format!("Attribute `{path}` is required.")),
        }
    }

    /// The value of an operation as an object; in tolerant mode a scalar stands for its `value`.
    pub(super) fn object(&self, value: &Json) -> Result<Object, ScimError> {
        let misfit = || misfit(&self.path.attr, "an object", value);
        match value {
            Json::Object(object) => Ok(object.clone()),
            other => self.intake().as_object(self.attribute, other).ok_or_else(misfit),
        }
    }

    fn on_single(&self, before: Option<Json>) -> Result<Option<Json>, ScimError> {
        let complex = match before {
            Some(Json::Object(object)) => object,
            _ => Object::new(),
        };
        match (self.sub, self.op, self.value) {
            (None, Op::Remove, _) => Ok(None),
            (Some(sub), Op::Remove, _) => {
                let mut after = complex;
                self.remove_sub(sub, &mut after)?;
                Ok((!after.is_empty()).then_some(Json::Object(after)))
            }
            (Some(sub), _, Some(value)) => {
                let given = Object::from_iter([(sub.name.clone(), value.clone())]);
                self.merge(complex, &given).map(|after| after.map(Json::Object))
            }
            (None, _, Some(value)) if self.attribute.data_type == DataType::Complex => {
                if value::is_absent(value) && !value.is_object() {
                    return Ok(None);
                }
                if self.op == Op::Replace && self.rules.mode == Mode::Strict {
                    return self.replace_complex(&complex, value);
                }
                self.merge(complex, &self.object(value)?).map(|after| after.map(Json::Object))
            }
            (None, _, Some(value)) => self.intake().attribute(&self.path.attr, self.attribute, value),
            (_, _, None) => {
                Err(ScimError::invalid_value(format!("The operation on `{}` needs a value.", self.path)))
            }
        }
    }

    /// The whole value for another one, as the interoperability profile wants it; the RFC merges (P-rep-2).
    fn replace_complex(&self, before: &Object, value: &Json) -> Result<Option<Json>, ScimError> {
        match self.intake().single(&self.path.attr, self.attribute, value)? {
            Some(Json::Object(given)) => {
                let after = merge_complex(self.attribute, before, given, &self.path.attr)?;
                Ok(Some(Json::Object(after)))
            }
            other => Ok(other),
        }
    }

    /// Lays given sub-attributes over a complex value; `None` if nothing is left of it.
    pub(super) fn merge(&self, before: Object, given: &Object) -> Result<Option<Object>, ScimError> {
        let mut after = before.clone();
        let mut intake = self.intake();
        for (key, value) in given {
            let Some(sub) = self.attribute.find_sub(key) else { continue };
            if sub.mutability == Mutability::ReadOnly || (self.op == Op::Add && value.is_null()) {
                continue;
            }
            let path = AttrPath { sub: Some(sub.name.clone()), ..self.path.attr.clone() };
            match intake.attribute(&path, sub, value)? {
                Some(value) => {
                    let old = before.get(&sub.name).filter(|_| sub.mutability == Mutability::Immutable);
                    match old {
                        Some(old) if value::same(sub, old, &value) => continue,
                        Some(_) => return Err(immutable(&path)),
                        None => after.insert(sub.name.clone(), value),
                    };
                }
                None => self.remove_sub(sub, &mut after)?,
            }
        }
        forget_old_target(self.attribute, &before, &mut after);
        Ok((!after.is_empty()).then_some(after))
    }

    /// Removes a sub-attribute; a complex value that loses its `value` is nothing any more.
    pub(super) fn remove_sub(&self, sub: &SchemaAttribute, complex: &mut Object) -> Result<(), ScimError> {
        if complex.remove(&sub.name).is_none() {
            return Ok(());
        }
        let path = AttrPath { sub: Some(sub.name.clone()), ..self.path.attr.clone() };
        if sub.mutability == Mutability::Immutable {
            return Err(immutable(&path));
        }
        if sub.required {
            return Err(self.unassigned());
        }
        if sub.name == "value" {
            complex.clear();
        }
        Ok(())
    }
}

impl Step<'_> {
    fn on_list(&self, before: Option<Json>) -> Result<Option<Json>, ScimError> {
        let list = match before {
            Some(Json::Array(list)) => list,
            Some(single) => vec![single],
            None => Vec::new(),
        };
        let list = ListEdit { step: self, list }.run()?;
        Ok((!list.is_empty()).then_some(Json::Array(list)))
    }
}
