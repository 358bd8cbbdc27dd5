//! What must still be so when a plan is carried out, since others write, too: a
//! document is written as a whole, so it must be what it was when it was read;
//! rows below a root are ours as long as the root is.

use crate::{
    mapping::{
        diff::Diff,
        record::{has_slot, same_values},
        shape::{FieldRef, PartId},
    },
    store::{Expected, FieldId, Predicate, Row, Step, Target},
};

impl Diff<'_> {
    /// The steps that make sure of every document that is written.
    pub(super) fn guards(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for FieldRef { part, field, slot } in self.shape.document_fields() {
            for (row, draft) in self.record.rows(part).iter().enumerate() {
                let old = draft.was.as_ref().map(|was| was.all(field)).unwrap_or_default();
                let is_other = !has_slot(self.shape.part(part), &draft.now, slot.as_ref());
                if is_other || draft.removed || same_values(old, draft.now.all(field)) {
                    continue;
                }
                match &draft.was {
                    Some(was) => {
                        let target = Target::Rows(self.identity(part, draft.parent, was));
                        steps.push(self.expect(part, target, vec![field], Some(was)));
                    }
                    None => steps.extend(self.expect_none(part, row, slot.as_ref())),
                }
            }
        }
        steps
    }

    /// The step that makes sure of the root, if it is not written itself. It also has writers of one
    /// resource's lists wait for each other.
    pub(super) fn standing(&self) -> Option<Step> {
        let root = self.draft(0, 0)?.was.as_ref()?;
        let source = &self.ty.bag().source;
        let holds = |step: &Step| match step {
            Step::Update { bag, required: true, .. } | Step::Delete { bag, required: true, .. } => {
                bag.source == *source
            }
            Step::Expect { bag, lock: true, .. } => bag.source == *source,
            _ => false,
        };
        if self.plan.steps.is_empty() || self.plan.steps.iter().any(holds) {
            return None;
        }
        self.ty.stands(self.record, Target::Rows(self.identity(0, 0, root)))
    }

    /// A row, locked.
    fn expect(&self, part: PartId, target: Target, fields: Vec<FieldId>, was: Option<&Row>) -> Step {
        let rows = was.cloned().into_iter().collect();
        let expected = Expected { fields, rows, others: false, writable: Vec::new() };
        Step::Expect { bag: self.shape.part(part).bag.clone(), target, expected, lock: was.is_some() }
    }

    /// That a row which shall hold a new document is not there yet. Whoever makes it, locks the resource first.
    fn expect_none(&self, part: PartId, row: usize, slot: Option<&Vec<crate::store::Value>>) -> Vec<Step> {
        let root = self.draft(0, 0).and_then(|d| d.was.as_ref());
        let parent = self.draft(part, row).map_or(0, |d| d.parent);
        let links = self.record.stored_links(self.shape, part, parent);
        let (Some(root), Some(links), true) = (root, links, part != 0) else { return Vec::new() };
        let mut there = self.shape.slot_test(part, slot.map(Vec::as_slice).unwrap_or_default());
        for (own, value) in links {
            there = there.and(Predicate::equals(own, value));
        }
        let resource = Target::Rows(self.identity(0, 0, root));
        vec![
            self.expect(0, resource, Vec::new(), Some(root)),
            self.expect(part, Target::Rows(there), Vec::new(), None),
        ]
    }
}
