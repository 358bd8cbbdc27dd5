//! Each field has one owner.

use crate::mapping::{
    compile::TypeDraft,
    diagnostic::Diagnostics,
    form::set::AssignTarget,
    shape::{FieldRef, Use},
};

/// No two lenses write one field: the second would undo the first.
///
/// The sub-attributes of one row may share a field (`type` and `primary` of
/// one mark): they must agree when written, which is checked then. Lenses whose
/// conditions exclude each other never write at once.
pub(super) fn check_written_once(draft: &TypeDraft, diagnostics: &mut Diagnostics) {
    for (index, write) in draft.writes.iter().enumerate() {
        let field = draft.stored_at(&write.field);
        let first = draft.writes.iter().take(index).find(|other| {
            let grouped = write.group.is_some()
                && write.group == other.group
                && is_mark(&write.rule)
                && is_mark(&other.rule);
            let apart = match (&write.when, &other.when) {
                (Some(a), Some(b)) => a.excludes(b),
                _ => false,
            };
            draft.stored_at(&other.field) == field && !grouped && !apart
        });
        if let Some(first) = first {
            let name = draft.shape.field_name(&field);
            let message = format!("`{name}` is written by `{}` and by `{}`", first.rule, write.rule);
            let help = "give one of the two `write = \"no\"` or another field, or both a `when` that tests one field for different values";
            diagnostics.error("field-written-twice", &write.span, message, help);
        }
    }
}

fn is_mark(rule: &str) -> bool {
    rule.ends_with(".type") || rule.ends_with(".primary")
}

/// What is derived is not written by a lens as well, except in fields of several values.
pub(super) fn check_derived(draft: &TypeDraft, diagnostics: &mut Diagnostics) {
    for (settle, span) in draft.settle.iter().filter(|(s, _)| s.derived) {
        let AssignTarget::Field(field) = &settle.assign.target else { continue };
        let field = draft.stored_at(field);
        let Some(write) = draft.writes.iter().find(|w| draft.stored_at(&w.field) == field) else { continue };
        if !is_many(draft, &field) {
            let name = draft.shape.field_name(&field);
            let message = format!("`{name}` is derived, and written by `{}`", write.rule);
            let help = "use `initial` for a value that a lens may change, or give the lens `write = \"no\"`";
            diagnostics.error("field-written-twice", span, message, help);
        }
    }
}

/// A watched part is read only.
pub(super) fn check_watched(draft: &TypeDraft, diagnostics: &mut Diagnostics) {
    for write in &draft.writes {
        let part = draft.shape.part(write.field.part);
        if part.usage == Use::Watch {
            let message = format!("`{}` writes to `{}`, which is watched only", write.rule, part.name);
            let help = "give the lens `write = \"no\"`, or the part another `use`";
            diagnostics.error("watch-written", &write.span, message, help);
        }
    }
}

fn is_many(draft: &TypeDraft, field: &FieldRef) -> bool {
    draft.shape.part(field.part).bag.fields.get(field.field).is_some_and(|f| f.many)
}
