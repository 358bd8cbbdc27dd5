//! The published schema of a type: what is mapped, as it is mapped, and
//! nothing else (RFC 7643 §7: a schema tells the truth).

use crate::{
    mapping::compile::{Compiler, draft::Face},
    scim::{
        schema::{Mutability, ResourceType, Returned, Schema, SchemaAttribute, Uniqueness},
        schemas,
    },
};

impl Compiler {
    /// Cuts the schemas of every type down to what its rules carry out.
    pub(super) fn publish(&mut self) {
        for draft in &mut self.types {
            let declared = &draft.declared;
            let cut = |schema: &Schema, urn: Option<&str>| {
                let attributes = schema.attributes.iter().filter_map(|a| {
                    let rule = draft
                        .rules
                        .iter()
                        .find(|r| r.rule.urn.as_deref() == urn && r.rule.attribute == a.name);
                    let common =
                        urn.is_none() && schemas::common_attributes().iter().any(|c| c.name == a.name);
                    match rule {
                        // What every resource has stays as it is; `meta` is made by the gateway.
                        _ if common => Some(a.clone()),
                        Some(rule) => Some(publish(a, &rule.face)),
                        None => None,
                    }
                });
                Schema { attributes: attributes.collect(), ..schema.clone() }
            };
            let extensions = declared.extensions.iter().map(|(s, required)| (cut(s, Some(&s.id)), *required));
            draft.published = ResourceType {
                core: cut(&declared.core, None),
                extensions: extensions.filter(|(s, _)| !s.attributes.is_empty()).collect(),
                ..declared.clone()
            };
        }
    }
}

/// An attribute with the characteristics that its lens gives it.
fn publish(attribute: &SchemaAttribute, face: &Face) -> SchemaAttribute {
    let mut out = attribute.clone();
    out.mutability = match face.mutability {
        Some(mutability) => mutability,
        None if !face.writable => Mutability::ReadOnly,
        None => attribute.mutability,
    };
    out.returned = face.returned.unwrap_or(attribute.returned);
    if out.mutability == Mutability::WriteOnly {
        out.returned = Returned::Never;
    }
    if let Some(required) = face.required {
        out.required = required;
    }
    // What the schema itself has read-only, the store gives a value.
    if out.mutability == Mutability::ReadOnly && attribute.mutability != Mutability::ReadOnly {
        out.required = false;
    }
    if let Some(case_exact) = face.case_exact {
        out.case_exact = case_exact;
    }
    // The truth: whether a second one is refused.
    out.uniqueness = match (face.unique, out.uniqueness) {
        (true, Uniqueness::None) => Uniqueness::Server,
        (false, Uniqueness::Server) if !out.multi_valued => Uniqueness::None,
        (_, declared) => declared,
    };
    out.unsearchable = !face.searchable;
    if !face.canonical.is_empty() {
        out.canonical_values.clone_from(&face.canonical);
    }
    if !face.types.is_empty() && attribute.sub_attributes.is_empty() {
        let reference = out.data_type == crate::scim::schema::DataType::Reference;
        out.reference_types = if reference { face.types.clone() } else { Vec::new() };
    }
    if let Some(faces) = &face.subs {
        out.sub_attributes = attribute
            .sub_attributes
            .iter()
            .filter_map(|sub| {
                let (_, face) = faces.iter().find(|(name, _)| *name == sub.name)?;
                Some(publish(sub, face))
            })
            .collect();
    }
    out
}
