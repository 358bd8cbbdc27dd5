//! What stands on a path is known when the path is made.

use crate::mapping::{compile::TypeDraft, diagnostic::Diagnostics, form::set::AssignTarget, lens::Write};

/// A new row has its own name before it is inserted.
pub(super) fn check_names(draft: &TypeDraft, diagnostics: &mut Diagnostics) {
    for rule in &draft.rules {
        rule.rule.lens.references(&mut |reference, _| {
            let Some(tree) = reference.tree.as_ref().filter(|_| reference.common.write != Write::No) else {
                return;
            };
            let is_written = draft.writes.iter().any(|w| draft.stored_at(&w.field) == tree.own);
            let is_set = draft
                .settle
                .iter()
                .any(|(s, _)| matches!(&s.assign.target, AssignTarget::Field(f) if *f == tree.own));
            if !is_written && !is_set {
                let name = draft.shape.field_name(&tree.own);
                let message = format!("nothing gives a new row its `{name}`, which its path ends with");
                let help = format!("give `{name}` a value by `initial` or a lens, or write `write = \"no\"`");
                diagnostics.error("tree-name", &rule.span, message, help);
            }
        });
    }
}
