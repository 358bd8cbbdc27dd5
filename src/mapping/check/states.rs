//! A state lens reads as what it was set to.

use crate::mapping::{
    compile::{StateSite, TypeDraft},
    diagnostic::Diagnostics,
    form::{Answers, Assign, Eval, SetOp, Template, set},
    record::Record,
};

/// On an empty record, `read` holds after `true` and does not after `false`, whichever came before.
/// SETs with holes are left to the examples of the file: their fields are not known here.
pub(super) fn check_states(draft: &TypeDraft, diagnostics: &mut Diagnostics) {
    for site in &draft.states {
        if !site.on_true.iter().chain(&site.on_false).all(is_constant) {
            continue;
        }
        let runs = [(&site.on_false, &site.on_true, true), (&site.on_true, &site.on_false, false)];
        for (before, after, truth) in runs {
            if reads_as(draft, site, &[before, after]) == truth && reads_as(draft, site, &[after]) == truth {
                continue;
            }
            let (code, span) =
                if truth { ("state-true", &site.true_span) } else { ("state-false", &site.false_span) };
            let is = if truth { "does not hold" } else { "still holds" };
            let help = format!("add the assignments to `{truth}` that make `read` {truth}");
            diagnostics.error(code, span, format!("after these assignments `read` {is}"), help);
        }
    }
}

fn reads_as(draft: &TypeDraft, site: &StateSite, sets: &[&Vec<Assign>]) -> bool {
    let shape = &draft.shape;
    let mut record = Record::create(shape);
    let answers = Answers::new(super::SOME_TIME, "");
    let row = if site.at == 0 { 0 } else { record.ensure_row(shape, (0, 0), site.at, None) };
    for set in sets {
        set::apply(set, shape, &mut record, (site.at, row), &answers);
    }
    site.read.holds(&Eval { shape, record: &record, at: (site.at, row), answers: &answers })
}

fn is_constant(assign: &Assign) -> bool {
    match &assign.op {
        SetOp::To(list) | SetOp::Add(list) | SetOp::Remove(list) => list
            .iter()
            .all(|t| t.fields().is_empty() && !matches!(t, Template::Next(_) | Template::Unique { .. })),
        SetOp::SetBits(_) | SetOp::ClearBits(_) | SetOp::SetLetters(_) | SetOp::ClearLetters(_) => true,
        SetOp::Rows(set) => set.iter().all(is_constant),
    }
}
