//! The order in which `initial` and `derived` assignments are carried out: a
//! field before what is made of it.

use crate::{
    mapping::{
        Settle,
        compile::{Compiler, TypeDraft},
        form::{SetOp, Template, set::AssignTarget},
        shape::FieldRef,
    },
    store::Source,
};

impl Compiler {
    /// In a directory what is made of a field with several values has as many.
    pub(super) fn spread_values(&mut self) {
        for draft in &mut self.types {
            // Bounded: what is made of what is made.
            for _ in 0..draft.settle.len() {
                let is_many = |field: &FieldRef| {
                    let part = draft.shape.part(field.part);
                    matches!(part.bag.source, Source::Entries { .. })
                        && part.bag.fields.get(field.field).is_some_and(|f| f.many)
                };
                let spread = draft.settle.iter().enumerate().find_map(|(at, (settle, _))| {
                    let AssignTarget::Field(target) = &settle.assign.target else { return None };
                    let is_open = settle.derived && !settle.spread && !is_pseudo(draft, target);
                    (is_open && reads(settle).into_iter().any(is_many)).then(|| (at, target.clone()))
                });
                let Some((at, target)) = spread else { break };
                if let Some((settle, _)) = draft.settle.get_mut(at) {
                    settle.spread = true;
                }
                draft.change_field(&target, &|field| field.many = true);
            }
        }
    }

    /// Orders the assignments of every type, and reports cycles.
    pub(super) fn order_settles(&mut self) {
        for draft in &mut self.types {
            let list = std::mem::take(&mut draft.settle);
            let edges: Vec<Vec<usize>> =
                list.iter().map(|(settle, _)| sources(draft, settle, list.iter().map(|(s, _)| s))).collect();
            let (order, cycle) = sort(&edges);
            if let Some((_, span)) = cycle.first().and_then(|i| list.get(*i)) {
                let names: Vec<String> =
                    cycle.iter().filter_map(|i| list.get(*i)).map(|(s, _)| name(draft, s)).collect();
                let message = format!("these fields are made of each other: {}", names.join(" ← "));
                let help =
                    "take one of the holes out, so that one field of them comes from a lens or a constant";
                self.diagnostics.error("cycle", span, message, help);
            }
            let mut list: Vec<Option<_>> = list.into_iter().map(Some).collect();
            draft.settle = order.into_iter().filter_map(|i| list.get_mut(i).and_then(Option::take)).collect();
        }
    }
}

/// True for an entry's name and place, of which there is one.
fn is_pseudo(draft: &TypeDraft, field: &FieldRef) -> bool {
    let bag = &draft.shape.part(field.part).bag;
    crate::mapping::diff::entry::is_pseudo(bag, bag.field_name(field.field))
}

/// The fields that an assignment reads.
pub(in crate::mapping) fn reads(settle: &Settle) -> Vec<&FieldRef> {
    match &settle.assign.op {
        SetOp::To(list) | SetOp::Add(list) | SetOp::Remove(list) => {
            list.iter().flat_map(Template::fields).collect()
        }
        SetOp::SetBits(_)
        | SetOp::ClearBits(_)
        | SetOp::SetLetters(_)
        | SetOp::ClearLetters(_)
        | SetOp::Rows(_) => Vec::new(),
    }
}

/// Indexes of the assignments that must come before one.
fn sources<'a>(draft: &TypeDraft, settle: &Settle, all: impl Iterator<Item = &'a Settle>) -> Vec<usize> {
    let mut read: Vec<FieldRef> = reads(settle).into_iter().map(|f| draft.stored_at(f)).collect();
    // A column of `on` holds in a new row what its parent's does.
    let mut at = 0;
    while let Some(field) = read.get(at).cloned() {
        let layout = draft.shape.part(field.part);
        let above = layout.on.iter().filter(|(own, _)| *own == field.field && field.part != 0);
        read.extend(above.map(|(_, above)| FieldRef { part: layout.parent, field: *above, slot: None }));
        let beside = layout.beside.iter().filter(|(own, _)| *own == field.field && field.part != 0);
        read.extend(beside.map(|(_, other)| other.clone()));
        at += 1;
    }
    all.enumerate()
        .filter(|(_, other)| match &other.assign.target {
            AssignTarget::Field(field) => read.contains(&draft.stored_at(field)),
            AssignTarget::Part(_) => false,
        })
        .map(|(index, _)| index)
        .collect()
}

fn name(draft: &TypeDraft, settle: &Settle) -> String {
    match &settle.assign.target {
        AssignTarget::Field(field) => draft.shape.field_name(field),
        AssignTarget::Part(part) => draft.shape.part(*part).name.clone(),
    }
}

/// Sorts nodes so that each comes after those its edges name; ties keep their order. What is in a
/// cycle comes back as the second list, beginning and ending with the same node.
fn sort(edges: &[Vec<usize>]) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = Vec::new();
    let mut waiting: Vec<usize> = (0..edges.len()).collect();
    while !waiting.is_empty() {
        let before = |i: usize| edges.get(i).map_or(&[][..], Vec::as_slice);
        let next = waiting.iter().position(|i| before(*i).iter().all(|e| order.contains(e)));
        match next {
            Some(at) => order.push(waiting.remove(at)),
            None => {
                let mut path: Vec<usize> = waiting.first().copied().into_iter().collect();
                loop {
                    let last = path.last().copied().unwrap_or_default();
                    let Some(step) = before(last).iter().copied().find(|e| waiting.contains(e)) else {
                        break;
                    };
                    if let Some(start) = path.iter().position(|p| *p == step) {
                        path.push(step);
                        return (order, path.split_off(start));
                    }
                    path.push(step);
                }
                return (order, waiting);
            }
        }
    }
    (order, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::sort;

    #[test]
    fn sources_come_first_and_cycles_are_found() {
        assert_eq!(sort(&[vec![2], vec![], vec![1]]), (vec![1, 2, 0], vec![]));
        assert_eq!(sort(&[vec![], vec![2], vec![1]]).1, [1, 2, 1]);
        assert_eq!(sort(&[vec![0]]).1, [0, 0]);
    }
}
