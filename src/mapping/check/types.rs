//! What a resource type as a whole must have.

use crate::{
    mapping::{
        compile::{RuleDraft, TypeDraft},
        diagnostic::Diagnostics,
        shape::FieldRef,
    },
    scim::schema::{Mutability, Schema, SchemaAttribute},
    store::Source,
};

/// What its schemas require of every resource of the type can be written (RFC 7643 §4.1.1, §4.2, §6).
pub(super) fn check_required(draft: &TypeDraft, diagnostics: &mut Diagnostics) {
    check_schema(draft, &draft.declared.core, None, diagnostics);
    for (schema, required) in &draft.declared.extensions {
        let urn = Some(schema.id.as_str());
        let is_bound = draft.rules.iter().any(|r| r.rule.urn.as_deref() == urn);
        if is_bound {
            check_schema(draft, schema, urn, diagnostics);
        } else if *required {
            let message =
                format!("`{}` maps nothing of the extension `{}`, which it requires", draft.name, schema.id);
            let help = format!("bind its attributes in `[{}.attributes]`, or remove `required`", draft.name);
            diagnostics.error("required-missing", &draft.span, message, help);
        }
    }
}

fn check_schema(draft: &TypeDraft, schema: &Schema, urn: Option<&str>, diagnostics: &mut Diagnostics) {
    let required = |a: &&SchemaAttribute| {
        let group_name = draft.name == "Group" && urn.is_none() && a.name == "displayName";
        (a.required || group_name)
            && a.mutability != Mutability::ReadOnly
            && !(urn.is_none() && matches!(a.name.as_str(), "id" | "schemas"))
    };
    for attribute in &schema.attributes {
        let name = &attribute.name;
        let rule = draft.rules.iter().find(|r| r.rule.urn.as_deref() == urn && r.rule.attribute == *name);
        if let Some(rule) = rule {
            check_subs(attribute, rule, diagnostics);
        }
        match rule.filter(|_| required(&attribute)) {
            None if required(&attribute) => {
                let message = format!("`{}` does not map `{name}`, which its schema requires", draft.name);
                let help = format!("add `{name}` to `[{}.attributes]`", draft.name);
                diagnostics.error("required-missing", &draft.span, message, help);
            }
            Some(rule) if !rule.face.writable => {
                let message = format!("SCIM requires `{name}`, but clients cannot write it here");
                let help = "bind it to a field that can be written";
                diagnostics.error("required-missing", &rule.span, message, help);
            }
            _ => {}
        }
    }
}

/// A complex value that is bound has its required sub-attributes.
fn check_subs(attribute: &SchemaAttribute, rule: &RuleDraft, diagnostics: &mut Diagnostics) {
    let Some(faces) = &rule.face.subs else { return };
    let required = |s: &&SchemaAttribute| s.required && s.mutability != Mutability::ReadOnly;
    for sub in attribute.sub_attributes.iter().filter(required) {
        if !faces.iter().any(|(name, face)| *name == sub.name && face.writable) {
            let message = format!(
                "`{}` has no `{}` that can be written, which its schema requires",
                attribute.name, sub.name
            );
            diagnostics.error("required-missing", &rule.span, message, "bind it, too");
        }
    }
}

/// A key that a client can change takes the derived id along.
pub(super) fn check_rename(draft: &TypeDraft, diagnostics: &mut Diagnostics) {
    if draft.ids == crate::mapping::Ids::Minted {
        return;
    }
    for (key, span) in draft.changing_keys() {
        let name = draft.shape.field_name(&key);
        let message = format!("when `{name}` changes, the SCIM id derived from it changes too");
        let help = "write `rename = \"refuse\"`, `id = \"minted\"`, or make the attribute immutable";
        diagnostics.warn("rename-changes-id", span, message, help);
    }
}

/// A reference finds one target: the field by which it does is unique there.
pub(super) fn check_by(draft: &TypeDraft, types: &[TypeDraft], diagnostics: &mut Diagnostics) {
    for site in &draft.bys {
        let Some(target) = types.get(site.target).filter(|t| !t.broken) else { continue };
        if !is_unique(target, &site.field) {
            let name = target.shape.field_name(&site.field);
            let message = format!("nothing says that `{name}` of `{}` is unique", target.name);
            let help =
                "refer by the key, the DN or the naming attribute, or give the field's lens `unique = true`";
            diagnostics.error("by-not-unique", &site.span, message, help);
        }
    }
}

fn is_unique(draft: &TypeDraft, field: &FieldRef) -> bool {
    let bag = &draft.shape.part(field.part).bag;
    let naming = match &bag.source {
        Source::Entries { rdn, .. } => {
            let name = bag.field_name(field.field);
            // Active Directory's number of a group is the end of its identifier.
            rdn.as_slice() == [field.field] || name == "dn" || name.eq_ignore_ascii_case("primaryGroupToken")
        }
        Source::Table(_) | Source::Items(_) | Source::Names(_) => false,
    };
    let lens = draft.writes.iter().any(|w| {
        let unique = draft.rules.iter().any(|r| r.rule.name == w.rule && r.face.unique);
        w.field == *field && unique
    });
    // A key column that is the same in all rows of ours tells none of them apart.
    let fixed = &draft.shape.part(field.part).constants;
    let mut telling = bag.key.iter().filter(|key| !fixed.iter().any(|(f, _)| f == *key));
    let key = (telling.next(), telling.next()) == (Some(&field.field), None);
    key || naming || lens
}
