//! Copies of a key that the database makes: it is known once its row is there, so what repeats it is
//! filled from the step that makes that row.

use crate::{
    mapping::{
        diff::Diff,
        form::{SetOp, set::AssignTarget},
        shape::{FieldRef, PartId},
    },
    store::{Cell, FieldId, Row},
};

impl Diff<'_> {
    /// The cells of a new row that repeat a key which an earlier step makes (`initial = { copy = "{up.id}" }`).
    /// `links` are those that come from there by `on`.
    pub(super) fn copied(
        &self,
        part: PartId,
        row: usize,
        now: &Row,
        links: &[(FieldId, Cell)],
    ) -> Vec<(FieldId, Cell)> {
        let parent = self.draft(part, row).map_or(0, |draft| draft.parent);
        let above = self.shape.part(part).parent;
        let made = |field: &FieldRef| match field {
            field if field.slot.is_some() => None,
            field if field.part == part => {
                let linked = links.iter().find(|(own, _)| *own == field.field);
                linked.map(|(_, cell)| cell.clone()).filter(|cell| matches!(cell, Cell::From { .. }))
            }
            field if field.part == above && part != 0 => {
                let (step, report) = self.made.get(&(above, parent))?;
                let is_reported = report.contains(&field.field);
                is_reported.then_some(Cell::From { step: *step, field: field.field })
            }
            _ => None,
        };
        let copies = self.ty.settle.iter().filter_map(|settle| {
            let AssignTarget::Field(target) = &settle.assign.target else { return None };
            let SetOp::To(values) = &settle.assign.op else { return None };
            let is_open = target.part == part && target.slot.is_none() && now.all(target.field).is_empty();
            let [value] = values.as_slice() else { return None };
            let source = value.alone().filter(|_| is_open)?;
            let is_known = !self.record.values(self.shape, (part, row), source).is_empty();
            Some((target.field, made(source).filter(|_| !is_known)?))
        });
        copies.collect()
    }
}
