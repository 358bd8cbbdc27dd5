//! SET, assignments to fields.

use crate::{
    mapping::{
        form::{Answers, Eval, Template},
        no_place,
        record::Record,
        shape::{FieldRef, PartId, Shape},
    },
    store::{FieldId, Fold, Value},
};

/// One assignment of a SET.
#[derive(Debug, Clone, PartialEq)]
pub struct Assign {
    /// What is assigned to.
    pub target: AssignTarget,
    /// What happens to it.
    pub op: SetOp,
}

/// A field or a part.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum AssignTarget {
    Field(FieldRef),
    Part(PartId),
}

/// What an assignment does.
#[derive(Debug, Clone, PartialEq)]
pub enum SetOp {
    /// Replaces; [`Template::Nothing`] clears, on a part removes its rows; [`Template::Some`] makes a row.
    To(Vec<Template>),
    /// Adds values.
    Add(Vec<Template>),
    /// Removes values.
    Remove(Vec<Template>),
    /// Sets bits.
    SetBits(i64),
    /// Clears bits.
    ClearBits(i64),
    /// Puts letters into a text of flags.
    SetLetters(String),
    /// Takes letters out of a text of flags.
    ClearLetters(String),
    /// On a part: assignments in each of its rows.
    Rows(Vec<Assign>),
}

/// Carries out a SET on the record. What already reads as wanted stays as it is.
pub fn apply(set: &[Assign], shape: &Shape, record: &mut Record, at: (PartId, usize), answers: &Answers) {
    for assign in set {
        match &assign.target {
            AssignTarget::Part(part) => match &assign.op {
                SetOp::Rows(set) => {
                    for row in record.rows_below(shape, at, *part) {
                        apply(set, shape, record, (*part, row), answers);
                    }
                }
                SetOp::To(values) if matches!(values.as_slice(), [Template::Some]) => {
                    record.ensure_row(shape, at, *part, None);
                }
                _ => record.remove_rows(shape, at, *part),
            },
            AssignTarget::Field(field) => {
                let mut new = assigned(&assign.op, &Eval { shape, record, at, answers }, field);
                if let SetOp::To(values) = &assign.op
                    && matches!(values.as_slice(), [Template::Nothing])
                    && field.slot.is_none()
                {
                    new = shape.cleared(field.part, field.field);
                }
                record.assign(shape, at, field, new);
            }
        }
    }
}

/// A SET for another record: what its values are made of is filled in.
#[must_use]
pub fn bound(set: &[Assign], eval: &Eval<'_>) -> Vec<Assign> {
    let fill = |list: &[Template]| -> Vec<Template> {
        let each = |template: &Template| match template.fields().is_empty() {
            true => vec![template.clone()],
            false => template.many(eval, &no_place(), true).into_iter().map(Template::Literal).collect(),
        };
        list.iter().flat_map(each).collect()
    };
    let bind = |assign: &Assign| {
        let op = match &assign.op {
            SetOp::To(list) => SetOp::To(fill(list)),
            SetOp::Add(list) => SetOp::Add(fill(list)),
            SetOp::Remove(list) => SetOp::Remove(fill(list)),
            SetOp::Rows(set) => SetOp::Rows(bound(set, eval)),
            other => other.clone(),
        };
        Assign { target: assign.target.clone(), op }
    };
    set.iter().map(bind).collect()
}

/// The fields that a SET's values are made of.
#[must_use]
pub fn sources(set: &[Assign]) -> Vec<&FieldRef> {
    let mut all = Vec::new();
    for assign in set {
        match &assign.op {
            SetOp::To(list) | SetOp::Add(list) | SetOp::Remove(list) => {
                all.extend(list.iter().flat_map(Template::fields));
            }
            SetOp::Rows(set) => all.extend(sources(set)),
            SetOp::SetBits(_) | SetOp::ClearBits(_) | SetOp::SetLetters(_) | SetOp::ClearLetters(_) => {}
        }
    }
    all
}

/// Takes back what a SET has added: values of fields with several, and rows of `@some` in which nothing else
/// lies. What it assigned otherwise stays, since what was there before is not known.
pub fn undo(set: &[Assign], shape: &Shape, record: &mut Record, at: (PartId, usize), answers: &Answers) {
    for assign in set {
        match (&assign.target, &assign.op) {
            (AssignTarget::Field(field), SetOp::Add(values)) => {
                let op = SetOp::Remove(values.clone());
                let new = assigned(&op, &Eval { shape, record, at, answers }, field);
                record.assign(shape, at, field, new);
            }
            (AssignTarget::Part(part), SetOp::To(values)) if values.as_slice() == [Template::Some] => {
                record.remove_blank(shape, at, *part);
            }
            (AssignTarget::Part(part), SetOp::Rows(set)) => {
                for row in record.rows_below(shape, at, *part) {
                    undo(set, shape, record, (*part, row), answers);
                }
            }
            _ => {}
        }
    }
}

/// The values that a field has after an assignment.
#[must_use]
pub fn assigned(op: &SetOp, eval: &Eval<'_>, field: &FieldRef) -> Vec<Value> {
    let many = eval.shape.part(field.part).bag.fields.get(field.field).is_some_and(|f| f.many);
    let old = eval.values(field);
    let all =
        |list: &[Template]| -> Vec<Value> { list.iter().flat_map(|t| t.many(eval, field, many)).collect() };
    let has = |list: &[Value], v: &Value| list.iter().any(|o| o.same(v, Fold::Exact));
    match op {
        SetOp::To(list) => all(list),
        SetOp::Add(list) => {
            let mut new = old.to_vec();
            for value in all(list) {
                if !has(&new, &value) {
                    new.push(value);
                }
            }
            new
        }
        SetOp::Remove(list) => {
            let gone = all(list);
            old.iter().filter(|o| !has(&gone, o)).cloned().collect()
        }
        SetOp::SetBits(bits) => vec![Value::Int(integer(old) | bits)],
        SetOp::ClearBits(bits) => vec![Value::Int(integer(old) & !bits)],
        SetOp::SetLetters(letters) => flags(old, letters, true),
        SetOp::ClearLetters(letters) => flags(old, letters, false),
        SetOp::Rows(_) => old.to_vec(),
    }
}

/// What a SET makes of the fields that it names.
#[must_use]
pub fn cells(set: &[Assign], eval: &Eval<'_>) -> Vec<(FieldId, Vec<Value>)> {
    let fields = set.iter().filter_map(|a| match &a.target {
        AssignTarget::Field(field) => Some((field.field, assigned(&a.op, eval, field))),
        AssignTarget::Part(_) => None,
    });
    fields.collect()
}

/// A text of flags, one letter each, with these letters or without. Within brackets (`[UX         ]`) its width
/// stays, as far as there is room.
fn flags(old: &[Value], letters: &str, set: bool) -> Vec<Value> {
    let Some(old) = old.first().map(Value::to_text) else {
        return if set { vec![letters.into()] } else { Vec::new() };
    };
    let inner = old.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let width = inner.map_or(0, |inner| inner.chars().count());
    let mut new = inner.unwrap_or(&old).trim_end_matches(' ').to_owned();
    new.retain(|c| set || !letters.contains(c));
    let lacking: String = letters.chars().filter(|letter| set && !new.contains(*letter)).collect();
    new.push_str(&lacking);
    vec![match inner {
        Some(_) => format!("[{new:width$}]").into(),
        None => new.into(),
    }]
}

fn integer(values: &[Value]) -> i64 {
    values.first().and_then(|v| v.to_text().trim().parse().ok()).unwrap_or(0)
}
