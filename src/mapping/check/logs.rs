//! What a log tells.

use crate::mapping::{
    compile::TypeDraft, diagnostic::Diagnostics, form::set::AssignTarget, log::Watched, shape::FieldRef,
};

/// No log tells a password; and a key that the database makes is known only when the row is there, so that it
/// stands alone.
pub(super) fn check_logs(draft: &TypeDraft, diagnostics: &mut Diagnostics) {
    let secrets = draft.secrets();
    for site in &draft.logs {
        let columns = site.log.set.iter().chain(&site.log.fields);
        for ((_, template), (_, span)) in columns.zip(&site.spans) {
            if let Some(field) = template.fields().into_iter().find(|f| is_secret(draft, &secrets, f)) {
                let message =
                    format!("`{}` holds a password, which no log is told", draft.shape.field_name(field));
                diagnostics.error("bad-value", span, message, "leave it out");
            }
            let is_made = |f: &&FieldRef| {
                f.part == 0 && draft.shape.root().bag.key.contains(&f.field) && !is_given(draft, f)
            };
            if template.alone().is_none()
                && let Some(key) = template.fields().into_iter().find(is_made)
            {
                let name = draft.shape.field_name(key);
                let message =
                    format!("`{name}` is known only when the row is there, and cannot be part of a text");
                let help = format!("give it a column of its own: `column = \"{{{name}}}\"`");
                diagnostics.error("bad-value", span, message, help);
            }
        }
        for watched in site.log.only.iter().flatten() {
            if let Watched::Field(field) = watched
                && is_secret(draft, &secrets, field)
            {
                let message =
                    format!("`{}` holds a password, which no log is told", draft.shape.field_name(field));
                diagnostics.error("bad-value", &site.only, message, "leave it out");
            }
        }
    }
}

/// True if a field holds a password, or a document with one.
fn is_secret(draft: &TypeDraft, secrets: &[FieldRef], field: &FieldRef) -> bool {
    let holds = |secret: &FieldRef| {
        let mut at = secret.clone();
        loop {
            let is_here = at.part == field.part && at.field == field.field;
            if is_here && (at.slot.is_none() || field.slot.is_none() || at.slot == field.slot) {
                return true;
            }
            let part = draft.shape.part(at.part);
            let Some(opened) = part.opened.as_ref().filter(|_| at.part != 0) else { return false };
            at = FieldRef { part: part.parent, field: opened.field, slot: opened.slot.clone() };
        }
    };
    secrets.iter().any(holds)
}

/// True if the mapping or a client gives the field its value.
fn is_given(draft: &TypeDraft, field: &FieldRef) -> bool {
    let is_settled =
        draft.settle.iter().any(|(s, _)| matches!(&s.assign.target, AssignTarget::Field(f) if f == field));
    is_settled
        || draft.writes.iter().any(|w| w.field == *field)
        || draft.shape.root().constants.iter().any(|(f, _)| *f == field.field)
}
