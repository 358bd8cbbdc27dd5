//! What a resource type as a whole must have.

use crate::{
    mapping::{
        Rename, compile::TypeDraft, diagnostic::Diagnostics, form::set::AssignTarget, shape::FieldRef,
    },
    scim::schema::{Mutability, SchemaAttribute},
    store::Source,
};

/// What SCIM requires of every resource of the type can be written (RFC 7643 §4.1.1, §4.2).
pub(super) fn check_required(draft: &TypeDraft, diagnostics: &mut Diagnostics) {
    let required = |a: &&SchemaAttribute| {
        let group_name = draft.name == "Group" && a.name == "displayName";
        (a.required || group_name)
            && a.mutability != Mutability::ReadOnly
            && !matches!(a.name.as_str(), "id" | "schemas")
    };
    for attribute in draft.declared.core.attributes.iter().filter(required) {
        let name = &attribute.name;
        let rule = draft.rules.iter().find(|r| r.rule.urn.is_none() && r.rule.attribute == *name);
        match rule {
            None => {
                let message = format!("`{}` does not map `{name}`, which SCIM requires", draft.name);
                let help = format!("add `{name}` to `[{}.attributes]`", draft.name);
                diagnostics.error("required-missing", &draft.span, message, help);
            }
            Some(rule) if !rule.face.writable => {
                let message = format!("SCIM requires `{name}`, but clients cannot write it here");
                diagnostics.error(
                    "required-missing",
                    &rule.span,
                    message,
                    "bind it to a field that can be written",
                );
            }
            Some(_) => {}
        }
    }
}

/// A key that a client can change takes the derived id along.
pub(super) fn check_rename(draft: &TypeDraft, diagnostics: &mut Diagnostics) {
    if draft.rename == Rename::Refuse || draft.ids == crate::mapping::Ids::Minted {
        return;
    }
    for key in &draft.shape.root().bag.key {
        let field = FieldRef { part: 0, field: *key, slot: None };
        let lens = draft.writes.iter().find(|w| draft.stored_at(&w.field) == field);
        let lens = lens.filter(|w| {
            !draft
                .rules
                .iter()
                .any(|r| r.rule.name == w.rule && r.face.mutability == Some(Mutability::Immutable))
        });
        let derived = draft
            .settle
            .iter()
            .find(|(s, _)| s.derived && matches!(&s.assign.target, AssignTarget::Field(f) if *f == field));
        let span = lens.map(|w| &w.span).or(derived.map(|(_, span)| span));
        if let Some(span) = span {
            let name = draft.shape.field_name(&field);
            let message = format!("when `{name}` changes, the SCIM id derived from it changes too");
            let help = "write `rename = \"refuse\"`, `id = \"minted\"`, or make the attribute immutable";
            diagnostics.warn("rename-changes-id", span, message, help);
        }
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
        Source::Entries { rdn, .. } => rdn.as_slice() == [field.field] || bag.field_name(field.field) == "dn",
        Source::Table(_) => false,
    };
    let lens = draft.writes.iter().any(|w| {
        let unique = draft.rules.iter().any(|r| r.rule.name == w.rule && r.face.unique);
        w.field == *field && unique
    });
    bag.key.as_slice() == [field.field] || naming || lens
}
