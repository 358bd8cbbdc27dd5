//! Rows that we write are rows that we read.

use crate::{
    mapping::{
        compile::{TypeDraft, forms::is_of_the_classes},
        diagnostic::Diagnostics,
        form::{Answers, Eval, SetOp, Template, set, set::AssignTarget},
        record::Record,
        shape::{FieldRef, PartId, Use},
    },
    store::{FieldKind, Source},
};

/// Each conjunct of a `where` holds for a new row, as far as the file tells its fields: constants of
/// the `where` itself, literals of `initial`, and nothing in fields that nobody writes.
pub(super) fn check_where(draft: &TypeDraft, diagnostics: &mut Diagnostics) {
    for site in &draft.wheres {
        let part = draft.shape.part(site.part);
        let makes_none = !matches!(part.usage, Use::Own) || (site.part == 0 && draft.is_names);
        if makes_none || !site.cond.parts().is_empty() {
            continue;
        }
        if !site.cond.fields().iter().all(|f| f.part == site.part && is_known(draft, f)) {
            continue;
        }
        let (record, row) = new_row(draft, site.part);
        let answers = Answers::new(super::SOME_TIME, "");
        let eval = Eval { shape: &draft.shape, record: &record, at: (site.part, row), answers: &answers };
        if !site.cond.holds(&eval) {
            let names: Vec<String> =
                site.cond.fields().iter().map(|f| format!("`{}`", draft.shape.field_name(f))).collect();
            let message = format!(
                "a new row would not meet this `where`: nothing gives {} such a value",
                names.join(", ")
            );
            let help = "give the field such a value by `initial`, or test it for equality with one value";
            diagnostics.error("where-unsatisfiable", &site.span, message, help);
        }
    }
}

/// True if the file tells what a new row holds in a field.
fn is_known(draft: &TypeDraft, field: &FieldRef) -> bool {
    let bag = &draft.shape.part(field.part).bag;
    let kind = bag.fields.get(field.field).map(|f| f.kind);
    let name = bag.field_name(field.field);
    // Superior classes, spellings of DNs and generated keys are the store's.
    if kind == Some(FieldKind::Dn)
        || (matches!(bag.source, Source::Entries { .. }) && is_of_the_classes(name))
        || bag.key.contains(&field.field)
    {
        return false;
    }
    let written = draft.writes.iter().any(|w| draft.stored_at(&w.field) == *field);
    let settled = draft.settle.iter().any(|(s, _)| {
        let literal = matches!(&s.assign.op, SetOp::To(v) if matches!(v.as_slice(), [Template::Literal(_)]));
        matches!(&s.assign.target, AssignTarget::Field(f) if f == field) && (s.derived || !literal)
    });
    !written && !settled
}

pub(super) fn new_row(draft: &TypeDraft, part: PartId) -> (Record, usize) {
    let shape = &draft.shape;
    let mut record = Record::create(shape);
    let answers = Answers::new(super::SOME_TIME, "");
    let row = if part == 0 { 0 } else { record.ensure_row(shape, (0, 0), part, None) };
    for (field, value) in &shape.part(part).constants {
        record.assign(shape, (part, row), &FieldRef { part, field: *field, slot: None }, vec![value.clone()]);
    }
    for (settle, _) in draft.settle.iter().filter(|(s, _)| !s.derived) {
        let AssignTarget::Field(field) = &settle.assign.target else { continue };
        let missing = record.values(shape, (part, row), field).is_empty();
        if field.part == part && field.slot.is_none() && missing {
            set::apply(std::slice::from_ref(&settle.assign), shape, &mut record, (part, row), &answers);
        }
    }
    (record, row)
}

/// A new entry has its naming attributes.
pub(super) fn check_rdn(draft: &TypeDraft, diagnostics: &mut Diagnostics) {
    for (id, part) in draft.shape.parts.iter().enumerate() {
        let Source::Entries { rdn, .. } = &part.bag.source else { continue };
        if part.opened.is_some() || !matches!(part.usage, Use::Own | Use::FindOrAdd) {
            continue;
        }
        for naming in rdn {
            let field = FieldRef { part: id, field: *naming, slot: None };
            let lens = draft.writes.iter().any(|w| draft.stored_at(&w.field) == field);
            let set = draft
                .settle
                .iter()
                .any(|(s, _)| matches!(&s.assign.target, AssignTarget::Field(f) if *f == field));
            let constant = part.constants.iter().any(|(f, _)| f == naming);
            if !lens && !set && !constant {
                let name = part.bag.field_name(*naming);
                let span = draft.extras.get(id).map_or_else(|| draft.span.clone(), |x| x.span.clone());
                let message = format!("nothing gives a new entry its naming attribute `{name}`");
                let help = format!(
                    "bind `{name}` by a lens, give it a value by `derived` or `initial`, or name another attribute by `rdn`"
                );
                let span = if id == 0 { draft.span.clone() } else { span };
                diagnostics.error("rdn-unset", &span, message, help);
            }
        }
    }
}
