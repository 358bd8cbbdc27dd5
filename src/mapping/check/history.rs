//! A row that is closed is not read, and one that is reopened is.

use crate::{
    mapping::{
        check::rows::new_row,
        compile::TypeDraft,
        diagnostic::Diagnostics,
        form::{Answers, Assign, Cond, Eval, SetOp, Template, set, set::AssignTarget},
        shape::PartId,
    },
    store::{Source, Value, dn::Dn},
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

/// What a deletion leaves where it is, is not found any more.
pub(super) fn check_keep(draft: &TypeDraft, diagnostics: &mut Diagnostics) {
    let Some(node) = draft.node.get("delete").filter(|_| draft.delete.keep && draft.delete.archive.is_none())
    else {
        return;
    };
    let set = &draft.delete.set;
    let is_set = |cond: &Cond| {
        let fields = cond.fields();
        let mut parts = cond.parts();
        parts.extend(fields.iter().map(|field| field.part));
        set.iter().any(|assign| match &assign.target {
            AssignTarget::Field(target) => fields.iter().any(|field| **field == *target),
            AssignTarget::Part(target) => parts.contains(target),
        })
    };
    let is_plain = |cond: &Cond| cond.parts().is_empty() && cond.fields().iter().all(|f| f.part == 0);
    let hides = |cond: &&Cond| is_set(cond) && (!is_plain(cond) || !holds_after(draft, 0, cond, &[set]));
    let scope = draft.extras.first().and_then(|extra| extra.scope.as_ref());
    let conjuncts: Vec<&Cond> = match scope {
        Some(Cond::All(list)) => list.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    if !conjuncts.iter().any(hides) && !draft.protect.as_ref().is_some_and(is_set) && !moves_out(draft, set) {
        let message = "a deleted resource stays where it is, and is found again under another id";
        let help = "test in `where` what `delete.set` sets, unless that is meant";
        diagnostics.note("keep-visible", &node.span, message, help);
    }
}

/// True if entries are moved to where the type does not look for its own.
fn moves_out(draft: &TypeDraft, set: &[Assign]) -> bool {
    let bag = &draft.shape.root().bag;
    let (Source::Entries { bases, .. }, Some(container)) = (&bag.source, bag.find_field("container")) else {
        return false;
    };
    let bases: Vec<Dn> = bases.iter().filter_map(|base| Dn::parse(base).ok()).collect();
    let is_outside = |value: &Value| {
        let place = Dn::parse(&value.to_text()).ok();
        place.is_some_and(|place| !bases.iter().any(|base| place == *base || place.is_below(base)))
    };
    set.iter().any(|assign| match (&assign.target, &assign.op) {
        (AssignTarget::Field(field), SetOp::To(list)) if field.part == 0 && field.field == container => {
            matches!(list.as_slice(), [Template::Literal(value)] if is_outside(value))
        }
        _ => false,
    })
}

fn holds_after(draft: &TypeDraft, part: PartId, cond: &Cond, sets: &[&Vec<Assign>]) -> bool {
    let (mut record, row) = new_row(draft, part);
    let answers = Answers::new(super::SOME_TIME, "");
    for set in sets {
        set::apply(set, &draft.shape, &mut record, (part, row), &answers);
    }
    cond.holds(&Eval { shape: &draft.shape, record: &record, at: (part, row), answers: &answers })
}
