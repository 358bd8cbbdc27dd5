//! How rows end, come back, and follow a new name.

use std::sync::Arc;

use crate::{
    mapping::{
        Rename, TypeMapping,
        diff::Diff,
        record::{Draft, same_values},
        shape::{Part, PartId, Use},
    },
    store::{Bag, Cell, Change, FieldId, Predicate, Step, Target, Value},
};

impl Diff<'_> {
    /// Own rows that go, children first. What hung on a row that is closed, and has no end of its own,
    /// stays as it is.
    pub(super) fn removals(&mut self) {
        for part in (1..self.shape.parts.len()).rev() {
            let layout = self.shape.part(part);
            if layout.opened.is_some() || layout.usage != Use::Own || layout.upward {
                continue;
            }
            for draft in self.record.rows(part).iter().filter(|d| d.removed) {
                self.removal(part, draft);
            }
        }
    }

    /// Rows that go for good, with all that was before them.
    pub(super) fn all_removals(&mut self, root: Step) {
        let parts = (1..self.shape.parts.len()).rev();
        let (upward, others): (Vec<_>, Vec<_>) = parts.partition(|p| self.shape.part(*p).upward);
        self.parts_removals(&others);
        self.plan.steps.push(root);
        self.parts_removals(&upward.into_iter().rev().collect::<Vec<_>>());
    }

    fn parts_removals(&mut self, parts: &[PartId]) {
        for part in parts.iter().copied() {
            let layout = self.shape.part(part);
            if layout.opened.is_some() || layout.usage != Use::Own {
                continue;
            }
            let mut past: Vec<Predicate> = Vec::new();
            if let Some(bag) = layout.unseen() {
                for above in 0..self.record.rows(layout.parent).len() {
                    let link = self.link(part, above);
                    past.extend(link.filter(|link| !past.contains(link)));
                }
                for link in past {
                    let target = Target::Rows(link);
                    self.plan.steps.push(Step::Delete { bag: bag.clone(), target, required: false });
                }
                continue;
            }
            for draft in self.record.rows(part).iter().filter(|d| d.removed) {
                if let Some(was) = &draft.was {
                    let target = self.target_below(part, draft.parent, was);
                    self.plan.steps.push(Step::Delete { bag: layout.bag.clone(), target, required: false });
                }
            }
        }
    }

    /// The predicate that means the rows of a part that hang on a row.
    fn link(&self, part: PartId, above: usize) -> Option<Predicate> {
        let was = self.draft(self.shape.part(part).parent, above)?.was.as_ref()?;
        let links = self.record.stored_links(self.shape, part, above)?;
        let equal = |(own, value)| Predicate::equals(own, value);
        let link = links.into_iter().map(equal).fold(Predicate::True, Predicate::and);
        self.shape.hangs_on(part, was).then_some(link)
    }

    /// Rows whose key the row above held: they go after it.
    pub(super) fn removals_above(&mut self) {
        for part in 1..self.shape.parts.len() {
            if self.shape.part(part).upward {
                for draft in self.record.rows(part).iter().filter(|d| d.removed) {
                    self.removal(part, draft);
                }
            }
        }
    }

    fn removal(&mut self, part: PartId, draft: &Draft) {
        let layout = self.shape.part(part);
        let Some(was) = &draft.was else { return };
        let bag = layout.bag.clone();
        let target = || self.target_below(part, draft.parent, was);
        if !layout.close.is_empty() {
            let set = draft.now.cells.iter().enumerate().filter(|(f, v)| !same_values(was.all(*f), v));
            let changes: Vec<Change> = set.map(|(f, v)| Change::Set(f, Cell::Values(v.clone()))).collect();
            if !changes.is_empty() {
                let step = Step::Update { target: target(), bag, changes, required: false };
                self.plan.steps.push(step);
            }
        } else if !self.is_history(layout.parent, draft.parent) {
            let step = Step::Delete { target: target(), bag, required: false };
            self.plan.steps.push(step);
        }
    }

    /// True if a row is closed, or stays because one above it is.
    fn is_history(&self, part: PartId, row: usize) -> bool {
        let layout = self.shape.part(part);
        self.draft(part, row).is_some_and(|d| {
            d.removed
                && d.was.is_some()
                && (!layout.close.is_empty() || self.is_history(layout.parent, d.parent))
        })
    }

    /// After rows got another key: what else points at them follows, and rows that were copied go.
    pub(super) fn old_names(&mut self) {
        let renamed = std::mem::take(&mut self.renamed);
        for (part, row) in renamed.iter().copied() {
            let layout = self.shape.part(part);
            let draft = self.draft(part, row);
            let Some((was, now)) = draft.and_then(|d| Some((d.was.clone()?, d.now.clone()))) else {
                continue;
            };
            for field in layout.bag.key.iter().filter(|f| !same_values(was.all(**f), now.all(**f))) {
                let Some(old) = was.first(*field) else { continue };
                // Rows of the parts that are not read, such as closed ones, too.
                let below =
                    self.shape.parts.iter().skip(1).filter(|p| p.parent == part && p.usage == Use::Own);
                let links = below.flat_map(|p| {
                    let all = p.unseen().unwrap_or(&p.bag);
                    p.on.iter().map(move |(own, above)| (all, *own, *above))
                });
                let links = links.filter(|(_, _, above)| above == field).map(|(bag, own, _)| (bag, own));
                let beside = self.shape.parts.iter().filter(|p| p.usage == Use::Own).flat_map(|p| {
                    let at = p.beside.iter().filter(|(_, at)| at.part == part && at.field == *field);
                    at.map(move |(own, _)| (p.unseen().unwrap_or(&p.bag), *own))
                });
                let links = links.chain(beside);
                for (bag, own) in links.chain(layout.points.iter().map(|bag| (bag, 0))) {
                    let bag = self.ty.pointing(bag);
                    self.plan.steps.push(repointing(bag, own, old, now.all(*field)));
                }
            }
        }
        self.plan.repoint = Some(self.plan.steps.len());
        for (part, row) in renamed.into_iter().rev() {
            let layout = self.shape.part(part);
            let Some(was) = self.draft(part, row).and_then(|d| d.was.clone()) else { continue };
            if layout.rename == Some(Rename::Copy) {
                let target = self.target(part, row, &was);
                self.plan.steps.push(Step::Delete { bag: layout.bag.clone(), target, required: part == 0 });
            }
        }
    }
}

impl TypeMapping {
    /// The rows of a bag that point at a resource of this type by its key: whoever's they are, as foreign keys
    /// have it. A name without a row is another one in rows that are not ours.
    #[must_use]
    pub fn pointing(&self, bag: &Arc<Bag>) -> Arc<Bag> {
        match self.is_names() {
            true => bag.clone(),
            false => Arc::new(Bag { scope: Predicate::True, ..Bag::clone(bag) }),
        }
    }
}

/// The step that makes rows point at a new value.
#[must_use]
pub fn repointing(bag: Arc<Bag>, field: FieldId, old: &Value, new: &[Value]) -> Step {
    Step::Update {
        bag,
        target: Target::Rows(Predicate::equals(field, old.clone())),
        changes: vec![Change::Set(field, Cell::Values(new.to_vec()))],
        required: false,
    }
}

/// The step that makes a new row, or lets a closed one of its key come back. What a new row gets by
/// default, one that was there has already.
#[must_use]
pub fn reopening(
    layout: &Part,
    cells: Vec<(FieldId, Cell)>,
    reopen: &[(FieldId, Vec<Value>)],
    report: Vec<FieldId>,
) -> Step {
    let by_default = |field: &FieldId| layout.initial.iter().any(|(f, _)| f.field == *field);
    let touched = |field: &FieldId| layout.touch.iter().any(|(f, _)| f.field == *field);
    let set = |field: &FieldId| reopen.iter().any(|(f, _)| f == field);
    let given = |field: &FieldId| !by_default(field) && !touched(field) && !set(field);
    // A number that each row gets anew tells nothing; but rows of a history are never the same.
    let is_number = |field: &FieldId| by_default(field) || !cells.iter().any(|(f, _)| f == field);
    let has_number = layout.identity.iter().all(is_number) && !layout.bag.scope.knows_time();
    let key: Vec<FieldId> = if layout.identity.is_empty() || has_number {
        let given = cells.iter().map(|(f, _)| *f).filter(given);
        let named = layout.revive_by.iter().filter(|f| !layout.identity.contains(f));
        given.chain(named.copied()).collect()
    } else {
        layout.revive_by.clone()
    };
    let changed = cells.iter().filter(|(f, _)| !key.contains(f) && (given(f) || touched(f)));
    let reopened = reopen.iter().map(|(f, v)| (*f, Cell::Values(v.clone())));
    let changes = changed.cloned().chain(reopened).collect();
    Step::Reopen { bag: layout.bag.clone(), key, cells, changes, report }
}
