//! A row that is closed is not read, and one that is reopened is.

use time::OffsetDateTime;

use crate::mapping::{
    check::rows::new_row,
    compile::TypeDraft,
    diagnostic::Diagnostics,
    form::{Answers, Assign, Cond, Eval, set, set::AssignTarget},
    shape::PartId,
};

/// `close` makes a test of `where` (or of `span`) false, and `revive` makes them all true again.
pub(super) fn check_endings(draft: &TypeDraft, diagnostics: &mut Diagnostics) {
    for (id, part) in draft.shape.parts.iter().enumerate().skip(1) {
        let Some(extra) = draft.extras.get(id).filter(|_| !part.close.is_empty()) else { continue };
        let conjuncts: Vec<&Cond> = match &extra.scope {
            Some(Cond::All(list)) => list.iter().collect(),
            Some(one) => vec![one],
            None => Vec::new(),
        };
        let is_about = |c: &&&Cond, set: &[Assign]| {
            let fields = c.fields();
            fields.iter().all(|f| f.part == id)
                && set.iter().any(|a| matches!(&a.target, AssignTarget::Field(t) if fields.contains(&t)))
        };
        let closing: Vec<&Cond> = conjuncts.iter().filter(|c| is_about(c, &part.close)).copied().collect();
        if closing.iter().all(|c| holds_after(draft, id, c, &[&part.close])) {
            let message = format!("`where` of `{}` still selects a row after `close`", part.name);
            let help = "test in `where` what `close` sets: closed rows would be read on";
            diagnostics.error("close-open", &extra.span, message, help);
        } else if !part.revive.is_empty()
            && !closing.iter().all(|c| holds_after(draft, id, c, &[&part.close, &part.revive]))
        {
            let message = format!("`where` of `{}` does not select a row after `revive`", part.name);
            let help = "let `revive` undo what `close` sets";
            diagnostics.error("revive-closed", &extra.span, message, help);
        }
    }
}

fn holds_after(draft: &TypeDraft, part: PartId, cond: &Cond, sets: &[&Vec<Assign>]) -> bool {
    let (mut record, row) = new_row(draft, part);
    let answers = Answers::new(OffsetDateTime::UNIX_EPOCH, "");
    for set in sets {
        set::apply(set, &draft.shape, &mut record, (part, row), &answers);
    }
    cond.holds(&Eval { shape: &draft.shape, record: &record, at: (part, row), answers: &answers })
}
